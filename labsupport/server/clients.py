"""The lab's Redis client: it counts what it sends, and goes where a cluster sends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import redis
from redis.client import Pipeline
from redis.exceptions import AskError, MovedError, NoScriptError, ResponseError, WatchError

UNNAMED = "a Redis server"
REDIRECTIONS = 16  # of one command at most, as in redis-py's own client of a cluster
Node = tuple[str, int]  # of a cluster: its host and port


class LabPipeline(Pipeline):
    """A pipeline that counts each round trip at the client it came from."""

    def __init__(self, client: LabRedis, transaction: bool, shard_hint: Any) -> None:
        super().__init__(client.connection_pool, client.response_callbacks, transaction, shard_hint)
        self._client = client

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send what is queued."""
        if not self._client.node:
            self._client.commands += 1
            return super().execute(raise_on_error)
        if self.explicit_transaction or vars(self)["transaction"]:  # which is also the name of a method
            send = super().execute
            replies: list[Any] = self._again_if_moved(lambda: send(raise_on_error))
            return replies
        return self._each_where_it_belongs(raise_on_error)

    def immediate_execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command now, as after WATCH."""
        send = super().immediate_execute_command
        return self._again_if_moved(lambda: send(*args, **options))  # type: ignore[no-untyped-call]

    def _again_if_moved(self, send: Callable[[], Any]) -> Any:
        """Send, and once more if the keys have moved meanwhile; but what was watched nobody watches now."""
        queue = {name: vars(self)[name] for name in ("command_stack", "scripts", "explicit_transaction")}
        for _ in range(REDIRECTIONS):
            self._client.commands += 1
            watching = self.watching
            try:
                return send()
            except MovedError as error:
                moved = error
            self.reset()
            if not self._client.follows(moved):  # a name of the learner's own: no second try would help
                break
            if watching:
                raise WatchError("The keys have moved to another node of the cluster.") from None
            vars(self).update(queue)
        raise moved

    def _each_where_it_belongs(self, raise_on_error: bool) -> list[Any]:
        """Send all together, and once more, one by one, those that this node did not take."""
        self._client.commands += 1
        queued = list(self.command_stack)
        replies = super().execute(raise_on_error=False)
        for position, (args, options) in enumerate(queued):
            if isinstance(replies[position], AskError):
                try:
                    replies[position] = self._client.execute_command(*args, **options)
                except ResponseError as error:
                    replies[position] = error
        if raise_on_error:
            self.raise_first_error(queued, replies)  # type: ignore[no-untyped-call]
        return replies

    def __repr__(self) -> str:
        return f"<pipeline of {self._client!r}, {len(self)} queued>"


class LabRedis(redis.Redis):
    """redis-py's client with a count: `commands` sent, a pipeline as one; under threads it may miss some."""

    commands: int = 0

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command and return its reply."""
        for _ in range(REDIRECTIONS):
            self.commands += 1
            try:
                return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
            except AskError as error:  # or MovedError: the command was refused, so it may be sent again
                refused = error
            except KeyboardInterrupt:
                # The reply may still come, and the next command would take it for its own.
                if self.connection:
                    self.connection.disconnect()  # type: ignore[no-untyped-call]
                raise
            if not self.follows(refused):
                return self._ask(refused, args, options)
        raise refused

    @property
    def node(self) -> Node | None:
        """Which node of a cluster has the notebook's keys; None if the server is no cluster."""
        home = self.connection_pool.connection_kwargs.get("home")
        return home.node if home else None

    def follows(self, refused: AskError) -> bool:
        """Whether this client goes for good where this answer sends it: there its notebook's keys are now."""
        home = self.connection_pool.connection_kwargs.get("home")
        return home is not None and isinstance(refused, MovedError) and refused.slot_id == home.slot

    def _ask(self, refused: AskError, args: Any, options: Any) -> Any:
        """Send this one command to the node that the cluster names, and stay here."""
        pool = self.connection_pool
        home = pool.connection_kwargs.get("home")
        if not home:
            raise refused
        there = replace(home, node=(refused.host or home.node[0], refused.port), in_doubt=False)
        settings = {**pool.connection_kwargs, "home": there}
        other = redis.ConnectionPool(connection_class=pool.connection_class, **settings)
        with redis.Redis.from_pool(other) as client:
            if not isinstance(refused, MovedError):
                client.execute_command("ASKING")  # on the only connection, which the next command takes, too
            try:
                return client.execute_command(*args, **options)
            except NoScriptError:  # it was loaded here, not there
                raise refused from None

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
