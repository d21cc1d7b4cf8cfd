"""Claims about 09 with somebody's own log in the place of the excerpt: it runs, and it tells no secret."""

from __future__ import annotations

import gzip
import json
import random
import re

import nbformat
import pytest

from labsupport import build

SOURCE = next(source for source in build.sources() if source.stem[:2] == "09")
PATH = re.compile(r'^path = "data/twitter-cluster52\.csv\.gz"$', re.M)
HOSTILE = [
    "/$_$<b>",  # to matplotlib the beginning of a formula that is none
    "/<script>alert(1)</script>",
    "/<img/src=x/onerror=alert(1)>",
    "/=HYPERLINK(%22x%22)",
    "/\u202egpj.exe",
    "/" + "long" * 2_000,
    "/a$b_c^d{e}",
    "/{{7*7}}%s{0}",
    "/\\x1b[2J",
]


def access_log(hour):
    """An hour of a small site, 600 lines, packed. Each line names a client, a user, a referrer, a query."""
    rng = random.Random(hour)
    targets = HOSTILE + [f"/courses/{n}" for n in range(9)]  # the first ones are asked for most
    lines = []
    for second in sorted(rng.randrange(3_600) for _ in range(600)):
        target = targets[min(rng.randrange(len(targets)), rng.randrange(len(targets)))]
        stamp = f"09/Mar/2026:{12 + hour}:{second // 60:02d}:{second % 60:02d} +0100"
        request = f'"GET {target}?token=canary HTTP/1.1" 200 {300 + 7 * second}'
        lines.append(
            f'2001:db8::ca canary "canary" [{stamp}] {request} "https://canary.example/?q=canary" "canary"'
        )
    return gzip.compress("\n".join(lines).encode())


def cells_for(path, folder):
    """The cells of 09, but for the exercises, with this path, and in a folder of its own."""
    notebook = build.read_source(SOURCE)
    cells = [c for c in notebook.cells if not {"exercise", "solution"} & set(c.metadata.get("tags", []))]
    places = [cell for cell in cells if cell.cell_type == "code" and PATH.search(cell.source)]
    assert len(places) == 1
    places[0].source = PATH.sub(lambda _: f"path = {path!r}", places[0].source)
    folder.mkdir()
    return [nbformat.v4.new_code_cell(f"import os; os.chdir({str(folder)!r})"), *cells]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """What 09 says of two logs, one after the other in one kernel, and the pages that it exported."""
    folder = tmp_path_factory.mktemp("logs")
    parts = [folder / "access.log.2.gz", folder / "access.log.1.gz"]
    for hour, part in enumerate(parts):
        part.write_bytes(access_log(hour))
    (folder / "three.csv").write_text("at,key\n0,=1+1\n5,=1+1\n5,=1+1\n")
    both = build.read_source(SOURCE)
    first = cells_for([str(part) for part in parts[::-1]], folder / "one")
    both.cells = first + cells_for(str(folder / "three.csv"), folder / "two")
    for number, cell in enumerate(both.cells):
        cell.id = f"cell-{number}"
    done = build.run(both).cells  # a cell that raises is an error of this fixture
    halves = done[: len(first)], done[len(first) :]
    return [
        ([o for cell in half for o in cell.get("outputs", [])], list((folder / name).glob("*.html")))
        for half, name in zip(halves, ("one", "two"), strict=True)
    ]


def everything_said(outputs, pages):
    """What these outputs say, printed, shown or below a picture, and the exported page."""
    said = [page.read_text() for page in pages]
    assert len(said) == 1
    for output in outputs:
        assert output.get("name") != "stderr", output.text
        kinds = {kind: data for kind, data in output.get("data", {}).items() if kind != "image/png"}
        said.append(
            output.get("text", "") + json.dumps([kinds, output.get("metadata", {})], ensure_ascii=False)
        )
    return "\n".join(said)


def test_09_answers_for_somebodys_access_log_and_tells_nothing_of_its_clients(outputs):
    said = everything_said(*outputs[0])
    assert "1,200 requests for 18 keys" in said and "&lt;script&gt;alert" in said
    assert "canary" not in said and "2001:db8" not in said
    assert "<script" not in said and "<img/src" not in said and "\u202e" not in said


def test_09_answers_for_three_requests_of_one_key(outputs):
    said = everything_said(*outputs[1])
    assert "3 requests for 1 key" in said and "too little traffic" in said
    assert "&#x27;=1+1<" in said and not re.search(r">\s*=1", said)  # no formula for a spreadsheet
