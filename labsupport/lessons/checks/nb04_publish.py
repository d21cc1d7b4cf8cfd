"""Notebook 04, exercise 3: a new title for database and cache, whenever a reader comes."""

from __future__ import annotations

from typing import Any

import pandas as pd

from labsupport.lessons.checks.orders import in_words
from labsupport.lessons.checks.publishing import BEFORE, COURSE, SESSIONS, TITLE, TTL, End, Scene
from labsupport.lessons.exercises import RIGHT, Finding, Stop, answer
from labsupport.lessons.gate import READ, TRANSACTION, UPDATE
from labsupport.lessons.given import an_attempt, shown
from labsupport.lessons.places import own_lab

READER, WRITER = 0, 1
LOOKS = {READ, UPDATE, "EXISTS", "GET", "TTL", "PTTL"}  # commands that change nothing in the cache


def check_publish(publish: Any) -> None:
    """Judge publish(redis, catalog, name, course, title) against a reader by cache-aside in every order."""
    answer("publish", lambda: _look_at_publish(publish))


def _look_at_publish(publish: Any) -> Finding:
    function = an_attempt(publish, "redis", "catalog", "name", "course", "title")
    tables = []
    with own_lab(lab_time=False) as lab:
        scene = Scene(lab, function)
        for scene.filled in (True, False):
            _judge_alone(scene)
            tables.append(scene.orders(reader=True))
    return _judge_orders(pd.concat(tables))


def _judge_alone(scene: Scene) -> None:
    """Stop: the publisher is not right even if nobody else is there, or if its process dies."""
    alone = scene.orders(reader=False).iloc[0]
    end, sent = alone["final"], alone["commands"]
    facts = vars(end) | {"name": scene.name, "course": COURSE, "commands": ", ".join(sent)}
    facts |= {"wanted": TITLE, "found": shown(end.entry), "ttl": TTL, "sessions": SESSIONS}
    facts |= {"count": len(end.touched), "example": [*end.touched, ""][0]}
    if reply := _wrong_alone(end, sent):
        raise Stop(reply, **facts)
    for lives in range(1, len(sent)):
        if scene.killed(lives).left == -1:
            raise Stop("dies_between", lives=lives, **facts)


def _wrong_alone(end: End, sent: list[str]) -> str | None:
    """The name of the reply to what a publisher leaves who is alone; None: it is right."""
    wrong = {
        "nothing_done": not sent,
        "flushed": "FLUSHALL" in sent or "FLUSHDB" in sent,
        "bare_name": end.touched == [COURSE],
        "others": end.touched,
        "other_course": end.first == TITLE,
        "only_cache": end.title == BEFORE,
        "other_title": end.title != TITLE,
        "other_type": end.kind not in ("string", "none"),
        "no_ttl": end.left == -1 and not end.old,
        "only_database": set(sent) <= {READ, UPDATE},
        "other_payload": end.old and BEFORE.encode() not in end.entry,
        "told": end.old and "PUBLISH" in sent,
        "sooner": end.old and 0 <= end.left < TTL,
        "wrote_old": end.old and READ in sent,
        "untouched": end.old,
    }
    return next((name for name, so in wrong.items() if so), None)


def _judge_orders(orders: pd.DataFrame) -> Finding:
    old = [order for _, order in orders.iterrows() if order["final"].old]
    bad = [order for order in old if not _came_while_it_read(order)]
    worst = [*bad, *old, orders.iloc[0]][0]
    facts: dict[str, object] = {"orders": len(orders), "old": len(old), "right": len(orders) - len(old)}
    facts |= {"order": in_words(worst), "ttl": TTL}
    if not bad:
        return RIGHT, facts
    mine = [what for who, what in _steps(worst) if who == WRITER]
    if "WATCH" in mine:
        return "watch", facts
    return ("database_last" if mine[-1] == UPDATE and set(mine) - LOOKS else "some_orders"), facts


def _steps(order: pd.Series[Any]) -> list[tuple[int, str]]:
    return list(zip(order["schedule"], order["commands"]))


def _came_while_it_read(order: pd.Series[Any]) -> bool:
    """Whether the change fell between the reader's reading and its storing, where no writer can help it.

    It could have helped if it had a transaction to come, which then did not do anything.
    """
    steps = _steps(order)
    refill = steps.index((READER, "SET"))  # or the entry would not be old
    return steps.index((WRITER, UPDATE)) < refill and (WRITER, TRANSACTION) not in steps[refill:]
