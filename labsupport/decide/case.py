"""The case to decide: one log, one fleet, one staleness bound, and for each TTL what sharing would change."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from labsupport.checks import is_number, whole_number
from labsupport.decide.profile import Profile, profile
from labsupport.decide.sampled import whole_log
from labsupport.errors import BadArgument
from labsupport.figures.decide import both
from labsupport.figures.units import duration
from labsupport.model import simulate

if TYPE_CHECKING:
    from labsupport.traffic import TrafficLog

ONE_POINT = 0.01
MINUTE = 60.0
COLUMNS = {"ttl", "instances", "shared", "requests", "hits", "hit_rate", "origin_reads"}
HOW = ("route", "seed", "tick")  # what a grid remembers of how it was swept


class Case:
    """What the rules look at. Hit rates and reads a second are those of the whole log, see `whole_log`.

    `allowed`: the TTLs of the grid up to the staleness bound, ascending; `judged`: those of them for which
    the log is long enough; `longest`: the last of these. `capacity`: origin reads a second, or None.
    """

    def __init__(
        self,
        log: TrafficLog,
        grid: pd.DataFrame,
        instances: int,
        staleness: float,
        capacity: float | None,
        profiled: Profile | None,
    ) -> None:
        """BadArgument for a grid that cannot answer, see `recommend`."""
        self.instances = whole_number("instances", instances)
        if capacity is not None and not (is_number(capacity) and capacity > 0):
            raise BadArgument(f"capacity is {capacity!r}, but must be origin reads a second, more than 0.")
        _check_grid(grid, len(log.traffic))
        whole = whole_log(grid, log)
        self._hit_rate = dict(zip((True, False), both(whole, self.instances, "hit_rate")))
        self._reads = dict(zip((True, False), both(whole, self.instances, "origin_reads")))
        self.ttls: list[float] = self._reads[True].index.tolist()
        _check_bound(staleness, self.ttls)
        self._how: dict[str, Any] = {name: grid.attrs[name] for name in HOW if name in grid.attrs}
        self.busiest = cache(self._busiest)
        self.log, self.staleness, self.capacity = log, staleness, capacity
        self.profile = profiled or profile(log, staleness)
        self.allowed = [ttl for ttl in self.ttls if ttl <= staleness]
        self.judged = [ttl for ttl in self.allowed if self.profile.says_enough(ttl)]

    @property
    def longest(self) -> float:
        """The longest TTL that the bound allows and the log can judge."""
        return self.judged[-1]

    @property
    def by_key(self) -> bool:
        """Whether the private caches of the grid have each a part of the keys."""
        return self._how.get("route") == "by_key"

    def hit_rate(self, ttl: float, shared: bool) -> float:
        """From 0 to 1."""
        return float(self._hit_rate[shared][ttl])

    def gain(self, ttl: float) -> float:
        """What sharing adds to the hit rate."""
        return self.hit_rate(ttl, True) - self.hit_rate(ttl, False)

    def reads(self, ttl: float, shared: bool) -> float:
        """Origin reads a second, on average over the log."""
        return float(self._reads[shared][ttl])

    def _busiest(self, ttl: float, shared: bool) -> float:
        """Origin reads a second in their busiest minute; not counting the first TTL, when caches are cold."""
        missed = ~simulate(self.log.traffic, self.instances, ttl, shared, **self._how)
        return self._most_a_second(missed, ttl) * self.log.kept_one_in

    @property
    def uncached(self) -> float:
        """Requests a second in the busiest minute: what the origin would get without any cache."""
        every = np.ones(len(self.log.traffic), dtype=bool)
        return self._most_a_second(every, 0) * self.log.requests / len(every)

    def _most_a_second(self, which: Any, start: float) -> float:
        """Of these requests, in the minute from `start` (s) on that has most; a shorter log is one minute."""
        at = self.log.traffic["at"].to_numpy(dtype=float)[which] - start
        length = min(MINUTE, max(1.0, self.profile.span - start))
        minutes = np.bincount((at[at >= 0] // length).astype(np.int64), minlength=1)
        return float(minutes.max()) / length

    def fits(self, ttl: float, shared: bool, limit: float | None) -> bool:
        """Whether the origin stays within `limit` reads a second, on average and in the busiest minute."""
        return limit is None or max(self.reads(ttl, shared), self.busiest(ttl, shared)) <= limit

    def shortest(self, shared: bool, limit: float | None, gain: float = 1.0) -> float:
        """The least stale TTL that hits within one point of the longest; if there is none, the longest.

        It keeps the `limit`, and sharing gains less than `gain` with it.
        """
        enough = self.hit_rate(self.longest, shared) - ONE_POINT
        alike = (ttl for ttl in self.judged if self.hit_rate(ttl, shared) >= enough and self.gain(ttl) < gain)
        return next((ttl for ttl in alike if self.fits(ttl, shared, limit)), self.longest)


def _check_grid(grid: Any, requests: int) -> None:
    if not set(getattr(grid, "columns", ())) >= COLUMNS or len(grid) == 0:
        raise BadArgument("grid is not what sweep(...) returns; make it from the same log first.")
    if (grid["requests"] != requests).any():
        raise BadArgument(
            f"grid is of {grid['requests'].iloc[0]:,} requests, but the log has {requests:,}: sweep this log."
        )


def _check_bound(staleness: Any, ttls: list[float]) -> None:
    if not is_number(staleness) or staleness not in ttls:
        raise BadArgument(
            f"staleness is {staleness!r}, but grid has the TTLs {', '.join(map(duration, ttls))}: "
            "sweep again with ttls that include it."
        )
