"""What goes over the wire: a client that keeps every byte it sends and receives; and their number by rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import hiredis
import redis

from labsupport.server.address import Address


class Cost(NamedTuple):
    """What some work cost on the wire, as bytes that were really sent and received.

    The names of keys stand in `sent` without the lab's namespace, so that the cost is the same on every
    server. `answer`: what the work returned; `trips`: how often the client waited for an answer.
    """

    answer: Any
    trips: int
    commands: int
    sent: bytes
    received: bytes

    @property
    def size(self) -> int:
        """Bytes in both directions."""
        return len(self.sent) + len(self.received)


class Meter:
    """A further client of a lab's server, `redis`, whose traffic is counted; close it with its lab."""

    def __init__(self, address: Address, namespace: str) -> None:
        """`namespace`: that of the lab's keys."""
        self._namespace, self._sent, self._received = f"{namespace}:".encode(), bytearray(), bytearray()
        connection = address.settings.get("connection_class", redis.Connection)
        wired = type("Wired", (_Wired, connection), {"sent": self._sent, "received": self._received})
        self.redis = address.client(connection_class=wired)  # a pipeline has to find that one connection too

    def cost(self, work: Callable[..., Any], *args: Any) -> Cost:
        """Call `work(*args)`, which uses `redis`, and return what it cost."""
        trips = self.redis.commands
        self._sent.clear()
        self._received.clear()
        answer = work(*args)
        commands = [self._without_namespace(words) for words in _commands(self._sent)]
        sent = b"".join(map(_packed, commands))
        return Cost(answer, self.redis.commands - trips, len(commands), sent, bytes(self._received))

    def _without_namespace(self, words: list[bytes]) -> list[bytes]:
        return [word.removeprefix(self._namespace) for word in words]


def _packed(words: list[bytes]) -> bytes:
    packed: bytes = hiredis.pack_command(tuple(words))  # type: ignore[arg-type]  # its stub has one word
    return packed


def _commands(sent: bytearray) -> list[list[bytes]]:
    """The commands in what was sent, word by word: on the wire they look like a reply that is a list."""
    reader = hiredis.Reader()
    reader.feed(bytes(sent))
    return list(iter(reader.gets, False))


class _Wired:
    """A connection whose socket notes what passes, but not what it takes to connect, such as a password."""

    sent: bytearray
    received: bytearray

    def connect(self) -> None:
        sent, received = len(self.sent), len(self.received)
        try:
            super().connect()  # type: ignore[misc]
        finally:
            del self.sent[sent:], self.received[received:]

    def _connect(self) -> Any:
        return _Socket(super()._connect(), self.sent, self.received)  # type: ignore[misc]


class _Socket:
    """A socket, plain or TLS, that notes what passes; everything else is the socket's own."""

    def __init__(self, socket: Any, sent: bytearray, received: bytearray) -> None:
        self._socket, self._sent, self._received = socket, sent, received

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def sendall(self, data: bytes) -> None:
        self._socket.sendall(data)
        self._sent += data

    def recv_into(self, buffer: bytearray) -> int:
        count: int = self._socket.recv_into(buffer)
        self._received += memoryview(buffer)[:count]
        return count


def wire_size(value: Any) -> int:
    """How many bytes a command (a list of words) or a reply takes: text, bytes, int, None, or a list of them.

    A status such as OK is no text: it takes its letters and 3 bytes. Source: the specification of RESP 2.
    """
    if isinstance(value, list | tuple):
        return wire_size(len(value)) + sum(map(wire_size, value))
    if value is None or isinstance(value, int):
        return 5 if value is None else len(f":{value}\r\n")
    length = len(value.encode() if isinstance(value, str) else value)
    return wire_size(length) + length + 2
