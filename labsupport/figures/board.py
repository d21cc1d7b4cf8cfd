"""The three-panel board that closes every notebook: hit rates, one entry's life, a shared counter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from labsupport.errors import BadArgument
from labsupport.figures.style import ROLE, label, mark, nothing, panels, percent_axis
from labsupport.fleet import instance_name


def board_figure() -> tuple[Figure, list[Axes]]:
    """The empty board: three panels, always the same size."""
    return panels(3, width=11, height=3.6)


def hit_rates(ax: Axes, log: pd.DataFrame, role: str) -> str:
    """Panel 1: each instance's hit rate as a bar, the fleet's (hits over requests) as a line."""
    if log.empty:
        return nothing(ax)
    rates, fleet = log.groupby("instance")["hit"].mean(), float(log["hit"].mean())
    names = [instance_name(i) for i in rates.index]
    ax.bar(names, rates, color=ROLE[role], width=0.6)
    every = 1 + len(names) // 20  # more names would not fit side by side
    ax.set_xticks(range(0, len(names), every), names[::every])
    _dashed(ax, fleet, f"fleet {fleet:.1%}", len(names))
    ax.set(ylim=(0, 1.12), ylabel="hit rate", xlabel="instance")
    percent_axis(ax.yaxis)
    by_instance = ", ".join(f"{name} {rate:.1%}" for name, rate in zip(names, rates))
    return f"fleet hit rate {fleet:.1%}, by instance {by_instance}"


def _dashed(ax: Axes, height: float, text: str, bars: int) -> None:
    """A dashed line across `bars` bars, its text above its right end; a single bar is not blown up."""
    ax.axhline(height, color=ROLE["origin"], linestyle="--", linewidth=1)
    label(ax, max(bars, 2) - 0.45, height, text, "origin", xytext=(0, 3), ha="right", va="bottom")
    ax.set_xlim(-0.6, max(bars, 2) - 0.4)


def lanes(
    ax: Axes, log: pd.DataFrame, ttl: float, changed: float, names: Sequence[str], role: str | Sequence[str]
) -> str:
    """Panel 2: one key's life in each cache: filled, hit, expired, and stale after the origin changed.

    log: a judged replay of one key (columns at, instance, hit, stale), whose `instance` numbers the lanes;
    `ttl` and `changed` (when the origin changed) in seconds; `role`: of all lanes, or one for each.
    """
    roles = [role] * len(names) if isinstance(role, str) else role
    for lane, of in enumerate(roles):
        _lane(ax, lane, log[log["instance"] == lane], ttl, changed, of)
    end = max([changed, *log["at"]])
    mark(ax, changed, "origin changes", left=changed > end / 2)
    ax.set_yticks(range(len(names)), names)
    ax.set(
        xlabel="lab time (s);  ▲ fill   | hit   × stale hit\nhatched: stale   thin line: nothing cached",
        xlim=(-2, end + 2),
    )
    middle = (len(names) - 1) / 2  # a single lane is drawn as thin as four
    ax.set_ylim(middle + max(middle, 1.5) + 0.6, middle - max(middle, 1.5) - 1)
    hits, stale = int(log["hit"].sum()), log.loc[log["stale"], "at"]
    late = f", the last {stale.max() - changed:.0f} s after the change" if len(stale) else ""
    return f"{len(log) - hits} fills, {hits} hits, {len(stale)} of them stale{late}"


def _lane(ax: Axes, lane: int, requests: pd.DataFrame, ttl: float, changed: float, role: str) -> None:
    """One cache: its entries from fill to expiry, a tick for each hit, a cross above each stale one."""
    ax.axhline(lane, color=ROLE["pale"], linewidth=1, zorder=0)
    for fill in np.floor(requests.loc[~requests["hit"], "at"]):
        entry(ax, lane, fill, fill + ttl, changed, role)
    hits, stale = requests.loc[requests["hit"], "at"], requests.loc[requests["stale"], "at"]
    ax.plot(hits, np.full(len(hits), lane), "|", color="white", markersize=6, zorder=2)
    ax.plot(stale, np.full(len(stale), lane - 0.36), "x", color=ROLE["origin"], markersize=5)


def entry(ax: Axes, lane: int, fill: float, expiry: float, changed: float, role: str) -> None:
    """One entry from fill (marked) to expiry; what lies after the change is pale and hatched: stale."""
    fresh = min(expiry, changed) if fill < changed else expiry
    ax.barh(lane, fresh - fill, left=fill, height=0.46, color=ROLE[role], edgecolor="white")
    if fresh < expiry:
        pale = [1 - 0.45 * (1 - part) for part in to_rgb(ROLE[role])]  # no alpha: the thin line would show
        stale = ax.barh(lane, expiry - fresh, left=fresh, height=0.46, color=pale, edgecolor="white")
        stale[0].set_hatch("////")
    ax.plot(fill, lane, "^", color=ROLE["origin"], markersize=7, zorder=3)


def counters(
    ax: Axes, counts: Mapping[str, int], truth: int, roles: Mapping[str, str], unit: str = "counter"
) -> str:
    """Panel 3: what each counter says (name -> count) against the increments that really happened.

    unit: the y axis' label, where a bar is more than one counter.
    """
    ax.bar(list(counts), list(counts.values()), color=[ROLE[roles[name]] for name in counts], width=0.6)
    top = max(truth, 1, *counts.values())  # a retry that counts twice may say more than the truth
    for place, count in enumerate(counts.values()):
        inside = count > 0.2 * top
        colour, away = ("white", -12) if inside else (ROLE["origin"], 6)
        label(ax, place, count, f"{count:,}", color=colour, xytext=(0, away), ha="center")
    _dashed(ax, truth, f"{truth:,} happened", len(counts))
    ax.set(ylim=(0, 1.25 * top), ylabel=unit)
    ax.locator_params("y", integer=True)
    ax.yaxis.set_major_formatter("{x:,.0f}")
    says = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    return f"{truth:,} increments, counted as {says}"


def question(ax: Axes, text: str, guess: float | None, unit: str) -> str:
    """An empty panel of notebook 00: the question, and the learner's guess if there is one."""
    if guess is not None and not isinstance(guess, int | float):
        raise BadArgument(f"your guess is {guess!r}, but must be a number, such as 40, or None.")
    ax.set(xticks=[], yticks=[], xlim=(0, 1), ylim=(0, 1))
    text_of_guess, role = ("?", "other") if guess is None else (f"{guess:g}{unit}", "shared")
    ax.text(0.5, 0.62, text_of_guess, ha="center", va="center", fontsize=34, color=ROLE[role])
    ax.text(0.5, 0.22, text, ha="center", va="center", fontsize=9)
    return "no guess yet" if guess is None else f"you guess {guess:g}{unit}"


def board(stage: str, findings: Sequence[str]) -> str:
    """The board's own sentence: the three panels' findings, in order, after the stage they belong to."""
    return f"Board, {stage}: (1) {findings[0]}; (2) {findings[1]}; (3) {findings[2]}."
