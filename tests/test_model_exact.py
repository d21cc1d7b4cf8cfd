"""`simulate` against brute force: every request of every traffic, hit for hit."""

import math
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labsupport.errors import BadArgument
from labsupport.model import hits, simulate
from labsupport.routes import assign

ROUTES = ["round_robin", "random", "by_key", lambda index, key: (index * index + len(key)) % 2]


def requests(at, keys):
    return pd.DataFrame({"at": np.asarray(at, dtype=float), "key": list(keys)})


def brute_force(traffic, instances, ttl, shared=False, route="round_robin", seed=0, tick=1):
    """One dict for each instance: the rule in its plainest form."""
    caches = [{} for _ in range(instances)]
    owners = [0] * len(traffic) if shared else assign(traffic, instances, route, seed)
    hits = []
    for at, key, owner in zip(traffic["at"], traffic["key"], owners, strict=True):
        now, filled = math.floor(at / tick) * tick, caches[owner].get(key, -math.inf)
        hits.append(now < filled + ttl)
        if not hits[-1]:
            caches[owner][key] = now
    return hits


patient = settings(deadline=None)  # a busy machine is no failure


@st.composite
def traffics(draw):
    """Ties and bursts, calm and long gaps, a first request at any time, few keys and many."""
    gap = st.sampled_from([0.0, 0.0, 0.1, 0.5, 1.0, 2.0, 5.0]) | st.floats(0, 30) | st.floats(0, 1e6)
    gaps = draw(st.lists(gap, min_size=1, max_size=80))
    keys = st.sampled_from(draw(st.sampled_from(["a", "ab", "abcdefgh"])))
    keys = draw(st.lists(keys, min_size=len(gaps), max_size=len(gaps)))
    return requests(np.cumsum(gaps), [f"course:{key}" for key in keys])


@settings(deadline=None, max_examples=300)
@given(
    traffic=traffics(),
    instances=st.integers(1, 6),
    life=st.integers(1, 12) | st.sampled_from([10**6, 10**15]),
    tick=st.sampled_from([1, 2, 5]),
    shared=st.booleans(),
    route=st.sampled_from(ROUTES),
    seed=st.integers(0, 3),
    rounds=st.sampled_from([0, 1, 256]),
)
def test_every_request_is_as_in_brute_force(traffic, instances, life, tick, shared, route, seed, rounds):
    """Whichever way the chains are followed: all at once (256 rounds), singly (0), or one after the other."""
    instances = max(instances, 2) if callable(route) else instances  # the function names two instances
    case = (traffic, instances, life * tick, shared, route, seed, tick)
    with mock.patch.object(hits, "ROUNDS", rounds):
        assert simulate(*case).tolist() == brute_force(*case)


@patient
@given(traffic=traffics(), instances=st.integers(1, 6), ttl=st.integers(1, 12))
def test_one_shared_cache_equals_routing_by_key(traffic, instances, ttl):
    shared = simulate(traffic, instances, ttl, shared=True)
    assert shared.tolist() == simulate(traffic, instances, ttl, route="by_key").tolist()
    assert shared.tolist() == simulate(traffic, 1, ttl).tolist()


@patient
@given(traffic=traffics(), shift=st.integers(0, 10**6))
def test_only_whole_ticks_of_difference_count(traffic, shift):
    whole = traffic.assign(at=np.floor(traffic["at"]))
    later = whole.assign(at=whole["at"] + shift)
    assert simulate(traffic, 3, 4).tolist() == simulate(later, 3, 4).tolist()


@patient
@given(traffic=traffics())
def test_categorical_plain_and_object_keys_give_the_same_hits(traffic):
    hits = simulate(traffic, 3, 4).tolist()
    for kind in ("category", object):
        assert simulate(traffic.astype({"key": kind}), 3, 4).tolist() == hits


@pytest.mark.parametrize("tick", [1, 2, 5])
def test_the_boundary_instant_is_a_miss(tick):
    """Filled at 0: hits up to the last tick before the TTL is over, and none at that very instant."""
    traffic = requests([0, 3 * tick - 0.01, 3 * tick, 3 * tick], "aaaa")
    assert simulate(traffic, 1, 3 * tick, tick=tick).tolist() == [False, True, False, True]


def test_a_hit_does_not_prolong_the_entry():
    assert simulate(requests([0, 4, 5], "aaa"), 1, ttl=5).tolist() == [False, True, False]


def test_an_entry_lives_from_the_tick_of_its_fill():
    """Filled at 0.9, which is lab time 0, so it is gone at 5 and not at 5.9."""
    assert simulate(requests([0.9, 4.9, 5.0], "aaa"), 1, ttl=5).tolist() == [False, True, False]


def test_four_private_caches_each_miss_once_and_one_shared_cache_misses_once():
    traffic = requests(np.zeros(8), "a" * 8)
    assert simulate(traffic, 4, 60).tolist() == [False] * 4 + [True] * 4
    assert simulate(traffic, 4, 60, shared=True).tolist() == [False] + [True] * 7


def test_each_instance_and_key_is_a_world_of_its_own():
    """Neighbours in the sorted order, the last of one slot and the first of the next, share no time."""
    traffic = requests([0, 0, 1, 1], "abab")
    assert simulate(traffic, 2, 100).tolist() == [False, False, True, True]
    assert simulate(traffic, 3, 100).tolist() == [False] * 4


