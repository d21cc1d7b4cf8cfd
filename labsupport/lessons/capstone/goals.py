"""The goals of the budget: what each one judges, what it is worth, and which reply explains its loss."""

from __future__ import annotations

from collections.abc import Callable
from statistics import mean
from typing import NamedTuple

from labsupport.errors import cell_line
from labsupport.lessons.capstone.morning import (
    CALM,
    COURSES,
    GONE,
    NEIGHBOURS,
    OPENING,
    PAGES,
    STEP,
    TRIES,
)
from labsupport.lessons.capstone.record import Answer, Key, Record
from labsupport.lessons.exercises import one_line

BOUND = 60  # s: no answer may have been wrong for longer
AT_ONCE, ON_AVERAGE = 20, 6  # reads that the origin bears in a step of STEP seconds
MEMORY = 120_000  # bytes
ANSWERED = 0.8  # of the requests in the outage
LEFT = 150  # bytes a month later, for each course that was viewed: a counter's

Facts = dict[str, object]
Verdict = tuple[str, str, Facts]  # what was counted, the reply to a failure ("": none), its facts


class Goal(NamedTuple):
    """One line of the score card."""

    name: str
    worth: int
    judge: Callable[[Record], Verdict]
    of_pages: bool = True  # no points for it without pages


def served(record: Record) -> bool:
    """Whether there are pages at all."""
    calm = [answer for answer in record.answers if not _is_excused(answer)]
    return sum(answer.said.what == "page" for answer in calm) > len(calm) / 2


def _is_excused(answer: Answer) -> bool:
    """In the outage, and while all is empty after it, an instance may turn a request away."""
    return GONE <= answer.second < CALM


def _right(record: Record) -> Verdict:
    bad = [a for a in record.answers if a.said.what not in ("page", "none", "raised")]
    bad += [a for a in record.answers if a.said.what == "none" and not _is_excused(a)]
    bad.sort(key=lambda answer: answer.said.what == "none")
    counted = f"{len(bad):,} of {len(record.answers):,} answers wrong or missing"
    reply = f"page_{bad[0].said.what}" if bad else ""
    return counted, reply, {"key": bad[0].key if bad else "", "bad": len(bad)}


def _fresh(record: Record) -> Verdict:
    old = [answer for answer in record.answers if answer.said.age > BOUND]
    worst = max((answer.said.age for answer in record.answers), default=0)
    pages = _pages(record)
    longest = max((key.left for key in pages), default=0)
    reply = "old_copies"
    if any(key.left == -1 for key in pages):
        reply = "for_ever"
    elif longest > BOUND:
        reply = "old_ttl"
    elif all(GONE <= answer.second < CALM for answer in old):
        reply = "old_in_outage"
    facts: Facts = {"old": len(old), "worst": worst, "longest": longest}
    return f"wrong for {worst:g} s at most, {BOUND} s are allowed", reply if old else "", facts


def _pages(record: Record) -> list[Key]:
    """The pages on Redis before the outage."""
    return [key for key in record.keys[0] if key.is_page]


def _reads(record: Record, first: float, last: float) -> list[int]:
    """The reads at the origin in each step."""
    return [record.reads[second] for second in range(int(first), int(last), STEP)]


def _everyday(record: Record) -> Verdict:
    calm, late = (mean(_reads(record, *span)) for span in ((OPENING, GONE), (CALM, 475)))
    pages = _pages(record)
    longest = max((key.left for key in pages), default=0)
    reply = ""
    if max(calm, late) > ON_AVERAGE:
        reply = "private" if not pages else "short" if longest <= BOUND / 2 else "not_found"
        reply = "never_back" if pages and record.asleep else reply
    counted = f"{max(calm, late):.1f} reads in {STEP} s on average, {ON_AVERAGE} are allowed"
    facts: Facts = {"calm": calm, "late": late, "allowed": ON_AVERAGE}
    return counted, reply, facts | {"longest": longest, "pages": len(pages)}


def _wave(record: Record) -> Verdict:
    most = max(_reads(record, STEP, OPENING))
    second = STEP + STEP * _reads(record, STEP, OPENING).index(most)
    counted = f"{most} reads in {STEP} s at most, {AT_ONCE} are allowed"
    facts: Facts = {"most": most, "second": second, "allowed": AT_ONCE, "pages": PAGES}
    return counted, "wave" if most > AT_ONCE else "", facts


def _hot(record: Record) -> Verdict:
    most, order = max(record.rushes, key=lambda rush: rush[0])
    counted = f"{most} read{'s' * (most != 1)} at most when two ask at once"
    if most > 1:
        locked = "NX" in order or "EVAL" in order or "WATCH" in order
        return counted, "second_look" if locked else "stampede", {"order": order}
    if record.orphans != {"page"}:
        return "no page, or a long wait, after one had died with the lock", "lock_for_ever", {}
    return counted, "", {}


