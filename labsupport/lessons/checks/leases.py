"""The stage of notebook 07's third exercise: a lock with a lease, its holder, and another who takes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pandas as pd

from labsupport.lab import Lab
from labsupport.lessons.checks.orders import Function, once, together
from labsupport.lessons.copies import private_copy
from labsupport.lessons.gate import Instance
from labsupport.lessons.given import call
from labsupport.lessons.interleave import STAND_INS

LOCK = "lock:course:204"
MINE, OTHERS, THIRD = "7f3a", "7f3a9c", "c204"  # tokens; one begins like another
LEASE, SLACK = 60, 10  # seconds; a slow machine may look so much later


class End(NamedTuple):
    """How one order ended."""

    held: bool  # the other instance's lock is there, with its lease
    took: bool  # whether B was told that it got the lock
    lease_ended: bool  # before A gave the lock back
    said: Any  # to A


class Scene:
    """A lock on a server, and the learner's function that gives it back."""

    def __init__(self, lab: Lab, release: Function) -> None:
        """`lab`: on a server of its own, which is emptied again and again."""
        self._lab, self._release, self._name = lab, release, lab.keys.name(LOCK)
        self._took, self._lease_ended, self._said = False, False, None

    def hold(self, token: str) -> None:
        """All that is on the server is the lock, held with this token."""
        self._lab.redis.flushall()
        self._lab.redis.set(self._name, token, ex=LEASE)

    def held(self) -> tuple[Any, int]:
        """What lies under the lock's name, and for how long, s; what a slow machine took does not count."""
        redis = self._lab.redis
        kind, left = bytes(redis.type(self._name)).decode(), redis.ttl(self._name)  # type: ignore[arg-type]
        value = redis.get(self._name) if kind in ("string", "none") else kind
        return value, LEASE if LEASE - SLACK < left <= LEASE else left

    def released(self) -> Instance:
        """The instance whose token is MINE, when it has called the function."""
        return once(self._lab, self._release, self._name, MINE)

    def release(self, client: Any) -> None:
        """The same through this client."""
        self._said = call(private_copy(self._release, STAND_INS), client, self._name, MINE)

    def late_and_third(self) -> tuple[pd.DataFrame, list[End]]:
        """Every order of one who comes late to another's lock (A), and a third who tries to take it (B)."""
        return self._orders(OTHERS, lambda client: self._take(client, THIRD))

    def lease_ends(self) -> tuple[pd.DataFrame, list[End]]:
        """Every order of the holder (A), and the other (B) who takes the lock once the lease ends."""

        def ends_and_other_takes(client: Any) -> None:
            self._lease_ended = client.unlink(self._name) == 1
            self._take(client, OTHERS)

        return self._orders(MINE, ends_and_other_takes)

    def _take(self, client: Any, token: str) -> None:
        self._took = bool(client.set(self._name, token, nx=True, ex=LEASE))

    def _orders(self, token: str, other: Callable[[Any], object]) -> tuple[pd.DataFrame, list[End]]:
        def stage() -> None:
            self.hold(token)
            self._said = None

        def end() -> End:
            held = self.held() == (OTHERS.encode(), LEASE)
            return End(held, self._took, self._lease_ended, self._said)

        orders = together(self._lab, self.release, other, stage=stage, outcome=end)
        return orders, orders["final"].to_list()
