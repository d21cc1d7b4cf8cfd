"""What a cluster of three real nodes gives and takes: prints the table of when-one-redis-is-not-enough.md.

    python tests/benchmarks/cluster.py

Rows marked "exact" are asserted to come out the same everywhere; "measured" ones depend on the machine, and
the page has those of two cores. The servers are the bundled ones. It takes a minute.
"""

from __future__ import annotations

import contextlib
import os
import signal
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd
import redis
from redis.cluster import RedisCluster
from redis.crc import key_slot

sys.path.insert(0, str(Path(__file__).parent.parent))
from cluster import FIRST_SLOTS, Cluster, Node, lab_time_on, three_nodes
from servers import becomes_true

from labsupport import (
    Clock,
    CourseCatalog,
    FaultProxy,
    Fleet,
    LocalCache,
    SharedCache,
    simulate,
    zipf_traffic,
)
from labsupport.keys import Keys
from labsupport.server.address import Address

COURSES, REQUESTS, TTL = 1_000, 20_000, 60
HOT, SHARE = "course:204", 0.6  # of the requests, in the second traffic
KEYS = Keys("lab")
Row = tuple[str, str, str]


def zipf() -> pd.DataFrame:
    """Requests for many courses, some of them popular: 200 s of them."""
    return zipf_traffic(REQUESTS, COURSES, skew=1.0, rate=100, seed=204)


def one_hot_key() -> pd.DataFrame:
    """The same, but six of ten requests are for one course."""
    traffic = zipf()
    hot = np.random.default_rng(204).random(REQUESTS) < SHARE
    return traffic.assign(key=traffic["key"].astype(str).mask(hot, HOT))


def node_of(key: str) -> int:
    """Which of the three nodes has this key of the lab, 0 to 2."""
    return int(np.searchsorted(FIRST_SLOTS, key_slot(KEYS.name(key).encode()), side="right")) - 1


def keys_per_node() -> list[int]:
    """How many of the courses each node would hold, by arithmetic."""
    return np.bincount([node_of(f"course:{n}") for n in range(1, COURSES + 1)], minlength=3).tolist()


def commands_per_node(traffic: pd.DataFrame, hits: np.ndarray) -> list[int]:
    """How many commands each node gets, by arithmetic: a GET for each request, and a SET for each miss."""
    return np.bincount(traffic["key"].map(node_of).astype(int), 1 + ~hits, minlength=3).astype(int).tolist()


def percent(counts: list[int]) -> str:
    """The nodes' shares, such as "30 / 45 / 25 %"."""
    return " / ".join(f"{100 * count / sum(counts):.0f}" for count in counts) + " %"


class Near:
    """An instance's own copy for one second, before the cache that all share."""

    def __init__(self, shared: SharedCache, clock: Clock) -> None:
        self.own, self.shared = LocalCache(1, clock), shared

    def get(self, key: str) -> bytes | None:
        value = self.own.get(key)
        if value is None and (value := self.shared.get(key)) is not None:
            self.own.set(key, value)
        return value

    def set(self, key: str, value: bytes) -> None:
        self.shared.set(key, value)
        self.own.set(key, value)


def replayed(cluster: Cluster, traffic: pd.DataFrame, near: bool) -> list[int]:
    """Send the traffic through four instances and a cluster client; the commands that each node got."""
    clock = Clock()
    lab_time_on(cluster, KEYS, clock)
    with cluster.client() as client:
        shared = SharedCache(client, TTL, KEYS)
        for node in cluster.primaries:
            node.redis.flushall()
            node.redis.config_resetstat()
        fleet = Fleet(4, lambda: Near(shared, clock) if near else shared, CourseCatalog(), clock)
        hits = fleet.replay(traffic)["hit"].to_numpy()
        counts = [calls(node, "get") + calls(node, "set") for node in cluster.primaries]
    if not near:
        assert (hits == simulate(traffic, 4, TTL, shared=True)).all()
        assert counts == commands_per_node(traffic, hits)
    return counts


