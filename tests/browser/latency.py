"""How long a learner waits for the new picture after a key press, beside what the least explorer takes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from statistics import median

from playwright.sync_api import Locator

from browser.notebook import EXPLORER, Notebook

PRESSES, WARM_UP = 20, 4
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


def in_turns(opened: Notebook, explorer: Locator) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The milliseconds of each key press: of this explorer, and of the least one in a new last cell.

    The presses come in turns, so both are measured under the same load.
    """
    last = opened.append_cell(LEAST)
    opened.run_cell(last)
    pair = [waits(opened, one) for one in (explorer, opened.output(last).locator(EXPLORER))]
    real, least = zip(*islice(zip(*pair), WARM_UP, WARM_UP + PRESSES))
    return real, least


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


def row(name: str, milliseconds: tuple[float, ...]) -> str:
    """A line of the table."""
    return f"{name:32} median {median(milliseconds):4.0f} ms, worst of {PRESSES} {max(milliseconds):4.0f} ms"
