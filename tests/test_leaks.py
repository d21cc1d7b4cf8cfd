"""No secret, and nothing of the machine it was made on, gets out with the course; its site: test_site.py."""

from __future__ import annotations

import io
import subprocess
from base64 import b64encode

import nbformat
import pytest
from leaks import ANYWHERE, IN_OUTPUTS, leaks, of_this_machine, text_in_png, texts_of
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from labsupport import build
from labsupport.figures import png
from labsupport.setup.problem import ROOT

HERE = of_this_machine()
TOKEN = "ghp_" + "aB3dE6gH9jK2" + "mN5pQ8sT1vW4" + "yZ7bC0dF3gH6"  # in parts, so that this file holds none
COMMITTED = [build.built(source) for source in [*build.sources(), *build.dashboards()]]


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_no_output_and_no_metadata_carries_a_secret_or_tells_of_the_machine(path):
    texts = list(texts_of(nbformat.read(path, as_version=4)))
    assert len(texts) > 10
    assert [f"{where}: {what}" for where, text in texts for what in leaks(text, IN_OUTPUTS | HERE)] == []


def test_the_figure_of_the_readme_says_nothing_beside_its_pixels():
    assert text_in_png(build.README_FIGURE.read_bytes()) == ""


def tracked():
    """(name, text) of every text file that git knows; of a notebook its cells, as nobody typed the rest."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True).stdout
    for name in names.split("\0"):
        path = ROOT / name
        if path.suffix == ".ipynb":
            yield name, "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
        elif name and path.suffix not in (".png", ".gz") and path.exists():
            yield name, path.read_text(encoding="utf-8")


def test_no_tracked_file_holds_a_secret_or_the_name_of_a_folder_of_ours():
    if not (ROOT / ".git").exists():
        pytest.skip("not a git clone")
    files = dict(tracked())
    found = {
        name: leaks(text, ANYWHERE | {"this folder": HERE["this folder"]}) for name, text in files.items()
    }
    assert {name: what for name, what in found.items() if what} == {}
    assert len(files) > 300


PLANTED = {
    "a token": TOKEN,
    "a signed token": ".".join(["eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxMjM0NSJ9", "c2lnbmF0dXJl"]),
    "a private key": "-----BEGIN OPENSSH " + "PRIVATE KEY-----",
    "an e-mail address": "ada.lovelace@" + "analytical.org",
    "a password or token": ["password: x", "Authorization: Bearer x", "api_key=x", "?token=abc"],
    "the address of a server": [
        "redis://:pw@db:6379/0",
        "http://x",
        "localhost",
        "127.0.0.1:6379",
        "[::1]:80",
    ],
    "an absolute path": [
        "at /home/ada/x",
        "/tmp/rlab-1",
        "'/root'",
        "~/notes",
        r"C:\Users",
        "(/proc/1)",
        "/Users/ada",
    ],
    "a process or a port": ["pid 4711", "pid=4711", "process id: 4711", "port 6379"],
    "an address in memory": "<object at 0x7f2b1c9d5e80>",
    "a random name": "lab:{03:9f86d081}:course",
    "an error": "Traceback (most recent call last)",
    "a random string": "q7Zk1Xv9Rb3T" + "n5Lw8Yd2Hs6J",
}


@pytest.mark.parametrize(
    ("what", "text"),
    [
        (what, text)
        for what, texts in PLANTED.items()
        for text in ([texts] if isinstance(texts, str) else texts)
    ],
)
def test_each_kind_is_found_where_it_was_planted(what, text):
    assert [one for one in leaks(f"Redis answers {text}", IN_OUTPUTS) if one.startswith(what)]


@pytest.mark.parametrize("what", HERE)
def test_what_this_machine_and_its_folders_are_called_is_found(what):
    name = HERE[what].removeprefix(r"(?<![\w-])").removesuffix(r"(?![\w-])").replace("\\", "")
    assert any(one.startswith(what) for one in leaks(f"written by {name} today", HERE))


def test_it_is_found_in_every_part_of_a_notebook():
    picture = b64encode(saved() + TOKEN.encode()).decode()
    outputs = [
        new_output("stream", text=TOKEN),
        new_output("display_data", data={"text/html": f"<b>{TOKEN}</b>"}),
        new_output("display_data", data={"application/json": {"state": [TOKEN]}}),
        new_output("display_data", metadata={"image/png": {"alt": TOKEN}}, data={"text/plain": "x"}),
        new_output("display_data", data={"image/png": picture}),
        new_output("error", ename="E", evalue=TOKEN),
    ]
    cell = new_code_cell(outputs=outputs, metadata={"note": TOKEN})
    texts = texts_of(new_notebook(cells=[cell], metadata={"widgets": {"state": TOKEN}}))
    assert sum(any("a token" in one for one in leaks(text, IN_OUTPUTS)) for _, text in texts) == 8


def saved(**how):
    file = io.BytesIO()
    Image.new("RGB", (2, 2)).save(file, "png", **how)
    return file.getvalue()


def test_it_is_found_in_every_part_of_a_picture():
    words, packed, wide, exif = PngInfo(), PngInfo(), PngInfo(), Image.Exif()
    words.add_text("Comment", TOKEN)
    packed.add_text("Comment", TOKEN, zip=True)
    wide.add_itxt("Comment", TOKEN, zip=True)
    exif[0x010E] = TOKEN  # ImageDescription
    pictures = [saved(pnginfo=words), saved(pnginfo=packed), saved(pnginfo=wide), saved(exif=exif)]
    for picture in [*pictures, saved() + TOKEN.encode()]:
        assert leaks(text_in_png(picture), IN_OUTPUTS) != []
    assert text_in_png(saved()) == text_in_png(png(Figure())) == ""
