"""The notebooks under strict nbval: each, with and without its kernel's start, and the whole series."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator

from benchmarks.table import Goal, Group, Size
from strict_run import STRICT, TWO_AT_A_TIME

from labsupport import build

LIMIT = 60  # seconds for the whole series
PART = re.compile(r"^(\d+\.\d+)s (setup|call|teardown) +notebooks/(\d\d)-", re.MULTILINE)


def strict(*words: str) -> tuple[float, str]:
    """Run strict nbval: its seconds, and what it printed. RuntimeError: not every cell passed."""
    command = [sys.executable, *STRICT, "--durations=0", "-vv", *words]
    with tempfile.TemporaryDirectory() as data:
        begun = time.perf_counter()
        told = subprocess.run(
            command,
            cwd=build.NOTEBOOKS.parent,
            env={**os.environ, "LAB_DATA": data},
            capture_output=True,
            text=True,
        )
        took = time.perf_counter() - begun
    if told.returncode:
        raise RuntimeError(f"strict nbval failed:\n{told.stdout[-3000:]}{told.stderr[-1000:]}")
    return took, told.stdout


def notebooks(size: Size) -> Iterator[Group]:
    """Every notebook, one after the other: with the start and the end of its kernel, and without."""
    files = [str(build.NOTEBOOKS / f"{source.stem}.ipynb") for source in build.sources()]
    seconds: dict[str, float] = defaultdict(float)
    for took, part, number in PART.findall(strict(*(files[:1] if size.small else files))[1]):
        seconds[f"{number}, its cells alone"] += float(took) if part == "call" else 0
        seconds[f"{number}, with its kernel's start and end"] += float(took)
    shown = {who: [took] for who, took in sorted(seconds.items())}
    yield Group("notebooks: each under strict nbval", "seconds", shown)


def whole(size: Size) -> Iterator[Group]:
    """The whole series, in two processes."""
    which = "notebooks/00-start-here.ipynb" if size.small else "notebooks"
    took, told = strict(*TWO_AT_A_TIME, which)
    passed = re.findall(r"(\d+) passed", told)[-1]
    group = Group(
        "series: strict nbval of all notebooks, -n 2", "seconds", {f"{passed} cells passed": [took]}
    )
    group.goals.append(Goal("seconds", took, most=LIMIT))
    yield group
