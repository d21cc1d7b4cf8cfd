"""The checks of notebook 00: a value that is kept for five minutes, and the origin's reads in a log."""

from __future__ import annotations

import contextlib
import functools
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from labsupport.caches import LocalCache
from labsupport.clock import Clock
from labsupport.fleet import Fleet
from labsupport.lab import Lab
from labsupport.lessons.copies import does_nothing
from labsupport.lessons.exercises import NOT_ATTEMPTED, RIGHT, Finding, Stop, answer
from labsupport.lessons.given import Theirs, a_function, a_number, call, shown
from labsupport.lessons.places import Wire, client_on, own_lab
from labsupport.origin import CourseCatalog
from labsupport.traffic import zipf_traffic

Function = Callable[..., Any]

KEPT = 300  # seconds
SLACK_MS = 10_000  # a slow machine may look this much later than it wrote
_MILLISECONDS = re.compile(rb"\r\n(PX|PSETEX|PEXPIRE)\r\n", re.IGNORECASE)
WINDOW = 20  # seconds, of the notebook's plot


def check_remember(remember: Any) -> None:
    """Exercise 1: remember(redis, name, value) keeps the value for 300 s, value and deadline in one."""
    answer("remember", lambda: _look_at_remember(remember))


def _look_at_remember(remember: Any) -> Finding:
    function = a_function(remember, "redis", "name", "value")
    catalog = CourseCatalog()
    with own_lab(lab_time=False) as lab:
        courses = {lab.keys.name(f"course:{n}"): catalog.peek(f"course:{n}") for n in (311, 312)}
        wires = [_sent(lab, function, name, value) for name, value in courses.items()]
        name, value = next(iter(courses.items()))
        _expect_kept(lab, wires[0], name, value)
        seconds = _expect_deadline(lab, wires[0], name)
        catalog.rename("course:311", "Networks, renamed")
        _expect_replaced(lab, function, name, catalog.peek("course:311"))
        _expect_safe_when_killed(lab, function, name, value, len(wires[0].trips))
    return RIGHT, {"seconds": seconds, "commands": ", ".join(wires[0].commands)}


def _sent(lab: Lab, function: Function, name: str, value: bytes, lives: float = math.inf) -> Wire:
    """What the learner's function sends. Stop: nothing."""
    wire = Wire(lives)
    with client_on(wire, lab) as client:
        call(function, client, name, value)
    if not wire.commands:
        raise Stop(NOT_ATTEMPTED if does_nothing(function) else "nothing_sent")
    return wire


def _expect_kept(lab: Lab, wire: Wire, name: str, value: bytes) -> None:
    """The value stands under its own name. Stop otherwise."""
    found = [bytes(key).decode(errors="replace") for key in sorted(lab.redis.keys())]  # type: ignore[arg-type]
    if name not in found:
        if found:
            raise Stop("one_name" if len(found) == 1 else "other_name", found=found[0], wanted=name)
        brief = _MILLISECONDS.search(b"".join(wire.trips))  # gone before we could look
        raise Stop("milliseconds" if brief else "nothing_kept", left=0, commands=", ".join(wire.commands))
    if (kind := lab.redis.type(name)) != b"string":
        raise Stop("other_type", kind=bytes(kind).decode())  # type: ignore[arg-type]
    if (kept := lab.redis.get(name)) != value:
        raise Stop("other_value", found=shown(kept), wanted=shown(value))


def _expect_deadline(lab: Lab, wire: Wire, name: str) -> int:
    """The seconds that the key has left, about 300. Stop otherwise."""
    left = lab.redis.pttl(name)
    if left == -1:
        early = any("EXPIRE" in command for command in wire.commands)
        raise Stop(
            "expire_first" if early else "no_deadline", ttl=left, commands=", then ".join(wire.commands)
        )
    if left <= 2 * KEPT:
        raise Stop("milliseconds", left=left)
    if abs(left - 1_000 * KEPT * 1_000) <= SLACK_MS:
        raise Stop("thousandfold", seconds=math.ceil(left / 1_000), days=left / 86_400_000)
    if not _about_right(left):
        raise Stop("other_deadline", seconds=math.ceil(left / 1_000))
    return 10 * round(left / 10_000)  # the same sentence on a machine that looks a second late


def _about_right(left_ms: int) -> bool:
    return 1_000 * KEPT - SLACK_MS < left_ms <= 1_000 * KEPT + SLACK_MS


