"""The plots of notebook 04 on time: entries that expire, what a longer TTL costs, waves and ghosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from labsupport.figures.board import lanes
from labsupport.figures.style import ROLE, end_labels, label, percent_axis

Counts = NDArray[np.int64]


def five_lanes(ax: Axes, private: pd.DataFrame, shared: pd.DataFrame, ttl: float, changed: float) -> str:
    """One key's life in the caches of four instances and in one Redis, from two judged replays of it.

    `ttl` and `changed`, the moment of the change at the origin, in seconds.
    """
    both = pd.concat([private, shared.assign(instance=4)])
    lanes(ax, both, ttl, changed, [*"ABCD", "Redis"], ["private"] * 4 + ["shared"])
    one = shared.assign(instance=0)
    return f"{_life('Four dicts', private, ttl, changed)} {_life('Redis', one, ttl, changed)}"


def _life(name: str, log: pd.DataFrame, ttl: float, changed: float) -> str:
    """The fills of one design, and what is stale after the change: answers, and seconds of its entries."""
    fills = np.floor(log.loc[~log["hit"] & (log["at"] < changed)].groupby("instance")["at"].max())
    left = np.maximum(fills + ttl - changed, 0)
    return (
        f"{name}: {(~log['hit']).sum()} fills, {log['stale'].sum()} stale answers, "
        f"{left.sum():.0f} stale seconds of entries, the last {left.max():.0f} s after the change."
    )


def trade(
    ax: Axes,
    ttls: Sequence[int],
    hits: Sequence[float],
    stale: Sequence[float],
    laws: tuple[Sequence[float], Sequence[float]],
    reads: Mapping[int, float],
) -> str:
    """Hits and stale answers as shares of all requests against the TTL (s), the laws of both dashed.

    reads: TTL -> reads at the origin a minute, for the TTLs to be named.
    """
    for measured, law, role in zip((hits, stale), laws, ("shared", "origin")):
        ax.plot(ttls, measured, "o", color=ROLE[role], markersize=5)
        ax.plot(ttls, law, "--", color=ROLE["other"], linewidth=1.2, zorder=0)
    for ttl, count in reads.items():
        place = {"xytext": (0, -14), "ha": "left" if ttl == ttls[0] else "center", "fontsize": 8}
        label(ax, ttl, hits[list(ttls).index(ttl)], f"{count:.1f} reads/min", "shared", **place)
    ax.set(xscale="log", ylim=(0, 1.04), xlabel="TTL (log scale)", ylabel="share of the requests")
    ax.set_xticks(list(ttls), [f"{ttl} s" if ttl < 60 else f"{ttl / 60:g} min" for ttl in ttls])
    ax.minorticks_off()
    percent_axis(ax.yaxis)
    end_labels(ax, [(ttls[-1], hits[-1], "hits", "shared"), (ttls[-1], stale[-1], "stale", "origin")])
    gaps = [100 * np.abs(np.subtract(found, law)).max() for found, law in zip((hits, stale), laws)]
    rows = zip(ttls, hits, stale)
    named = [
        f"TTL {t:,} s: {h:.1%} hits, {s:.1%} stale, {reads[t]:.1f} reads a minute"
        for t, h, s in rows
        if t in reads
    ]
    return f"{'. '.join(named)}. The laws (dashed) are off by at most {max(gaps):.1f} points."


def first_wave(ax: Axes, plain: pd.Series[int], jittered: pd.Series[int]) -> str:
    """How many keys of one fill expire in each second (the index), without and with jitter."""
    ax.bar(plain.index, plain, width=0.8, color=ROLE["other"])
    ax.bar(jittered.index, jittered, width=0.8, color=ROLE["shared"])
    second = float(plain.index.to_numpy()[plain.argmax()])
    label(ax, second + 0.4, plain.max(), f"without jitter\n{plain.max():,}", va="top")
    label(ax, jittered.index[0], jittered.max(), f"with jitter {jittered.max():,}", "shared", xytext=(0, 9))
    ax.set(xlabel="lab time (s)", ylabel="keys that expire", ylim=(0, 1.05 * plain.max()))
    ax.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    ax.yaxis.set_major_formatter("{x:,.0f}")
    peaks = f"without jitter {plain.max():,}, with jitter {jittered.max():,}"
    return f"{plain.sum():,} keys, most in one second: {peaks}"


def fading_waves(ax: Axes, counts: Counts, law: NDArray[np.float64], ttl: int) -> str:
    """The waves of `model.expiries` (wave by second), their exact law, and where they level out."""
    keys, end = int(counts[0].sum()), min(counts.shape[1], len(counts) * ttl + ttl // 2)
    ax.fill_between(range(end), counts.sum(axis=0)[:end], step="mid", color=ROLE["shared"], linewidth=0)
    ax.plot(range(end), law.sum(axis=0)[:end], color=ROLE["origin"], linewidth=1, drawstyle="steps-mid")
    ax.axhline(keys / ttl, color=ROLE["origin"], linestyle=":", linewidth=1)
    label(ax, end, keys / ttl, f"evenly spread:\n{keys / ttl:,.0f}", "origin", fontsize=8)
    for number in (0, len(counts) - 1):
        top = counts[number].max()
        label(ax, counts[number].argmax(), top, f"{top:,}", "shared", xytext=(0, 9), ha="center")
    second = int(law[1].argmax())
    label(ax, second, law[1].max(), "line: the law", "origin", xytext=(8, 0), fontsize=8)
    ax.set(xlabel="lab time (s)", ylabel="keys that expire in a second", xlim=(0, end))
    ax.set_ylim(0, 1.15 * counts.max())
    return (
        f"With jitter the peak falls from {counts[0].max():,} in wave 1 (law {law[0].max():,.0f}) to "
        f"{counts[-1].max():,} in wave {len(counts)} (law {law[-1].max():,.0f})."
    )


def ghosts(ax: Axes, rows: Mapping[str, tuple[int, int]]) -> str:
    """Expired keys that nobody asked for: name -> (expired, how many of them DBSIZE still counts)."""
    for row, (expired, counted) in enumerate(rows.values()):
        ax.barh(row, expired, color="white", edgecolor=ROLE["other"], height=0.55)
        ax.barh(row, counted, color=ROLE["shared"], height=0.55)
        label(ax, expired, row, f"{counted:,} of {expired:,} still counted", "shared")
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set(xlim=(0, 1.6 * max(expired for expired, _ in rows.values())), xticks=[])
    ax.invert_yaxis()
    ax.spines["bottom"].set_visible(False)
    said = [
        f"{name}: DBSIZE still counts [here: {n:,}] of {all_:,} expired keys"
        for name, (all_, n) in rows.items()
    ]
    return f"{'. '.join(said)}."


def deadlines(ax: Axes, left: Mapping[str, int]) -> str:
    """The TTL (s) of a key after each command; -1, no deadline, runs off the picture."""
    most = max(left.values())
    for row, seconds in enumerate(left.values()):
        gone, role = seconds < 0, "origin" if seconds < 0 else "shared"
        [bar] = ax.barh(
            row, 1.25 * most if gone else seconds, color="white" if gone else ROLE[role], height=0.6
        )
        bar.set(edgecolor=ROLE[role], hatch="////" if gone else None)
        text = "no deadline left" if gone else f"{seconds} s"
        label(ax, bar.get_width(), row, text, role, fontweight="bold" if gone else "normal")
    ax.set_yticks(range(len(left)), list(left))
    ax.set(xlim=(0, 1.7 * most), xticks=[])
    ax.invert_yaxis()
    ax.spines["bottom"].set_visible(False)
    groups: dict[str, list[str]] = {}
    for command, seconds in left.items():
        groups.setdefault("no deadline" if seconds < 0 else f"{seconds} s", []).append(command)
    return " ".join(f"After {', '.join(commands)}: {what}." for what, commands in groups.items())
