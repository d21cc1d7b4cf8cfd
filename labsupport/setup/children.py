"""Other programs: run one as a child that never outlives us, or become one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

Child = subprocess.Popen[str]


def _end(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def run_child(command: Sequence[str], cwd: Path, env: Mapping[str, str] | None = None) -> int:
    """Run a program to its end on our terminal and return its exit code."""
    return _watch(subprocess.Popen(command, cwd=cwd, env=env, text=True))


def run_child_hearing(command: Sequence[str], cwd: Path, hear: Callable[[str], None]) -> int:
    """The same, but `hear` gets each line of its stderr too; stdout, with its progress bars, is untouched."""

    def listen(child: Child) -> None:
        for line in child.stderr or ():
            print(line, end="", file=sys.stderr, flush=True)
            hear(line)

    child = subprocess.Popen(command, cwd=cwd, stderr=subprocess.PIPE, text=True, errors="replace")
    return _watch(child, listen)


def _watch(child: Child, meanwhile: Callable[[Child], None] = lambda child: None) -> int:
    before = signal.signal(signal.SIGTERM, _end)  # SIGTERM becomes an exception, so that `finally` runs
    try:
        meanwhile(child)
        return child.wait()
    except KeyboardInterrupt:  # Ctrl-C reached the child too: let it tidy up
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=10)
        raise
    finally:
        if child.poll() is None:  # a child left behind would go on writing into .venv
            child.terminate()
            child.wait()
        signal.signal(signal.SIGTERM, before)


def become(command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> int:
    """Turn this process into another one, so that Ctrl-C and signals reach it with nobody in between."""
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "nt":  # there exec starts a second process and returns to the prompt
        return run_child(command, cwd, env)
    os.chdir(cwd)
    return os.execve(command[0], list(command), dict(env))  # noqa: S606 - which does not return
