"""The stage of notebook 04's third exercise: a course in database and cache, a reader and a publisher."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import Any

import pandas as pd

from labsupport.lab import Lab
from labsupport.lessons.checks.orders import Function, once, together
from labsupport.lessons.copies import private_copy
from labsupport.lessons.gate import PausingCatalog
from labsupport.lessons.given import call
from labsupport.lessons.interleave import STAND_INS
from labsupport.origin import CourseCatalog

COURSE, FIRST = "course:205", "course:204"
BEFORE, TITLE = "Cachign in practice", "Caching in practice"
TTL, SLACK = 60, 10  # seconds; a slow machine may look so much later
SESSIONS = 25


@dataclass
class End:
    """What is in the database and in the cache when all are done."""

    title: str  # the course's in the database
    first: str  # another course's
    kind: str  # of the entry, as Redis calls it; "none": it is not there
    entry: Any  # bytes, if it is a string
    old: bool  # whether it says something else than the database
    left: int  # s; the whole TTL, if only a slow machine's time is missing
    touched: list[str]  # what else was changed


class Scene:
    """A course that one reads by cache-aside, and to which the learner's function gives a new title."""

    def __init__(self, lab: Lab, publish: Function) -> None:
        """`lab`: on a server of its own, which is emptied again and again."""
        self.lab, self._publish, self._catalog = lab, publish, CourseCatalog()
        self.name = lab.keys.name(COURSE)
        self._others = {f"session:{number}": f"user {number}" for number in range(SESSIONS)}
        self._others |= {COURSE: "another application's", lab.keys.name(FIRST): "{}"}
        self.filled = True  # whether the entry is in the cache at first

    def orders(self, reader: bool) -> pd.DataFrame:
        """Every order of the commands of a reader (A) and the publisher (B), or the publisher's alone."""
        parts = [self._read] * reader + [self._write]
        return together(self.lab, *parts, counter=COURSE, stage=self._set, outcome=self.end)

    def killed(self, lives: int) -> End:
        """What is left when the publisher dies after so many commands."""
        self._set()
        as_it_is = functools.partial(self._write)  # of a partial no private copy is made
        once(self.lab, as_it_is, lives=lives)
        return self.end()

    def end(self) -> End:
        """What came of it."""
        redis, truth = self.lab.redis, self._catalog.peek(COURSE)
        title, first = (json.loads(self._catalog.peek(course))["title"] for course in (COURSE, FIRST))
        kind = bytes(redis.type(self.name)).decode()  # type: ignore[arg-type]
        entry: Any = redis.get(self.name) if kind == "string" else None
        touched = [key for key, value in self._others.items() if redis.mget(key) != [value.encode()]]
        left = redis.ttl(self.name)
        left = TTL if left > TTL - SLACK else left
        return End(title, first, kind, entry, entry is not None and not _same(entry, truth), left, touched)

    def _set(self) -> None:
        """As it is before the title changes."""
        self._catalog.rename(COURSE, BEFORE)
        self.lab.redis.flushall()
        self.lab.redis.mset(self._others)
        if self.filled:
            self.lab.redis.set(self.name, self._catalog.peek(COURSE), ex=TTL)

    def _read(self, client: Any) -> None:
        if client.get(self.name) is None:
            client.set(self.name, PausingCatalog(self._catalog, client).read(COURSE), ex=TTL)

    def _write(self, client: Any) -> None:
        catalog = PausingCatalog(self._catalog, client)
        call(private_copy(self._publish, STAND_INS), client, catalog, self.name, COURSE, TITLE)


def _same(entry: bytes, truth: bytes) -> bool:
    """Whether both are JSON and say the same."""
    try:
        return bool(json.loads(entry) == json.loads(truth))
    except ValueError:
        return False
