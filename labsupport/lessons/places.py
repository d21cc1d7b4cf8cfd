"""Where a check runs the learner's code: a Redis of its own, and clients that note what they send, or die."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import redis

from labsupport.errors import LabError, LabTimeSlipped
from labsupport.lab import Lab
from labsupport.lessons.given import Stop, Theirs
from labsupport.server.clients import LabRedis

_GONE = "The server of this check is gone, so nothing is said about your answer: run the cell again."
_SLIPPED = "Too much real time went by for this check to judge: leave out what waits, and run the cell again."
_COMMAND = re.compile(rb"\*\d+\r\n\$\d+\r\n(\w+)")  # the first word of each command on the wire


@contextlib.contextmanager
def own_lab(lab_time: bool = True) -> Iterator[Lab]:
    """A lab on a server of its own, even if REDIS_URL is set; gone at the end. NoRedis: none to be had.

    LabError instead of any finding: the server was gone or slow, which is not the answer's fault.
    """
    lab = Lab("check", lab_time, own=True)
    try:
        yield lab
    except LabTimeSlipped:
        raise LabTimeSlipped(_SLIPPED) from None
    except (Stop, Theirs, redis.RedisError):
        try:
            lab.redis.ping()
        except redis.RedisError:
            raise LabError(_GONE) from None
        raise
    finally:
        lab.close()


class Killed(BaseException):
    """The process of this client is dead: no `except Exception` of the learner's can hear of it."""


@dataclass
class Wire:
    """What a client has sent, and after how many round trips it dies."""

    lives: float = math.inf
    trips: list[bytes] = field(default_factory=list)  # what each round trip carried; a pipeline is one

    def send(self, packed: Any) -> None:
        """Note one round trip. Killed: there are no more."""
        if len(self.trips) >= self.lives:
            raise Killed
        self.trips.append(packed if isinstance(packed, bytes) else b"".join(packed))

    @property
    def commands(self) -> list[str]:
        """The names of the commands sent, in upper case."""
        return [name.decode().upper() for name in _COMMAND.findall(b"".join(self.trips))]


class _Connection(redis.UnixDomainSocketConnection):
    wire: Wire

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        self.wire.send(command)
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def client_on(wire: Wire, lab: Lab) -> Iterator[LabRedis]:
    """A further client of an `own_lab`'s server, whose commands go over this wire."""
    connection = type("Connection", (_Connection,), {"wire": wire})
    with lab.address.client(connection_class=connection) as client:
        yield client
