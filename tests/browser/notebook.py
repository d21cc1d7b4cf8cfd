"""A window of JupyterLab and the notebook in it: what a learner does, and what went wrong meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Locator, Page, Request, Response, TimeoutError, expect

SECONDS = 1000
PATIENCE = 60 * SECONDS  # for what a busy machine does slowly; whoever waits goes on as soon as it is there
FOR_CELLS = 5 * PATIENCE  # and for what a notebook computes
WIDTH, HEIGHT, TALLEST = 1400, 1000, 16_000
WINDOW = {"width": WIDTH, "height": HEIGHT}
CELLS = ".jp-NotebookPanel .jp-Cell"
WIDGETS = EXPLORER, ASKING, FLEET = ".lab-explorer", ".lab-asking", ".lab-fleet"
COLOURS = ["color-contrast", "link-in-text-block"]  # the rules of axe's that a theme may break
POPUPS = ".jp-Dialog, .Toastify__toast"
CONTENT = "window.jupyterapp.shell.currentWidget.content"
READY = "window.jupyterapp?.shell?.currentWidget"
IDLE = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
# Until the sliders and pictures of the last run are there, a widget's place says "Loading widget..."
SETTLED = (
    "![...document.querySelectorAll('.jp-OutputArea')].some(area => /Loading widget/.test(area.innerText))"
)
Theme = Literal["light", "dark"]


class Notebook:
    """A window with one notebook at a time. Cells are counted from 0, the text cells too.

    `outside` has each address that was asked for beyond the local server, `console_errors` what the page
    complained of and each request that failed. Both have to be empty in the end; a test that provokes
    an error looks at it and clears the list.
    """

    def __init__(self, page: Page, address: str, screenshots: Path) -> None:
        """Opens JupyterLab at this address, and waits until it is ready for a notebook."""
        self.page, self._screenshots = page, screenshots
        self.outside: list[str] = []
        self.console_errors: list[str] = []
        self._host = urlsplit(address).netloc
        self._listen()
        page.goto(address, timeout=PATIENCE)
        self.until(READY)

    def open(self, path: str) -> None:
        """Open this notebook of the served folder; returns when it is shown and its kernel is ready."""
        self.page.evaluate(
            "path => jupyterapp.commands.execute('docmanager:open', {path}).then(() => {})", path
        )
        self.page.locator(CELLS).first.wait_for(timeout=PATIENCE)
        self.until(IDLE)

    def close(self) -> None:
        """Close the notebook without saving it, and end its kernel. Another one can be opened then.

        Look at the problems before: JupyterLab complains of what it was still asking the kernel.
        """
        self.page.evaluate(
            """async () => {
                for (const panel of [...jupyterapp.shell.widgets('main')].filter(one => one.context)) {
                    await panel.sessionContext.shutdown();
                    panel.dispose();
                }
                await new Promise(done => setTimeout(done));
            }"""
        )
        self.outside.clear()
        self.console_errors.clear()

    def prefer(self, theme: Theme, reduced_motion: bool) -> None:
        """The reader's wishes that the page is told; returns when JupyterLab has followed."""
        motion = "reduce" if reduced_motion else "no-preference"
        self.page.emulate_media(color_scheme=theme, reduced_motion=motion)
        self.until("light => document.body.dataset.jpThemeLight === light", str(theme == "light").lower())

    def _listen(self) -> None:
        self.page.on("request", self._note_request)
        self.page.on("websocket", lambda socket: self._note_address(socket.url))
        self.page.on("console", self._note_console)
        self.page.on("pageerror", lambda error: self.console_errors.append(f"pageerror: {error}"))
        self.page.on("response", self._note_response)
        self.page.on("requestfailed", self._note_failure)

    def _note_request(self, request: Request) -> None:
        self._note_address(request.url)

    def _note_address(self, url: str) -> None:
        if not url.startswith(("data:", "blob:", "about:")) and urlsplit(url).netloc != self._host:
            self.outside.append(url)

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.console_errors.append(f"console: {message.text[:500]} ({message.location.get('url', '')})")

    def _note_response(self, response: Response) -> None:
        if response.status >= 400:
            self.console_errors.append(f"{response.status}: {response.request.method} {response.url}")

    def _note_failure(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # a page that closes gives up what it had asked for
            self.console_errors.append(f"{request.failure}: {request.method} {request.url}")

    def until(self, condition: str, arg: object = None, patience: float = PATIENCE) -> None:
        """Wait for this to be true in the page; what was to be seen instead becomes the message."""
        try:
            self.page.wait_for_function(condition, arg=arg, timeout=patience)
        except TimeoutError:
            picture = self.screenshot("waited-in-vain")
            raise AssertionError(f"never true: {condition}; {self.problems()}; see {picture}") from None

    def _command(self, name: str) -> None:
        """Execute a command of JupyterLab's; returns when it is done, for a run when the cells have run."""
        self.page.evaluate(
            """name => { window.labDone = false;
                const done = () => { window.labDone = true; };
                jupyterapp.commands.execute(name).then(done, done); }""",
            name,
        )
        self.until("window.labDone", patience=FOR_CELLS)

    def run_all(self) -> None:
        """Run > Run All Cells; returns when every cell has run and its widgets are shown."""
        self._command("notebook:run-all-cells")
        self._settle()

    def run_cell(self, index: int) -> None:
        """Select this cell and run it; returns when it has run and its widgets are shown."""
        self.page.evaluate(f"index => {{ {CONTENT}.activeCellIndex = index; }}", index)
        self._command("notebook:run-cell")
        self._settle()

    def start_cell(self, index: int) -> None:
        """Select this cell and run it; returns at once."""
        self.page.evaluate(
            f"index => {{ {CONTENT}.activeCellIndex = index; "
            "jupyterapp.commands.execute('notebook:run-cell'); }",
            index,
        )

    def clear_output(self, index: int) -> None:
        """Select this cell and clear what it shows."""
        self.page.evaluate(f"index => {{ {CONTENT}.activeCellIndex = index; }}", index)
        self._command("notebook:clear-cell-output")

    def _settle(self) -> None:
        self.until(IDLE)
        self.until(SETTLED)

    def cell(self, index: int) -> Locator:
        """The cell on the page."""
        return self.page.locator(CELLS).nth(index)

    def output(self, index: int) -> Locator:
        """Where the cell's outputs are shown."""
        return self.cell(index).locator(".jp-Cell-outputArea")

    def output_text(self, index: int) -> str:
        """What the cell printed, hidden or not."""
        return self.page.evaluate(
            f"""index => {CONTENT}.widgets[index].model.outputs.toJSON()
                .filter(output => output.output_type === 'stream').map(output => output.text).join('')""",
            index,
        )

    def cells(self) -> list[dict[str, object]]:
        """Each cell's `type`, `source`, `tags`, as JupyterLab has them."""
        return self.page.evaluate(
            f"""() => {CONTENT}.widgets.map(({{model}}) => ({{
                type: model.type,
                source: model.sharedModel.getSource(),
                tags: model.getMetadata('tags') ?? [],
            }}))"""
        )

    def set_source(self, index: int, text: str) -> None:
        """Replace the cell's source, as if it had been typed."""
        self.page.evaluate(
            f"([index, text]) => {CONTENT}.widgets[index].model.sharedModel.setSource(text)",
            [index, text],
        )

    def insert_cell_below(self, root: Locator, text: str) -> int:
        """A new code cell below the one that shows this; returns its index."""
        index = 1 + root.evaluate(
            f"root => [...document.querySelectorAll('{CELLS}')].indexOf(root.closest('.jp-Cell'))"
        )
        self.page.evaluate(
            f"""([index, source]) => {{
                {CONTENT}.model.sharedModel.insertCell(index, {{cell_type: 'code', source}}); }}""",
            [index, text],
        )
        return index

    def red_cells(self) -> list[int]:
        """The cells with an error, with anything on stderr, or with a widget that could not be shown."""
        return self.page.locator(CELLS).evaluate_all(
            """cells => cells.flatMap((cell, index) => {
                const shown = cell.querySelector('.jp-Cell-outputArea');
                const red = cell.querySelector('[data-mime-type="application/vnd.jupyter.stderr"]');
                const broken = /Error (displaying|creating) widget|javascript error|model not found/;
                return red || broken.test(shown?.innerText) ? [index] : [];
            })"""
        )

    def popups(self) -> list[str]:
        """The text of each dialog and notification."""
        return self.page.locator(POPUPS).all_inner_texts()

    def screenshot(self, name: str, of: Locator | None = None) -> Path:
        """Keep a picture of the window, or of one part of the page, as NAME.png."""
        file = self._screenshots / f"{name}.png"
        (of or self.page).screenshot(path=file, animations="disabled", timeout=PATIENCE)
        return file

    def screenshot_whole(self, name: str) -> Path:
        """Keep a picture of the whole notebook, from the title to the last cell, as NAME.jpg.

        It is so tall that a PNG of it would take as long as all the others together.
        """
        file = self._screenshots / f"{name}.jpg"
        with self.unrolled():
            self.page.screenshot(path=file, animations="disabled", timeout=PATIENCE, type="jpeg")
        return file

    def axe(self, *selectors: str, only: Sequence[str] = ()) -> list[str]:
        """What axe finds serious or critical in the parts of the page that match; each has to match one.

        only: the ids of axe's rules to apply, in the place of all.
        """
        for selector in selectors:
            expect(self.page.locator(selector).first).to_be_visible()
        options = {"resultTypes": ["violations"]} | ({"runOnly": list(only)} if only else {})
        with self.unrolled():
            found = Axe().run(self.page, ", ".join(selectors), options).response["violations"]
        return [
            f"{finding['impact']}: {finding['id']}: {node['html'][:200]}: {node.get('failureSummary', '')}"
            for finding in found
            if finding["impact"] in ("serious", "critical")
            for node in finding["nodes"]
        ]

    @contextlib.contextmanager
    def unrolled(self) -> Iterator[None]:
        """A window as tall as the notebook, and a page body of its size; once for all that is done in it.

        JupyterLab leaves the body without height, so axe takes all of it for hidden and looks at no colour.
        """
        if self.page.viewport_size != WINDOW:
            yield
            return
        notebook = self.page.locator(".jp-WindowedPanel-outer")
        height = min(notebook.evaluate("outer => outer.scrollHeight") + 150, TALLEST)
        self.page.set_viewport_size({"width": WIDTH, "height": height})
        notebook.evaluate("outer => { outer.scrollTop = 0; document.body.style.height = '100vh'; }")
        try:
            yield
        finally:
            notebook.evaluate("() => { document.body.style.height = ''; }")
            self.page.set_viewport_size(WINDOW)

    def axe_of_widgets(self, only: Sequence[str] = ()) -> list[str]:
        """The same for all our widgets of the notebook."""
        there = [root for root in WIDGETS if self.page.locator(root).count()]
        return self.axe(*there, only=only) if there else []

    def problems(self) -> list[str]:
        """Everything that must not have happened up to now."""
        asked = [f"outside request: {url}" for url in self.outside]
        return [*asked, *self.console_errors, *(f"popup: {text}" for text in self.popups())]
