"""The one cell of notebook 06 that makes the room a fleet."""

from __future__ import annotations

import html
import os

import ipywidgets
from IPython.display import display

from labsupport.classroom import names
from labsupport.classroom.attending import attend
from labsupport.explorers.naming import named
from labsupport.figures import panels, show
from labsupport.figures.classroom import LARGE, headline, room
from labsupport.lab import at_rest

NO_CLASS = (
    "No class: this notebook is not part of one, and nothing is missing. In a workshop the hand-out says\n"
    "how to join, and this cell then races with the whole room at the instructor's signal."
)


def join_class() -> None:
    """Take part in the class's races, and show at the end what became of everybody's increments.

    Without a class it says so at once. An Interrupt leaves.
    """
    url = os.environ.get(names.CLASS_URL, "").strip()
    if not url:
        print(NO_CLASS)
        return
    line = ipywidgets.HTML("Joining the class.")
    line.add_class("lab-status")
    box = named([line])
    display(box)
    with at_rest():
        stay = attend(url, lambda text: _say(line, text))
    box.close()
    if stay.sentence:
        print(stay.sentence)
        return
    figure, (ax,) = panels(width=8, height=2.8)
    ax.set_title(headline(stay.rounds), fontsize=LARGE)
    show(figure, room(ax, stay.rounds))


def _say(line: ipywidgets.HTML, text: str) -> None:
    line.value = html.escape(text)
