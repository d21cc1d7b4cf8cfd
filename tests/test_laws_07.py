"""Notebook 07: what it says of the hot key holds for other traffic, with the notebook's own functions."""

from __future__ import annotations

import json
import math
from functools import partial

import numpy as np
import pandas as pd
import pytest
from in_view import in_view

from labsupport import CourseCatalog, serve_in_lab_time

WAYS = ["unprotected", "single_flight", "xfetch", "serve_stale"]
HELPERS = ["cached", "fill", "delete_lock", "compare_and_delete"]


def defined(**known):
    return in_view("07", *WAYS, *HELPERS, "COMPARE_AND_DELETE", **known)


@pytest.fixture
def cells(lab):
    """What the notebook's cells know: their functions, on this lab; five requests a second are to come."""
    names = {"course": lab.keys.name("course:204"), "lock": lab.keys.name("course:204:lock")}
    numbers = {"TTL": 20, "QUERY": 2, "dice": np.random.default_rng(1)}
    known = {"lab": lab, "json": json, "math": math, "origin": CourseCatalog(), **names, **numbers}
    return defined(**known)


def serve(cells, way, requests, seed, rate=5):
    """The log of so many requests at random moments, on an empty cache, and the reads at the origin."""
    cells["lab"].reset()
    cells["arrivals"] = np.random.default_rng(seed).exponential(1 / rate, requests).cumsum()
    before = cells["origin"].reads
    log = serve_in_lab_time(cells["lab"].clock, cells["arrivals"], way)
    return log, cells["origin"].reads - before


def bursts(log, query):
    """How many times requests began to wait after a pause of more than a query."""
    moments = log.loc[log["waited"] > 0, "at"]
    return int(1 + (moments.diff() > query).sum())


def reads_of_each_expiry(arrivals, query, ttl):
    """The same stampedes as arithmetic: how many requests read at the origin at each expiry."""
    reads, filled, good_until = [], [], 0.0  # filled: when the queries that run will have filled the cache
    for at in arrivals:
        while filled and filled[0] <= at:
            good_until = filled.pop(0) // 1 + ttl
        if at // 1 >= good_until:
            reads += [] if filled else [0]
            reads[-1] += 1
            filled.append(at + query)
    return reads


def measured_and_modelled(cells, query, seed):
    log, _ = serve(cells, partial(cells["unprotected"], query=query, ttl=3), 700, seed)
    readers = log.loc[log["waited"] > 0, "at"]
    by_expiry = readers.groupby((readers.diff() > query).cumsum()).count().tolist()
    return by_expiry, reads_of_each_expiry(cells["arrivals"].tolist(), query, ttl=3)


@pytest.mark.parametrize("query", [0.5, 1, 2])
def test_the_arithmetic_of_a_stampede_is_what_the_server_does(cells, query):
    measured, modelled = measured_and_modelled(cells, query, seed=7)
    assert measured == modelled and len(measured) > 15


@pytest.mark.parametrize("query", [0.5, 1, 2])
def test_the_law_of_the_stampede_holds_with_the_notebooks_tolerance_on_200_other_seeds(query):
    for seed in range(1_000, 1_200):
        arrivals = np.random.default_rng(seed).exponential(1 / 5, 700).cumsum()
        reads = reads_of_each_expiry(arrivals.tolist(), query, ttl=3)
        assert abs(np.mean(reads) - (1 + 5 * query)) < 4 * math.sqrt(5 * query / len(reads)), seed


@pytest.mark.parametrize(("rate", "query"), [(5, 2), (10, 1), (20, 0.5), (5, 0.5)])
def test_an_unprotected_expiry_costs_one_read_and_one_for_each_who_comes_during_the_query(cells, rate, query):
    reads = expiries = 0
    for seed in (101, 102):
        way = partial(cells["unprotected"], query=query, ttl=2)
        log, read = serve(cells, way, 1_000, seed, rate)
        assert read == (log["waited"] > 0).sum()
        reads, expiries = reads + read, expiries + bursts(log, query)
    spread = math.sqrt(rate * query / expiries)  # of the mean, since they come as Poisson's
    assert reads / expiries == pytest.approx(1 + rate * query, abs=3 * spread)


@pytest.mark.parametrize("seed", [101, 102, 103])
def test_single_flight_reads_once_an_expiry_and_nobody_waits_longer_than_the_query_and_one_look(cells, seed):
    log, reads = serve(cells, partial(cells["single_flight"], release=cells["compare_and_delete"]), 600, seed)
    assert reads == bursts(log, 2) and log["returned"].notna().all()
    assert log["waited"].max() < 2 + 0.25 + 1e-9
    assert cells["lab"].redis.keys() == [cells["course"].encode()]  # the lock is given back


def test_xfetch_reads_about_e_times_a_refresh(cells):
    # Law: a read at t seconds before the end refreshes with chance exp(-t / query), so while the query of the
    # first one runs, e - 1 more do (Poisson arrivals, many during a query: here 20).
    cells["TTL"], reads, refreshes = 16, 0, 0
    cells = defined(**cells)
    for seed in (101, 102, 103):
        log, read = serve(cells, cells["xfetch"], 1_600, seed, rate=10)
        cold = (log.loc[log["at"] < log["at"][0] + 2, "waited"] > 0).sum()
        reads, refreshes = reads + read - cold, refreshes + bursts(log, 2) - 1
    assert refreshes >= 40 and reads / refreshes == pytest.approx(math.e, abs=0.6)


@pytest.mark.parametrize("seed", [101, 102])
def test_the_four_ways_differ_as_the_figure_says_with_other_traffic_and_other_dice(cells, seed):
    rows = {}
    for name in WAYS:
        cells["dice"] = np.random.default_rng(seed)
        log, reads = serve(cells, cells[name], 800, seed)
        until = pd.Series([answer["until"] for answer in log["returned"]])
        rows[name] = (reads, log["waited"].sum(), int((log["at"] + log["waited"] >= until).sum()))
    table = pd.DataFrame(rows, ["reads", "waited", "old"]).T
    assert table["reads"]["single_flight"] < table["reads"]["xfetch"] < table["reads"]["unprotected"]
    assert table["reads"]["serve_stale"] < table["reads"]["xfetch"]
    assert list(table["waited"].sort_values().index) == [
        "serve_stale",
        "xfetch",
        "single_flight",
        "unprotected",
    ]
    assert table["old"]["serve_stale"] > 0 and table["old"].sum() == table["old"]["serve_stale"]


def test_serving_stale_only_who_refreshes_waits_once_the_cache_is_full(cells):
    log, reads = serve(cells, cells["serve_stale"], 800, 101)
    later = log[log["at"] > 5]
    assert (later["waited"] > 0).sum() == reads - 1 >= 5
