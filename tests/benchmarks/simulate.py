"""`simulate` beside the loops that one would write instead and beside compiled code, hit for hit.

Every peer gets what it likes best (lists of str keys, whole ticks, owners worked out and code compiled
beforehand), while the time of `simulate` includes checking, routing and clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from benchmarks.table import Goal, Group, Size, in_turns
from cachetools import TTLCache
from numba import njit

from labsupport.caches import LocalCache
from labsupport.clock import Clock
from labsupport.model import simulate
from labsupport.routes import assign, key_codes, lab_ticks
from labsupport.traffic import read_traffic, zipf_traffic

INSTANCES = 4
OURS, USUAL = "simulate (numpy)", "cachetools.TTLCache"
TRACE = Path(__file__).parents[2] / "notebooks" / "data" / "twitter-cluster52.csv.gz"
VALUE = b"{}"  # what the caches keep; nobody looks at it
Run = Callable[[], Any]


class Row(NamedTuple):
    """One traffic to measure, and the TTL in seconds that goes with it."""

    name: str
    traffic: pd.DataFrame
    ttl: int


class Requests(NamedTuple):
    """The same traffic as the loops like it: for each request its tick, its cache and its key."""

    ticks: list[int]
    owners: list[int]
    keys: list[str]


def with_cachetools(requests: Requests, ttl: int) -> list[bool]:
    """cachetools.TTLCache on lab time; expired when now >= filled + ttl, as ours are."""
    now, room = 0, len(requests.keys)
    caches: list[TTLCache[str, bytes]] = [TTLCache(room, ttl, timer=lambda: now) for _ in range(INSTANCES)]
    hits = []
    for tick, owner, key in zip(*requests, strict=True):
        now = tick  # what the timer reads
        cache = caches[owner]
        hit = cache.get(key) is not None
        if not hit:
            cache[key] = VALUE
        hits.append(hit)
    return hits


def with_course_class(requests: Requests, ttl: int) -> list[bool]:
    """The course's LocalCache: a dict behind a class, on the course's Clock."""
    clock = Clock()
    caches = [LocalCache(ttl, clock) for _ in range(INSTANCES)]
    hits, passed = [], 0
    for tick, owner, key in zip(*requests, strict=True):
        if tick > passed:
            clock.advance(tick - passed)
            passed = tick
        cache = caches[owner]
        hit = cache.get(key) is not None
        if not hit:
            cache.set(key, VALUE)
        hits.append(hit)
    return hits


def with_plain_dict(requests: Requests, ttl: int) -> list[bool]:
    """A dict of (value, expires) for each instance, all written out in one loop."""
    caches: list[dict[str, tuple[bytes, int]]] = [{} for _ in range(INSTANCES)]
    hits = []
    for now, owner, key in zip(*requests, strict=True):
        cache = caches[owner]
        entry = cache.get(key)
        hit = entry is not None and now < entry[1]
        if not hit:
            cache[key] = (VALUE, now + ttl)
        hits.append(hit)
    return hits


@njit
def one_pass(ticks: Any, slots: Any, entries: int, ttl: int) -> Any:
    """Compiled: when the entry in each slot expires, and a single pass over the requests."""
    expires = np.zeros(entries, dtype=np.int64)
    hits = np.empty(len(ticks), dtype=np.bool_)
    for i in range(len(ticks)):
        hits[i] = ticks[i] < expires[slots[i]]
        if not hits[i]:
            expires[slots[i]] = ticks[i] + ttl
    return hits


def ours(row: Row, shared: bool) -> Run:
    """The course's."""
    return partial(simulate, row.traffic, INSTANCES, row.ttl, shared)


def looping(loop: Callable[[Requests, int], list[bool]]) -> Callable[[Row, bool], Run]:
    """A loop over ready lists."""

    def ready(row: Row, shared: bool) -> Run:
        ticks, owners = as_arrays(row, shared)
        return partial(loop, Requests(ticks.tolist(), owners.tolist(), row.traffic["key"].tolist()), row.ttl)

    return ready


def compiled(row: Row, shared: bool) -> Run:
    """The compiled pass over ready arrays."""
    (ticks, owners), (codes, names) = as_arrays(row, shared), key_codes(row.traffic)
    run = partial(one_pass, ticks, codes * INSTANCES + owners, len(names) * INSTANCES, row.ttl)
    run()  # not its compilation, which takes half a second
    return run


def as_arrays(row: Row, shared: bool) -> tuple[Any, Any]:
    """For each request its tick and the number of the cache that is asked."""
    ticks, owners = lab_ticks(row.traffic["at"].to_numpy(), 1), assign(row.traffic, INSTANCES)
    return ticks, owners * (not shared)


PEERS: dict[str, Callable[[Row, bool], Run]] = {
    OURS: ours,
    USUAL: looping(with_cachetools),
    "dict behind a class": looping(with_course_class),
    "plain dict loop": looping(with_plain_dict),
    "numba, one pass: the ceiling": compiled,
}


def groups(size: Size) -> Iterator[Group]:
    """A group for each traffic, with four private caches and with one shared."""
    for row in rows(size):
        for shared in (False, True):
            runs = {who: ready(row, shared) for who, ready in PEERS.items()}
            seconds, results = in_turns(runs, size.rounds)
            hits = {who: np.asarray(result) for who, result in results.items()}
            caches = "one shared cache" if shared else f"{INSTANCES} private caches"
            keys = row.traffic["key"].nunique()
            group = Group(
                f"simulate: {row.name}, {len(row.traffic):,} requests, {keys:,} keys, "
                f"{caches}, TTL {row.ttl} s, hit rate {hits[OURS].mean():.4f}",
                "seconds",
                seconds,
                "hit or miss of every request",
                [who for who, theirs in hits.items() if not np.array_equal(hits[OURS], theirs)],
            )
            faster = group.median(USUAL) / group.median(OURS)
            group.goals.append(Goal("times as fast as cachetools", faster, least=20))
            yield group


@cache
def rows(size: Size) -> list[Row]:
    """The explorers' traffic, ten times as much with many keys, and a real trace."""
    part = 100 if size.small else 1
    return [
        Row("Zipf 1.0", zipf_traffic(100_000 // part, 500, 1.0, 20, 204), 60),
        Row("Zipf 1.0", zipf_traffic(1_000_000 // part, 100_000 // part, 1.0, 1_000, 204), 60),
        Row("Twitter", read_traffic(TRACE).iloc[::part], 60),
    ]
