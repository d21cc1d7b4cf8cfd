"""The reasons for each verdict, with the numbers behind them."""

from __future__ import annotations

import numpy as np

from labsupport.decide.case import Case
from labsupport.decide.profile import ENOUGH_REQUESTS, ENOUGH_TTLS, many, span_words
from labsupport.figures.units import count, duration, points, size
from labsupport.routes import assign


def to_share(case: Case, ttl: float, memory: float | None) -> list[str]:
    """Why one Redis, what it costs, and what would do without it."""
    return [
        f"{_hits(case, ttl)}: {points(case.gain(ttl))} more.",
        _loads(case, ttl),
        _choice(case, ttl, shared=True),
        *_costs(case, memory),
        _by_key(case),
    ]


def not_to_share(case: Case, ttl: float) -> list[str]:
    """Why private caches will do, and what not sharing spares."""
    why = ["There is one instance: its own cache hits exactly as often as one Redis would."]
    if case.instances > 1:
        gain = f"{_hits(case, ttl)}: sharing would gain {points(case.gain(ttl))}."
        why = [gain, _loads(case, ttl)]
    spared = (
        f"It spares a hop for each of {_asked(case)} requests a second, memory on Redis, and a dependency "
        "that can be slow, full or gone (notebook 08)."
    )
    return [*why, _choice(case, ttl, shared=False), spared]


def needless(case: Case) -> list[str]:
    """Why no cache at all."""
    asked = f"{_asked(case)} requests a second ({count(case.uncached)} in the busiest minute)"
    return [
        f"{_hits(case, case.longest)}.",
        f"Without any cache the origin gets {asked}; it can take {count(case.capacity or 0)}.",
    ]


def not_alone(case: Case) -> list[str]:
    """Why no shared cache within the bound is enough, and what would help."""
    ttl = case.longest
    missed = 1 - case.hit_rate(ttl, shared=True)
    found = (
        f"{missed:.1%} of the requests find no entry younger than {duration(ttl)}, wherever it is kept. "
        f"{case.profile.once:.0%} of the keys were asked for once."
    )
    return [
        f"Even {_share_of_reads(case, ttl)}.",
        found,
        _longer(case),
        "Entries that live until their data change need no short TTL: delete or rewrite them when the data "
        "change (notebook 04).",
        "Coalescing (notebook 07) protects the origin when a hot key expires, but does not lower these "
        "numbers: they count one read for each fill already.",
        "A faster query, an index or a replica helps every read, hit or miss.",
    ]


def too_little(case: Case) -> list[str]:
    """What the log has, and what it would take."""
    has = f"The log has {many(case.profile.requests, 'request')} in {span_words(case.profile.span)}."
    if case.judged:
        still = f"Even {_share_of_reads(case, case.longest)}."
        wanted = case.allowed[-1]
        takes = f"Your bound allows a TTL of {duration(wanted)}, which may be enough"
    else:
        still, wanted = "", case.allowed[0]
        takes = f"The shortest TTL of the grid is {duration(wanted)}"
    needs = (
        f"{takes}: to judge that, a log needs {ENOUGH_REQUESTS:,} requests and {ENOUGH_TTLS} TTLs, which are "
        f"{duration(ENOUGH_TTLS * wanted)}."
    )
    return [sentence for sentence in (has, still, needs) if sentence]


def _hits(case: Case, ttl: float) -> str:
    shared, private = (case.hit_rate(ttl, shared) for shared in (True, False))
    return (
        f"With a TTL of {duration(ttl)} one shared cache hits {shared:.1%} of the requests, "
        f"{case.instances} private ones {private:.1%}"
    )


def _loads(case: Case, ttl: float) -> str:
    """Origin reads, shared against private, and which of them the origin can take."""
    shared, private, most, most_private = (
        count(of(ttl, shared)) for of in (case.reads, case.busiest) for shared in (True, False)
    )
    told = (
        f"Of {_asked(case)} requests a second the shared one sends {shared} on to the origin ({most} in the "
        f"busiest minute), the private ones {private} ({most_private})"
    )
    return f"{told}{_within(case, ttl)}."


def _within(case: Case, ttl: float) -> str:
    if case.capacity is None:
        return ""
    enough = "only the shared one is few enough"
    if case.fits(ttl, False, case.capacity):
        enough = "either is few enough"
    if case.fits(ttl, False, case.capacity / 2):
        enough = "even the private ones are less than half of that"
    return f"; it can take {count(case.capacity)}, and {enough}"


def _share_of_reads(case: Case, ttl: float) -> str:
    told = (
        f"one shared cache with a TTL of {duration(ttl)} hits {case.hit_rate(ttl, True):.1%} and reads the "
        f"origin {count(case.reads(ttl, True))} times a second "
        f"({count(case.busiest(ttl, True))} in the busiest minute)"
    )
    if case.capacity is None:
        return told
    less = ""
    if not case.fits(ttl, True, case.capacity):
        enough_on_average = case.reads(ttl, True) <= case.capacity
        less = ", too few for the busiest minute" if enough_on_average else ", which is less"
    return f"{told}; the origin can take {count(case.capacity)}{less}"


def _choice(case: Case, ttl: float, shared: bool) -> str:
    """Why this TTL."""
    shorter = [other for other in case.judged if other < ttl]
    if ttl < case.longest:
        gives = points(case.hit_rate(case.longest, shared) - case.hit_rate(ttl, shared))
        return (
            f"A TTL of {duration(case.longest)} would hit only {gives} more, and its answers be staler: "
            f"{duration(ttl)} is the shortest of the grid that comes within one point."
        )
    if not shorter:
        return f"{duration(ttl)} is the only TTL of the grid that your bound allows and the log can judge."
    cost = points(case.hit_rate(ttl, shared) - case.hit_rate(shorter[-1], shared))
    return f"The next shorter TTL of the grid, {duration(shorter[-1])}, would cost {cost} of hit rate."


def _costs(case: Case, memory: float | None) -> list[str]:
    room = "" if memory is None else f" and holds at most about [here: {size(memory)}]"
    return [
        f"It costs a hop for each request: Redis answers {_asked(case)} a second{room}.",
        "It costs a dependency: decide first what happens when Redis is slow, full or gone (notebook 08).",
    ]


def _by_key(case: Case) -> str:
    """The alternative, and how uneven it would be."""
    at = assign(case.log.traffic, case.instances, "by_key")
    most = np.bincount(at).max() / len(at)
    return (
        "Without Redis: routing by key hits exactly as often. But an instance takes its entries with it when "
        f"it goes, and the busiest one would get {most:.1%} of the requests, not {1 / case.instances:.1%}."
    )


def _longer(case: Case) -> str:
    """Which staleness bound would be enough."""
    if case.capacity is None:
        return "Look at the curve: a longer staleness bound helps as far as it still rises."
    longer = (ttl for ttl in case.ttls if ttl > case.longest and case.profile.says_enough(ttl))
    will_do = next((ttl for ttl in longer if case.fits(ttl, True, case.capacity)), None)
    if will_do is None:
        return "No longer TTL of the grid that the log can judge would be enough either."
    return f"A staleness bound of {duration(will_do)} would be enough: no shorter TTL of the grid is."


def _asked(case: Case) -> str:
    return count(case.profile.rate)
