"""The checks of notebook 04: lifetimes for entries that are filled together, and a correction in place."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import redis

from labsupport.lab import Lab
from labsupport.lessons.checks.nb04_publish import check_publish
from labsupport.lessons.checks.orders import Function, in_words, once, together
from labsupport.lessons.copies import names_in, private_copy
from labsupport.lessons.exercises import RIGHT, Finding, Stop, answer
from labsupport.lessons.gate import TRANSACTION
from labsupport.lessons.given import Theirs, a_number, an_attempt, call, shown
from labsupport.lessons.interleave import STAND_INS
from labsupport.lessons.places import own_lab

__all__ = ["check_correct", "check_lifetime", "check_publish"]

ENTRIES, ROUNDS = 10_000, 6
MOST, LONGEST, MEAN = 500, 300, 270  # expiries in one second; seconds; seconds
ENOUGH = MEAN - 0.25  # half way to 240..299; 3.5 standard errors of 60,000 draws from 240..300
COMPARED = 20  # draws that tell whether a run can be repeated
_FILL = "for i, seconds in ipairs(ARGV) do redis.call('SET', KEYS[i], '{}', 'EX', seconds) end"
GENERATORS = {"default_rng", "Random", "RandomState", "seed", "Generator"}


def check_lifetime(lifetime: Any) -> None:
    """Judge lifetime(rng): TTLs for 10,000 entries that are filled together and must not expire together."""
    answer("lifetime", lambda: _look_at_lifetime(lifetime))


def _look_at_lifetime(lifetime: Any) -> Finding:
    function = an_attempt(lifetime, "rng")
    first, again = (list(map(shown, _drawn(function, 0, COMPARED))) for _ in range(2))
    if first != again:
        raise Stop("own_chance")
    with own_lab() as lab:
        _expect_accepted(lab, _drawn(function, 0, 1)[0])
        rounds = [_drawn(function, seed, ENTRIES) for seed in range(ROUNDS if len(set(first)) > 1 else 1)]
        for odd in (value for drawn in rounds for value in drawn if type(value) is not int):
            _expect_accepted(lab, odd)
        lives = np.array(rounds)
        _expect_accepted(lab, int(lives.min()))
        facts: dict[str, Any] = {"mean": lives.mean(), "shortest": lives.min(), "longest": lives.max()}
        if lives.max() > LONGEST:
            return ("around" if abs(lives.mean() - LONGEST) < 3 else "too_long"), facts
        worst = max(lives, key=lambda life: np.bincount(life).max())
        facts |= _expired_for_real(lab, worst) | {"entries": ENTRIES, "rounds": len(rounds)}
    return _judge_spread(function, facts), facts


def _drawn(function: Function, seed: int, entries: int) -> list[Any]:
    """What a program that has just started draws for so many entries."""
    copy, rng = private_copy(function), np.random.default_rng(seed)
    return [call(copy, rng) for _ in range(entries)]


def _expect_accepted(lab: Lab, given: Any) -> None:
    """Stop: a real SET does not take this for `ex`."""
    if given is None:
        raise Stop("no_return")
    if isinstance(given, (np.ndarray, list, tuple)):
        raise Stop("several", count=np.size(given), kind=type(given).__name__)
    facts: dict[str, Any] = {"given": a_number(given), "kind": type(given).__name__}
    if facts["given"] % 1:
        raise Stop("fraction", **facts)
    try:
        lab.redis.set(lab.keys.name("course:1"), b"{}", ex=given)
    except redis.DataError as error:
        raise Stop("no_int", **facts, error=str(error)) from None
    except redis.ResponseError as error:
        raise Stop("no_life", **facts, error=str(error)) from None


def _expired_for_real(lab: Lab, life: Any) -> dict[str, Any]:
    """Fill a real Redis, and see how many of the entries go in their busiest second."""
    names = [lab.keys.name(f"course:{number}") for number in range(ENTRIES)]
    seconds, counts = np.unique(life, return_counts=True)
    second = int(seconds[counts.argmax()])
    lab.reset()  # to draw has taken a while
    lab.redis.eval(_FILL, ENTRIES, *names, *life.tolist())
    lab.clock.advance(second - 1)
    before = lab.redis.exists(*names)
    lab.clock.advance(1)
    facts = {"second": second, "gone": before - lab.redis.exists(*names), "next": np.sort(counts)[-2:][0]}
    return facts | {"distinct": len(seconds), "even": ENTRIES / len(seconds)}


def _judge_spread(function: Function, facts: dict[str, Any]) -> str:
    """The name of the reply to lifetimes of which none is too long."""
    if facts["distinct"] == 1:
        return "same_seed" if GENERATORS & names_in(function) else "no_jitter"
    if facts["gone"] > MOST:
        heap = facts["second"] in (facts["shortest"], facts["longest"]) and facts["gone"] > 2 * facts["next"]
        return "too_few" if facts["even"] > MOST else "clipped" if heap else "uneven"
    if facts["mean"] >= ENOUGH:
        return RIGHT
    return "end_left_out" if facts["mean"] > MEAN - 0.75 and facts["longest"] < LONGEST else "too_short"


LEFT, FRESH = 200, 300  # seconds: that the entry has left, and that a reader's refill gives
SLACK = 10  # seconds that a slow machine may take
COURSE, OTHER = "course:204", "course:205"
OLD, NEW, REFILL = (b'{"title": "%s"}' % title for title in (b"Cachign in practice", b"Caching", b"Caches"))


def check_correct(correct: Any) -> None:
    """Judge correct(redis, name, value): another value, the same deadline, and what is gone stays gone."""
    answer("correct", lambda: _look_at_correct(correct))


def _look_at_correct(correct: Any) -> Finding:
    function = an_attempt(correct, "redis", "name", "value")
    with own_lab(lab_time=False) as lab:
        desk = _Desk(lab, function)
        desk.expect_replaced()
        desk.expect_gone_stays_gone()
        desk.expect_a_deadline_when_killed()
        desk.expect_its_own_deadline()
        return RIGHT, desk.facts


class _Desk:
    """Two entries on a server, and the learner's function that corrects one of them."""

    def __init__(self, lab: Lab, function: Function) -> None:
        self.lab, self.function, self.name = lab, function, lab.keys.name(COURSE)
        self.facts: dict[str, Any] = {"left": LEFT, "fresh": FRESH}

    def stage(self) -> None:
        """Both are there, and have some time left."""
        self.lab.redis.flushall()
        for course in (COURSE, OTHER):
            self.lab.redis.set(self.lab.keys.name(course), OLD, ex=LEFT)

    def left(self, course: str = COURSE) -> int:
        """What an entry has left, s, if long then up to the next ten; -1: no deadline, -2: no entry."""
        left = self.lab.redis.ttl(self.lab.keys.name(course))
        return left if left < 2 * SLACK else SLACK * math.ceil(left / SLACK)

    def correct(self, lives: float = math.inf) -> list[str]:
        """What the function sends until it is done, or its process dies."""
        self.stage()
        return once(self.lab, self.function, self.name, NEW, lives=lives).sent

    def expect_replaced(self) -> None:
        """Stop: the entry does not hold the new value until its old deadline, or another one was touched."""
        self.sent = self.correct()
        kind, now = bytes(self.lab.redis.type(self.name)).decode(), self.left()  # type: ignore[arg-type]
        found = self.lab.redis.get(self.name) if kind == "string" else None
        wrong = {
            "nothing_sent": not self.sent,
            "others": self.left(OTHER) != LEFT or self.lab.redis.get(self.lab.keys.name(OTHER)) != OLD,
            "removed": kind == "none",
            "other_type": kind != "string",
            "not_replaced": found == OLD,
            "other_value": found != NEW,
            "no_deadline": now == -1,
            "new_deadline": now != LEFT,
        }
        self.facts["commands"] = ", ".join(self.sent)
        if reply := next((name for name, so in wrong.items() if so), None):
            raise Stop(reply, now=now, kind=kind, found=shown(found), wanted=shown(NEW), **self.facts)

    def expect_a_deadline_when_killed(self) -> None:
        """Stop: a process that dies half-way leaves an entry without a deadline."""
        for lives in range(1, len(self.sent)):
            self.correct(lives)
            if self.left() == -1:
                raise Stop("dies_between", lives=lives, trips=len(self.sent), **self.facts)

    def expect_gone_stays_gone(self) -> None:
        """Stop: an entry that goes, at any moment, makes the function fail, or is there again."""
        try:
            self._judge(lambda client: client.unlink(self.name), -2, "comes_back")
        except Theirs as error:
            if isinstance(error.__cause__, redis.RedisError):
                raise Stop("gone_raises", error=str(error.__cause__), **self.facts) from None
            raise

    def expect_its_own_deadline(self) -> None:
        """Stop: an entry that a reader fills anew, at any moment, gets a deadline that is another's."""
        self._judge(lambda client: client.set(self.name, REFILL, ex=FRESH), FRESH, "old_deadline_back")

    def _judge(self, other: Function, wanted: int, wrong: str) -> None:
        """Run every order of its commands, as A, and of another's one command, as B; Stop at a bad one."""
        scene: dict[str, Any] = {"counter": COURSE, "stage": self.stage, "outcome": self._end}
        orders = together(self.lab, self._part, other, **scene)
        for _, order in orders[::-1].iterrows():  # the one in which B comes first, first
            now, value = order["final"]
            facts = self.facts | {"now": now, "order": in_words(order)}
            if now != wanted:
                raise Stop(wrong + "_between" * (wanted < 0 and order["schedule"][0] == 0), **facts)
            after = order["commands"][order["schedule"].index(1) :]
            if value == REFILL and TRANSACTION in after:
                raise Stop("watch_gave_up", **facts)

    def _end(self) -> tuple[int, Any]:
        return self.left(), self.lab.redis.get(self.name)

    def _part(self, client: Any) -> None:
        call(private_copy(self.function, STAND_INS), client, self.name, NEW)