def calls(node: Node, command: str) -> int:
    """How often a node was sent this command since its numbers were reset."""
    return int(node.redis.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"])


def shares(cluster: Cluster) -> Iterator[Row]:
    """Where keys and commands go."""
    yield f"{COURSES:,} courses, keys per node", " / ".join(map(str, keys_per_node())), "exact"
    for what, traffic, near in [
        (f"{REQUESTS:,} requests by popularity (Zipf 1.0), commands per node", zipf(), False),
        (f"the same with {SHARE:.0%} for {HOT}", one_hot_key(), False),
        ("that, with a copy for 1 s in each of four instances", one_hot_key(), True),
    ]:
        counts = replayed(cluster, traffic, near)
        yield what, f"{percent(counts)} of {sum(counts):,}", "exact"


def redirections(cluster: Cluster) -> Iterator[Row]:
    """How often a node answers MOVED."""
    names = [KEYS.name(key) for key in zipf()["key"][:1_000]]
    with counting_moved(cluster) as told, cluster.client() as client:
        for name in names:
            ask_first(cluster, name)
        naive = told()
        assert naive == sum(node_of(key) != 0 for key in zipf()["key"][:1_000])
        for name in names:
            client.get(name)
        assert told() == naive
        cluster.move(key_slot(names[0].encode()), cluster.primaries[(node_of(zipf()["key"][0]) + 1) % 3])
        for name in names:
            client.get(name)
        after = told() - naive
        assert after == 1
    yield "1,000 reads that all ask the first node, MOVED", str(naive), "exact"
    yield "with a slot map (redis-py's RedisCluster)", "0", "exact"
    yield "with the map of before, one slot moved meanwhile", str(after), "exact"


def ask_first(cluster: Cluster, name: str) -> None:
    """Read as a client without a map does: from the first node, and from another one if that says so."""
    try:
        cluster.nodes[0].redis.get(name)
    except redis.exceptions.MovedError as moved:
        next(node for node in cluster.nodes if node.port == moved.port).redis.get(name)


@contextlib.contextmanager
def counting_moved(cluster: Cluster) -> Iterator[Callable[[], int]]:
    """A function that tells how often the nodes have answered MOVED since."""

    def told() -> int:
        errors = [node.redis.info("errorstats") for node in cluster.primaries]
        return sum(int(error.get("errorstat_MOVED", {"count": 0})["count"]) for error in errors)

    for node in cluster.primaries:
        node.redis.config_resetstat()
    yield told


def lost_reply(cluster: Cluster) -> Iterator[Row]:
    """What an INCR whose reply gets lost leaves in the counter."""
    name = KEYS.name("views")
    node = cluster.owner(key_slot(name.encode()))
    careless = RedisCluster.from_url(node.url, protocol=2)
    assert careless.retry.get_retries() == 10
    for what, client in [("as it comes", careless), ("with Retry(NoBackoff(), 0)", cluster.client())]:
        with client, FaultProxy(Address.from_url(node.url)) as proxy:
            client.delete(name)
            pool = client.get_redis_connection(client.get_node(node.host, node.port)).connection_pool
            pool.connection_class = proxy.client().connection_pool.connection_class
            pool.reset()
            proxy.lose_next_reply()
            with contextlib.suppress(redis.ConnectionError):
                client.incr(name)
            count = int(node.redis.get(name))
        assert count == {"as it comes": 2}.get(what, 1)
        yield f"one INCR whose reply is lost, RedisCluster {what}: the counter", str(count), "exact"


def lag(cluster: Cluster) -> Iterator[Row]:
    """How much later a replica knows: after one write, and after a burst of them."""
    for what, writes in [("one write", 1), ("a burst of 20,000 writes", 20_000)]:
        waits = [1_000 * seconds_behind(cluster, writes) for _ in range(25)]
        result = f"median {statistics.median(waits):.1f} ms, worst {max(waits):.1f} ms"
        yield f"the replica has it, after {what} of 1 kB to its primary", result, "measured"


def seconds_behind(cluster: Cluster, writes: int) -> float:
    """From the primary's answer to the last write until the replica has it."""
    name = next(f"lag:{n}" for n in range(100) if key_slot(f"lag:{n}".encode()) < FIRST_SLOTS[1])
    last = os.urandom(16).ljust(1_000)
    with redis.Redis.from_url(cluster.nodes[3].url, protocol=2, single_connection_client=True) as replica:
        replica.execute_command("READONLY")
        with cluster.nodes[0].redis.pipeline(transaction=False) as pipe:
            for number in range(1, writes + 1):
                pipe.set(name, last if number == writes else b"x" * 1_000)
            pipe.execute()
        began = time.perf_counter()
        while replica.get(name) != last:
            pass
        return time.perf_counter() - began


def failover(node_timeout: int) -> Iterator[Row]:
    """A primary is killed, and its replica takes over; nobody helps."""
    with three_nodes(replicas=1, node_timeout=node_timeout) as cluster:
        probes = [Probe(cluster, number) for number in range(3)]
        time.sleep(0.5)
        cluster.nodes[0].kill()
        heir, witness = cluster.nodes[3].port, cluster.nodes[1]
        healed = becomes_true(lambda: witness.told_owner(0) == heir and all(p.well for p in probes), 60)
        for probe in probes:
            probe.stop()
        assert healed
        gaps = [probe.gap for probe in probes]
        missing = sum(probe.lost() for probe in probes)
    what = f"a primary dies, node timeout {node_timeout / 1_000:g} s: no writes for; at the other two"
    yield what, f"{gaps[0]:.1f} s; {gaps[1]:.1f} and {gaps[2]:.1f} s", "measured"
    yield "acknowledged writes missing afterwards", str(missing), "measured"


def left_behind() -> Iterator[Row]:
    """The replica is cut off for a moment before the primary dies."""
    with three_nodes(replicas=1) as cluster:
        first, _, _, heir = cluster.nodes
        names = [name for n in range(3_000) if key_slot((name := f"k:{n}").encode()) < FIRST_SLOTS[1]][:600]
        for name in names[:500]:
            first.redis.set(name, 1)
        assert first.redis.wait(1, 10_000) == 1
        os.kill(pid := heir.redis.info("server")["process_id"], signal.SIGSTOP)
        first.redis.execute_command("CLIENT KILL TYPE replica")
        for name in names[500:]:
            first.redis.set(name, 1)
        first.kill()
        os.kill(pid, signal.SIGCONT)
        heir.redis.cluster("FAILOVER", "TAKEOVER")
        missing = sum(not heir.redis.exists(name) for name in names)
        assert missing == 100
    yield "600 writes, the last 100 while the replica is cut off, then a failover: missing", "100", "exact"


def without_a_replica() -> Iterator[Row]:
    """A primary dies that nobody can replace: the others notice, and refuse as well."""
    with three_nodes(node_timeout=1_000) as cluster:
        lost, witness, _ = cluster.primaries
        name = next(name for n in count() if node_of(name := f"course:{n}") == 1)
        witness.redis.set(KEYS.name(name), 1)
        lost.kill()
        assert becomes_true(lambda: witness.redis.cluster("INFO")["cluster_state"] == "fail", 30)
        with contextlib.suppress(redis.exceptions.ClusterDownError):
            raise AssertionError(witness.redis.get(KEYS.name(name)))
    yield "a primary dies without a replica: a read at another one", "refused, CLUSTERDOWN", "exact"


class Probe:
    """Writes to one node all the time, a new key each time, and notes how long that did not work."""

    def __init__(self, cluster: Cluster, number: int) -> None:
        first, following = FIRST_SLOTS[number : number + 2]
        self._names = (f"p:{n}" for n in count() if first <= key_slot(b"p:%d" % n) < following)
        self._client, self.done = cluster.client(socket_timeout=0.25), []
        self.gap, self.well, self._stopped = 0.0, False, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        last = time.monotonic()
        while not self._stopped.wait(0.005):
            name = next(self._names)
            try:
                self._client.set(name, 1)
            except Exception:
                self.well = False
                continue
            self.done.append(name)
            self.gap, last, self.well = max(self.gap, time.monotonic() - last), time.monotonic(), True

    def stop(self) -> None:
        """Write no more."""
        self._stopped.set()
        self._thread.join()

    def lost(self) -> int:
        """How many of the writes that were acknowledged are not there."""
        return sum(not self._client.exists(name) for name in self.done)


def main() -> int:
    """Print the table, row by row; 0."""
    print("| what | result | |\n|---|---|---|", flush=True)
    with three_nodes(replicas=1) as cluster:
        for part in (shares, redirections, lost_reply, lag):
            show(part(cluster))
    for rows in (failover(2_000), failover(15_000), without_a_replica(), left_behind()):
        show(rows)
    return 0


def show(rows: Iterator[Row]) -> None:
    """One line of the table each."""
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
