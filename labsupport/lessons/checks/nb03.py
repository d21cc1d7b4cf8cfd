"""The checks of notebook 03: a counter for two instances, one entry out of the cache, when sharing pays."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import pandas as pd
import redis

from labsupport.caches import SharedCache
from labsupport.fleet import Fleet
from labsupport.lab import Lab
from labsupport.lessons.checks.orders import every_order, in_words
from labsupport.lessons.copies import uses_a_lock
from labsupport.lessons.exercises import RIGHT, Finding, Stop, answer
from labsupport.lessons.gate import PIPELINE, TRANSACTION
from labsupport.lessons.given import a_number, an_attempt, call
from labsupport.lessons.interleave import COUNTER
from labsupport.lessons.places import Wire, client_on, own_lab
from labsupport.origin import CourseCatalog

TTL = 60
COURSE = "course:20"
OURS = ["course:2", COURSE, *(f"course:{number}" for number in range(200, 210))]  # a pattern takes too many
SESSIONS, JOBS = 25, 40
WATCHED = 90  # seconds of readers after forget: more than a TTL
EMPTY = [b"", b"None", b"null", b"{}", b"0", b"False"]
HIT_PRIVATE, HIT_SHARED, HOP = 0.40, 0.70, 0.2  # shares, and ms
CLOSE = 0.02  # of a number: rounded to two digits it is still the same

Function = Callable[..., Any]


def check_add_view(add_view: Any) -> None:
    """Judge add_view(redis, name): one view more, by two instances in every order of their commands."""
    answer("add_view", lambda: _look_at_add_view(add_view))


def _look_at_add_view(add_view: Any) -> Finding:
    function = an_attempt(add_view, "redis", "name")
    with own_lab(lab_time=False) as lab:
        alone = every_order(lab, function, 1).iloc[0]
        _judge_alone(alone, lab.keys.name(COUNTER))
        return _judge_orders(every_order(lab, function, 2), alone["commands"], function)


def _judge_alone(alone: pd.Series[Any], name: str) -> None:
    """Stop: even one instance that adds one view does not make the counter 1."""
    final, elsewhere = alone["final"], [key for key in alone["keys"] if key != name]
    if not alone["commands"]:
        raise Stop("no_command")
    if isinstance(final, str):
        raise Stop("no_counter", kind=final)
    if final == 0 and elsewhere:
        raise Stop("elsewhere", where=elsewhere[0], name=name)
    if final != 1:
        raise Stop("twice" if final == 2 else "alone", final=final, commands=", ".join(alone["commands"]))


def _judge_orders(orders: pd.DataFrame, commands: list[str], function: Function) -> Finding:
    lost = orders[orders["final"] != 2]
    facts = {"orders": len(orders), "lost": len(lost), "commands": ", ".join(commands)}
    if lost.empty:
        return RIGHT, facts
    order = lost.iloc[0]
    facts |= {"order": in_words(order), "final": order["final"], "right": len(orders) - len(lost)}
    return _why_lost(orders, commands, function), facts


def _why_lost(orders: pd.DataFrame, commands: list[str], function: Function) -> str:
    """The name of the reply to a function that is right alone, but not when two use it."""
    create = {"SET NX", "SETNX"}.intersection(commands)
    if any(
        list(turns) == sorted(turns) and final != 2
        for turns, final in zip(orders["schedule"], orders["final"])
    ):
        return "only_first" if create else "own_count"
    if "WATCH" in commands:
        if "GET" in commands[: commands.index("WATCH")]:
            return "watch_late"
        return "watch_raised" if orders["error"].notna().any() else "watch_gave_up"
    if create:
        return "lock_gave_up"
    if uses_a_lock(function):
        return "process_lock"
    return "pipeline" if {TRANSACTION, PIPELINE}.intersection(commands) else "get_set"


def check_forget(forget: Any) -> None:
    """Judge forget(redis, keys, course): the course's entry leaves the shared cache, nothing else does."""
    answer("forget", lambda: _look_at_forget(forget))


def _look_at_forget(forget: Any) -> Finding:
    function = an_attempt(forget, "redis", "keys", "course")
    with own_lab() as lab:
        fleet, catalog = _renamed_course(lab)
        _other_people(lab.redis)
        before = _everything(lab.redis)
        commands = _sent(lab, function)
        name = lab.keys.name(COURSE)
        _judge_the_rest(before, _everything(lab.redis), name)
        finding = _judge_the_entry(lab, fleet, catalog, before[name])
        if finding[0] == RIGHT and {"KEYS", "SCAN"}.intersection(commands):
            raise Stop("looked_at_all", keys=len(before), commands=", ".join(commands), name=name)
        return finding


def _renamed_course(lab: Lab) -> tuple[Fleet, CourseCatalog]:
    """A fleet whose shared cache was filled ten seconds ago; since then its origin has a new title."""
    cache, catalog = SharedCache(lab.redis, TTL, lab.keys), CourseCatalog()
    fleet = Fleet(4, cache=lambda: cache, origin=catalog, clock=lab.clock)
    fleet.replay(pd.DataFrame({"at": 0.0, "key": OURS}))
    lab.clock.advance(10)
    catalog.rename(COURSE, "Caching, renamed")
    return fleet, catalog


