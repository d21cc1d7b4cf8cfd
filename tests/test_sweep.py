"""`sweep` against `simulate`: every cell of the grid, whoever does the work; and an executor that fails."""

import importlib
import multiprocessing
import os
import sys
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from importlib.util import find_spec
from unittest import mock

import numpy as np
import pandas as pd
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_model_exact import requests, traffics

from labsupport import simulate, zipf_traffic
from labsupport.decide import seconds_covered, sweep
from labsupport.errors import BadArgument, LabError
from labsupport.explorers import progress

SWEEP = "labsupport.decide.sweep"
TRAFFIC = zipf_traffic(requests=250_000, courses=2_000, skew=0.9, rate=100, seed=6)
GRID = {"ttls": [5, 60, 86_400], "instances": [1, 4, 7]}
ROUTES = ["round_robin", "random", "by_key", lambda index, key: (index * index + len(key)) % 2]


@pytest.fixture(scope="module")
def here():
    """The grid without an executor."""
    return sweep(TRAFFIC, **GRID)


class AtOnce(Executor):
    """Does everything itself, at once; keeps what it was asked, and may interrupt at one of the tasks."""

    def __init__(self, interrupt_at=None):
        self.asked, self.futures, self.interrupt_at = [], [], interrupt_at

    def submit(self, task, /, *arguments):
        if len(self.futures) == self.interrupt_at:
            raise KeyboardInterrupt
        self.asked.append(arguments)
        self.futures.append(Future())
        if self.interrupt_at is None:
            self.futures[-1].set_result(task(*arguments))
        return self.futures[-1]


