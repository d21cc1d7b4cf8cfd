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
from labsupport.lessons.exercises import exercises

LEAD = 1.0  # seconds from the signal to the race: everybody hears it within a fraction of that
LONGEST = 20.0  # seconds, then a race is over for whoever has not finished
DIGITS = 15  # a longer number is nobody's count
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
        last, _ = self._told()
        number = last.round + 1 if last else 1
        begin = milliseconds(self._redis.time()) + round(1000 * LEAD)
        end = begin + round(1000 * LONGEST)
        self._redis.set(names.counter(number), 0)  # whatever somebody has written there beforehand
        self._tell(names.SIGNAL, Signal(number, way, increments, view.here * increments, begin, end))

    def race(self, way: str, increments: int = INCREMENTS) -> Round:
        """Start a race and wait until it is over; returns how it ended. Raises as `signal`."""
        self.signal(way, increments)
        while (view := self.look()).running:
            time.sleep(0.1)
        return next(race for race in view.races if race.way == way)

    def look(self) -> View:
        """The class now; the learners hear of it, too. Raises redis.RedisError.

        One transaction: no increment can fall between the counter and the tallies. All that is known stands
        in Redis, so several dashboards see the same.
        """
        signal, races = self._told()
        race = signal.round if signal else 0
        with self._redis.pipeline() as pipe:
            pipe.time()
            pipe.get(names.counter(race))
            pipe.hgetall(names.FAILED)
            for name in self.names:
                pipe.get(names.here(name))
                pipe.hget(names.tally(name), str(race))
            # A learner may have made a hash of the one and a text of the other: then there is nothing to see.
            now, counter, failed, *rest = pipe.execute(raise_on_error=False)
        here = [each for each in rest[::2] if isinstance(each, bytes)]
        over = not signal or self._end_if_over(signal, milliseconds(now), here)
        if signal:
            self._publish(races, _standing(signal, rest[1::2], counter, over))
        return View(len(here), _in_order(races), _most_first(failed), not over)

    def _told(self) -> tuple[Signal | None, dict[str, Round]]:
        """The last signal, and the latest race of each way as it was published last."""
        with self._redis.pipeline() as pipe:
            pipe.get(names.SIGNAL)
            pipe.get(names.RESULT)
            signal, rounds = pipe.execute()
        return read_signal(signal), {each.way: each for each in read_rounds(rounds)}

    def _tell(self, key: str, what: Signal | tuple[Round, ...]) -> None:
        self._redis.set(key, written(what))

    def _end_if_over(self, signal: Signal, now: int, here: list[bytes]) -> bool:
        """Whether the race is over; if so, whoever joins from now on sends nothing any more.

        It is over when its time is up, or when all who are here are through with it.
        """
        if signal.begin < now < signal.end and all(_count(through) == signal.begin for through in here):
            self._tell(names.SIGNAL, signal._replace(end=now))
            return True
        return now >= signal.end

    def _publish(self, races: dict[str, Round], race: Round) -> None:
        """Note how the race stands, for everybody to read if it has changed."""
        if races.get(race.way) != race:
            races[race.way] = race
            self._tell(names.RESULT, _in_order(races))

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()


def _count(reply: object) -> int:
    """What a learner has written, if it is a count, else 0: they may write there whatever they like."""
    return int(reply) if isinstance(reply, bytes) and reply.isdigit() and len(reply) <= DIGITS else 0


def _standing(signal: Signal, tallies: list[object], counter: object, over: bool) -> Round:
    """How the race stands, from the replies to our look at the learners' tallies and the counter."""
    sent = [tally for tally in map(_count, tallies) if tally]
    return Round(signal.round, signal.way, len(sent), sum(sent), _count(counter), signal.planned, over)


def _in_order(races: dict[str, Round]) -> tuple[Round, ...]:
    return tuple(races[way] for way in WAYS if way in races)


def _most_first(failed: dict[bytes, bytes]) -> tuple[tuple[str, int], ...]:
    """The exercises and their failed attempts; what is no exercise, only somebody's text, is left out."""
    counts = {name: count for name in exercises() if (count := _count(failed.get(name.encode())))}
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
