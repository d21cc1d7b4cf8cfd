"""The checks of notebook 06: two sellers and one seat, a puzzle, and (its own module) a view counted once."""

from __future__ import annotations

from typing import Any

import pandas as pd

from labsupport.lab import Lab
from labsupport.lessons.checks.nb06_once import check_count_once
from labsupport.lessons.checks.orders import Function, every_order, once, told
from labsupport.lessons.copies import uses_a_lock
from labsupport.lessons.exercises import NOT_ATTEMPTED, RIGHT, Finding, Stop, answer
from labsupport.lessons.gate import PIPELINE, TRANSACTION
from labsupport.lessons.given import an_attempt, equal, shown
from labsupport.lessons.interleave import COUNTER, left_behind
from labsupport.lessons.places import own_lab
from labsupport.races import run_interleavings

__all__ = ["check_count_once", "check_order", "check_sell"]

SEATS = "seats:204"
INCREMENTS = 3  # by each of two clients, a GET and a SET each: exercise 2
LEAST = 2


def check_sell(sell: Any) -> None:
    """Exercise 1: sell(redis, name) sells a seat, once, by two sellers in every order of their commands."""
    answer("sell", lambda: _look_at_sell(sell))


def _look_at_sell(sell: Any) -> Finding:
    function = an_attempt(sell, "redis", "name")
    with own_lab(lab_time=False) as lab:
        for seats in (3, 1, 0):
            _judge_alone(lab, function, seats)
        return RIGHT, {"orders": sum(_judge_two(lab, function, seats) for seats in (1, 2))}


def _judge_alone(lab: Lab, function: Function, seats: int) -> None:
    """Stop: one seller alone, with so many seats left, does not answer or count as it must."""
    name, wanted = lab.keys.name(SEATS), max(0, seats - 1)
    lab.redis.flushall()
    lab.redis.set(name, seats)
    seller = once(lab, function, name)
    left, keys = left_behind(lab.redis, name)
    facts: dict[str, Any] = {"seats": seats, "left": left, "wanted": wanted, "name": name}
    facts |= {"given": shown(seller.returned), "commands": ", ".join(seller.sent)}
    if not seller.sent:
        raise Stop("no_command")
    if isinstance(left, str):
        raise Stop("no_counter", **facts)
    if seats and left == seats and (others := [key for key in keys if key != name]):
        raise Stop("elsewhere", where=others[0], **facts)
    sold = equal(seller.returned, True)
    if not sold and not equal(seller.returned, False):
        raise Stop("nothing_returned" if seller.returned is None else "no_answer", **facts)
    if sold != (seats > 0):
        raise Stop("sold_nothing" if sold else "last_refused" if seats == 1 else "refused", **facts)
    if left != wanted:
        raise Stop("not_taken" if left == seats else "below_zero" if left < 0 else "other_count", **facts)


def _judge_two(lab: Lab, function: Function, seats: int) -> int:
    """How many orders two sellers have with so many seats. Stop: in one they sell too many, or too few."""
    name = lab.keys.name(SEATS)
    orders = every_order(lab, function, counter=SEATS, stage=lambda: lab.redis.set(name, seats))
    sold = orders["returned"].map(lambda given: sum(equal(answer, True) for answer in given))
    too_many = (sold - seats).clip(-1, 1)
    wrong = (too_many != 0) | (orders["final"] != 0)
    if wrong.any():
        kind = too_many[wrong].iloc[0]
        bad = orders[wrong & (too_many == kind)]
        raise Stop(_why(bad.iloc[0], kind, function), seats=seats, **told(orders, bad))
    return len(orders)


def _why(order: pd.Series[Any], too_many: int, function: Function) -> str:
    """The name of the reply to a function that is right alone, but sold too many (1) or few (-1) here."""
    sent = set(order["commands"])
    if order["error"] is not None:
        return "watch_raised"
    if too_many <= 0:
        guarded = "turned_away" if {"WATCH", "SET NX"} & sent else "read_later"
        return guarded if too_many else "count_off"
    if "WATCH" in sent:
        return "watch_late"
    if uses_a_lock(function):
        return "process_lock"
    unguarded = "check_then_act" if order["final"] < 0 else "get_set"
    return "pipeline" if {TRANSACTION, PIPELINE} & sent else unguarded


def check_order(order: Any) -> None:
    """Exercise 2: twelve letters A and B, whose command comes next, so that six increments end at 2."""
    answer("order", lambda: _look_at_order(order))


def _look_at_order(order: Any) -> Finding:
    letters = _letters(order)
    with own_lab(lab_time=False) as lab:
        facts = _run(lab, letters)
        if facts["final"] == LEAST:
            finals = run_interleavings(lab.redis, lab.keys, 2, "get_set", INCREMENTS)["final"]
            return RIGHT, facts | {"answers": int((finals == LEAST).sum()), "orders": len(finals)}
    if facts["final"] > INCREMENTS:
        return "some_lost" if facts["lost"] else "nothing_lost", facts
    return "one_old_set" if facts["back"] else "in_step", facts


def _letters(order: Any) -> str:
    """The order as capital letters. Stop: no text, other letters, or not six of each."""
    if order is None or order is ... or (isinstance(order, str) and not order.strip(" .")):
        raise Stop(NOT_ATTEMPTED)
    if not isinstance(order, str):
        raise Stop("no_text", got=shown(order))
    letters = "".join(order.upper().split())
    if others := sorted(set(letters) - {"A", "B"}):
        raise Stop("other_letters", found=shown("".join(others)))
    a, b = letters.count("A"), letters.count("B")
    if (a, b) == (INCREMENTS, INCREMENTS):
        raise Stop("increments")
    if (a, b) != (2 * INCREMENTS, 2 * INCREMENTS):
        raise Stop("other_length" if a == b else "uneven", a=a, b=b, length=a + b)
    return letters


def _run(lab: Lab, letters: str) -> dict[str, Any]:
    """Send the commands in this order; `back` is how far one SET put the counter back at most."""
    name, read, back, last = lab.keys.name(COUNTER), dict[str, int](), 0, 0
    for who in letters:
        now = int(lab.redis.get(name) or 0)  # what this client's GET says, or what its SET replaces
        if who in read:
            last = read.pop(who) + 1
            back = max(back, now - last)
            lab.redis.set(name, last)
        else:
            read[who] = now
    return {"final": last, "lost": 2 * INCREMENTS - last, "read": last - 1, "who": letters[-1], "back": back}
