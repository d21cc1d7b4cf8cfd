"""The fleet as arithmetic: the same hits and misses as the real one, and the laws that they follow.

`simulate` is exact, request by request. The laws below it are closed formulas for long, steady traffic
with random (Poisson) arrivals.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from labsupport.checks import whole_number, whole_ticks
from labsupport.routes import Integers, Route, assign, key_codes, lab_ticks

Booleans = NDArray[np.bool_]
Numbers = float | NDArray[np.float64]
Counts = int | NDArray[np.int64]

ROUNDS = 256  # jumps that all chains make together, before the few long ones are walked singly


def simulate(
    traffic: pd.DataFrame,
    instances: int,
    ttl: float,
    shared: bool = False,
    route: Route = "round_robin",
    seed: int = 0,
    tick: float = 1.0,
) -> Booleans:
    """Hit (True) or miss (False) for each request, in the order of `traffic`: what a real Fleet would do.

    Every instance starts with an empty cache (`shared`: one cache serves them all). A miss fills its key at
    once; the entry is expired when now >= filled + ttl, and a hit does not prolong it. Now is lab time,
    floor(at / tick) * tick.

    ttl, tick: seconds; the tick a whole number, the ttl a whole number of ticks.
    route, seed: which instance gets a request, see `labsupport.routes.assign`.
    Raises BadArgument, a ValueError, for anything that makes no sense.
    """
    life = whole_ticks("ttl", ttl, whole_number("tick", tick))
    instance = assign(traffic, instances, route, seed)
    now = lab_ticks(traffic["at"].to_numpy(dtype=float), tick)
    slot, _ = key_codes(traffic)  # a slot is where an entry can live: one key in one cache
    if not shared:
        slot = slot * int(instances) + instance
    slot, now = _narrow(slot), _narrow(now - now[0])
    order = grouped(slot)
    hit = np.empty(len(order), dtype=bool)
    hit[order] = ~_misses(*_time_line(slot[order], now[order], life))
    return hit


def hits_at(slot: Integers, now: Integers, lives: Sequence[int]) -> Integers:
    """How many of the requests are hits, for each TTL of `lives` (ticks): `simulate`, sorted only once.

    slot: for each request the entry that it asks for, one key in one cache; now: its tick, ascending.
    """
    order = grouped(slot)
    slot, now = slot[order], _narrow(now.astype(np.int64))[order]
    return len(order) - np.array([np.count_nonzero(_misses(*_time_line(slot, now, life))) for life in lives])


def _narrow(numbers: Integers) -> Integers:
    """The same whole numbers in half the bytes if they fit: here memory takes most of the time."""
    return numbers.astype(np.int32) if numbers.max() < 2**31 - 1 else numbers  # one more fits, too


def grouped(slot: Integers) -> Integers:
    """The order that puts the requests of a slot side by side, still sorted by time within each slot.

    numpy sorts 16-bit numbers several times faster (radix sort) than 64-bit ones. So sort as a clerk sorts
    cards: by the lowest 16 bits first, then by the next 16. Each sort is stable, it leaves equals as they
    lay: so the first order survives within the second, and time within both.
    """
    order = np.argsort(slot.astype(np.uint16), kind="stable")
    for shift in range(16, int(slot.max()).bit_length(), 16):
        digit = (slot >> shift).astype(np.uint16)
        order = order[np.argsort(digit[order], kind="stable")]
    return order


def _time_line(slot: Integers, now: Integers, life: int) -> tuple[Integers, Booleans, int]:
    """Lay the slots' histories end to end: each request's moment on one common line, far ones, and the TTL.

    Takes requests grouped by slot, `now` and `life` (the TTL) in ticks. A far request comes after a pause of
    `life` or more, or is the first of its slot: a certain miss, however long the pause, so on the line the
    pause lasts exactly `life`.
    """
    life = min(life, int(now.max() - now.min()) + 1)  # outliving the traffic is enough; keeps the sums small
    pause = np.diff(now, prepend=now[:1])
    far = pause >= life
    far[0] = True
    far[1:] |= slot[1:] != slot[:-1]
    pause[far] = life
    return np.cumsum(pause, dtype=np.int64), far, life


def _misses(line: Integers, far: Booleans, life: int) -> Booleans:
    """Which requests miss: the far ones, and the chain of refills that each of them starts.

    After a fill at f, the next miss is the first request at f + life or later: one binary search over the
    whole line, made for all chains at once. A jump cannot leap over a pause of `life`, so a chain
    that leaves its own stretch lands on the start of the next, a miss already, and ends there.
    """
    miss = np.append(far, True)  # the last stands for "no more requests": a chain that runs out of them ends
    filled = np.flatnonzero(far)
    for _ in range(ROUNDS):
        filled = np.searchsorted(line, line[filled] + life)
        filled = filled[~miss[filled]]
        if len(filled) == 0:
            return miss[:-1]
        miss[filled] = True
    return _walked(line, life, miss, filled)


def _walked(line: Integers, life: int, miss: Booleans, filled: Integers) -> Booleans:
    """Follow the chains that are left one by one: one hot key can make a million jumps, too many rounds."""
    following = np.searchsorted(line, line + life).tolist()
    missed = miss.tolist()
    for request in filled.tolist():
        while not missed[request := following[request]]:
            missed[request] = True
    return np.array(missed[:-1])


def hit_rate_law(rate: Numbers, ttl: Numbers, instances: Counts = 1) -> Numbers:
    """Hit rate of one key in continuous time: x / (1 + x), x = rate * ttl / instances.

    rate: requests a second for the key, in the whole fleet; ttl: seconds, fixed at the fill; instances:
    private caches under random balancing (1 if shared). Numbers or arrays. Holds for Poisson arrivals in the
    long run. Source: Jung, Berger, Balakrishnan, Modeling TTL-based Internet Caches, INFOCOM 2003.
    """
    hits_per_fill = rate * ttl / instances
    return hits_per_fill / (1 + hits_per_fill)


def hit_rate_tick_law(requests_per_tick: Numbers, ttl_ticks: Numbers) -> Numbers:
    """Hit rate of one key in one cache when time moves in ticks, as the lab's does: H / (1 + H).

    H = l * (T - 1) + l / (1 - exp(-l)) - 1 hits follow each fill: those in the T - 1 later ticks of its life,
    and what the tick of the fill brings besides the fill itself. l: requests a tick at this cache (its share
    of the key's), T: the TTL in ticks. Numbers or arrays. Holds for Poisson arrivals in the long run; as
    ticks get short it becomes `hit_rate_law`. Source: the counting above; the tests hold it to `simulate`.
    """
    per_tick = np.maximum(requests_per_tick, 1e-300)  # not 0, where the formula is 0 / 0 and its limit 0
    hits_per_fill: Numbers = per_tick * (ttl_ticks - 1) + per_tick / -np.expm1(-per_tick) - 1
    return hits_per_fill / (1 + hits_per_fill)


def expected_hit_rate(rates: ArrayLike, ttl: float, instances: int = 1, tick: float = 1.0) -> float:
    """Hit rate of a whole fleet, sum of hits over sum of requests: each key's tick law, weighted by its rate.

    rates: requests a second, one for each key; ttl and tick: seconds; instances: private caches (1 if
    shared). Holds for Poisson arrivals and random balancing (round robin comes to the same with many keys)
    once the caches are warm: short traffic falls below it. Source: sum of p_i * h_i, as in Breslau et al.,
    Web Caching and Zipf-like Distributions, INFOCOM 1999, with h_i from `hit_rate_tick_law`.
    """
    rate = np.asarray(rates, dtype=float)
    return float(np.average(hit_rate_tick_law(rate * tick / instances, ttl / tick), weights=rate))


def worst_split(instances: Counts) -> Numbers:
    """The most that splitting one key over N private caches can cost: (sqrt N - 1) / (sqrt N + 1).

    That much of the hit rate (0 to 1) is lost at rate * ttl = sqrt N; colder and hotter keys lose less.
    Numbers or arrays. Source: the maximum over x of x / (1 + x) - x / (N + x), see `hit_rate_law`.
    """
    root: Numbers = np.sqrt(instances)
    return (root - 1) / (root + 1)
