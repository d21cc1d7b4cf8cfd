"""Fixtures for tests in a real browser. Without Chrome, Chromium or Edge they are left out, in one line.

They last as long as this package: while Playwright runs, the thread has an event loop, over which other tests
would trip.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Error, expect, sync_playwright

from browser.notebook import HEIGHT, PATIENCE, WIDTH, Notebook, Theme
from browser.server import Jupyter, running_jupyter
from labsupport.setup.browsers import NONE_FOUND, find_browser

QUIET = [
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # no request gets out, wanted or not
]
Opening = Callable[..., contextlib.AbstractContextManager[Notebook]]


def leave_out(told: list[str], why: str) -> None:
    """Skip with this reason, unless a browser was asked for by name: then its absence is an error."""
    if os.environ.get("LAB_BROWSER"):
        pytest.fail(f"LAB_BROWSER is {os.environ['LAB_BROWSER']!r}, but {why}")
    told.append(f"The browser tests were left out: {why}.")
    pytest.skip(why)


@pytest.fixture(scope="package")
def browser(told) -> Iterator[Browser]:
    """The browser of this machine, without a window."""
    program = find_browser()  # LAB_BROWSER without a program is an error here
    if program is None:
        leave_out(told, NONE_FOUND)
    root = hasattr(os, "geteuid") and os.geteuid() == 0  # for whom Chromium has no sandbox
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        try:
            running = playwright.chromium.launch(
                executable_path=program, args=QUIET, chromium_sandbox=not root, timeout=PATIENCE
            )
        except Error as error:
            leave_out(told, f"{program} does not start ({error.message.splitlines()[0]})")
        yield running
        running.close()


@pytest.fixture(scope="package")
def jupyter(browser, tmp_path_factory) -> Iterator[Jupyter]:
    """A real JupyterLab on copies of the notebooks; a browser comes first, as without one it has no use."""
    with running_jupyter(tmp_path_factory.mktemp("jupyter")) as running:
        yield running


@pytest.fixture(scope="package")
def screenshots(tmp_path_factory) -> Path:
    """Where pictures are kept: LAB_SCREENSHOTS, or pytest's own temporary folder."""
    named = os.environ.get("LAB_SCREENSHOTS")
    folder = Path(named).resolve() if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="package")
def tell(told, screenshots) -> Callable[[str, list[str]], None]:
    """`tell(name, lines)` shows the lines when all tests have run, and adds them to NAME.txt."""
    files: dict[str, list[str]] = {}

    def tell_all(name: str, lines: list[str]) -> None:
        told.extend(lines)
        files.setdefault(name, []).extend(lines)
        (screenshots / f"{name}.txt").write_text("\n".join([*files[name], ""]))

    return tell_all


@pytest.fixture(scope="package")
def opening(jupyter, browser, screenshots) -> Opening:
    """`with opening(what, theme, ...) as notebook`: for a fixture that several tests share.

    One window serves one notebook after the other: JupyterLab takes longer to load than most of them.
    A window in which something went wrong is not used again.
    """
    free: list[Notebook] = []

    def window() -> Notebook:
        context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
        return Notebook(context.new_page(), jupyter.address, screenshots)

    @contextlib.contextmanager
    def open_one(
        what: str | nbformat.NotebookNode,
        theme: Theme = "light",
        reduced_motion: bool = False,
        run: bool = True,
    ) -> Iterator[Notebook]:
        notebook = free.pop() if free else window()
        try:
            notebook.prefer(theme, reduced_motion)
            notebook.open(jupyter.path(what))
            if run:
                notebook.run_all()
            yield notebook
            assert notebook.problems() == []
            notebook.close()
        except BaseException:
            notebook.page.context.close()
            raise
        free.append(notebook)

    return open_one


@pytest.fixture
def open_notebook(jupyter, opening) -> Iterator[Callable[..., Notebook]]:
    """`open_notebook(what, theme="light", reduced_motion=False, run=True)` opens one and runs it.

    what: a notebook of the course by its file's name, or a notebook node. Each is closed after the test,
    which fails if there was an error in the page, a request to anywhere else, a dialog or a notification.
    """
    jupyter.forget()
    with contextlib.ExitStack() as opened:
        yield lambda *what, **how: opened.enter_context(opening(*what, **how))
    jupyter.forget()
