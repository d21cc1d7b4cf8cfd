"""What the checks with several instances share: every order of their commands, or the reply why not."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd
import redis

from labsupport.lab import Lab
from labsupport.lessons.exercises import Stop
from labsupport.lessons.gate import MOST_COMMANDS, PATIENCE, Instance, NotAllOrders
from labsupport.lessons.given import Theirs, call
from labsupport.lessons.interleave import MOST_ORDERS, SECONDS, run_everywhere, run_once

LIMITS = {"sent": MOST_COMMANDS, "silent": PATIENCE, "orders": MOST_ORDERS, "seconds": SECONDS}

Function = Callable[..., Any]


def every_order(lab: Lab, function: Function, clients: int = 2, **options: Any) -> pd.DataFrame:
    """The table of all orders, as `run_everywhere` with these options makes it.

    Stop: they are too many, or it waits for something else. Theirs: the learner's code raised an error;
    WatchError of one of several is left in the table.
    """
    try:
        orders = run_everywhere(lab, function, clients, **options)
    except NotAllOrders as unfinished:
        raise Stop(unfinished.why, **LIMITS) from None
    for error in orders["error"].dropna():
        if clients == 1 or not isinstance(error, redis.WatchError):
            _raise(error)
    return orders


def together(lab: Lab, *parts: Callable[[Any], object], **options: Any) -> pd.DataFrame:
    """The same for parts that differ: each is called with its client, and A is the first of them.

    The parts are called as they are: one that calls the learner's function makes itself a private copy.
    """

    def play(client: Any, _: str, number: int) -> None:
        parts[number](client)

    more = [(number,) for number in range(len(parts))]
    return every_order(lab, play, len(parts), more=more, **options)


def once(lab: Lab, function: Function, *arguments: Any, lives: float = math.inf) -> Instance:
    """One instance that ran function(redis, *arguments), or died after `lives` commands; see `run_once`.

    Stop: it sends too much, or waits for something else. Theirs: the learner's code raised an error.
    """
    try:
        instance = run_once(lab, function, *arguments, lives=lives)
    except NotAllOrders as unfinished:
        raise Stop(unfinished.why, **LIMITS) from None
    if instance.error and lives == math.inf:
        _raise(instance.error)
    return instance


def _raise(error: BaseException) -> None:
    if isinstance(error, Stop):
        raise error
    raise Theirs from error


def yes(value: Any) -> bool:
    """Whether what the learner's code returned counts as True. Theirs: it cannot tell."""
    return bool(call(bool, value))


def in_words(order: pd.Series[Any]) -> str:
    """Such as "A GET, B GET, A SET, B SET"."""
    return ", ".join(f"{'AB'[who]} {command}" for who, command in zip(order["schedule"], order["commands"]))


def told(orders: pd.DataFrame, bad: pd.DataFrame) -> dict[str, Any]:
    """What a reply says of orders that went wrong: how many, and the first of them, with its `final`."""
    first = bad.iloc[0]
    return {"orders": len(orders), "bad": len(bad), "order": in_words(first), "final": first["final"]}
