"""Makes a scenario on which fleet and model disagree as small as it gets, and code that shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace

from scenarios import CACHES, SERVER, Part, Scenario

First = Callable[[Scenario], int]  # how many requests it takes to see a difference; 0: there is none


def smallest(scenario: Scenario, first: First) -> Scenario:
    """Cut after the first difference; then leave out and simplify for as long as there is one.

    Every change leaves a scenario that is smaller or plainer, so this comes to an end.
    """
    scenario, last = without(scenario, first(scenario), len(scenario)), None
    while scenario != last:
        last, scenario = scenario, _fewer(scenario, first)
        for change in (_calmer, _joined, _plainer, _shorter, _renamed):
            for candidate in change(scenario):
                if candidate != scenario and first(candidate):
                    scenario = candidate
                    break
    return scenario


def without(scenario: Scenario, start: int, end: int) -> Scenario:
    """Without the requests from number `start` to before `end`; a part that has none left goes, too."""
    parts, passed = [], 0
    for part in scenario.parts:
        low, high = (max(0, edge - passed) for edge in (start, end))
        passed += len(part.requests)
        if kept := part.requests[:low] + part.requests[high:]:
            parts.append(replace(part, requests=kept))
    return replace(scenario, parts=tuple(parts))


def _fewer(scenario: Scenario, first: First) -> Scenario:
    """Leave out halves, quarters, ... and at last single requests."""
    size = max(1, len(scenario) // 2)
    while size:
        start = 0
        while start < len(scenario):
            candidate = without(scenario, start, start + size)
            if candidate.parts and first(candidate):
                scenario = candidate
            else:
                start += size
        size //= 2
    return scenario


def _calmer(scenario: Scenario) -> Iterator[Scenario]:
    """One restart or one pause less."""
    for number, part in enumerate(scenario.parts):
        calm = [
            replace(part, restarts=part.restarts[:i] + part.restarts[i + 1 :])
            for i in range(len(part.restarts))
        ]
        for other in [*calm, replace(part, before="")]:
            parts = (*scenario.parts[:number], other, *scenario.parts[number + 1 :])
            yield replace(scenario, parts=parts)


def _joined(scenario: Scenario) -> Iterator[Scenario]:
    """All parts as one, in which the later requests count on from the earlier ones."""
    began, requests = 0.0, []
    for part in scenario.parts:
        requests += [(began + at, key, owner) for at, key, owner in part.requests]
        began = requests[-1][0]
    if len(scenario.parts) > 1:
        yield replace(scenario, parts=(Part(tuple(requests)),))


def _plainer(scenario: Scenario) -> Iterator[Scenario]:
    """A plainer value for one of the parameters."""
    yield replace(scenario, began=0)
    yield replace(scenario, seed=0)
    yield replace(scenario, column="str")
    yield replace(scenario, route="round_robin")
    yield _each(scenario, who=lambda who: min(who, 0))  # the first instance, or the server
    for cache in CACHES[: CACHES.index(scenario.cache)]:
        yield replace(scenario, cache=cache)
    for count in range(1, scenario.instances):
        yield replace(
            _each(scenario, who=lambda who, n=count: who if who == SERVER else who % n), instances=count
        )


def _shorter(scenario: Scenario) -> Iterator[Scenario]:
    """Shorter times: a tick of 1 s, a TTL of one tick or half as many, moments that are 0, 1, 2 ... ticks."""
    tick, ttl = scenario.tick, scenario.ttl
    yield replace(_each(scenario, at=lambda at: at / tick), tick=1, ttl=ttl // tick)
    yield replace(_each(scenario, at=lambda at: at // ttl * tick), ttl=tick)
    if ttl > tick:
        yield replace(scenario, ttl=ttl // tick // 2 * tick)
        yield replace(_each(scenario, at=lambda at: at // (2 * tick) * tick), ttl=ttl // tick // 2 * tick)
    moments = [at for part in scenario.parts for at, *_ in (*part.requests, *part.restarts)]
    ticks = sorted({at // tick for at in moments})
    yield _each(scenario, at=lambda at: float(ticks.index(at // tick) * tick))


def _renamed(scenario: Scenario) -> Iterator[Scenario]:
    """Keys a, b, c ..., in the order of their first requests."""
    names = list(dict.fromkeys(key for part in scenario.parts for _, key, _ in part.requests))
    if len(names) <= 26:
        yield _each(scenario, key=lambda key: "abcdefghijklmnopqrstuvwxyz"[names.index(key)])


def _each(
    scenario: Scenario,
    at: Callable[[float], float] = lambda at: at,
    key: Callable[[str], str] = lambda key: key,
    who: Callable[[int], int] = lambda who: who,
) -> Scenario:
    """The same with every moment, key and instance changed by these functions."""
    parts = []
    for part in scenario.parts:
        requests = tuple((at(moment), key(name), who(owner)) for moment, name, owner in part.requests)
        restarts = tuple((at(moment), who(instance)) for moment, instance in part.restarts)
        parts.append(replace(part, requests=requests, restarts=restarts))
    return replace(scenario, parts=tuple(parts))


def code(scenario: Scenario, found: str = "") -> str:
    """Code that shows it, and that is a test once it holds; `found` says where it comes from."""
    parts = "".join(f"        {_call(part)},\n" for part in scenario.parts)
    others = "".join(f"    {text},\n" for text in _given(scenario) if not text.startswith("parts="))
    return (
        f"# A fleet and its model disagree. {found}\n"
        "# Paste this into a Python that was started in the folder `tests`.\n"
        "from agreement import differs\n"
        "from scenarios import Part, Scenario\n\n"
        f"scenario = Scenario(\n    parts=(\n{parts}    ),\n{others})\n"
        "assert not differs(scenario)\n"
    )


def _call(part: Part) -> str:
    return f"Part({', '.join(_given(part))})"


def _given(value: Part | Scenario) -> list[str]:
    """What is not as it would be anyway, as keyword arguments."""
    told = [(field, getattr(value, field.name)) for field in fields(value)]
    return [f"{field.name}={here!r}" for field, here in told if here != field.default]
