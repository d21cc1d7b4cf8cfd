"""What instructor and learners tell each other about a race of the room: the signal, and how it stands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

WAYS = {"get_set": "GET+SET", "incr": "INCR"}  # in this order; how each is called


class Signal(NamedTuple):
    """A race, as the instructor starts it; begin and end are the server's TIME in milliseconds."""

    round: int
    way: str
    increments: int  # of each learner
    planned: int  # increments, of all who were here then
    begin: int  # no other race has the same, on a server that was started again neither
    end: int

    @property
    def name(self) -> str:
        """Its way in words."""
        return WAYS[self.way]


class Round(NamedTuple):
    """How a race stands."""

    round: int
    way: str
    learners: int  # that have sent anything
    sent: int  # increments, by the tallies of those who sent them
    counter: int
    planned: int  # increments of all who were here at the signal
    over: bool

    @property
    def name(self) -> str:
        """Its way in words."""
        return WAYS[self.way]


def milliseconds(time: tuple[int, int]) -> int:
    """What TIME replies, in milliseconds. Everybody reads the server's clock, whatever their own say."""
    return 1000 * time[0] + time[1] // 1000


def read_signal(text: bytes | str | None) -> Signal | None:
    """The signal that Redis holds, or None if there was none yet."""
    return Signal(**json.loads(text)) if text else None


def read_rounds(text: bytes | str | None) -> list[Round]:
    """The races that the dashboard has published."""
    return [Round(**fields) for fields in json.loads(text or "[]")]


def written(what: Signal | Sequence[Round]) -> str:
    """As Redis holds it."""
    return json.dumps(what._asdict() if isinstance(what, Signal) else [each._asdict() for each in what])
