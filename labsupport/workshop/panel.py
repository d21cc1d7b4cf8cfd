"""What the instructor projects: two buttons that give the signal, and one picture that follows the class."""

from __future__ import annotations

import asyncio
import functools
from typing import NamedTuple

import ipywidgets
import redis
import traitlets
from matplotlib.figure import Figure

from labsupport.classroom.rounds import WAYS
from labsupport.errors import LabError
from labsupport.figures.classroom import failures, headline, room
from labsupport.workshop.instructor import Instructor, View

PAUSE = 0.25  # seconds between two looks at the class


class Shown(NamedTuple):
    """What the picture shows, and what is to be said besides."""

    view: View
    note: str = ""


class Signals(ipywidgets.HBox):  # type: ignore[misc]  # ships no types
    """A button for each way to count; `value` is what the class looks like, a Shown."""

    value = traitlets.Any()

    def __init__(self, instructor: Instructor) -> None:
        """Raises redis.RedisError: the class cannot be looked at."""
        self._instructor = instructor
        super().__init__([self._button(way) for way in WAYS])
        self.value = Shown(instructor.look())

    def _button(self, way: str) -> ipywidgets.Button:
        layout = ipywidgets.Layout(width="10em")
        button = ipywidgets.Button(description=f"Start {WAYS[way]}", layout=layout)
        button.on_click(functools.partial(self._start, way))
        return button

    def _start(self, way: str, _: object) -> None:
        """Give the signal, or say why not."""
        try:
            self._instructor.signal(way)
            self.look()
        except LabError as refusal:
            self.value = Shown(self.value.view, str(refusal))
        except redis.RedisError:
            self._say_gone()

    def look(self) -> None:
        """Show the class as it is now."""
        try:
            self.show(self._instructor.look())
        except redis.RedisError:
            self._say_gone()

    def show(self, view: View) -> None:
        """Show the class as it was seen; a note stays until something changes."""
        if view != self.value.view or self.value.note == GONE:
            self.value = Shown(view)

    def _say_gone(self) -> None:
        self.value = Shown(self.value.view, GONE)

    async def follow(self) -> None:
        """Look again and again. A task of the kernel's own loop: it looks between cells, never beside one."""
        while True:
            await asyncio.sleep(PAUSE if self.value.note != GONE else 10 * PAUSE)
            self.look()


GONE = "The class does not answer: if it stays so, start the workshop again, then this notebook."


def draw_class(shown: Shown) -> tuple[Figure, str]:
    """The room's races above, the exercises that fail most below; and the sentence."""
    figure = Figure(figsize=(10, 4.8))  # a fixed frame: drawn in half the time, and nothing jumps
    top, below = figure.add_axes((0.02, 0.4, 0.96, 0.52)), figure.add_axes((0.2, 0.02, 0.78, 0.28))
    here = shown.view.here
    top.set_title(headline(shown.view.races), fontsize=16)
    top.set_title(f"{here} here", fontsize=16, loc="right")
    below.set_title("Exercises: failed attempts", fontsize=12)
    finding = room(top, shown.view.races)
    who = f"{here} {'learner is' if here == 1 else 'learners are'} here."
    return figure, f"{who} {finding} {failures(below, dict(shown.view.failed))} {shown.note}".strip()
