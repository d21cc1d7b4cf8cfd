"""The static site: all that the notebooks say, in whole pages that need nothing from elsewhere."""

from __future__ import annotations

import base64
import functools
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urldefrag

import nbformat
import pytest
from leaks import ANYWHERE, leaks, of_this_machine, text_in_png
from refusals import refused
from site_pages import Page, built, pages

from labsupport import build
from labsupport.setup import commands
from labsupport.setup.problem import ROOT
from labsupport.site.make import site_files, write

NOTEBOOKS = [build.built(source) for source in build.sources()]
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@functools.cache
def read(path):
    return nbformat.read(path, as_version=4).cells


def cells(path, kind):
    return [cell for cell in read(path) if cell.cell_type == kind]


def outputs(path):
    return [output for cell in cells(path, "code") for output in cell.outputs]


def page_of(path):
    return pages()[f"{path.stem}.html"]


def leads_to(name, url):
    """The file of the site that this link on this page leads to."""
    return str((Path("/", name).parent / url).resolve().relative_to("/"))


def test_there_is_a_page_for_every_notebook_and_teaching_page_and_the_first_links_to_all():
    teaching = [p for p in (build.NOTEBOOKS / "teaching").iterdir() if p.suffix in (".md", ".ipynb")]
    wanted = [*(f"{path.stem}.html" for path in NOTEBOOKS), *(f"teaching/{p.stem}.html" for p in teaching)]
    assert sorted(["index.html", *wanted]) == sorted(pages())
    links = [link["href"] for link in pages()["index.html"].all("a")]
    assert sorted(link for link in links if not link.startswith("#")) == sorted(wanted)


def test_what_a_page_loads_lies_beside_it_and_nothing_runs():
    plain = {"script", "iframe", "object", "embed", "base", "form", "svg", "style"}
    for name, page in pages().items():
        attributes = {attribute for _, found, _ in page.elements for attribute in found}
        assert not plain & {tag for tag, *_ in page.elements}
        assert not [each for each in attributes if each.startswith("on") or each in ("style", "srcset")]
        loaded = [link["href"] for link in page.all("link") if link["href"] != "data:,"]
        loaded += [found["src"] for _, found, _ in page.elements if "src" in found]
        assert {leads_to(name, url) for url in loaded} <= set(built())
    style = built()["style.css"].decode()
    assert "url(" not in style and "@import" not in style


def test_every_link_leads_to_a_page_and_a_heading_that_are_there():
    anchors = {n: [found["id"] for _, found, _ in p.elements if "id" in found] for n, p in pages().items()}
    for name, page in pages().items():
        assert len(set(anchors[name])) == len(anchors[name])
        for link in page.all("a"):
            path, anchor = urldefrag(link["href"])
            if not path.startswith("https://"):
                other = leads_to(name, path) if path else name
                assert anchor in [*anchors[other], ""], (name, link)


def test_every_page_says_its_language_its_title_and_what_it_is_about():
    said = [(*page.inside("title"), page.all("meta")[-1]["content"]) for page in pages().values()]
    assert len(set(said)) == len(said)
    assert all(page.all("html") == [{"lang": "en"}] for page in pages().values())
    assert all(page.all("meta")[-1]["name"] == "description" for page in pages().values())
    assert "what does a cache buy one process?" in " ".join(
        pages()["01-one-process-one-dict.html"].inside("h1")
    )
    assert "45 minutes, core 12" in " ".join(pages()["index.html"].inside("card"))


def test_no_page_tells_where_it_was_made():
    everything = b"".join(built().values())
    assert not [place for place in (ROOT, Path.home() / "") if f"{place}/".encode() in everything]


@each_notebook
def test_every_figure_is_there_to_the_byte_and_its_sentence_is_its_alternative_text(path):
    wanted = [
        (base64.b64decode(output.data["image/png"]), " ".join(output.metadata["image/png"]["alt"].split()))
        for output in outputs(path)
        if "image/png" in output.get("data", {})
    ]
    assert wanted == [(built()[image["src"]], image["alt"]) for image in page_of(path).all("img")]


@each_notebook
def test_every_line_of_code_and_every_output_is_there(path):
    said = [
        o.get("text") or o.data["text/plain"] for o in outputs(path) if "image/png" not in o.get("data", {})
    ]
    assert page_of(path).inside("highlight") == " ".join(c.source for c in cells(path, "code")).split()
    assert page_of(path).inside("output", "cell", but=["highlight", "summary"]) == " ".join(said).split()


@each_notebook
def test_every_word_of_the_text_is_there(path):
    shown = page_of(path).inside("main", but=["cell", "nav", "anchor"])
    text = "\n".join(cell.source for cell in cells(path, "markdown"))
    words = re.sub(
        r"\]\([^)]*\)|</?\w+>|^\d\. ", " ", text, flags=re.M
    )  # but no address, tag or number of a list
    assert re.findall(r"\w+", " ".join(shown)) == re.findall(r"\w+", words)


@each_notebook
def test_a_solution_and_its_reply_are_folded_and_no_other_cell_is(path):
    page = page_of(path)
    within = [
        text
        for text, around in page.texts
        if around >= {"details", "cell"} and not around & {"summary", "exercise"}
    ]
    hidden = [cell for cell in cells(path, "code") if "solution" in cell.metadata.get("tags", [])]
    wanted = [part for cell in hidden for part in (cell.source, *(output.text for output in cell.outputs))]
    assert hidden and "".join(within).split() == " ".join(wanted).split()
    assert "".join(page.inside("summary")).count("Solution") == len(hidden)
    assert all("open" not in found for found in page.all("details"))


