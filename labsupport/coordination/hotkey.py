"""What each process of a rush runs: ways to ask for a key that has just expired.

Notebooks show the ways as they stand here; a new process could not import them from a cell.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from labsupport.origin import CourseCatalog
from labsupport.races.workers import bound_to_parent, patient_client
from labsupport.server.address import Address

KEY = "course:204"
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

Read = Callable[[], bytes]


def unprotected(redis: Any, name: str, read: Read) -> Any:
    """Whoever finds nothing reads."""
    answer = redis.get(name)
    if answer is None:
        answer = read()
        redis.set(name, answer, ex=60)
    return answer


def single_flight(redis: Any, name: str, read: Read) -> Any:
    """Whoever gets the lock looks once more and reads; the others look again a little later."""
    lock, mine = f"{name}:lock", str(uuid.uuid4())
    while (answer := redis.get(name)) is None:
        if redis.set(lock, mine, nx=True, ex=30):
            answer = unprotected(redis, name, read)
            redis.eval(RELEASE, 1, lock, mine)
            return answer
        time.sleep(0.005)
    return answer


def library_lock(redis: Any, name: str, read: Read) -> Any:
    """The same with the lock of redis-py: all take it, one after another, and then look."""
    with redis.lock(f"{name}:lock", timeout=30, sleep=0.005):
        return unprotected(redis, name, read)


WAYS: dict[str, Callable[[Any, str, Read], Any]] = {
    "unprotected": unprotected,
    "single_flight": single_flight,
    "library_lock": library_lock,
}


def ask(pipe: Connection, address: Address, query: float) -> None:
    """Ask in the way and for the name that the parent sends, as soon as it says "go".

    The parent hears "ready" each time, then how often this process read the origin; a read takes `query`
    real seconds.
    """
    origin = CourseCatalog()

    def read() -> bytes:
        time.sleep(query)
        return origin.read(KEY)

    with bound_to_parent(pipe), patient_client(address) as client:
        while True:
            way, name = pipe.recv()
            before = origin.reads
            pipe.send("ready")
            pipe.recv()
            WAYS[way](client, name, read)
            pipe.send(origin.reads - before)
