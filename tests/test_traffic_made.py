"""Claims about zipf_traffic: repeatable Poisson arrivals over courses of unequal popularity."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labsupport.errors import BadArgument
from labsupport.traffic import zipf_traffic


def made(requests=1000, courses=50, skew=1.0, rate=10.0, seed=1):
    return zipf_traffic(requests, courses, skew, rate, seed)


def test_columns_are_at_in_seconds_and_key_as_categories_of_str():
    traffic = made()
    assert list(traffic.columns) == ["at", "key"]
    assert traffic["at"].dtype == np.float64
    assert isinstance(traffic["key"].dtype, pd.CategoricalDtype)
    assert all(isinstance(key, str) for key in traffic["key"].cat.categories)


def test_the_first_request_is_at_zero_and_time_never_runs_back():
    at = made()["at"]
    assert at.iloc[0] == 0.0
    assert at.is_monotonic_increasing


def test_the_same_seed_gives_the_same_traffic_and_another_seed_another():
    pd.testing.assert_frame_equal(made(seed=7), made(seed=7))
    assert not made(seed=7).equals(made(seed=8))


def test_numpy_integers_are_whole_numbers_too():
    pd.testing.assert_frame_equal(made(requests=np.int64(1000), seed=np.int64(1)), made())


@pytest.mark.parametrize("courses", [1, 2, 50, 1000])
def test_course_204_is_the_most_popular(courses):
    traffic = made(requests=5000, courses=courses)
    assert traffic["key"].value_counts().index[0] == "course:204"


def test_categories_are_the_courses_asked_for_in_rank_order():
    traffic = made(requests=40, courses=1000)
    categories = traffic["key"].cat.categories
    assert set(categories) == set(traffic["key"])  # a course nobody asked for would plot as a bar of height 0
    numbers = [int(key.removeprefix("course:")) for key in categories]
    assert numbers == sorted(numbers)
    assert numbers[0] >= 204
    assert numbers[-1] < 204 + 1000


def test_arrivals_are_poisson_at_the_rate_asked_for():
    gaps = np.diff(made(requests=100_001, rate=40.0)["at"])
    assert gaps.mean() == pytest.approx(1 / 40, rel=0.02)
    assert gaps.std() == pytest.approx(1 / 40, rel=0.02)  # exponential: spread equals mean
    assert (gaps > 1 / 40).mean() == pytest.approx(math.exp(-1), abs=0.01)


@pytest.mark.parametrize("skew", [0, 0.5, 1.0, 1.5])
def test_popularity_falls_as_one_over_rank_to_the_skew(skew):
    shares = made(requests=200_000, courses=10, skew=skew)["key"].value_counts(normalize=True)
    weights = np.arange(1, 11.0) ** -skew
    names = [f"course:{204 + i}" for i in range(10)]
    assert shares[names].to_numpy() == pytest.approx(weights / weights.sum(), abs=0.005)


def test_an_extreme_skew_asks_for_one_course_only():
    assert set(made(skew=2000.0)["key"]) == {"course:204"}


@settings(max_examples=50, deadline=None)
@given(
    requests=st.integers(1, 300),
    courses=st.integers(1, 300),
    skew=st.floats(0, 5),
    rate=st.floats(0.001, 1e6),
    seed=st.integers(0, 2**63),
)
def test_any_good_arguments_give_that_many_requests_in_order(requests, courses, skew, rate, seed):
    traffic = zipf_traffic(requests, courses, skew, rate, seed)
    assert len(traffic) == requests
    assert traffic["at"].iloc[0] == 0.0
    assert traffic["at"].is_monotonic_increasing
    assert traffic["key"].nunique() == len(traffic["key"].cat.categories) <= courses


@pytest.mark.parametrize(
    "bad",
    [
        {"requests": 0},
        {"requests": 10.5},
        {"requests": "10"},
        {"requests": True},
        {"courses": 0},
        {"courses": math.nan},
        {"skew": -0.1},
        {"skew": math.nan},
        {"skew": math.inf},
        {"skew": "steep"},
        {"rate": 0},
        {"rate": -1.0},
        {"rate": math.nan},
        {"rate": None},
        {"seed": -1},
        {"seed": None},
        {"seed": 0.5},
    ],
    ids=str,
)
def test_a_bad_argument_is_refused_in_one_line_that_names_it(bad):
    with pytest.raises(BadArgument) as refusal:
        made(**bad)
    (name, value), message = *bad.items(), str(refusal.value)
    assert message.startswith(f"{name} is {value!r}, but must be ")
    assert "\n" not in message
