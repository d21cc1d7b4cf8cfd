"""The checks of notebook 02: a route for four dicts, a TTL that makes up for them, the fleet's hit rate."""

from __future__ import annotations

import contextlib
import functools
import math
import operator
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pandas as pd

from labsupport.caches import LocalCache
from labsupport.clock import Clock
from labsupport.fleet import Fleet, instance_name
from labsupport.lessons.copies import does_nothing, private_copy
from labsupport.lessons.elsewhere import HashElsewhere
from labsupport.lessons.exercises import RIGHT, Finding, Stop, answer
from labsupport.lessons.given import Theirs, a_function, a_number, an_attempt, call
from labsupport.model import simulate
from labsupport.origin import CourseCatalog
from labsupport.traffic import zipf_traffic

TTL, INSTANCES = 60, 4
LEAST_WORK = 0.05  # of the requests; an instance below that hardly works
SALTS = (1, 2)  # of the processes in which the two load balancers run
OTHER_KEYS = ["course:7", "course:1000", "user:31", "lesson:204:3", "a"]
NEAR = 0.0025  # of the requests, as much as 5 s of TTL; chance, in other seeds, is worth a third of it

Function = Callable[..., Any]


@functools.cache
def _traffic(requests: int = 12_000) -> pd.DataFrame:
    """The notebook's traffic: 500 courses, 20 requests a second."""
    return zipf_traffic(requests, courses=500, skew=1.0, rate=20, seed=204)


def _replay(
    route: Callable[[int, str], int], requests: int = 12_000, instances: int = INSTANCES
) -> pd.DataFrame:
    """The log of real instances with private caches."""
    clock = Clock()
    fleet = Fleet(instances, lambda: LocalCache(TTL, clock), CourseCatalog(), clock, route=route)
    return fleet.replay(_traffic(requests))


def check_route(route: Any) -> None:
    """Judge route(index, key): four private caches shall hit like one, and all four shall work."""
    answer("route", lambda: _look_at_route(route))


def _look_at_route(route: Any) -> Finding:
    function = an_attempt(route, "index", "key")
    with contextlib.ExitStack() as stack:
        hashes = [stack.enter_context(closing(HashElsewhere(salt))) for salt in SALTS]
        balancers = [private_copy(function, [(hash, other)]) for other in hashes]
        log = _replay(lambda index, key: _chosen(balancers[index % 2], index, key))
        return _judge_route(log, balancers[0], any(other.asked for other in hashes))


def _chosen(balancer: Function, index: int, key: str) -> int:
    """The instance's number. Stop: it is none."""
    given = call(balancer, index, key)
    facts = {"index": index, "key": key, "got": given}
    if given is None:
        raise Stop("nothing", **facts)
    try:
        number = operator.index(given)
    except Exception:
        kinds = {str: "a_text", float: "a_fraction"}
        raise Stop(kinds.get(type(given), "no_instance"), **facts) from None
    if isinstance(given, bool):
        raise Stop("no_instance", **facts)
    if not 0 <= number < INSTANCES:
        raise Stop("beyond", **facts)
    return number


def _judge_route(log: pd.DataFrame, balancer: Function, hashed: bool) -> Finding:
    shares = log["instance"].value_counts(normalize=True).reindex(range(INSTANCES), fill_value=0.0)
    homes = log.groupby("key", observed=True)["instance"].nunique()
    facts: dict[str, object] = {
        "rate": log["hit"].mean(),
        "one": simulate(_traffic(), 1, TTL).mean(),
        "moved": int((homes > 1).sum()),
        "courses": len(homes),
        "favourite": int(homes["course:204"]),
        "least": shares.min(),
        "most": shares.max(),
        "idle": ", ".join(instance_name(number) for number in shares.index[shares < LEAST_WORK]),
    }
    if homes.max() == 1:
        return _who_works(log, balancer, shares), facts
    return _why_no_home(log, balancer, hashed), facts


def _who_works(log: pd.DataFrame, balancer: Function, shares: pd.Series[float]) -> str:
    """The name of the reply to a route that gives each course one home."""
    if shares.min() >= LEAST_WORK:
        return RIGHT
    if shares.max() < 1:
        return "idle"
    for key in OTHER_KEYS:
        with contextlib.suppress(Theirs, Stop):
            if _chosen(balancer, 0, key) != log["instance"].iloc[0]:
                return "same_shape"
    return "one_works"


