"""The way from a replica to its primary: a port of this computer that is open to the replica alone."""

from __future__ import annotations

import contextlib
import socket
import threading

import psutil

from labsupport.faults.wires import Faults, Wire


class Link:
    """Listens on a loopback port, and passes on to a unix socket what one process says there.

    Redis replicates over TCP only, and a server of ours has no port. Whoever else connects to this one is
    turned away before a byte is read: the system knows which process a connection belongs to.
    """

    def __init__(self, path: str, pid: int) -> None:
        """To the unix socket at this path, for the process with this id; call it within `undisturbed`."""
        self._path, self._pid, self._is_cut = path, pid, False
        self._wires: list[Wire] = []
        self._listener = socket.create_server(("127.0.0.1", 0))  # the system chooses a free port
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Nothing passes any more on return. The port stays taken, so that nobody else gets it."""
        if not self._is_cut:
            self._is_cut = True
            socket.create_connection(("127.0.0.1", self.port)).close()  # wakes the thread
            self._thread.join()
            for wire in self._wires:
                wire.end()

    def close(self) -> None:
        """Cut it and give the port back."""
        self.cut()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            caller, peer = self._listener.accept()
            if self._is_cut:
                caller.close()
                return
            with contextlib.suppress(OSError):  # the primary is gone
                self._connect(caller, peer)

    def _connect(self, caller: socket.socket, peer: tuple[str, int]) -> None:
        with contextlib.ExitStack() as unless_wired:
            unless_wired.enter_context(caller)
            if self._is_of_the_process(peer):
                server = unless_wired.enter_context(socket.socket(socket.AF_UNIX))
                server.connect(self._path)
                self._wires.append(Wire(caller, server, Faults()))
                unless_wired.pop_all()

    def _is_of_the_process(self, peer: tuple[str, int]) -> bool:
        with contextlib.suppress(psutil.Error):
            mine = psutil.Process(self._pid).net_connections("tcp4")
            return (peer, self._listener.getsockname()) in [(its.laddr, its.raddr) for its in mine]
        return False
