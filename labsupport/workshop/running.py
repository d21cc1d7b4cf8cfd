"""The hub as a child of the command: start it, see who is in, and end it with all that it started."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from labsupport.setup.launch import surroundings
from labsupport.setup.problem import ROOT, SetupProblem
from labsupport.workshop.room import Room, words

SEAT = "jupyterhub.singleuser"
START_LIMIT, STOP_LIMIT = 120.0, 60.0  # seconds; an idle machine takes 3 and 2


class RunningHub:
    """A JupyterHub in a session of its own, so that a Ctrl-C reaches the command alone."""

    def __init__(self, room: Room, address: str, settings: dict[str, dict[str, Any]]) -> None:
        """Start it and wait until it answers at the address. Raises SetupProblem: it does not."""
        self._room, self.log = room, room.secret / "hub.log"
        self._process = _start(self.log, settings)
        try:
            self._wait(address)
        except BaseException:
            self.close()
            raise

    def seated(self) -> int:
        """How many servers run. Raises SetupProblem: the hub itself does not any more."""
        if self._process.poll() is not None:
            raise SetupProblem(f"The hub has ended by itself ({self._last_words()}); its log is {self.log}.")
        return sum(SEAT in words(process) for process in self._room.processes())

    def close(self) -> None:
        """End the hub, which ends proxy, servers and kernels, and after it whatever is left of them."""
        assert self._process.stdin
        self._process.stdin.close()  # the hub hears that its starter has gone
        try:
            self._process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._room.clear()

    def _wait(self, address: str) -> None:
        deadline = time.monotonic() + START_LIMIT
        while not _answers(address):
            self.seated()
            if time.monotonic() > deadline:
                raise SetupProblem(f"The hub did not answer at {address}; its log is {self.log}.")
            time.sleep(0.1)

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def _start(log: Path, settings: dict[str, dict[str, Any]]) -> subprocess.Popen[str]:
    log.touch(mode=0o600)
    with log.open("a", encoding="utf-8") as sink:
        hub = subprocess.Popen(
            [sys.executable, "-m", "labsupport.workshop.hub"],
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=sink,
            cwd=log.parent,
            env=surroundings(ROOT, Path(sys.executable), os.environ),
            start_new_session=True,
            text=True,
        )
    assert hub.stdin
    hub.stdin.write(json.dumps(settings) + "\n")  # through a pipe: nothing secret in a file or a command line
    hub.stdin.flush()
    return hub


def _answers(address: str) -> bool:
    unchecked = ssl._create_unverified_context()  # noqa: S323 - our own server, and nothing is told to it
    try:
        with urlopen(f"{address}/hub/health", timeout=5, context=unchecked):  # noqa: S310 - http or https
            return True
    except (URLError, OSError):
        return False