def _guest(record: Record) -> Verdict:
    names = {key.name for keys in record.keys for key in keys}
    strangers = sorted(name for name in names if not name.startswith(record.namespace))
    slow = {"keys", "flushdb", "flushall"} & record.used
    reply = "flushed" if record.touched else "no_namespace" if strangers else "keys" if slow else ""
    counted = f"{len(record.touched)} keys of others gone, {len(strangers)} strange names, {len(slow)} stalls"
    facts: Facts = {"touched": len(record.touched), "others": len(NEIGHBOURS)}
    return counted, reply, facts | {"stranger": strangers[0] if strangers else ""}


def _memory(record: Record) -> Verdict:
    most = max(sum(key.size for key in keys) for keys in record.keys)
    left, size = len(record.keys[2]), sum(key.size for key in record.keys[2])
    viewed = len(COURSES) + 1 + len(record.met) + len(record.met_again)
    grown = size > LEFT * viewed
    reply = "left_over" if grown else "too_much" if most > MEMORY else ""
    counted = f"[here: {most:,}] of {MEMORY:,} bytes, {left} keys a month later"
    example = next((key.name for key in record.keys[2] if key.left == -1), "")
    return counted, reply, {"left": left, "viewed": viewed, "allowed": MEMORY, "example": example}


def _views(record: Record) -> Verdict:
    happened, said = sum(record.happened), sum(map(min, record.said, record.happened))
    lost = [order for count, order in record.met if count < 2]
    reply = ""
    if not any(record.said):
        reply = "views_nothing"
    elif lost and len(lost) == len(record.met):
        reply = "views_private"
    elif lost:
        reply = "lost_update"
    elif said < happened:
        reply = "views_gone"
    elif record.later != record.said:
        reply = "views_expire"
    counted = f"{said:,} of {happened:,} counted, {len(lost)} of {len(record.met)} lost when two came at once"
    order = lost[0] if lost else ""
    return counted, reply, {"happened": happened, "said": said, "later": sum(record.later), "order": order}


def _once(record: Record) -> Verdict:
    more = sum(max(0, said - truth) for said, truth in zip(record.said, record.happened))
    twice = [order for count, order in record.met_again if count != 1]
    reply = ""
    if not any(count for count, _ in record.met_again):
        reply = "views_private"
    elif len(twice) == len(record.met_again):
        reply = "counted_twice"
    elif more:
        reply = "marker_short"
    elif twice:
        reply = "check_then_act"
    counted = f"{more} counted again later, {len(twice)} of {len(record.met_again)} at the same moment"
    facts: Facts = {"more": more, "order": twice[0] if twice else ""}
    return counted, reply, facts | {"happened": sum(record.happened), "said": sum(record.said)}


def _answered(record: Record) -> Verdict:
    asked = [answer for answer in record.answers if _is_excused(answer)]
    pages = sum(answer.said.what == "page" for answer in asked)
    reply = ""
    if record.raised:
        reply = "fails_closed"
    elif pages < ANSWERED * len(asked):
        reply = "turned_away"
    counted = f"{pages:,} of {len(asked):,} pages ({ANSWERED:.0%} are needed), {len(record.raised):,} errors"
    error = next((one_line(error) + cell_line(error) for error in record.raised), "")
    return counted, reply, {"pages": pages, "asked": len(asked), "errors": len(record.raised), "error": error}


def _bears(record: Record) -> Verdict:
    most = max(_reads(record, GONE, CALM))
    counted = f"{most} reads in {STEP} s at most, {AT_ONCE} are allowed"
    return counted, "fails_open" if most > AT_ONCE else "", {"most": most, "allowed": AT_ONCE}


def _waits(record: Record) -> Verdict:
    counted = f"{record.tried:,} commands in vain, {TRIES} are allowed"
    return counted, "waits" if record.tried > TRIES else "", {"tried": record.tried, "allowed": TRIES}


GOALS = [
    Goal("the page that was asked for", 10, _right),
    Goal("no page older than 60 s", 10, _fresh),
    Goal("the origin, every day", 10, _everyday),
    Goal("the origin, a wave", 10, _wave),
    Goal("the origin, a hot page", 10, _hot),
    Goal("a guest on a shared server", 10, _guest, of_pages=False),
    Goal("memory", 5, _memory, of_pages=False),
    Goal("every view counts", 10, _views, of_pages=False),
    Goal("no view counts twice", 10, _once, of_pages=False),
    Goal("outage: pages all the same", 5, _answered),
    Goal("outage: what the origin bears", 5, _bears),
    Goal("outage: nobody waits for Redis", 5, _waits),
]

# What is explained first: a mistake further down this list often follows from one further up.
PRIORITY = [_right, _guest, _fresh, _everyday, _views, _once, _answered, _bears, _wave, _waits, _hot, _memory]
