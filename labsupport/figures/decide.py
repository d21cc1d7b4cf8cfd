"""The plots of notebook 09 against the TTL: hit rate, reads at the origin, memory of the shared cache."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from labsupport.errors import BadArgument
from labsupport.figures.style import LINE, ON_WHITE, ROLE, end_labels, label, mark, percent_axis
from labsupport.figures.units import count, duration, points, size

TICKS = {1: "1 s", 10: "10 s", 60: "1 min", 600: "10 min", 3_600: "1 h", 86_400: "1 day", 864_000: "10 days"}
TOLD = 0.0005  # a gain of a twentieth of a point is one; less is none

Curve = pd.Series  # of float, indexed by the TTL in seconds


def ttl_curves(ax: Axes, grid: pd.DataFrame, instances: int, staleness: float, span: float = math.inf) -> str:
    """Hit rate against the TTL: one shared cache, `instances` private ones, a band for all others.

    grid: what `decide.sweep` returns; staleness: the bound in seconds, dotted; span: how long the log is (s),
    longer TTLs are hatched. An arrow shows where sharing gains most. BadArgument if `instances` is not there.
    """
    shared, private = both(grid, instances, "hit_rate")
    gain = shared - private
    best, some = float(gain.idxmax()), gain.max() >= TOLD  # type: ignore[arg-type]
    ax.set(ylabel="hit rate", ylim=(0, 1.16), yticks=[0, 0.25, 0.5, 0.75, 1])
    percent_axis(ax.yaxis)
    _ttl_axis(ax, shared, span)
    _draw(ax, grid, instances, "hit_rate")
    _bound(ax, staleness)
    if some:
        _arrow(ax, shared, best, private[best])
    at, name = _allowed(shared, staleness), _private(instances)
    most = f"most at TTL {duration(best)}: {points(gain[best])}" if some else "nothing at any TTL"
    return (
        f"TTL {duration(at)}: one shared cache hits {shared[at]:.1%}, {name} {private[at]:.1%}. "
        f"Sharing gains {most}."
    )


def origin_load(
    ax: Axes,
    grid: pd.DataFrame,
    instances: int,
    capacity: float | None = None,
    staleness: float = math.inf,
    span: float = math.inf,
) -> str:
    """Reads at the origin a second against the TTL, on the axis and with the band of `ttl_curves`.

    capacity: the reads a second that the origin can take, dashed; staleness: the bound (s), dotted, and the
    finding speaks of the longest TTL within it; span: as in `ttl_curves`.
    """
    shared, private = both(grid, instances, "origin_reads")
    top = float(grid["origin_reads"].max())
    seen = capacity is not None and capacity <= 4 * top  # a line higher up would flatten the others
    ax.set(ylabel="origin reads a second", ylim=(0, 1.14 * (max(top, capacity or 0) if seen else top)))
    ax.yaxis.set_major_formatter(lambda value, _: count(value))
    _ttl_axis(ax, shared, span)
    named = []
    if capacity is not None:
        height = capacity if seen else ax.get_ylim()[1]
        named = [(height, f"capacity {count(capacity)}{'' if seen else ' ↑'}", "origin")]
        if seen:
            ax.axhline(capacity, color=ROLE["origin"], linestyle="--", linewidth=1)
    _draw(ax, grid, instances, "origin_reads", named)
    _bound(ax, staleness)
    at, reads = _allowed(shared, staleness), {"one shared cache": shared, _private(instances): private}
    said = ", ".join(f"{name} {count(curve[at])}" for name, curve in reads.items())
    finding = f"Origin reads a second at TTL {duration(at)}: {said}."
    if capacity is None:
        return finding
    enough = ", ".join(f"with {name} {_within(curve, capacity)}" for name, curve in reads.items())
    return f"{finding} The origin can take {count(capacity)}: {enough}."


def memory_curve(ax: Axes, memory: Curve, staleness: float, measured_to: float = math.inf) -> str:
    """Bytes of the shared cache against the TTL (the index, s), from the real server.

    measured_to: the longest TTL that was measured; from there on the line is dashed, computed in proportion.
    """
    known, rest = memory[memory.index <= measured_to], memory[memory.index > measured_to]
    beyond = pd.concat([known.iloc[-1:], rest])
    ax.plot(known.index, known, color=ROLE["shared"], marker="o", markersize=4)
    ax.plot(beyond.index, beyond, "--", color=ROLE["shared"], linewidth=1.2)
    ax.set(ylabel="memory of the shared cache", ylim=(0, 1.2 * memory.max()))
    ax.yaxis.set_major_formatter(lambda value, _: size(value) if value else "0")
    _ttl_axis(ax, memory)
    if len(rest):
        ax.set_xlabel("TTL (dashed: computed in proportion)")
    _bound(ax, staleness)
    at, last = _allowed(memory, staleness), memory.index[-1]
    for ttl in dict.fromkeys((at, last)):  # above a rising curve there is room to the left
        place = {"xytext": (-2, 9)} if ttl == memory.index[0] else {"xytext": (-5, 8), "ha": "right"}
        label(ax, ttl, memory[ttl], size(memory[ttl]), "shared", **place)
    dashed = f" From TTL {duration(rest.index[0])} on it is computed in proportion." if len(rest) else ""
    return (
        f"The shared cache takes [here: {size(memory[at])}] at TTL {duration(at)} and "
        f"[here: {size(memory[last])}] at TTL {duration(last)}.{dashed}"
    )


def both(grid: pd.DataFrame, instances: int, what: str) -> tuple[Curve, Curve]:
    """A column of the grid by TTL: for one shared cache, and for `instances` private ones. BadArgument."""
    rows = grid[grid["instances"] == instances].drop_duplicates(["ttl", "shared"]).sort_values("ttl")
    if rows.empty:
        raise BadArgument(
            f"the grid has no row for {instances} instances: give sweep this number, too, and run it again."
        )
    by_ttl = rows.set_index(["shared", "ttl"])[what]
    return by_ttl[True], by_ttl[False]


def _ttl_axis(ax: Axes, curve: Curve, span: float = math.inf) -> None:
    """A log axis over the curve's TTLs, with ticks in words; what is longer than `span` (s) is hatched."""
    first, last = curve.index[0], curve.index[-1]
    low, high = (first / 3, last * 3) if first == last else (first / 1.1, last * 1.1)
    ticks = [tick for tick in TICKS if low <= tick <= high]
    ticks = ticks if len(ticks) > 1 else sorted({first, last})
    ax.set(xscale="log", xlim=(low, high), xlabel="TTL")
    ax.set_xticks(ticks, [TICKS.get(tick, duration(tick)) for tick in ticks])
    ax.minorticks_off()
    if span < last:
        beyond = ax.axvspan(max(span, low), high, color=ROLE["pale"], linewidth=0, zorder=0)
        beyond.set(facecolor="white", hatch="////")
        ax.set_xlabel("TTL (hatched: longer than the log)")