@settings(deadline=None, max_examples=100)
@given(
    traffic=traffics(),
    ttls=st.lists(st.integers(1, 12) | st.just(10**15), min_size=1, max_size=3),
    instances=st.lists(st.integers(2, 6), min_size=1, max_size=3),
    tick=st.sampled_from([1, 5]),
    route=st.sampled_from(ROUTES),
    part=st.sampled_from([1, 7, 100_000]),
    executor=st.sampled_from([None, AtOnce()]),
)
def test_every_cell_is_as_simulate_says(traffic, ttls, instances, tick, route, part, executor):
    with mock.patch(f"{SWEEP}.PART", part), mock.patch(f"{SWEEP}.progress", lambda items, what: items):
        grid = sweep(traffic, [ttl * tick for ttl in ttls], instances, route, 3, tick, executor)
    cells = [(ttl * tick, fleet, shared) for ttl in ttls for fleet in instances for shared in (False, True)]
    assert list(grid[["ttl", "instances", "shared"]].itertuples(index=False, name=None)) == cells
    hits = [simulate(traffic, n, ttl, shared, route, 3, tick).sum() for ttl, n, shared in cells]
    assert grid["hits"].tolist() == hits
    assert grid["hit_rate"].tolist() == [count / len(traffic) for count in hits]
    seconds = (traffic["at"].iloc[-1] // tick - traffic["at"].iloc[0] // tick + 1) * tick
    assert np.allclose(grid["origin_reads"] * seconds, len(traffic) - grid["hits"])


def test_one_ttl_and_one_number_of_instances_need_no_list(here):
    pair = sweep(TRAFFIC, 60, 4)
    assert pair["shared"].tolist() == [False, True]
    pd.testing.assert_frame_equal(pair, here.query("ttl == 60 and instances == 4").reset_index(drop=True))


def test_one_instance_is_its_own_shared_cache_whatever_the_route():
    grid = sweep(TRAFFIC, [5, 60], 1, route=lambda index, key: 3)
    assert grid["hits"].tolist() == [hits for hits in grid["hits"][::2] for _ in range(2)]


def test_seconds_covered_counts_the_last_second_too():
    assert seconds_covered(requests([7.5], "a")) == 1
    assert seconds_covered(requests([0, 59], "ab")) == 60
    assert seconds_covered(requests([0, 59], "ab"), tick=5) == 60
    assert sweep(requests([7.5, 7.5], "ab"), 60, 1)["origin_reads"].tolist() == [2, 2]


def spawned():
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


def test_processes_and_threads_answer_the_same(here):
    with spawned() as processes, ThreadPoolExecutor(2) as threads:
        for executor in (processes, threads):
            pd.testing.assert_frame_equal(sweep(TRAFFIC, **GRID, executor=executor), here)


def test_a_dask_cluster_answers_the_same_and_nothing_of_it_stays(here, tmp_path):
    if not find_spec("distributed") and not os.environ.get("CI"):
        pytest.skip("Dask is not one of the course's packages: pip install -r .ci/requirements.txt brings it")
    dask, distributed = map(importlib.import_module, ("dask", "distributed"))
    before = psutil.Process().children()
    with (
        dask.config.set({"temporary-directory": str(tmp_path)}),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
        client.get_executor() as executor,
    ):
        pd.testing.assert_frame_equal(sweep(TRAFFIC, **GRID, executor=executor), here)
    assert psutil.Process().children() == before


def test_each_request_is_sent_once_for_each_number_of_caches_in_parts_of_bounded_size():
    with mock.patch(f"{SWEEP}.PART", 10_000), mock.patch(f"{SWEEP}.AHEAD", 5):
        sweep(TRAFFIC, [5, 60], [1, 4, 4, 7], executor=(asked := AtOnce()))
    lengths = [len(slot) for slot, now, lives in asked.asked]
    hottest = TRAFFIC["key"].value_counts().iloc[0]
    assert sum(lengths) == 3 * len(TRAFFIC)
    assert max(lengths) <= 10_000 + hottest and len(lengths) >= 3 * len(TRAFFIC) / max(lengths)
    assert all(slot.itemsize <= 4 and now.itemsize <= 4 for slot, now, _ in asked.asked)


def test_a_bar_says_how_many_parts_there_are(monkeypatch):
    shown = []
    monkeypatch.setattr(sys.modules[progress.__module__], "display", shown.append)
    sweep(TRAFFIC, **GRID)
    assert [bar._repr_mimebundle_()["text/plain"] for bar in shown] == ["parts of the sweep: 9"]
    assert shown[0].value.endswith("9 of 9")


def test_an_interrupt_cancels_what_has_not_begun():
    executor = AtOnce(interrupt_at=5)
    with pytest.raises(KeyboardInterrupt):
        sweep(TRAFFIC, **GRID, executor=executor)
    assert [future.cancelled() for future in executor.futures] == [True] * 5


def test_workers_that_died_are_one_sentence():
    with spawned() as processes:
        processes.submit(os._exit, 1)
        for _ in range(2):  # while it dies, and once it is known
            with pytest.raises(LabError, match=r"BrokenProcessPool.*make a new executor") as caught:
                sweep(TRAFFIC, **GRID, executor=processes)
            assert ". " not in str(caught.value)


def test_an_executor_that_was_shut_down_is_one_sentence():
    threads = ThreadPoolExecutor(1)
    threads.shutdown()
    with pytest.raises(LabError, match="cannot schedule new futures after shutdown"):
        sweep(TRAFFIC, **GRID, executor=threads)


GOOD = {"traffic": requests([0, 1], "ab"), "ttls": 60, "instances": 4}


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        *[({"ttls": ttls}, "ttl is") for ttls in (0, [60, 2.5], [None], "60")],
        *[({"instances": instances}, "instances is") for instances in (0, [4, -1], None, [2.5])],
        ({"ttls": []}, "ttls is empty"),
        ({"instances": ()}, "instances is empty"),
        ({"ttls": 3, "tick": 2}, "whole number of ticks of 2"),
        ({"tick": 0.5}, "tick is"),
        ({"route": "sticky"}, "round_robin, random, by_key"),
        ({"route": lambda index, key: 4}, "must return"),
        ({"seed": -1}, "seed is"),
        ({"traffic": requests([], "")}, "empty"),
        ({"executor": 4}, r"executor is a int.*client\.get_executor"),
    ],
)
def test_a_bad_argument_gets_one_sentence(bad, words):
    with pytest.raises(BadArgument, match=words) as caught:
        sweep(**GOOD | bad)
    assert str(caught.value).endswith(".") and ". " not in str(caught.value)
