"""The plots of single experiments. Sentences are computed from the very data that is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from labsupport.figures.style import ROLE, end_labels, label, nothing, percent_axis, room_for_labels
from labsupport.fleet import instance_name


def hit_rate_by_window(log: pd.DataFrame, window: float) -> pd.Series[float]:
    """Hits over requests in each window of `window` seconds, indexed by the window's end.

    The last window is left out if the log ends within it, unless it is the only one.
    """
    ends = (np.floor(log["at"] / window) + 1) * window
    whole = ends <= log["at"].max()
    rates: pd.Series[float] = log[whole | ~whole.any()].groupby(ends)["hit"].mean()
    return rates


def over_time(ax: Axes, log: pd.DataFrame, window: float, name: str, role: str = "private") -> str:
    """One line: the hit rate of `log` in windows of `window` seconds, labelled at its end."""
    ax.set(xlabel="lab time (s)", ylabel="hit rate", ylim=(0, 1))
    percent_axis(ax.yaxis)
    if log.empty:
        return f"{name}: {nothing(ax)}."
    rates = hit_rate_by_window(log, window)
    ax.plot(rates.index, rates, color=ROLE[role], marker=".")
    label(ax, rates.index[-1], rates.iloc[-1], name, role)
    room_for_labels(ax, rates.index[-1], 1.25)
    ends = f"{rates.iloc[0]:.1%} in the first {window:g} s, {rates.iloc[-1]:.1%} in the last"
    return f"{name}: {ends}, at most {rates.max():.1%}."


def instances_over_time(ax: Axes, log: pd.DataFrame, window: float, name: str, role: str) -> str:
    """One thin line for each instance's hit rate in windows of `window` seconds, labelled `name` once."""
    rates = [hit_rate_by_window(requests, window) for _, requests in log.groupby("instance")]
    for line in rates:
        ax.plot(line.index, line, color=ROLE[role], linewidth=1)
    label(ax, rates[0].index[-1], float(np.mean([line.iloc[-1] for line in rates])), name, role)
    low, high = min(map(min, rates)), max(map(max, rates))
    return f"{name}: each instance between {low:.1%} and {high:.1%} in every {window:g} s."


def running_reads(ax: Axes, runs: Mapping[str, tuple[pd.Series[float], str]]) -> str:
    """Reads at the origin as they add up: one line for each name -> (moments in seconds, role)."""
    lasts = {name: max(moments, default=0.0) for name, (moments, _) in runs.items()}
    for moments, role in runs.values():
        ax.plot(moments, np.arange(1, len(moments) + 1), color=ROLE[role])
    ax.set(xlabel="lab time (s)", ylabel="reads at the origin")
    ax.set_ylim(0, 1.05 * max(1, *(len(moments) for moments, _ in runs.values())))
    end_labels(ax, [(lasts[name], len(m), f"{name}: {len(m):,}", role) for name, (m, role) in runs.items()])
    ax.yaxis.set_major_formatter("{x:,.0f}")
    room_for_labels(ax, max(lasts.values()), 1.45)
    return "Reads at the origin: " + ", ".join(f"{name} {len(m):,}" for name, (m, _) in runs.items()) + "."


