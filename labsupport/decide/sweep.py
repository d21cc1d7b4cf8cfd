"""The grid behind the decision: every TTL for every number of instances, exact, here or on an executor."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from labsupport.checks import whole_number, whole_ticks
from labsupport.errors import BadArgument, LabError
from labsupport.explorers.progress import progress
from labsupport.model.hits import hits_at
from labsupport.races.processes import undisturbed
from labsupport.routes import Integers, Route, assign, check_route, check_traffic, key_codes, lab_ticks

PART = 100_000  # requests of one task: a fraction of a second, and less than a megabyte to send
AHEAD = 64  # tasks handed to an executor before their answers: more would only fill the memory

Several = float | Iterable[float]
Task = tuple[int, Integers, Integers]  # how many caches; for each request its slot and its tick
Answers = Generator[tuple[int, Integers]]  # how many caches; more hits at each TTL


def sweep(
    traffic: pd.DataFrame,
    ttls: Several,
    instances: Several,
    route: Route = "round_robin",
    seed: int = 0,
    tick: float = 1.0,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """What `simulate` says for every TTL and every number of instances, private and shared, in one table.

    ttls: seconds; instances: how many; each a number or several. route, seed, tick: as for `simulate`; one
    instance gets every request, whatever the route.
    Returns one row for each ttl, each number of instances, and shared False and True, nested in this order.
    Columns: ttl (s), instances, shared, requests, hits, hit_rate (0 to 1), and origin_reads: misses a second,
    over the `seconds_covered` by the log. Its attrs say which route, seed and tick these are for.

    executor: any of concurrent.futures, or what Dask's `client.get_executor()` returns; each request goes
    there once for each number of caches. Without one, the same tasks run here. The answer is the same.
    A bar shows how far it is; an Interrupt cancels what has not begun. BadArgument for what makes no sense;
    LabError if the executor fails, such as by a worker that died.
    """
    check_traffic(traffic)
    check_route(route)
    ticks = whole_number("tick", tick)
    lives = [whole_ticks("ttl", ttl, ticks) for ttl in _several("ttls", ttls)]
    fleets = [whole_number("instances", count) for count in _several("instances", instances)]
    _check_executor(executor)
    hits = {caches: np.zeros(len(lives), dtype=np.int64) for caches in dict.fromkeys([1, *fleets])}
    cut = _Cut(traffic, ticks)
    tasks = (task for caches in hits for task in cut.tasks(_owners(traffic, caches, route, seed), caches))
    answers = _here(tasks, lives) if executor is None else _there(tasks, lives, executor)
    with contextlib.closing(answers):
        for _, (caches, more) in zip(progress(range(len(hits) * cut.parts), "parts of the sweep"), answers):
            hits[caches] += more
    lasts = seconds_covered(traffic, ticks)
    table = _table(hits, [life * ticks for life in lives], fleets, len(traffic), lasts)
    table.attrs = {"route": route, "seed": seed, "tick": ticks}
    return table


def seconds_covered(traffic: pd.DataFrame, tick: float = 1.0) -> float:
    """How long the log is, in seconds: from the begin of its first tick to the end of its last one.

    So a log with one moment lasts one tick, and one that counts seconds from 0 to 59 lasts a minute.
    """
    first, last = lab_ticks(traffic["at"].iloc[[0, -1]].to_numpy(dtype=float), tick)
    return float((last - first + 1) * tick)


class _Cut:
    """The traffic in parts of about equal size. A key is whole in one part, so hits add up over the parts."""

    def __init__(self, traffic: pd.DataFrame, tick: float) -> None:
        codes, names = key_codes(traffic)
        before = np.cumsum(np.bincount(codes, minlength=len(names)))
        part = ((before - 1) // PART)[codes]  # key after key, each where its last request comes to lie
        self.order = np.argsort(part.astype(np.uint16), kind="stable")
        sizes = np.bincount(part)
        self.bounds = np.cumsum(sizes[sizes > 0])
        self.parts = len(self.bounds)
        self.codes = codes[self.order]
        self.now = lab_ticks(traffic["at"].to_numpy(dtype=float), tick)[self.order]

    def tasks(self, owners: Integers, caches: int) -> Iterator[Task]:
        """The parts one by one, for so many caches; `owners`: whose cache is asked, for each request."""
        start = 0
        for end in self.bounds:
            code = self.codes[start:end]
            slot = (code - code.min()) * caches + owners[self.order[start:end]]
            yield caches, _narrow(slot), _narrow(self.now[start:end])
            start = end


def _owners(traffic: pd.DataFrame, caches: int, route: Route, seed: int) -> Integers:
    if caches == 1:
        return np.zeros(len(traffic), dtype=np.int64)
    return assign(traffic, caches, route, seed)


def _narrow(numbers: Integers) -> Integers:
    """The same from 0 on, in as few bytes as they fit in: this is what has to travel."""
    return numbers.astype(np.min_scalar_type(int(numbers.max())))


def _here(tasks: Iterator[Task], lives: Sequence[int]) -> Answers:
    for caches, slot, now in tasks:
        yield caches, hits_at(slot, now, lives)


def _there(tasks: Iterator[Task], lives: Sequence[int], executor: Executor) -> Answers:
    """The answers as they come; whoever stops listening cancels what has not begun."""
    asked: dict[Future[Integers], int] = {}
    try:
        while True:
            for caches, slot, now in islice(tasks, AHEAD - len(asked)):
                # A pool that is interrupted while it starts its processes forgets them.
                with undisturbed(), _in_one_sentence():
                    asked[executor.submit(hits_at, slot, now, lives)] = caches
            if not asked:
                return
            for future in wait(asked, return_when=FIRST_COMPLETED).done:
                with _in_one_sentence():
                    answer = future.result()
                yield asked.pop(future), answer
    finally:
        for future in asked:
            future.cancel()


@contextlib.contextmanager
def _in_one_sentence() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # each kind of executor has its own
        reason = " ".join(f"{type(error).__name__} {error}".split()).rstrip(".")
        raise LabError(
            f"The executor does not work any more ({reason}), so the sweep is not complete: make a new "
            "executor, or run the sweep without one."
        ) from error


def _several(name: str, values: Any) -> list[Any]:
    """The values as a list, one value too; BadArgument if there are none."""
    listed = list(values) if isinstance(values, Iterable) else [values]
    if not listed:
        raise BadArgument(f"{name} is empty, but must be a number or several.")
    return listed


def _check_executor(executor: Any) -> None:
    if executor is not None and not isinstance(executor, Executor):
        raise BadArgument(
            f"executor is a {type(executor).__name__}, but must be one of concurrent.futures, such as a "
            "ProcessPoolExecutor, or Dask's client.get_executor()."
        )


def _table(
    hits: dict[int, Integers], ttls: list[int], fleets: list[int], requests: int, seconds: float
) -> pd.DataFrame:
    rows = [
        (ttl, instances, shared, requests, int(hits[1 if shared else instances][row]))
        for row, ttl in enumerate(ttls)
        for instances in fleets
        for shared in (False, True)
    ]
    table = pd.DataFrame(rows, columns=["ttl", "instances", "shared", "requests", "hits"])
    misses = table["requests"] - table["hits"]
    return table.assign(hit_rate=table["hits"] / requests, origin_reads=misses / seconds)
