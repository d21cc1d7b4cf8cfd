"""How long a learner waits for the new picture after a key press, beside what the least explorer takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from playwright.sync_api import Locator

from browser.notebook import Notebook
from labsupport import build

PRESSES, WARM_UP, TIMES = 20, 4, 3
NEEDED = r"^import |^picture = "  # what an explorer's cell needs of the others
LEAST = """\
from labsupport.explorers import explore
from labsupport.figures import panels

def line(n=3):
    figure, (ax,) = panels()
    ax.plot(range(n))
    return figure, f"{n} points"

explore(line, n=(1, 16))"""
# From the key's event in the page to the new picture, decoded and ready to be painted.
WATCH = """root => {
    const before = root.querySelector("img").src;
    window.labWaited = null;
    const press = () => { root.labPressed = performance.now(); };
    root.addEventListener("keydown", press, {once: true, capture: true});
    const watcher = new MutationObserver(async () => {
        const picture = root.querySelector("img");
        if (!picture || picture.src === before) return;
        watcher.disconnect();
        await picture.decode();
        window.labWaited = performance.now() - root.labPressed;
    });
    watcher.observe(root, {childList: true, subtree: true, attributes: true, attributeFilter: ["src"]});
}"""
WITH_EXPLORERS = [
    build.built(source) for source in build.sources() if "explore(" in source.read_text(encoding="utf-8")
]


def with_the_least_one(path: Path) -> tuple[nbformat.NotebookNode, int]:
    """The notebook and, in a last cell, the least explorer that there can be; and where its own one is."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(new_code_cell(LEAST))
    [own] = [index for index, cell in enumerate(notebook.cells[:-1]) if "explore(" in cell.source]
    return notebook, own


def waits(opened: Notebook, explorer: Locator) -> Iterator[float]:
    """Press a key on one slider after the other, up twice and down twice; yields the milliseconds of each."""
    sliders, presses = explorer.get_by_role("slider").all(), 0
    while True:
        slider, up = sliders[presses % len(sliders)], presses // len(sliders) % 4 < 2
        end = slider.get_attribute("aria-valuemax" if up else "aria-valuemin")
        if slider.get_attribute("aria-valuenow") == end:
            up = not up
        explorer.evaluate(WATCH)
        slider.press("ArrowRight" if up else "ArrowLeft")
        opened.until("window.labWaited !== null")
        yield opened.page.evaluate("window.labWaited")
        presses += 1


@pytest.mark.parametrize("path", WITH_EXPLORERS, ids=lambda path: path.stem)
def test_an_explorer_is_not_three_times_as_slow_as_the_least_one(jupyter, opening, tell, path):
    jupyter.forget()
    notebook, own = with_the_least_one(path)
    with opening(notebook, run=False) as opened:
        last = len(notebook.cells) - 1
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type == "code" and (index in (own, last) or re.search(NEEDED, cell.source)):
                opened.run_cell(index)
        pair = [opened.output(index).locator(".lab-explorer") for index in (own, last)]
        turns = zip(*(waits(opened, explorer) for explorer in pair))  # in turns, so under the same load
        real, least = zip(*islice(turns, WARM_UP, WARM_UP + PRESSES))
    tell("latency", [row(path.stem, real), row("the least explorer beside it", least)])
    assert median(real) <= TIMES * median(least)


def row(name: str, milliseconds: tuple[float, ...]) -> str:
    """A line of the table."""
    return f"{name:32} median {median(milliseconds):4.0f} ms, worst of {PRESSES} {max(milliseconds):4.0f} ms"
