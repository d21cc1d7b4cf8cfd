"""What the learner believed against what was measured: a strip for one prediction, a chart for all."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from labsupport.figures.style import ON_WHITE, ROLE, label, percent_axis

Mark = tuple[float, str]  # where on the scale, and the words beside it
Ends = tuple[float, float]


class Past(NamedTuple):
    """A question and what became of it."""

    label: str
    notebook: str
    choice: bool  # its answer is an option, not a number
    error: float | None  # as a share of its scale; None without a prediction and its outcome
    predicted: bool


def three_marks(
    ax: Axes,
    ends: Ends,
    ticks: Mapping[float, str] | None,
    unit: str,
    predicted: Mark | None,
    law: Mark | None,
    measured: Mark,
    role: str = "shared",
) -> None:
    """One scale and up to three marks above it, each on a line of its own, so that equal values stay legible.

    ends: of the scale; ticks: place -> words, or None for numbers in `unit`; role: whose colour the
    measured value has.
    """
    _scale(ax, ends, ticks, unit)
    ax.set_ylim(-0.7, 2.5)
    ax.axvline(measured[0], color=ROLE[role], linestyle=":", linewidth=1, zorder=1)
    _mark(ax, 0, measured, "o", role, to_the_left=measured[0] > sum(ends) / 2)
    if law:
        _mark(ax, 1, law, "|", "other", to_the_left=_away(law[0], measured[0], ends))
    if predicted:
        ax.plot([predicted[0], measured[0]], [2, 2], color=ROLE["origin"], linewidth=1, zorder=1)
        _mark(ax, 2, predicted, "D", "origin", to_the_left=_away(predicted[0], measured[0], ends))
    else:
        label(ax, ends[0], 2, "no prediction", bbox=ON_WHITE)


def _away(place: float, measured: float, ends: Ends) -> bool:
    """Whether words go to the left of a mark: away from the measured value, unless there is no room."""
    along = (place - ends[0]) / (ends[1] - ends[0])
    return along > 0.7 or (along > 0.3 and place < measured)


def _mark(ax: Axes, line: int, mark: Mark, shape: str, role: str, to_the_left: bool) -> None:
    """One mark on its line, its words beside it."""
    size, thick = (15, 3) if shape == "|" else (8, 0)
    ax.plot(mark[0], line, shape, color=ROLE[role], markersize=size, markeredgewidth=thick, clip_on=False)
    xytext, ha = ((-11, 0), "right") if to_the_left else ((11, 0), "left")
    label(ax, mark[0], line, mark[1], role, xytext=xytext, ha=ha, bbox=ON_WHITE, zorder=2)


def _scale(ax: Axes, ends: Ends, ticks: Mapping[float, str] | None, unit: str) -> None:
    """The horizontal axis and nothing else; of numbers, the last has the unit."""
    if ticks is None:
        round_numbers = MaxNLocator(8, steps=[1, 2, 5, 10], integer=True).tick_values(*ends)
        places = [place for place in round_numbers if ends[0] <= place <= ends[1]]
        words = [f"{place:,g}" for place in places]
        words[-1] += f" {unit}"
    else:
        places, words = list(ticks), [textwrap.fill(text, 88 // len(ticks)) for text in ticks.values()]
    ax.set_xticks(places, words)
    ax.set_xlim(ends)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)


def past_errors(ax: Axes, pasts: Sequence[Past]) -> None:
    """Each question at its place in the series, its error as the height of a mark; without one, empty."""
    for place, past in enumerate(pasts):
        if past.error is not None:
            _stem(ax, place, past.error, "s" if past.choice else "o")
        elif past.predicted:
            label(ax, place, 0, "?", xytext=(0, 8), ha="center", fontsize=8)
    ax.set_xticks(range(len(pasts)), [past.label for past in pasts], rotation=90, fontsize=8)
    for tick, past in zip(ax.get_xticklabels(), pasts):
        tick.set_color(ROLE["other" if past.error is None else "origin"])
    top = max([1, *(past.error for past in pasts if past.error is not None)])
    ax.set(xlim=(-0.7, len(pasts) - 0.3), ylim=(0, 1.25 * top), yticks=[0, 0.5, 1])
    ax.set_ylabel("error, as share\nof the scale")
    ax.set_xlabel("● number    ■ choice: right at 0%, wrong at 100%    ? outcome not seen yet", fontsize=8)
    percent_axis(ax.yaxis)
    ax.tick_params(bottom=False)
    _notebooks(ax, [past.notebook for past in pasts])


def _stem(ax: Axes, place: float, height: float, shape: str) -> None:
    """A mark on a thin stem."""
    ax.plot([place, place], [0, height], color=ROLE["origin"], linewidth=1)
    ax.plot(place, height, shape, color=ROLE["origin"], markersize=6, clip_on=False)


def _notebooks(ax: Axes, numbers: Sequence[str]) -> None:
    """A line between two notebooks, and each one's number over its questions."""
    start = 0
    for number, group in groupby(numbers):
        end = start + len(list(group))
        middle, top = (start + end - 1) / 2, ("data", "axes fraction")
        label(ax, middle, 1, number, xytext=(0, 0), xycoords=top, ha="center", va="top", fontsize=8)
        if start:
            ax.axvline(start - 0.5, color=ROLE["pale"], linewidth=1)
        start = end
