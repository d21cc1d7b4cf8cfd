"""The lab's Redis client: it counts what it sends."""

from __future__ import annotations

from typing import Any

import redis
from redis.client import Pipeline

UNNAMED = "a Redis server"


class LabPipeline(Pipeline):
    """A pipeline that counts each round trip at the client it came from."""

    def __init__(self, client: LabRedis, transaction: bool, shard_hint: Any) -> None:
        super().__init__(client.connection_pool, client.response_callbacks, transaction, shard_hint)
        self._client = client

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send what is queued."""
        self._client.commands += 1
        return super().execute(raise_on_error)

    def immediate_execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command now, as after WATCH."""
        self._client.commands += 1
        return super().immediate_execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def __repr__(self) -> str:
        return f"<pipeline of {self._client!r}, {len(self)} queued>"


class LabRedis(redis.Redis):
    """redis-py's client with a count: `commands` sent, a pipeline as one; under threads it may miss some."""

    commands: int = 0

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command and return its reply."""
        self.commands += 1
        try:
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except KeyboardInterrupt:
            if self.connection:  # its reply may still come, and the next command would take it for its own
                self.connection.disconnect()  # type: ignore[no-untyped-call]
            raise

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> LabPipeline:
        """A new pipeline, which counts here."""
        return LabPipeline(self, transaction, shard_hint)

    def __repr__(self) -> str:  # redis-py's own shows the socket's path, which is another one in every run
        return "<LabRedis>"


def name_and_pid(client: redis.Redis) -> tuple[str, int]:
    """What the server says it is, as ("Valkey 9.1.2", 4711).

    Raises redis.RedisError: no answer, or no right to ask.
    """
    info = client.info("server")
    pid = int(info.get("process_id", 0))
    if "valkey_version" in info:  # first: its redis_version is only the one that it is compatible with
        return f"Valkey {info['valkey_version']}", pid
    return (f"Redis {info['redis_version']}" if "redis_version" in info else UNNAMED), pid
