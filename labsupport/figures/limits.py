"""The plots of notebook 07 on limiters and markers: what passed, and what became of each delivery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from labsupport.figures.plots import bars
from labsupport.figures.style import ON_WHITE, ROLE, end_labels, label, mark
from labsupport.fleet import instance_name

FATES = {
    "mail": ("o", "origin", "white"),
    "refused": ("x", "white", "white"),
    "dies": ("X", "origin", "white"),
}


def let_through(ax: Axes, passed: Mapping[str, int], limit: int, private: str) -> str:
    """How many calls each limiter (name -> count) let through, the limit dashed; `private`: the odd one."""
    roles = {name: "private" if name == private else "shared" for name in passed}
    finding = bars(ax, passed, roles, form="{:.0f}")
    ax.axvline(limit, color=ROLE["origin"], linestyle="--", linewidth=1)
    label(ax, limit, -0.62, f"limit {limit}", "origin", xytext=(3, 0), fontsize=8)
    ax.set_ylim(len(passed) - 0.5, -0.9)
    return finding


def by_instance_let(ax: Axes, passed: Mapping[str, Sequence[int]], limit: int) -> str:
    """Board, panel 1: calls that each instance let through with a private limiter, and with one on Redis."""
    for (name, counts), shift, role in zip(passed.items(), (-0.2, 0.2), ("private", "shared")):
        ax.bar(np.arange(len(counts)) + shift, counts, width=0.36, color=ROLE[role])
        for place, count in enumerate(counts):
            label(ax, place + shift, count, f"{count}", role, xytext=(0, 6), ha="center", fontsize=8)
        inside = counts[0] > limit / 2
        height, colour = (0.03 * limit, "white") if inside else (counts[0] + 0.1 * limit, ROLE[role])
        ax.text(shift, height, name, rotation=90, ha="center", va="bottom", fontsize=8, color=colour)
    ax.set_xticks(range(len(counts)), [instance_name(i) for i in range(len(counts))])
    ax.set(xlabel="instance", ylabel="calls let through", ylim=(0, 1.2 * max(map(max, passed.values()))))
    sums = ", ".join(f"{name} {sum(counts)}" for name, counts in passed.items())
    return f"calls let through where {limit} are allowed: {sums}"


def deliveries(ax: Axes, runs: Mapping[str, pd.DataFrame], end: float) -> str:
    """One event's deliveries under each marker (name -> run), how long the marker lived, how many mails came.

    run: columns at (lab seconds), fate (of FATES) and left (seconds that the marker then has); after second
    `end` nothing is drawn.
    """
    for lane, run in enumerate(runs.values()):
        for at, fate, left in run[["at", "fate", "left"]].itertuples(index=False):
            ax.barh(lane, min(at + left, end) - at, left=at, height=0.36, color=ROLE["shared"])
            shape, colour, edge = FATES[fate]
            [dot] = ax.plot(at, lane, shape, color=ROLE.get(colour, colour), markeredgecolor=edge)
            dot.set(markersize=7 if fate == "refused" else 10, markeredgewidth=2 if fate == "refused" else 1)
            label(ax, at, lane, fate, "origin", xytext=(0, 14), ha="center", fontsize=8)
        mails = sum(run["fate"] == "mail")
        text = f"{mails or 'no'} mail{'s' * (mails > 1)}"
        label(ax, end, lane, text, "origin", fontweight="normal" if mails == 1 else "bold")
    ax.set_yticks(range(len(runs)), list(runs))
    ax.set(
        xlabel="lab time (s);  bar: the marker lives",
        xlim=(-0.1 * end, 1.3 * end),
        ylim=(len(runs) - 0.5, -0.8),
    )
    ax.set_xticks(sorted({at for run in runs.values() for at in run["at"]}))
    return "; ".join(f"{name}: {_mails(run)}" for name, run in runs.items())


def _mails(run: pd.DataFrame) -> str:
    """When mails went out, in words."""
    moments = [f"{at:g} s" for at in run.loc[run["fate"] == "mail", "at"]]
    return f"mail at {' and '.join(moments)}" if moments else "no mail"


def calls_over_time(
    ax: Axes, made: Sequence[float], passed: Sequence[float], limit: int, boundary: float
) -> None:
    """Calls as they add up, made (grey) and let through (blue; at least one), in seconds; dashed: the limit.

    boundary: the second at which the next window begins.
    """
    ax.set(xlabel="seconds", ylabel="calls", ylim=(0, 1.4 * max(len(made), limit)))
    # Both show where they are one.
    for moments, role, width in ((made, "pale", 4.5), (passed, "shared", 1.5)):
        counts = range(len(moments) + 1)
        ax.step([moments[0], *moments], counts, where="post", color=ROLE[role], linewidth=width)
    shown = ((passed, "let through", "shared"), (made, "made", "other"))
    end_labels(ax, [(of[-1], len(of), f"{name} {len(of)}", role) for of, name, role in shown])
    for words in ax.texts:  # the limit's line must not run through them
        words.set_bbox(ON_WHITE)
    ax.axhline(limit, color=ROLE["origin"], linestyle="--", linewidth=1)
    mark(ax, boundary, "the next minute begins")
    right = {"xycoords": ax.get_yaxis_transform(), "xytext": (0, -8), "ha": "right", "fontsize": 8}
    label(ax, 1, limit, f"limit {limit}", "origin", **right)
