"""The dashboard of a class: what notebooks/teaching/class-dashboard.ipynb is made of."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator

from labsupport.classroom import names
from labsupport.explorers.explorer import Explorer
from labsupport.workshop.instructor import Instructor, View
from labsupport.workshop.panel import Signals, draw_class
from labsupport.workshop.rehearsal import Rehearsal

_open: list[Dashboard] = []  # the one of this kernel


def open_dashboard(learners: int = 4) -> Dashboard:
    """The class that LAB_INSTRUCTOR_URL names; without one a rehearsal, with so many real processes.

    Opened again, it begins afresh. LabError: the class cannot be used; BadArgument: not 1 to 16 learners.
    """
    while _open:
        _open.pop().close()
    url = os.environ.get(names.INSTRUCTOR_URL, "").strip()
    rehearsal = None if url else Rehearsal(learners)
    _open.append(Dashboard(url, rehearsal))
    print(_rehearsed(learners) if rehearsal else f"Learners in the class: {len(_open[0].names)}.")
    return _open[0]


def _rehearsed(learners: int) -> str:
    processes = "1 real process" if learners == 1 else f"{learners} real processes"
    return f"No class: {names.INSTRUCTOR_URL} is not set. This is a rehearsal, with {processes}."


class Dashboard(Instructor):
    """What `open_dashboard` returns."""

    def __init__(self, url: str, rehearsal: Rehearsal | None = None) -> None:
        """`url`: the instructor's; without one, that of the rehearsal."""
        self.rehearsal = rehearsal
        self._stop: Callable[[], object] = lambda: None
        self._show: Callable[[View], object] = lambda _: None
        super().__init__(rehearsal.server.instructor_url if rehearsal else url)

    def look(self) -> View:
        """As for every instructor; the picture follows, also while a cell runs a race."""
        view = super().look()
        self._show(view)
        return view

    def live(self) -> Explorer:
        """Buttons, and the picture that follows the class until this is called again, or `close`."""
        self._stop()
        signals = Signals(self)
        self._show = signals.show
        with contextlib.suppress(RuntimeError):  # outside of a notebook there is no loop to follow it in
            self._stop = asyncio.get_running_loop().create_task(signals.follow()).cancel
        return Explorer(draw_class, {"shown": signals})

    @contextlib.contextmanager
    def as_learner(self) -> Iterator[None]:
        """In a rehearsal, answers that are checked in this block count as a learner's."""
        before = os.environ.get(names.CLASS_URL, "")
        os.environ[names.CLASS_URL] = (
            next(iter(self.rehearsal.server.urls.values())) if self.rehearsal else ""
        )
        try:
            yield
        finally:
            os.environ[names.CLASS_URL] = before

    def close(self) -> None:
        """Stop the picture and end a rehearsal: gone on return."""
        self._stop()
        super().close()
        if self.rehearsal:
            self.rehearsal.close()
