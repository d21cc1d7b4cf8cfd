"""The checks of notebook 08: how long a request waits for a hung server; the others have their modules."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable
from typing import Any

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from labsupport.lessons.checks.nb08_clear import check_clear
from labsupport.lessons.checks.nb08_operations import check_operations
from labsupport.lessons.checks.oncall import longest_wait
from labsupport.lessons.checks.orders import Function
from labsupport.lessons.exercises import RIGHT, Finding, Stop, answer
from labsupport.lessons.given import a_number, an_attempt, call
from labsupport.lessons.places import own_lab

__all__ = ["check_clear", "check_operations", "check_worst_wait"]

Case = tuple[float, int, float]  # timeout in s, retries, pause in s

REAL: Case = (0.06, 2, 0.02)  # what a real client does, really waiting
CASES: list[Case] = [REAL, (0.25, 1, 0.1), (5.0, 10, 0.5), (2, 3, 0), (0.5, 0, 4)]
# What a learner may compute instead; the reply's name is the first word.
BELIEFS: dict[str, Callable[..., float]] = {
    "first_try_forgotten": lambda timeout, retries, pause: (timeout + pause) * retries,
    "only_timeouts": lambda timeout, retries, pause: timeout * retries,
    "pauses_forgotten": lambda timeout, retries, pause: timeout * (1 + retries),
    "one_pause_more": lambda timeout, retries, pause: (timeout + pause) * (1 + retries),
    "one_pause_less": lambda timeout, retries, pause: timeout * (1 + retries) + pause * max(0, retries - 1),
    "one_pause": lambda timeout, retries, pause: timeout * (1 + retries) + pause,
    "one_pause if any": lambda timeout, retries, pause: timeout * (1 + retries) + pause * (retries > 0),
    "one_timeout": lambda timeout, retries, pause: timeout + pause * retries,
    "one_timeout alone": lambda timeout, retries, pause: timeout,
    "growing_pauses": lambda timeout, retries, pause: timeout * (1 + retries) + pause * (2**retries - 1),
    "milliseconds": lambda timeout, retries, pause: 1_000 * longest_wait(timeout, retries, pause),
    "milliseconds divided": lambda timeout, retries, pause: longest_wait(timeout, retries, pause) / 1_000,
}


def check_worst_wait(worst_wait: Any) -> None:
    """Judge worst_wait(timeout, retries, pause): the seconds that a request waits for a hung server."""
    answer("worst_wait", lambda: _look_at_worst_wait(worst_wait))


def _look_at_worst_wait(worst_wait: Any) -> Finding:
    function = an_attempt(worst_wait, "timeout", "retries", "pause")
    given = [_waited(function, case) for case in CASES]
    wrong = [number for number, case in enumerate(CASES) if not _same(given[number], longest_wait(*case))]
    case = CASES[wrong[0] if wrong else 0]
    facts: dict[str, object] = dict(zip(("timeout", "retries", "pause"), case))
    facts |= dict(zip(("real_timeout", "real_retries", "real_pause"), REAL))
    facts |= {"wanted": longest_wait(*case), "tries": 1 + case[1], "sent": _really_sent(REAL)}
    if not wrong:
        return RIGHT, facts | {"cases": len(CASES), "real": longest_wait(*REAL)}
    return _belief(given), facts | {"given": given[wrong[0]]}


def _waited(function: Function, case: Case) -> float:
    result = call(function, *case)
    if result is None:
        raise Stop("no_return")
    return a_number(result)


def _same(given: float, wanted: float) -> bool:
    return math.isclose(given, wanted, rel_tol=1e-6, abs_tol=1e-9)


def _belief(given: list[float]) -> str:
    """The reply's name for what was computed in every case."""
    for name, belief in BELIEFS.items():
        if all(_same(value, belief(*case)) for value, case in zip(given, CASES)):
            return name.partition(" ")[0]
    return "constant" if len(set(given)) == 1 else "other_number"


@functools.cache
def _really_sent(case: Case) -> int:
    """How many commands a real client sends to a server that hangs, before it gives up."""
    from labsupport.faults import FaultProxy  # here, because every notebook loads this module when it starts

    timeout, retries, pause = case
    patient = Retry(ConstantBackoff(pause), retries)
    with own_lab(lab_time=False) as lab, FaultProxy(lab.address) as proxy:
        proxy.go_silent()
        client = proxy.client(socket_timeout=timeout, retry=patient)
        with client, contextlib.suppress(redis.TimeoutError):
            client.get("course:204")
    return proxy.commands  # once it is closed, all that came in has been counted
