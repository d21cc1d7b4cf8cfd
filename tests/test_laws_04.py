"""The laws that notebook 04 asserts, with its tolerances, on two hundred seeds that it does not use."""

import numpy as np
import pandas as pd

from labsupport import simulate
from labsupport.model import (
    expiries,
    expiry_law,
    hit_rate_tick_law,
    peak_law,
    stale_answers,
    stale_tick_law,
)

SEEDS = range(1_000, 1_200)
NAMES = [f"course:{number}" for number in range(50)]


def by_chance(count, courses, seconds, seed):
    """So many moments by chance, as `zipf_traffic` with skew 0 makes them, but quicker."""
    rng = np.random.default_rng(seed)
    at = np.cumsum(rng.exponential(seconds / courses, count))
    return pd.DataFrame(
        {"at": at, "key": pd.Categorical.from_codes(rng.integers(courses, size=count), NAMES)}
    )


def test_hits_and_stale_answers_keep_to_their_laws_where_chance_weighs_most():
    """On hits that is the shortest of the notebook's TTLs, on stale answers the longest."""
    gaps = []
    for seed in SEEDS:
        requests, changes = by_chance(60_000, 50, 60, seed), by_chance(2_000, 50, 1800, seed + 1_000)
        for ttl in (30, 1800):
            log = requests.assign(hit=simulate(requests, 4, ttl, shared=True))
            stale = stale_answers(log, changes, shared=True).mean() - stale_tick_law(1 / 60, ttl, 1 / 1800)
            gaps.append((log["hit"].mean() - hit_rate_tick_law(1 / 60, ttl), stale))
    assert (np.abs(gaps).max(axis=0) < (0.01, 0.035)).all()
    assert (np.abs(np.mean(gaps, axis=0)) < (0.002, 0.005)).all()  # and they lean to neither side


def test_the_waves_keep_to_the_exact_law():
    law = 10_000 * expiry_law(60, 6, 10)
    gaps = [np.abs(expiries(10_000, 60, 6, 10, seed=seed) - law).max() for seed in SEEDS]
    assert max(gaps) < 150


def test_jitter_cuts_the_peak_about_to_what_the_width_says():
    peaks = [expiries(10_000, 60, 6, 1, seed=seed).max() for seed in SEEDS]
    assert 10_000 * peak_law(6, 1) < min(peaks) and max(peaks) < 900
