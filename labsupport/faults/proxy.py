"""A proxy between a client and its Redis, which loses replies, holds them back or falls silent."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import hiredis
import redis

from labsupport.errors import LabError
from labsupport.faults.wires import Faults, Wire
from labsupport.races.processes import undisturbed
from labsupport.server.address import Address
from labsupport.server.clients import LabRedis

GREETINGS = {b"AUTH", b"CLIENT", b"HELLO", b"SELECT"}  # what redis-py says by itself when it connects


class FaultProxy:
    """Stands between its clients and the server: every byte passes through it, until a fault is ordered.

    It needs no port: a client's connection ends here, at one of a pair of sockets, and two threads pass on
    what comes from it and from the server. `commands`: how many commands its clients have sent so far, those
    in a pipeline one by one, delivered or not; without AUTH, CLIENT, HELLO and SELECT, which redis-py sends
    by itself when it connects.
    """

    def __init__(self, address: Address) -> None:
        """For the server at this address. LabError: the connection to it is encrypted."""
        self._address = address
        self._class = address.settings.get("connection_class", redis.Connection)
        if issubclass(self._class, redis.SSLConnection):
            raise LabError(
                "The connection to this server is encrypted, so no proxy can look into it: unset REDIS_URL, "
                "restart the kernel and get a server of your own."
            )
        self.commands = 0
        self._losses = 0  # replies that are still to be lost
        self._faults, self._closed = Faults(), False
        self._wires: list[Wire] = []
        self._lock = threading.Lock()  # clients connect and send from threads of their own

    def client(self, **overrides: Any) -> LabRedis:
        """A new client of the server, through this proxy; overrides as for Address.client."""
        proxy = self

        class Proxied(self._class):  # type: ignore[misc, name-defined]
            def _connect(self) -> socket.socket:
                proxy._admit()
                return proxy._join(super()._connect())

        return self._address.client(**overrides, connection_class=Proxied)

    def lose_next_reply(self) -> None:
        """The next command will reach the server, but its reply gets lost, and the connection with it.

        Then all is well again. Called twice, two replies get lost.
        """
        with self._lock:
            self._losses += 1

    def delay(self, seconds: float) -> None:
        """From now on each reply arrives that much later, however many clients wait; 0: at once again."""
        self._faults.delay = seconds

    def go_silent(self) -> None:
        """From now on nothing passes, though connections stay open and new ones are accepted.

        What is sent meanwhile never arrives.
        """
        self._faults.silent = True

    def heal(self) -> None:
        """All faults off. Connections on which something got lost in silence, and those made in it, break."""
        with undisturbed(), self._lock:
            self._losses, self._faults.delay, self._faults.silent = 0, 0.0, False
        self._break_off(only_swallowed=True)

    def close(self) -> None:
        """Break off all connections: nothing is left on return. Again is fine."""
        self._closed = True
        self._break_off()

    def _break_off(self, only_swallowed: bool = False) -> None:
        with undisturbed(), self._lock:
            for wire in self._wires:
                if wire.swallowed or not only_swallowed:
                    wire.end()
            self._wires = [wire for wire in self._wires if not wire.is_over]

    def _admit(self) -> None:
        if self._closed:
            raise ConnectionRefusedError("the fault proxy is closed")

    def _join(self, server: socket.socket) -> socket.socket:
        """The client's end of a new wire to this connection to the server."""
        with undisturbed(), self._lock:
            try:
                self._admit()
            except OSError:
                server.close()
                raise
            client, ours = socket.socketpair()
            client.settimeout(server.gettimeout())
            server.settimeout(None)
            wire = Wire(ours, server, self._faults)
            self._wires = [wire, *(wire for wire in self._wires if not wire.is_over)]
            return _Door(client, lambda count: self._note(wire, count))

    def _note(self, wire: Wire, count: int) -> None:
        """A client is about to send so many commands on this wire."""
        with self._lock:
            self.commands += count
            if count and self._losses:
                self._losses -= 1
                wire.loses_reply = True

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return "<FaultProxy, closed>" if self._closed else "<FaultProxy>"


class _Door(socket.socket):
    """A client's socket, which tells how many commands are about to pass."""

    def __init__(self, end: socket.socket, note: Callable[[int], None]) -> None:
        super().__init__(fileno=end.detach())
        self.settimeout(end.gettimeout())
        self._note, self._reader = note, hiredis.Reader()

    def sendall(self, data: Any, flags: int = 0) -> None:
        self._reader.feed(bytes(data))
        commands = iter(self._reader.gets, False)  # on the wire a command looks like a reply that is a list
        self._note(sum(command[0].upper() not in GREETINGS for command in commands))
        super().sendall(data, flags)
