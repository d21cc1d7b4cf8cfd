"""Races on real Redis: every order in which two or more clients' steps can fall."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import redis

from labsupport.checks import whole_number
from labsupport.errors import BadArgument
from labsupport.keys import Keys

Schedule = tuple[int, ...]  # whose step comes next, as client numbers: (0, 1, 0, 1)
STEPS = {"get_set": 2, "incr": 1}  # commands one increment takes
MOST = 10  # steps in all: five clients with two each have 113,400 interleavings, six 7,484,400


def interleavings(clients: int, steps: int) -> list[Schedule]:
    """Every order of `clients` x `steps` steps in which each client's own steps stay in order.

    Two clients with two steps have 6; four with two have 2,520. BadArgument below one, or for too many.
    """
    clients, steps = whole_number("clients", clients), whole_number("steps", steps)
    if clients * steps > MOST:
        raise BadArgument(f"{clients} clients with {steps} steps are too much to interleave: take fewer.")
    return list(_orders((steps,) * clients))


def _orders(left: tuple[int, ...]) -> Iterator[Schedule]:
    """All schedules that use up `left[c]` steps of each client c."""
    if not any(left):
        yield ()
    for client, steps in enumerate(left):
        if steps:
            rest = (*left[:client], steps - 1, *left[client + 1 :])
            yield from ((client, *tail) for tail in _orders(rest))


def run_interleavings(client: redis.Redis, keys: Keys, clients: int, update: str) -> pd.DataFrame:
    """Run every interleaving of one increment per client on real Redis, each on a counter of its own.

    `update` is "get_set" (GET, then SET what was read plus one) or "incr" (one INCR). Step s of all
    schedules goes out in one pipeline, so thousands take no longer than a few round trips.
    Returns one row a schedule: `schedule` (client numbers), `final` (the counter's last value).
    """
    if update not in STEPS:
        raise BadArgument(f"update is {update!r}, but must be one of {', '.join(STEPS)}.")
    orders = interleavings(clients, STEPS[update])
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
        if update == "incr":
            pipe.incr(counter)
        elif who in read:
            pipe.set(counter, read[who] + 1)
        else:
            pipe.get(counter)
    for reply, (_, who, read) in zip(pipe.execute(), turns):
        read.setdefault(who, int(reply or 0))
