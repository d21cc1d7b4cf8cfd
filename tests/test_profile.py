"""What is said of a log before anything is decided: counted by hand, and on the excerpt of real traffic."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labsupport.decide import profile
from labsupport.decide.profile import span_words
from labsupport.errors import BadArgument
from labsupport.model import expected_hit_rate
from labsupport.traffic import TrafficLog, read_log, zipf_traffic

EXCERPT = Path(__file__).parent.parent / "notebooks" / "data" / "twitter-cluster52.csv.gz"


def log(at, keys, **columns):
    """A log with these requests, as `read_log` would return it."""
    traffic = pd.DataFrame({"at": np.asarray(at, dtype=float), "key": pd.Categorical(keys)})
    sizes = np.full(len(traffic["key"].cat.categories), -1)
    usual = TrafficLog(traffic, sizes, [], 1, len(traffic), "CSV", 1)
    return replace(usual, **columns)


def made(**columns):
    """Poisson arrivals: 5,000 requests in 250 seconds."""
    traffic = zipf_traffic(5_000, 200, 1.0, 20, seed=11)
    return log(traffic["at"], traffic["key"], **columns)


@pytest.fixture(scope="module")
def excerpt():
    return read_log(EXCERPT)


def test_it_counts_what_is_there():
    seen = profile(log([0, 0, 1, 9], ["a", "b", "a", "a"]), ttl=2)
    assert (seen.requests, seen.keys, seen.span, seen.rate) == (4, 2, 10, 0.4)
    assert (seen.top_share, seen.once) == (0.75, 0.5)
    assert seen.most_asked == (("a", 3), ("b", 1))
    assert (seen.real, seen.formula) == (0.25, pytest.approx(expected_hit_rate([0.3, 0.1], 2)))


def test_the_excerpt_is_bursty_and_its_popularity_is_not_the_cause(excerpt):
    seen = profile(excerpt, ttl=60)
    assert [round(rate, 3) for rate in (seen.real, seen.formula)] == [0.696, 0.496]
    assert seen.shuffled == pytest.approx(0.49, abs=0.005)
    assert seen.bursty
    assert seen.sentences == [
        "193,841 requests for 25,827 keys in 80 minutes, 40.5 a second.",
        "51% of the requests go to the 258 most asked keys (1 in 100).",
        "37% of the keys were asked for once: no cache can ever hit them.",
        "Its timing is bursty: with a TTL of 60 s one shared cache hits 70%. With the same keys dealt out at "
        "random over the times it would be 49%, by the formula 50%.",
    ]
    assert max(map(len, str(seen).splitlines())) <= 110


def test_dealing_the_keys_out_anew_keeps_every_count_and_every_moment():
    distinct = log(np.zeros(1_000), [f"once:{i}" for i in range(1_000)])
    apart = log(np.arange(100) * 60, ["one"] * 100)
    assert (profile(distinct, ttl=60).shuffled, profile(apart, ttl=60).shuffled) == (0, 0)
    assert profile(apart, ttl=61).shuffled == 0.5


def test_poisson_traffic_is_no_burstier_than_chance():
    seen = profile(made(), ttl=10)
    assert not seen.bursty
    assert "no burstier than chance" in seen.sentences[3]


def test_clients_that_ask_at_fixed_intervals_are_more_even_than_chance():
    at = np.arange(4_000) // 10 * 1.0
    seen = profile(log(at, [f"poll:{i % 100}" for i in range(4_000)]), ttl=5)
    assert seen.real == 0 < seen.shuffled  # each key once in ten seconds, always too late
    assert "more even than chance" in seen.sentences[3]


def test_too_short_a_log_says_nothing_of_its_timing():
    assert "cannot be told: that takes 1,000 requests and 5 min" in profile(made(), ttl=30).sentences[3]
    assert "cannot be told" in profile(log([0, 100], ["a", "a"]), ttl=1).sentences[3]


def test_a_sample_of_the_keys_has_the_rate_of_the_whole_log_and_says_so():
    seen = profile(made(kept_one_in=4, skipped=14_000), ttl=10)
    assert seen.rate == 19_000 / 249
    assert "kept of 1 key in 4, all its requests; the whole log has" in seen.sentences[0]


def test_what_was_left_out_is_told_last():
    assert profile(made(notes=["Left out 3 requests."]), ttl=10).sentences[-1] == "Left out 3 requests."


def test_one_request_is_a_log_too():
    seen = profile(log([0], ["a"]), ttl=60)
    assert (seen.span, seen.rate, seen.top_share, seen.once) == (1, 1, 1, 1)
    assert seen.sentences[:2] == [
        "1 request for 1 key in 1 second, 1 a second.",
        "100% of the requests go to the most asked key.",
    ]


def test_keys_that_nobody_asked_for_do_not_count():
    whole = log([0, 1], ["a", "b"])
    seen = profile(replace(whole, traffic=whole.traffic.iloc[:1]), ttl=60)
    assert (seen.keys, seen.most_asked) == (1, (("a", 1),))


def test_a_ttl_of_part_seconds_is_refused():
    with pytest.raises(BadArgument, match="ttl is"):
        profile(made(), ttl=0.5)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 second"),
        (90, "90 seconds"),
        (119.6, "120 seconds"),
        (150, "2.5 minutes"),
        (4_791, "80 minutes"),
        (86_400, "24 hours"),
        (7 * 86_400, "7 days"),
        (400 * 86_400, "400 days"),
    ],
)
def test_a_span_is_said_in_words(seconds, words):
    assert span_words(seconds) == words