def _expect_replaced(lab: Lab, function: Function, name: str, value: bytes) -> None:
    """A later call puts the new value in the old one's place, with a whole deadline. Stop otherwise."""
    lab.redis.pexpire(name, 100 * KEPT)
    _sent(lab, function, name, value)
    kept = lab.redis.get(name)
    if kept != value:
        raise Stop("keeps_old_value", found=shown(kept), wanted=shown(value))
    if not _about_right(lab.redis.pttl(name)):
        raise Stop("keeps_old_deadline", seconds=lab.redis.ttl(name))


def _expect_safe_when_killed(lab: Lab, function: Function, name: str, value: bytes, trips: int) -> None:
    """Whenever the process is killed, no value without a deadline stays behind. Stop otherwise."""
    for lives in range(1, trips):
        lab.redis.flushall()
        with contextlib.suppress(Theirs):  # Killed, or what they make of it
            _sent(lab, function, name, value, lives)
        if lab.redis.ttl(name) == -1:
            raise Stop("two_commands", trips=trips, lives=lives, ttl=lab.redis.ttl(name))


def check_misses(count: Any) -> None:
    """Exercise 2: count(log) is the number of reads at the origin, for the log of any replay."""
    answer("misses", lambda: _look_at_misses(count))


def _look_at_misses(count: Any) -> Finding:
    function = a_function(count, "log")
    runs = _runs()
    given = [_a_count(function, log) for log, _ in runs]
    wanted = [reads for _, reads in runs]
    if _same(given, wanted):
        return RIGHT, {"reads": ", ".join(map(str, wanted)), "runs": len(runs)}
    return _belief(given, runs)


@functools.cache
def _runs() -> tuple[tuple[pd.DataFrame, int], ...]:
    """Logs of real replays with the reads that the catalogue counted: mostly hits, mostly misses, between."""
    return (
        _run(400, 30, rate=5, ttl=60, instances=1),
        _run(300, 60, rate=3, ttl=5, instances=4),
        _run(500, 20, rate=10, ttl=10, instances=2),
    )


def _run(requests: int, courses: int, rate: float, ttl: float, instances: int) -> tuple[pd.DataFrame, int]:
    clock, catalog = Clock(), CourseCatalog()
    fleet = Fleet(instances, lambda: LocalCache(ttl, clock), catalog, clock)
    log = fleet.replay(zipf_traffic(requests, courses, skew=1.0, rate=rate, seed=204))
    return log, catalog.reads


def _a_count(function: Function, log: pd.DataFrame) -> float:
    """What the learner's function makes of a log of its own. Stop: no number."""
    result = call(function, log.copy())
    if result is None:
        raise Stop(NOT_ATTEMPTED if does_nothing(function) else "no_return")
    if isinstance(result, (pd.DataFrame, pd.Series, list)) or (
        isinstance(result, np.ndarray) and result.ndim
    ):
        raise Stop("rows", kind=type(result).__name__, rows=len(result))
    return a_number(result)


def _same(given: list[float], wanted: list[Any]) -> bool:
    return all(math.isclose(a, b, abs_tol=1e-6) for a, b in zip(given, wanted))


def _belief(given: list[float], runs: tuple[tuple[pd.DataFrame, int], ...]) -> Finding:
    """What was counted instead, if it fits every run; else the first run that does not come out."""
    beliefs = [_counts(log) for log, _ in runs]
    row = next(i for i, (_, reads) in enumerate(runs) if not _same([given[i]], [reads]))
    log, reads = runs[row]
    facts: dict[str, object] = {
        "given": given[row],
        "reads": reads,
        "requests": len(log),
        "hits": int(log["hit"].sum()),
        "run": row + 1,
        "window": WINDOW,
    }
    for name in beliefs[0]:
        if _same(given, [counts[name] for counts in beliefs]):
            return name.partition(" ")[0], facts
    return ("constant" if len(set(given)) == 1 else "other_number"), facts


def _counts(log: pd.DataFrame) -> dict[str, float]:
    """What a learner may count instead of the misses; the reply's name is the first word."""
    hit, miss = log["hit"], ~log["hit"]
    return {
        "hits_counted": hit.sum(),
        "all_requests": len(log),
        "keys_counted": log["key"].nunique(),
        "keys_counted by instance": len(log[["instance", "key"]].drop_duplicates()),
        "share": miss.mean(),
        "share in percent": 100 * miss.mean(),
        "share of hits": hit.mean(),
        "share of hits in percent": 100 * hit.mean(),
        "first_window": miss[log["at"] < WINDOW].sum(),
        "one_instance": miss[log["instance"] == 0].sum(),
        "bits_inverted": -len(log) - hit.sum(),
    }
