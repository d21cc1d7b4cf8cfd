"""A sample of the keys beside the whole log it was taken from: what is estimated is near what is true."""

from __future__ import annotations

import numpy as np
import pytest
from test_advice import log

from labsupport.decide import profile, recommend, seconds_covered, sweep, whole_log
from labsupport.traffic import read_log, zipf_traffic

TTLS = [10, 60]


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """The same traffic read whole, and one key in eight of it, without the hottest."""
    path = tmp_path_factory.mktemp("sampled") / "log.csv"
    zipf_traffic(60_000, 20_000, 1.3, 100, seed=3).to_csv(path, index=False)
    return read_log(path), read_log(path, most=9_000)


@pytest.fixture(scope="module")
def grids(logs):
    return [sweep(of.traffic, TTLS, [2, 4]) for of in logs]


def test_the_whole_log_is_estimated_from_its_misses_and_not_from_the_hit_rate_of_the_sample(logs, grids):
    whole, sample = logs
    assert (whole.requests, sample.requests, sample.kept_one_in) == (60_000, 60_000, 8)
    true, kept = grids
    scaled = whole_log(kept, sample)
    assert (scaled["requests"] == 60_000).all() and list(scaled.columns) == list(true.columns)
    assert np.abs(scaled["hit_rate"] - true["hit_rate"]).max() < 0.08
    assert np.abs(kept["hit_rate"] - true["hit_rate"]).max() > 0.3
    assert np.allclose(scaled["hits"], 60_000 * scaled["hit_rate"], atol=1)
    misses_a_second = 60_000 * (1 - scaled["hit_rate"]) / seconds_covered(sample.traffic)
    assert np.allclose(scaled["origin_reads"], misses_a_second, rtol=0.01)


def test_nothing_is_estimated_if_all_was_kept(logs, grids):
    assert whole_log(grids[0], logs[0]) is grids[0]


def test_a_sample_that_misses_more_than_the_whole_log_asked_for_hits_nothing():
    few = log(np.arange(10), list("abcdefghij"), kept_one_in=4, skipped=5)
    assert whole_log(sweep(few.traffic, 1, 1), few)[["hits", "hit_rate"]].to_numpy().tolist() == [[0, 0]] * 2


def test_profile_and_advice_speak_of_the_whole_log(logs, grids):
    true, estimated = (profile(of, 10) for of in logs)
    assert estimated.rate == pytest.approx(true.rate, rel=0.01)
    for name in ("real", "shuffled", "formula"):
        assert getattr(estimated, name) == pytest.approx(getattr(true, name), abs=0.08)
    assert estimated.sentences[3].endswith("These are estimates for the whole log.")
    assert "estimates" not in true.sentences[3]
    scaled = whole_log(grids[1], logs[1]).set_index(["ttl", "instances", "shared"])["hit_rate"]
    advice = recommend(logs[1], grids[1], 4, 10)
    assert f"one shared cache hits {scaled[10, 4, True]:.1%} of the requests" in advice.reasons[0]
    assert scaled[10, 4, True] == pytest.approx(estimated.real)
