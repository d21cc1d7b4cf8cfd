"""Every order in which the commands of two instances can fall, for any function, on a real Redis.

Each instance is a thread with a connection of its own, and only one at a time is let through to its next
command: so who comes next is decided here, and nothing is left to chance.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pandas as pd
import redis

from labsupport.checks import whole_number
from labsupport.errors import BadArgument
from labsupport.lab import Lab
from labsupport.lessons.copies import private_copy
from labsupport.lessons.gate import Instance, NotAllOrders
from labsupport.races import Schedule

COUNTER = "views:204"
MOST_ORDERS = 500  # two instances with five commands each have 252
SECONDS = 10.0  # for all orders together

_INSTANTLY = SimpleNamespace(**vars(time) | {"sleep": lambda seconds: None})
STAND_INS = [(time, _INSTANTLY), (time.sleep, _INSTANTLY.sleep)]  # who waits for its turn need not sleep

Function = Callable[..., object]


@dataclass
class Order:
    """One order: whose turn it was each time, what they sent, and what came of it."""

    schedule: Schedule
    final: Any  # an outcome, or the counter, 0 if there is none; if it is no number, what it is
    commands: list[str]
    keys: list[str]  # all that is on the server at the end
    error: BaseException | None  # the first that an instance ended with
    returned: list[Any]  # by each client
    free: list[Schedule]  # who could have had each turn


@dataclass
class Play:
    """What is run in every order: function(redis, name, *more[client]), once the stage is set."""

    function: Function
    name: str
    more: Sequence[tuple[Any, ...]]
    stage: Callable[[], object]
    outcome: Callable[[], Any] | None = None  # what stands for the counter's value in the end


def run_everywhere(
    lab: Lab,
    function: Function,
    clients: int = 2,
    *,
    counter: str = COUNTER,
    stage: Callable[[], object] = lambda: None,
    more: Sequence[tuple[Any, ...]] = (),
    outcome: Callable[[], Any] | None = None,
) -> pd.DataFrame:
    """Run function(redis, name) in every client, in every order of their commands, each from nothing.

    `counter`: the key that `name` stands for. `stage` puts on the emptied server what must be there first.
    `more`: each client's further arguments. `outcome`: read at the end, it becomes `final`. A pipeline's
    execute is one command. The lab's server must be its own: it is emptied each time. Returns one row an
    order: `schedule` (client numbers), `final` (an outcome, or the counter `name`), `commands`, `keys`,
    `error`, `returned` (one value a client).
    BadArgument: somebody else's server. NotAllOrders: it sends too much, or waits for something else.
    """
    if not lab.owned:
        raise BadArgument("every order starts with an empty server, so this must be one of your own.")
    more = more or ((),) * whole_number("clients", clients)
    play = Play(function, lab.keys.name(counter), more, stage, outcome)
    try:
        orders = list(_all_orders(lab, play))
    finally:
        lab.redis.flushall()
    return pd.DataFrame(map(vars, orders)).drop(columns="free")


def run_once(lab: Lab, function: Function, *arguments: Any, lives: float = math.inf) -> Instance:
    """One instance that runs function(redis, *arguments) and dies before its command number lives + 1.

    The server stays as it is found. NotAllOrders: it sends too much, or waits for something else.
    """
    instance = Instance(private_copy(function, STAND_INS), lab.redis.connection_pool, *arguments)
    try:
        instance.proceed()
        while not instance.done and len(instance.sent) < lives:
            instance.proceed()
    finally:
        instance.dismiss()
        instance.close()
    return instance


def _all_orders(lab: Lab, play: Play) -> Iterator[Order]:
    """Depth first over "whose turn is it": each order begins as the one before, up to one turn."""
    start: Schedule = ()
    until = time.monotonic() + SECONDS
    for _ in range(MOST_ORDERS):
        order = _one_order(lab, play, start, until)
        yield order
        following = _next_start(order)
        if following is None:
            return
        start = following
    raise NotAllOrders("orders", f"There are more than {MOST_ORDERS:,} orders: send fewer commands.")


def _next_start(order: Order) -> Schedule | None:
    """The same turns up to the last that a later client can have, then that one; None if there is none."""
    for turn in reversed(range(len(order.schedule))):
        for client in order.free[turn]:
            if client > order.schedule[turn]:
                return (*order.schedule[:turn], client)
    return None


def _one_order(lab: Lab, play: Play, start: Schedule, until: float) -> Order:
    """Let the clients of `start` through one after the other, and then always the first that is free."""
    lab.redis.flushall()
    play.stage()
    pool = lab.redis.connection_pool
    team = [
        Instance(private_copy(play.function, STAND_INS), pool, play.name, *further) for further in play.more
    ]
    schedule: list[int] = []
    free: list[Schedule] = []
    try:
        for instance in team:
            instance.proceed()
        while now_free := _free(team, schedule[-1:]):
            if time.monotonic() > until:
                raise NotAllOrders(
                    "time", f"Not all orders could be run in {SECONDS:g} s: wait or send less."
                )
            wanted = start[len(schedule)] if len(schedule) < len(start) else now_free[0]
            free.append(now_free)
            schedule.append(wanted if wanted in now_free else now_free[0])  # not there: it acts by chance
            team[schedule[-1]].proceed()
    finally:
        for instance in team:
            instance.dismiss()
        for instance in team:
            instance.close()
    sent = [iter(instance.sent) for instance in team]
    error = next((instance.error for instance in team if instance.error), None)
    final, keys = left_behind(lab.redis, play.name)
    final = play.outcome() if play.outcome else final
    commands = [next(sent[client]) for client in schedule]
    returned = [instance.returned for instance in team]
    return Order(tuple(schedule), final, commands, keys, error, returned, free)


def _free(team: list[Instance], last: list[int]) -> Schedule:
    """Who can have the next turn: all that are not done, but for one that only asks the same thing again.

    That one waits for somebody, such as the holder of a lock, and would ask for ever.
    """
    working = [number for number, instance in enumerate(team) if not instance.done]
    useful = [number for number in working if [number] != last or not team[number].repeats_itself()]
    return tuple(useful or working)


def left_behind(client: redis.Redis, name: str) -> tuple[int | str, list[str]]:
    """What the counter is, and the names of all keys."""
    keys = sorted(key.decode(errors="replace") for key in client.scan_iter())
    kind = client.type(name).decode()  # type: ignore[union-attr]
    if kind in ("none", "string"):
        return _number(client.get(name) or b"0"), keys
    return kind, keys


def _number(value: Any) -> int | str:
    try:
        return int(value)
    except ValueError:
        return "text"
