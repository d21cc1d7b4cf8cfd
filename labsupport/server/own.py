"""A server of our own: private, empty, and gone when this process is, however it ends."""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

import redis

from labsupport.errors import NoRedis
from labsupport.server.address import Address
from labsupport.server.clients import name_and_pid

START_LIMIT = 10.0  # seconds; an idle machine takes 0.06
PATH_LIMIT = 100  # bytes; macOS allows a socket path 103, Linux 107
_SHORT = "/tmp"  # noqa: S108 - safe: the folder has an unguessable name, and must not exist yet
_WATCHER = str(Path(__file__).with_name("watcher.py"))


class OwnServer:
    """A Redis or Valkey on a unix socket in a folder that only this user may enter, without a port.

    It lives in a session of its own, so Jupyter's Interrupt does not reach it, under a watcher that ends it
    when this process ends. Nothing is kept on disk; above 64 MB writes fail (noeviction).
    For use: `redis` (a client), `address` (for further ones), `pid` (the server's).
    """

    owned = True

    def __init__(self, binary: str, folder: str = "") -> None:
        """Start the program at this path and wait until it answers. Raises NoRedis: it does not.

        `folder`: a path where nothing is yet, if it should be a certain one.
        """
        self._closed, self._binary, self._folder = False, binary, folder or _new_folder()
        self._watcher = _watch(self._folder, binary)
        self.address = Address.of_socket(f"{self._folder}/s")
        self.redis = self.address.client()
        _open.add(self)
        try:
            self.pid, self._name = self._wait(binary)
            self.redis = self.address.client(one_connection=True)
        except BaseException:  # an Interrupt too
            self.close()
            raise

    def move_in(self, namespace: str) -> None:
        """Have the keys of this namespace in reach: all of this server are."""

    def describe(self) -> str:
        """One line for people: "Valkey 9.1.2 on a private socket, started for this notebook, ..."."""
        return f"{self._name} on a private socket, started for this notebook, gone when it ends"

    def close(self) -> None:
        """End the server and remove its folder: gone on return. Again is fine, and so is after its death."""
        if self._closed:
            return
        self._closed = True
        _open.discard(self)
        self.redis.close()
        self.let_go()
        _pipe(self._watcher.stdout).close()
        try:
            self._watcher.wait(5)
        except subprocess.TimeoutExpired:
            self._watcher.kill()
            self._watcher.wait()
        if self._watcher.returncode:  # it was killed, so its work is ours
            with contextlib.suppress(redis.RedisError):
                self.address.client().shutdown(nosave=True)  # nobody but our server can be on that socket
            shutil.rmtree(self._folder, ignore_errors=True)

    def successor(self) -> OwnServer:
        """A new server at the same address, empty; this one is closed for it. Raises NoRedis."""
        self.close()
        return OwnServer(self._binary, self._folder)

    def let_go(self) -> None:
        """Close this process's end of the pipe: once nobody holds it, the watcher ends the server."""
        _pipe(self._watcher.stdin).close()

    def __repr__(self) -> str:
        return f"<OwnServer, {'closed' if self._closed else 'running'}>"

    def _wait(self, binary: str) -> tuple[int, str]:
        """The server's pid and name, once it answers and is the very process that the watcher started."""
        said = _pipe(self._watcher.stdout).readline().strip()
        deadline = time.monotonic() + START_LIMIT
        while said.isdigit() and self._watcher.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(redis.RedisError):  # not listening yet
                name, pid = name_and_pid(self.redis)
                if pid == int(said):
                    return pid, name
            time.sleep(0.002)
        if said.isdigit():
            self.let_go()  # the watcher's last word is then the last line of the server's log
            said = _pipe(self._watcher.stdout).read().strip()
        last_words = said.decode(errors="replace") or "it said nothing"
        if last_words == os.strerror(errno.ENOSPC):
            raise NoRedis(
                f"A server of your own finds no room in {tempfile.gettempdir()} ({last_words}): make some on "
                "that disk and run the cell again."
            )
        raise NoRedis(
            f"{binary} did not start ({last_words}): try again, or set LAB_REDIS_SERVER to another "
            "redis-server or valkey-server, or REDIS_URL to a running one."
        )


def _watch(folder: str, binary: str) -> subprocess.Popen[bytes]:
    """Start the watcher, which makes the folder and starts the server in it."""
    arguments = [
        *("--port", "0", "--unixsocket", f"{folder}/s", "--unixsocketperm", "700"),
        *("--dir", folder, "--logfile", f"{folder}/log", "--save", "", "--appendonly", "no"),
        *("--maxmemory", "64mb", "--maxmemory-policy", "noeviction"),
    ]
    environ = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}  # no password there
    environ["LC_ALL"] = "C"  # Redis 7 does not start under a locale that is not installed
    return subprocess.Popen(
        [sys.executable, "-I", "-S", _WATCHER, folder, binary, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environ,
        start_new_session=True,
    )


def _new_folder() -> str:
    """A path that does not exist yet and is short enough for a socket in it."""
    name = f"rlab-{secrets.token_hex(8)}"
    folder = f"{tempfile.gettempdir()}/{name}"
    return folder if len(os.fsencode(f"{folder}/s")) <= PATH_LIMIT else f"{_SHORT}/{name}"


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream  # a Popen without pipes has none; ours has two
    return stream


_open: set[OwnServer] = set()


@atexit.register
def _close_all() -> None:
    for server in list(_open):
        server.close()


def _let_all_go() -> None:
    for server in _open:
        server.let_go()


if hasattr(os, "register_at_fork"):  # not on Windows
    # A forked child (multiprocessing's "fork") has a copy of our end of the pipe, and the server would live
    # as long as that copy. Programs started with subprocess, and spawned workers, get none.
    os.register_at_fork(after_in_child=_let_all_go)
