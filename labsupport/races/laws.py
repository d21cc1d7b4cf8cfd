"""What GET and SET keep when all orders are equally likely: exact laws, and random orders as arithmetic."""

from __future__ import annotations

from collections import Counter
from math import comb

import numpy as np
from numpy.typing import NDArray

from labsupport.checks import whole_number

Shares = dict[int, float]  # final value -> share of all interleavings that end at it


def final_law(clients: int) -> Shares:
    """Where a counter ends after one GET+SET increment of each of `clients`, over all interleavings.

    The final value is 1 plus one more with chance 1/3, 1/5, ... 1/(2 * clients - 1), independently, so the
    mean is 1 + 1/3 + 1/5 + ... and nothing is lost in 1 of 1 * 3 * 5 * ... orders. Source: fitted to the
    exact counts of all interleavings, checked for 2 to 8 clients, not proved; the tests compare it with
    real Redis.
    """
    shares = np.array([1.0])  # shares[v]: v increments kept
    for client in range(whole_number("clients", clients)):
        kept = 1 / (2 * client + 1)
        shares = np.convolve(shares, [1 - kept, kept])
    return {value: float(share) for value, share in enumerate(shares) if share > 0}


def two_clients_law(increments: int) -> Shares:
    """The same for two clients that make several increments each, one after the other.

    Source: counting. Orders that have come to the same point (steps done, counter, what each client has read
    and not yet written) go on alike, so they are counted together.
    """
    steps = 2 * whole_number("increments", increments)
    start = (0, 0, 0, 0, 0)  # steps of A, steps of B, counter, what A has read, what B has read
    points: Counter[tuple[int, ...]] = Counter({start: 1})
    for _ in range(2 * steps):
        following: Counter[tuple[int, ...]] = Counter()
        for point, orders in points.items():
            for client in (0, 1):
                if point[client] < steps:
                    following[_stepped(point, client)] += orders
        points = following
    finals: Counter[int] = Counter()
    for point, orders in points.items():
        finals[point[2]] += orders
    return {value: finals[value] / comb(2 * steps, steps) for value in sorted(finals)}


def _stepped(point: tuple[int, ...], client: int) -> tuple[int, ...]:
    """The point after the client's next step: a GET, or the SET of what it read plus one."""
    done, counter, read = list(point[:2]), point[2], list(point[3:])
    if done[client] % 2 == 0:
        read[client] = counter
    else:
        counter, read[client] = read[client] + 1, 0
    done[client] += 1
    return (*done, counter, *read)


def random_orders(clients: int, increments: int, runs: int, seed: int) -> NDArray[np.int64]:
    """Final counters of `runs` interleavings drawn at random, all equally likely, of GET+SET increments.

    Each client makes `increments` of them; the counter starts at 0. As arithmetic, for numbers of
    increments at which nobody can run all orders.
    """
    rng = np.random.default_rng(whole_number("seed", seed, least=0))
    turns = np.repeat(np.arange(whole_number("clients", clients)), 2 * whole_number("increments", increments))
    turns = rng.permuted(np.tile(turns, (whole_number("runs", runs), 1)), axis=1)
    row, counter = np.arange(runs), np.zeros(runs, dtype=np.int64)
    held = np.full((runs, clients), -1)  # what each client has read and not yet written; -1: nothing
    for who in turns.T:
        read = held[row, who]
        counter = np.where(read < 0, counter, read + 1)
        held[row, who] = np.where(read < 0, counter, -1)
    return counter
