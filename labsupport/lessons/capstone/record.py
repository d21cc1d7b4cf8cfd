"""What was seen of a design in its morning: plain facts, which goals judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from dataclasses import dataclass, field
from typing import NamedTuple

import redis

from labsupport.lessons.capstone.morning import COURSES, morning
from labsupport.lessons.capstone.stage import TEXT, Said


class Answer(NamedTuple):
    """One answer to a request for a page."""

    second: float  # -1: in a rush of two
    key: str
    said: Said


class Key(NamedTuple):
    """A key that is not the neighbours'."""

    name: str
    size: int  # bytes, as MEMORY USAGE says
    left: int  # seconds; -1: no deadline

    @property
    def is_page(self) -> bool:
        """Whether a page is in it: nothing else is as large."""
        return self.size > len(TEXT)


@dataclass
class Record:
    """What was seen of a design."""

    namespace: str  # that the names of its keys begin with
    answers: list[Answer] = field(default_factory=list)
    reads: Counter[float] = field(default_factory=Counter)  # at the origin, by second
    raised: list[BaseException] = field(default_factory=list)  # in the outage
    tried: int = 0  # commands in the outage
    asleep: int = 0  # instances that sent none after it
    keys: list[list[Key]] = field(default_factory=list)  # before the outage, at the end, a month later
    touched: list[str] = field(default_factory=list)  # neighbours' keys that are gone or changed
    used: set[str] = field(default_factory=set)  # the commands that the server ran, in scripts too
    said: list[int] = field(default_factory=list)  # how many views, for each of COURSES; at the end
    later: list[int] = field(default_factory=list)  # and a month later
    met: list[tuple[int, str]] = field(default_factory=list)  # of two views at once, those counted; the order
    met_again: list[tuple[int, str]] = field(default_factory=list)  # the same for one view, delivered twice
    rushes: list[tuple[int, str]] = field(default_factory=list)  # reads when two asked at once; the order
    orphans: set[str] = field(default_factory=set)  # what one got where another had died

    @property
    def happened(self) -> list[int]:
        """How many views there really were of each of COURSES."""
        views = {view for step in morning() for view in step.views}
        return [len({view.request for view in views if view.course == course}) for course in COURSES]


def keys_of(client: redis.Redis, others: Container[str]) -> list[Key]:
    """All keys on the server but the others'."""
    names = sorted(name.decode(errors="replace") for name in client.scan_iter(count=1_000))
    names = [name for name in names if name not in others]
    with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.memory_usage(name)
            pipe.ttl(name)
        replies = pipe.execute()
    return [Key(*key) for key in zip(names, replies[::2], replies[1::2])]
