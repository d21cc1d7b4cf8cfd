"""From a log and its sweep to an answer, by rules that can be read: share or not, with which TTL, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from labsupport.decide.case import Case
from labsupport.decide.doubts import doubts
from labsupport.decide.profile import TOLD_APART, Profile
from labsupport.decide.reasons import needless, not_alone, not_to_share, to_share, too_little
from labsupport.figures.style import broken_alike
from labsupport.figures.units import duration

if TYPE_CHECKING:
    from labsupport.traffic import TrafficLog

SHARE = "share"
PRIVATE = "do not share"
NOT_ALONE = "Redis alone will not solve this"
TOO_LITTLE = "too little traffic to say"
HARDLY = 0.10  # a shared hit rate below this: hardly anything repeats within the TTL


@dataclass(frozen=True)
class Advice:
    """What to do, why, and what could be wrong with that. `str()` is all of it in plain language."""

    verdict: str  # SHARE, PRIVATE, NOT_ALONE or TOO_LITTLE
    headline: str
    ttl: float | None  # seconds; None if there is too little traffic to say, or no need of a cache
    reasons: list[str]
    doubts: list[str]

    def __str__(self) -> str:
        lists = [*_listed("Why", self.reasons), *_listed("Doubts", self.doubts)]
        return "\n".join([broken_alike(self.headline), *lists])


def recommend(
    log: TrafficLog,
    grid: pd.DataFrame,
    instances: int,
    staleness: float,
    capacity: float | None = None,
    memory: pd.Series[float] | None = None,
    profile: Profile | None = None,
) -> Advice:
    """Say whether `instances` should share their cache, with which TTL, for which reasons, with which doubts.

    grid: what `sweep` says of this log's traffic, for this number of instances among others.
    staleness: seconds, no answer may be older; one of the grid's TTLs.
    capacity: reads a second that the origin can take, on average and in the busiest minute.
    memory: bytes on Redis by TTL, for the traffic as it was read. profile: one of any TTL, if there is one.
    Raises BadArgument if the grid is of another log, or lacks the instances or the staleness bound.
    """
    case = Case(log, grid, instances, staleness, capacity, profile)
    verdict, ttl = _judge(case)
    if verdict == TOO_LITTLE:
        return Advice(verdict, "There is too little traffic in this log to say.", None, too_little(case), [])
    if ttl is None:
        headline, reasons = "Do not share: you need no cache at all.", needless(case)
        return Advice(verdict, headline, None, reasons, doubts(case, None, False))
    with_ttl = f"with a TTL of {duration(ttl)}"
    if verdict == PRIVATE:
        caches = "a private cache" if instances == 1 else "private caches"
        headline, reasons = f"Do not share: {caches} {with_ttl} will do.", not_to_share(case, ttl)
        return Advice(verdict, headline, ttl, reasons, doubts(case, ttl, False))
    if verdict == NOT_ALONE:
        hits = f"{case.hit_rate(ttl, True):.1%}"
        headline = f"Redis alone will not solve this: {with_ttl} it hits {hits}."
        return Advice(verdict, headline, ttl, not_alone(case), doubts(case, ttl, True))
    size = None if memory is None or ttl not in memory.index else float(memory[ttl]) * log.kept_one_in
    told = doubts(case, ttl, True, size is not None)
    return Advice(verdict, f"Share one Redis, {with_ttl}.", ttl, to_share(case, ttl, size), told)


def _judge(case: Case) -> tuple[str, float | None]:
    """The verdict and the TTL by the first rule that applies."""
    if not case.judged:
        return TOO_LITTLE, None
    longest, capacity = case.longest, case.capacity
    beyond = NOT_ALONE if longest == case.allowed[-1] else TOO_LITTLE  # a longer one is allowed: who knows?
    hardly = case.hit_rate(longest, True) < HARDLY
    if not case.fits(longest, True, capacity):
        return beyond, longest
    # The origin can take twice what it must, and caches that are apart do not fail together.
    if capacity is not None and case.fits(longest, False, capacity / 2):
        none = hardly and case.uncached <= capacity / 2
        return PRIVATE, None if none else case.shortest(False, capacity / 2)
    if hardly:
        return beyond, longest
    # One instance alone gains nothing at all.
    if case.gain(longest) < TOLD_APART and case.fits(longest, False, capacity):
        return PRIVATE, case.shortest(False, capacity, gain=TOLD_APART)
    return SHARE, case.shortest(True, capacity)


def _listed(name: str, sentences: list[str]) -> list[str]:
    """A heading and one item for each sentence, lines broken between words; nothing for nothing."""
    items = [broken_alike(text, "- ", "  ") for text in sentences]
    return [f"\n{name}:", *items] if items else []
