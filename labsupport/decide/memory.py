"""What the shared cache costs in memory: the log's own entries on a real server, which says so itself."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pandas as pd
import redis

from labsupport.checks import whole_number
from labsupport.errors import BadArgument
from labsupport.keys import Keys
from labsupport.routes import Integers
from labsupport.traffic import TrafficLog

NAMES = Keys("lab:09")  # entries are called as SharedCache calls them
A_DAY = 86_400  # seconds: each entry has a deadline, since that costs memory too, and meets it never
MOST_ENTRIES, MOST_BYTES = 20_000, 40_000_000  # of a sample; a spare server has 64 MB
LONGEST = 1_000_000  # bytes of one value in a sample
CHUNK = 500  # entries sent at once
UNKNOWN = 1_000  # bytes of a payload whose size the log does not say


def payload_sizes(log: TrafficLog) -> Integers:
    """Bytes of each key's payload, in the order of the categories."""
    return np.where(log.sizes < 0, UNKNOWN, log.sizes)


def memory_used(server: redis.Redis, log: TrafficLog, counts: Iterable[int]) -> pd.Series[float]:
    """Bytes that so many entries of the log take on this real server: one row for each of `counts`.

    server: a client of an empty server of our own, as SpareServer().redis; it is empty again afterwards. The
    entries are the first different keys of the log, what a new cache has after so many misses: written by
    SET .. EX, each with as many bytes as the log says (1,000 if it does not).
    Only a sample is written, 20,000 entries or 40 MB of payload: further ones count in proportion, and what
    a payload has beyond 1 MB counts as it is. `.attrs["measured_to"]`: entries written.
    BadArgument: no count, or the server holds keys. redis.RedisError: it does not do as it is told.
    """
    wanted = [whole_number("counts", count) for count in counts]
    if not wanted or server.dbsize():
        raise BadArgument("memory_used needs one count or more, and an empty server: take a new SpareServer.")
    keys, sizes = _sample(log)
    points = [0, *sorted({count for count in wanted if count < len(keys)}), len(keys)]
    measured = _measured(server, keys, sizes.clip(max=LONGEST).tolist(), points)
    beyond = np.concatenate(([0], np.cumsum((sizes - LONGEST).clip(min=0))))[points]
    used = np.interp(wanted, points, measured + beyond) * np.maximum(1, np.divide(wanted, len(keys)))
    memory = pd.Series(used, pd.Index(wanted, name="entries"), name="bytes")
    memory.attrs = {"measured_to": len(keys)}
    return memory


def _sample(log: TrafficLog) -> tuple[list[str], Integers]:
    """The first keys, as many as a sample may have, and the sizes of their payloads."""
    sizes = payload_sizes(log)[:MOST_ENTRIES]
    most = np.count_nonzero(np.cumsum(sizes.clip(max=LONGEST)) <= MOST_BYTES)
    return [NAMES.name(key) for key in log.traffic["key"].cat.categories[:most]], sizes[:most]


def _measured(server: redis.Redis, keys: list[str], sizes: list[int], points: list[int]) -> Integers:
    """What the server needs more than without entries, at each of the points, which begin with 0."""
    used = []
    try:
        _fill(server, keys[:CHUNK], sizes[:CHUNK])  # a rehearsal: some memory is taken once and kept
        _empty(server)
        for start, end in pairwise([0, *points]):
            _fill(server, keys[start:end], sizes[start:end])
            used.append(_used(server))
    finally:
        _empty(server)
    return np.array(used) - used[0]


def _empty(server: redis.Redis) -> None:
    """Gone on return, and the tables with them, which would stay after a DEL."""
    server.execute_command("FLUSHDB", "SYNC")  # type: ignore[no-untyped-call]


def _fill(server: redis.Redis, keys: list[str], sizes: list[int]) -> None:
    for start in range(0, len(keys), CHUNK):
        with server.pipeline(transaction=False) as pipe:
            for key, size in zip(keys[start : start + CHUNK], sizes[start : start + CHUNK]):
                pipe.set(key, bytes(size), ex=A_DAY)
            pipe.execute()


def _used(server: redis.Redis) -> int:
    """Bytes in use, without the buffers of whoever is connected: those come and go."""
    buffers = sum(int(client["tot-mem"]) for client in server.client_list())
    return int(server.info("memory")["used_memory"]) - buffers
