"""Seconds until one can begin: the imports, `start_lab`, and the command `lab`, on a new clone and later.

The command is timed until the JupyterLab that it starts answers. A cold start needs the network. Where its
time goes is read from what it prints: pip says "Installing collected packages" when all of them are here.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.table import Goal, Group, Size, in_turns

ROOT = Path(__file__).parents[2]
LIBRARIES = "import IPython, ipywidgets, matplotlib.figure, numpy, pandas, redis"
IMPORTS = "from labsupport import Fleet, simulate, start_lab; from labsupport.explorers import explore"
PYTHONS = {
    "a notebook's imports, and start_lab": f"{IMPORTS}; start_lab('bench')",
    "a notebook's imports": IMPORTS,
    "import labsupport": "import labsupport",
    "the libraries alone": LIBRARIES,
    "Python alone": "",
}
ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+/)lab\S*\?token=(\w+)")
LOCAL = urllib.request.build_opener(urllib.request.ProxyHandler({}))
STEPS = {  # what the command prints when a part of a cold start is over -> that part
    "Collecting ": "a new .venv, and the pins read",
    "Installing collected packages": "found and downloaded, which the network decides",
    "Set-up is complete": "installed, which the disk decides",
    "": "JupyterLab, until it answers",
}
WARM_LIMIT = 5  # seconds
PYTHON = getattr(sys, "_base_executable", sys.executable)  # the system's, if this one is of a .venv


def pythons(size: Size) -> Iterator[Group]:
    """New Pythons, from their start to their end."""
    runs = {
        who: partial(subprocess.run, [sys.executable, "-c", code], check=True)
        for who, code in PYTHONS.items()
    }
    seconds, _ = in_turns(runs, 1 if size.small else size.rounds)
    yield Group("imports: a new Python, from its start to its end", "seconds", seconds)


def warm(size: Size) -> Iterator[Group]:
    """`lab` in this folder, as it is. The first start may have something to set up, so it does not count."""
    mine = ROOT / "my-notebooks"
    kept = mine.exists()
    try:
        _, *took = [sum(started(ROOT, PYTHON).values()) for _ in range(2 if size.small else 4)]
    finally:
        if not kept:
            shutil.rmtree(mine, ignore_errors=True)
    yield warm_group("warm: `python3 -m labsupport lab --no-browser` until it answers", took)


def warm_group(title: str, took: list[float]) -> Group:
    """The seconds of warm starts."""
    group = Group(title, "seconds", {"JupyterLab answers": took})
    group.goals.append(Goal("seconds", group.median("JupyterLab answers"), most=WARM_LIMIT))
    return group


def cold(size: Size) -> Iterator[Group]:
    """`lab` in a new clone without .venv, run by a Python without packages; then the same twice more."""
    with clone() as place:
        first = started(place, PYTHON)
        took = [sum(started(place, PYTHON).values()) for _ in range(1 if size.small else 2)]
    shown = {"in all": [sum(first.values())]} | {part: [seconds] for part, seconds in first.items()}
    yield Group(
        "cold: the first `lab` in a new clone, without .venv and without pip's cache", "seconds", shown
    )
    yield warm_group("cold: the second `lab` there", took)


@contextlib.contextmanager
def clone() -> Iterator[Path]:
    """A copy of what is here, as a clone has it: what git knows, nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "course"
        known = subprocess.check_output(["git", "-C", ROOT, "ls-files", "-z"], text=True).split("\0")
        for name in filter(None, known):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).exists():
                shutil.copy2(ROOT / name, place / name)
        yield place


def started(place: Path, python: str) -> dict[str, float]:
    """Run the command until JupyterLab answers, and end it: the seconds of each part."""
    words = [python, "-m", "labsupport", "lab", "--no-browser"]
    with tempfile.TemporaryDirectory() as home:
        here = {
            **os.environ,
            "HOME": home,
            "LAB_DATA": home,
            "PIP_CACHE_DIR": f"{home}/pip",
        }  # nothing from before
        begun = time.perf_counter()
        command = subprocess.Popen(
            words,
            cwd=place,
            env=here,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return parts(command, begun)
        finally:
            os.killpg(command.pid, signal.SIGKILL)
            command.communicate()


def parts(command: subprocess.Popen[str], begun: float) -> dict[str, float]:
    """How long each part of STEPS took, from what the command prints, until the address in it answers."""
    took, left = {}, list(STEPS.items())
    assert command.stdout
    for line in command.stdout:
        for step in [pair for pair in left if pair[0] and pair[0] in line]:
            took[step[1]] = time.perf_counter() - begun - sum(took.values())
            left = left[left.index(step) + 1 :]
        if address := ADDRESS.search(line):
            answers(*address.groups())
            return took | {left[-1][1]: time.perf_counter() - begun - sum(took.values())}
    raise RuntimeError(f"`lab` ended with {command.wait()} before it gave an address")


def answers(address: str, token: str) -> None:
    """Wait until the page is there."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), LOCAL.open(f"{address}lab?token={token}", timeout=5) as page:
            if page.status == 200:
                return
        time.sleep(0.02)
    raise RuntimeError("JupyterLab did not answer within a minute")
