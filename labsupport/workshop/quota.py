"""Bounds what each learner takes of the class Redis, since Redis itself has no quota for a user."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

import redis

from labsupport.classroom import names as shared
from labsupport.workshop.class_server import MEGABYTE, ClassServer

PAUSE = 1.0  # seconds between two sweeps
ATTEMPTS = 10  # to end a script
BATCH = 500  # keys in one round trip
CONNECTIONS = 100  # of one user; a pool of redis-py opens no more


class QuotaKeeper:
    """Sweeps the class Redis again and again. Whoever holds more than the quota loses the largest keys.

    Until a sweep finds that learner within the quota, every write of theirs fails with Redis' own NOPERM;
    reading and deleting go on. The keys that everybody may write share one quota, and nobody loses a right
    for them. A sweep looks afterwards: until the next one a learner can take all memory that is left, and
    then the others' writes fail too (OOM). Nothing of theirs is deleted. A sweep takes longer with more keys.
    """

    def __init__(self, server: ClassServer, megabytes: float) -> None:
        """`megabytes`: of memory, for all keys of one learner."""
        self._server, self._redis = server, server.admin
        self._quota = int(megabytes * MEGABYTE)
        self._owners = {name.encode(): name for name in server.names}
        self._over: set[str] = set()  # who may not write just now
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="quota", daemon=True)

    def start(self) -> None:
        """Sweep every second from now on, in a thread."""
        self._thread.start()

    def close(self) -> None:
        """Sweep no more. Whoever may not write then, may not for as long as the server lives."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def sweep(self) -> dict[str, int]:
        """Look once and take what is too much; returns the bytes that each learner's keys took before.

        A script that runs for half a second is ended, if it has written nothing.
        Raises redis.RedisError: such a script that has written, or the server is gone.
        """
        self._end_script()
        self._close_connections()
        self._forget_scripts()
        shares = self._shares()
        for name in self._over - {name for name, share in shares.items() if share.found > self._quota}:
            self._server.let_write(name, True)
            self._over.discard(name)
        return {name: share.found for name, share in shares.items() if name}

    def _run(self) -> None:
        while not self._ended.wait(PAUSE):
            with contextlib.suppress(redis.RedisError):  # a script that has written may end by itself
                self.sweep()

    def _end_script(self) -> None:
        """If a script keeps the server busy, end it; it goes on for a moment after it was told."""
        for _ in range(ATTEMPTS):
            try:
                self._redis.ping()
                return
            except redis.ResponseError:  # BUSY
                with contextlib.suppress(redis.ResponseError):  # it has ended just now, or it has written
                    self._redis.script_kill()
                self._ended.wait(0.05)

    def _close_connections(self) -> None:
        """Close all of whoever has too many; "default" is who gave no password."""
        for user, number in Counter(each["user"] for each in self._redis.client_list()).items():
            if number > CONNECTIONS:
                self._redis.client_kill_filter(user=user, skipme=True)

    def _forget_scripts(self) -> None:
        """What SCRIPT LOAD keeps has no owner; whoever needs a script again loads it again."""
        if self._redis.info("memory")["used_memory_scripts_eval"] > self._quota:
            self._redis.script_flush()

    def _shares(self) -> dict[str, _Share]:
        """What each learner holds, and under "" what is everybody's; deletes what is too much on the way."""
        shares: dict[str, _Share] = {}
        for sizes in self._batches():
            doomed: list[bytes] = []
            for key, size in sizes:
                owner = self._owner(key)
                if owner is not None and size:
                    doomed += shares.setdefault(owner, _Share()).add(key, size, self._quota)
            self._take(doomed)
        return shares

    def _take(self, doomed: list[bytes]) -> None:
        """Take the right to write first, and then the keys."""
        for owner in {self._owner(key) for key in doomed} - self._over:
            if owner:
                self._server.let_write(owner, False)
                self._over.add(owner)
        if doomed:
            self._redis.unlink(*doomed)

    def _owner(self, key: bytes) -> str | None:
        """Whose key it is: a learner's name, "" for everybody's, None for the instructor's."""
        if key == shared.FAILED.encode() or key.startswith(shared.COUNTERS.encode()):
            return ""
        return self._owners.get(key.split(b":")[1])

    def _batches(self) -> Iterator[Iterable[tuple[bytes, int | None]]]:
        """All keys with the bytes that they take; None: gone just now."""
        cursor, more = 0, True
        while more:
            cursor, keys = self._redis.scan(cursor, match="lab:*", count=BATCH)
            more = cursor != 0
            with self._redis.pipeline(transaction=False) as pipe:
                for key in keys:
                    pipe.memory_usage(key, samples=0)  # 0: all of its parts, where much could hide
                yield zip(keys, pipe.execute())  # type: ignore[arg-type]


class _Share:
    """What one learner holds, as far as a sweep has come."""

    def __init__(self) -> None:
        self.found = 0  # bytes
        self._kept = 0  # bytes
        self._seen: set[bytes] = set()
        self._largest: list[tuple[int, bytes]] = []  # a heap of what is kept; sizes below zero

    def add(self, key: bytes, size: int, quota: int) -> Iterator[bytes]:
        """Count a key; yields those that then have to go, the largest first."""
        if key in self._seen:  # SCAN names some twice
            return
        self._seen.add(key)
        heappush(self._largest, (-size, key))
        self.found += size
        self._kept += size
        while self._kept > quota:
            below_zero, largest = heappop(self._largest)
            self._kept += below_zero
            self._seen.discard(largest)  # so what is remembered here has a bound too
            yield largest
