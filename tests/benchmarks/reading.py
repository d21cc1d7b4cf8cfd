"""How long does `read_log` take for a large access log, and how much memory? One process for each row.

    python tests/benchmarks/reading.py [--lines 1000000 2000000 4000000] [--sampled 8000000]

The log is made: Combined Log Format, about 200 bytes a line, 100 lines a second, keys of very unequal
popularity, 1 in 50 lines for a key of its own. The last row holds at most a million requests of twice as many
lines. Seconds are of processor time; memory is the peak of the whole process, Python and pandas included,
and what of it was there before the reading began.
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from labsupport.traffic import read_log

BROWSER = '"https://learn.example.org/courses" "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Firefox/128.0"'
UNIT = 1 if sys.platform == "darwin" else 1 << 10  # of ru_maxrss, in bytes


def write_log(path: Path, lines: int) -> None:
    """A log with this many lines; a longer one begins with the same lines."""
    pick = random.Random(204)
    with path.open("w") as log:
        for i in range(lines):
            second, once = i // 100, i % 50 == 0
            stamp = f"{1 + second // 86400:02d}/Oct/2000:" + time.strftime(
                "%H:%M:%S", time.gmtime(second % 86400)
            )
            course = f"once/{i}" if once else int(20_000 ** pick.random())
            request = f'"GET /api/courses/{course}?page={i % 7} HTTP/1.1" 200 {1000 + i % 977}'
            log.write(f"198.51.100.{i % 250} - - [{stamp} +0000] {request} {BROWSER}\n")


def peak() -> float:
    """The most memory that this process ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT / 1e6


def measure(path: str, most: int) -> None:
    """Read the log once and print its row."""
    before, start = peak(), time.process_time()
    log = read_log(path, most=most)
    took = time.process_time() - start
    kept, keys = len(log.traffic), log.traffic["key"].nunique()
    print(
        f"{log.lines:>12,}{took:>9.1f}{1e6 * took / log.lines:>12.2f}{peak():>10.0f}{before:>10.0f}"
        f"{kept:>12,}{keys:>10,}  1 key in {log.kept_one_in}",
        flush=True,
    )


def main() -> None:
    """Print the table."""
    ask = argparse.ArgumentParser(description="read_log: time and memory against size")
    ask.add_argument("--lines", type=int, nargs="*", default=[1_000_000, 2_000_000, 4_000_000])
    ask.add_argument("--sampled", type=int, default=8_000_000, help="lines of the last row (0: none)")
    ask.add_argument("--row", nargs=2, metavar=("FILE", "MOST"), help="only this row (used by itself)")
    given = ask.parse_args()
    if given.row:
        return measure(given.row[0], int(given.row[1]))
    print("       lines  seconds     us/line   peak MB    before        kept      keys")
    rows = [(lines, 5_000_000) for lines in given.lines] + [(given.sampled, 1_000_000)] * bool(given.sampled)
    with tempfile.TemporaryDirectory() as folder:
        for lines, most in rows:
            path = Path(folder) / "access.log"
            write_log(path, lines)
            subprocess.run([sys.executable, __file__, "--row", str(path), str(most)], check=True)
    return None


if __name__ == "__main__":
    main()
