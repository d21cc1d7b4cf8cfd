"""What the processes of a free race run: each way to count one more, and what makes a race of it.

Notebooks show the ways as they stand here; in a cell they could not stand, because a new process could not
import them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import Any

import redis
from redis import WatchError
from redis.exceptions import AskError

from labsupport.server.address import Address
from labsupport.server.clients import LabRedis

memory: dict[str, int] = {}  # each process has one of its own
lock = threading.Lock()  # and one of these


def own_dict(redis: Any, name: str) -> None:
    """Count in the memory of this process; Redis hears nothing of it."""
    memory[name] = memory.get(name, 0) + 1


def get_set(redis: Any, name: str) -> None:
    """Read the counter, add one here, write it back."""
    count = int(redis.get(name) or 0)
    redis.set(name, count + 1)


def process_lock(redis: Any, name: str) -> None:
    """The same, but only one thread of this process at a time."""
    with lock:  # a threading.Lock(), and each process has its own
        get_set(redis, name)


def watch(redis: Any, name: str) -> int:
    """Write only if nobody else wrote since the read, else start over. Returns how often it had to."""
    retries = 0
    with redis.pipeline() as pipe:
        while True:
            pipe.watch(name)
            count = int(pipe.get(name) or 0)
            pipe.multi()
            pipe.set(name, count + 1)
            try:
                pipe.execute()
                return retries
            except WatchError:
                retries += 1


def lua(redis: Any, name: str) -> None:
    """Read, add and write in one script: until it is done, the server does nothing else."""
    redis.eval("redis.call('SET', KEYS[1], (redis.call('GET', KEYS[1]) or 0) + 1)", 1, name)


def incr(redis: Any, name: str) -> None:
    """Let the server add one: one command."""
    redis.incr(name)


def incr_then_expire(redis: Any, name: str, seconds: int, between: Callable[[], object]) -> None:
    """Count; the first to count sets the deadline. `between` the two commands anything may happen."""
    if redis.incr(name) == 1:
        between()
        redis.expire(name, seconds)


WAYS: dict[str, Callable[[Any, str], int | None]] = {
    "dict": own_dict,
    "get_set": get_set,
    "process_lock": process_lock,
    "watch": watch,
    "lua": lua,
    "incr": incr,
}
PATIENCE = 20.0  # seconds for one command; the machine may be busy


def race(pipe: Connection, address: Address) -> None:
    """Run the races that the parent orders through the pipe; it hears "ready", then the outcome."""
    with bound_to_parent(pipe):
        while True:
            pipe.send(_one_race(pipe, address, *pipe.recv()))


def _one_race(
    pipe: Connection, address: Address, way: str, name: str, increments: int, together: bool
) -> tuple[int, int]:
    """What this process counted, and how often it had to start over."""
    memory.clear()
    with patient_client(address) as client:
        client.ping()
        pipe.send("ready")
        if together:
            pipe.recv()  # released
        retries = sum(WAYS[way](client, name) or 0 for _ in range(increments))
    return memory.get(name, increments), retries


def stop_between(pipe: Connection, address: Address, name: str, seconds: int) -> None:
    """Count, say so, and wait for the end, which comes before EXPIRE."""

    def between() -> None:
        pipe.send("counted")
        pipe.recv()

    with bound_to_parent(pipe), patient_client(address) as client:
        incr_then_expire(client, name, seconds, between)


class Racer(LabRedis):
    """A client for one thread, without redis-py's lock, retries and meters: a command takes a third less."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command and return its reply."""
        line: Any = self.connection  # the only one
        try:
            line.send_command(*args)
            return self.parse_response(line, args[0], **options)  # type: ignore[no-untyped-call]
        except AskError:  # the node of a cluster did not take it
            return super().execute_command(*args, **options)


def patient_client(address: Address) -> redis.Redis:
    """A client with one connection, which waits longer than a lab's own."""
    return address.client(True, Racer, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)


@contextlib.contextmanager
def bound_to_parent(pipe: Connection) -> Iterator[None]:
    """Ends with its parent, however that ends, prints nothing, and hands it the errors of Redis."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an Interrupt goes to everybody, but is for the parent
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        with contextlib.suppress(EOFError, OSError):  # the parent has gone
            yield
    except redis.RedisError as error:
        pipe.send(error)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent
    wait([parent.sentinel])
    os._exit(0)
