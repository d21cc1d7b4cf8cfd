"""Every order in which the commands of clients can fall, as rows of boxes with what came of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from labsupport.figures.style import ROLE, nothing
from labsupport.fleet import instance_name

Words = Mapping[Any, str]  # an outcome in words
Names = Sequence[str] | Sequence[Sequence[str]]


def orders(ax: Axes, runs: pd.DataFrame, names: Names, right: Collection[Any], words: Words) -> str:
    """Every order as a row of commands and what came of it; client B's commands are grey.

    runs: columns `schedule` (client numbers) and `final`; names: a client's first, second ... command, the
    same for all clients, or such a list for each; right: the values of `final` that are as they should be.
    """
    if runs.empty:
        return nothing(ax, "no orders")
    width = len(runs["schedule"].iloc[0])
    for row, (schedule, final) in enumerate(zip(runs["schedule"], runs["final"])):
        for place, who in enumerate(schedule):
            _step_box(ax, place, row, _name(names, who, schedule[:place].count(who)), who)
        role, weight = ("shared", "normal") if final in right else ("origin", "bold")
        ax.text(width - 0.4, row, words[final], va="center", color=ROLE[role], fontweight=weight)
    ax.set(xlim=(-0.5, width + 0.8), ylim=(len(runs) - 0.4, -0.6))
    ax.axis("off")
    found = sorted(Counter(runs["final"].tolist()).items())
    return f"{len(runs)} orders: " + ", ".join(f"{words[final]} in {count}" for final, count in found) + "."


def _name(names: Names, who: int, step: int) -> str:
    """What stands on a command's box: with the client's letter where all have the same commands."""
    own = names[step] if isinstance(names[0], str) else names[who][step]
    return f"{instance_name(who)} {own}" if isinstance(names[0], str) else str(own)


def _step_box(ax: Axes, place: int, row: int, name: str, client: int) -> None:
    """One step: client A on white, client B on grey, so that the order can be seen at a glance."""
    fill = ["white", ROLE["pale"]][client % 2]
    box = FancyBboxPatch((place - 0.4, row - 0.28), 0.8, 0.56, boxstyle="round,pad=0.02")
    box.set(facecolor=fill, edgecolor="#555555")
    ax.add_patch(box)
    ax.text(place, row, name, ha="center", va="center", fontsize=9)
