"""One instance of a fleet as a thread that pauses before every command to Redis until it is let through."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import Any

import redis

from labsupport.errors import LabError
from labsupport.lessons.given import Theirs, call
from labsupport.origin import CourseCatalog
from labsupport.server.clients import LabPipeline, LabRedis

MOST_COMMANDS = 40  # of one instance; a retry that never ends sends more
PATIENCE = 3.0  # seconds until it must have come to its next command

TRANSACTION, PIPELINE = "MULTI/EXEC", "PIPELINE"  # in `sent`, in the place of what they send together
READ, UPDATE = "READ", "UPDATE"  # in `sent`: what goes to the catalogue instead of to Redis

_NEVER = threading.Event()

Send = Callable[[], Any]


class NotAllOrders(LabError):
    """Not every order could be run; `why` is "commands", "waits", "time" or "orders"."""

    def __init__(self, why: str, message: str) -> None:
        super().__init__(message)
        self.why = why


class _Stopped(BaseException):
    """Ends a thread that nobody waits for any more."""


class Instance(threading.Thread):
    """Runs function(redis, *arguments) with a connection of its own; `sent` lists its commands so far."""

    def __init__(
        self, function: Callable[..., object], server: redis.ConnectionPool, *arguments: Any
    ) -> None:
        """`server`: a pool whose connections are like the ones to be made."""
        super().__init__(daemon=True)
        self._function, self._arguments = function, arguments
        self._pool = redis.ConnectionPool(server.connection_class, **server.connection_kwargs)
        self._go, self._paused = threading.Semaphore(0), threading.Semaphore(0)
        self._dismissed = 0
        self._replies: list[str] = []
        self.sent: list[str] = []
        self.error: BaseException | None = None
        self.returned: Any = None
        self.done = False

    def run(self) -> None:
        """What the thread does."""
        client = Gated(connection_pool=self._pool)
        client.gate = self._at_the_gate
        try:
            self.returned = call(self._function, client, *self._arguments)
        except Theirs as error:
            self.error = error.__cause__
        except BaseException as error:
            self.error = error
        self.done = True
        self._paused.release()

    def proceed(self) -> None:
        """Send the command it waits with, if it has begun, and come to the next. NotAllOrders: it can't."""
        if len(self.sent) == MOST_COMMANDS:
            raise NotAllOrders("commands", f"One instance sent {MOST_COMMANDS} commands and was not done.")
        if self.ident is None:
            self.start()
        else:
            self._go.release()
        if not self._paused.acquire(timeout=PATIENCE):
            raise NotAllOrders("waits", f"An instance sent no command for {PATIENCE:g} s and did not end.")

    def repeats_itself(self) -> bool:
        """Whether its last three commands were the same and got the same reply."""
        return len(self._replies) >= 3 and len(set(self._replies[-3:])) == 1

    def dismiss(self) -> None:
        """Let it end at the gate, wherever it is in its code."""
        self._dismissed = max(1, self._dismissed)
        self._go.release()

    def close(self) -> None:
        """Wait until it has ended; if it does not come to the gate, end it at its next line."""
        if self.ident is not None:
            self.join(5 if self.done else 0.5)
        if self.is_alive() and not self.done:
            thread = ctypes.c_ulong(self.ident or 0)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(_Stopped))
            self.join(1)
        self._pool.disconnect()

    def _at_the_gate(self, words: tuple[Any, ...], send: Send) -> Any:
        """Pause, then send. Raises _Stopped once it is dismissed."""
        self._paused.release()
        self._go.acquire()
        if self._dismissed:
            self._dismissed += 1
            if self._dismissed > 3:  # code that catches everything and goes on; here it does no harm
                _NEVER.wait()
            self._go.release()
            raise _Stopped
        self.sent.append(_label(words))
        reply: Any = None
        try:
            reply = send()
        except redis.RedisError as error:
            reply = error
            raise
        finally:
            self._replies.append(repr((words, reply)))
        return reply


def _label(words: tuple[Any, ...]) -> str:
    """The command's name, with NX if it has that, because SET NX is a command of its own."""
    name, rest = str(words[0]).upper(), [str(word).upper() for word in words[1:]]
    if name in ("INCRBY", "DECRBY") and rest[1:] == ["1"]:  # which is what redis-py makes of incr and decr
        return name.removesuffix("BY")
    return f"{name} NX" if "NX" in rest else name


class Gated(LabRedis):
    """A client that asks at the gate before it sends."""

    gate: Callable[[tuple[Any, ...], Send], Any]

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command, when let through."""
        return self.gate(args, lambda: super(Gated, self).execute_command(*args, **options))

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> LabPipeline:
        """A new pipeline, which asks at the same gate."""
        return _GatedPipeline(self, transaction, shard_hint)

    def lock(self, *args: Any, **options: Any) -> Any:
        """redis-py's lock, which need not sleep between two tries: it waits at the gate."""
        lock = super().lock(*args, **options)
        lock.sleep = 0
        return lock


class PausingCatalog:
    """A catalogue whose reads and changes wait at the gate of the client that goes with it."""

    def __init__(self, catalog: CourseCatalog, client: Any) -> None:
        """`client`: the one that an Instance gives to its function."""
        self._catalog, self._gate = catalog, client.gate

    def read(self, key: str) -> bytes:
        """Ask, when let through."""
        answer: bytes = self._gate((READ, key), lambda: self._catalog.read(key))
        return answer

    peek = read  # for whoever is not to wait, a peek is no less old

    def rename(self, key: str, title: str) -> bytes:
        """Change, when let through; returns the new answer."""
        answer: bytes = self._gate((UPDATE, key), lambda: self._catalog.rename(key, title))
        return answer


class _GatedPipeline(LabPipeline):
    """A pipeline whose commands go out together, as one."""

    _client: Gated

    def execute(self, raise_on_error: bool = True) -> Any:
        """Send what is queued, when let through."""
        queued = [" ".join(map(str, args)) for args, _ in self.command_stack]
        transaction = vars(self)["transaction"]  # which is also the name of a method
        together = TRANSACTION if self.explicit_transaction or transaction else PIPELINE
        send = super().execute
        return self._client.gate((together, *queued), lambda: send(raise_on_error))

    def immediate_execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command, when let through, as after WATCH."""
        send = super().immediate_execute_command
        return self._client.gate(args, lambda: send(*args, **options))
