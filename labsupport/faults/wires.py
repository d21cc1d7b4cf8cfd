"""What stands between a client and a server: it passes on what either says, unless a fault is ordered."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass

PIECE = 65_536  # bytes passed on at a time


@dataclass
class Faults:
    """What is wrong with a number of wires at the moment."""

    delay: float = 0.0  # seconds that each reply is held back
    silent: bool = False  # nothing passes


class Wire:
    """One connection in two halves: a thread passes on its commands, another one the replies."""

    def __init__(self, client: socket.socket, server: socket.socket, faults: Faults) -> None:
        """Between the far ends of these sockets, which it closes in the end; they must block."""
        self._client, self._server, self._faults = client, server, faults
        self.loses_reply = False  # True: what the server says next gets lost, and the connection with it
        self.swallowed = faults.silent  # True: not all that was sent has arrived, so it is of no more use
        self._asked, self._over = False, threading.Event()
        self._thread = threading.Thread(target=self._pass_all, daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Whether nothing is left of it."""
        return not self._thread.is_alive()

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
                self._asked = True
                self._pass(piece, self._server)
        self._hang_up()

    def _pass_replies(self) -> None:
        with contextlib.suppress(OSError):
            while (piece := self._server.recv(PIECE)) and not self.loses_reply:
                if self._asked and self._over.wait(self._faults.delay):
                    break
                self._asked = False  # only now: a pipeline's commands may still have come in the meantime
                self._pass(piece, self._client)
        self._hang_up()

    def _pass(self, piece: bytes, end: socket.socket) -> None:
        if self._faults.silent:
            self.swallowed = True
        if not self.swallowed:
            end.sendall(piece)
        elif not self._faults.silent:  # healed a moment ago
            raise ConnectionResetError

    def _hang_up(self) -> None:
        """Whichever thread is done, the other one then hears that there is no more."""
        self._over.set()
        for end in (self._client, self._server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
