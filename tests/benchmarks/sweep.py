"""What reading a log and sweeping it cost, in seconds and in memory, for 1, 2 and 4 million lines.

    python tests/benchmarks/sweep.py [--millions 1 2 4] [--processes 2]

Each size gets an access log of its own in a temporary folder (made traffic: Zipf 1.0 over 100,000 keys,
1,000 requests a second), and a fresh Python that reads it with `read_log` and sweeps it: 12 TTLs from a
second to a day, 2, 4, 8 and 16 instances, private and shared. A peak is the most memory that this Python
ever had in RAM, its packages included, as the system says (ru_maxrss); with --processes the sweep runs on a
pool whose own memory is not in it. "us" are microseconds for one line, or for one line at one TTL and number
of caches: they stay what they are when the log grows, so the cost is linear.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from labsupport.decide import sweep
from labsupport.traffic import read_log, zipf_traffic

TTLS = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 86_400]
INSTANCES = [2, 4, 8, 16]
CHUNK = 500_000  # lines written at once
KIB = 1 if sys.platform == "darwin" else 1_024  # bytes in a unit of ru_maxrss


def write_log(path: str, lines: int) -> None:
    """An access log of so many requests. Not in the first process: a peak is handed down to its children."""
    traffic = zipf_traffic(lines, courses=100_000, skew=1.0, rate=1_000, seed=204)
    with Path(path).open("w") as file:
        for start in range(0, lines, CHUNK):
            part = traffic.iloc[start : start + CHUNK]
            when = pd.to_datetime(part["at"], unit="s", origin=pd.Timestamp("2026-01-05 08:00"))
            stamps, keys = when.dt.strftime("%d/Jan/2026:%H:%M:%S +0000"), part["key"]
            file.writelines(
                f'192.0.2.1 - - [{stamp}] "GET /{key.replace(":", "/")} HTTP/1.1" 200 {400 + len(key)}\n'
                for stamp, key in zip(stamps, keys, strict=True)
            )


def peak() -> float:
    """Megabytes at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB / 1e6


def pool(processes: int) -> ProcessPoolExecutor | nullcontext[None]:
    """So many processes, or none."""
    return ProcessPoolExecutor(processes, mp_context=get_context("spawn")) if processes else nullcontext()


def measure(path: str, executor: Executor | None) -> dict[str, float]:
    """What it costs here, in a Python that has done nothing else yet."""
    empty, start = peak(), time.perf_counter()
    log = read_log(path)
    read, after_reading = time.perf_counter(), peak()
    grid = sweep(log.traffic, TTLS, INSTANCES, executor=executor)
    swept = time.perf_counter()
    requests = int(grid["requests"].iloc[0])
    costs = {"requests": requests, "read": read - start, "sweep": swept - read}
    return costs | {"empty": empty, "reading": after_reading, "sweeping": peak()}


def main() -> int:
    """Measure every size, each in a process of its own; 0."""
    ask = argparse.ArgumentParser(description="what reading and sweeping a log cost")
    ask.add_argument("--millions", type=float, nargs="+", default=[1, 2, 4], help="sizes (1 2 4)")
    ask.add_argument("--processes", type=int, default=0, help="of the pool that sweeps (0: none)")
    ask.add_argument("--write", help=argparse.SUPPRESS)
    ask.add_argument("--measure", help=argparse.SUPPRESS)
    given = ask.parse_args()
    if given.write:
        write_log(given.write, int(given.millions[0] * 1e6))
        return 0
    if given.measure:
        with pool(given.processes) as executor:
            print(json.dumps(measure(given.measure, executor)))
        return 0
    print(f"{'lines':>11}{'read s':>9}{'us':>7}{'sweep s':>9}{'us':>7}   peak MB: empty, reading, sweeping")
    for millions in given.millions:
        with tempfile.TemporaryDirectory() as folder:
            log = f"{folder}/access.log"
            run_self("--write", log, "--millions", str(millions))
            said = run_self("--measure", log, "--processes", str(given.processes))
        show(json.loads(said.splitlines()[-1]))
    return 0


def run_self(*words: str) -> str:
    """This program once more, in a process of its own: what it printed."""
    command = [sys.executable, __file__, *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def show(costs: dict[str, float]) -> None:
    """One row of the table."""
    lines, cells = int(costs["requests"]), len(TTLS) * (len(INSTANCES) + 1)
    print(
        f"{lines:>11,}{costs['read']:>9.2f}{1e6 * costs['read'] / lines:>7.2f}"
        f"{costs['sweep']:>9.2f}{1e6 * costs['sweep'] / lines / cells:>7.3f}"
        f"{costs['empty']:>18.0f}{costs['reading']:>9.0f}{costs['sweeping']:>10.0f}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
