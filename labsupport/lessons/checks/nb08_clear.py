"""Notebook 08, exercise 2: one application's keys leave a server that others use, without a stall."""

from __future__ import annotations

import re
from typing import Any

from labsupport.lab import Lab
from labsupport.lessons.checks.neighbours import Run, cleared
from labsupport.lessons.checks.orders import Function
from labsupport.lessons.exercises import RIGHT, Finding, Stop, answer
from labsupport.lessons.given import Theirs, an_attempt, equal, shown
from labsupport.lessons.places import own_lab

PREFIX, MANY, FEW = "shop:", 2_500, 5
# A prefix that a pattern takes for something else, and a neighbour's key that fits the pattern.
GLOBS = {"shop[eu]:": "shope:7", "shop*:": "shop-west:7", "shop?:": "shop2:7", "shop\\:": "shop:7"}
AT_ONCE = 2_000  # keys that one command may delete: more of them only if it grows with the cache
_COUNT = re.compile(rb"\r\nCOUNT\r\n\$\d+\r\n(\d+)", re.IGNORECASE)


def check_clear(clear_cache: Any) -> None:
    """Judge clear_cache(redis, prefix): all keys with this prefix go, no other, and nobody has to wait."""
    answer("clear", lambda: _look_at_clear(clear_cache))


def _look_at_clear(clear_cache: Any) -> Finding:
    function = an_attempt(clear_cache, "redis", "prefix")
    with own_lab(lab_time=False) as lab:
        run = cleared(lab, function, PREFIX, MANY)
        _judge_keys(run)
        _judge_commands(run)
        _judge_count(run, *(cleared(lab, function, PREFIX, FEW, robbed=robbed) for robbed in (False, True)))
        _judge_nothing_there(lab, function)
        for prefix, neighbour in GLOBS.items():
            _judge_pattern(cleared(lab, function, prefix, FEW, {neighbour: "a neighbour's"}), neighbour)
    return RIGHT, run.facts | {"commands": ", ".join(sorted(set(run.wire.commands)))}


def _judge_keys(run: Run) -> None:
    """Stop: keys with the prefix are still there, others were touched, or new ones are there.

    Which keys one SCAN gives is chance, so that is told first, without names or numbers.
    """
    left = run.ours & run.after.keys()
    if {"flushdb", "flushall"} & run.used:
        raise Stop("flushed", **run.facts)
    if left and run.wire.commands.count("SCAN") == 1:
        raise Stop("one_scan", **run.facts)
    if touched := run.touched:
        contains = all(run.prefix in key for key in touched)
        raise Stop("contains" if contains else "others", count=len(touched), example=touched[0], **run.facts)
    if new := sorted(run.after.keys() - run.before.keys()):
        raise Stop("left_behind", example=new[0], **run.facts)
    if left:
        raise Stop("untouched" if left == run.ours else "some_left", **run.facts)


def _judge_commands(run: Run) -> None:
    """Stop: one of the commands keeps the server busy for as long as the cache is large."""
    if "keys" in run.used:
        raise Stop("keys_command", **run.facts)
    count = max(map(int, _COUNT.findall(b"".join(run.wire.trips))), default=0)
    if count >= len(run.before):
        raise Stop("huge_count", count=count, **run.facts)
    most, commands = run.most_at_once()
    if most <= AT_ONCE:
        return
    if {"EVAL", "EVALSHA", "FCALL"}.intersection(commands):
        raise Stop("script", **run.facts)
    if "MULTI" in commands:
        raise Stop("transaction", limit=AT_ONCE, **run.facts)
    if len(commands) == 1:
        raise Stop("one_huge_delete", limit=AT_ONCE, command=commands[0], **run.facts)


def _judge_count(run: Run, small: Run, robbed: Run) -> None:
    """Stop: what came back is not the number of keys that went, or a key counts that another one deleted.

    While many keys go, SCAN gives some names twice, but which is chance: what is told is of the small runs.
    """
    if run.returned is None:
        raise Stop("no_return", **run.facts)
    if isinstance(run.returned, (list, tuple, set, dict)):
        raise Stop("names_returned", **run.facts)
    if not equal(small.returned, len(small.ours)):
        beliefs = {"counts_all": len(small.before), "counts_on": len(run.ours) + len(small.ours)}
        why = [reply for reply, number in beliefs.items() if equal(small.returned, number)]
        raise Stop(why[0] if why else "wrong_count", **small.facts)
    if robbed.wire.gone and not equal(robbed.returned, len(robbed.ours) - 1):
        raise Stop("counted_names", deleted=len(robbed.ours) - 1, **robbed.facts)
    if not equal(run.returned, len(run.ours)):
        raise Stop("part_counted", **run.facts, few=len(small.ours))


def _judge_nothing_there(lab: Lab, function: Function) -> None:
    """Stop: with no key of that prefix it raises, or says something else than 0."""
    try:
        run = cleared(lab, function, PREFIX, 0)
    except Theirs as error:
        raise Stop("empty_raises", prefix=PREFIX, error=shown(error.__cause__)) from None
    if not equal(run.returned, 0):
        raise Stop("empty_count", **run.facts)
    _judge_keys(run)


def _judge_pattern(run: Run, neighbour: str) -> None:
    """Stop: of a prefix with a character that patterns use, other keys went, or its own stayed."""
    left, gone = run.ours & run.after.keys(), neighbour in run.touched
    if not left and not gone:
        return
    facts = run.facts | {"left": len(left), "neighbour": neighbour}
    raise Stop("backslash" if "\\" in run.prefix else "glob_took" if gone else "glob_missed", **facts)
