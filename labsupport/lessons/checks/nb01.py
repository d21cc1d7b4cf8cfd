"""The checks of notebook 01: the cache (its own module), how stale it can be, and a TTL for a hit rate."""

from __future__ import annotations

import functools
from typing import Any

import pandas as pd

from labsupport.caches import LocalCache
from labsupport.clock import Clock
from labsupport.lessons.checks.nb01_cache import check_cache
from labsupport.lessons.exercises import RIGHT, Finding, answer
from labsupport.lessons.given import a_number
from labsupport.model import hit_rate_tick_law, simulate
from labsupport.origin import CourseCatalog
from labsupport.traffic import zipf_traffic

__all__ = ["check_cache", "check_staleness", "check_ttl_for_rate"]

COURSE = "course:204"
FILLED, LIFE, CHANGED, WATCHED = 10, 45, 30, 100  # seconds: exercise 2
STALENESS = {
    LIFE: "ttl_after_change",
    0: "hears_of_changes",
    CHANGED - FILLED: "since_fill",
    FILLED + LIFE: "moment",
    LIFE - CHANGED: "from_zero",
    LIFE - FILLED: "fill_subtracted",
    FILLED + LIFE - CHANGED - 1: "one_less",
    float("inf"): "for_ever",
}

PER_SECOND = 0.25  # one request in 4 s: exercise 3
TTLS = {
    0.9 / PER_SECOND: "rate_as_x",
    0.9: "rate_as_ttl",
    10 / PER_SECOND: "one_in_ten",
    9 * PER_SECOND: "multiplied",
    9: "x_as_ttl",
    90: "percent_as_ttl",
    1 / 9 / PER_SECOND: "inverted",
}
LONGEST_TTL = 10_000_000  # seconds, longer than the traffic


def check_staleness(seconds: Any) -> None:
    """Exercise 2: for how many seconds after the change the old title can still be served."""
    answer("staleness", lambda: _look_at_staleness(seconds))


def _look_at_staleness(given: Any) -> Finding:
    seconds = a_number(given, infinite=True)
    old = _served_old()
    stale = sum(old)
    facts: dict[str, object] = {
        "given": seconds,
        "stale": stale,
        "last": CHANGED + stale - 1,
        "end": CHANGED + stale,
    }
    facts |= {"moment": CHANGED + seconds, "left": stale - seconds, "since": seconds - stale}
    if seconds == stale:
        return RIGHT, facts
    if seconds in STALENESS:
        return STALENESS[seconds], facts
    if seconds < 0:
        return "negative", facts
    return ("too_short" if seconds < stale else "too_long"), facts


def _served_old() -> list[bool]:
    """Whether the old title was served, each second from the change on, by a real cache."""
    clock, catalog = Clock(), CourseCatalog()
    cache = LocalCache(LIFE, clock)
    clock.advance(FILLED)
    first = catalog.read(COURSE)
    cache.set(COURSE, first)
    clock.advance(CHANGED - FILLED)
    catalog.rename(COURSE, "Caching, renamed")
    served = []
    for _ in range(CHANGED, WATCHED):
        if (value := cache.get(COURSE)) is None:
            value = catalog.read(COURSE)
            cache.set(COURSE, value)
        served.append(value == first)
        clock.advance(1)
    return served


def check_ttl_for_rate(ttl: Any) -> None:
    """Exercise 3: the TTL that gives a course asked for every 4 seconds a hit rate of 90 %."""
    answer("ttl_for_rate", lambda: _look_at_ttl(ttl))


def _look_at_ttl(given: Any) -> Finding:
    """Right is what the tick law rounds to 90 %, 34.6 to 38.5 s: x/(1+x) says 36, whole seconds say 36.5."""
    seconds = a_number(given)
    if seconds <= 0:
        return "no_ttl", {"given": seconds}
    ttl = min(max(1, round(seconds)), LONGEST_TTL)
    rate = float(simulate(_one_course(), 1, ttl).mean())
    facts: dict[str, object] = {"given": seconds, "ttl": ttl, "rate": rate, "x": seconds * PER_SECOND}
    facts["requests"] = len(_one_course())
    if 0.895 <= hit_rate_tick_law(PER_SECOND, seconds) < 0.905:
        return RIGHT, facts
    known = next((name for wrong, name in TTLS.items() if abs(seconds - wrong) < 0.005), None)
    return known or ("too_short" if seconds < 36 else "too_long"), facts


@functools.cache
def _one_course() -> pd.DataFrame:
    return zipf_traffic(requests=100_000, courses=1, skew=0, rate=PER_SECOND, seed=204)
