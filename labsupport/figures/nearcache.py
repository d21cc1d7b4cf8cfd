"""The plots of notebook 08 on copies: a near-cache that is told or not, and a replica that is promoted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from labsupport.figures.board import lanes
from labsupport.figures.style import ROLE, end_labels, label, mark


def told_lanes(ax: Axes, log: pd.DataFrame, ttl: float, changed: float, names: Sequence[str]) -> str:
    """One key's copies in near-caches, a lane for each name: read from Redis, answered from the dict, stale.

    log: columns at (seconds), instance (the lane's number), hit (from the dict) and stale (bool); `ttl` of a
    copy, and when the key `changed`, in seconds.
    """
    lanes(ax, log, ttl, changed, names, "private")
    ax.texts[-1].set_text("the course changes")
    ax.set_xlabel(
        "seconds, a request in each;  ▲ read from Redis   | from the dict   × stale\nhatched: stale"
    )
    said = []
    for lane, name in enumerate(names):
        own = log[log["instance"] == lane]
        reads, stale = (~own["hit"]).sum(), own["stale"].sum()
        said.append(f"{name}: {reads} reads from Redis, {stale} of the answers stale")
    return f"{len(log) // len(names)} requests each. {'. '.join(said)}."


def failover(
    ax: Axes, views: Sequence[int], primary: Sequence[int], replica: Sequence[int], cut: int, killed: int
) -> str:
    """A counter on a primary and on its replica after so many views, and what the replica, promoted, says.

    primary: as many counts as it lived to say; cut: the views before the link was cut; killed: those before
    the primary died and the replica took its place.
    """
    ax.plot(views, views, "--", color=ROLE["other"], linewidth=1, zorder=0)
    ax.plot(views[: len(primary)], primary, color=ROLE["origin"], linewidth=2)
    ax.plot(views, replica, color=ROLE["shared"], linewidth=2, marker="o", markersize=4)
    ax.set(xlabel="views that happened", xlim=(views[0], 1.3 * views[-1] - 0.3 * views[0]))
    ax.set(ylabel="the counter says", ylim=(views[0], 1.08 * views[-1]))
    ax.set_xticks([views[0], cut, killed, views[-1]])
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter("{x:,.0f}")
    mark(ax, cut, "link cut", left=True)
    mark(ax, killed, "primary killed,\nreplica promoted")
    half = int(np.searchsorted(views, (cut + killed) / 2))
    label(ax, views[half], primary[half], "primary", "origin", xytext=(-4, 6), ha="right")
    last = views[-1]
    happened = (last, last, f"happened: {last:,}", "other")
    end_labels(ax, [(last, replica[-1], f"replica: {replica[-1]:,}", "shared"), happened])
    return (
        f"{last:,} views happened, and the promoted replica counts {replica[-1]:,}: "
        f"{last - replica[-1]} are lost, those from the cut ({cut:,}) to the death ({killed:,})."
    )
