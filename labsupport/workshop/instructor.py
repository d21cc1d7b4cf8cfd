"""The instructor's side of the class Redis: the signal, and what became of everybody's increments."""

from __future__ import annotations

import json
import time
from typing import NamedTuple

import redis

from labsupport.classroom import names
from labsupport.classroom.member import class_address
from labsupport.classroom.rounds import (
    WAYS,
    Round,
    Signal,
    milliseconds,
    read_rounds,
    read_signal,
    written,
)
from labsupport.errors import LabError

LEAD = 1.0  # seconds from the signal to the race: everybody hears it within a fraction of that
LONGEST = 20.0  # seconds, then a race is over for whoever has not finished
INCREMENTS = 200  # of each learner: some seconds over a bad wireless network


class View(NamedTuple):
    """The class at one moment."""

    here: int  # learners
    races: tuple[Round, ...] = ()  # the latest of each way
    failed: tuple[tuple[str, int], ...] = ()  # exercise, failed attempts; most first
    running: bool = False


class Instructor:
    """A connection to the class Redis as its instructor."""

    def __init__(self, url: str) -> None:
        """Connect. Raises LabError: the address is malformed, or nobody answers there who knows the class."""
        address = class_address(url, names.INSTRUCTOR_URL)
        self._redis = address.client(socket_timeout=1, socket_connect_timeout=1)
        try:
            self._signal = read_signal(self._redis.get(names.SIGNAL))
            self._races = {each.way: each for each in read_rounds(self._redis.get(names.RESULT))}
            self.names: list[str] = json.loads(self._redis.get(names.ROSTER) or "[]")
        except redis.RedisError as error:
            raise LabError(
                f"The class at {address.where} cannot be used ({type(error).__name__}): start the workshop, "
                f"or correct {names.INSTRUCTOR_URL}."
            ) from None

    def signal(self, way: str, increments: int = INCREMENTS) -> None:
        """Start a race. Raises LabError: there is one already, or nobody is here; redis.RedisError."""
        view = self.look()
        if view.running:
            raise LabError("A race is running already: wait until it is over.")
        if not view.here:
            raise LabError("Nobody is here yet: let them run the cell of notebook 06 that joins the class.")
        begin = milliseconds(self._redis.time()) + round(1000 * LEAD)
        number = self._signal.round + 1 if self._signal else 1
        self._signal = Signal(number, way, increments, begin, begin + round(1000 * LONGEST))
        self._races[way] = Round(number, way, 0, 0, 0, view.here * increments, False)
        self._redis.set(names.SIGNAL, written(self._signal))

    def race(self, way: str, increments: int = INCREMENTS) -> Round:
        """Start a race and wait until it is over; returns how it ended. Raises as `signal`."""
        self.signal(way, increments)
        while self.look().running:
            time.sleep(0.1)
        return self._races[way]

    def look(self) -> View:
        """The class now; the learners hear of it, too. Raises redis.RedisError.

        One transaction: no increment can fall between the counter and the tallies.
        """
        race = self._signal.round if self._signal else 0
        with self._redis.pipeline() as pipe:
            pipe.time()
            pipe.get(names.counter(race))
            pipe.hgetall(names.FAILED)
            for name in self.names:
                pipe.get(names.here(name))
                pipe.hget(names.tally(name), str(race))
            now, counter, failed, *rest = pipe.execute()
        through, tallies = [int(each) for each in rest[::2] if each], [int(each or 0) for each in rest[1::2]]
        if self._signal:
            over = self._end_if_over(self._signal, milliseconds(now), through)
            self._publish(self._signal, tallies, counter, over)
        return self._view(len(through), failed)

    def _end_if_over(self, signal: Signal, now: int, through: list[int]) -> bool:
        """Whether the race is over; if so, whoever joins from now on sends nothing any more.

        It is over when its time is up, or when all who are here are through with it.
        """
        if signal.begin < now < signal.end and all(race == signal.round for race in through):
            self._signal = signal._replace(end=now)
            self._redis.set(names.SIGNAL, written(self._signal))
            return True
        return now >= signal.end

    def _publish(self, signal: Signal, tallies: list[int], counter: bytes | None, over: bool) -> None:
        """Note how the race stands, for everybody to read if it has changed."""
        before = self._races.get(signal.way)
        planned = before.planned if before and before.round == signal.round else 0
        value = int(counter) if counter and counter.isdigit() else 0  # what is no number has kept nothing
        sent = [tally for tally in tallies if tally]
        after = Round(signal.round, signal.way, len(sent), sum(sent), value, planned, over)
        self._races[signal.way] = after
        if after != before:
            self._redis.set(names.RESULT, written(self._latest()))

    def _latest(self) -> tuple[Round, ...]:
        return tuple(self._races[way] for way in WAYS if way in self._races)

    def _view(self, here: int, failed: dict[bytes, bytes]) -> View:
        counts = {name.decode(): int(count) for name, count in failed.items()}
        most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        running = any(not each.over for each in self._races.values())
        return View(here, self._latest(), tuple(most), running)

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()
