"""Every interleaving on real Redis: how many there are, and where the counter ends in each."""

from __future__ import annotations

from collections import Counter
from math import factorial

import numpy as np
import pytest
import redis
from servers import foreign_server

from labsupport import Keys, interleavings, run_interleavings
from labsupport.errors import BadArgument


def finals(lab, clients, update):
    return dict(Counter(run_interleavings(lab.redis, lab.keys, clients, update)["final"].tolist()))


@pytest.mark.parametrize(
    ("clients", "steps"), [(1, 1), (1, 5), (2, 1), (2, 2), (2, 3), (3, 2), (4, 1), (4, 2), (2, 5)]
)
def test_there_are_as_many_interleavings_as_the_multinomial_says(clients, steps):
    orders = interleavings(clients, steps)
    assert len(orders) == factorial(clients * steps) // factorial(steps) ** clients
    assert len(set(orders)) == len(orders)
    for order in orders:
        assert Counter(order) == dict.fromkeys(range(clients), steps)


def test_two_clients_have_six_schedules_and_two_are_right(lab):
    runs = run_interleavings(lab.redis, lab.keys, 2, "get_set")
    assert list(runs.columns) == ["schedule", "final"]
    assert dict(zip(runs["schedule"], runs["final"])) == {
        (0, 0, 1, 1): 2,
        (0, 1, 0, 1): 1,
        (0, 1, 1, 0): 1,
        (1, 0, 0, 1): 1,
        (1, 0, 1, 0): 1,
        (1, 1, 0, 0): 2,
    }


@pytest.mark.parametrize(
    ("clients", "expected"),
    [(1, {1: 1}), (3, {1: 48, 2: 36, 3: 6}), (4, {1: 1152, 2: 1056, 3: 288, 4: 24})],
)
def test_read_then_write_loses_updates(lab, clients, expected):
    assert finals(lab, clients, "get_set") == expected


@pytest.mark.parametrize("clients", [2, 3, 4])
def test_the_mean_of_what_is_kept_follows_the_law(lab, clients):
    runs = run_interleavings(lab.redis, lab.keys, clients, "get_set")
    assert runs["final"].mean() == pytest.approx(sum(1 / (2 * k - 1) for k in range(1, clients + 1)))


@pytest.mark.parametrize("clients", [1, 2, 3, 4])
def test_incr_loses_nothing(lab, clients):
    assert finals(lab, clients, "incr") == {clients: factorial(clients)}


def test_each_step_of_all_schedules_is_one_round_trip(lab):
    sent = lab.redis.commands
    run_interleavings(lab.redis, lab.keys, 4, "get_set")
    assert lab.redis.commands - sent == 8 + 3  # eight steps, then MGET, with a DELETE before and after


def test_the_counters_are_gone_afterwards_and_what_else_is_there_stays(lab):
    lab.redis.set("mine", "untouched")
    lab.redis.set(lab.keys.name("race"), "7")
    before = {key: lab.redis.dump(key) for key in lab.redis.scan_iter()}
    for update in ("get_set", "incr"):
        run_interleavings(lab.redis, lab.keys, 3, update)
    assert {key: lab.redis.dump(key) for key in lab.redis.scan_iter()} == before


def test_counters_left_by_a_race_that_was_broken_off_do_not_count(lab):
    for i in range(6):
        lab.redis.set(lab.keys.name(f"race:get_set:{i}"), 100)
        lab.redis.hset(lab.keys.name(f"race:incr:{i}"), "not", "a number")
    assert finals(lab, 2, "get_set") == {1: 4, 2: 2}
    assert finals(lab, 2, "incr") == {2: 2}


def test_a_race_that_breaks_off_leaves_no_counter(lab):
    class BreaksOff:
        """The lab's client, until the counters are read."""

        delete, pipeline = lab.redis.delete, lab.redis.pipeline

        def mget(self, names):
            raise redis.ConnectionError("gone")

    with pytest.raises(redis.ConnectionError, match="gone"):
        run_interleavings(BreaksOff(), lab.keys, 2, "get_set")
    assert lab.redis.dbsize() == 0


def test_on_a_server_that_is_not_ours_only_our_own_names_are_touched():
    with foreign_server() as url, redis.Redis.from_url(url) as theirs:
        theirs.mset({f"race:get_set:{i}": f"theirs {i}" for i in range(6)})
        before = theirs.mget(sorted(theirs.keys()))
        runs = run_interleavings(theirs, Keys("lab:races"), 2, "get_set")
        assert sorted(runs["final"]) == [1, 1, 1, 1, 2, 2]
        assert theirs.mget(sorted(theirs.keys())) == before


BAD = [0, -1, 1.5, True, "2", None, float("nan")]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        *[(lambda lab, bad=bad: interleavings(bad, 2), "clients is") for bad in BAD],
        *[(lambda lab, bad=bad: interleavings(2, bad), "steps is") for bad in BAD],
        (lambda lab: run_interleavings(lab.redis, lab.keys, 0, "incr"), "clients is 0"),
        (lambda lab: run_interleavings(lab.redis, lab.keys, 2, "set_get"), "one of get_set, incr"),
        (lambda lab: run_interleavings(lab.redis, lab.keys, 2, None), "update is None"),
        (lambda lab: interleavings(6, 2), "6 clients with 2 steps are too much to interleave"),
        (lambda lab: interleavings(10**6, 2), "take fewer"),
        (lambda lab: interleavings(1, 2_000), "take fewer"),
    ],
)
def test_a_bad_argument_gets_one_sentence_and_sends_nothing(lab, call, words):
    sent = lab.redis.commands
    with pytest.raises(BadArgument, match=words) as caught:
        call(lab)
    assert isinstance(caught.value, ValueError)
    assert str(caught.value).endswith(".")
    assert ". " not in str(caught.value)
    assert lab.redis.commands == sent


def test_numpy_numbers_are_numbers(lab):
    assert len(run_interleavings(lab.redis, lab.keys, np.int64(2), "incr")) == 2