@pytest.mark.parametrize("shared", [False, True])
def test_more_slots_than_16_bits_can_number(shared):
    """100,000 keys in 4 caches need two passes of the sort; brute force agrees on 60,000 requests."""
    rng = np.random.default_rng(11)
    at, codes = np.sort(rng.uniform(0, 100, 60_000)), np.minimum(rng.zipf(1.2, 60_000), 100_000) - 1
    keys = pd.Categorical.from_codes(codes[::-1], [f"course:{i}" for i in range(100_000)])
    traffic = pd.DataFrame({"at": at, "key": keys})
    assert codes.max() * 4 > 2**16
    hits = simulate(traffic, 4, 7, shared, "random", 3)
    assert hits.tolist() == brute_force(traffic, 4, 7, shared, "random", 3)
    assert 0.1 < hits.mean() < 0.9


@pytest.mark.parametrize("ttl", [60, 10**10])
@pytest.mark.parametrize("late", [2**31 - 2, 2**31 - 1, 2**31, 2**32 + 1, 10**11])
def test_more_ticks_than_32_bits_can_number(late, ttl):
    traffic = requests([0, 0, late, late], "abab")
    assert simulate(traffic, 1, ttl).tolist() == brute_force(traffic, 1, ttl)


def test_more_slots_than_32_bits_can_number():
    traffic = requests([0, 0, 0], "aba")
    assert simulate(traffic, 2**32, 60, route=lambda index, key: 0).tolist() == [False, False, True]


@pytest.mark.parametrize("latest", [254, 255])
def test_the_numbers_may_come_as_small_as_they_fit(latest):
    slot, now = np.array([0, 0, 1, 1], dtype=np.uint8), np.array([0, latest, 0, latest], dtype=np.uint8)
    assert hits.hits_at(slot, now, [latest, latest + 1]).tolist() == [0, 2]


def test_a_million_refills_of_one_hot_key_are_found():
    """Every second request of one key is a refill: the longest chain there is."""
    traffic = pd.DataFrame(
        {"at": np.arange(1e6), "key": pd.Categorical.from_codes(np.zeros(10**6, int), ["a"])}
    )
    assert np.array_equal(simulate(traffic, 1, ttl=2), np.arange(10**6) % 2 == 1)


@pytest.mark.parametrize("keys", [1, 40, 3_000])
def test_the_number_of_rounds_does_not_grow_with_the_chains(keys):
    """A round is one call of searchsorted; chains of 100,000 refills cost no more rounds than any others."""
    count = np.arange(200_000)
    names = pd.Categorical.from_codes(count % keys, [f"course:{i}" for i in range(keys)])
    traffic = pd.DataFrame({"at": count // keys, "key": names})
    with mock.patch.object(np, "searchsorted", wraps=np.searchsorted) as search:
        hits = simulate(traffic, 1, ttl=2)
    assert np.array_equal(hits, traffic["at"] % 2 == 1)
    assert search.call_count <= 300


def test_the_answer_is_one_bool_for_each_request():
    hits = simulate(requests([0.5], "a"), 4, 60)
    assert hits.dtype == bool
    assert hits.tolist() == [False]


def test_the_traffic_is_left_as_it_was():
    traffic = requests([3, 3, 9], "aba")
    before = traffic.copy(deep=True)
    simulate(traffic, 2, 5, route="by_key")
    pd.testing.assert_frame_equal(traffic, before)


def test_a_slice_with_its_old_index_and_categories_is_traffic_too():
    whole = requests([0, 1, 2, 3, 4], "abcab").astype({"key": "category"})
    assert simulate(whole.iloc[1:], 1, 60).tolist() == [False, False, False, True]


@pytest.mark.parametrize("ttl", [60, 60.0, np.int64(60), np.float64(60)])
def test_a_ttl_may_come_as_any_type_of_whole_number(ttl):
    assert simulate(requests([0, 59, 60], "aaa"), 1, ttl).tolist() == [False, True, False]


GOOD = {"traffic": requests([0, 1], "ab"), "instances": 4, "ttl": 60}


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        *[({"ttl": ttl}, "ttl is") for ttl in (0, -60, 2.5, True, float("nan"), float("inf"), "60", None)],
        ({"ttl": 3, "tick": 2}, "whole number of ticks of 2"),
        *[({"tick": tick}, "tick is") for tick in (0, 0.5, 1.5, -1, True, float("nan"))],
        *[({"instances": instances}, "instances is") for instances in (0, -1, 2.5, True, None)],
        ({"route": "sticky"}, "round_robin, random, by_key"),
        ({"route": "sticky", "shared": True}, "round_robin, random, by_key"),
        ({"seed": -1}, "seed is -1"),
        ({"traffic": requests([], "")}, "empty"),
        ({"traffic": requests([1, 0], "ab")}, "ascending"),
        ({"traffic": requests([0, np.nan], "ab")}, "finite"),
        ({"traffic": pd.DataFrame({"key": ["a"]})}, "'at'"),
    ],
)
def test_a_bad_argument_gets_one_sentence(bad, words):
    with pytest.raises(BadArgument, match=words) as caught:
        simulate(**GOOD | bad)
    assert isinstance(caught.value, ValueError)
    assert str(caught.value).endswith(".")
    assert ". " not in str(caught.value)
