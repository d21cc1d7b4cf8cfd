"""A fleet on real caches and its model agree on every single request of short, nasty traffic.

Hypothesis looks for it here, small and at the edges; test_scenarios.py draws long and eventful traffic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labsupport import Clock, CourseCatalog, Fleet, LocalCache, SharedCache, simulate, start_lab
from labsupport.labtime import LabTime


class Case(NamedTuple):
    """One random experiment: traffic, and the fleet's parameters."""

    traffic: pd.DataFrame
    instances: int
    ttl: int
    route: str | Callable[[int, str], int]
    seed: int
    tick: int


@st.composite
def cases(draw, most=60):
    """Ties and bursts, calm and long gaps, a first request at any time; every route, a function included."""
    gap = st.sampled_from([0.0, 0.0, 0.1, 0.5, 1.0, 2.0, 5.0]) | st.floats(0, 30) | st.floats(0, 1e7)
    gaps = draw(st.lists(gap, min_size=1, max_size=most))
    letters = st.sampled_from(draw(st.sampled_from(["a", "ab", "abcdefgh"])))
    keys = draw(st.lists(letters, min_size=len(gaps), max_size=len(gaps)))
    traffic = pd.DataFrame({"at": np.cumsum(gaps), "key": [f"kurs:{key}ü" for key in keys]})
    instances, tick = draw(st.integers(1, 6)), draw(st.sampled_from([1, 2, 5]))
    routes = ["round_robin", "random", "by_key", lambda index, key: (index * index + ord(key[5])) % instances]
    return Case(
        traffic.astype({"key": draw(st.sampled_from(["str", "category"]))}),
        instances,
        tick * draw(st.integers(1, 12) | st.sampled_from([300, 10**6])),
        draw(st.sampled_from(routes)),
        draw(st.integers(0, 3)),
        tick,
    )


def agrees(case, cache, clock, shared):
    """Replay the case for real; fail unless the model says the same of every request."""
    catalog = CATALOG
    reads = catalog.reads
    fleet = Fleet(case.instances, cache, catalog, clock, case.route, case.seed, case.tick)
    log = fleet.replay(case.traffic)
    model = simulate(case.traffic, case.instances, case.ttl, shared, case.route, case.seed, case.tick)
    assert log["hit"].tolist() == model.tolist()
    assert log["hit"].sum() + catalog.reads - reads == len(case.traffic)


CATALOG = CourseCatalog()  # filling one takes longer than a whole example


@settings(deadline=None, max_examples=100)
@given(case=cases(), began=st.sampled_from([0, 10, 100_000]))
def test_private_caches_hit_what_the_model_says(case, began):
    clock = Clock(case.tick)
    clock.advance(began)
    agrees(case, lambda: LocalCache(case.ttl, clock), clock, shared=False)


@pytest.fixture(scope="module")
def lab():
    lab = start_lab("equals")
    yield lab
    lab.close()


def shared_on_redis(lab, ttl, tick=1):
    """One shared cache on a fresh clock of any tick, which moves the real server's deadlines."""
    lab.reset()
    clock = Clock(tick)
    clock.listeners.append(LabTime(lab.redis, lab.keys, clock, whole_server=True))
    return SharedCache(lab.redis, ttl, lab.keys), clock


@settings(deadline=None, max_examples=60)
@given(case=cases(most=40), began=st.sampled_from([0, 10, 100_000]))
def test_one_shared_redis_hits_what_the_model_says(lab, case, began):
    shared, clock = shared_on_redis(lab, case.ttl, case.tick)
    clock.advance(began)
    agrees(case, lambda: shared, clock, shared=True)
