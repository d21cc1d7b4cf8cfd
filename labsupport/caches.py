"""Two caches with one contract: `get(key) -> bytes | None` and `set(key, value)`.

LocalCache is built in view in notebook 01, SharedCache in 03; both are imported from there on.
"""

from __future__ import annotations

from typing import Protocol

import redis

from labsupport.checks import whole_number, whole_ticks
from labsupport.clock import Clock
from labsupport.keys import Keys


class Cache(Protocol):
    """Anything a Fleet can ask: a class from a learner's cell will do."""

    def get(self, key: str) -> bytes | None:
        """The value, or None if it is not there or has expired."""

    def set(self, key: str, value: bytes) -> None:
        """Keep the value for the cache's TTL."""


class LocalCache:
    """One process's private dict: it expires entries but never hears about other writers."""

    def __init__(self, ttl: float, clock: Clock) -> None:
        """`ttl` in lab seconds, a whole number of the clock's ticks (BadArgument otherwise)."""
        self.ttl, self.clock = whole_ticks("ttl", ttl, clock.tick) * clock.tick, clock
        self._entries: dict[str, tuple[bytes, float]] = {}

    def get(self, key: str) -> bytes | None:
        """The value, or None; an entry is expired at the very instant its TTL is over."""
        value, expires = self._entries.get(key, (None, 0.0))
        return value if self.clock.now() < expires else None

    def set(self, key: str, value: bytes) -> None:
        """Keep `value` until `ttl` lab seconds from now."""
        self._entries[key] = (value, self.clock.now() + self.ttl)


class SharedCache:
    """One Redis for the whole fleet: what one instance fills, all of them hit."""

    def __init__(self, redis: redis.Redis | redis.RedisCluster, ttl: float, keys: Keys) -> None:
        """`ttl` in whole lab seconds, as Redis' EX wants it (BadArgument otherwise)."""
        self.redis, self.ttl, self.keys = redis, whole_number("ttl", ttl), keys

    def get(self, key: str) -> bytes | None:
        """The value, or None if Redis has no such key or has expired it."""
        return self.redis.get(self.keys.name(key))  # type: ignore[return-value]

    def set(self, key: str, value: bytes) -> None:
        """A real SET ... EX: value and deadline in one command."""
        self.redis.set(self.keys.name(key), value, ex=self.ttl)
