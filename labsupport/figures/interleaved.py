"""Commands of several clients in the order in which they reached the server, as rows of boxes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from labsupport.figures.style import ROLE, label, nothing
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


Packet = tuple[Sequence[str], Sequence[int]]  # its commands, and the counts that another client sees then


def packets(ax: Axes, ways: Mapping[str, Sequence[Packet]], total: int) -> str:
    """Commands that arrive in packets, and after each packet (grey) what another client sees of their work.

    ways: way -> its packets. Counts that do not add up to `total` are bold.
    """
    columns = 1 + max(len(commands) for way in ways.values() for commands, _ in way)
    for row, way in enumerate(ways.values()):
        for number, (commands, counts) in enumerate(way):
            look = columns * (number + 1)
            for place, name in enumerate([*commands, _sum(counts)], look - len(commands)):
                _step_box(ax, place, row, name, client=int(place == look))
            ax.texts[-1].set_fontweight("normal" if sum(counts) == total else "bold")
            if not row:
                label(ax, look - columns / 2, -0.6, f"packet {number + 1}", xytext=(0, 0), ha="center")
                label(ax, look, -0.6, "another sees", xytext=(0, 0), ha="center")
    ax.set(xlim=(0.5, columns * len(way) + 0.5), ylim=(len(ways) - 0.6, -0.8), xticks=[])
    ax.set_yticks(range(len(ways)), list(ways))
    ax.tick_params(left=False)
    ax.spines[:].set_visible(False)
    looks = {name: ", then ".join(_sum(counts) for _, counts in way) for name, way in ways.items()}
    return " ".join(f"By {name} another sees {look}." for name, look in looks.items())


def _sum(counts: Sequence[int]) -> str:
    return f"{' + '.join(map(str, counts))} = {sum(counts)}"


def _step_box(ax: Axes, place: int, row: int, name: str, client: int) -> None:
    """One step: client A on white, client B on grey, so that the order can be seen at a glance."""
    fill = ["white", ROLE["pale"]][client % 2]
    box = FancyBboxPatch((place - 0.4, row - 0.28), 0.8, 0.56, boxstyle="round,pad=0.02")
    box.set(facecolor=fill, edgecolor="#555555", in_layout=False)  # inside the axes: no need to measure it
    ax.add_patch(box)
    ax.text(place, row, name, ha="center", va="center", fontsize=9, in_layout=False)