@pytest.fixture
def course(tmp_path):
    """A course of two notebooks and two teaching pages, which link to each other in every way."""
    for number, word in (("01", "one"), ("02", "two")):
        text = f"# {number} {word}: is it?\n\n**You will see** `x < y`.\n**Time** 5 minutes.\n\n## The end?"
        code = nbformat.v4.new_code_cell(
            "x = '<b>'", outputs=[nbformat.v4.new_output("stream", text="<b> &\n")]
        )
        code.metadata["jupyter"] = {"outputs_hidden": True}
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text), code])
        (tmp_path / "notebooks" / "teaching").mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, tmp_path / "notebooks" / f"{number}-{word}.ipynb")
    guide = """# The guide

How to teach. [Two](../02-two.ipynb#The-end?), [more](class.md#again-again), [below](#again),
[code](../../labsupport/lab.py), [out](https://redis.io/docs)

## Again

| a | b |
|---|---|
| 1 | 2 |

## Again

    a  ---->  <b>
"""
    (tmp_path / "notebooks" / "teaching" / "guide.md").write_text(guide)
    (tmp_path / "notebooks" / "teaching" / "class.md").write_text(
        "# A class\n\nHow.\n\n## Again\n\n## Again\n"
    )
    (tmp_path / "README.md").write_text("# Course\n\nWhat it is.\n\n## Start\n\nNot here.\n")
    return tmp_path


def made(course, name):
    return Page(site_files(course)[name].decode())


def test_links_in_the_sources_lead_to_pages_and_headings_and_one_to_another_file_is_words(course):
    guide = made(course, "teaching/guide.html")
    links = [link["href"] for link in guide.all("a") if "class" not in link]
    own = ["../02-two.html#the-end", "class.html#again-again", "#again", "https://redis.io/docs"]
    assert links == ["../index.html", *own, "#again", "#again-again", "class.html"]
    assert "code," in " ".join(guide.inside("p"))


def test_what_looks_like_html_in_a_text_or_an_output_is_shown_as_it_is(course):
    page = made(course, "01-one.html")
    assert page.inside("output") == ["<b>", "&"] and page.inside("code", but=["footer"]) == ["x", "<", "y"]
    assert page.all("meta")[-1]["content"] == "x < y."
    assert made(course, "teaching/guide.html").inside("columns") == ["a", "---->", "<b>"]


def test_the_notebooks_follow_each_other_and_so_do_the_teaching_pages_the_guide_first(course):
    said = {
        name: " ".join(made(course, name).inside("series"))
        for name in ("01-one.html", "02-two.html", "teaching/guide.html", "teaching/class.html")
    }
    assert said == {
        "01-one.html": "Next: 02 two: is it?",
        "02-two.html": "Before: 01 one: is it?",
        "teaching/guide.html": "Next: A class",
        "teaching/class.html": "Before: The guide",
    }


def test_another_process_makes_the_same_bytes_and_tells_their_size_in_one_line(course, tmp_path):
    folder = tmp_path / "new" / "site"
    make = "import sys, pathlib, labsupport.site.make as m; m.main(pathlib.Path(sys.argv[1]), sys.argv[2:])"
    words = [sys.executable, "-c", make, course, "--out", folder]
    ended = subprocess.run(words, capture_output=True, text=True, check=True)
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert files == site_files(course)
    assert ended.stdout == f"5 pages, 6 files, 0.0 MB: open {folder / 'index.html'}\n"


def test_the_whole_site_is_small():
    assert sum(map(len, built().values())) < 8e6


def test_the_command_says_in_one_sentence_why_it_does_not_write(course, monkeypatch, capsys):
    monkeypatch.setattr(commands, "ensure", lambda root: Path(sys.executable))
    assert commands.run(["site"], course) == 0
    assert (course / "site" / "01-one.html").exists()
    assert commands.run(["site", "--out", "notebooks"], course) == 1
    said = capsys.readouterr().err
    assert "notebooks is there, and no earlier site" in said and said.count("\n") == 1


def test_an_earlier_site_is_replaced_whole_and_nobody_elses_folder(tmp_path):
    target = tmp_path / "site"
    write({"index.html": built()["index.html"], "gone.html": b""}, target)
    write({"index.html": built()["index.html"]}, target)
    assert [path.name for path in target.iterdir()] == ["index.html"]
    (target / "index.html").write_text("<html>somebody's own</html>")
    refused(lambda: write(built(), target), "is there, and no earlier site", "name another folder")
    assert (target / "index.html").read_text() == "<html>somebody's own</html>"
    assert list(tmp_path.iterdir()) == [target]


def test_no_page_and_no_picture_carries_a_secret_or_tells_of_the_machine():
    said = {name: text_in_png(content) for name, content in built().items() if name.endswith(".png")}
    assert set(said.values()) == {""}
    here = of_this_machine()
    patterns = ANYWHERE | {what: here[what] for what in ("this user's home", "this folder")}
    found = {name: leaks(built()[name].decode(), patterns) for name in pages()}
    assert {name: what for name, what in found.items() if what} == {}


def test_the_workflow_publishes_from_main_only_with_no_more_rights_than_that_takes():
    workflow = (ROOT / ".github" / "workflows" / "site.yml").read_text()
    assert re.findall(r"uses: (\S+)", workflow) == re.findall(
        r"uses: ([\w-]+/[\w-]+@[0-9a-f]{40}) # v", workflow
    )
    assert "branches: [main]\n\npermissions: {}\n" in workflow and "pull_request" not in workflow
    assert "- run: python3 -m labsupport site\n" in workflow and "path: site\n" in workflow
    assert re.findall(r"(\S+): (?:read|write)", workflow) == ["contents", "pages", "id-token"]
