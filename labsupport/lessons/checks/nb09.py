"""The checks of notebook 09: the shortest TTL that an origin can bear, and a verdict on four services."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from labsupport.checks import is_number
from labsupport.lessons.checks.services import TTLS, advised, facts_of, four_services, grid_of, services
from labsupport.lessons.exercises import NOT_ATTEMPTED, RIGHT, Finding, Stop, answer, one_line
from labsupport.lessons.given import Theirs, a_number, an_attempt, call, shown

__all__ = ["check_shortest_ttl", "check_verdicts", "four_services"]

Ttl = float | None

# The verdicts that a recommendation can come to, and what the names of replies call them.
WORDS = {
    "share": "share",
    "do not share": "private",
    "Redis alone will not solve this": "alone",
    "too little traffic to say": "little",
}


class Case(NamedTuple):
    """One question to the learner's function, on the sweep of a service."""

    service: str
    instances: int
    shared: bool
    capacity: float
    staleness: float


def _cases() -> list[Case]:
    exactly = _reads(Case("flags", 8, False, 0, 0), 15)
    return [
        Case("courses", 4, True, 6, 60),
        Case("courses", 4, False, 6, 120),
        Case("courses", 4, False, 6, 60),
        Case("courses", 8, False, 6, 120),
        Case("courses", 8, True, 3, 300),
        Case("prices", 4, True, 2, 300),
        Case("flags", 8, False, exactly, 60),
        Case("flags", 4, False, 6, 300),
        Case("flags", 8, True, 1, 300),
    ]


def _reads(case: Case, ttl: Ttl) -> float:
    """Reads a second at the origin with this TTL of the grid; 0 for none."""
    grid = grid_of(case.service)
    asked = (grid["instances"] == case.instances) & (grid["shared"] == case.shared) & (grid["ttl"] == ttl)
    return float(grid.loc[asked, "origin_reads"].sum())


@functools.cache
def _allowed(case: Case, without: str = "", strict: str = "") -> list[float]:
    """The TTLs that meet all conditions but `without`, in the grid's order; `strict`: less than the bound."""
    grid = grid_of(case.service)
    at_most = {
        name: np.less if name in strict.split() else np.less_equal for name in ("capacity", "staleness")
    }
    conditions = {
        "instances": grid["instances"] == case.instances,
        "shared": grid["shared"] == case.shared,
        "capacity": at_most["capacity"](grid["origin_reads"], case.capacity),
        "staleness": at_most["staleness"](grid["ttl"], case.staleness),
    }
    met = np.all([rows for name, rows in conditions.items() if name != without], axis=0)
    ttls: list[float] = grid.loc[met, "ttl"].tolist()
    return ttls


def _shortest(case: Case, without: str = "", strict: str = "") -> Ttl:
    return min(_allowed(case, without, strict), default=None)


# What a learner may compute instead; the reply's name is the first word.
BELIEFS: dict[str, Callable[[Case], Ttl]] = {
    "no_instances": lambda case: _shortest(case, without="instances"),
    "no_shared": lambda case: _shortest(case, without="shared"),
    "no_capacity": lambda case: _shortest(case, without="capacity"),
    "no_staleness": lambda case: _shortest(case, without="staleness"),
    "longest": lambda case: max(_allowed(case), default=None),
    "by_place first": lambda case: next(iter(_allowed(case)), None),
    "by_place last": lambda case: next(reversed(_allowed(case)), None),
    "bound_met capacity": lambda case: _shortest(case, strict="capacity"),
    "bound_met staleness": lambda case: _shortest(case, strict="staleness"),
    "bound_met both": lambda case: _shortest(case, strict="capacity staleness"),
}


def check_shortest_ttl(shortest_ttl: Any) -> None:
    """Judge shortest_ttl(grid, instances, shared, capacity, staleness), None if the origin bears no TTL."""
    answer("shortest_ttl", lambda: _look_at_shortest_ttl(shortest_ttl))


def _look_at_shortest_ttl(shortest_ttl: Any) -> Finding:
    function = an_attempt(shortest_ttl, "grid", "instances", "shared", "capacity", "staleness")
    cases = _cases()
    given = [_returned(function, case) for case in cases]
    if all(value is None for value in given):
        raise Stop("no_return")
    if not all(map(_is_right, cases, given)):
        return _why(cases, given)
    shared, private = cases[:2]
    facts: dict[str, object] = {"cases": len(cases), "capacity": shared.capacity}
    return RIGHT, facts | {"shared": _shortest(shared), "private": _shortest(private)}


