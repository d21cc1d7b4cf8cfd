"""The checks of notebook 05: one field of a shared course, and a marker that only the first caller sets."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from labsupport.lab import Lab
from labsupport.lessons.checks.deadlines import (
    asked_thrice,
    expect_an_end_when_killed,
    expect_deadline,
    let_pass,
    ms_left,
)
from labsupport.lessons.checks.orders import Function, every_order, in_words, once, yes
from labsupport.lessons.copies import uses_a_lock
from labsupport.lessons.exercises import RIGHT, Finding, Stop, answer
from labsupport.lessons.gate import PIPELINE, TRANSACTION, Instance
from labsupport.lessons.given import Theirs, an_attempt, equal, shown
from labsupport.lessons.places import own_lab
from labsupport.origin import CourseCatalog

Page = dict[str, str]  # what HGETALL shows

COURSE, KEPT = "course:204", 300  # seconds that the course has left
CHANGES = [("title", "Caching in practice"), ("teacher", "Teacher 7")]  # by the two instances
NEW_FIELD = ("room", "B 12")


def check_set_field(set_field: Any) -> None:
    """Judge set_field(redis, name, field, value): two instances change two fields of one hash."""
    answer("set_field", lambda: _look_at_set_field(set_field))


def _look_at_set_field(set_field: Any) -> Finding:
    function = an_attempt(set_field, "redis", "name", "field", "value")
    course = {field: str(value) for field, value in json.loads(CourseCatalog().peek(COURSE)).items()}
    with own_lab(lab_time=False) as lab:
        name = lab.keys.name(COURSE)
        for change in (NEW_FIELD, *CHANGES):
            alone = _orders(lab, function, course, change).iloc[0]
            _judge_alone(alone, course, name, *change)
        orders = _orders(lab, function, course, *CHANGES)
    facts: dict[str, object] = {"orders": len(orders), "commands": ", ".join(alone["commands"])}
    _judge_pages(orders, course | dict(CHANGES), function, facts)
    left = alone["final"][1]
    if not KEPT / 2 < left <= KEPT:
        return "deadline_lost" if left == -1 else "other_deadline", facts | {"kept": KEPT, "left": left}
    return RIGHT, facts | {"rest": len(course) - len(CHANGES)}


def _orders(lab: Lab, function: Function, course: Page, *changes: tuple[str, str]) -> pd.DataFrame:
    """One instance a change, in every order; `final` is the page, or what is no hash, and its TTL."""
    name = lab.keys.name(COURSE)

    def stage() -> None:
        lab.redis.hset(name, mapping=course)  # type: ignore[arg-type]
        lab.redis.expire(name, KEPT)

    def outcome() -> tuple[Page | str, int]:
        with lab.address.client(decode_responses=True, encoding_errors="replace") as client:
            kind = str(client.type(name))
            return client.hgetall(name) if kind == "hash" else kind, client.ttl(name)

    options = {"counter": COURSE, "stage": stage, "more": changes, "outcome": outcome}
    try:
        return every_order(lab, function, len(changes), **options)
    except Theirs as error:
        if "WRONGTYPE" in str(error.__cause__):
            raise Stop("string_command", name=name) from None
        raise


def _judge_alone(run: pd.Series[Any], course: Page, name: str, field: str, value: str) -> None:
    """Stop: one instance that sets one field leaves something else than the course with that field."""
    page, keys, commands = run["final"][0], run["keys"], ", ".join(run["commands"])
    facts = {"name": name, "field": field, "value": value, "commands": commands}
    if not commands:
        raise Stop("nothing_sent")
    if isinstance(page, str):
        raise Stop("gone" if page == "none" else "no_hash", kind=page, **facts)
    if lost := set(course) - set(page) - {field}:
        raise Stop("others_gone", lost=", ".join(sorted(lost)), **facts)
    changed = {other: new for other, new in page.items() if course.get(other) != new}
    if not changed:
        elsewhere = next((key for key in keys if key != name), "")
        reply = "own_key" if elsewhere else "keeps_old" if "HSETNX" in commands else "unchanged"
        raise Stop(reply, found=elsewhere, old=page.get(field), **facts)
    if wrong := sorted(set(changed) - {field}):
        raise Stop("swapped" if page.get(value) == field else "other_field", found=wrong[0], **facts)
    if page[field] != value:
        raise Stop("other_value", found=page[field], **facts)


def _judge_pages(orders: pd.DataFrame, wanted: Page, function: Function, facts: dict[str, object]) -> None:
    """Stop: in some order one of the two changes is not on the page."""
    lost = orders[[page != wanted for page, _ in orders["final"]]]
    if lost.empty:
        return
    order = lost.iloc[0]
    page = order["final"][0] if isinstance(order["final"][0], dict) else {}
    missing = ", ".join(field for field, value in wanted.items() if page.get(field) != value)
    facts |= {"lost": len(lost), "right": len(orders) - len(lost), "order": in_words(order)}
    raise Stop(_why_lost(set(order["commands"]), function), missing=missing, **facts)


def _why_lost(sent: set[str], function: Function) -> str:
    why = {
        "watch_gave_up": "WATCH" in sent,
        "lock_gave_up": "SET NX" in sent,
        "process_lock": uses_a_lock(function),
        "pipeline": not sent.isdisjoint({TRANSACTION, PIPELINE}),
    }
    return next((reply for reply, so in why.items() if so), "whole_course")


DAY, HOUR = 86_400, 3_600  # seconds
MARKER, OTHER = "welcomed:7", "welcomed:8"


def check_first_time(first_time: Any) -> None:
    """Judge first_time(redis, name, seconds): True for one caller of the fleet, until so much later."""
    answer("first_time", lambda: _look_at_first_time(first_time))


def _look_at_first_time(first_time: Any) -> Finding:
    function = an_attempt(first_time, "redis", "name", "seconds")
    with own_lab(lab_time=False) as lab:
        name, other = lab.keys.name(MARKER), lab.keys.name(OTHER)
        first, second = (once(lab, function, name, DAY) for _ in range(2))
        facts: dict[str, object] = {"commands": ", ".join(first.sent)}
        facts |= {"first": shown(first.returned), "second": shown(second.returned)}
        _judge_said(first, second.returned, facts)
        if not yes(once(lab, function, other, DAY).returned):
            raise Stop("one_name", name=name, other=other, **facts)
        told = asked_thrice(lab, function, name, DAY)
        if [yes(value) for value in told] != [True, False, True]:
            raise Stop("own_memory", told=", ".join(map(shown, told)), **facts)
        for seconds in (DAY, HOUR):
            _judge_deadline(lab, function, seconds, facts)
        orders = every_order(lab, function, counter=MARKER, more=[(DAY,)] * 2)
        _judge_firsts(orders, function, facts)
        expect_an_end_when_killed(lab, function, name, DAY, trips=len(first.sent), facts=facts)
    exactly = equal(first.returned, True) and equal(second.returned, False)
    return RIGHT if exactly else "no_bool", facts | {"orders": len(orders)}


def _judge_said(first: Instance, second: Any, facts: dict[str, object]) -> None:
    """Stop: one after the other, it is not the first caller alone who is told yes."""
    if not first.sent:
        raise Stop("nothing_sent")
    if first.returned is None and second is None:
        raise Stop("no_return", **facts)
    said = (yes(first.returned), yes(second))
    if said == (False, True):
        raise Stop("inverted", **facts)
    if said[0] == said[1]:
        raise Stop("always_first" if said[0] else "never_first", **facts)


def _judge_deadline(lab: Lab, function: Function, seconds: int, facts: dict[str, object]) -> None:
    """Stop: what marks the first time goes at another time, or another caller puts it off."""
    lab.redis.flushall()
    once(lab, function, lab.keys.name(MARKER), seconds)
    expect_deadline(ms_left(lab), seconds, facts)
    let_pass(lab, seconds // 2)
    once(lab, function, lab.keys.name(MARKER), seconds)
    if ms_left(lab) > 500 * seconds:
        raise Stop("prolonged", seconds=seconds, half=seconds // 2, **facts)


def _judge_firsts(orders: pd.DataFrame, function: Function, facts: dict[str, object]) -> None:
    """Stop: in some order it is not exactly one of two callers who is told yes."""
    firsts = orders["returned"].map(lambda said: sum(map(yes, said)))
    failed, both, nobody = orders["error"].notna(), firsts > 1, firsts < 1
    twice = "process_lock" if uses_a_lock(function) else "both_first"
    for wrong, reply in [(failed, "watch_raised"), (both, twice), (nobody, "nobody")]:
        if wrong.any():
            order = in_words(orders[wrong].iloc[0])
            raise Stop(reply, orders=len(orders), wrong=wrong.sum(), order=order, **facts)
