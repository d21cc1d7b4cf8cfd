"""How a room feels on this machine: real people by HTTP, each with the core of three notebooks.

    python tests/benchmarks/workshop.py LEARNERS [SECONDS]

Starts the command with that many learners. All log in at the same moment, and each runs the cells of the
core of 02, 03 and 06, one notebook after the other, in three kernels that stay open. Then it tells times
and memory (PSS: what processes share is divided among them), and ends; after SECONDS (480) in any case.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))
from room_client import Person, Workshop

from labsupport.workshop.options import MEMORY_MB

NOTEBOOKS = [
    "02-four-instances-four-dicts.ipynb",
    "03-one-shared-redis.ipynb",
    "06-lost-updates-and-incr.ipynb",
]
KINDS = {  # of the room's processes; the first that fits
    "hub": "labsupport.workshop.hub",
    "proxy": "traefik",
    "server": "jupyterhub.singleuser",
    "kernel": "ipykernel_launcher",
    "private Redis": "valkey-server|redis-server|watcher.py",
    "the kernels' own processes": "",
}
LEARNERS = list(KINDS)[2:]
LOST = "connections lost and made anew"
MIB = 1 << 20


def learn(card: dict[str, str]) -> dict[str, float]:
    """One learner's class. Returns the seconds of each part."""
    person = Person(card["address"], card["name"])
    seconds, began = {}, time.monotonic()
    person.log_in(card["password"])
    person.start_server(300)
    seconds["from log in to JupyterLab"] = time.monotonic() - began
    for notebook in NOTEBOOKS:
        began = time.monotonic()
        kernel = person.open_notebook(notebook)
        for source in person.cells(notebook, "core"):
            text, status = kernel.run(source)
            assert status == "ok", f"{person.name}, {notebook}: {status} after {text}"
        seconds[f"core of {notebook[:2]}"] = time.monotonic() - began
        seconds[LOST] = seconds.get(LOST, 0) + kernel.lost
    return seconds


def kind(words: str) -> str:
    return next(name for name, pattern in KINDS.items() if re.search(pattern, words))


def memory(workshop: Workshop) -> tuple[dict[str, list[float]], float]:
    """MiB of each process by its kind, and the largest RLIMIT_DATA that a kernel would have needed."""
    sizes, data = defaultdict(list), 0.0
    for process in workshop.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            name = kind(" ".join(process.cmdline()))
            sizes[name].append(process.memory_full_info().pss / MIB)
            if name == "kernel":
                status = Path(f"/proc/{process.pid}/status").read_text()
                data = max(data, int(re.search(r"VmData:\s+(\d+)", status)[1]) / 1024)
    return sizes, data


def told(name: str, seconds: list[float]) -> str:
    ordered = sorted(seconds)
    return f"{name:36}{ordered[0]:8.1f}{statistics.median(ordered):8.1f}{ordered[-1]:8.1f}"


@contextlib.contextmanager
def at_most(seconds: int) -> Iterator[None]:
    def late(*_: object) -> NoReturn:
        raise TimeoutError(f"not done after {seconds} s")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    yield
    signal.alarm(0)


def main(learners: int, limit: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        workshop = Workshop(Path(folder), learners, memory_mb=MEMORY_MB)
        up = time.monotonic() - began
        print(f"{learners} learners, {os.cpu_count()} cores; the hub was up after {up:.1f} s")
        try:
            with at_most(limit), ThreadPoolExecutor(learners) as pool:
                report(workshop, list(pool.map(learn, workshop.hand_out().values())))
        finally:
            began = time.monotonic()
            left = workshop.end(signal.SIGINT)
            print(f"the end took {time.monotonic() - began:.1f} s; still there: {left or 'nothing'}")


def report(workshop: Workshop, runs: list[dict[str, float]]) -> None:
    print(f"\n{'seconds':36}{'first':>8}{'median':>8}{'last':>8}")
    for name in (name for name in runs[0] if name != LOST):
        print(told(name, [run[name] for run in runs]))
    print(f"{LOST}: {sum(run[LOST] for run in runs)}")
    sizes, data = memory(workshop)
    print(f"\n{'MiB (PSS)':36}{'number':>8}{'median':>8}{'all':>8}")
    for name in filter(sizes.get, KINDS):
        each = sizes[name]
        print(f"{name:36}{len(each):8}{statistics.median(each):8.0f}{sum(each):8.0f}")
    learners = sum(sum(sizes[name]) for name in LEARNERS)
    print(f"{'a learner, with three kernels':36}{'':8}{learners / len(runs):8.0f}{learners:8.0f}")
    print(f"{'all together':36}{'':16}{sum(map(sum, sizes.values())):8.0f}")
    print(f"\nthe largest VmData of a kernel: {data:.0f} MiB")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 480)