def _why_no_home(log: pd.DataFrame, balancer: Function, hashed: bool) -> str:
    """The name of the reply to a route that sends a course now here, now there."""
    by_balancer = log.groupby([log.index % 2, "key"], observed=True)["instance"].nunique()
    if by_balancer.max() == 1:
        return "salted_hash" if hashed else "own_memory"
    if (log["instance"] == log.index % INSTANCES).all():
        return "round_robin"
    again = {_chosen(balancer, 0, "course:204") for _ in range(20)}
    return "by_chance" if len(again) > 1 else "by_request"


def check_same_rate(ttl: Any) -> None:
    """Judge the TTL in s with which four private caches hit what one hits with 60 s."""
    answer("same_rate", lambda: _look_at_same_rate(ttl))


def _look_at_same_rate(ttl: Any) -> Finding:
    given = a_number(ttl)
    if given <= 0:
        raise Stop("no_ttl", given=given)
    seconds = max(1, round(given))
    one = simulate(_traffic(400_000), 1, TTL).mean()
    four = simulate(_traffic(400_000), INSTANCES, seconds).mean()
    facts = {"ttl": given, "one": one, "four": four, "points": 100 * abs(four - one)}
    if abs(four - one) <= NEAR:
        return RIGHT, facts
    beliefs = {60: "same_ttl", 15: "divided", 120: "root", 4: "minutes", 240_000: "milliseconds"}
    return beliefs.get(seconds, "too_short" if four < one else "too_long"), facts


def check_fleet_rate(rate: Any) -> None:
    """Judge rate(log): the fleet's hit rate for the log of a replay with a canary."""
    answer("fleet_rate", lambda: _look_at_fleet_rate(rate))


def _look_at_fleet_rate(rate: Any) -> Finding:
    function = a_function(rate, "log")
    logs = _canaries()
    given = [_one_rate(function, log) for log in logs]
    wanted = [log["hit"].mean() for log in logs]
    rates = _by_instance(logs[0])
    facts: dict[str, object] = {"got": given[0], "wanted": wanted[0], "requests": len(logs[0])}
    facts |= {"hits": logs[0]["hit"].sum(), "canary": rates.iloc[-1], "mean": rates.mean()}
    if all(map(_rounds_to, wanted, given)):
        return RIGHT, facts
    if _rounds_to(wanted[0], given[0]):
        raise Stop("only_this_log", **facts | {"other": given[1], "other_wanted": wanted[1]})
    for reply, belief in _BELIEFS.items():
        if all(math.isclose(belief(log), value, rel_tol=1e-6) for log, value in zip(logs, given)):
            return reply, facts
    return "another", facts


@functools.cache
def _canaries() -> list[pd.DataFrame]:
    """Logs of real replays: four instances, the last gets one request in fifty; three, one in ten."""
    return [
        _replay(lambda index, key: 3 if index % 50 == 0 else index % 3),
        _replay(lambda index, key: 2 if index % 10 == 0 else index % 2, requests=3_000, instances=3),
    ]


def _one_rate(function: Function, log: pd.DataFrame) -> float:
    """What the learner's function says of a copy of the log. Stop: more than one number, or none."""
    given = call(function, log.copy())
    if given is None and not does_nothing(function):
        raise Stop("nothing_returned")
    if isinstance(given, (pd.Series, pd.DataFrame, dict, list, tuple)):
        raise Stop("several", got=type(given).__name__, count=len(given))
    return a_number(given)


def _rounds_to(wanted: float, given: float) -> bool:
    """Whether it is the number, as it is or rounded to two or more digits."""
    return any(math.isclose(given, round(wanted, digits), abs_tol=1e-9) for digits in (2, 3, 4, 5, 6, 17))


def _by_instance(log: pd.DataFrame) -> pd.Series[float]:
    return log.groupby("instance")["hit"].mean()


_BELIEFS: dict[str, Callable[[pd.DataFrame], float]] = {
    "mean_of_rates": lambda log: _by_instance(log).mean(),
    "median_of_rates": lambda log: _by_instance(log).median(),
    "first_instance": lambda log: _by_instance(log).iloc[0],
    "canary_only": lambda log: _by_instance(log).iloc[-1],
    "best_instance": lambda log: _by_instance(log).max(),
    "without_canary": lambda log: log.loc[log["instance"] < log["instance"].max(), "hit"].mean(),
    "mean_of_courses": lambda log: log.groupby("key", observed=True)["hit"].mean().mean(),
    "percent": lambda log: 100 * log["hit"].mean(),
    "miss_rate": lambda log: 1 - log["hit"].mean(),
    "hits": lambda log: log["hit"].sum(),
    "hits_over_misses": lambda log: log["hit"].sum() / (~log["hit"]).sum(),
    "sum_of_rates": lambda log: _by_instance(log).sum(),
}
