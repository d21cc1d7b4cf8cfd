"""A learner in a class: says that they are here, looks for the signal, races. Without notebook or widgets."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import redis

from labsupport.classroom import names
from labsupport.classroom.rounds import Round, Signal, milliseconds, read_rounds, read_signal
from labsupport.errors import NoRedis
from labsupport.server.address import Address

HERE = 3  # seconds that a sign of life holds


def class_address(url: str, variable: str = names.CLASS_URL) -> Address:
    """The address of the class's Redis, as this environment variable says it. Raises NoRedis: malformed."""
    try:
        return Address.from_url(url)
    except NoRedis as error:
        wrong = str(error).replace("REDIS_URL", variable)
    raise NoRedis(wrong)


def get_set(client: redis.Redis, name: str, tally: str, race: int) -> None:
    """Read the counter, add one here, write it back. What was sent is noted in the very same transaction."""
    count = int(client.get(name) or 0)
    with client.pipeline() as pipe:
        pipe.set(name, count + 1)
        pipe.hincrby(tally, str(race), 1)
        pipe.execute()


def incr(client: redis.Redis, name: str, tally: str, race: int) -> None:
    """Let the server add one. What was sent is noted in the very same transaction."""
    with client.pipeline() as pipe:
        pipe.incr(name)
        pipe.hincrby(tally, str(race), 1)
        pipe.execute()


ADD = {"get_set": get_set, "incr": incr}


class Member:
    """One learner's connection to the class. It sends nothing twice: a repeated INCR would count twice.

    For use: `name`, `where` (the class's address, safe to print), `taken` (when the race began that it took
    part in last) and `sent` (its increments in that), `heard` (when the server answered last, by
    time.monotonic).
    """

    def __init__(self, url: str) -> None:
        """`url`: with the learner's name and password. Raises NoRedis: it makes no sense as an address."""
        address = class_address(url)
        self.name, self.where = urlsplit(url).username or "", address.where
        self._redis = address.client()
        self._through = self.taken = self.sent = 0
        self.heard = float("-inf")

    def look(self) -> tuple[Signal | None, list[Round]]:
        """Say that we are here; returns the last signal and how the races stand. One round trip."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.set(names.here(self.name), self._through, ex=HERE)
            pipe.get(names.SIGNAL)
            pipe.get(names.RESULT)
            _, signal, rounds = pipe.execute()
        self.heard = time.monotonic()
        return read_signal(signal), read_rounds(rounds)

    def race(self, signal: Signal) -> None:
        """Send our increments: none before the race begins, none when its time is up, so late means fewer."""
        self.taken, self.sent = signal.begin, 0
        now = milliseconds(self._redis.time())
        end = time.monotonic() + (signal.end - now) / 1000
        time.sleep(max(0, signal.begin - now) / 1000)
        try:
            self._redis.hincrby(names.tally(self.name), str(signal.round), 0)  # or nothing could be noted
            while self.sent < signal.increments and time.monotonic() < end:
                self._add(signal)
        except redis.exceptions.NoPermissionError:
            raise
        except (ValueError, redis.ResponseError):
            pass  # somebody wrote to the counter or the tally by hand: this race is spoilt, not the next
        finally:
            self._through = signal.begin

    def _add(self, signal: Signal) -> None:
        add, name = ADD[signal.way], names.counter(signal.round)
        add(self._redis, name, names.tally(self.name), signal.round)
        self.sent += 1
        if time.monotonic() - self.heard > HERE / 3:
            self.look()

    def close(self) -> None:
        """Close the connection; a moment later nobody counts us any more."""
        self._redis.close()
