"""How fast is `simulate`, beside the loops that one would write instead? Every request is compared.

    pip install cachetools==8.0.1
    python tests/benchmarks/simulate.py [--trace FILE.csv.gz] [--repeat 5] [--requests 1000000]

Every peer gets what it likes best (lists of str keys, whole ticks, owners worked out beforehand), while the
time of `simulate` includes checking, routing and clock. All run in turn, in one process, with the garbage
collector off (as timeit does); the median counts. With the collector on, or with many live objects in the
process, the dict loops have been seen up to 1.9 times slower. Ends with status 1 if any peer disagrees on
any request.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from cachetools import TTLCache
from numpy.typing import ArrayLike, NDArray

from labsupport.caches import LocalCache
from labsupport.clock import Clock
from labsupport.model import simulate
from labsupport.routes import assign, lab_ticks
from labsupport.traffic import zipf_traffic

INSTANCES = 4
TRACE = Path(__file__).parents[2] / "notebooks" / "data" / "twitter-cluster52.csv.gz"
VALUE = b"{}"  # what the caches keep; nobody looks at it
Run = Callable[[], ArrayLike]


class Row(NamedTuple):
    """One traffic to measure, and the TTL in seconds that goes with it."""

    name: str
    traffic: pd.DataFrame
    ttl: int


class Requests(NamedTuple):
    """The same traffic as the loops like it: for each request its tick, its instance and its key."""

    ticks: list[int]
    owners: list[int]
    keys: list[str]


def with_cachetools(requests: Requests, ttl: int) -> list[bool]:
    """cachetools.TTLCache on lab time; expired when now >= filled + ttl, as ours are."""
    now, room = 0, len(requests.keys)
    caches: list[TTLCache[str, bytes]] = [TTLCache(room, ttl, timer=lambda: now) for _ in range(INSTANCES)]
    hits = []
    for tick, owner, key in zip(*requests, strict=True):
        now = tick  # what the timer reads
        cache = caches[owner]
        hit = cache.get(key) is not None
        if not hit:
            cache[key] = VALUE
        hits.append(hit)
    return hits


def with_course_class(requests: Requests, ttl: int) -> list[bool]:
    """The course's LocalCache: a dict behind a class, on the course's Clock."""
    clock = Clock()
    caches = [LocalCache(ttl, clock) for _ in range(INSTANCES)]
    hits, passed = [], 0
    for tick, owner, key in zip(*requests, strict=True):
        if tick > passed:
            clock.advance(tick - passed)
            passed = tick
        cache = caches[owner]
        hit = cache.get(key) is not None
        if not hit:
            cache.set(key, VALUE)
        hits.append(hit)
    return hits


def with_plain_dict(requests: Requests, ttl: int) -> list[bool]:
    """A dict of (value, expires) for each instance, all written out in one loop."""
    caches: list[dict[str, tuple[bytes, int]]] = [{} for _ in range(INSTANCES)]
    hits = []
    for now, owner, key in zip(*requests, strict=True):
        cache = caches[owner]
        entry = cache.get(key)
        hit = entry is not None and now < entry[1]
        if not hit:
            cache[key] = (VALUE, now + ttl)
        hits.append(hit)
    return hits


PEERS: dict[str, Callable[[Requests, int], list[bool]]] = {
    "cachetools.TTLCache": with_cachetools,
    "dict behind a class": with_course_class,
    "plain dict loop": with_plain_dict,
}


def timed(run: Run) -> tuple[float, ArrayLike]:
    """Seconds that `run` takes with the garbage collector off, and its result."""
    gc.collect()
    gc.disable()
    start = time.perf_counter()
    result = run()
    seconds = time.perf_counter() - start
    gc.enable()
    return seconds, result


def measure(row: Row, repeat: int) -> bool:
    """Print one table for `row`; True if all peers agree with `simulate` on every request."""
    requests = as_lists(row.traffic)
    runs: dict[str, Run] = {name: partial(peer, requests, row.ttl) for name, peer in PEERS.items()}
    runs["simulate"] = partial(simulate, row.traffic, INSTANCES, row.ttl)
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    hits: dict[str, NDArray[np.bool_]] = {}
    for _ in range(repeat):
        for name, run in runs.items():  # in turn, so that a noisy minute hits them all
            took, answer = timed(run)
            seconds[name].append(took)
            hits[name] = np.asarray(answer)
    return show(row, seconds, hits)


def as_lists(traffic: pd.DataFrame) -> Requests:
    """What the loops need, ready made."""
    ticks, owners = lab_ticks(traffic["at"].to_numpy(), 1), assign(traffic, INSTANCES)
    return Requests(ticks.tolist(), owners.tolist(), traffic["key"].tolist())


def show(row: Row, seconds: dict[str, list[float]], hits: dict[str, NDArray[np.bool_]]) -> bool:
    """Print the table of one row; True if all hits are equal, request by request."""
    ours, count, keys = hits["simulate"], len(row.traffic), row.traffic["key"].nunique()
    print(f"\n{row.name}: {count:,} requests, {keys:,} keys, {INSTANCES} instances, TTL {row.ttl} s,")
    print(f"hit rate {ours.mean():.4f}; ratio: how many times as long as simulate")
    print(f"{'peer':<22}{'seconds':>9}{'spread':>16}{'requests/s':>13}{'ratio':>8}  hits equal")
    agreed = {name: bool(np.array_equal(ours, theirs)) for name, theirs in hits.items()}
    for name, each in seconds.items():
        took, spread = statistics.median(each), f"{min(each):.3f}-{max(each):.3f}"
        ratio, equal = took / statistics.median(seconds["simulate"]), "yes" if agreed[name] else "NO"
        print(f"{name:<22}{took:>9.3f}{spread:>16}{count / took:>13,.0f}{ratio:>8.1f}  {equal}")
    return all(agreed.values())


def read_trace(path: Path) -> pd.DataFrame:
    """A trace as traffic; its first two columns are the time in seconds and the key."""
    trace = pd.read_csv(path).iloc[:, :2].set_axis(["at", "key"], axis="columns")
    return trace.assign(at=trace["at"].astype(float), key=trace["key"].astype(str).astype("category"))


def rows(requests: int, trace: Path) -> list[Row]:
    """Few hot keys, many keys, and the real trace if there is one."""
    made = [
        Row("Zipf 1.0", zipf_traffic(requests, 1_000, 1.0, 1_000, 204), 5),
        Row("Zipf 1.0", zipf_traffic(requests, 100_000, 1.0, 1_000, 204), 60),
    ]
    return made + ([Row(trace.name, read_trace(trace), 60)] if trace.exists() else [])


def main() -> int:
    """Measure every row; 0 if all agree, 1 if not."""
    ask = argparse.ArgumentParser(description="simulate against cachetools and dict loops, hit for hit")
    ask.add_argument("--trace", type=Path, default=TRACE, help="a CSV of time and key, plain or .gz")
    ask.add_argument("--repeat", type=int, default=3, help="runs of each, the median counts (3)")
    ask.add_argument("--requests", type=int, default=1_000_000, help="size of the made traffic")
    given = ask.parse_args()
    agreed = [measure(row, given.repeat) for row in rows(given.requests, given.trace)]
    return 0 if all(agreed) else 1


if __name__ == "__main__":
    sys.exit(main())
