"""Notebook 08, exercise 3: a page for whoever is on call, whose entries must fit each other."""

from __future__ import annotations

from typing import Any

import redis

from labsupport.lessons.checks import oncall
from labsupport.lessons.checks.oncall import Numbers, Page, in_words
from labsupport.lessons.exercises import RIGHT, Finding, Stop, answer
from labsupport.lessons.given import shown
from labsupport.lessons.places import own_lab

IN_MS = 50  # a timeout of so many seconds was meant in milliseconds, if those would fit


def check_operations(page: Any) -> None:
    """Judge the page, a dict of ENTRIES: each is filled in, possible, and fits the others."""
    answer("operations", lambda: _look_at_operations(page))


def _look_at_operations(page: Any) -> Finding:
    oncall.expect_filled_in(page)
    numbers = oncall.numbers_of(page)
    chosen = {entry: oncall.choice_in(page, entry) for entry in oncall.CHOICES}
    _judge_numbers(numbers)
    _judge_gone(numbers, chosen["Redis gone"])
    with own_lab(lab_time=False) as lab:
        _judge_policies(lab.redis, page, numbers)
        _judge_clear(numbers, chosen["clear"])
        _judge_watch(lab.redis, page)
    facts = numbers.facts | numbers.while_gone(chosen["Redis gone"])
    return RIGHT, facts | {"page": oncall.printed(page, numbers, chosen)}


def _judge_numbers(numbers: Numbers) -> None:
    """Stop: a number is impossible, or does not fit another one."""
    if numbers.hit_rate > 1:
        raise Stop("percent" if numbers.hit_rate <= 100 else "no_share", **numbers.facts)
    if numbers.retries % 1:
        raise Stop("part_of_a_try", **numbers.facts)
    if numbers.today > numbers.bears:
        raise Stop("too_much_today", **numbers.facts)
    if numbers.worst(numbers.timeout) >= numbers.deadline:
        in_ms = numbers.timeout >= IN_MS and numbers.worst(numbers.timeout / 1_000) < numbers.deadline
        raise Stop("milliseconds" if in_ms else "past_the_deadline", **numbers.facts)
    if numbers.near > numbers.stale:
        raise Stop("near_too_old", **numbers.facts)


def _judge_gone(numbers: Numbers, gone: str) -> None:
    """Stop: what is to happen without Redis is more than the origin bears, or less than it could do."""
    if gone == "origin" and numbers.requests > numbers.bears:
        raise Stop("origin_falls", **numbers.facts)
    if gone == "error" and numbers.requests <= numbers.bears:
        raise Stop("needless_errors", **numbers.facts)


def _judge_policies(client: redis.Redis, page: Page, numbers: Numbers) -> None:
    """Stop: a real server has no such policy, or it is the wrong one for what it keeps."""
    for entry in oncall.POLICIES:
        try:
            client.config_set("maxmemory-policy", in_words(page[entry]))
        except redis.RedisError:
            raise Stop("no_policy", entry=entry, got=shown(page[entry])) from None
    cache, counters = (in_words(page[entry]).lower() for entry in oncall.POLICIES)
    facts = numbers.facts | {"cache": cache, "counters": counters}
    if cache == "noeviction":
        raise Stop("cache_full", **facts)
    if counters != "noeviction":
        raise Stop("counters_evicted" if counters.startswith("allkeys") else "markers_evicted", **facts)


def _judge_clear(numbers: Numbers, clear: str) -> None:
    """Stop: to clear the cache takes others' keys along, or makes them wait."""
    if clear == "FLUSHDB":
        raise Stop("clears_all", **numbers.facts)
    if clear == "KEYS and DEL":
        raise Stop("clears_by_keys", **numbers.facts)


def _judge_watch(client: redis.Redis, page: Page) -> None:
    """Stop: a real server's INFO has no such field, or what this page risks would not be seen."""
    watch, known = page["watch"], client.info("all")
    if not isinstance(watch, (list, tuple, set)) or not watch:
        raise Stop("no_list", got=shown(watch))
    for field in watch:
        if not isinstance(field, str) or field not in known:
            raise Stop("no_field", got=shown(field))
    facts = {"watch": ", ".join(sorted(watch)), "cache": in_words(page["cache policy"])}
    if not {"keyspace_hits", "keyspace_misses"} <= set(watch):
        raise Stop("rate_unseen", **facts)
    if "evicted_keys" not in watch:
        raise Stop("evictions_unseen", **facts)
    if not any(field.startswith("used_memory") for field in watch):
        raise Stop("memory_unseen", **facts)
