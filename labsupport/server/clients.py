"""The lab's Redis clients: they count what they send, and on a server that is not ours they refuse harm."""

from __future__ import annotations

from typing import Any

import redis
from redis.client import Monitor, Pipeline

from labsupport.server.guard import check

UNNAMED = "a Redis server"


class LabPipeline(Pipeline):
    """A pipeline that counts each round trip at the client it came from, and refuses what that refuses."""

    def __init__(self, client: LabRedis, transaction: bool, shard_hint: Any) -> None:
        super().__init__(client.connection_pool, client.response_callbacks, transaction, shard_hint)
        self._client = client

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send what is queued."""
        self._client.commands += 1
        return super().execute(raise_on_error)

    def immediate_execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command now, as after WATCH."""
        self._client._check(args)
        self._client.commands += 1
        return super().immediate_execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def pipeline_execute_command(self, *args: Any, **options: Any) -> Pipeline:
        """Queue one command; what is refused is refused here, before anything is sent."""
        self._client._check(args)
        return super().pipeline_execute_command(*args, **options)

    def __repr__(self) -> str:
        return f"<pipeline of {self._client!r}, {len(self)} queued>"


class LabRedis(redis.Redis):
    """A client of a server that we started: everything is allowed.

    `commands` counts what this client sent, a pipeline as one; under threads it can miss some.
    """

    commands: int = 0
    _whose = "our own server"

    def _check(self, command: tuple[object, ...]) -> None:
        """Called with each command before it is sent; it may raise Refused."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command and return its reply."""
        self._check(args)
        self.commands += 1
        try:
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except KeyboardInterrupt:
            if self.connection:  # its reply may still come, and the next command would take it for its own
                self.connection.disconnect()  # type: ignore[no-untyped-call]
            raise

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> LabPipeline:
        """A new pipeline, which counts and refuses as this client does."""
        return LabPipeline(self, transaction, shard_hint)

    def __repr__(self) -> str:  # redis-py's own shows the socket's path, which is another one in every run
        return f"<{type(self).__name__}: {self._whose}>"


class GuardedRedis(LabRedis):
    """A client of somebody else's server: harmful commands (see guard.py) raise Refused and are not sent."""

    _whose = "a server that we did not start"

    def _check(self, command: tuple[object, ...]) -> None:
        """Raise Refused if this command could do harm there."""
        check(command)

    def monitor(self) -> Monitor:
        """Refused, as every MONITOR is."""
        self._check(("MONITOR",))
        return super().monitor()  # type: ignore[no-any-return,no-untyped-call]


def name_and_pid(client: redis.Redis) -> tuple[str, int]:
    """What the server says it is, as ("Valkey 9.1.2", 4711).

    Raises redis.RedisError: no answer, or no right to ask.
    """
    info = client.info("server")
    pid = int(info.get("process_id", 0))
    if "valkey_version" in info:  # first: its redis_version is only the one that it is compatible with
        return f"Valkey {info['valkey_version']}", pid
    return (f"Redis {info['redis_version']}" if "redis_version" in info else UNNAMED), pid
