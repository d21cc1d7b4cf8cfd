"""How long a learner waits for the new picture after a key press, beside what the least explorer takes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from statistics import median

from playwright.sync_api import Locator

from browser.notebook import EXPLORER, Notebook

PRESSES, WARM_UP = 4, 1
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

AT_ITS_END = """(control, up) => control.options
    ? control.selectedIndex === (up ? control.options.length - 1 : 0)
    : control.ariaValueNow === (up ? control.ariaValueMax : control.ariaValueMin)"""


def in_turns(opened: Notebook, explorer: Locator) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The milliseconds of each key press: of this explorer, and of the least one in a new cell below it.

    They take turns at each press, so both are measured under the same load. Nothing scrolls between.
    """
    below = opened.insert_cell_below(explorer, LEAST)
    opened.run_cell(below)
    pair = [waits(opened, one) for one in (explorer, opened.output(below).locator(EXPLORER))]
    real, least = zip(*islice(zip(*pair), WARM_UP, WARM_UP + PRESSES))
    return real, least


def waits(opened: Notebook, explorer: Locator) -> Iterator[float]:
    """Press a key on one slider after the other, or on lists where there are none: up twice and down twice.

    Yields the milliseconds of each press.
    """
    controls = explorer.get_by_role("slider").all() or explorer.locator("select").all()
    for press in count():
        control, up = controls[press % len(controls)], press // len(controls) % 4 < 2
        explorer.evaluate(WATCH)
        control.press("ArrowLeft" if up == control.evaluate(AT_ITS_END, up) else "ArrowRight")
        opened.until("window.labWaited !== null")
        yield opened.page.evaluate("window.labWaited")


def row(name: str, milliseconds: tuple[float, ...]) -> str:
    """A line of the table."""
    return f"{name:32} median {median(milliseconds):4.0f} ms, worst of {PRESSES} {max(milliseconds):4.0f} ms"
