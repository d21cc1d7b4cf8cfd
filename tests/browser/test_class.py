"""A class in JupyterLab: the instructor's buttons start a race, the picture follows, and one cell joins."""

from __future__ import annotations

import contextlib
import re
import threading

import nbformat
import pytest
from playwright.sync_api import expect
from servers import becomes_true

from browser.notebook import EXPLORER
from labsupport import build
from labsupport.classroom import names
from labsupport.classroom.process import learner
from labsupport.races.processes import Worker
from labsupport.workshop.class_server import ClassServer
from labsupport.workshop.instructor import Instructor

CELLS = """\
import os
os.environ |= {environment}
from labsupport.workshop import open_dashboard
dashboard = open_dashboard()
---
dashboard.live()
---
from labsupport.classroom import join_class
join_class()"""


def said(way: str, learners: int) -> re.Pattern:
    """The picture's text, once such a race is over."""
    sent = 200 * learners
    return re.compile(rf"{re.escape(way)} .*: {learners} learners? sent {sent} increments")


@pytest.fixture(scope="module")
def server():
    with ClassServer(["ada", "grace"]) as server:
        yield server


@pytest.fixture
def ada(server):
    """A learner at another computer."""
    worker = Worker(learner, server.urls["ada"])
    worker.hear()
    yield
    worker.end()


@pytest.fixture
def notebook(server, open_notebook):
    environment = {names.INSTRUCTOR_URL: server.instructor_url, names.CLASS_URL: server.urls["grace"]}
    cells = CELLS.format(environment=environment).split("\n---\n")
    whole = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata={"kernelspec": build.KERNEL}
    )
    return open_notebook(whole, run=False)


def test_a_button_starts_a_race_that_the_picture_follows_and_one_cell_joins(server, ada, notebook):
    notebook.run_cell(0)
    notebook.run_cell(1)
    dashboard = notebook.output(1).locator(EXPLORER)
    dashboard.get_by_role("button", name="Start GET+SET").press("Enter")
    # One learner alone loses nothing, in either way.
    expect(dashboard.get_by_role("img")).to_have_attribute("alt", said("GET+SET", learners=1))
    expect(dashboard.get_by_role("status")).to_contain_text("1 learner is here.")
    assert notebook.axe(EXPLORER) == []

    with contextlib.closing(Instructor(server.instructor_url)) as instructor:
        notebook.start_cell(2)
        status = notebook.output(2).get_by_role("status")
        expect(status).to_contain_text("You are in the class as grace; waiting for the signal.")
        assert becomes_true(lambda: instructor.look().here == 2)
        race = threading.Thread(target=instructor.race, args=("incr",))
        race.start()
        expect(notebook.output(2)).to_contain_text("INCR lost none of 400: 2 learners sent 400 increments")
        race.join()
    expect(status).to_have_count(0)
    expect(dashboard.get_by_role("img")).to_have_attribute("alt", said("INCR", learners=2))
    notebook.screenshot("class")
    assert notebook.red_cells() == []
