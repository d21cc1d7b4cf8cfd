"""The animated fleet as a still: four moments of one traffic, private caches above one shared Redis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Arc, FancyBboxPatch

from labsupport.figures.style import ROLE
from labsupport.fleet import instance_name

Entries = dict[str, float]  # key -> seconds left, the oldest entry first

# A panel's measures, in units from one chip to the next; a unit in inches.
UNIT, WIDTH, PITCH, ACROSS = 0.28, 10.0, 1.3, 5
NAMES, LEFT, RIGHT, HITS, MISSES = 0.6, 1.2, 6.6, 7.1, 8.55
TITLES, MARGIN = 0.95, 0.04  # inches above the panels; share of the width
ROWS = {"private": "private caches", "shared": "one shared Redis"}


def cached(log: pd.DataFrame, ttl: int, count: int, caches: int) -> list[Entries]:
    """What each of `caches` caches holds after the first `count` requests, with the seconds left.

    One cache is everybody's. An entry comes with a miss and goes `ttl` lab seconds later.
    """
    past = log.iloc[:count]
    now = np.floor(past["at"]).max()
    held: list[Entries] = [{} for _ in range(caches)]
    for at, instance, key in past.loc[~past["hit"], ["at", "instance", "key"]].itertuples(index=False):
        cache = held[instance if caches > 1 else 0]
        cache.pop(key, None)  # a refill makes it the newest
        cache[key] = float(np.floor(at) + ttl - now)
    return [{key: left for key, left in cache.items() if left > 0} for cache in held]


def moments(private: pd.DataFrame, shared: pd.DataFrame) -> list[int]:
    """After how many requests to look: the first, the first that only Redis hits, the half, all of them."""
    total = len(private)
    apart = np.flatnonzero(shared["hit"].to_numpy() & ~private["hit"].to_numpy())
    chosen = {1, total, (total + 1) // 2, *(apart[:1] + 1).tolist()}
    for spare in (1 + total // 4, *range(2, total)):  # two of those may be the same
        if len(chosen) < min(4, total):
            chosen.add(spare)
    return sorted(chosen)


def four_moments(private: pd.DataFrame, shared: pd.DataFrame, ttl: int) -> Figure:
    """Two replays of the same traffic at the same four moments (fewer if there are fewer requests).

    ttl: lab seconds. `animate` checks what the logs must be.
    """
    instances = 1 + int(max(private["instance"].max(), shared["instance"].max()))
    height = UNIT * (PITCH * instances + 1.7)
    figure = Figure(figsize=(4 * UNIT * WIDTH, 2 * height + TITLES))
    grid = figure.subplots(2, 4, gridspec_kw={"wspace": 0, "hspace": 0})
    figure.subplots_adjust(left=0, right=1, bottom=0, top=2 * height / (2 * height + TITLES))
    for ax in grid.flat:
        ax.set(xlim=(0, WIDTH), ylim=(PITCH * (instances - 0.5) + 0.3, -1.4 - PITCH / 2))
        ax.axis("off")
    for column, count in enumerate(moments(private, shared)):
        _heading(grid[0, column], private, count)
        for ax, log, role in zip(grid[:, column], (private, shared), ROWS):
            held = cached(log, ttl, count, instances if role == "private" else 1)
            _moment(ax, log.iloc[:count], held, ttl, instances, role)
    _title(figure, private, shared)
    return figure


def _title(figure: Figure, private: pd.DataFrame, shared: pd.DataFrame) -> None:
    """The finding, and below it what the marks mean."""
    many, few = (f"{(~log['hit']).sum():,}" for log in (private, shared))
    finding = (
        f"The same {len(private):,} requests: {many} origin reads with private caches, {few} with one Redis"
    )
    marks = "●  hits so far      ◆  misses so far, each a read at the origin      ring: how much TTL is left"
    for inches, text, size in ((0.2, finding, 11.5), (0.43, marks, 8.5)):
        height = 1 - inches / figure.get_figheight()
        figure.text(MARGIN / 4, height, text, fontsize=size, va="center", color=ROLE["origin"])


def _heading(ax: Axes, log: pd.DataFrame, count: int) -> None:
    """Which moment this column shows."""
    requests = "request" if count == 1 else "requests"
    text = f"after {count:,} {requests}, at {log['at'].iloc[count - 1]:.0f} s"
    ax.text(MARGIN * WIDTH, 1.04, text, fontsize=9.5, weight="bold", transform=ax.get_xaxis_transform())


def _moment(ax: Axes, past: pd.DataFrame, held: list[Entries], ttl: int, instances: int, role: str) -> None:
    """The reads so far, each instance with its counters, and the caches with their chips."""
    reads, top = int((~past["hit"]).sum()), ax.get_ylim()[1]
    words = f"{ROWS[role]}: {reads:,} origin {'read' if reads == 1 else 'reads'}"
    ax.text(NAMES - 0.2, top + 0.9, words, color=ROLE[role], fontsize=9, va="center")
    lanes = range(instances)
    hits = [int(past.loc[past["instance"] == lane, "hit"].sum()) for lane in lanes]
    misses = [int((past["instance"] == lane).sum()) - hits[lane] for lane in lanes]
    ax.hlines([lane * PITCH for lane in lanes], NAMES + 0.3, LEFT, color=ROLE["other"], linewidth=1)
    for lane in lanes:
        _write(ax, NAMES, lane, instance_name(lane), fontsize=10, weight="bold")
    _counters(ax, HITS, "o", hits, role)
    _counters(ax, MISSES, "D", misses, "origin")
    for number, entries in enumerate(held):
        _cache(ax, number, instances / len(held), entries, ttl, role)


def _write(ax: Axes, x: float, lane: float, text: str, **how: Any) -> None:
    ax.text(x, lane * PITCH, text, **{"ha": "center", "va": "center_baseline", "color": ROLE["origin"]} | how)


def _counters(ax: Axes, x: float, marker: str, counts: list[int], role: str) -> None:
    """A column of counters, one for each instance: the mark, and the number beside it."""
    lanes = [lane * PITCH for lane in range(len(counts))]
    ax.plot([x] * len(counts), lanes, marker, color=ROLE[role], markersize=6 if marker == "o" else 5)
    for lane, count in enumerate(counts):
        _write(ax, x + 0.32, lane, f"{count:,}", ha="left", fontsize=9)


def _cache(ax: Axes, number: int, lanes: float, entries: Entries, ttl: int, role: str) -> None:
    """A box as high as the lanes that use it; the newest entries as chips, the older ones counted."""
    top, height = (number * lanes - 0.5) * PITCH, lanes * PITCH
    box = FancyBboxPatch((LEFT, top + 0.12), RIGHT - LEFT, height - 0.24)
    box.set(boxstyle="round,pad=0,rounding_size=0.2", facecolor="#F7F7F7", edgecolor=ROLE[role])
    ax.add_artist(box)
    rows = int((height - 0.2) // 1)
    room = ACROSS * rows if len(entries) <= ACROSS * rows else ACROSS * rows - 1
    shown = list(entries.items())[-room:]
    for place, (key, left) in enumerate(shown):
        _chip(ax, LEFT + 0.7 + place % ACROSS, top + 0.65 + place // ACROSS, key, left / ttl, role)
    if len(shown) < len(entries):
        last = (LEFT + 0.7 + ACROSS - 1, (top + rows - 0.35) / PITCH)
        _write(ax, *last, f"+{len(entries) - room}", fontsize=8)


def _chip(ax: Axes, x: float, y: float, key: str, left: float, role: str) -> None:
    """A key whose ring shows which share of its TTL is left, clockwise from the top."""
    for share, colour in ((1.0, ROLE["pale"]), (left, ROLE[role])):
        ring = Arc((x, y), 0.84, 0.84, theta1=-90, theta2=-90 + 360 * share)
        ring.set(edgecolor=colour, linewidth=2)
        ax.add_artist(ring)  # add_patch would look for new limits, each time
    _write(ax, x, y / PITCH, short(key), fontsize=7)


def short(key: str) -> str:
    """What of a key fits into a chip: 204 of course:204."""
    name = key.rpartition(":")[2]
    return name if len(name) <= 4 else f"{name[:3]}…"
