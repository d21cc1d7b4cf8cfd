"""Notebook 01, exercise 1: a cache of the learner's own, first probed alone, then put into a real fleet."""

from __future__ import annotations

import functools
from typing import Any

import pandas as pd

from labsupport.caches import LocalCache
from labsupport.clock import Clock
from labsupport.fleet import Events, Fleet
from labsupport.lessons.copies import does_nothing
from labsupport.lessons.exercises import NOT_ATTEMPTED, RIGHT, Finding, Stop, answer
from labsupport.lessons.given import a_class, call, equal, shown
from labsupport.model import simulate
from labsupport.origin import CourseCatalog
from labsupport.traffic import zipf_traffic

TTL, FOLLOWED = 30, 100  # seconds; an entry that is still there after the second number never goes
A, B = "course:204", "course:205"
VALUE, LATER = b"Caching in practice", b"Caching, renamed"
WALL_CLOCK = {"time", "monotonic", "perf_counter", "datetime"}


def check_cache(cache: Any) -> None:
    """Exercise 1: a class with get and set whose entries live for `ttl` seconds of the clock."""
    answer("cache", lambda: _look_at_cache(cache))


def _look_at_cache(cache: Any) -> Finding:
    make = a_class(cache, "ttl", "clock")
    _Probe(make).expect_methods()
    for expect in (_memory, _own_entries, _empty_answer, _refill, _life, _fixed_life, _tidy_expiry):
        expect(make)
    return _in_the_fleet(make)


class _CountedClock(Clock):
    """A clock that knows how often it was asked."""

    asked = 0

    def now(self) -> float:
        self.asked += 1
        return super().now()


class _Probe:
    """One cache of the learner's class at second 0 of a clock of its own."""

    def __init__(self, make: Any) -> None:
        self.clock = _CountedClock()
        self.cache = call(make, TTL, self.clock)

    def expect_methods(self) -> None:
        """Stop: get or set is missing, or both are still to be written."""
        for method in ("get", "set"):
            if not callable(getattr(self.cache, method, None)):
                raise Stop("no_method", method=method, kind=type(self.cache).__name__)
        if does_nothing(self.cache.get) and does_nothing(self.cache.set):
            raise Stop(NOT_ATTEMPTED)

    def set(self, value: bytes = VALUE, key: str = A) -> None:
        call(self.cache.set, key, value)

    def get(self, at: float, key: str = A) -> Any:
        """What the cache says at this second, from the present one on."""
        self.clock.advance(at - Clock.now(self.clock))  # the base's: only the learner's questions count
        return call(self.cache.get, key)


def _memory(make: Any) -> None:
    """What was set is found, and only under its own key."""
    probe = _Probe(make)
    if (got := probe.get(0, "course:999")) is not None:
        raise Stop("not_none", got=shown(got), at=0)
    probe.set()
    probe.set(LATER, B)
    got = probe.get(0)
    if got is None:
        raise Stop("forgets")
    if isinstance(got, (tuple, list)) and any(equal(part, VALUE) for part in got):
        raise Stop("whole_entry", got=shown(got))
    for found, wanted in ((got, VALUE), (probe.get(0, B), LATER)):
        if not equal(found, wanted):
            raise Stop("other_value", got=shown(found), wanted=shown(wanted))
    if probe.get(0) is None:
        raise Stop("gone_after_hit")


def _own_entries(make: Any) -> None:
    """Two caches of one class have nothing in common."""
    first, second = _Probe(make), _Probe(make)
    first.set()
    if second.get(0) is not None:
        raise Stop("one_dict", reads=_reads(make), wanted=_reads(LocalCache), instances=4)


def _reads(make: Any) -> int:
    """Reads at the origin for ten minutes of traffic on four instances."""
    clock, catalog = Clock(), CourseCatalog()
    Fleet(4, lambda: make(60, clock), catalog, clock).replay(_traffic())
    return catalog.reads


@functools.cache
def _traffic() -> pd.DataFrame:
    return zipf_traffic(requests=1_500, courses=50, skew=1.0, rate=2.5, seed=204)


class _Notes:
    """An origin whose answer is empty: course 204 has no notes."""

    reads = 0

    def read(self, key: str) -> bytes:
        self.reads += 1
        return self.peek(key)

    def peek(self, key: str) -> bytes:
        return b""