def _draw(
    ax: Axes, grid: pd.DataFrame, instances: int, what: str, further: Sequence[tuple[float, str, str]] = ()
) -> None:
    """Both lines and the band, all named at the right, and there what else is to be: (y, text, role)."""
    shared, private = both(grid, instances, what)
    band = grid[~grid["shared"]].groupby("ttl")[what].agg(["min", "max"])
    ax.fill_between(band.index, band["min"], band["max"], color=ROLE["private"], alpha=0.2, linewidth=0)
    for line, role in ((private, "private"), (shared, "shared")):
        ax.plot(line.index, line, color=ROLE[role], marker="o", markersize=3)
    last = grid[~grid["shared"] & (grid["ttl"] == shared.index[-1])].groupby("instances")[what].first()
    fleets = sorted({int(last.index.min()), int(last.index.max()), instances})
    named = [(shared.iloc[-1], "one shared", "shared")]
    named += [(last[number], f"{number} private", "private") for number in fleets]
    _name_ends(ax, [*named, *further])


def _name_ends(ax: Axes, ends: list[tuple[float, str, str]]) -> None:
    """Labels (y, text, role) at the right edge; where many are near the top, they stack downwards from it."""
    (low, high), height = ax.get_ylim(), ax.get_figure(root=True).get_figheight()  # type: ignore[union-attr]
    line = LINE * (high - low) / (50 * height)  # as `end_labels` measures
    ranked = enumerate(sorted(ends, key=lambda end: -end[0]))
    kept = [(min(max(y, low + line / 2), high - rank * line), text, role) for rank, (y, text, role) in ranked]
    end_labels(ax, [(ax.get_xlim()[1], *end) for end in reversed(kept)])


def _bound(ax: Axes, staleness: float) -> None:
    """The staleness bound as a dotted line, if it lies on the axis."""
    low, high = ax.get_xlim()
    if low <= staleness <= high:
        mark(ax, staleness, f"at most {duration(staleness)} stale", left=staleness > math.sqrt(low * high))


def _allowed(curve: Curve, staleness: float) -> float:
    """The longest TTL that keeps to the bound, or the shortest of all."""
    return float(max(curve.index[curve.index <= staleness], default=curve.index[0]))


def _arrow(ax: Axes, curve: Curve, ttl: float, low: float) -> None:
    """A double arrow from `low` up to the curve, its length in points above the curve, which rises.

    So there is room for words to the left; near the left end, above what the curve reaches where they end.
    """
    high, line = curve[ttl], {"arrowstyle": "<->", "color": ROLE["origin"], "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", (ttl, high), (ttl, low), arrowprops=line)
    start, end = np.log(ax.get_xlim())
    words = (end - start) / 4
    y, place = high, {"xytext": (-5, 8), "ha": "right"}
    if math.log(ttl) - start < words:
        y, place = np.interp(math.log(ttl) + words, np.log(curve.index), curve), {"xytext": (-3, 8)}
    label(ax, ttl, y, points(high - low), "origin", fontsize=9, bbox=ON_WHITE, **place)


def _private(instances: int) -> str:
    return f"{instances} private caches" if instances > 1 else "1 private cache"


def _within(reads: Curve, capacity: float) -> str:
    """At which TTLs the origin can take it: a longer TTL never reads more often."""
    ttls = reads.index[reads <= capacity]
    if len(ttls) in (0, len(reads)):
        return "at every TTL" if len(ttls) else "at no TTL"
    return f"from TTL {duration(ttls[0])} on"
