"""Random scenarios for a fleet, each from one seed: traffic, TTLs, routes, caches, restarts, pauses."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray
from pandas.api.extensions import ExtensionArray

from labsupport.routes import Route
from labsupport.setup.problem import ROOT

TRACE = ROOT / "notebooks" / "data" / "twitter-cluster52.csv.gz"
SERVER = -1  # who is restarted: the server, with all that it knew; else an instance's number
CACHES = ("shared", "names", "dicts")  # one on Redis; one each on Redis, under names of its own; one each
ROUTES = ("round_robin", "random", "by_key", "function")
COLUMNS = ("str", "category", "slice")  # a slice has its old index, and a category that nobody asks for
MOVES = 20_000  # deadlines that one part's ticks move, about: more would only take longer
PAUSES = ("", "parked", "button", "reset", "server")  # see `before` in agreement.py

Request = tuple[float, str, int]  # at, key, and the instance that route "function" picks
Restart = tuple[float, int]  # at, and who


@dataclass(frozen=True)
class Part:
    """One replay: its requests, what is restarted meanwhile, and what has happened before it."""

    requests: tuple[Request, ...]
    restarts: tuple[Restart, ...] = ()
    before: str = ""

    def traffic(self, column: str = "str") -> pd.DataFrame:
        """The requests as a fleet takes them; `column` is the kind that its keys come in."""
        at, key, _ = zip(*self.requests)
        if column == "slice":
            return _frame((at[0], *at), pd.Categorical(("nobody", *key))).iloc[1:]
        return _frame(at, pd.Categorical(key) if column == "category" else pd.array(key, dtype="str"))


@dataclass(frozen=True)
class Scenario:
    """A fleet and all that happens to it, in one value: `repr` is the code that makes it again."""

    parts: tuple[Part, ...]
    cache: str = "shared"
    instances: int = 1
    ttl: int = 1
    route: str = "round_robin"
    seed: int = 0
    tick: int = 1
    began: int = 0
    column: str = "str"

    def __len__(self) -> int:
        return sum(len(part.requests) for part in self.parts)

    @property
    def on_redis(self) -> bool:
        """Whether a Redis answers its requests."""
        return self.cache != "dicts"

    def route_anew(self) -> Route:
        """Its route, for all parts in turn; a function begins with the first request again."""
        owners = iter([owner for part in self.parts for _, _, owner in part.requests])
        return (lambda index, key: next(owners)) if self.route == "function" else self.route


def random_scenario(seed: int, most: int = 6_000) -> Scenario:
    """The scenario of this seed, of about `most` requests a part at most; half of them are short."""
    rng = np.random.default_rng(seed)
    tick, instances = int(rng.choice([1, 2, 5])), int(rng.integers(1, 17))
    parts = tuple(_part(rng, tick, instances, number, most) for number in range(rng.choice([1, 1, 2, 3])))
    span = int(parts[0].requests[-1][0] // tick) + 1  # in ticks
    return Scenario(
        parts,
        cache=str(rng.choice(CACHES, p=[0.5, 0.2, 0.3])),
        instances=instances,
        ttl=tick * _life(rng, span),
        route=str(rng.choice(ROUTES)),
        seed=int(rng.integers(4)),
        tick=tick,
        began=tick * int(rng.choice([0, 0, 2, 20_000])),
        column=str(rng.choice(COLUMNS)),
    )


def _part(rng: Generator, tick: int, instances: int, number: int, most: int) -> Part:
    size = int(np.exp(rng.uniform(0, np.log(40 if rng.random() < 0.5 else most))))
    at, keys = _excerpt(rng, size) if rng.random() < 0.1 else _made(rng, size, tick)
    owners = rng.integers(instances, size=size) if rng.random() < 0.5 else np.repeat(instances - 1, size)
    restarts = tuple(_restarts(rng, at, instances)) if rng.random() < 0.35 else ()
    pause = str(rng.choice(PAUSES, p=[0.25, 0.25, 0.2, 0.25, 0.05])) if number else ""
    return Part(tuple(zip(at.tolist(), keys, owners.tolist())), restarts, pause)


def _excerpt(rng: Generator, size: int) -> tuple[NDArray[np.float64], list[str]]:
    """So many requests of the real trace, cut anywhere; its first one may come late."""
    trace = _trace()
    start = int(rng.integers(len(trace) - size))
    rows = trace.iloc[start : start + size]
    return rows["at"].to_numpy(dtype=float), rows["key"].tolist()


def _moments(rng: Generator, size: int, tick: int) -> NDArray[np.float64]:
    """Ties on whole ticks, a steady stream, tenths of ticks, bursts, or gaps of all kinds."""
    steady = 10 ** rng.uniform(-1, 3)  # requests a tick
    gaps = [
        rng.choice([0] * 8 + [tick, 2 * tick], size),
        rng.exponential(tick / steady, size),
        np.repeat(0.1 * tick, size),
        rng.exponential(np.where(rng.random(size) < 0.03, 30 * tick, tick / 100)),
        rng.choice([0] * 8 + [0.1, 0.5, 1, 2, 5, *rng.uniform(0, 30, 2), rng.uniform(0, 1e7)], size),
    ]
    return np.cumsum(gaps[rng.integers(len(gaps))].astype(float))


def _made(rng: Generator, size: int, tick: int) -> tuple[NDArray[np.float64], list[str]]:
    """Moments and keys; the more ticks, the fewer keys, since each tick moves the deadlines of all."""
    at = _moments(rng, size, tick)
    return at, _keys(rng, size, most=1 + MOVES // len(np.unique(at // tick)))


def _keys(rng: Generator, size: int, most: int) -> list[str]:
    """One hot key, a few, many, or Zipf's; their names may hold what is special to Redis' patterns."""
    count = min(most, int(rng.choice([1, rng.integers(2, 9), rng.integers(9, 2_000)])))
    weights = np.arange(1, count + 1, dtype=float) ** -rng.choice([0, 0.7, 1, 1.3])
    numbers = rng.choice(count, size=size, p=weights / weights.sum())
    entity = rng.choice(["course:", "", "kurs ü:", "a*[b]?{c}\n"])
    return [f"{entity}{number}" for number in numbers.tolist()]


def _restarts(rng: Generator, at: NDArray[np.float64], instances: int) -> Iterator[Restart]:
    """At a request's very moment, at the beginning, in between, or after the last; seldom the server's."""
    for _ in range(rng.integers(1, 5)):
        moment = float(rng.choice([0, rng.choice(at), rng.uniform(0, 1.2) * at[-1]]))
        yield moment, SERVER if rng.random() < 0.04 else int(rng.integers(instances))


def _life(rng: Generator, span: int) -> int:
    """A TTL in ticks: from one tick to beyond the end of a traffic of `span` ticks."""
    middle = int(np.exp(rng.uniform(0, np.log(span))))
    return int(rng.choice([1, 2, rng.integers(1, 13), middle, middle, span, span + 1, 1_000_000]))


@functools.cache
def _trace() -> pd.DataFrame:
    return pd.read_csv(TRACE, dtype={"key": "str"})


def _frame(at: tuple[float, ...], key: ExtensionArray) -> pd.DataFrame:
    return pd.DataFrame({"at": np.array(at), "key": key})
