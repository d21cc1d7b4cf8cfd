"""Which server programs the tests know on this machine. Each is asked what it is, so no name can lie.

`python tests/known_servers.py` prints them.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from labsupport.server import choose_server

PACKAGED = Path(__file__).parents[1] / ".ci" / "servers"  # .ci/run installs there what .ci/servers.txt names


def known() -> dict[str, str]:
    """Name ("redis-6.2", "valkey-9.1") -> program, the oldest Redis first; only those that are there."""
    found: dict[str, str] = {}
    for program in _programs():
        if name := version(program):
            found.setdefault(name, program)
    return dict(sorted(found.items(), key=lambda item: _order(item[0])))


def all_known() -> dict[str, str]:
    """The same, for who claims "on all servers". SystemExit: one that LAB_SERVERS asks for is not there."""
    if missing := set(os.environ.get("LAB_SERVERS", "").split()) - set(known()):
        raise SystemExit(f"LAB_SERVERS asks for {', '.join(sorted(missing))}; here are {', '.join(known())}.")
    return known()


def _programs() -> Iterator[str]:
    yield choose_server({}).where  # the course's own
    yield from sorted(map(str, PACKAGED.glob("*/bin/*-server")))
    yield from filter(None, map(shutil.which, ("redis-server", "valkey-server")))


@functools.cache
def version(program: str) -> str:
    """ "redis-7.0" or the like, as the program itself says; "" if it does not run here."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60).stdout
    except OSError:  # made for another system
        return ""
    told = re.match(r"(Redis|Valkey) server v=(\d+\.\d+)", said)
    return f"{told[1].lower()}-{told[2]}" if told else ""


def spoken(name: str) -> str:
    """How the lab tells a learner of this server: "redis-7.0" is "Redis 7.0."."""
    return f"{name.replace('-', ' ').capitalize()}."


def _order(name: str) -> tuple[str, list[int]]:
    kind, _, number = name.partition("-")
    return kind, [int(part) for part in number.split(".")]


if __name__ == "__main__":
    for name, program in known().items():
        print(name, program)
