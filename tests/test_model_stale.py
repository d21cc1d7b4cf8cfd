"""Stale answers as arithmetic: equal to a real replay, request by request; and the law of how many."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labsupport import Clock, CourseCatalog, Fleet, LocalCache, SharedCache, simulate, zipf_traffic
from labsupport.errors import BadArgument
from labsupport.model import hit_rate_tick_law, stale_answers, stale_tick_law


def judged(traffic, changes, instances, cache, clock, route="round_robin"):
    """A real replay in which the courses of `changes` are renamed, and each answer is compared."""
    catalog = CourseCatalog()
    events = {}
    for at, group in changes.groupby("at"):
        events[at] = lambda keys=tuple(group["key"]): [catalog.rename(key, "Renamed") for key in keys]
    fleet = Fleet(instances, cache=cache, origin=catalog, clock=clock, route=route, seed=1, tick=clock.tick)
    return fleet.replay(traffic, events=events, judge=True)


@st.composite
def cases(draw):
    """Requests and changes that share moments often, with ties, bursts and gaps; keys that never change."""
    moments = st.sampled_from([0.0, 0.2, 1.0, 1.5, 2.0, 7.0]) | st.floats(0, 40)
    count = draw(st.integers(1, 40))
    at = np.cumsum(draw(st.lists(moments, min_size=count, max_size=count)))
    keys = draw(
        st.lists(st.sampled_from(["course:1", "course:2", "course:3"]), min_size=count, max_size=count)
    )
    changed = draw(
        st.lists(st.tuples(st.sampled_from(at.tolist()) | st.floats(0, 200), st.sampled_from(keys)))
    )
    traffic = pd.DataFrame({"at": at, "key": keys})
    return (
        traffic,
        pd.DataFrame(changed, columns=["at", "key"]),
        draw(st.integers(1, 4)),
        draw(st.integers(1, 2)),
    )


@settings(max_examples=40, deadline=None)
@given(cases(), st.booleans())
def test_the_mask_is_what_a_replay_says_of_every_request(case, shared):
    traffic, changes, instances, tick = case
    clock = Clock(tick)
    one = LocalCache(10 * tick, clock)
    cache = (lambda: one) if shared else lambda: LocalCache(10 * tick, clock)
    log = judged(traffic, changes, instances, cache, clock)
    assert stale_answers(log, changes, shared, tick).tolist() == log["stale"].tolist()


def test_it_is_the_same_on_a_real_redis(lab):
    traffic = zipf_traffic(400, courses=10, skew=1, rate=2, seed=204)
    changes = zipf_traffic(30, courses=10, skew=0, rate=0.15, seed=7)
    redis = SharedCache(lab.redis, 30, lab.keys)
    log = judged(traffic, changes, 4, lambda: redis, lab.clock, route="random")
    assert stale_answers(log, changes, shared=True).tolist() == log["stale"].tolist()
    assert log["stale"].sum() > 10


def test_a_change_in_the_tick_of_the_fill_comes_before_it():
    log = pd.DataFrame({"at": [5.0, 5.9, 6.0], "key": "a", "instance": 0, "hit": [False, True, True]})
    assert not stale_answers(log, pd.DataFrame({"at": [5.5], "key": ["a"]})).any()
    assert stale_answers(log, pd.DataFrame({"at": [6.5], "key": ["a"]})).tolist() == [False, False, True]


def test_what_changes_elsewhere_or_later_makes_nothing_stale():
    log = pd.DataFrame({"at": [0.0, 9.0], "key": "a", "instance": 0, "hit": [False, True]})
    assert not stale_answers(log, pd.DataFrame({"at": [5.0, 10.0], "key": ["b", "a"]})).any()
    assert not stale_answers(log, pd.DataFrame({"at": [], "key": []})).any()


def test_requests_or_changes_that_make_no_sense_are_refused():
    with pytest.raises(BadArgument):
        stale_answers(pd.DataFrame({"at": [1.0]}), pd.DataFrame({"at": [], "key": []}))
    log = pd.DataFrame({"at": [0.0], "key": "a", "instance": 0, "hit": [False]})
    with pytest.raises(BadArgument, match="from -1 to 2"):
        stale_answers(log, pd.DataFrame({"at": [2.0, -1.0], "key": "a"}))


@pytest.mark.parametrize(("rate", "ttl", "changes"), [(0.5, 10, 0.05), (2, 3, 0.5), (0.05, 60, 0.01)])
def test_the_law_holds_in_the_long_run(rate, ttl, changes):
    traffic = zipf_traffic(200_000, courses=20, skew=0, rate=20 * rate, seed=1)
    span = traffic["at"].iloc[-1]
    changed = zipf_traffic(round(20 * changes * span), courses=20, skew=0, rate=20 * changes, seed=2)
    log = traffic.assign(hit=simulate(traffic, 1, ttl))
    found = stale_answers(log, changed, shared=True).mean()
    assert found == pytest.approx(stale_tick_law(rate, ttl, changes), rel=0.02)


def test_the_law_becomes_that_of_continuous_time_when_ticks_get_short():
    asked, ttl, changes, fine = 2.0, 5.0, 0.3, 1e4
    stale = asked * (ttl - (1 - np.exp(-changes * ttl)) / changes) / (1 + asked * ttl)
    assert stale_tick_law(asked / fine, ttl * fine, changes / fine) == pytest.approx(stale, abs=1e-4)


def test_the_ends_of_the_law():
    assert stale_tick_law(1, 60, 0) == pytest.approx(0, abs=1e-8)  # nothing changes
    assert stale_tick_law(1, 1, 9) == pytest.approx(0)  # every tick a fill
    assert stale_tick_law(0, 60, 1) == 0  # nobody asks
    always = stale_tick_law(0.5, 60, 50)  # it changes all the time: every hit after the tick of its fill
    hits = hit_rate_tick_law(0.5, 60)
    assert always < hits and always == pytest.approx(0.5 * 59 * (1 - hits))


def test_the_law_takes_arrays():
    assert stale_tick_law(np.array([0.1, 1]), 60, 0.01).shape == (2,)
    assert stale_tick_law(1, np.arange(1, 9), 0.01).shape == (8,)