def curves(
    ax: Axes,
    x: Sequence[float],
    measured: Mapping[str, tuple[Sequence[float], str]],
    law: Mapping[str, Sequence[float]],
    of: str,
) -> str:
    """Measured hit rates as dots, and what a law says about each as a dashed grey line, over `x`.

    measured: name -> (hit rates, role); law: name -> hit rates; of: what `x` counts, for the sentence,
    which gives the ends of each curve and how far the law of the same name is off at most.
    """
    for rates, role in measured.values():
        ax.plot(x, rates, "o", color=ROLE[role], markersize=5)
    for rates in law.values():
        ax.plot(x, rates, "--", color=ROLE["other"], linewidth=1.2, zorder=0)
        label(ax, x[len(x) // 2], rates[len(x) // 2], "law", xytext=(6, -12))
    ax.set_xticks(list(x), [f"{value:g}" for value in x])
    ax.minorticks_off()
    ax.set(ylabel="hit rate", ylim=(0, 1.04))
    percent_axis(ax.yaxis)
    end_labels(ax, [(x[-1], rates[-1], name, role) for name, (rates, role) in measured.items()])
    sentences = []
    for name, (rates, _) in measured.items():
        ends = f"{rates[0]:.1%} at {of} {x[0]:g}, {rates[-1]:.1%} at {of} {x[-1]:g}"
        fit = f"; the law is {_off(law[name], rates)}" if name in law else ""
        sentences.append(f"{name[0].upper()}{name[1:]}: hit rate {ends}{fit}.")
    return " ".join(sentences)


def _off(law: Sequence[float], measured: Sequence[float]) -> str:
    """How well a law fits, in words and percentage points."""
    gaps = 100 * np.subtract(law, measured)
    widest = np.abs(gaps).max()
    if widest > 1 and (gaps < 0).all():
        return f"up to {widest:.1f} points too low"
    return f"at most {widest:.2f} points off"


def bars(ax: Axes, values: Mapping[str, float], roles: Mapping[str, str], form: str = "{:.1%}") -> str:
    """Horizontal bars from zero, each with its value at its end; `form` formats a value."""
    colours = [ROLE[roles.get(name, "other")] for name in values]
    ax.barh(list(values), list(values.values()), color=colours, height=0.6)
    for row, (name, value) in enumerate(values.items()):
        label(ax, value, row, form.format(value), roles.get(name, "other"))
    ax.invert_yaxis()
    ax.set_xlim(0, 1.18 * max(values.values()) or 1)
    ax.tick_params(left=False)
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)
    return ", ".join(f"{name} {form.format(value)}" for name, value in values.items()) + "."


def eight_answers(ax: Axes, log: pd.DataFrame, instances: int) -> str:
    """Who answered each request: a ring where the origin was asked, a full dot where a cache knew."""
    for number, instance, hit in zip(range(1, len(log) + 1), log["instance"], log["hit"]):
        fill, text = (ROLE["private"], "hit") if hit else ("white", "origin")
        [dot] = ax.plot(number, instance, "o", color=ROLE["private"], markerfacecolor=fill)
        dot.set(markersize=13, markeredgewidth=2)
        label(ax, number, instance, text, "origin", xytext=(0, -14), ha="center", fontsize=8)
    ax.set_yticks(range(instances), [f"instance {instance_name(i)}" for i in range(instances)])
    ax.set_xticks(range(1, len(log) + 1))
    ax.set(xlabel="request for the same course", ylim=(instances - 0.3, -0.6))
    misses = [instance_name(i) for i in log.loc[~log["hit"], "instance"]]
    by = f" (by {', '.join(misses)})" if misses else ""
    hits = len(log) - len(misses)
    return f"{len(log)} requests for one course: {len(misses)} asked the origin{by}, {hits} were hits."


def latencies(ax: Axes, samples: Mapping[str, tuple[NDArray[np.float64], str]]) -> str:
    """Measured durations in microseconds on a log axis: a bar from the 5th to the 95th percentile."""
    medians = {name: float(np.median(values)) for name, (values, _) in samples.items()}
    for row, (name, (values, role)) in enumerate(samples.items()):
        low, high = np.percentile(values, [5, 95])
        ax.plot([low, high], [row, row], color=ROLE[role], linewidth=7, alpha=0.4, solid_capstyle="butt")
        ax.plot(medians[name], row, "|", color=ROLE[role], markersize=18, markeredgewidth=3)
        label(ax, low, row, name, role, xytext=(0, 15))
    ax.set(xscale="log", xlabel="microseconds (log scale); bar: 5 to 95 %, mark: median", yticks=[])
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_ylim(-0.5, len(samples))
    ax.spines["left"].set_visible(False)
    return "Medians: " + ", ".join(f"{name} [here: {m:.2f} µs]" for name, m in medians.items()) + "."
