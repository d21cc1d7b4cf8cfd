"""Notebook 05, exercise 3: an answer that is kept, even if it is None, 0, False or an empty text."""

from __future__ import annotations

import contextlib
import pickle
from typing import Any

import redis

from labsupport.lab import Lab
from labsupport.lessons.checks.deadlines import (
    asked_thrice,
    expect_an_end_when_killed,
    expect_deadline,
    let_pass,
    ms_left,
)
from labsupport.lessons.checks.orders import Function, every_order, in_words, once
from labsupport.lessons.copies import private_copy
from labsupport.lessons.exercises import RIGHT, Finding, Stop, answer
from labsupport.lessons.given import Theirs, an_attempt, call, equal, shown
from labsupport.lessons.interleave import STAND_INS
from labsupport.lessons.places import own_lab

KEY, OTHER = "seats:204", "seats:205"
KEPT = 60  # seconds
COURSE = {"title": "Caching in practice", "seats": 0, "room": None}
ANSWERS: list[Any] = [None, 0, False, "", "Caching in practice", "0", 204, [], COURSE]


def check_remember_answer(remember_answer: Any) -> None:
    """Judge remember_answer(redis, name, read): each answer is kept for 60 s, None and 0 like any other."""
    answer("remember_answer", lambda: _look_at_remember_answer(remember_answer))


def _look_at_remember_answer(remember_answer: Any) -> Finding:
    function = an_attempt(remember_answer, "redis", "name", "read")
    with own_lab(lab_time=False) as lab:
        name = lab.keys.name(KEY)
        asked = [_Asked(lab, function, wanted) for wanted in ANSWERS]
        commands = asked[-1].commands
        facts: dict[str, object] = {"answers": len(ANSWERS), "commands": ", ".join(commands), "kept": KEPT}
        _judge_first(asked, facts)
        for one in asked:
            expect_deadline(one.left, KEPT, facts)
        _judge_second(asked, facts)
        _expect_own_name(lab, function, facts)
        *_, got = asked_thrice(lab, function, name, iter(["old", "new"]).__next__)
        if not _same(got, "new"):
            raise Stop("own_memory", got=shown(got), **facts)
        orders = _expect_right_in_every_order(lab, function, facts)
        expect_an_end_when_killed(lab, function, name, lambda: COURSE, trips=len(commands), facts=facts)
        _expect_data_only(lab, function, name)
    return RIGHT, facts | {"orders": orders}


class _Asked:
    """One answer, asked for by two instances one after the other, and what came of it."""

    def __init__(self, lab: Lab, function: Function, wanted: Any) -> None:
        """Stop: it is one that redis-py does not store. Theirs: any other error of the learner's code."""
        lab.redis.flushall()
        name, self.wanted, self.calls = lab.keys.name(KEY), wanted, 0
        try:
            first = once(lab, function, name, self._read)
        except Theirs as error:
            if isinstance(error.__cause__, redis.DataError):
                raise Stop("cannot_keep", wanted=shown(wanted), kind=type(wanted).__name__) from None
            raise
        self.commands, self.calls_first, self.left = first.sent, self.calls, ms_left(lab)
        let_pass(lab, KEPT // 2)
        self.got = [first.returned, once(lab, function, name, self._read).returned]
        self.renewed = ms_left(lab) > 500 * KEPT

    def _read(self) -> Any:
        self.calls += 1
        return self.wanted


def _same(got: Any, wanted: Any) -> bool:
    return type(got) is type(wanted) and equal(got, wanted)


def _judge_first(asked: list[_Asked], facts: dict[str, object]) -> None:
    """Stop: whoever asks first does not get what read() returned, or asks it twice."""
    if not facts["commands"]:
        raise Stop("nothing_sent")
    if all(one.got == [None, None] for one in asked):
        raise Stop("no_return")
    for one in asked:
        if not _same(one.got[0], one.wanted):
            raise Stop("other_answer", wanted=shown(one.wanted), got=shown(one.got[0]))
        if one.calls_first > 1:
            raise Stop("read_twice", reads=one.calls_first)


def _judge_second(asked: list[_Asked], facts: dict[str, object]) -> None:
    """Stop: whoever asks next makes it read again, gets something else, or puts the end off."""
    again = [shown(one.wanted) for one in asked if one.calls > 1]
    if len(again) == len(asked):
        raise Stop("reads_always" if asked[-1].left else "never_kept", **facts)
    if again:
        raise Stop("reads_again", which=", ".join(again), again=len(again), **facts)
    if changed := [(one.got[1], one.wanted) for one in asked if not _same(one.got[1], one.wanted)]:
        got, wanted = changed[0]
        kind = type(got).__name__
        raise Stop("as_text", wanted=shown(wanted), got=shown(got), kind=kind, count=len(changed), **facts)
    if any(one.renewed for one in asked):
        raise Stop("renewed", half=KEPT // 2)


def _expect_own_name(lab: Lab, function: Function, facts: dict[str, object]) -> None:
    """Stop: two names get one answer."""
    once(lab, function, lab.keys.name(KEY), lambda: COURSE)
    got = once(lab, function, lab.keys.name(OTHER), lambda: "Queues").returned
    if not _same(got, "Queues"):
        raise Stop("one_name", name=lab.keys.name(OTHER), got=shown(got), wanted=shown("Queues"), **facts)


def _expect_right_in_every_order(lab: Lab, function: Function, facts: dict[str, object]) -> int:
    """How many orders two misses have. Stop: a wrong answer in one, or in a hit while the key expires."""
    kept: list[bytes] = []

    def part(client: Any, name: str, expires: bool = False) -> Any:
        if expires:
            client.delete(*kept)
            return COURSE
        try:
            return call(private_copy(function, STAND_INS), client, name, lambda: COURSE)
        except Theirs as error:
            return error

    def fill() -> None:
        part(lab.redis, lab.keys.name(KEY))
        kept[:] = lab.redis.scan_iter()

    hits = every_order(lab, part, counter=KEY, stage=fill, more=[(False,), (True,)])
    misses = every_order(lab, part, counter=KEY)
    for reply, orders in [("expired_between", hits), ("half_kept", misses)]:
        wrong = orders[[not all(_same(got, COURSE) for got in returned) for returned in orders["returned"]]]
        if len(wrong):
            raise Stop(reply, orders=len(orders), wrong=len(wrong), order=in_words(wrong.iloc[0]), **facts)
    return len(misses)


_ran: list[None] = []  # grows when what lies on Redis is run as a program
_PROGRAM = f"__import__({__name__!r}, fromlist=['_ran'])._ran.append(None)"


class _Planted:
    """What pickle writes down as a call."""

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, (_PROGRAM,)


def _expect_data_only(lab: Lab, function: Function, name: str) -> None:
    """Stop: what somebody else wrote under the name is run as a program."""
    _ran.clear()
    for planted in (pickle.dumps(_Planted()), _PROGRAM):
        for key in lab.redis.scan_iter():
            lab.redis.set(key, planted, ex=KEPT)
        with contextlib.suppress(Theirs):
            once(lab, function, name, lambda: COURSE)
    if _ran:
        raise Stop("runs_code")