def _is_right(case: Case, given: Any) -> bool:
    wanted = _shortest(case)
    return given is None if wanted is None else _as_ttl(given) == wanted


def _returned(function: Callable[..., Any], case: Case) -> Any:
    """What the function says. Stop: no number where there is a TTL, or an error only where there is none."""
    expected = _shortest(case)
    try:
        given = call(function, grid_of(case.service).copy(), *case[1:])
    except Theirs as error:
        if expected is not None:
            raise
        raise Stop("none_raises", error=one_line(error.__cause__ or error), **_facts(case, None)) from None
    if expected is None or given is None:
        return given
    if isinstance(given, (pd.DataFrame, pd.Series, pd.Index, np.ndarray, list, tuple, dict)):
        raise Stop("several", got=type(given).__name__)
    return a_number(given)


def _as_ttl(given: Any) -> Ttl:
    """The TTL that was given; None for what is none, such as a learner's own word for "none fits"."""
    return float(given) if is_number(given) and float(given) in TTLS else None


def _why(cases: list[Case], given: list[Any]) -> Finding:
    """The reply to what was computed in every case, with the first case in which that shows."""
    pairs = list(zip(cases, given))
    told = [pair for pair in pairs if _as_ttl(pair[1]) != _shortest(pair[0])]
    for name, belief in BELIEFS.items():
        if all(_as_ttl(value) == belief(case) for case, value in pairs):
            return name.partition(" ")[0], _facts(*told[0])
    fitting = [pair for pair in pairs if _shortest(pair[0]) is not None]
    if all(_is_right(*pair) for pair in fitting):
        return "nothing_fits", _facts(*next(pair for pair in pairs if not _is_right(*pair)))
    if strange := [pair for pair in fitting if pair[1] is not None and _as_ttl(pair[1]) is None]:
        return "no_ttl", _facts(*strange[0])
    return "another", _facts(*told[0])


def _facts(case: Case, given: Any) -> dict[str, object]:
    """What every reply may say of a case and of the answer to it."""
    most = max(ttl for ttl in TTLS if ttl <= case.staleness)
    return case._asdict() | {
        "design": "one shared cache" if case.shared else f"{case.instances} private caches",
        "given": given if _as_ttl(given) is None else int(given),
        "wanted": _shortest(case),
        "reads": _reads(case, _as_ttl(given)),
        "most": most,
        "least_reads": _reads(case, most),
    }


def check_verdicts(verdicts: Any) -> None:
    """Judge a dict of the four services: each one's verdict has to be the one that its traffic gives."""
    answer("verdicts", lambda: _look_at_verdicts(verdicts))


def _look_at_verdicts(verdicts: Any) -> Finding:
    chosen = _chosen(verdicts)
    for name, verdict in chosen.items():
        if verdict != advised(name):
            raise Stop(f"{name}_{WORDS[verdict]}", **facts_of(name))
    return RIGHT, {f"{name}_{key}": fact for name in chosen for key, fact in facts_of(name).items()}


def _chosen(verdicts: Any) -> dict[str, str]:
    """The verdict on each service. Stop: one is missing, or is none of the four."""
    if verdicts is None or verdicts is ...:
        raise Stop(NOT_ATTEMPTED)
    if not isinstance(verdicts, dict):
        raise Stop("no_dict", got=shown(verdicts))
    if missing := [name for name in services() if name not in verdicts]:
        raise Stop("missing", name=missing[0])
    still_open = [name for name in services() if verdicts[name] is None or verdicts[name] is ...]
    if len(still_open) == len(services()):
        raise Stop(NOT_ATTEMPTED)
    if still_open:
        raise Stop("still_open", names=", ".join(still_open))
    return {name: _verdict(name, verdicts[name]) for name in services()}


def _verdict(name: str, given: Any) -> str:
    for verdict in WORDS:
        if isinstance(given, str) and given.strip().rstrip(".").lower() == verdict.lower():
            return verdict
    raise Stop("no_verdict", name=name, got=shown(given), verdicts=", ".join(WORDS))
