"""The log against a real server that has too little memory for it and throws out what seems unused."""

from __future__ import annotations

import contextlib
import time
from collections import deque

import numpy as np
import redis

from labsupport.checks import whole_number
from labsupport.decide.memory import A_DAY, NAMES, payload_sizes
from labsupport.errors import BadArgument
from labsupport.faults import SpareServer
from labsupport.model.hits import Booleans
from labsupport.routes import check_traffic, lab_ticks
from labsupport.traffic import TrafficLog

POLICY = "allkeys-lru"
SETTLED = 0.3  # seconds in which a server takes back the buffers that its clients do not need


def replay_bounded(server: SpareServer, log: TrafficLog, ttl: int, room: int) -> Booleans:
    """Hit (True) or miss for each request of the log at a real server that has `room` bytes for its entries.

    server: one of policy allkeys-lru; it is restarted first. Cache-aside, one request after the other: GET,
    after a miss SET with as many bytes as the log says (1,000 if it does not, `room` at most). ttl: whole
    seconds of the log; a spare server has no lab time, so an entry is deleted in the second of its deadline.
    The server seeks the least recently used among a few, by a clock of real seconds, so this is LRU only
    roughly and another time other requests may hit. BadArgument: another policy, or a number without sense.
    """
    check_traffic(log.traffic)
    room, ttl = whole_number("room", room), whole_number("ttl", ttl)
    if (policy := server.redis.config_get("maxmemory-policy")["maxmemory-policy"]) != POLICY:
        raise BadArgument(f"the server's policy is {policy}: take SpareServer(maxmemory_policy={POLICY!r}).")
    names = [NAMES.name(key) for key in log.traffic["key"]]
    moments = lab_ticks(log.traffic["at"].to_numpy(dtype=float), 1).tolist()
    sizes = payload_sizes(log)[log.traffic["key"].cat.codes].clip(max=room).tolist()
    server.restart()
    with server.address.client(one_connection=True) as client:
        cache = _Full(client, ttl)
        cache.rehearse(names[0], sizes[0])
        server.limit_memory(room)
        return np.array([cache.asked(*request) for request in zip(moments, names, sizes)])


class _Full:
    """The shared cache of `replay_bounded`."""

    def __init__(self, client: redis.Redis, ttl: int) -> None:
        self.client, self.ttl = client, ttl
        self.filled: dict[str, int] = {}  # name -> second of its last fill
        self.fills: deque[tuple[int, str]] = deque()  # of all fills that have not expired

    def rehearse(self, name: str, size: int) -> None:
        """One entry comes and goes: the buffers and tables that the first one needs are not of the room."""
        self.client.set(name, bytes(size), ex=A_DAY)
        self.client.get(name)
        self.client.delete(name)
        time.sleep(SETTLED)

    def asked(self, now: int, name: str, size: int) -> bool:
        self._expire(now - self.ttl)
        if self.client.get(name) is not None:
            return True
        with contextlib.suppress(redis.exceptions.OutOfMemoryError):  # larger than all the room there is
            self.client.set(name, bytes(size), ex=A_DAY)
        self.filled[name] = now
        self.fills.append((now, name))
        return False

    def _expire(self, latest: int) -> None:
        """Delete what was filled at second `latest` or before, and not once more since."""
        gone = []
        while self.fills and self.fills[0][0] <= latest:
            born, name = self.fills.popleft()
            if self.filled[name] == born:
                gone.append(name)
        if gone:
            self.client.delete(*gone)
