"""Scheduled races beside one schedule at a time, free ones beside redis-benchmark and bare sockets.

The clients of a free race are four Python processes. What they could reach at most is measured, too: four
processes that send the same ready bytes over a bare socket and do not look at the reply.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from multiprocessing.connection import Connection

import redis
from benchmarks.table import Goal, Group, Size, Values, in_turns

from labsupport import Lab, start_lab
from labsupport.races import Team, interleavings, run_interleavings
from labsupport.races.processes import Worker, end, undisturbed
from labsupport.races.workers import bound_to_parent
from labsupport.server.address import Address

CLIENTS = 4  # of either race
FREE, BARE = "free race: processes with redis-py", "as many with bare sockets: Python's ceiling"
INCR = "redis-benchmark, one process in C"
Clients = Callable[[int], tuple[float, int]]  # increments of each client -> how many a second, last value
THEIRS = "counter:__rand_int__"  # the key of redis-benchmark


def one_at_a_time(client: redis.Redis, name: str, clients: int) -> list[int]:
    """The final counter of every interleaving of GET and SET, a round trip for each step."""
    finals = []
    for schedule in interleavings(clients, 2):
        client.delete(name)
        read: dict[int, int] = {}
        for who in schedule:
            if who in read:
                client.set(name, read[who] + 1)
            else:
                read[who] = int(client.get(name) or 0)
        finals.append(int(client.get(name) or 0))
    return finals


def schedules(size: Size) -> Iterator[Group]:
    """All interleavings of four clients' GET and SET, on the same real server."""
    clients = 3 if size.small else CLIENTS
    with closing(start_lab("bench", lab_time=False, own=True)) as lab:
        alone = partial(one_at_a_time, lab.redis, lab.keys.name("one-at-a-time"), clients)
        together = partial(run_interleavings, lab.redis, lab.keys, clients, "get_set")
        seconds, results = in_turns(
            {"lock-step, a pipeline a step": together, "one at a time": alone}, size.rounds
        )
        ours, theirs = (
            list(result["final"]) if hasattr(result, "columns") else result for result in results.values()
        )
    yield Group(
        f"schedules: {len(ours):,} interleavings of {clients} clients on real Redis",
        "a second",
        {who: [len(ours) / each for each in took] for who, took in seconds.items()},
        "final counter of every schedule",
        [] if ours == theirs else ["one at a time"],
    )


def bare(pipe: Connection, address: Address, name: str) -> None:
    """A process that only sends and receives; it is told how often, and says when it is done."""
    message = b"*2\r\n$4\r\nINCR\r\n$%d\r\n%s\r\n" % (len(name), name.encode())
    with bound_to_parent(pipe), socket.socket(socket.AF_UNIX) as line:
        line.connect(address.settings["path"])
        while True:
            for _ in range(pipe.recv()):
                line.sendall(message)
                line.recv(64)  # one short line, so it comes whole
            pipe.send("done")


def bare_race(team: list[Worker], client: redis.Redis, name: str, increments: int) -> tuple[float, int]:
    """Increments a second of those processes together, and the counter's last value."""
    client.delete(name)
    start = time.perf_counter()
    for worker in team:
        worker.tell(increments)
    for worker in team:
        worker.hear()
    return len(team) * increments / (time.perf_counter() - start), int(client.get(name) or 0)


def free_race(team: Team, increments: int) -> tuple[float, int]:
    """The same of the course's own race."""
    race = team.race("incr", increments)
    return team.processes * increments / race.seconds, race.final


def in_c(client: redis.Redis, words: list[str], clients: int, increments: int) -> tuple[float, int]:
    """The same of redis-benchmark: one process with as many connections, none of which pipelines."""
    client.delete(THEIRS)
    command = [*words, "-n", str(clients * increments), "-t", "incr", "--csv"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    # it measures in milliseconds, so the rate of less than one is inf
    rate = re.search(r'^"INCR","([\d.]+|inf)"', told, re.MULTILINE)
    assert rate, told
    return float(rate[1]), int(client.get(THEIRS) or 0)


def free(size: Size) -> Iterator[Group]:
    """Increments a second of as many clients at once on one counter, on the same server."""
    clients, increments = (2, 100) if size.small else (CLIENTS, 5_000)
    others: list[Worker] = []
    with (
        closing(start_lab("bench", lab_time=False, own=True)) as lab,
        Team(lab.address, lab.keys, clients) as team,
    ):
        try:
            with undisturbed():
                others += [Worker(bare, lab.address, lab.keys.name("bare")) for _ in range(clients)]
            yield raced(racers(lab, team, others), clients, increments, size.rounds)
        finally:
            end(others)


def racers(lab: Lab, team: Team, others: list[Worker]) -> dict[str, Clients]:
    """Who races; redis-benchmark only where it is installed."""
    bare_ones = partial(bare_race, others, lab.redis, lab.keys.name("bare"))
    found: dict[str, Clients] = {FREE: partial(free_race, team), BARE: bare_ones}
    program = shutil.which("redis-benchmark") or shutil.which("valkey-benchmark")
    if program:
        words = [program, "-s", lab.address.settings["path"], "-c", str(len(others))]
        found[INCR] = partial(in_c, lab.redis, words, len(others))
    return found


def raced(peers: dict[str, Clients], clients: int, increments: int, rounds: int) -> Group:
    """All of them in turn, so often."""
    wanted, wrong = clients * increments, []
    rates: Values = {who: [] for who in peers}
    for peer in peers.values():
        peer(increments // 10)  # its processes have started and are warm
    for _ in range(rounds):
        for who, peer in peers.items():
            rate, final = peer(increments)
            rates[who].append(rate)
            wrong += [who] if final != wanted else []
    title = f"race: {clients} clients, {increments:,} INCR each, no pipelining, unix socket"
    group = Group(title, "a second", rates, f"final counter is {wanted:,}", wrong)
    if INCR in peers:
        group.goals.append(Goal("of redis-benchmark", group.median(FREE) / group.median(INCR), least=0.5))
    else:
        group.title += "; redis-benchmark is not installed (Debian: redis-tools), so it is left out"
    return group
