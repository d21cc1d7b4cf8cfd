"""The plots of notebook 07 on the hot key: what an expiry costs, and who holds a lock when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from labsupport.figures.style import ROLE, label


def stampede(ax: Axes, per_expiry: Mapping[float, Sequence[int]], rate: float) -> str:
    """Reads at the origin against the seconds that a query takes: each expiry, their mean, and the law.

    per_expiry: seconds -> the reads of each expiry; rate: requests a second. Law: 1 + rate * seconds, the
    one that found nothing and those that come while its query runs. Source: counting, with Poisson arrivals.
    """
    seconds = sorted(per_expiry)
    means = {query: float(np.mean(per_expiry[query])) for query in seconds}
    for query in seconds:
        ax.plot([query] * len(per_expiry[query]), per_expiry[query], "_", color=ROLE["other"], markersize=12)
    ax.plot(seconds, list(means.values()), "o", color=ROLE["origin"], markersize=7)
    ends = np.array([0, 1.08 * seconds[-1]])
    ax.plot(ends, 1 + rate * ends, "--", color=ROLE["origin"], linewidth=1.2, zorder=0)
    label(ax, ends[1], 1 + rate * ends[1], f"law: 1 + {rate:g} × seconds", "origin", fontsize=9)
    last = seconds[-1]
    label(ax, last, means[last], "mean", "origin", xytext=(10, -6), va="top")
    label(ax, last, min(per_expiry[last]), "one expiry", xytext=(10, 0))
    top = max(max(reads) for reads in per_expiry.values())
    ax.set(xlabel="seconds that the query takes", ylabel="reads at the origin")
    ax.set(xlim=(0, 1.45 * last), ylim=(0, 1.1 * top))
    ax.set_xticks(seconds, [f"{query:g}" for query in seconds])
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    said = [f"{query:g} s: {mean:.1f} reads, law {1 + rate * query:g}" for query, mean in means.items()]
    return f"Reads per expiry by the query's seconds. {'. '.join(said)}."


Span = tuple[float, float]  # from taking the lock to giving it back, in lab seconds


def holders(ax: Axes, spans: Sequence[Span], what: str) -> str:
    """A bar for each holder of one lock, in the order of their numbers; hatched while another holds it too.

    what: the holders are, in the singular.
    """
    together, last = 0, max(ended for _, ended in spans)
    for row, (began, ended) in enumerate(spans):
        ax.barh(row, ended - began, left=began, height=0.62, color=ROLE["shared"])
        parts = _beside((began, ended), [*spans[:row], *spans[row + 1 :]])
        together += bool(parts)
        for low, high in parts:
            part = ax.barh(row, high - low, left=low, height=0.62, color="white", edgecolor=ROLE["origin"])
            part[0].set_hatch("////")
    ax.set_yticks(range(len(spans)), [str(row) for row in range(len(spans))])
    ax.set(xlabel="lab time (s);  hatched: beside another", ylabel=what)
    ax.set(xlim=(0, 1.03 * last), ylim=(len(spans) - 0.4, -0.6))
    ax.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    ax.tick_params(left=False)
    return f"{together} of {len(spans)} {what}s ran beside another; the last was done at {last:g} s."


def _beside(span: Span, others: Sequence[Span]) -> list[Span]:
    """The parts of a span in which one of the others held the lock as well, each part once."""
    parts: list[Span] = []
    for began, ended in sorted(others):
        low, high = max(span[0], began), min(span[1], ended)
        if parts and low <= parts[-1][1] and low < high:
            low, high = parts[-1][0], max(high, parts.pop()[1])
        if low < high:
            parts.append((low, high))
    return parts
