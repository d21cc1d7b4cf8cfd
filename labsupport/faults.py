"""Faults between a client and its Redis, made to order and healed afterwards."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

import redis

from labsupport.errors import LabError
from labsupport.races.processes import undisturbed
from labsupport.server.address import Address
from labsupport.server.clients import LabRedis

PIECE = 65_536  # bytes passed on at a time
GREETINGS = {b"AUTH", b"CLIENT", b"HELLO", b"SELECT"}  # what redis-py says by itself once connected


class FaultProxy:
    """Stands between its clients and the server: every byte passes through it, until a fault is ordered.

    It needs no port: a client's connection ends here, at one of a pair of sockets, and two threads pass on
    what comes from it and from the server.
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
        self._losses = threading.Semaphore(0)  # replies that are still to be lost
        self._wires: list[_Wire] = []
        self._closed = False

    def client(self, **overrides: Any) -> LabRedis:
        """A new client of the server, through this proxy; overrides as for Address.client."""
        proxy = self

        class Proxied(self._class):  # type: ignore[misc, name-defined]
            def _connect(self) -> socket.socket:
                return proxy._join(super()._connect())

        return self._address.client(**overrides, connection_class=Proxied)

    def lose_next_reply(self) -> None:
        """The next command will reach the server, but its reply gets lost, and the connection with it.

        Then all is well again. Called twice, two replies get lost.
        """
        self._losses.release()

    def close(self) -> None:
        """Break off all connections: nothing is left on return. Again is fine."""
        self._closed = True
        with undisturbed():
            for wire in self._wires:
                wire.end()

    def _join(self, server: socket.socket) -> socket.socket:
        """The client's end of a new wire to this connection to the server."""
        if self._closed:
            server.close()
            raise ConnectionRefusedError("the fault proxy is closed")
        with undisturbed():
            client, ours = socket.socketpair()
            client.settimeout(server.gettimeout())
            self._wires.append(_Wire(ours, server, self._losses))
        return client

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return "<FaultProxy, closed>" if self._closed else "<FaultProxy>"


class _Wire:
    """One client's connection: a thread passes on its commands, another one the replies."""

    def __init__(self, client: socket.socket, server: socket.socket, losses: threading.Semaphore) -> None:
        self._client, self._server, self._losses = client, server, losses
        self._loses = False
        server.settimeout(None)
        self._thread = threading.Thread(target=self._pass_all, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Break it off; nothing is left of it on return."""
        self._hang_up()
        self._thread.join()

    def _pass_all(self) -> None:
        with self._client, self._server:
            commands = threading.Thread(target=self._pass_commands, daemon=True)
            commands.start()
            self._pass_replies()
            commands.join()

    def _pass_commands(self) -> None:
        with contextlib.suppress(OSError):
            while piece := self._client.recv(PIECE):
                if _is_asked_for(piece) and self._losses.acquire(blocking=False):
                    self._loses = True
                self._server.sendall(piece)
        self._hang_up()

    def _pass_replies(self) -> None:
        with contextlib.suppress(OSError):
            while (piece := self._server.recv(PIECE)) and not self._loses:
                self._client.sendall(piece)
        self._hang_up()

    def _hang_up(self) -> None:
        """Whichever thread is done, the other one then hears that there is no more."""
        for end in (self._client, self._server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def _is_asked_for(piece: bytes) -> bool:
    """Whether this is a command of the caller's, not one with which redis-py makes itself known."""
    words = piece.split(b"\r\n", 3)  # *2, $3, GET, ...
    return len(words) > 2 and words[2].upper() not in GREETINGS
