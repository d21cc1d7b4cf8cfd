"""A real cluster for tests: three servers that share the slots, each in its own folder, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.retry import Retry
from servers import becomes_true, foreign_server

from labsupport.clock import Clock
from labsupport.keys import Keys
from labsupport.labtime import LabTime
from labsupport.server.address import Address

SLOTS = 16_384
FIRST_SLOTS = (0, 5_461, 10_923, SLOTS)  # where each of three shares begins, as redis-cli deals them out


@dataclass(eq=False)
class Node:
    """One server of a cluster and a plain client of it, which follows nobody."""

    url: str
    redis: redis.Redis

    @property
    def host(self) -> str:
        """Where it listens."""
        return str(self.redis.connection_pool.connection_kwargs["host"])

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.redis.connection_pool.connection_kwargs["port"])

    @property
    def id(self) -> str:
        """Its name in the cluster."""
        return self.redis.execute_command("CLUSTER MYID").decode()

    @property
    def socket_url(self) -> str:
        """Its URL by way of a socket."""
        login = self.url.removeprefix("redis://").rpartition("@")[0]
        return f"unix://{login}@{self.redis.config_get('dir')['dir']}/socket"

    def told_owner(self, slot: int) -> int:
        """The port of the node that serves this slot, as far as this one knows."""
        shares = self.redis.cluster("SLOTS")
        return next(primary[1] for first, last, primary, *_ in shares if first <= slot <= last)

    def kill(self) -> None:
        """End it as a crash would."""
        os.kill(self.redis.info("server")["process_id"], signal.SIGKILL)


@dataclass(eq=False)
class Cluster:
    """Its nodes: the three primaries, then replicas of the first of them."""

    nodes: list[Node]
    password: str

    @property
    def primaries(self) -> list[Node]:
        """The three that were given slots."""
        return self.nodes[:3]

    def client(self, socket_timeout: float = 5) -> RedisCluster:
        """redis-py's client for all of them, which sends nothing twice."""
        starts = [ClusterNode(node.host, node.port) for node in self.nodes]
        login = {"password": self.password or None, "protocol": 2, "socket_timeout": socket_timeout}
        return RedisCluster(startup_nodes=starts, retry=Retry(NoBackoff(), 0), **login)

    def owner(self, slot: int) -> Node:
        """The node that serves this slot, as it says itself."""
        return next(node for node in self.nodes if node.port == node.told_owner(slot))

    def move(self, slot: int, target: Node) -> None:
        """Move a slot with its keys, as redis-cli --cluster reshard does."""
        source = self.owner(slot)
        self.begin_move(slot, target)
        while names := source.redis.cluster("GETKEYSINSLOT", slot, 1_000):
            source.redis.migrate(target.host, target.port, names, 0, 5_000, auth=self.password or None)
        for node in (target, source, *self.primaries):
            node.redis.cluster("SETSLOT", slot, "NODE", target.id)

    def begin_move(self, slot: int, target: Node) -> None:
        """From now on keys that are not there are asked for at the target."""
        source = self.owner(slot)
        target.redis.cluster("SETSLOT", slot, "IMPORTING", source.id)
        source.redis.cluster("SETSLOT", slot, "MIGRATING", target.id)


@contextlib.contextmanager
def three_nodes(
    password: str = "", binary: str | None = None, replicas: int = 0, node_timeout: int = 15_000
) -> Iterator[Cluster]:
    """Three primaries, and a replica for so many of them; `node_timeout` in milliseconds."""
    options = ["--cluster-enabled", "yes", "--cluster-node-timeout", str(node_timeout)]
    options += ["--repl-diskless-sync-delay", "0"]  # else a replica waits five seconds for others
    options += ["--unixsocket", "socket"]  # in the node's folder
    options += ["--masterauth", password] if password else []
    with contextlib.ExitStack() as stack:
        nodes = []
        for _ in range(3 + replicas):
            url = stack.enter_context(foreign_server(password, binary, options))
            client = redis.Redis.from_url(url, protocol=2, retry=Retry(NoBackoff(), 0), socket_timeout=5)
            nodes.append(Node(url, stack.enter_context(client)))
        _unite(nodes)
        yield Cluster(nodes, password)


def _unite(nodes: list[Node]) -> None:
    """Deal the slots out, introduce everybody, and wait until each knows all of it."""
    for number, node in enumerate(nodes):
        node.redis.cluster("SET-CONFIG-EPOCH", number + 1)
    for node, first, following in zip(nodes, FIRST_SLOTS, FIRST_SLOTS[1:], strict=False):
        node.redis.cluster("ADDSLOTSRANGE", first, following - 1)
    for node in nodes[1:]:
        node.redis.cluster("MEET", nodes[0].host, nodes[0].port)
    for primary, replica in zip(nodes, nodes[3:], strict=False):
        assert becomes_true(partial(_replicates, replica, primary.id), 30)
    # For its first two seconds a primary says that the cluster is down, and nothing makes that shorter.
    assert becomes_true(lambda: all(_sees(node, len(nodes)) for node in nodes), 30)
    assert becomes_true(
        lambda: all(node.redis.info("replication")["master_link_status"] == "up" for node in nodes[3:]), 30
    )


def _replicates(replica: Node, primary: str) -> bool:
    with contextlib.suppress(redis.ResponseError):  # it may not have heard of it yet
        replica.redis.cluster("REPLICATE", primary)
        return True
    return False


def _sees(node: Node, count: int) -> bool:
    told = node.redis.cluster("INFO")
    return (told["cluster_state"], told["cluster_known_nodes"], told["cluster_slots_ok"]) == (
        *("ok", str(count)),
        str(SLOTS),
    )


def lab_time_on(cluster: Cluster, keys: Keys, clock: Clock) -> None:
    """Move the deadlines of all keys on every primary with the clock: the cluster must be ours alone."""
    for node in cluster.primaries:
        client = Address.from_url(node.url).client(one_connection=True)
        clock.listeners.append(LabTime(client, keys, clock, whole_server=True))
