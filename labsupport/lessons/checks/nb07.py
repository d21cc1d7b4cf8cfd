"""The checks of notebook 07: a limiter without a clock, and how long a marker must live."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import pandas as pd

from labsupport.lab import Lab
from labsupport.lessons.checks.deadlines import (
    asked_thrice,
    expect_an_end_when_killed,
    expect_deadline,
    let_pass,
    ms_left,
)
from labsupport.lessons.checks.nb07_release import check_release
from labsupport.lessons.checks.orders import Function, every_order, once, together, told, yes
from labsupport.lessons.copies import names_in, private_copy, uses_a_lock
from labsupport.lessons.exercises import RIGHT, Finding, Stop, answer, one_line
from labsupport.lessons.gate import PIPELINE
from labsupport.lessons.given import Theirs, a_number, an_attempt, call, equal, shown
from labsupport.lessons.interleave import STAND_INS
from labsupport.lessons.places import own_lab

__all__ = ["check_allow", "check_marker", "check_release"]

CUSTOMER, OTHER = "calls:7", "calls:8"
LIMITS, DAY, HOUR = (3, 5), 86_400, 3_600  # calls; seconds
CLOCKS = {"datetime", "time_ns", "monotonic", "perf_counter"}


def check_allow(allow: Any) -> None:
    """Exercise 1: allow(redis, name, limit, seconds), a limiter whose window begins with the first call."""
    answer("allow", lambda: _look_at_allow(allow))


def _look_at_allow(allow: Any) -> Finding:
    function = an_attempt(allow, "redis", "name", "limit", "seconds")
    with own_lab(lab_time=False) as lab:
        door = _Door(lab, function)
        answers = [door.judge_alone(limit) for limit in LIMITS]
        door.judge_kept()
        for before in (1, LIMITS[0]):
            door.judge_end(before)
        orders = sum(door.judge_two(limit, used) for limit, used in [(1, 0), (2, 0), (2, 1)])
        for limit in (1, 2):
            door.judge_end_between(limit)
        expect_an_end_when_killed(lab, function, door.name, 1, DAY, trips=door.trips, facts=door.facts)
    if PIPELINE in door.facts["commands"]:
        return "no_transaction", door.facts
    door.facts |= {"orders": orders, "limit": LIMITS[0], "said": ", ".join(map(shown, answers[0]))}
    exactly = all(equal(value, yes(value)) for said in answers for value in said)
    return RIGHT if exactly else "no_bool", door.facts


class _Door:
    """A server on which the learner's function lets a customer's calls through."""

    def __init__(self, lab: Lab, function: Function) -> None:
        self._lab, self._function, self.name = lab, function, lab.keys.name(CUSTOMER)
        self._there: list[bytes] = []  # the keys, when a window is to end
        self.facts: dict[str, Any] = {}
        self.trips = 0  # commands of a first call
        lab.redis.config_resetstat()

    def _calls(self, count: int, limit: int, seconds: int = DAY) -> list[Any]:
        """What so many calls are told, each by another instance."""
        return [once(self._lab, self._function, self.name, limit, seconds).returned for _ in range(count)]

    def judge_alone(self, limit: int) -> list[Any]:
        """What two calls more than the limit are told. Stop: not yes so often, and then no."""
        self._lab.redis.flushall()
        first = once(self._lab, self._function, self.name, limit, DAY)
        if not first.sent:
            raise Stop("nothing_sent")
        said = [first.returned, *self._calls(limit + 1, limit)]
        self.trips, let = len(first.sent), sum(map(yes, said))
        self.facts = {"commands": ", ".join(first.sent)}
        if [yes(value) for value in said] != [True] * limit + [False] * 2:
            raise Stop(_why_other(said, let, limit), limit=limit, let=let, calls=limit + 2, **self.facts)
        return said

    def judge_kept(self) -> None:
        """Stop: customers share a count, a clock or a process decides, or a deadline is another one."""
        redis, other = self._lab.redis, self._lab.keys.name(OTHER)
        if not yes(once(self._lab, self._function, other, LIMITS[-1], DAY).returned):
            raise Stop("one_name", name=self.name, other=other, **self.facts)
        if _reads_a_clock(self._function) or "cmdstat_time" in redis.info("commandstats"):
            raise Stop("own_clock", **self.facts)
        said = asked_thrice(self._lab, self._function, self.name, 1, DAY)
        if [yes(value) for value in said] != [True, False, True]:
            raise Stop("own_memory", said=", ".join(map(shown, said)), **self.facts)
        for seconds in (DAY, HOUR):
            redis.flushall()
            self._calls(LIMITS[0] + 1, LIMITS[0], seconds)
            expect_deadline(ms_left(self._lab), seconds, self.facts)

    def judge_end(self, before: int) -> None:
        """Stop: after so many calls at first and one in the middle, a window is not over at its end."""
        limit = LIMITS[0]
        self._lab.redis.flushall()
        for calls in (before, 1):
            self._calls(calls, limit)
            let_pass(self._lab, DAY // 2)
        let = sum(map(yes, self._calls(limit, limit)))
        if let != limit:
            raise Stop("prolonged", before=before, let=let, limit=limit, **self.facts)

    def judge_two(self, limit: int, used: int) -> int:
        """How many orders two callers have, after `used` calls. Stop: in one too many or few get through."""
        more = [(limit, DAY)] * 2

        def stage() -> None:
            self._calls(used, limit)

        orders = every_order(self._lab, self._function, counter=CUSTOMER, stage=stage, more=more)
        let = orders["returned"].map(lambda said: sum(map(yes, said)))
        wanted = min(2, limit - used)
        for wrong in (orders["error"].notna(), let > wanted, let < wanted):
            if wrong.any():
                reply = self._why(orders[wrong].iloc[0], int(let[wrong].iloc[0]) > wanted)
                raise Stop(reply, limit=limit, used=used, **told(orders, orders[wrong]), **self.facts)
        return len(orders)

    def _why(self, order: pd.Series[Any], too_many: bool) -> str:
        """The name of the reply to a function that is right alone, but not in this order."""
        if order["error"] is not None:
            return "watch_raised"
        if not too_many:
            return "turned_away"
        if "WATCH" in order["commands"]:
            return "watch_late"
        return "process_lock" if uses_a_lock(self._function) else "both_through"

    def judge_end_between(self, limit: int) -> None:
        """Stop: a window that ends between two commands of a call leaves a count without a deadline."""

        def stage() -> None:
            self._calls(1, limit)
            self._there = list(self._lab.redis.scan_iter())

        def a_call(client: Any) -> None:
            call(private_copy(self._function, STAND_INS), client, self.name, limit, DAY)

        parts = (a_call, lambda client: client.unlink(*self._there))
        try:
            orders = together(self._lab, *parts, stage=stage, outcome=lambda: ms_left(self._lab))
        except Theirs as error:
            raise Stop("gone_raises", error=one_line(error.__cause__ or error), **self.facts) from None
        bad = orders[orders["final"] == float("inf")]
        if not bad.empty:
            facts = told(orders, bad)
            order = facts["order"].replace("B UNLINK", "the window ends")
            raise Stop("ends_between", order=order, **self.facts)


def _reads_a_clock(function: Function) -> bool:
    names = names_in(function)
    return not names.isdisjoint(CLOCKS) or ("time" in names and "sleep" not in names)


def _why_other(said: list[Any], let: int, limit: int) -> str:
    """The name of the reply to so many calls let through, one after the other."""
    if said == [None] * len(said):
        return "no_return"
    if let in (0, len(said)):
        counted = equal(said, list(range(1, len(said) + 1)))
        return "refuses_all" if not let else "count_returned" if counted else "never_refuses"
    if not yes(said[0]):
        return "inverted"
    return {limit - 1: "one_less", limit + 1: "one_more"}.get(let, "other_number")


EVENT = "mail:7"
WAITS = (30, 60, 120, 240)  # seconds from one delivery to the next: exercise 2
DELIVERIES = list(accumulate((0, *WAITS)))
LAST = DELIVERIES[-1]
OFTEN = {WAITS[0]: "first_wait", 4 * WAITS[0]: "same_waits", WAITS[-1]: "last_wait"}
OFTEN |= {DELIVERIES[-2]: "last_forgotten", LAST + 2 * WAITS[-1]: "one_too_many"}
MARKER = {seconds + more: reply for seconds, reply in OFTEN.items() for more in (0, 1)} | {LAST: "boundary"}


def check_marker(seconds: Any) -> None:
    """Exercise 2: for how many seconds the marker of an event must live, at least, for all its deliveries."""
    answer("marker", lambda: _look_at_marker(seconds))


def _look_at_marker(given: Any) -> Finding:
    seconds = a_number(given, infinite=True)
    facts: dict[str, object] = {"given": seconds, "last": LAST, "deliveries": len(DELIVERIES)}
    if seconds == float("inf"):
        return "for_ever", facts
    if seconds % 1 or seconds < 1:
        return "fraction" if seconds > 1 else "no_life", facts
    with own_lab() as lab:
        worked = _worked(lab, seconds)
        facts |= {"mails": len(worked), "moments": ", ".join(map(str, worked)), "again": worked[-1]}
        if len(worked) == 1 and (shorter := _worked(lab, seconds - 1)) != worked:
            return RIGHT, facts | {"shorter": seconds - 1, "again": shorter[-1], "two": len(shorter)}
    return MARKER.get(int(seconds), "too_short" if len(worked) > 1 else "too_long"), facts


def _worked(lab: Lab, seconds: float) -> list[int]:
    """At which seconds of lab time a delivery found no marker and sent the mail."""
    lab.reset()
    name, life, worked = lab.keys.name(EVENT), int(min(seconds, DAY)), []
    for wait in (0, *WAITS):
        lab.clock.advance(wait)
        if lab.redis.set(name, 1, nx=True, ex=life):
            worked.append(round(lab.clock.now()))
    return worked
