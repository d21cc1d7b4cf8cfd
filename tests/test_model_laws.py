"""The closed formulas against `simulate`, on long seeded traffic."""

import numpy as np
import pandas as pd
import pytest

from labsupport.model import expected_hit_rate, hit_rate_law, hit_rate_tick_law, simulate, worst_split


def poisson(count, rate, shares=(1.0,)):
    """Poisson arrivals at `rate` requests a second; key i is asked for with probability shares[i]."""
    rng = np.random.default_rng(204)  # not a seed that a route uses: the two would draw the same numbers
    codes = rng.choice(len(shares), size=count, p=shares)
    names = [f"course:{i}" for i in range(len(shares))]
    at = np.cumsum(rng.exponential(1 / rate, count))
    return pd.DataFrame({"at": at, "key": pd.Categorical.from_codes(codes, names)})


def zipf_shares(keys):
    weights = 1 / np.arange(1, keys + 1)
    return weights / weights.sum()


def finer(traffic, parts):
    """The same traffic on a clock with `parts` ticks a second: what is left is nearly continuous time."""
    return traffic.assign(at=traffic["at"] * parts)


@pytest.mark.parametrize(("rate", "ttl"), [(0.1, 1), (0.5, 5), (2, 5), (0.05, 60), (3, 1), (20, 2)])
def test_the_tick_law_holds_to_three_digits(rate, ttl):
    hits = simulate(poisson(500_000, rate), 1, ttl)
    assert hits.mean() == pytest.approx(hit_rate_tick_law(rate, ttl), abs=0.0015)


@pytest.mark.parametrize("load", [0.1, 0.5, 1, 2, 5, 20])
def test_the_law_holds_to_three_digits_when_ticks_are_short(load):
    traffic = finer(poisson(500_000, rate=1), parts=1_000)
    assert simulate(traffic, 1, int(load * 1_000)).mean() == pytest.approx(hit_rate_law(1, load), abs=0.0015)


def test_the_tick_law_becomes_the_law_when_ticks_get_short():
    assert hit_rate_tick_law(2 / 1e4, 5 * 1e4) == pytest.approx(hit_rate_law(2, 5), abs=1e-4)


def test_a_tick_shortens_a_ttl_by_half_a_tick():
    """About: that is why the law and the lab agree for TTLs of 60 ticks and more, and not for 5."""
    assert hit_rate_tick_law(0.5, 5) == pytest.approx(hit_rate_law(0.5, 4.5), abs=0.005)
    assert hit_rate_tick_law(0.5, 60) == pytest.approx(hit_rate_law(0.5, 60), abs=0.001)


@pytest.mark.parametrize("instances", [2, 4, 8])
def test_each_of_n_private_caches_sees_one_nth_of_the_key(instances):
    hits = simulate(poisson(500_000, rate=2), instances, 5, route="random", seed=1)
    assert hits.mean() == pytest.approx(hit_rate_tick_law(2 / instances, 5), abs=0.002)
    assert hit_rate_law(2, 5, instances) == hit_rate_law(2 / instances, 5)


def test_round_robin_lies_below_random_for_one_key():
    """.680 against .714 in continuous time: the turns keep requests of one instance apart."""
    traffic = finer(poisson(200_000, rate=2), parts=1_000)
    in_turn = simulate(traffic, 4, 5_000).mean()
    at_random = simulate(traffic, 4, 5_000, route="random").mean()
    assert in_turn == pytest.approx(0.680, abs=0.003)
    assert at_random == pytest.approx(0.714, abs=0.003)
    assert hit_rate_law(2, 5, instances=4) == pytest.approx(0.714, abs=0.0005)


def test_round_robin_is_as_good_as_random_with_two_hundred_keys():
    traffic = poisson(200_000, rate=200, shares=zipf_shares(200))
    assert simulate(traffic, 4, 20).mean() == pytest.approx(
        simulate(traffic, 4, 20, route="random").mean(), abs=0.002
    )


@pytest.mark.parametrize("route", ["random", "round_robin"])
@pytest.mark.parametrize("instances", [1, 4])
def test_the_fleet_law_predicts_the_warm_half_of_a_trace(instances, route):
    shares = zipf_shares(1_000)
    hits = simulate(poisson(600_000, 1_000, shares), instances, 5, route=route)
    assert hits[300_000:].mean() == pytest.approx(expected_hit_rate(shares * 1_000, 5, instances), abs=0.0015)


def test_the_fleet_law_counts_in_the_ticks_of_the_lab():
    shares = zipf_shares(100)
    hits = simulate(poisson(400_000, 100, shares), 2, 20, route="random", tick=5)
    assert hits[200_000:].mean() == pytest.approx(expected_hit_rate(shares * 100, 20, 2, tick=5), abs=0.0015)


def test_the_fleet_law_of_one_key_is_the_tick_law():
    assert expected_hit_rate([2.0], 5, instances=4) == pytest.approx(hit_rate_tick_law(0.5, 5))


def test_a_key_that_nobody_asks_for_changes_nothing():
    assert hit_rate_tick_law(0, 60) == 0
    assert expected_hit_rate([2.0, 0.0], 5) == expected_hit_rate([2.0], 5)


def test_the_laws_take_arrays():
    instances = np.arange(1, 9)
    assert hit_rate_law(2, 5, instances).shape == (8,)
    assert hit_rate_tick_law(2 / instances, 5).shape == (8,)
    assert worst_split(instances).shape == (8,)


@pytest.mark.parametrize("instances", [1, 2, 4, 9, 64])
def test_the_worst_split_is_at_the_root_of_n(instances):
    load = np.geomspace(0.01, 1_000, 100_001)
    loss = hit_rate_law(load, 1) - hit_rate_law(load, 1, instances)
    assert loss.max() == pytest.approx(worst_split(instances), abs=1e-6)
    if instances > 1:
        assert load[loss.argmax()] == pytest.approx(np.sqrt(instances), rel=0.01)


def test_four_instances_lose_at_most_a_third():
    assert worst_split(4) == pytest.approx(1 / 3)
