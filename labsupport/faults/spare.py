"""A further server of our own, for experiments that kill it, freeze it or fill it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import psutil

from labsupport.errors import LabError
from labsupport.races.processes import undisturbed
from labsupport.server import open_server
from labsupport.server.own import OwnServer

LIMIT = 10.0  # seconds to wait for what takes milliseconds on an idle machine
PAUSE = 0.005  # seconds between two looks


class SpareServer:
    """A server beside the lab's: the same program, private, empty, gone at the end of the `with` block.

    For use: `redis` (a client) and `address` (for further ones, and for other processes).
    """

    def __init__(self, **config: Any) -> None:
        """Start it. `config`: what CONFIG SET takes, _ for -, as in maxmemory_policy="allkeys-lru".

        NoRedis: there is no server to be had. redis.ResponseError: it does not know the setting.
        """
        self._config = {name.replace("_", "-"): value for name, value in config.items()}
        self._server: OwnServer | None = None
        self._killed = False
        try:
            with undisturbed():
                self._server = _open()
                self.address = self._server.address
                self.redis = self.address.client()
            self._configure()
        except BaseException:  # an Interrupt too
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The server's process, another one after each restart. LabError: there is none."""
        if self._killed:
            raise LabError("This server is killed, so there is no process: call restart() first.")
        return self._opened().pid

    def kill(self) -> None:
        """SIGKILL: the process and all that it knew are gone on return, and connecting fails at once."""
        with undisturbed():
            self._opened().close()
            self._killed = True

    def restart(self) -> None:
        """A new process at the same address, empty, with the settings from the beginning. NoRedis."""
        with undisturbed():
            self.kill()  # if no new one starts, then nobody's process is taken for it
            self._server = self._opened().successor()
            self._killed = False
        self._configure()

    def freeze(self) -> None:
        """SIGSTOP: it has stopped on return; connecting still works, but it answers nobody."""
        os.kill(self.pid, signal.SIGSTOP)
        process = psutil.Process(self.pid)
        wait_until(lambda: process.status() == psutil.STATUS_STOPPED, "The server does not stop")

    def thaw(self) -> None:
        """SIGCONT: it goes on, and executes what was sent to it meanwhile."""
        os.kill(self.pid, signal.SIGCONT)

    def limit_memory(self, more: int) -> int:
        """Let it use `more` bytes on top of what it uses now; returns its new maxmemory in bytes.

        LabError: what it uses does not stand still.
        """
        maxmemory = self._used_memory() + more
        self.redis.config_set("maxmemory", maxmemory)
        return maxmemory

    def close(self) -> None:
        """End it, frozen or not: gone on return. Again is fine."""
        with undisturbed():
            server, self._server = self._server, None
            if server:
                server.close()
                self.redis.close()

    def _opened(self) -> OwnServer:
        if self._server is None:
            raise LabError("This spare server is closed: run the cell that opens it again.")
        return self._server

    def _configure(self) -> None:
        for name, value in self._config.items():
            self.redis.config_set(name, value)

    def _used_memory(self) -> int:
        """Bytes in use, once they stand still: right after a FLUSHALL some are still being freed."""
        used: list[int] = []

        def stands_still() -> bool:
            info = self.redis.info("memory")
            used.append(info["used_memory"])
            return len(used) > 2 and len(set(used[-3:])) == 1 and not info["lazyfree_pending_objects"]

        wait_until(stands_still, "The server's memory does not stand still")
        return used[-1]

    def __enter__(self) -> SpareServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return "<SpareServer>" if self._server else "<SpareServer, closed>"


def _open() -> OwnServer:
    server = open_server(own=True)
    assert isinstance(server, OwnServer)
    return server


def wait_until(holds: Callable[[], bool], trouble: str) -> None:
    """Look again and again until it holds. LabError, which begins with the trouble: it does not."""
    deadline = time.monotonic() + LIMIT
    while not holds():
        if time.monotonic() > deadline:
            raise LabError(
                f"{trouble} within {LIMIT:.0f} s: run the cell again when the computer is less busy."
            )
        time.sleep(PAUSE)
