"""The plots of notebook 04 on names and writes: a rolling deploy, ways to stay fresh, counters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from labsupport.figures.style import ROLE, label, mark, percent_axis
from labsupport.fleet import instance_name


def rolling_deploy(ax: Axes, log: pd.DataFrame, deployed: Mapping[int, float]) -> str:
    """Each instance's requests on a line that turns from the old to the new release; crosses failed.

    log: at, instance, failed (bool), old (bool: the old release answered); deployed: instance -> seconds.
    """
    end = log["at"].max()
    for instance, moment in deployed.items():
        ax.barh(instance, moment, height=0.62, color=ROLE["pale"])
        ax.barh(instance, end - moment, left=moment, height=0.62, color="white", edgecolor=ROLE["pale"])
    for failed, shape, role in ((False, ".", "shared"), (True, "x", "origin")):
        shown = log[log["failed"] == failed]
        ax.plot(shown["at"], shown["instance"], shape, color=ROLE[role], markersize=7)
    label(ax, 0, 0, "old release", "origin", xytext=(2, 17), fontsize=8)
    label(ax, end, 0, "new release", "origin", xytext=(-2, 17), ha="right", fontsize=8)
    ax.set_yticks(list(deployed), [instance_name(i) for i in deployed])
    ax.set(xlabel="lab time (s);  · answered   × failed", ylim=(len(deployed) - 0.5, -1), xlim=(-3, end + 3))
    old = log.loc[log["failed"], "old"]
    whose = f"{old.sum()} of the old release, {(~old).sum()} of the new one"
    return f"{len(log)} requests, {len(old)} failed: {whose}"


def costs(axes: Sequence[Axes], ways: pd.DataFrame) -> str:
    """One panel for each column of `ways` (counts), one bar in it for each row (a way to write)."""
    for ax, what in zip(axes, ways.columns):
        ax.barh(range(len(ways)), ways[what], color=ROLE["shared"], height=0.6)
        for row, count in enumerate(ways[what]):
            label(ax, count, row, f"{count}", "shared")
        ax.set(xlim=(0, 1.25 * max(ways[what].max(), 1)), xticks=[], yticks=[], title=what)
        ax.invert_yaxis()
        ax.spines["bottom"].set_visible(False)
    axes[0].set_yticks(range(len(ways)), list(ways.index))
    said = [f"{way}: {', '.join(f'{n} {what}' for what, n in row.items())}" for way, row in ways.iterrows()]
    return f"{'. '.join(said)}."


def rates_by_version(ax: Axes, log: pd.DataFrame) -> str:
    """Board, panel 1: each instance's hit rate under the old and under the new name of a key.

    log: instance, hit (bool), old (bool: the old name was asked for).
    """
    said = []
    for old, shift, name, role in (
        (True, -0.2, "course:204", "pale"),
        (False, 0.2, "course:v2:204", "shared"),
    ):
        rates = log[log["old"] == old].groupby("instance")["hit"].mean().to_numpy()
        ax.bar(np.arange(4) + shift, rates, width=0.36, color=ROLE[role])
        ink = ROLE["origin"] if old else "white"
        ax.text(shift, 0.03, name, rotation=90, ha="center", va="bottom", fontsize=8, color=ink)
        said.append(f"{name} {', '.join(f'{instance_name(i)} {rate:.0%}' for i, rate in enumerate(rates))}")
    ax.set_xticks(range(4), list("ABCD"))
    ax.set(ylim=(0, 1.12), ylabel="hit rate", xlabel="instance")
    percent_axis(ax.yaxis)
    return f"hit rates under {'; '.join(said)}"


def window_counters(ax: Axes, counts: pd.DataFrame, touched: float) -> str:
    """Board, panel 3: what counters with a TTL say over lab time (the index, s), a column for each.

    `touched`: the second in which each of them was corrected.
    """
    mark(ax, touched, "corrected")
    for name, role in zip(counts.columns, ("origin", "shared")):
        ax.step(counts.index, counts[name], where="post", color=ROLE[role])
        label(ax, counts.index[-1], counts[name].iloc[-1], name, role)
    ax.set(xlabel="lab time (s)", ylabel="views in this window", xlim=(0, 1.35 * counts.index[-1]))
    ax.set_ylim(0, 1.08 * float(np.max(counts.to_numpy())))
    last = ", ".join(f"{name} {counts[name].iloc[-1]}" for name in counts.columns)
    return f"the views of this window, after a correction at {touched:g} s: {last}"
