"""Notebook 06, exercise 3: a view that counts once, though it is repeated, raced for, and killed half-way."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from labsupport.lab import Lab
from labsupport.lessons.checks.orders import Function, every_order, once, told
from labsupport.lessons.copies import private_copy, uses_a_lock
from labsupport.lessons.exercises import RIGHT, Finding, Stop, answer
from labsupport.lessons.gate import PIPELINE, TRANSACTION
from labsupport.lessons.given import an_attempt
from labsupport.lessons.interleave import COUNTER, left_behind
from labsupport.lessons.places import own_lab

FIRST, OTHER = "7f3a", "c204"  # request ids
CLIENT_WAITS = 5  # seconds that redis-py waits for a reply before it sends the command again
DAY = 86_400_000  # ms
LONGEST = 31  # days


def check_count_once(count_once: Any) -> None:
    """Exercise 3: count_once(redis, counter, request) counts the view of each request exactly once."""
    answer("count_once", lambda: _look_at_count_once(count_once))


def _look_at_count_once(count_once: Any) -> Finding:
    function = an_attempt(count_once, "redis", "counter", "request")
    with own_lab(lab_time=False) as lab:
        desk = _Desk(lab, function)
        commands = desk.judge_first()
        desk.judge_repeated(commands)
        desk.judge_markers()
        orders = sum(desk.judge_orders(*case) for case in ((FIRST, 1), (OTHER, 2)))
        desk.judge_deaths(calls_before=0)
        desk.judge_deaths(calls_before=1)
    return RIGHT, {"commands": commands, "orders": orders}


class _Desk:
    """A server on which the learner's function counts views."""

    def __init__(self, lab: Lab, function: Function) -> None:
        self._lab, self._function, self._counter = lab, function, lab.keys.name(COUNTER)

    def _count(self, request: str = FIRST, lives: float = math.inf) -> list[str]:
        """One instance counts; the commands it sent."""
        return once(self._lab, self._function, self._counter, request, lives=lives).sent

    def _found(self) -> tuple[int | str, list[str]]:
        """The views, and the names of the other keys."""
        views, keys = left_behind(self._lab.redis, self._counter)
        return views, [key for key in keys if key != self._counter]

    def judge_first(self) -> str:
        """The commands of one view, alone. Stop: it is not counted as 1 under its name."""
        commands = ", ".join(self._count())
        views, markers = self._found()
        facts = {"views": views, "commands": commands, "where": ", ".join(markers), "name": self._counter}
        if not commands:
            raise Stop("no_command")
        if views != 1:
            other = "elsewhere" if views == 0 and markers else "alone"
            raise Stop("no_counter" if isinstance(views, str) else other, **facts)
        return commands

    def judge_repeated(self, commands: str) -> None:
        """Stop: the same request, sent again by another instance, moves the counter."""
        self._count()
        views, markers = self._found()
        if views == 1:
            return
        seen = "transaction" if TRANSACTION in commands or PIPELINE in commands else "marker_ignored"
        reply = "own_memory" if self._remembers() else seen if markers else "counted_twice"
        raise Stop(reply, views=views, commands=commands, markers=", ".join(markers))

    def _remembers(self) -> bool:
        """Whether one process that is asked twice counts once."""
        process = private_copy(self._function)

        def twice(*arguments: Any) -> None:
            process(*arguments)
            process(*arguments)

        self._lab.redis.flushall()
        once(self._lab, twice, self._counter, FIRST)
        return self._found()[0] == 1

    def judge_markers(self) -> None:
        """Stop: another request is not counted, the counter expires, or a marker stays too long or short."""
        self._count(OTHER)
        redis, (views, markers) = self._lab.redis, self._found()
        if views != 2:
            raise Stop("only_first", views=views, markers=", ".join(markers))
        if (left := redis.pttl(self._counter)) != -1:
            raise Stop("counter_expires", seconds=round(left / 1_000, -1))
        for marker in markers:
            left, kind = redis.pttl(marker), redis.type(marker).decode()  # type: ignore[union-attr]
            if len(markers) == 1 or left == -1:
                raise Stop("one_collection" if len(markers) == 1 else "for_ever", marker=marker, kind=kind)
            if not 1_000 * CLIENT_WAITS < left <= LONGEST * DAY:
                raise Stop("too_long" if left > DAY else "too_short", days=left / DAY, waits=CLIENT_WAITS)

    def judge_orders(self, request: str, views: int) -> int:
        """How many orders two instances have, one with this request. Stop: in one they count wrong."""
        orders = every_order(self._lab, self._function, more=[(FIRST,), (request,)])
        bad = orders[orders["final"] != views]
        if not bad.empty:
            why = _why_twice(bad, self._function) if request == FIRST else _why_lost(bad)
            raise Stop(why, **told(orders, bad[bad["final"] == bad["final"].iloc[0]]))
        return len(orders)

    def judge_deaths(self, calls_before: int) -> None:
        """Stop: after so many calls one died between two of its commands, was repeated, and counts wrong."""
        whole = self._die(calls_before, math.inf)
        for lives in range(1, len(whole)):
            self._die(calls_before, lives)
            immortal = [key for key in self._found()[1] if self._lab.redis.pttl(key) == -1]
            facts = {"lives": lives, "last": whole[lives - 1], "commands": ", ".join(whole)}
            self._repeat(facts)
            if (views := self._found()[0]) != 1:
                twice = "undo_killed" if calls_before else "twice_when_killed"
                raise Stop(twice if views else "lost_when_killed", views=views, **facts)
            if immortal:
                raise Stop("for_ever_when_killed", marker=immortal[0], **facts)

    def _die(self, calls_before: int, lives: float) -> list[str]:
        """On an empty server, so many whole calls, and then one that may die; its commands."""
        self._lab.redis.flushall()
        for _ in range(calls_before):
            self._count()
        return self._count(lives=lives)

    def _repeat(self, facts: dict[str, Any]) -> None:
        """Call again; who waits for what the dead one left, waits for a deadline. Stop: there is none."""
        markers = self._found()[1]
        try:
            self._count()
        except Stop:
            lives = {self._lab.redis.pttl(key): key for key in markers}
            if not (mortal := [left for left in lives if left >= 0]):
                raise Stop("lock_left", left=", ".join(markers), **facts) from None
            self._lab.redis.delete(lives[min(mortal)])
            self._count()


def _why_twice(bad: pd.DataFrame, function: Function) -> str:
    """The reply's name, if the same request is not always counted once."""
    if "WATCH" in bad["commands"].iloc[0]:
        return "watch_late"
    return "process_lock" if uses_a_lock(function) else "check_then_act"


def _why_lost(bad: pd.DataFrame) -> str:
    """The reply's name, if two different requests do not always count two."""
    if bad["error"].notna().any():
        return "watch_raised"
    commands = bad["commands"].iloc[0]
    return "lost_update" if "SET" in commands and "INCR" not in commands else "gave_up"
