"""Seconds of machine time for each section of a notebook, as the instructor's guide shows them.

    python tests/benchmarks/sections.py [NN ...] [--runs 3] [--write]

Each notebook runs from top to bottom in a new kernel, --runs times, and each section keeps its smallest
sum, so that a moment in which the machine was busy does not count. The first row has the start of the
kernel and the imports. --write puts the seconds into the guide's tables. Give it a quiet machine.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nbclient import NotebookClient
from nbformat import NotebookNode

from labsupport import build

TABLES = build.NOTEBOOKS / "teaching" / "sections.md"
HEADING = re.compile(r"^###? (.+?)(?: \((\d+) minutes\))?$", re.MULTILINE)


class Section(NamedTuple):
    """A part of a notebook: its title, the minutes that its heading says (an exercise's), its code cells."""

    title: str
    minutes: int | None
    cells: list[NotebookNode]


def sections(notebook: NotebookNode) -> list[Section]:
    """The parts of a notebook in order; what stands before the first heading is the opening.

    A heading of any depth begins a section. So does the text that goes on below an exercise's solution.
    """
    found, solved = [Section("Opening", None, [])], False
    for cell in notebook.cells:
        if cell.cell_type == "code":
            found[-1].cells.append(cell)
        else:
            found += _begun(cell.source, found[-1].title if solved else "")
        solved = "solution" in cell.metadata.get("tags", [])
    return found


def _begun(text: str, solved: str) -> Iterator[Section]:
    """The sections that begin in a text cell, which may stand right below the exercise called `solved`."""
    if solved and not HEADING.match(text):
        yield Section(f"After {solved.removeprefix('● ').partition(':')[0].lower()}", None, [])
    for title, minutes in HEADING.findall(text):
        yield Section(title, int(minutes) if minutes else None, [])


def seconds(source: Path) -> list[tuple[str, float]]:
    """Run the notebook once: each section's title, and how long its cells took."""
    notebook = build.read_source(source)
    where = {"metadata": {"path": str(build.NOTEBOOKS)}}
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources=where)
    took, begun = [], time.perf_counter()
    with tempfile.TemporaryDirectory() as data:
        settings = {"env": {**os.environ, "LAB_DATA": data}, "transport_encryption": "auto"}
        with client.setup_kernel(**settings):
            for title, _, cells in sections(notebook):
                for cell in cells:
                    client.execute_cell(cell, notebook.cells.index(cell))
                took.append((title, time.perf_counter() - begun))
                begun = time.perf_counter()
    return took


def best(source: Path, runs: int) -> list[tuple[str, float]]:
    """The same, each section at its fastest in so many runs."""
    rounds = [seconds(source) for _ in range(runs)]
    return [(rows[0][0], min(took for _, took in rows)) for rows in zip(*rounds, strict=True)]


def written(page: str, number: str, took: list[tuple[str, float]]) -> str:
    """The page with these seconds in the table of notebook `number`, whose rows are its sections."""
    before, start, rest = page.partition(f"\n## {number} ")
    lines, left = rest.splitlines(), list(took)
    for i, line in enumerate(lines):
        if left and line.startswith(f"| {left[0][0]} |"):
            title, _, others = line.split(" | ", 2)
            lines[i] = f"{title} | {left.pop(0)[1]:.1f} | {others}"
    assert not left, f"the table of {number} has no row, or not in its place, for {left[0][0]!r}"
    return before + start + "\n".join(lines) + "\n"


def main() -> int:
    """Measure the notebooks that are asked for, or all; print the rows, and write them if told so."""
    ask = argparse.ArgumentParser(description="seconds of each section of the notebooks")
    ask.add_argument("numbers", nargs="*", metavar="NN", help="which notebooks, such as 02 (all)")
    ask.add_argument("--runs", type=int, default=3, help="each section keeps its smallest sum (3)")
    ask.add_argument("--write", action="store_true", help=f"put the seconds into {TABLES.name}")
    given = ask.parse_args()
    for source in build.sources():
        number = source.stem[:2]
        if given.numbers and number not in given.numbers:
            continue
        took = best(source, given.runs)
        print(f"{number}: {sum(spent for _, spent in took):.1f} s")
        for title, spent in took:
            print(f"| {title} | {spent:.1f} |", flush=True)
        if given.write:
            TABLES.write_text(written(TABLES.read_text(encoding="utf-8"), number, took), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
