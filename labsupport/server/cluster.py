"""A Redis Cluster, as one notebook needs it: which node has its keys, also when they move or it is lost.

All keys of a notebook carry one hash tag, so they are in one slot and on one node, and an ordinary client of
that node does all that it does on a single server. What is left is to follow the slot: MOVED tells where it
is now, and after the loss of its node the others are asked. Nothing is sent again but what was refused.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import redis
from redis.crc import key_slot
from redis.exceptions import MovedError

from labsupport.server.address import Address
from labsupport.server.clients import LabRedis, Node


@dataclass(eq=False)
class Home:
    """Where the slot of a notebook's keys is, as far as we know; the clients of one Address share it."""

    slot: int
    node: Node  # the primary that has it
    nodes: list[Node]  # all that can be asked
    address: Address  # how to connect, whichever node it is
    in_doubt: bool = False  # the node is perhaps gone

    def look(self, client: LabRedis, host: str) -> None:
        """Ask the node at this client, on `host`, who has which slots. Raises redis.RedisError."""
        for first, last, *nodes in client.execute_command("CLUSTER SLOTS"):
            places = [((name or host.encode()).decode(), port) for name, port, *_ in nodes]
            self.nodes = list(dict.fromkeys([*self.nodes, *places]))
            if first <= self.slot <= last:
                self.node = places[0]
        self.in_doubt = False

    def find(self) -> None:
        """The node is perhaps gone: ask the others; if none of them answers, all stays as it was."""
        for node in [node for node in self.nodes if node != self.node]:
            client = at_home(replace(self, node=node, in_doubt=False)).client()
            with contextlib.suppress(redis.RedisError), client:
                self.look(client, node[0])
                break


def home_of(key: str, address: Address, client: LabRedis) -> Home | None:
    """Where a cluster has the slot of `key`; None if the server at `client` is none, or may not be asked."""
    start = address.settings.get("host", "localhost"), address.settings.get("port", 6379)
    home = Home(key_slot(key.encode()), start, [], address)
    with contextlib.suppress(redis.ResponseError):
        home.look(client, start[0])
    return home if home.nodes else None


def at_home(home: Home) -> Address:
    """The address of whichever node has the slot, now and after it has moved."""
    settings = {name: value for name, value in home.address.settings.items() if name != "path"}
    secure = settings.get("connection_class") is redis.SSLConnection
    settings |= {"connection_class": SecureFollower if secure else Follower, "home": home}
    return replace(home.address, settings=settings)


class _Follows:
    """A connection that is made to wherever the slot is, and hears that it has moved."""

    def __init__(self, home: Home, **settings: Any) -> None:
        super().__init__(**settings)
        self._home = home

    def _connect(self) -> Any:
        if self._home.in_doubt:
            self._home.find()
        self.host, self.port = self._home.node
        return self._hearing(super()._connect)  # type: ignore[misc]

    def send_packed_command(self, *args: Any, **options: Any) -> None:
        self._hearing(super().send_packed_command, *args, **options)  # type: ignore[misc]

    def read_response(self, *args: Any, **options: Any) -> Any:
        return self._hearing(super().read_response, *args, **options)  # type: ignore[misc]

    def _hearing(self, act: Callable[..., Any], *args: Any, **options: Any) -> Any:
        try:
            return act(*args, **options)
        except MovedError as error:
            if error.slot_id == self._home.slot:
                self._home.node = error.host or self.host, error.port
                self.mark_for_reconnect()  # type: ignore[attr-defined]
            raise
        except (redis.ConnectionError, redis.TimeoutError, OSError):
            self._home.in_doubt = True
            raise


class Follower(_Follows, redis.Connection):
    """Such a connection, plain."""


class SecureFollower(_Follows, redis.SSLConnection):
    """Such a connection, encrypted."""
