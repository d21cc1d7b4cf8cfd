"""Free races: real processes count on one Redis at the same time, and nobody orders their commands."""

from __future__ import annotations

import contextlib
import time
import weakref
from typing import Any, NamedTuple

import redis

from labsupport.checks import whole_number
from labsupport.errors import BadArgument
from labsupport.keys import Keys
from labsupport.races import workers
from labsupport.races.processes import Worker, end, team_size, undisturbed
from labsupport.server.address import Address


class Race(NamedTuple):
    """How a race ended."""

    final: int  # the counter's last value; with "dict", what the first process knows
    seconds: float  # from the release to the last process's end
    retries: int  # of all processes
    counts: list[int]  # what each process counted itself


class Team:
    """Processes that race each other on one counter; started at the first race, kept for all others.

    They end with `close`, with this object, and with the process that made it, however that ends.
    """

    def __init__(self, address: Address, keys: Keys, processes: int) -> None:
        """Get ready; no process starts yet. BadArgument: not 1 to 16 `processes`."""
        self.processes = team_size(processes)
        self._address, self._keys = address, keys
        self._workers: list[Worker] = []
        weakref.finalize(self, end, self._workers)

    def race(self, way: str, increments: int, together: bool = True) -> Race:
        """Let every process make so many increments in this way, a name of workers.WAYS, on one new counter.

        All are released at once when the last is connected; with `together=False` they are told one after the
        other, and each begins as soon as it is connected itself. BadArgument: unknown way, or no whole number
        of increments. LabError: a process died or took too long. After any error, as after an Interrupt, the
        processes are gone, and the next race starts new ones.
        """
        if way not in workers.WAYS:
            raise BadArgument(f"way is {way!r}, but must be one of {', '.join(workers.WAYS)}.")
        order = way, self._keys.name(f"race:{way}"), whole_number("increments", increments), together
        try:
            return self._race(*order)
        except BaseException:
            with undisturbed():
                self.close()
                self._delete(order[1])
            raise

    def _race(self, way: str, name: str, increments: int, together: bool) -> Race:
        self._start()
        with self._address.client() as client:
            client.delete(name)
            seconds, outcomes = self._run(way, name, increments, together)
            counts = [count for count, _ in outcomes]
            final = counts[0] if way == "dict" else int(client.get(name) or 0)
            client.delete(name)
        return Race(final, seconds, sum(retries for _, retries in outcomes), counts)

    def _start(self) -> None:
        if not self._workers:
            with undisturbed():
                for _ in range(self.processes):
                    self._workers.append(Worker(workers.race, self._address))

    def _run(self, *order: Any) -> tuple[float, list[tuple[int, int]]]:
        """The race itself: its seconds, and each process's count and retries."""
        start = time.perf_counter()
        for worker in self._workers:
            worker.tell(order)
        for worker in self._workers:
            worker.hear()  # that it is connected
        if order[-1]:
            start = time.perf_counter()
            for worker in self._workers:
                worker.tell("go")
        outcomes = [worker.hear() for worker in self._workers]
        return time.perf_counter() - start, outcomes

    def _delete(self, name: str) -> None:
        with contextlib.suppress(redis.RedisError), self._address.client() as client:
            client.delete(name)

    def close(self) -> None:
        """End the processes: gone on return. A further race would start new ones."""
        end(self._workers)

    def __enter__(self) -> Team:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Team of {self.processes} processes>"


def killed_between(address: Address, name: str, seconds: int) -> None:
    """A real process counts under `name` and is killed before it can set the deadline of `seconds`.

    It runs workers.incr_then_expire; it is dead on return.
    """
    team: list[Worker] = []
    try:
        with undisturbed():
            team.append(Worker(workers.stop_between, address, name, whole_number("seconds", seconds)))
        team[0].hear()
    finally:
        end(team)
