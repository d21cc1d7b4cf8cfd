"""The plots of notebook 09 that answer a doubt: bursts, the model beside real Redis, a bounded cache."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from labsupport.figures.plots import bars
from labsupport.figures.style import ON_WHITE, ROLE, end_labels, label, mark, percent_axis
from labsupport.figures.units import count

Booleans = NDArray[np.bool_]


def burstiness(ax: Axes, profile: Any) -> str:
    """One shared cache's hit rate with the log's times, with its keys dealt out anew, and by the formula.

    profile: what `decide.profile` returns, or anything else with real, shuffled, formula (0 to 1).
    """
    rates = {
        "the log's own times": profile.real,
        "times shuffled": profile.shuffled,
        "the formula": profile.formula,
    }
    bars(ax, rates, {"the log's own times": "shared"})
    ax.set_xlim(0, max(1.18 * max(rates.values()), 0.01))
    return (
        f"One shared cache hits {profile.real:.1%} with the log's own times, {profile.shuffled:.1%} with its "
        f"times shuffled, {profile.formula:.1%} by the formula. "
        f"The timing makes {100 * (profile.real - profile.shuffled):+.1f} points."
    )


def agreement(ax: Axes, model_hits: Booleans, redis_hits: Booleans) -> str:
    """Hits as they add up over the same requests: the model as a broad pale line, real Redis upon it.

    Both: hit or miss, request by request. The first request on which they differ is marked.
    """
    model, replayed = np.asarray(model_hits, dtype=bool), np.asarray(redis_hits, dtype=bool)
    requests = np.arange(1, len(model) + 1)
    ax.plot(requests, np.cumsum(model), color=ROLE["pale"], linewidth=8, solid_capstyle="butt")
    ax.plot(requests, np.cumsum(replayed), color=ROLE["shared"], linewidth=1.5)
    most = max(int(model.sum()), int(replayed.sum()), 1)
    ax.set(xlabel="requests", ylabel="hits so far", xlim=(0, 1.02 * len(model)), ylim=(0, 1.1 * most))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(4, integer=True))
        axis.set_major_formatter(lambda value, _: count(value))
    ends = [("the model", model, "other"), ("real Redis", replayed, "shared")]
    end_labels(ax, [(len(model), int(hit.sum()), f"{who}: {hit.sum():,}", of) for who, hit, of in ends])
    differ = np.flatnonzero(model != replayed)
    if len(differ):
        mark(ax, differ[0] + 1, "the first that differs", left=bool(differ[0] > len(model) / 2))
    return (
        f"Of {len(model):,} requests the model and real Redis agree on {len(model) - len(differ):,}: "
        f"{model.sum():,} hits in the model, {replayed.sum():,} with real Redis."
    )


def bounded_curve(ax: Axes, curve: pd.Series[float], unbounded: float, measured: Mapping[int, float]) -> str:
    """Hit rate of one shared cache against its room in entries (the index; log axis).

    curve: of an exact LRU cache; unbounded: without a limit, dashed; measured: room -> hit rate of the real
    server, as dots.
    """
    ax.axhline(unbounded, color=ROLE["origin"], linestyle="--", linewidth=1)
    ax.plot(curve.index, curve, color=ROLE["other"], marker="o", markersize=3)
    for room, rate in measured.items():
        ax.plot(room, rate, "D", color=ROLE["shared"], markersize=8)
        low = rate <= 0.1  # no room below; the curve rises, so it is out of the way to the left
        place = {"xytext": (-3, 14), "ha": "right"} if low and room > curve.index[0] else {}
        place = place or {"xytext": (9, 14 if low else -9)}
        label(ax, room, rate, f"real server {rate:.0%}", "shared", bbox=ON_WHITE, **place)
    rooms = [*curve.index, *measured]
    ax.set(xscale="log", xlim=(min(rooms) / 1.3, 1.3 * max(rooms)), ylim=(0, 1.1), ylabel="hit rate")
    ax.set_xlabel("room in entries (log scale)")
    ticks = _apart(curve.index, 0.13 * math.log(ax.get_xlim()[1] / ax.get_xlim()[0]))
    ax.set_xticks(ticks, [count(room) for room in ticks])
    ax.minorticks_off()
    percent_axis(ax.yaxis)
    edge = 1.3 * max(rooms)
    end_labels(ax, [(edge, curve.iloc[-1], "exact LRU", "other"), (edge, unbounded, "no limit", "origin")])
    said = [_beside(curve, room, rate) for room, rate in measured.items()]
    return " ".join([f"Without a limit the cache hits {unbounded:.1%}.", *said])


def _beside(curve: pd.Series[float], room: int, rate: float) -> str:
    """The real server beside exact LRU, where the curve has this room."""
    exact = f"exact LRU hits {curve[room]:.1%}, " if room in curve else ""
    entries = f"{room:,} {'entry' if room == 1 else 'entries'}"
    return f"With room for {entries} {exact}the real server [here: {rate:.1%}]."


def _apart(rooms: pd.Index[int], gap: float) -> list[int]:
    """The last of these numbers, and those before it whose logarithms leave room for words in between."""
    kept: list[int] = []
    for room in reversed(rooms.to_list()):
        if not kept or math.log(kept[-1] / room) > gap:
            kept.append(room)
    return kept
