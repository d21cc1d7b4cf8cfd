"""The cards of notebook 06 in JupyterLab: laid by keyboard, run on a real server, and read out."""

from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect

from browser.notebook import EXPLORER
from labsupport import build

BUSY = """
from labsupport.explorers import progress
for run in progress(range(7), "free races"):
    pass
"""


@pytest.fixture(scope="module")
def lesson(opening):
    """The notebook's own cells up to the cards, and a run that shows its progress."""
    [source] = [s for s in build.sources() if s.stem.startswith("06")]
    code = [cell.source for cell in build.read_source(source).cells if cell.cell_type == "code"]
    upto = next(number for number, text in enumerate(code) if "\ncards(" in text)
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [new_code_cell(text) for text in [*code[: upto + 1], BUSY]]
    with opening(new_notebook(metadata=kernel, cells=cells)) as opened:
        yield opened


@pytest.fixture
def table(lesson):
    found = lesson.page.locator(EXPLORER)
    found.get_by_role("button", name="Start over").press("Enter")
    expect(found.get_by_role("status")).to_contain_text("No command has run")
    return found


def lay(table, *cards):
    """By keyboard; the focus stays on the card."""
    for card in cards:
        button = table.get_by_role("button", name=card)
        button.press("Enter")
        expect(button).to_be_focused()


def test_the_seat_is_sold_twice_by_keyboard(lesson, table):
    lay(table, "A GET", "B GET", "A SET", "B SET")
    said = table.get_by_role("status")
    expect(said).to_contain_text(
        "A GET reads 1; B GET reads 1; A SET writes 0, sells; B SET writes 0, sells: sold twice."
    )
    expect(table.get_by_role("button", name="3: A SET")).to_be_visible()
    assert table.locator("img").get_attribute("alt").replace(". ", ".") in said.inner_text().replace("\n", "")
    lesson.screenshot("06-cards", table)


def test_a_card_out_of_turn_is_refused_in_words_that_are_read_out(table):
    lay(table, "A GET", "B SET")
    expect(table.get_by_role("status")).to_contain_text("B SET cannot come before B GET")
    lay(table, "B GET", "B SET")
    expect(table.get_by_role("status")).to_contain_text("B SET writes 0, sells")


def test_the_arrow_keys_do_not_leave_the_cards(lesson, table):
    button = table.get_by_role("button", name="A GET")
    for key in ("ArrowDown", "ArrowUp"):
        button.press(key)
        expect(button).to_be_focused()


def test_the_picture_keeps_its_place_and_size_whatever_is_laid(table):
    place = """root => {
        const all = root.getBoundingClientRect(), picture = root.querySelector("img").getBoundingClientRect();
        return [picture.x - all.x, picture.y - all.y, picture.width, picture.height];
    }"""
    before = table.evaluate(place)
    lay(table, "B GET", "B SET", "A GET")
    expect(table.get_by_role("status")).to_contain_text("A GET reads 0")
    assert table.evaluate(place) == before


def test_a_long_run_shows_its_progress_in_a_native_bar(lesson):
    bar = lesson.page.get_by_role("progressbar", name="free races")
    expect(bar).to_have_attribute("value", "7")
    expect(bar).to_have_attribute("max", "7")
    assert lesson.red_cells() == []


def test_cards_and_progress_have_no_serious_accessibility_problem(lesson):
    assert lesson.axe(EXPLORER) == []
    assert lesson.axe(".widget-html:has(progress)") == []
