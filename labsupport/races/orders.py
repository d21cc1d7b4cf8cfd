"""Scheduled races: every order in which the steps of two or more clients can fall, each run for real."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import factorial, prod
from typing import Any

import pandas as pd
import redis

from labsupport.checks import whole_number
from labsupport.errors import BadArgument
from labsupport.keys import Keys

Schedule = tuple[int, ...]  # whose step comes next, as client numbers: (0, 1, 0, 1)
Step = Callable[[], object]

STEPS = {"get_set": 2, "incr": 1}  # commands one increment takes
MOST = 120_000  # orders: five clients with two steps each have 113,400, six 7,484,400
LONGEST = 24  # steps in all; two clients with six have 924 orders


def interleavings(clients: int, steps: int) -> list[Schedule]:
    """Every order of `clients` x `steps` steps in which each client's own steps stay in order.

    Two clients with two steps have 6; four with two have 2,520. BadArgument below one, or for too many.
    """
    return _orders([whole_number("steps", steps)] * whole_number("clients", clients))


def _orders(steps: Sequence[int]) -> list[Schedule]:
    """Every order of clients of which each has so many steps; BadArgument for too many orders."""
    length = sum(steps)
    if length > LONGEST or factorial(length) // prod(map(factorial, steps)) > MOST:
        raise BadArgument(
            f"{len(steps)} clients with {max(steps)} steps are too much to interleave: take fewer."
        )
    return list(_every_order(tuple(steps)))


def _every_order(left: tuple[int, ...]) -> Iterator[Schedule]:
    """All schedules that use up `left[c]` steps of each client c."""
    if not any(left):
        yield ()
    for client, steps in enumerate(left):
        if steps:
            rest = (*left[:client], steps - 1, *left[client + 1 :])
            yield from ((client, *tail) for tail in _every_order(rest))


def run_every_order(
    clients: Callable[[], Sequence[Sequence[Step]]], outcome: Callable[[], Any]
) -> pd.DataFrame:
    """Run the clients' steps in every order in which each client's own steps stay in order.

    `clients()` sets the stage for one order and returns each client's steps, functions without arguments;
    `outcome()` reads what has become of it. Returns one row an order: `schedule` (client numbers), `final`
    (the outcome). BadArgument for too many orders.
    """
    rows = []
    for schedule in _orders([len(steps) for steps in clients()]):
        waiting = [iter(steps) for steps in clients()]
        for client in schedule:
            next(waiting[client])()
        rows.append((schedule, outcome()))
    return pd.DataFrame(rows, columns=["schedule", "final"])


def run_interleavings(
    client: redis.Redis, keys: Keys, clients: int, update: str, increments: int = 1
) -> pd.DataFrame:
    """Run every interleaving of the clients' increments on real Redis, each on a counter of its own.

    `update` is "get_set" (GET, then SET what was read plus one) or "incr" (one INCR); each client makes
    `increments` of them. Step s of all schedules goes out in one pipeline, so thousands take no longer
    than a few round trips. Returns one row a schedule: `schedule` (client numbers), `final` (the counter's
    last value). BadArgument for an unknown update or too many orders.
    """
    if update not in STEPS:
        raise BadArgument(f"update is {update!r}, but must be one of {', '.join(STEPS)}.")
    orders = interleavings(clients, STEPS[update] * whole_number("increments", increments))
    counters = [keys.name(f"race:{update}:{i}") for i in range(len(orders))]
    client.delete(*counters)
    try:
        read: list[dict[int, int]] = [{} for _ in orders]
        for turns in zip(*orders):
            _one_step(client, update, list(zip(counters, turns, read)))
        final = [int(value or 0) for value in client.mget(counters)]
    finally:
        client.delete(*counters)
    return pd.DataFrame({"schedule": orders, "final": final})


def _one_step(client: redis.Redis, update: str, turns: list[tuple[str, int, dict[int, int]]]) -> None:
    """The next command of each schedule, all in one pipeline; a turn is (counter, client, what each read)."""
    pipe = client.pipeline(transaction=False)
    for counter, who, read in turns:
        command: list[str | int] = ["INCR", counter]
        if update == "get_set" and who in read:
            command = ["SET", counter, read.pop(who) + 1]
        elif update == "get_set":
            command, read[who] = ["GET", counter], 0  # until the reply is here
        pipe.execute_command(*command)  # type: ignore[no-untyped-call]  # what get and set do, with less ado
    for reply, (_, who, read) in zip(pipe.execute(), turns):
        if who in read:
            read[who] = int(reply or 0)