def _other_people(client: redis.Redis) -> None:
    """What else lives on a Redis: sessions, a queue, and another application with a key of the same name."""
    for number in range(SESSIONS):
        client.set(f"session:{number}", f"user {number}", ex=1_800)
    client.rpush("queue:emails", *range(JOBS))
    client.mset({COURSE: "another application's", f"shop:{COURSE}": "a shop's"})


Entry = tuple[Any, Any]  # a key's value as Redis dumps it, and the seconds it has left


def _everything(client: redis.Redis) -> dict[str, Entry]:
    return {key.decode(): (client.dump(key), client.ttl(key)) for key in client.scan_iter()}


def _sent(lab: Lab, function: Function) -> list[str]:
    """Run forget; the names of its commands. Stop: none, or it took so long that deadlines moved."""
    wire, began = Wire(), time.monotonic()
    with client_on(wire, lab) as client:
        call(function, client, lab.keys, COURSE)
    if not wire.commands:
        raise Stop("nothing_sent")
    if time.monotonic() - began >= lab.clock.tick:
        raise Stop("slow")
    lab.clock.advance(0)
    return wire.commands


def _judge_the_rest(before: dict[str, Entry], after: dict[str, Entry], name: str) -> None:
    """Stop: something else than the entry `name` was touched."""
    touched = sorted(key for key in before if key != name and after.get(key) != before[key])
    ours = [key for key in touched if key.startswith(name.removesuffix(COURSE))]
    theirs = [key for key in touched if key not in ours]
    if not after:
        raise Stop("flushed", sessions=SESSIONS, jobs=JOBS, keys=len(before))
    if theirs == [COURSE] and name in after:
        raise Stop("bare_name", course=COURSE, name=name, left=before[name][1])
    if theirs:
        raise Stop("others", count=len(theirs), example=theirs[0], name=name)
    if ours:
        raise Stop(
            "another_course" if name in after else "neighbours",
            count=len(ours),
            example=ours[0],
            name=name,
            course=COURSE,
        )
    if new := sorted(set(after) - set(before)):
        raise Stop("left_behind", example=new[0], name=name)


def _judge_the_entry(lab: Lab, fleet: Fleet, catalog: CourseCatalog, old: Entry) -> Finding:
    """What became of the entry, and what a reader a second sees from then on."""
    name = lab.keys.name(COURSE)
    kind, dump, left = lab.redis.type(name), lab.redis.dump(name), lab.redis.ttl(name)
    if kind not in (b"none", b"string"):
        raise Stop("other_type", kind=bytes(kind).decode(), name=name)  # type: ignore[arg-type]
    value, reads = lab.redis.get(name), catalog.reads
    seen = fleet.replay(pd.DataFrame({"at": range(WATCHED), "key": COURSE}), judge=True)
    facts = {"name": name, "left": left, "before": old[1], "ttl": TTL, "got": value, "watched": WATCHED}
    facts |= {"stale": int(seen["stale"].sum()), "reads": catalog.reads - reads}
    if dump is None:
        return RIGHT, facts
    if dump == old[0]:
        return ("untouched" if left == old[1] else "sooner" if 0 < left < old[1] else "later"), facts
    if value in EMPTY:
        return "empty", facts
    return ("no_ttl" if left == -1 else "rewritten"), facts


def check_pays(milliseconds: Any) -> None:
    """Judge the ms that a read at the origin must take for one shared Redis to be faster on average."""
    answer("pays", lambda: _look_at_pays(milliseconds))


def _look_at_pays(milliseconds: Any) -> Finding:
    origin = a_number(milliseconds)
    if origin <= 0:
        raise Stop("not_positive", origin=origin)
    private, shared = _mean_times(origin)
    facts: dict[str, object] = {"origin": origin, "private": private, "shared": shared}
    if math.isclose(origin, BREAK_EVEN, rel_tol=CLOSE) or origin == round(BREAK_EVEN, 1):
        return RIGHT, facts | {"exact": BREAK_EVEN}
    for reply, number in _BELIEFS.items():
        if math.isclose(origin, number, rel_tol=CLOSE):
            return reply, facts
    return ("too_low" if origin < BREAK_EVEN else "too_high"), facts


def _mean_times(origin: float) -> tuple[float, float]:
    """Mean ms of a request with private caches, and with one Redis: a GET always, a SET after a miss."""
    return (1 - HIT_PRIVATE) * origin, HOP + (1 - HIT_SHARED) * (origin + HOP)


_GAIN = HIT_SHARED - HIT_PRIVATE
BREAK_EVEN = HOP * (2 - HIT_SHARED) / _GAIN
_BELIEFS = {
    "one_hop": HOP,
    "forgot_set": HOP / _GAIN,
    "set_always": 2 * HOP / _GAIN,
    "set_after_hit": HOP * (1 + HIT_SHARED) / _GAIN,
    "by_the_hit_rate": HOP / HIT_SHARED,
    "the_gain": _GAIN,
    "by_the_private_rate": HOP / HIT_PRIVATE,
    "in_hops": BREAK_EVEN / HOP,
    "microseconds": 1_000 * BREAK_EVEN,
}
