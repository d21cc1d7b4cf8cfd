"""A cache with too little room: the model against brute force, and a real server beside the model."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_model_exact import requests, traffics

from labsupport import SpareServer, simulate, zipf_traffic
from labsupport.decide import replay_bounded
from labsupport.decide.bounded import _Full
from labsupport.errors import BadArgument
from labsupport.model import bounded_hits, live_entries
from labsupport.traffic import TrafficLog

patient = settings(deadline=None)  # a busy machine is no failure


def brute_force(traffic, ttl, entries, tick):
    """Hits, and the most entries at once: one dict, looked through from end to end at every request."""
    kept, hits, most = {}, [], 0  # key -> (moment of the fill, number of the last request)
    for number, (at, key) in enumerate(zip(traffic["at"] // tick * tick, traffic["key"])):
        kept = {name: entry for name, entry in kept.items() if at < entry[0] + ttl}
        hits.append(key in kept)
        if key not in kept and len(kept) == entries:
            del kept[min(kept, key=lambda name: kept[name][1])]
        kept[key] = kept.get(key, (at,))[0], number
        most = max(most, len(kept))
    return hits, most


@patient
@given(traffics(), st.integers(1, 12) | st.just(10**15), st.integers(1, 9), st.sampled_from([1, 2, 5]))
def test_every_request_and_the_most_entries_are_as_in_brute_force(traffic, life, entries, tick):
    hits, _ = brute_force(traffic, life * tick, entries, tick)
    assert bounded_hits(traffic, life * tick, entries, tick).tolist() == hits
    assert live_entries(traffic, life * tick, tick) == brute_force(traffic, life * tick, 10**9, tick)[1]


def test_with_room_for_all_that_live_at_once_it_is_the_cache_without_a_limit():
    traffic = zipf_traffic(20_000, courses=2_000, skew=0.9, rate=50, seed=9)
    most, unbounded = live_entries(traffic, 60), simulate(traffic, 4, 60, shared=True)
    assert np.array_equal(bounded_hits(traffic, 60, most), unbounded)
    rates = [bounded_hits(traffic, 60, most // part).mean() for part in (16, 8, 4, 2, 1)]
    assert sorted(set(rates)) == rates and rates[0] < unbounded.mean() / 2


def test_a_hit_saves_an_entry_and_an_expired_one_makes_room():
    assert bounded_hits(requests([0, 0, 0, 0, 0, 0], "abacab"), 60, 2).tolist() == [
        *(False, False, True),
        *(False, True, False),  # c threw out b, and not a
    ]
    assert bounded_hits(requests([0, 1, 3, 3], "abcb"), 3, 2).tolist() == [False, False, False, True]


def test_an_entry_that_came_back_lives_from_its_second_fill():
    assert bounded_hits(requests([0, 1, 2, 3], "abaa"), 3, 1).tolist() == [False, False, False, True]


@pytest.mark.parametrize(
    ("bad", "words"),
    [({"entries": 0}, "entries is"), ({"ttl": 2.5}, "ttl is"), ({"tick": 0}, "tick is")],
)
def test_a_bad_argument_of_the_model_is_one_sentence(bad, words):
    with pytest.raises(BadArgument, match=words):
        bounded_hits(**{"traffic": requests([0], "a"), "ttl": 60, "entries": 4} | bad)


def log_of(traffic, size):
    sizes = np.full(len(traffic["key"].cat.categories), size)
    return TrafficLog(traffic, sizes, notes=[], kept_one_in=1, lines=len(traffic), kind="CSV", files=1)


LOG = log_of(zipf_traffic(1_500, courses=300, skew=0.9, rate=10, seed=10), 400)


@pytest.fixture(scope="module")
def server():
    with SpareServer(maxmemory_policy="allkeys-lru") as server:
        yield server


def test_a_real_server_with_room_for_all_answers_as_the_model_says(server):
    server.redis.set("left", "over")
    assert np.array_equal(replay_bounded(server, LOG, 30, 10_000_000), simulate(LOG.traffic, 1, 30))
    assert server.redis.info("stats")["evicted_keys"] == 0
    assert server.redis.exists("left") == 0


def test_a_real_server_with_too_little_room_evicts_and_comes_near_to_exact_lru(server):
    exact = {entries: bounded_hits(LOG.traffic, 30, entries).mean() for entries in (20, 40)}
    hits = replay_bounded(server, LOG, 30, 20_000).mean()  # an entry takes 500 bytes and more
    assert server.redis.info("stats")["evicted_keys"] > 300
    assert exact[20] - 0.1 < hits < exact[40]


def test_a_payload_larger_than_the_room_is_thrown_out_and_stops_nothing(server):
    log = log_of(requests(np.arange(40) // 4, "abab" * 10).astype({"key": "category"}), 5_000_000)
    assert not replay_bounded(server, log, 60, 20_000).all()


def test_on_the_server_too_an_entry_that_came_back_lives_from_its_second_fill(server):
    cache = _Full(server.redis, ttl=3)
    assert not cache.asked(0, "lab:09:a", 10)
    server.redis.delete("lab:09:a")  # as the server itself does when it needs the room
    assert [cache.asked(second, "lab:09:a", 10) for second in (2, 3, 4, 5)] == [False, True, True, False]


def test_a_size_that_the_log_does_not_say_counts_as_1000_bytes(server):
    unknown = dataclasses.replace(LOG, sizes=np.full_like(LOG.sizes, -1))
    small = replay_bounded(server, log_of(LOG.traffic, 10), 30, 20_000).mean()
    assert small > replay_bounded(server, unknown, 30, 20_000).mean() + 0.1


def test_a_server_that_evicts_otherwise_is_refused():
    with SpareServer() as server, pytest.raises(BadArgument, match="policy is noeviction: take Spare"):
        replay_bounded(server, LOG, 30, 40_000)