def _empty_answer(make: Any) -> None:
    """An empty answer is an answer."""
    probe = _Probe(make)
    probe.set(b"")
    if not equal(probe.get(0), b""):
        visits, clock, notes = pd.DataFrame({"at": range(20), "key": "notes:204"}), Clock(), _Notes()
        Fleet(1, lambda: make(TTL, clock), notes, clock).replay(visits)
        raise Stop("empty_is_a_miss", requests=len(visits), reads=notes.reads, ttl=TTL)


def _refill(make: Any) -> None:
    """A later set brings a new value and a whole TTL, counted from then."""
    late = _Probe(make)
    late.clock.advance(FOLLOWED)
    late.set()
    if late.get(FOLLOWED) is None:
        raise Stop("deadline_from_start", at=FOLLOWED)
    probe = _Probe(make)
    probe.set()
    probe.clock.advance(20)
    probe.set(LATER)
    if not equal(got := probe.get(20), LATER):
        raise Stop("keeps_first", got=shown(got), wanted=shown(LATER))
    if probe.get(TTL + 10) is None:
        raise Stop("old_deadline", at=TTL + 10, ends=TTL + 20)


def _life(make: Any) -> None:
    """An entry that nobody asks for is there until the very second its TTL is over."""
    there = [equal(_aged(make, age), VALUE) for age in range(FOLLOWED)]
    if all(there):
        raise Stop(_why_for_ever(make), ttl=TTL, age=FOLLOWED - 1)
    life = there.index(False)
    if (got := _aged(make, life)) is not None:
        raise Stop("not_none", got=shown(got), at=life)
    if life != TTL:
        raise Stop("one_too_long" if life == TTL + 1 else "other_life", life=life, ttl=TTL)


def _aged(make: Any, age: int) -> Any:
    probe = _Probe(make)
    probe.set()
    return probe.get(age)


def _why_for_ever(make: Any) -> str:
    """No clock, one that was read once, or the wall's."""
    probe = _Probe(make)
    methods = (getattr(probe.cache, name, None) for name in ("__init__", "get", "set"))
    names = {name for m in methods for name in getattr(getattr(m, "__code__", None), "co_names", ())}
    at_start = probe.clock.asked
    probe.set()
    before = probe.clock.asked
    probe.get(0)
    if not probe.clock.asked and WALL_CLOCK & names:
        return "wall_clock"
    return "frozen_clock" if at_start and probe.clock.asked == before else "never_expires"


def _fixed_life(make: Any) -> None:
    """A hit does not prolong it."""
    probe = _Probe(make)
    probe.set()
    probe.get(20)
    if probe.get(40) is not None:
        stale, ours = _stale(make), _stale(LocalCache)
        raise Stop("sliding", stale=len(stale), last=stale.max(), wanted=len(ours), ours=ours.max())


def _stale(make: Any) -> pd.Series:
    """The seconds of the stale answers: a visit every 14 s for an hour, renamed at second 20, TTL 60."""
    visits = pd.DataFrame({"at": [14 * i for i in range(257)], "key": A})
    clock, catalog = Clock(), CourseCatalog()
    events: Events = {20: lambda: catalog.rename(A, "Caching, renamed")}
    log = Fleet(1, lambda: make(60, clock), catalog, clock).replay(visits, events=events, judge=True)
    stale: pd.Series = log.loc[log["stale"], "at"]
    return stale


def _tidy_expiry(make: Any) -> None:
    """An expired entry goes alone, and can be filled again."""
    probe = _Probe(make)
    probe.set()
    probe.clock.advance(20)
    probe.set(LATER, B)
    probe.get(TTL)
    if probe.get(TTL, B) is None:
        raise Stop("clears_all", at=TTL, left=20)
    probe.set()
    if not equal(probe.get(TTL), VALUE):
        raise Stop("no_second_life", at=TTL)


def _in_the_fleet(make: Any) -> Finding:
    """Every hit and miss of a real fleet against the model's."""
    clock, catalog, traffic = Clock(), CourseCatalog(), _traffic()
    log = Fleet(4, lambda: make(60, clock), catalog, clock, route="random").replay(traffic, judge=True)
    model = simulate(traffic, 4, ttl=60, route="random")
    wrong = (log["hit"] != model) | log["stale"]
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        said, wanted = ("hit" if hit else "miss" for hit in (log["hit"].iloc[row], model[row]))
        at, key = log["at"].iloc[row], str(log["key"].iloc[row])
        return "unlike_the_model", {"request": row + 1, "at": at, "key": key, "said": said, "wanted": wanted}
    return RIGHT, {"requests": len(log), "hits": int(model.sum()), "reads": catalog.reads}
