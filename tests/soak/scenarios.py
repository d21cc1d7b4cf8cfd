"""Replays a million requests of random scenarios on real servers; `simulate` must say the same of each.

    python tests/soak/scenarios.py                                  # all servers, a fifth of it on each
    python tests/soak/scenarios.py --server redis-7.0 --requests 200000 --seed 42

A line for each server. Only requests that a Redis answers count towards --requests; the dicts' come on top.
Status 1: fleet and model disagree; the smallest scenario that still shows it is then printed, as code.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # before this folder, whose `scenarios` this is

from agreement import SEEDS, Tally, first_difference, tally
from known_servers import all_known, known
from shrinking import code, smallest

from labsupport import start_lab
from labsupport.lab import Lab
from labsupport.server.clients import name_and_pid

AGAIN = 5
DONE = {
    "instance": "restarts of an instance",
    "server": "of the server",
    "reset": "lab.reset",
    "parked": "pauses between cells",
    "button": "buttons pressed in a pause",
}


def soak(name: str, program: str, requests: int, seed: int) -> Tally:
    """As many requests on this server; prints its line, and the counter-example if there is one."""
    os.environ.pop("REDIS_URL", None)
    os.environ["LAB_REDIS_SERVER"] = program
    lab, began = start_lab("scenarios"), time.monotonic()
    try:
        sums = tally(lab, seed, requests)
        print(line(f"{name} ({name_and_pid(lab.redis)[0]})", sums, time.monotonic() - began), flush=True)
        if sums.wrong:
            print(counterexample(lab, name, sums), flush=True)
    finally:
        lab.close()
    return sums


def line(name: str, sums: Tally, seconds: float) -> str:
    """All that was counted, in one line."""
    asked, wrong = sums.on_redis + sums.by_dicts, int(sums.wrong is not None)
    done = ", ".join(f"{sums.done[what]:,} {words}" for what, words in DONE.items())
    return (
        f"{name}: {asked:,} requests ({sums.on_redis:,} asked the server, {sums.by_dicts:,} dicts) in "
        f"{sums.scenarios:,} scenarios ({done}), {sums.hits:,} hits, {wrong} disagreements, "
        f"{sums.slipped} not counted since the lab said that real time disturbed them, "
        f"{seconds:.0f} s, {asked / seconds:,.0f} requests/s"
    )


def counterexample(lab: Lab, name: str, sums: Tally) -> str:
    """The smallest scenario as code, and whether it shows every time: if not, real time has a part in it."""
    assert sums.wrong
    small = smallest(sums.wrong, lambda smaller: first_difference(lab, smaller))
    shown = sum(first_difference(lab, small) > 0 for _ in range(AGAIN))
    return code(small, f"Found on {name} with seed {sums.seed}; shown {shown} of {AGAIN} times.")


def main() -> int:
    """Each server in turn; 0 if all agree, 1 if not."""
    ask = argparse.ArgumentParser(description="Model = Redis, request for request, in random scenarios")
    ask.add_argument("--requests", type=int, default=1_000_000, help="in all, on Redis (1,000,000)")
    ask.add_argument("--server", default="all", help=f"all, or one of {', '.join(known())}")
    ask.add_argument("--seed", type=int, default=8, help="of the first scenario; the others count on (8)")
    given = ask.parse_args()
    servers = all_known() if given.server == "all" else {given.server: known().get(given.server, "")}
    if not all(servers.values()):
        ask.error(f"{given.server} is not here; these are: {', '.join(known())}")
    share, began = -(-given.requests // len(servers)), time.monotonic()
    sums = [
        soak(name, program, share, given.seed + SEEDS * number)
        for number, (name, program) in enumerate(servers.items())
    ]
    if len(servers) > 1:
        print(line(f"{len(servers)} servers", sum(sums, Tally()), time.monotonic() - began))
    return int(any(each.wrong for each in sums))


if __name__ == "__main__":
    sys.exit(main())
