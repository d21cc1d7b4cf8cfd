"""Lab time from moment to moment, and requests that take some: while one waits, others are served."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import pandas as pd

from labsupport.checks import is_number
from labsupport.clock import Clock
from labsupport.errors import BadArgument

Task = Generator[float, None, Any]  # one request: what it yields are the lab seconds that it waits


def in_lab_time(clock: Clock, moments: Iterable[float]) -> Iterator[float]:
    """Each of the `moments`, in lab seconds from the clock's present reading, once the clock has come there.

    The clock, which knows whole ticks, stands at the tick below. BadArgument: moments that do not ascend.
    """
    start = clock.now()
    for moment in _ascending("moments", moments):
        _move_to(clock, start, moment)
        yield moment


def serve_in_lab_time(
    clock: Clock, arrivals: Iterable[float], handler: Callable[[int], Task]
) -> pd.DataFrame:
    """Serve a request at each of the `arrivals`, in lab seconds from the clock's present reading, ascending.

    `handler(number)` is a generator function: between two `yield`s nobody else runs; `yield seconds` lets so
    much lab time pass for this request only, while others are served. All happens in the order of the exact
    moments, at equal ones in the order in which they were set; the clock, which knows whole ticks, stands at
    the tick below each. A request that waits for ever is served for ever: give it an end.
    Returns one row a request: `at` (seconds), `waited` (lab seconds from its arrival to its answer),
    `returned`. BadArgument: arrivals that are not such numbers, a handler without yield, a wait below 0.
    """
    moments, start = _ascending("arrivals", arrivals), clock.now()
    waiting = [(at, number, number) for number, at in enumerate(moments)]  # a heap: moment, turn, number
    tasks: dict[int, Task] = {}
    rows: list[tuple[float, float, Any]] = [(at, 0.0, None) for at in moments]
    turn = len(waiting)
    while waiting:
        moment, _, number = heapq.heappop(waiting)
        _move_to(clock, start, moment)
        task = tasks.get(number) or tasks.setdefault(number, _task(handler, number))
        try:
            seconds = _wait(next(task))
        except StopIteration as end:
            rows[number] = (moments[number], moment - moments[number], end.value)
            del tasks[number]
            continue
        turn += 1
        heapq.heappush(waiting, (moment + seconds, turn, number))
    return pd.DataFrame(rows, columns=["at", "waited", "returned"])


def _move_to(clock: Clock, start: float, moment: float) -> None:
    """The clock to the tick below `moment` seconds after `start`, or held where it stands."""
    clock.wait_until(start + moment // clock.tick * clock.tick)


def _ascending(what: str, given: Iterable[float]) -> list[float]:
    moments = list(given)
    if not all(map(is_number, moments)) or moments != sorted(moments) or min(moments, default=0) < 0:
        raise BadArgument(f"{what} must be lab seconds from 0 on, each at least as large as the one before.")
    return [float(at) for at in moments]


def _task(handler: Callable[[int], Task], number: int) -> Task:
    task = handler(number)
    if not isinstance(task, Generator):
        raise BadArgument("the handler never yields, so it is no generator: write `yield seconds` to wait.")
    return task


def _wait(seconds: Any) -> float:
    if not is_number(seconds) or seconds < 0:
        raise BadArgument(f"the handler yields {seconds!r}, but must yield lab seconds of at least 0.")
    return float(seconds)
