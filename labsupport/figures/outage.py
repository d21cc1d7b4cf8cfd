"""The plots of notebook 08 on a slow and on a lost server: latency, reads at the origin, and its board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from labsupport.figures.style import ON_WHITE, ROLE, label, percent_axis
from labsupport.fleet import instance_name

Slow = tuple[NDArray[np.float64], float]  # latencies in ms, and requests a second
Gone = tuple[int, int]  # the first request without the server, and the first with it again

_IN_WHITE = {"xytext": (0, 0), "ha": "center", "bbox": ON_WHITE}


def slowness(axes: Sequence[Axes], runs: Mapping[int, Slow], clients: int) -> str:
    """Latency (p50, p95, p99) and throughput of so many `clients` that each wait for their answer.

    runs: delay in ms -> what was measured. By Little's law the clients get at most
    clients / delay requests a second (Little, Operations Research 1961), drawn as a dash.
    """
    said = []
    for row, (delay, (latencies, rate)) in enumerate(runs.items()):
        marks = np.percentile(latencies, [50, 95, 99])
        axes[0].plot(marks[[0, 2]], [row, row], color=ROLE["shared"], linewidth=7, alpha=0.4)
        for moment, shape in zip(marks, "|x+"):
            axes[0].plot(moment, row, shape, color=ROLE["shared"], markersize=10, markeredgewidth=2)
        axes[0].plot([delay, delay], [row - 0.4, row + 0.4], "--", color=ROLE["origin"], linewidth=1.2)
        _rate(axes[1], row, rate, 1_000 * clients / delay)
        words = "/".join(f"{moment:,.0f}" for moment in marks)
        said.append(f"{delay} ms: p50/p95/p99 [here: {words} ms], [here: {rate:,.0f} requests/s]")
    for ax in axes:
        ax.set_yticks(range(len(runs)), [f"{delay} ms" for delay in runs])
        ax.set(xscale="log", ylim=(len(runs) - 0.5, -0.6))
        ax.minorticks_off()
        ax.xaxis.set_major_formatter("{x:,g}")
    axes[0].set(xlabel="ms (log);  | p50   x p95   + p99   dashed: the delay", ylabel="delay")
    axes[1].set(xlabel="requests a second (log);  dashed: clients / delay")
    axes[1].set_xlim(right=4 * axes[1].get_xlim()[1])
    return f"{'. '.join(said)}."


def _rate(ax: Axes, row: int, rate: float, most: float) -> None:
    """A dot for what was served a second, and a dash for the most that the law allows."""
    ax.plot(rate, row, "o", color=ROLE["shared"], markersize=9)
    ax.plot([most, most], [row - 0.4, row + 0.4], "--", color=ROLE["origin"], linewidth=1.2)
    label(ax, most, row, f"{rate:,.0f} of at most {most:,.0f}", "shared", xytext=(8, 0), fontsize=9)


def outages(axes: Sequence[Axes], runs: Mapping[str, pd.DataFrame], gone: Gone, window: int) -> str:
    """Reads at the origin and errors in each `window` of requests, one panel for each way (a name).

    runs: name -> a row for each request, with the columns `read`, `error` (both bool) and `stale`.
    """
    said = []
    for ax, (name, log) in zip(axes, runs.items()):
        counts = log[["read", "error"]].groupby(log.index // window * window).sum()
        places = counts.index + window / 2
        ax.axvspan(*gone, color=ROLE["pale"], alpha=0.45, linewidth=0)
        ax.bar(places, counts["read"], width=0.86 * window, color=ROLE["origin"])
        bars = ax.bar(places, counts["error"], width=0.86 * window, bottom=counts["read"], color="white")
        for bar in bars:
            bar.set(edgecolor=ROLE["other"], hatch="////", linewidth=0.5)
        ax.set(title=name, xlim=(0, len(log)), ylim=(0, 1.12 * window), xlabel="requests")
        ax.set_xticks([0, *gone, len(log)])
        ax.tick_params(axis="x", labelsize=7)
        ax.label_outer()
        said.append(f"{name} {_while_gone(log, gone)}")
    axes[0].set_ylabel(f"of {window} requests")
    label(axes[0], sum(gone) / 2, 0.5 * window, "errors", "origin", **_IN_WHITE)
    label(axes[1], sum(gone) / 2, 0.5 * window, "reads", color="white", xytext=(0, 0), ha="center")
    return f"While Redis is gone, {gone[1] - gone[0]} requests: {'; '.join(said)}."


def _while_gone(log: pd.DataFrame, gone: Gone) -> str:
    """What happened while the server was gone: "100 reads, 5 errors"; stale answers only if there are any."""
    counts = log.iloc[slice(*gone)][["read", "error", "stale"]].sum()
    stale = f", {counts['stale']} stale answers" if counts["stale"] else ""
    return f"{counts['read']} reads, {counts['error']} errors{stale}"


def phases(ax: Axes, log: pd.DataFrame, gone: Gone) -> str:
    """Board panel 1: each instance's hit rate before, during and after the outage.

    log: a row for each request, columns `instance` and `hit`.
    """
    names = np.repeat(["before", "during", "after"], [gone[0], gone[1] - gone[0], len(log) - gone[1]])
    rates = log.groupby([names, "instance"])["hit"].mean()
    said = []
    roles = {"before": "shared", "during": "private", "after": "shared"}
    for shift, (phase, role) in enumerate(roles.items()):
        heights = rates[phase].to_numpy()
        places = np.arange(len(heights)) + 0.28 * (shift - 1)
        ax.bar(places, heights, width=0.25, color=ROLE[role])
        ax.text(places[0], 0.03, phase, rotation=90, ha="center", va="bottom", fontsize=8, color="white")
        said.append(f"{phase} {', '.join(f'{rate:.0%}' for rate in heights)}")
    ax.set_xticks(range(len(heights)), [instance_name(i) for i in range(len(heights))])
    ax.set(ylim=(0, 1.12), ylabel="hit rate", xlabel="instance")
    percent_axis(ax.yaxis)
    return f"hit rates of A, B, C, D {'; '.join(said)}"


def lives(ax: Axes, log: pd.DataFrame, courses: Mapping[str, str], gone: Gone) -> str:
    """Board panel 2: the entries of some courses on Redis, from fill to change, or to the server's end.

    log: a row for each request, columns `key`, `read` (bool) and `changed` (the key that was changed just
    before it, or None); courses: key -> the lane's name.
    """
    cut = again = 0
    for lane, key in enumerate(courses):
        ax.axhline(lane, color=ROLE["pale"], linewidth=1, zorder=0)
        for fill, end in _entries(log, key, gone):
            killed = end == gone[0]
            cut += killed
            again += fill >= gone[1]
            ax.barh(lane, end - fill, left=fill, height=0.46, color=ROLE["shared"], edgecolor="white")
            ax.plot(fill, lane, "^", color=ROLE["origin"], markersize=5, zorder=3)
            if killed:
                ax.plot(end, lane, "x", color=ROLE["origin"], markersize=8, markeredgewidth=2)
    ax.axvspan(*gone, color=ROLE["pale"], alpha=0.45, linewidth=0)
    label(ax, sum(gone) / 2, -0.75, "Redis is gone", "origin", xytext=(0, 0), ha="center", fontsize=8)
    ax.set_yticks(range(len(courses)), list(courses.values()))
    ax.set(xlim=(0, len(log)), ylim=(len(courses) - 0.4, -1.1))
    ax.set_xlabel("requests;  ▲ fill   ✕ cut off by the kill")
    return f"{len(courses)} courses: the kill cuts {cut} lives short, {again} begin after it"


def _entries(log: pd.DataFrame, key: str, gone: Gone) -> list[tuple[int, int]]:
    """The first and the last request of each life of this key's entry on Redis."""
    fills = log.index[(log["key"] == key) & log["read"] & ~log.index.isin(range(*gone))]
    ends = [*log.index[log["changed"] == key], gone[0], len(log)]
    return [(fill, min(end for end in ends if end > fill)) for fill in fills]


def lost_counter(ax: Axes, counts: Sequence[int | None], gone: Gone) -> str:
    """Board panel 3: what the shared counter says after each of the views that happened; None: no answer."""
    views = np.arange(1, len(counts) + 1)
    ax.axvspan(*gone, color=ROLE["pale"], alpha=0.45, linewidth=0)
    ax.plot(views, views, "--", color=ROLE["origin"], linewidth=1.2)
    ax.plot(views, np.array(counts, dtype=float), color=ROLE["shared"], linewidth=2.5)
    last = counts[-1] or 0
    label(ax, views[-1], views[-1], f"{len(counts)} happened", "origin", xytext=(-4, 8), ha="right")
    label(ax, views[-1], last, f"INCR: {last}", "shared", xytext=(-8, 8), ha="right")
    ax.set(xlabel="views", ylabel="counter", xlim=(0, len(counts)), ylim=(0, 1.15 * len(counts)))
    before = counts[gone[0] - 1]
    return f"{len(counts)} views happened; INCR said {before} before the kill and says {last} at the end"
