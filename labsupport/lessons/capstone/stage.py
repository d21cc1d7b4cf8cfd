"""The stage: a real catalogue that remembers what was true when, and the instances that serve from it."""

from __future__ import annotations

import functools
import json
import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from labsupport.clock import Clock
from labsupport.keys import Keys
from labsupport.lab import Lab
from labsupport.lessons.copies import private_class
from labsupport.lessons.exercises import Stop
from labsupport.lessons.gate import READ, Gated
from labsupport.lessons.given import Theirs, call
from labsupport.origin import CourseCatalog

if TYPE_CHECKING:
    from labsupport.faults.proxy import FaultProxy

TEXT = "What you will learn, lesson by lesson. " * 40  # so that a page is as large as a page
ENDLESS = 300  # commands in one call
TIMEOUT = 0.001  # seconds that a client waits for a Redis that hangs; in production 0.25


class Endless(BaseException):
    """One call sent more commands than any design needs; no `except Exception` hears of it."""


class Said(NamedTuple):
    """One answer, judged: `what` is "page", or why it is none; `age`: how long it has been wrong, s."""

    what: str
    age: float = 0.0


class Catalogue:
    """The origin of all instances. It counts who reads when, and knows every answer that was ever true."""

    def __init__(self, clock: Clock, pages: list[str]) -> None:
        """`pages`: the keys that are asked for."""
        self._catalog, self._clock = CourseCatalog(), clock
        self.reads: Counter[float] = Counter()  # by the clock's reading
        self._meant: dict[bytes, tuple[str, int]] = {}  # an answer -> whose it is, in which release's form
        self._until: dict[tuple[str, bytes], float] = {}
        for key in pages:
            self._note(key)

    def read(self, key: str, release: int) -> bytes:
        """The answer in this release's form; counted."""
        self.reads[self._clock.now()] += 1
        return in_form(self._catalog.read(key), release)

    def edit(self, key: str) -> None:
        """Change the title of this course."""
        before = self._catalog.peek(key)
        self._catalog.rename(key, f"As of {self._clock.now():g}")
        self._until |= {(key, in_form(before, release)): self._clock.now() for release in (1, 2)}
        self._note(key)

    def judge(self, answer: Any, key: str, release: int) -> Said:
        """What this answer to a request for `key` is."""
        if answer is None:
            return Said("none")
        meant = self._meant.get(answer) if isinstance(answer, bytes) else None
        if meant is None:
            return Said("unknown")
        if meant != (key, release):
            return Said("release" if meant[0] == key else "kind")
        return Said("page", max(0.0, self._clock.now() - self._until.get((key, answer), math.inf)))

    def _note(self, key: str) -> None:
        self._meant |= {in_form(self._catalog.peek(key), release): (key, release) for release in (1, 2)}


@functools.lru_cache(maxsize=1_000)
def in_form(answer: bytes, release: int) -> bytes:
    """What the origin answers to an instance that runs this release."""
    return json.dumps({"release": release} | json.loads(answer) | {"text": TEXT}).encode()


class Origin:
    """What an instance gets as its origin: `read(key)`."""

    def __init__(self, catalogue: Catalogue, client: Gated, release: int) -> None:
        self._catalogue, self._client, self._release = catalogue, client, release

    def read(self, key: str) -> bytes:
        """The page `kind:number` in the form of this instance's release."""
        answer: bytes = self._client.gate((READ, key), lambda: self._catalogue.read(key, self._release))
        return answer


class Watch:
    """What an instance gets as its clock: it can be read, and LocalCache can use it."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self.tick = clock, clock.tick

    def now(self) -> float:
        """Seconds of lab time."""
        return self._clock.now()


class Seat:
    """One instance of the fleet: the learner's object, with all that it was given."""

    def __init__(self, design: Any, lab: Lab, catalogue: Catalogue, release: int) -> None:
        """Make it, from a copy of the class that shares nothing with the other instances."""
        self._near = lab.address.client().connection_pool
        self.release, self.sent, self._lately = release, 0, 0  # commands in all, and in this call
        self._strangers = False  # commands came from a thread of the learner's
        self.redis = Gated(connection_pool=self._near)
        self.redis.gate = self.through
        given = self.redis, Keys(lab.keys.namespace), Origin(catalogue, self.redis, release), Watch(lab.clock)
        self.platform = self.ask(private_class(design, _stand_ins(lab.clock)), *given, release)

    def ask(self, what: str | Callable[..., Any], *arguments: Any) -> Any:
        """What the learner's method or class returns. Theirs: what it raised. Stop: no end, or threads."""
        self._lately, self._asked_in = 0, threading.get_ident()
        if self._strangers:
            raise Stop("threads")
        try:
            method = call(getattr, self.platform, what) if isinstance(what, str) else what
            return call(method, *arguments)
        except Theirs as error:
            if isinstance(error.__cause__, Endless):
                raise Stop("commands", sent=ENDLESS) from None
            raise

    def through(self, words: tuple[Any, ...], send: Callable[[], Any]) -> Any:
        """Every command and every read at the origin passes here. Endless: they do not stop."""
        self._lately += 1
        self._strangers |= threading.get_ident() != self._asked_in
        if self._lately > ENDLESS:
            raise Endless
        self.sent += words[0] != READ
        return send()

    def hang(self, proxy: FaultProxy) -> None:
        """From now on its Redis is behind this proxy, and `sent` counts from 0."""
        self.redis.connection_pool, self.sent = proxy.client(socket_timeout=TIMEOUT).connection_pool, 0

    def heal(self) -> int:
        """From now on its Redis is where it was, and `sent` counts from 0; what it was until then."""
        self.redis.connection_pool, sent = self._near, self.sent
        self.sent = 0
        return sent

    def close(self) -> None:
        """Give up its connections."""
        self._near.disconnect()


def _stand_ins(clock: Clock) -> list[tuple[Any, Any]]:
    """Sleep takes no time, and the computer's clocks show lab time."""
    lab_time = dict.fromkeys(("time", "monotonic", "perf_counter"), clock.now) | {"sleep": lambda _: None}
    instead = SimpleNamespace(**vars(time) | lab_time)
    return [(time, instead), *((getattr(time, name), stand_in) for name, stand_in in lab_time.items())]
