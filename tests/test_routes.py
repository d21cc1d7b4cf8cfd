"""Which instance answers which request, and what the rule refuses."""

from zlib import crc32

import numpy as np
import pandas as pd
import pytest
from refusals import refused

from labsupport.routes import assign, check_traffic, key_codes, lab_ticks

KEYS = ["course:204", "course:7", "course:204", "course:31", "kurs:ü", "course:204", "course:7"]


def requests(keys=KEYS):
    return pd.DataFrame({"at": np.arange(len(keys), dtype=float), "key": keys})


def test_round_robin_deals_the_requests_in_turn():
    assert assign(requests(), 3).tolist() == [0, 1, 2, 0, 1, 2, 0]


def test_random_is_one_seeded_draw():
    expected = np.random.default_rng(5).integers(4, size=len(KEYS))
    assert assign(requests(), 4, "random", seed=5).tolist() == expected.tolist()


def test_random_differs_with_the_seed():
    many = requests(["course:204"] * 100)
    assert assign(many, 4, "random", seed=1).tolist() != assign(many, 4, "random", seed=2).tolist()


def test_by_key_is_the_checksum_of_the_key():
    assert assign(requests(), 4, "by_key").tolist() == [crc32(key.encode("utf-8")) % 4 for key in KEYS]


@pytest.mark.parametrize("route", ["round_robin", "random", "by_key", lambda index, key: len(key) % 4])
def test_categorical_and_plain_keys_go_the_same_way(route):
    plain = requests()
    categorical = plain.astype({"key": "category"})
    old = plain.astype({"key": object})
    ways = [assign(traffic, 4, route).tolist() for traffic in (plain, categorical, old)]
    assert ways[0] == ways[1] == ways[2]


def test_a_slice_of_a_larger_traffic_keeps_its_way():
    """The categories that no longer occur, and the index that does not start at 0, change nothing."""
    part = requests().astype({"key": "category"}).iloc[3:]
    assert assign(part, 4, "by_key").tolist() == [crc32(key.encode()) % 4 for key in KEYS[3:]]
    assert assign(part, 2).tolist() == [0, 1, 0, 1]


def test_a_function_is_called_once_for_each_request_in_order():
    calls = []
    assign(requests(), 2, lambda index, key: calls.append((index, key)) or 0)
    assert calls == list(enumerate(KEYS))


def test_a_function_may_return_a_numpy_integer():
    assert assign(requests(), 3, lambda index, key: np.int32(index % 3)).tolist() == [0, 1, 2, 0, 1, 2, 0]


@pytest.mark.parametrize("route", ["round_robin", "random", "by_key", lambda index, key: 0])
def test_instance_numbers_are_64_bit_integers_one_for_each_request(route):
    owners = assign(requests(), np.int64(3), route)
    assert owners.dtype == np.int64
    assert owners.shape == (len(KEYS),)
    assert set(owners) <= {0, 1, 2}


def test_key_codes_lead_back_to_the_keys():
    for traffic in (requests(), requests().astype({"key": "category"})):
        codes, names = key_codes(traffic)
        assert list(names[codes]) == KEYS


def test_lab_ticks_are_counted_down():
    assert lab_ticks(np.array([0.0, 0.99, 1.0, 9.99, 10.0]), 5).tolist() == [0, 0, 0, 1, 2]


@pytest.mark.parametrize("value", [0, -1, 2.5, True, np.True_, "4", None, float("nan")])
def test_a_fleet_has_a_whole_number_of_instances(value):
    refused(lambda: assign(requests(), value), f"instances is {value!r}", "whole number of at least 1")


@pytest.mark.parametrize("route", ["sticky", "", None, 3, ["random"]])
def test_an_unknown_route_is_answered_with_the_known_ones(route):
    refused(lambda: assign(requests(), 2, route), f"{route!r}", "round_robin", "random", "by_key", "function")


@pytest.mark.parametrize("seed", [-1, 0.5, None, "7", True])
def test_a_seed_is_a_whole_number(seed):
    refused(lambda: assign(requests(), 2, "random", seed=seed), f"seed is {seed!r}", "at least 0")


@pytest.mark.parametrize("answer", [2, -1, 0.5, "A", None, float("nan")])
def test_a_function_that_names_no_instance_is_refused(answer):
    refused(
        lambda: assign(requests(), 2, lambda index, key: answer if index == 2 else 0),
        "route(2, 'course:204')",
        f"{answer!r}",
        "from 0 to 1",
    )


@pytest.mark.parametrize(
    ("traffic", "word"),
    [
        (pd.DataFrame({"key": ["a"]}), "'at'"),
        (pd.DataFrame({"at": [0.0]}), "'key'"),
        ([(0.0, "a")], "'at'"),
        (None, "'at'"),
        (requests([]), "empty"),
        (pd.DataFrame({"at": [0.0, 2.0, 1.0], "key": list("abc")}), "row 2"),
        (pd.DataFrame({"at": [0.0, np.nan], "key": list("ab")}), "missing"),
        (pd.DataFrame({"at": [0.0, np.inf], "key": list("ab")}), "infinite"),
        (pd.DataFrame({"at": pd.array([0.0, None], dtype="Float64"), "key": list("ab")}), "missing"),
        (pd.DataFrame({"at": [-1.0, 0.0], "key": list("ab")}), "between 0"),
        (pd.DataFrame({"at": [0.0, 1e30], "key": list("ab")}), "between 0"),
        (pd.DataFrame({"at": ["0", "1"], "key": list("ab")}), "numbers"),
        (pd.DataFrame({"at": pd.to_datetime(["2020-01-01"]), "key": ["a"]}), "numbers"),
        (pd.DataFrame({"at": [0.0, 1.0], "key": ["a", None]}), "missing in 1 row"),
        (pd.DataFrame({"at": [0.0, 1.0], "key": pd.Categorical(["a", None])}), "missing in 1 row"),
        (pd.DataFrame({"at": [0.0, 1.0], "key": [204, 7]}), "text"),
        (pd.DataFrame({"at": [0.0, 1.0], "key": pd.Categorical([204, 7])}), "text"),
        (pd.DataFrame({"at": [0.0, 1.0], "key": [b"a", "b"]}), "text"),
    ],
)
def test_traffic_that_cannot_be_replayed_is_refused(traffic, word):
    refused(lambda: check_traffic(traffic), word)
    refused(lambda: assign(traffic, 2), word)


@pytest.mark.parametrize("at", [[0, 1, 1], pd.array([0.5, 1.0, 1.0], dtype="Float64"), [7.0, 7.0, 9e11]])
def test_traffic_may_tie_start_late_and_count_in_integers(at):
    check_traffic(pd.DataFrame({"at": at, "key": list("aba")}))
