"""What a log is like, in numbers and in sentences, before anybody decides anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from labsupport.decide.sampled import whole_rate
from labsupport.decide.sweep import seconds_covered
from labsupport.figures.style import broken_alike
from labsupport.figures.units import count, duration
from labsupport.model import expected_hit_rate, simulate
from labsupport.routes import key_codes

if TYPE_CHECKING:
    from labsupport.traffic import TrafficLog

# How much a log must have: a share of 1,000 requests is off by 1.6 points (0.5 / sqrt 1,000) by chance alone;
# and caches begin empty and are warm one TTL later, so in ten TTLs at most a tenth of the log is cold.
ENOUGH_REQUESTS = 1_000
ENOUGH_TTLS = 10
TOLD_APART = 0.02  # hit rates closer than this count as the same
SPANS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


@dataclass(frozen=True)
class Profile:
    """A log's character; shares and hit rates from 0 to 1. `str()` is all of it in plain language."""

    requests: int
    keys: int
    span: float  # seconds, as `seconds_covered` counts them
    rate: float  # requests a second of the whole log, the keys that were not kept included
    top_share: float  # of the requests, those for the most asked 1 % of the keys (at least one key)
    once: float  # of the keys, those asked for once
    ttl: float  # seconds, at which one shared cache was tried three times, see `whole_rate`:
    real: float  # with the log's own times
    shuffled: float  # with the same keys dealt out at random over these times
    formula: float  # by the tick law, from each key's mean rate
    most_asked: tuple[tuple[str, int], ...]  # at most ten keys and their requests
    kept_one_in: int = 1
    notes: tuple[str, ...] = ()  # what was left out in reading, and why

    @property
    def bursty(self) -> bool:
        """Whether requests for a key come closer together than by chance, by what that does to hits."""
        return self.real - self.shuffled >= TOLD_APART

    def says_enough(self, ttl: float) -> bool:
        """Whether there are enough requests over enough time to judge caches with this TTL (seconds)."""
        return self.requests >= ENOUGH_REQUESTS and self.span >= ENOUGH_TTLS * ttl

    @property
    def sentences(self) -> list[str]:
        """What was read, one finding each."""
        rate = f"{count(self.rate)} a second"
        if self.kept_one_in > 1:
            rate = f"kept of 1 key in {self.kept_one_in}, all its requests; the whole log has {rate}"
        top = "most asked key" if self.keys < 200 else f"{self.keys // 100:,} most asked keys (1 in 100)"
        return [
            f"{many(self.requests, 'request')} for {many(self.keys, 'key')} in {span_words(self.span)}, "
            f"{rate}.",
            f"{self.top_share:.0%} of the requests go to the {top}.",
            f"{self.once:.0%} of the keys were asked for once: no cache can ever hit them.",
            self._timing(),
            *self.notes,
        ]

    def _timing(self) -> str:
        """What the times do, beside what the popularity of the keys does."""
        if not self.says_enough(self.ttl):
            enough = f"{ENOUGH_REQUESTS:,} requests and {duration(ENOUGH_TTLS * self.ttl)}"
            return f"How bursty it is cannot be told: that takes {enough}."
        name = "bursty" if self.bursty else "no burstier than chance"
        if self.shuffled - self.real >= TOLD_APART:
            name = "more even than chance"
        estimates = " These are estimates for the whole log." if self.kept_one_in > 1 else ""
        return (
            f"Its timing is {name}: with a TTL of {duration(self.ttl)} one shared cache hits "
            f"{self.real:.0%}. With the same keys dealt out at random over the times it would be "
            f"{self.shuffled:.0%}, by the formula {self.formula:.0%}.{estimates}"
        )

    def __str__(self) -> str:
        return "\n".join(broken_alike(sentence) for sentence in self.sentences)


def profile(log: TrafficLog, ttl: float) -> Profile:
    """Say what was read: how much, how skewed, how bursty. `ttl`: seconds, the TTL to judge burstiness at.

    Raises BadArgument for a ttl that is no whole number of seconds.
    """
    span, (codes, names) = seconds_covered(log.traffic), key_codes(log.traffic)
    dealt = pd.Categorical.from_codes(np.random.default_rng(0).permutation(codes), categories=names)
    counts = np.bincount(codes, minlength=len(names))
    order = np.argsort(-counts, kind="stable")
    asked = counts[counts > 0]
    return Profile(
        requests=len(codes),
        keys=len(asked),
        span=span,
        rate=log.requests / span,
        top_share=float(counts[order[: max(1, len(asked) // 100)]].sum() / len(codes)),
        once=float((asked == 1).mean()),
        ttl=ttl,
        real=float(whole_rate(log, (~simulate(log.traffic, 1, ttl)).sum())),
        shuffled=float(whole_rate(log, (~simulate(log.traffic.assign(key=dealt), 1, ttl)).sum())),
        formula=float(whole_rate(log, len(codes) * (1 - expected_hit_rate(asked / span, ttl)))),
        most_asked=tuple((names[key], int(counts[key])) for key in order[:10] if counts[key]),
        kept_one_in=log.kept_one_in,
        notes=tuple(log.notes),
    )


def span_words(seconds: float) -> str:
    """About so long: 90 seconds, 80 minutes, 2.5 hours, in the largest unit of which there are two."""
    unit, length = next((pair for pair in SPANS if seconds >= 2 * pair[1]), SPANS[-1])
    units = seconds / length
    return many(f"{units:,.0f}" if units >= 10 else f"{units:.2g}", unit)


def many(number: int | str, what: str) -> str:
    """1 key, 2,000 keys."""
    text = number if isinstance(number, str) else f"{number:,}"
    return f"{text} {what}" if text == "1" else f"{text} {what}s"
