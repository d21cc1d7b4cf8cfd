"""What the checks of kept keys share: how long keys have left, and what a death leaves for ever."""

from __future__ import annotations

import math
from typing import Any

from labsupport.lab import Lab
from labsupport.lessons.checks.orders import Function, once
from labsupport.lessons.copies import private_copy
from labsupport.lessons.exercises import Stop
from labsupport.lessons.given import call
from labsupport.lessons.interleave import STAND_INS

SLACK_MS = 10_000  # a slow machine may look this much later than it wrote


def ms_left(lab: Lab) -> float:
    """The milliseconds until the last key is gone; inf if one has no deadline, 0 if there is no key."""
    left = [lab.redis.pttl(key) for key in lab.redis.scan_iter()]
    return math.inf if -1 in left else max(left, default=0)


def expect_deadline(left_ms: float, seconds: int, facts: dict[str, object]) -> None:
    """Stop: these are not about so many seconds, but milliseconds, some other time or for ever.

    0 is no deadline: nothing was kept. Other times are told in tens, so that a slow machine says the same.
    """
    if left_ms == math.inf:
        raise Stop("for_ever", **facts)
    if max(0, seconds - SLACK_MS) < left_ms <= seconds:
        raise Stop("milliseconds", seconds=seconds, **facts)
    if left_ms and not 1_000 * seconds - SLACK_MS < left_ms <= 1_000 * seconds:
        raise Stop("other_deadline", seconds=seconds, left=10 * round(left_ms / 10_000), **facts)


def let_pass(lab: Lab, seconds: int) -> None:
    """Let so many seconds pass for every key that has a deadline."""
    for key in list(lab.redis.scan_iter()):
        if (left := lab.redis.pttl(key)) >= 0:
            lab.redis.pexpire(key, left - 1_000 * seconds)


def asked_thrice(lab: Lab, function: Function, *arguments: Any) -> list[Any]:
    """What one and the same instance gets: at first, again, and once all that Redis kept has expired."""

    def thrice(client: Any) -> list[Any]:
        copy = private_copy(function, STAND_INS)
        got = [call(copy, client, *arguments) for _ in range(2)]
        client.flushall()
        return [*got, call(copy, client, *arguments)]

    lab.redis.flushall()
    got: list[Any] = once(lab, thrice).returned
    return got


def expect_an_end_when_killed(
    lab: Lab, function: Function, *arguments: Any, trips: int, facts: dict[str, object]
) -> None:
    """Stop: one instance was killed on its way, and after the next one there is a key without a deadline."""
    for lives in range(1, trips):
        lab.redis.flushall()
        once(lab, function, *arguments, lives=lives)
        try:
            once(lab, function, *arguments)
        except Stop:  # it waits for the dead one's lock: if that has a deadline, let it come
            if mortal := [key for key in lab.redis.scan_iter() if lab.redis.ttl(key) != -1]:
                lab.redis.delete(*mortal)
                once(lab, function, *arguments)
        if ms_left(lab) == math.inf:
            raise Stop("two_commands", lives=lives, **facts)
