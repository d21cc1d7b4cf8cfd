"""The exact laws of lost updates: against all interleavings on real Redis, and against random ones."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from labsupport import final_law, random_orders, run_every_order, run_interleavings, two_clients_law
from labsupport.errors import BadArgument


def shares(lab, clients, increments=1):
    finals = run_interleavings(lab.redis, lab.keys, clients, "get_set", increments)["final"]
    return {value: count / len(finals) for value, count in sorted(Counter(finals.tolist()).items())}


@pytest.mark.parametrize("clients", [1, 2, 3, 4])
def test_the_law_is_what_all_interleavings_on_a_real_server_give(lab, clients):
    assert final_law(clients) == pytest.approx(shares(lab, clients))


@pytest.mark.parametrize("increments", [1, 2, 3])
def test_the_law_for_two_clients_is_what_a_real_server_gives(lab, increments):
    assert two_clients_law(increments) == pytest.approx(shares(lab, 2, increments))


@pytest.mark.parametrize("increments", [2, 3, 5, 8])
def test_two_is_the_least_that_two_clients_can_be_left_with_however_much_they_count(increments):
    law = two_clients_law(increments)
    assert (min(law), max(law)) == (2, 2 * increments)


def test_incr_keeps_every_increment_in_every_order(lab):
    finals = run_interleavings(lab.redis, lab.keys, 2, "incr", increments=4)["final"]
    assert len(finals) == 70 and (finals == 8).all()


@pytest.mark.parametrize("clients", range(2, 9))
def test_the_mean_and_the_chance_of_losing_nothing_are_the_closed_ones(clients):
    law = final_law(clients)
    assert sum(law.values()) == pytest.approx(1)
    mean = sum(value * share for value, share in law.items())
    assert mean == pytest.approx(float(sum(Fraction(1, 2 * c + 1) for c in range(clients))))
    assert law[clients] == pytest.approx(1 / np.prod(np.arange(1, 2 * clients, 2)))


@pytest.mark.parametrize(("clients", "increments"), [(2, 1), (2, 3), (3, 1), (4, 1)])
def test_orders_drawn_at_random_follow_the_exact_law(clients, increments):
    law = two_clients_law(increments) if clients == 2 else final_law(clients)
    finals = Counter(random_orders(clients, increments, 50_000, seed=clients).tolist())
    for value, share in law.items():
        assert finals[value] / 50_000 == pytest.approx(share, abs=0.01)
    assert set(finals) == set(law)


def test_random_orders_are_the_same_for_the_same_seed_only():
    first, again, other = (random_orders(2, 20, 50, seed).tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_every_order_of_unequal_clients_is_run_once_and_from_the_start():
    done = []

    def clients():
        done.clear()
        return [[lambda: done.append("a"), lambda: done.append("b")], [lambda: done.append("X")]]

    runs = run_every_order(clients, lambda: "".join(done))
    assert dict(zip(runs["schedule"], runs["final"])) == {
        (0, 0, 1): "abX",
        (0, 1, 0): "aXb",
        (1, 0, 0): "Xab",
    }


@pytest.mark.parametrize(
    "act",
    [
        lambda lab: run_interleavings(lab.redis, lab.keys, 2, "get_set", increments=5),
        lambda lab: run_interleavings(lab.redis, lab.keys, 2, "get_set", increments=0),
        lambda lab: run_every_order(lambda: [[print] * 30], print),
        lambda lab: final_law(0),
        lambda lab: two_clients_law(0.5),
        lambda lab: random_orders(2, 1, 0, seed=1),
    ],
)
def test_a_bad_argument_is_refused_before_anything_is_run(lab, act):
    sent = lab.redis.commands
    with pytest.raises(BadArgument):
        act(lab)
    assert lab.redis.commands == sent
