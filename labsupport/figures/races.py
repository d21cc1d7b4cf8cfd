"""The plots of notebook 06: one order of commands, where counters end in all, and what free races keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import MaxNLocator

from labsupport.figures.plots import bars
from labsupport.figures.style import ROLE, end_labels, label, mark, percent_axis
from labsupport.fleet import instance_name

Shares = Mapping[int, float]  # final value -> share of all orders that end at it


def moves(
    ax: Axes,
    schedule: Sequence[int],
    names: Sequence[str],
    said: Sequence[str],
    values: Sequence[object],
    end: str,
) -> str:
    """Commands of clients A and B from left to right, between their lanes what Redis holds.

    schedule: whose command each is; names: a client's first, second ... command; said: what each did;
    values: what Redis held before the first and after each; end: what came of it.
    """
    steps = [f"{instance_name(who)} {names[schedule[:i].count(who)]}" for i, who in enumerate(schedule)]
    places = 2 * len(names)
    ax.plot([0.4, places + 0.6], [0, 0], color=ROLE["shared"], linewidth=1, zorder=0)
    for place, (who, step, words) in enumerate(zip(schedule, steps, said), 1):
        _command(ax, place, 1 - 2 * who, step, words)
    for place, value in enumerate(values):
        box = {"boxstyle": "circle,pad=0.25", "facecolor": "white", "edgecolor": ROLE["shared"]}
        ax.text(place + 0.5, 0, f"{value}", ha="center", va="center", color=ROLE["shared"], bbox=box)
    ax.text(places + 0.85, 0, end, va="center", fontweight="bold")
    ax.set(xlim=(0.2, places + 1.8), ylim=(-1.75, 1.75), xticks=[])
    ax.set_yticks([1, 0, -1], ["A", "Redis", "B"])
    ax.tick_params(left=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    done = "; ".join(f"{step} {words}" for step, words in zip(steps, said))
    return f"{done or 'No command has run'}: {end}."


def _command(ax: Axes, place: int, lane: int, step: str, words: str) -> None:
    """One command in its client's lane, and an arrow: towards Redis if it writes, from it if it reads."""
    box = FancyBboxPatch((place - 0.42, lane - 0.42), 0.84, 0.84, boxstyle="round,pad=0.02")
    box.set(facecolor=["white", "white", ROLE["pale"]][lane], edgecolor="#555555")
    ax.add_patch(box)
    ax.text(place, lane + 0.18, step, ha="center", va="center", fontsize=9, fontweight="bold")
    ax.text(place, lane - 0.17, words, ha="center", va="center", fontsize=8)
    near, far = 0.06 * lane, 0.54 * lane
    if words.startswith(("reads", "writes")):
        start, end = (near, far) if words.startswith("reads") else (far, near)
        arrow = {"arrowstyle": "->", "color": ROLE["shared"]}
        ax.annotate("", (place, end), (place, start), arrowprops=arrow)


def finals(ax: Axes, runs: pd.DataFrame, law: Shares, right: int) -> str:
    """How many orders end at each value, as bars, and the law's share of them as dashes.

    runs: column `final`; right: the value if nothing is lost, which is blue and says so.
    """
    found, total = Counter(runs["final"].tolist()), len(runs)
    colours = [ROLE["shared" if value == right else "other"] for value in found]
    ax.bar(list(found), list(found.values()), width=0.66, color=colours)
    for value, orders_there in found.items():
        text = f"{orders_there:,}" + ("\nnothing lost" if value == right else "")
        label(ax, value, orders_there, text, "origin", xytext=(0, 4), ha="center", va="bottom")
    for value, share in law.items():
        ax.plot([value - 0.42, value + 0.42], [total * share] * 2, "--", color=ROLE["origin"], linewidth=1.2)
    first = min(law)
    label(ax, first - 0.42, total * law[first], "law", "origin", xytext=(-4, 0), ha="right")
    top = max(*found.values(), *(total * share for share in law.values()))
    ax.set(xlabel="the counter ends at", ylabel="orders", ylim=(0, 1.25 * top), xlim=(0, right + 0.6))
    ax.set_xticks(range(1, right + 1))
    ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.yaxis.set_major_formatter("{x:,.0f}")
    ends = ", ".join(f"{value} in {found[value]:,}" for value in sorted(found))
    by_law = sum(value * share for value, share in law.items())
    return (
        f"{total:,} orders end at {ends}. "
        f"{_all_or_some(found[right], total)}; mean {runs['final'].mean():.3f}, by the law {by_law:.3f}."
    )


def _all_or_some(kept: int, total: int) -> str:
    return "All of them lose nothing" if kept == total else f"{kept:,} of them lose nothing"


