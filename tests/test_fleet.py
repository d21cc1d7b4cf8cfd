"""The fleet: what its log holds, when its events happen, and what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from labsupport import Clock, CourseCatalog, Fleet, LocalCache, SharedCache, simulate, start_lab, zipf_traffic
from labsupport.errors import BadArgument
from labsupport.fleet import instance_name


def requests(at, keys):
    return pd.DataFrame({"at": np.asarray(at, dtype=float), "key": list(keys)})


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def catalog():
    return CourseCatalog()


@pytest.fixture
def fleet(clock, catalog):
    """A function that makes a fleet of private caches with a TTL of 60 s."""

    def make(instances=2, cache=None, **options):
        return Fleet(instances, cache or (lambda: LocalCache(60, clock)), catalog, clock, **options)

    return make


# What the log holds


@pytest.mark.parametrize("kind", ["str", "category", object])
def test_the_log_has_a_row_for_each_request_in_the_order_of_the_traffic(fleet, kind):
    traffic = requests([0.25, 0.5, 0.5, 61.75], ["course:2", "course:1", "course:2", "course:2"])
    log = fleet().replay(traffic.astype({"key": kind}))
    assert list(log.columns) == ["at", "instance", "key", "hit"]
    assert log["at"].tolist() == [0.25, 0.5, 0.5, 61.75]
    assert log["key"].tolist() == traffic["key"].tolist()
    assert log["instance"].tolist() == [0, 1, 0, 1]
    assert log["hit"].tolist() == [False, False, True, False]
    assert log["hit"].dtype == bool
    assert isinstance(log["key"].dtype, pd.CategoricalDtype) == (kind == "category")
    assert log.index.tolist() == [0, 1, 2, 3]


def test_a_slice_of_a_larger_traffic_is_replayed_as_it_stands(fleet):
    part = requests([0, 1, 2, 3], "abcb").astype({"key": "category"}).iloc[1:]
    log = fleet(1).replay(part)
    assert log["at"].tolist() == [1, 2, 3]
    assert log["hit"].tolist() == [False, False, True]


def test_the_traffic_is_left_as_it_was_even_if_the_log_is_changed(fleet):
    for traffic in (requests([0, 1], "ab"), requests([0, 1], "ab").astype({"key": "category"})):
        before = traffic.copy(deep=True)
        log = fleet().replay(traffic)
        log.loc[0, ["at", "key"]] = [7.0, "b"]
        pd.testing.assert_frame_equal(traffic, before)


def test_every_request_is_a_hit_or_a_read_at_the_origin(fleet, catalog):
    log = fleet(4).replay(zipf_traffic(500, 20, 1.0, 5, seed=1))
    assert log["hit"].sum() + catalog.reads == 500
    assert 0 < log["hit"].sum() < 500


def test_instances_have_short_names(fleet):
    assert [instance.name for instance in fleet(4).instances] == list("ABCD")
    assert [instance_name(number) for number in (25, 26, 27, 52)] == ["Z", "A1", "B1", "A2"]


@pytest.mark.parametrize("route", ["round_robin", "random", "by_key", lambda index, key: (index * index) % 3])
def test_the_route_is_the_models(fleet, route):
    traffic = zipf_traffic(300, 20, 1.0, 5, seed=1)
    log = fleet(3, route=route, seed=5).replay(traffic)
    assert (log["hit"] == simulate(traffic, 3, 60, route=route, seed=5)).all()


# Time


def test_all_requests_of_a_tick_see_the_same_lab_time(clock, catalog):
    seen = []

    class Watch(LocalCache):
        def get(self, key):
            seen.append(clock.now())
            return super().get(key)

    clock = Clock(tick=5)
    Fleet(1, lambda: Watch(10, clock), catalog, clock, tick=5).replay(requests([3, 4.9, 5, 9.9, 27], "aaaaa"))
    assert seen == [0, 0, 5, 5, 25]


def test_a_second_replay_counts_from_the_clocks_present_reading(fleet, clock):
    two = fleet(2)
    two.replay(requests([0, 1, 50], "aaa"))
    assert clock.now() == 50
    log = two.replay(requests([0, 9, 11], "aaa"))
    assert log["at"].tolist() == [0, 9, 11]
    assert log["instance"].tolist() == [0, 1, 0]  # the turns begin again
    assert clock.now() == 61
    assert log["hit"].tolist() == [True, True, False]  # A filled at 0 and again at 61, B at 1


def test_the_clock_is_told_that_it_stands_still_within_a_tick_and_settles_at_the_end(clock, catalog):
    told = []

    class Listener:
        def settle(self, seconds):
            told.append(seconds)

        def hold(self):
            told.append("hold")

    clock.listeners.append(Listener())
    Fleet(1, lambda: LocalCache(60, clock), catalog, clock).replay(requests([0, 0, 3, 3], "aaaa"))
    assert told == ["hold", "hold", 3, "hold", 0]


# Events


def test_events_happen_at_their_lab_time_before_that_ticks_requests(clock, catalog):
    seen = []

    class Watch(LocalCache):
        def get(self, key):
            seen.append((clock.now(), key))
            return super().get(key)

    def note(name):
        return lambda: seen.append((clock.now(), name))

    clock.advance(100)
    events = {9: note("nine"), 2.5: note("later"), 0: note("zero"), 2: note("two"), 5: note("five")}
    Fleet(1, lambda: Watch(60, clock), catalog, clock).replay(requests([0.5, 2.9, 6], "abc"), events)
    assert seen == [
        (100, "zero"), (100, "a"), (102, "two"), (102, "later"), (102, "b"), (105, "five"), (106, "c"),
        (109, "nine"),  # after the last request: it happens all the same
    ]  # fmt: skip


def test_an_event_that_takes_place_counts_whole_ticks(catalog):
    clock, seen = Clock(tick=5), []
    one = Fleet(1, lambda: LocalCache(10, clock), catalog, clock, tick=5)
    one.replay(
        requests([0, 12], "ab"), {7: lambda: seen.append(clock.now()), 44: lambda: seen.append(clock.now())}
    )
    assert seen == [5, 40]


def test_a_restarted_instance_begins_with_an_empty_cache(fleet):
    two = fleet(2)
    log = two.replay(requests(range(8), "a" * 8), events={4: lambda: two.restart(1)})
    assert log["hit"].tolist() == [False, False, True, True, True, False, True, True]
    assert [instance.name for instance in two.instances] == ["A", "B"]


def test_a_shared_cache_survives_a_restart(catalog):
    lab = start_lab("fleet")
    try:
        shared = SharedCache(lab.redis, 60, lab.keys)
        two = Fleet(2, lambda: shared, catalog, lab.clock)
        log = two.replay(
            requests(range(6), "a" * 6), events={3: lambda: two.restart(0), 4: lambda: two.restart(1)}
        )
        assert log["hit"].tolist() == [False] + [True] * 5
        assert lab.redis.ttl(lab.keys.name("a")) == 55
    finally:
        lab.close()


def test_the_judge_marks_what_the_origin_no_longer_says_and_costs_no_read(fleet, catalog):
    key = "course:204"
    log = fleet(2).replay(
        requests([0, 1, 10, 11, 59, 60, 61], [key] * 7),
        events={5: lambda: catalog.rename(key, "Caching, renamed")},
        judge=True,
    )
    assert list(log.columns) == ["at", "instance", "key", "hit", "stale"]
    assert log["hit"].tolist() == [False, False, True, True, True, True, False]
    assert log["stale"].tolist() == [False, False, True, True, True, True, False]
    assert log["stale"].dtype == bool
    assert catalog.reads == 3
    assert json.loads(catalog.peek(key))["version"] == 2


def test_without_a_judge_nobody_peeks(clock):
    class OnlyReads:
        def read(self, key):
            return b"{}"

    log = Fleet(1, lambda: LocalCache(60, clock), OnlyReads(), clock).replay(requests([0, 1], "aa"))
    assert log["hit"].tolist() == [False, True]


# What a learner plugs in


def test_any_class_with_get_and_set_is_a_cache(fleet):
    class ForEver:
        def __init__(self):
            self.kept = {}

        def get(self, key):
            return self.kept.get(key)

        def set(self, key, value):
            self.kept[key] = value

    log = fleet(1, ForEver).replay(requests([0, 100, 10**6], "aaa"))
    assert log["hit"].tolist() == [False, True, True]


def test_an_empty_answer_is_a_hit_too(clock):
    class NoNotes:
        def read(self, key):
            return b""

    log = Fleet(1, lambda: LocalCache(60, clock), NoNotes(), clock).replay(requests([0, 1], "aa"))
    assert log["hit"].tolist() == [False, True]


def test_the_cache_function_is_called_once_for_each_instance(fleet, clock):
    made = []

    def cache():
        made.append(LocalCache(60, clock))
        return made[-1]

    four = fleet(4, cache)
    assert [instance.cache for instance in four.instances] == made
    assert len(made) == 4


@pytest.mark.parametrize(
    "error", [KeyError("mine"), StopIteration("mine"), ValueError("mine"), KeyboardInterrupt("mine")]
)
@pytest.mark.parametrize("where", ["get", "set", "read", "route", "event", "cache"])
def test_a_learners_own_error_arrives_unchanged(clock, error, where):
    def fails(*_):
        raise error

    class Own:
        def get(self, key):
            return fails() if where == "get" else None

        def set(self, key, value):
            return fails() if where == "set" else None

        def read(self, key):
            return fails() if where == "read" else b"{}"

    def replay():
        route = fails if where == "route" else "round_robin"
        one = Fleet(1, fails if where == "cache" else Own, Own(), clock, route=route)
        one.replay(requests([0], "a"), events={0: fails} if where == "event" else None)

    with pytest.raises(type(error)) as caught:
        replay()
    assert caught.value is error
    assert caught.value.__cause__ is None


# What it refuses


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        *[({"instances": instances}, "instances is") for instances in (0, -1, 1.5, True, None, "4")],
        *[({"route": route}, "round_robin, random, by_key") for route in ("sticky", None, 3)],
        *[({"seed": seed}, "seed is") for seed in (-1, 0.5, None, True)],
        *[({"tick": tick}, "the clock owns the tick") for tick in (2, 5.0)],
        *[({"tick": tick}, "tick is") for tick in (0, 0.5, True, None)],
        ({"cache": LocalCache(60, Clock())}, "cache is a LocalCache, but must be a function"),
        ({"cache": {}}, "cache is a dict, but must be a function"),
        ({"cache": dict}, r"cache\(\) returned a dict without set"),
        ({"cache": lambda: None}, r"cache\(\) returned a NoneType without get"),
        ({"cache": set}, r"cache\(\) returned a set without get"),
    ],
)
def test_a_bad_argument_gets_one_sentence(clock, catalog, bad, words):
    good = {"instances": 4, "cache": lambda: LocalCache(60, clock), "origin": catalog, "clock": clock}
    refused(lambda: Fleet(**good | bad), words)


def refused(call, words):
    with pytest.raises(BadArgument, match=words) as caught:
        call()
    assert isinstance(caught.value, ValueError)
    assert str(caught.value).endswith(".")
    assert ". " not in str(caught.value)


@pytest.mark.parametrize(
    ("traffic", "words"),
    [
        (requests([], ""), "empty"),
        (requests([1, 0], "ab"), "ascending"),
        (requests([0, np.nan], "ab"), "finite"),
        (requests([0, 1], "ab")[["at"]], "no column 'key'"),
        (requests([0, 1], "ab")[["key"]], "no column 'at'"),
        (None, "no column 'at'"),
    ],
)
def test_traffic_that_cannot_be_replayed_is_refused_before_anything_happens(
    fleet, clock, catalog, traffic, words
):
    refused(lambda: fleet().replay(traffic, events={0: lambda: clock.advance(1)}), words)
    assert (clock.now(), catalog.reads) == (0, 0)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ({-1: print}, "says -1"),
        ({float("nan"): print}, "says nan"),
        ({float("inf"): print}, "says inf"),
        ({"40": print}, "says '40'"),
        ({40: None}, "says 40: None"),
        ({40: 204}, "must map seconds from 0 on to functions"),
    ],
)
def test_an_event_that_could_never_happen_is_refused_before_the_first_request(fleet, catalog, events, words):
    refused(lambda: fleet().replay(requests([0], "a"), events), words)
    assert catalog.reads == 0


@pytest.mark.parametrize("number", [-1, 2, 0.5, None, True])
def test_only_an_instance_of_the_fleet_can_be_restarted(fleet, number):
    refused(lambda: fleet(2).restart(number), f"number is {number}")
