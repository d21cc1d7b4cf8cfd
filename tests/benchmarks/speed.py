"""How fast is it all, beside what one would use instead? One command, one table, about five minutes.

    pip install -r .ci/requirements.txt      # cachetools and numba; redis-benchmark is the system's own
    python tests/benchmarks/speed.py [ROW ...] [--rounds 5] [--suite SECONDS]

What is compared runs in turn, in one go, and the median counts; a ratio is to the first line of its group.
Peers must come to equal results: if one does not, the table names it and this ends with status 1. A missed
goal is told, but is no error: how fast a machine is today is no property of the course. Give it a quiet one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks import memory, races, series, simulate, slider, starts
from benchmarks.table import Goal, Group, Size

ROWS: dict[str, Callable[[Size], Iterator[Group]]] = {
    "simulate": simulate.groups,
    "schedules": races.schedules,
    "race": races.free,
    "explorer": slider.groups,
    "imports": starts.pythons,
    "memory": memory.groups,
    "notebooks": series.notebooks,
    "series": series.whole,
    "warm": starts.warm,
    "cold": starts.cold,
}
SUITE_LIMIT = 600  # seconds for .ci/run


def table(rows: list[str], size: Size) -> int:
    """Print these rows as they come; how many peers disagreed."""
    disagreed = 0
    for name in rows:
        for group in ROWS[name](size):
            print("\n".join(group.lines()), flush=True)
            disagreed += len(group.disagreed)
    return disagreed


def main() -> int:
    """Measure what is asked for; 0 if all peers agreed, 1 if not."""
    ask = argparse.ArgumentParser(description="the course's speed, beside what one would use instead")
    ask.add_argument(
        "rows", nargs="*", metavar="ROW", choices=[[], *ROWS], help=f"of {', '.join(ROWS)} (all)"
    )
    ask.add_argument("--rounds", type=int, default=5, help="runs of each peer, the median counts (5)")
    ask.add_argument("--small", action="store_true", help="a hundredth of the work: that all agree, no speed")
    ask.add_argument("--suite", type=float, metavar="SECONDS", help="what .ci/run said that it took")
    given = ask.parse_args()
    disagreed = table(given.rows or list(ROWS), Size(given.rounds, given.small))
    if given.suite:
        print(f"\nsuite: .ci/run, as given\n  {Goal('seconds', given.suite, most=SUITE_LIMIT)}")
    return 1 if disagreed else 0


if __name__ == "__main__":
    sys.exit(main())