def measured_bars(
    ax: Axes,
    values: Mapping[str, float],
    roles: Mapping[str, str],
    form: str = "{:,.0f}",
    exact: Sequence[str] = (),
    happened: float | None = None,
) -> str:
    """`bars` of what this machine measured: the sentence marks every value as such, but for those in `exact`.

    happened: a dashed line at the number that the values should be.
    """
    bars(ax, values, roles, form)
    if happened is not None:
        ax.axvline(happened, color=ROLE["origin"], linestyle="--", linewidth=1, zorder=0)
    said = {name: form.format(value) for name, value in values.items()}
    marked = {name: text if name in exact else f"[here: {text}]" for name, text in said.items()}
    return ", ".join(f"{name} {text}" for name, text in marked.items()) + "."


def two_histograms(ax: Axes, kept: Mapping[str, tuple[Sequence[float], str]], limit: float) -> str:
    """What share of the increments each run kept: two histograms, name -> (shares, role), over the runs.

    The first is measured here and filled, the second an outline; limit: a share to mark, five eighths.
    """
    edges = np.linspace(0, 1, 51)
    heights = {name: np.histogram(shares, edges)[0] / len(shares) for name, (shares, _) in kept.items()}
    peaks = {name: float(edges[high.argmax()]) + 0.01 for name, high in heights.items()}
    first_peak, second_peak = peaks.values()
    for (name, (_, role)), fill in zip(kept.items(), (True, False)):
        ax.stairs(heights[name], edges, fill=fill, color=ROLE[role], alpha=0.55 if fill else 1, linewidth=1.4)
        left = fill == (first_peak <= second_peak)
        beside = {"xytext": (-12, 0), "ha": "right"} if left else {"xytext": (12, 0)}
        label(ax, peaks[name], float(heights[name].max()), name, role, **beside)
    mark(ax, limit, "five eighths")
    lowest = min(0.4, *(min(shares) for shares, _ in kept.values()))
    ax.set(xlim=(lowest, 1), ylim=(0, 1.3 * max(high.max() for high in heights.values())))
    ax.set(xlabel="share of the increments that were kept", ylabel="share of the runs")
    percent_axis(ax.xaxis)
    percent_axis(ax.yaxis)
    (free, here), (drawn, known) = ((name, _spread(shares)) for name, (shares, _) in kept.items())
    return f"{free} kept [here: {here}]. {drawn} kept {known}. Five eighths are {limit:.1%}."


def _spread(shares: Sequence[float]) -> str:
    return f"{np.mean(shares):.1%}, from {np.min(shares):.1%} to {np.max(shares):.1%}"


def dashboards(ax: Axes, said: Mapping[str, float], true: Mapping[str, float], role: str) -> str:
    """Board panel 1: each instance's hit rate as its counters say it (bar), and as it was (dash)."""
    ax.bar(list(said), list(said.values()), color=ROLE[role], width=0.6)
    for place, (name, rate) in enumerate(said.items()):
        label(ax, place, rate, f"{rate:.0%}", "origin", xytext=(0, 7), ha="center")
        ax.plot([place - 0.38, place + 0.38], [true[name]] * 2, "--", color=ROLE["origin"], linewidth=1.6)
    label(ax, len(said) - 0.55, list(true.values())[-1], "true", "origin", xytext=(2, 0))
    ax.set(ylim=(0, 1.2), ylabel="hit rate", xlabel="instance", xlim=(-0.6, len(said) + 0.1))
    percent_axis(ax.yaxis)
    wrong = ", ".join(f"{name} {rate:.0%} where it was {true[name]:.0%}" for name, rate in said.items())
    return f"the counters give hit rates of {wrong}"


def windows(
    ax: Axes, moments: Sequence[float], counts: Mapping[str, tuple[Sequence[int], str]], limit: int
) -> str:
    """Board panel 2: what counters that should expire say at each call, and the limit that they guard.

    moments: of the calls, in lab seconds; counts: name -> (the counter after each, role).
    """
    for says, role in counts.values():
        ax.step(moments, says, where="post", color=ROLE[role], marker="o", markersize=3)
    end = 1.5 * moments[-1]
    ax.axhline(limit, color=ROLE["origin"], linestyle="--", linewidth=1)
    label(ax, end, limit, f"limit {limit}", "origin", xytext=(0, -8), ha="right")
    top = max(max(says) for says, _ in counts.values())
    ax.set(xlabel="lab time (s)", ylabel="calls counted", xlim=(0, end), ylim=(0, 1.2 * top))
    ax.set_xticks(range(0, int(moments[-1]) + 1, 60))
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    end_labels(ax, [(moments[-1], says[-1], name, role) for name, (says, role) in counts.items()])
    refused = {name: sum(count > limit for count in says) for name, (says, _) in counts.items()}
    return f"of {len(moments)} calls are refused: " + ", ".join(f"{name} {n}" for name, n in refused.items())
