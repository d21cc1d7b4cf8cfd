"""The plots of notebook 08 on a full server: what each policy hits, and whom it throws out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from labsupport.figures.style import ROLE, end_labels, label, mark, percent_axis

# Four lines that grey must tell apart, too: each policy's role, style and marker.
_LOOK = {
    "noeviction": ("origin", "-", "s"),
    "allkeys-lru": ("shared", "-", "o"),
    "allkeys-lfu": ("shared", "--", "D"),
    "volatile-ttl": ("other", "-", "^"),
}


def policies(ax: Axes, hits: pd.DataFrame, turned: int) -> str:
    """Hit rate over the requests (the index: where each window ends), one line for each policy (a column).

    turned: after how many requests other keys became the popular ones.
    """
    names = list(map(str, hits))
    for policy in names:
        role, line, _ = _LOOK[policy]
        ax.plot(hits.index, hits[policy], line, color=ROLE[role])
    ax.set(xlabel="requests", ylabel="hit rate", ylim=(0, 1), xlim=(0, 1.3 * hits.index[-1]))
    ax.set_xticks([0, turned, hits.index[-1]])
    ax.xaxis.set_major_formatter("{x:,.0f}")
    percent_axis(ax.yaxis)
    mark(ax, turned, "others are popular")
    end_labels(ax, [(hits.index[-1], hits[policy].iloc[-1], policy, _LOOK[policy][0]) for policy in names])
    before, after = hits[hits.index <= turned].iloc[-1], hits.iloc[-1]
    said = [f"{policy} [here: {before[policy]:.0%} and {after[policy]:.0%}]" for policy in names]
    return f"Hit rate before the change and at the end: {', '.join(said)}."


def kept_by_rank(ax: Axes, there: pd.DataFrame, edges: Sequence[int]) -> str:
    """What share of the keys is still there, by popularity: one line for each policy (a column of bools).

    there: a row for each key, the most popular first; edges: the last rank of each group.
    """
    groups = np.searchsorted(edges, np.arange(1, len(there) + 1))
    shares = there.groupby(groups).mean()
    names, last = list(map(str, there)), len(edges) - 1
    for policy in names:
        role, line, marker = _LOOK[policy]
        ax.plot(shares.index, shares[policy], line, color=ROLE[role], marker=marker, markersize=5)
    firsts = [1, *(edge + 1 for edge in edges[:-1])]
    ax.set_xticks(range(len(edges)), [f"{a:,}-{b:,}" for a, b in zip(firsts, edges)])
    ax.set(xlabel="popularity after the change (rank)", ylabel="keys still there", ylim=(-0.03, 1.1))
    ax.set_xlim(-0.3, 1.45 * (len(edges) - 1))
    percent_axis(ax.yaxis)
    end_labels(ax, [(last, shares[policy].iloc[-1], policy, _LOOK[policy][0]) for policy in names])
    said = [f"{policy} [here: {shares[policy].iloc[0]:.0%}]" for policy in names]
    return f"Still there of the {edges[0]} most popular: {', '.join(said)}."


def refusals(ax: Axes, works: Mapping[str, bool]) -> str:
    """Which commands a full server still obeys: a full dot where it does, an empty one where it refuses."""
    for place, (command, obeyed) in enumerate(works.items()):
        fill = ROLE["shared"] if obeyed else "white"
        ax.plot(place, 0, "o", color=ROLE["shared"], markerfacecolor=fill, markersize=13, markeredgewidth=2)
        label(ax, place, 0, command, "origin", xytext=(0, 18), ha="center")
        label(ax, place, 0, "works" if obeyed else "refused", xytext=(0, -18), ha="center")
    ax.set(xticks=[], yticks=[], xlim=(-0.6, len(works) - 0.4), ylim=(-1, 1))
    for spine in ax.spines.values():
        spine.set_visible(False)
    done, refused = ([name for name, ok in works.items() if ok == wanted] for wanted in (True, False))
    return f"{len(done)} of {len(works)} work: {', '.join(done)}. Refused: {', '.join(refused)}."
