"""Two tests at a time, in two processes: what stays together, what goes first, and who has the machine alone.

`pytest -n 2` (pytest-xdist) shares out the tests. The cells of a notebook stay in one process, as do the
tests of any other file, and so do all the browser tests, which share one JupyterLab.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

if sys.platform != "win32":
    import fcntl

BROWSER = "tests/browser"
# What takes longest, before all the rest: so neither process begins it when the other one is through.
FIRST = [BROWSER, "tests/test_notebooks.py", "tests/test_pipeline.py", "tests/test_labtime_between_cells.py"]


def group(nodeid: str) -> str:
    """What the test of this id stays together with: the tests of its file, or the browser tests."""
    file = nodeid.partition("::")[0]
    return BROWSER if file.startswith(f"{BROWSER}/") else file


def turn(nodeid: str) -> int:
    """When that group's turn is: its place in FIRST, or after all of these."""
    return FIRST.index(group(nodeid)) if group(nodeid) in FIRST else len(FIRST)


class OwnRoom:
    """Where tests run one after another."""

    shared = alone = contextlib.nullcontext


class SharedRoom:
    """Where each process of one run has a test of its own. A folder that all of them know holds the locks."""

    def __init__(self, folder: str) -> None:
        self._door, self._room = (
            Path(folder, name).open("w")  # noqa: SIM115 - held for as long as the process lives
            for name in ("door", "room")
        )

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        """In the room for as long as a test takes, whoever else is there."""
        self._come_in()
        try:
            yield
        finally:
            fcntl.flock(self._room, fcntl.LOCK_UN)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Within `shared`: wait until the others' tests have ended; their next ones wait for this block."""
        fcntl.flock(self._room, fcntl.LOCK_UN)  # two who stayed inside would wait for each other
        fcntl.flock(self._door, fcntl.LOCK_EX)  # and whoever comes from now on waits here
        fcntl.flock(self._room, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._room, fcntl.LOCK_SH)
            fcntl.flock(self._door, fcntl.LOCK_UN)

    def _come_in(self) -> None:
        fcntl.flock(self._door, fcntl.LOCK_EX)
        fcntl.flock(self._room, fcntl.LOCK_SH)
        fcntl.flock(self._door, fcntl.LOCK_UN)
