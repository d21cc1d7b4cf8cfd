"""Runs the strict nbval series again and again: on each server, on quiet and on busy cores.

    python tests/soak/series.py --servers all              # once on each server, as the lab's own
    python tests/soak/series.py --servers all --foreign    # and once as somebody else's, named by REDIS_URL
    python tests/soak/series.py --times 50 --busy 25       # 50 runs in a row, 25 of them on busy cores

A line a run. A run passes if every cell of every notebook was run and compared, no other server than the one
meant was seen (five looks a second), and no process and no temporary file of it is left. Status 1: a run
failed; its log is kept.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(1, str(Path(__file__).parents[1]))
sys.path.insert(1, str(Path(__file__).parents[2]))
from known_servers import all_known, known
from strict_run import Outcome, Run, make

from labsupport.setup.problem import ROOT

Done = list[tuple[Run, Outcome]]


def planned(servers: list[str], foreign: bool, times: int, busy: int) -> list[Run]:
    """The servers in turn, as often as wanted (0: each once); the busy runs come last."""
    places = [(server, by_url) for by_url in ([False, True] if foreign else [False]) for server in servers]
    times = times or len(places)
    return [Run(*places[i % len(places)], busy=i >= times - busy) for i in range(times)]


def make_all(runs: list[Run], keep: Path) -> int:
    """All of them in turn, a line each, and the counts at the end; 1 if one failed, 130 if interrupted."""
    keep.mkdir(parents=True, exist_ok=True)
    done: Done = []
    began, status = time.monotonic(), 0
    try:
        for number, run in enumerate(runs, 1):
            log = keep / f"series-{number:03}.log"
            done.append((run, make(run, log)))
            print(f"{number:3} of {len(runs)}  {line(*done[-1], log)}", flush=True)
            if not done[-1][1].wrong:
                log.unlink()
    except KeyboardInterrupt:
        status = 130
    print(summary(done, len(runs), time.monotonic() - began), flush=True)
    return status or int(any(outcome.wrong for _, outcome in done))


def line(run: Run, outcome: Outcome, log: Path) -> str:
    """When, where, on which cores, what pytest said and how long it took; what is wrong, if anything is."""
    told = f"{time.strftime('%d %b %H:%M:%S')}  {run.where:23} {'busy' if run.busy else 'quiet':5}"
    told += f"  {outcome.said}, {outcome.seconds:.0f} s"
    return f"{told}  FAILED: {'; '.join(outcome.wrong)}; see {log}" if outcome.wrong else told


def summary(done: Done, wanted: int, seconds: float) -> str:
    """How many runs passed, and where."""
    passed = [run for run, outcome in done if not outcome.wrong]
    told = f"Strict series: {len(passed)} of {len(done)} runs passed in {seconds / 60:.0f} minutes"
    told += f", {sum(run.busy for run in passed)} of them on busy cores"
    where = Counter(run.where for run in passed)
    told += "".join(f"\n  {number} on {place}" for place, number in where.items())
    return told if len(done) == wanted else f"{told}\nInterrupted: {wanted - len(done)} runs were not made."


def main(words: list[str]) -> int:
    """Read the options, make the runs; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--servers", nargs="+", default=["valkey-9.1"], metavar="NAME", help="names such as redis-7.0, or all"
    )
    add("--foreign", action="store_true", help="also on each as a server that REDIS_URL names")
    add("--times", type=int, default=0, help="runs in all, the servers in turn (default: one on each)")
    add("--busy", type=int, default=0, help="so many of them, the last ones, on busy cores")
    add("--keep", type=Path, default=ROOT / ".ci" / "soak", help="folder for the logs of failures")
    options = parser.parse_args(words)
    servers = list(all_known()) if options.servers == ["all"] else options.servers
    if missing := set(servers) - set(known()):
        parser.error(f"there is no {', '.join(sorted(missing))}; known here: {', '.join(known())}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    return make_all(planned(servers, options.foreign, options.times, options.busy), options.keep)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
