"""The fleet: instances, routing, and the replay of traffic through whatever caches they have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import pandas as pd

from labsupport.caches import Cache
from labsupport.checks import is_number, whole_number
from labsupport.clock import Clock
from labsupport.errors import BadArgument
from labsupport.routes import LATEST, Route, assign, check_route, lab_ticks

Events = Mapping[float, Callable[[], object]]


class Origin(Protocol):
    """A source of truth: it has an answer for every key, and each answer costs a read."""

    def read(self, key: str) -> bytes:
        """The true value of `key`."""

    def peek(self, key: str) -> bytes:
        """The same without counting a read; only `replay(judge=True)` asks for it."""


class Instance:
    """One API process of the fleet: it asks its cache first and fills it after a miss."""

    def __init__(self, name: str, cache: Cache, origin: Origin) -> None:
        """`name` is A, B, C ...; `cache` may be its own or everybody's."""
        self.name, self.cache, self.origin = name, cache, origin

    def serve(self, key: str) -> tuple[bytes, bool]:
        """Answer one request by cache-aside: (value, was it a hit)."""
        value = self.cache.get(key)
        if value is not None:
            return value, True
        value = self.origin.read(key)
        self.cache.set(key, value)
        return value, False


def instance_name(number: int) -> str:
    """A, B, ... Z, then A1, B1, ...: short enough for an axis label."""
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[number % 26] + (str(number // 26) if number >= 26 else "")


class Fleet:
    """Instances behind one load balancer, in front of one origin."""

    def __init__(
        self,
        instances: int,
        cache: Callable[[], Cache],
        origin: Origin,
        clock: Clock,
        route: Route = "round_robin",
        seed: int = 0,
        tick: float = 1.0,
    ) -> None:
        """`cache` is called once per instance: `lambda: LocalCache(60, clock)` or `lambda: shared`.

        `route` is "round_robin", "random" (with `seed`), "by_key" or a function (index, key) ->
        instance number; `tick` in seconds is the clock's. BadArgument if something does not fit.
        """
        count, self.seed = whole_number("instances", instances), whole_number("seed", seed, least=0)
        check_route(route)
        if whole_number("tick", tick) != clock.tick:
            raise BadArgument(f"tick is {tick!r}, but must be {clock.tick:g}: the clock owns the tick.")
        if not callable(cache):
            kind = type(cache).__name__
            raise BadArgument(
                f"cache is a {kind}, but must be a function that returns one: put lambda: before it."
            )
        self.clock, self.route, self.origin, self._cache = clock, route, origin, cache
        self.instances = [self._deploy(number) for number in range(count)]

    def _deploy(self, number: int) -> Instance:
        """Instance `number` with the cache that the function returns now; BadArgument if that is none."""
        cache = self._cache()
        for method in ("get", "set"):
            if not callable(getattr(cache, method, None)):
                kind = type(cache).__name__
                raise BadArgument(f"cache() returned a {kind} without {method}, but a cache has get and set.")
        return Instance(instance_name(number), cache, self.origin)

    def restart(self, number: int) -> None:
        """Deploy instance `number` anew: it comes back with a new cache from the same function.

        BadArgument if there is no such instance.
        """
        if whole_number("number", number, least=0) >= len(self.instances):
            raise BadArgument(f"number is {number!r}, but the last instance is {len(self.instances) - 1}.")
        self.instances[number] = self._deploy(number)

    def replay(
        self, traffic: pd.DataFrame, events: Events | None = None, judge: bool = False
    ) -> pd.DataFrame:
        """Serve every request for real, moving the clock with the traffic; counts from the clock's reading.

        `events` maps a moment (seconds of traffic time) to a function that is called when lab time gets to
        that moment's tick, before the tick's requests: a deploy, a change at the origin. Those after the
        last request run too, and the clock moves on to them.
        Returns one row a request, in the order of `traffic`: `at` (seconds), `instance` (number),
        `key`, `hit` (bool), and with `judge` also `stale` (bool): the answer was no longer the origin's.
        BadArgument if the traffic is empty or not in order, or an event has no moment or cannot be called.
        """
        owners = assign(traffic, len(self.instances), self.route, self.seed)
        pending = _in_time(events or {})
        start, tick = self.clock.now(), self.clock.tick
        moments = (start + lab_ticks(traffic["at"].to_numpy(), tick) * tick).tolist()
        hits, stale = np.zeros((2, len(owners)), dtype=bool)
        for row, (moment, owner, key) in enumerate(zip(moments, owners.tolist(), traffic["key"])):
            self._happen(pending, start, moment)
            self.clock.wait_until(moment)
            value, hits[row] = self.instances[owner].serve(key)
            stale[row] = judge and value != self.origin.peek(key)
        self._happen(pending, start, float("inf"))
        self.clock.advance(0)  # puts back what real time has nibbled off since the last tick
        log = {"at": traffic["at"].to_numpy(), "instance": owners, "key": traffic["key"].array, "hit": hits}
        return pd.DataFrame(log | {"stale": stale} if judge else log)

    def _happen(self, pending: list[tuple[float, Callable[[], object]]], start: float, until: float) -> None:
        """Run the pending events, last in the list first, that are due at lab time `until` or before."""
        while pending and (moment := start + pending[-1][0] // self.clock.tick * self.clock.tick) <= until:
            self.clock.wait_until(moment)
            pending.pop()[1]()


def _in_time(events: Events) -> list[tuple[float, Callable[[], object]]]:
    """The events, the last one first; BadArgument for a moment below 0 or something that cannot be called."""
    for at, event in events.items():
        if not is_number(at) or not 0 <= at <= LATEST or not callable(event):
            raise BadArgument(f"events says {at!r}: {event!r}, but must map seconds from 0 on to functions.")
    return sorted(events.items(), key=lambda item: item[0], reverse=True)
