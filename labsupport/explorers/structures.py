"""The explorer of notebook 05: what a mix of requests sends, with one blob or with hash and counter."""

from __future__ import annotations

import functools
import json

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from labsupport.figures.style import ROLE, panels
from labsupport.origin import CourseCatalog
from labsupport.server.meter import wire_size

KEY, COUNTER, VIEWS = "course:204", "course:204:views", 100
Counts = NDArray[np.int64]
NEEDS = ("titles", "views", "pages")
LESSONS = (1, 25, 50, 75, 100)
ROLES = {"blob": "other", "hash + counter": "shared"}


def course_page(lessons: int) -> dict[str, str]:
    """course:204 with everything that its page shows: the catalogue's fields and a line for each lesson."""
    fields = json.loads(_in_the_catalogue()) | {"lessons": lessons}
    lines = {
        f"lesson {n}": f"Watch part {n}, read the notes, answer the {3 + n % 5} questions, then build it."
        for n in range(1, lessons + 1)
    }
    return {name: str(value) for name, value in (fields | lines).items()}


@functools.cache
def _in_the_catalogue() -> bytes:
    return CourseCatalog().peek(KEY)


@functools.lru_cache(maxsize=256)
def sizes(lessons: int) -> dict[str, tuple[int, int, int]]:
    """Bytes on the wire for the title, for one view more, and for the whole page, in both designs.

    By the rule of the protocol; views have three digits.
    """
    course = course_page(lessons)
    blob = json.dumps(course | {"views": VIEWS})
    get = wire_size(["GET", KEY]) + wire_size(blob)
    put = wire_size(["SET", KEY, blob, "EX", "300"]) + len("+OK\r\n")
    title = wire_size(["HGET", KEY, "title"]) + wire_size(course["title"])
    view = wire_size(["INCRBY", COUNTER, "1"]) + len(f":{VIEWS}\r\n")
    page = wire_size(["HGETALL", KEY]) + wire_size([word for field in course.items() for word in field])
    return {"blob": (get, get + put, get), "hash + counter": (title, view, page)}


class StructuresPicture:
    """A figure of one mix of requests with its finding; called again, it moves what it drew."""

    def __init__(self) -> None:
        """An empty figure: on the left the mix in both designs, on the right for courses of every size."""
        self._figure, (self._left, self._right) = panels(2, width=9, height=2.9)
        self._figure.set_layout_engine(None)  # the frame stays where it is, whatever is drawn in it
        self._figure.subplots_adjust(left=0.085, right=0.985, bottom=0.17, top=0.89, wspace=0.24)
        self._left.set(title="Bytes on the wire for this mix", ylim=(1.6, -0.7), xticks=[])
        self._left.set_yticks([0, 1], ["blob", "hash +\ncounter"])
        self._left.tick_params(left=False)
        self._left.spines["bottom"].set_visible(False)
        self._right.set(title="The same mix in courses of every size", xlabel="lessons", xlim=(0, 145))
        self._right.set_xticks(LESSONS)
        self._right.yaxis.set_major_formatter("{x:,.0f}")
        self._right.yaxis.set_major_locator(MaxNLocator(3, integer=True))  # words take most of the time
        self._rows = [self._row(row, role) for row, role in enumerate(ROLES.values())]
        self._lines = [self._line(way, role) for way, role in ROLES.items()]

    def _row(self, row: int, role: str) -> tuple[list[Rectangle], list[Text], Text]:
        """A bar of three parts, the parts' names above it, and its total beside it."""
        bars = [self._left.barh(row, 0, 0.5, color=ROLE[role], edgecolor="white")[0] for _ in NEEDS]
        names = [self._left.text(0, row - 0.38, need, ha="center", va="center", fontsize=8) for need in NEEDS]
        return bars, names, self._left.text(0, row, "", va="center", color=ROLE[role])

    def _line(self, way: str, role: str) -> tuple[Line2D, Line2D, Text]:
        """A line over all sizes, a dot for this one, and the name at the line's end."""
        line = self._right.plot(LESSONS, np.zeros(len(LESSONS)), color=ROLE[role])[0]
        dot = self._right.plot([0], [0], "o", color=ROLE[role])[0]
        return line, dot, self._right.text(LESSONS[-1] + 3, 0, way, va="center", color=ROLE[role])

    def __call__(
        self, lessons: int = 20, titles: int = 200, views: int = 100, pages: int = 10
    ) -> tuple[Figure, str]:
        """So many titles read, views counted and whole pages read, of a course with `lessons` (1 to 100).

        Returns the figure, always the same one, and its sentence.
        """
        mix = np.array([titles, views, pages])
        parts = [mix * np.array(of) for of in sizes(lessons).values()]
        blob, own = (int(part.sum()) for part in parts)
        self._draw_mix(parts, max(blob, own, 1))
        self._draw_sizes(mix, lessons)
        asked = f"{titles} titles, {views} views and {pages} pages of a course with {lessons} lessons"
        return (
            self._figure,
            f"{asked}: {blob:,} bytes as one blob, {own:,} as hash and counter. {_verdict(blob, own)}",
        )

    def _draw_mix(self, parts: list[Counts], most: int) -> None:
        """Left: the parts of each bar, named where there is room for a word."""
        self._left.set_xlim(0, 1.35 * most)
        for (bars, names, total), part in zip(self._rows, parts):
            starts = np.cumsum(part) - part
            for bar, name, start, size in zip(bars, names, starts, part):
                bar.set(x=start, width=size)
                name.set(x=start + size / 2, visible=bool(size > 0.12 * most))
            total.set(x=part.sum() + 0.02 * most, text=f"{part.sum():,}")

    def _draw_sizes(self, mix: Counts, lessons: int) -> None:
        """Right: both designs for courses of every size, a dot at this one."""
        top = 1
        for (line, dot, name), way in zip(self._lines, ROLES):
            curve = [int(mix @ np.array(sizes(size)[way])) for size in LESSONS]
            line.set_ydata(curve)
            dot.set_data([lessons], [int(mix @ np.array(sizes(lessons)[way]))])
            name.set_y(curve[-1])
            top = max(top, curve[-1])
        low, high = sorted((name for _, _, name in self._lines), key=lambda name: name.get_position()[1])
        self._right.set_ylim(-0.06 * top, 1.15 * top)
        if high.get_position()[1] - low.get_position()[1] < 0.12 * top:  # side by side they would overlap
            high.set_y(low.get_position()[1] + 0.12 * top)


def _verdict(blob: int, own: int) -> str:
    """Which of the two is cheaper, and how many times."""
    if not blob:
        return "Nobody asks, and nothing goes over the wire."
    if blob == own:
        return "Both cost the same."
    cheaper, factor = ("Hash and counter", blob / own) if blob > own else ("The blob", own / blob)
    return f"{cheaper}: {factor:,.2f} times fewer."
