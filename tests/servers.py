"""Servers for tests: one that is not ours, on a port and with a password, as REDIS_URL would name it."""

from __future__ import annotations

import contextlib
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import redis

import labsupport.server
from labsupport.server import choose_server

WATCHER = Path(labsupport.server.__file__).with_name("watcher.py")


@contextlib.contextmanager
def foreign_server(
    password: str = "", binary: str | None = None, arguments: Sequence[str] = ()
) -> Iterator[str]:
    """A server on a loopback port: its URL. Gone afterwards. `arguments`: more options of the server."""
    options = ["--requirepass", password] if password else []
    command = [binary or choose_server({}).where, *options, *arguments]
    watcher, port = _start_on_a_port(command, password)
    try:
        login = f":{quote(password, safe='')}@" if password else ""
        yield f"redis://{login}127.0.0.1:{port}/0"
    finally:
        _end(watcher)


def _start_on_a_port(command: list[str], password: str) -> tuple[subprocess.Popen[bytes], int]:
    for _ in range(20):  # somebody else may take the free port first
        port = free_port()
        watcher, pid = _start([*command, "--port", str(port)])
        if _is_ours(port, password, pid, watcher):
            return watcher, port
        _end(watcher)
    raise AssertionError("no server came up on any of 20 ports")


def free_port() -> int:
    """One that nobody uses now; somebody may take it first."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(command: list[str]) -> tuple[subprocess.Popen[bytes], int]:
    folder = f"{tempfile.gettempdir()}/rforeign-{secrets.token_hex(8)}"
    options = ["--bind", "127.0.0.1", "--save", "", "--dir", folder, "--logfile", f"{folder}/log"]
    watcher = subprocess.Popen(
        [sys.executable, "-I", "-S", str(WATCHER), folder, *command, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert watcher.stdout
    return watcher, int(watcher.stdout.readline())


def _is_ours(port: int, password: str, pid: int, watcher: subprocess.Popen[bytes]) -> bool:
    """Wait until the process that we started answers there; False if it ended or another one answers."""
    deadline = time.monotonic() + 10
    with redis.Redis(port=port, password=password or None, socket_timeout=2, protocol=2) as client:
        client.set_retry(redis.retry.Retry(redis.backoff.NoBackoff(), 0))
        while watcher.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(redis.RedisError):
                if client.info("server")["process_id"] == pid:
                    return True
            time.sleep(0.005)
    return False


def _end(watcher: subprocess.Popen[bytes]) -> None:
    with watcher:  # closes the pipes, and waits
        pass


def becomes_true(condition: Callable[[], object], seconds: float = 10.0) -> bool:
    """Whether the condition holds within this time; looks again and again, and returns as soon as it does."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return bool(condition())


# The exact moment of a deadline: Redis 6 has no PEXPIRETIME, and after TIME a millisecond may pass.
_DEADLINES = """
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local deadlines = {}
for i, name in ipairs(KEYS) do
  local before, left, after
  repeat
    before, left, after = now(), redis.call('PTTL', name), now()
  until before == after
  deadlines[i] = left < 0 and left or before + left
end
return deadlines
"""


def contents(client: redis.Redis, names: Iterable[bytes]) -> dict[bytes, tuple[bytes, int]]:
    """Of each of these keys the exact content, and the moment of its deadline in ms; below 0: it has none."""
    keys = sorted(names)
    deadlines = client.eval(_DEADLINES, len(keys), *keys)
    with client.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.dump(key)
        return dict(zip(keys, zip(pipe.execute(), deadlines, strict=True), strict=True))
