"""The arithmetic of waiting for a hung server, held against real clients and a server that really hangs."""

from __future__ import annotations

import contextlib
import time

import pytest
from redis import RedisError
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from labsupport.explorers import wait_picture
from labsupport.explorers.waiting import waiting
from labsupport.faults import FaultProxy


def asked(client, layers, retries, pause):
    """A request through so many layers; the client below is the first of them."""
    if layers == 1:
        with contextlib.suppress(RedisError):
            client.get("course:204")
        return
    for number in range(1 + retries):
        time.sleep(pause if number else 0)
        asked(client, layers - 1, retries, pause)


@pytest.mark.parametrize(
    ("timeout", "retries", "pause", "layers"),
    [(0.05, 0, 0.0, 1), (0.05, 2, 0.03, 1), (0.02, 1, 0.02, 2), (0.02, 1, 0.02, 3)],
)
def test_a_request_to_a_server_that_hangs_takes_these_tries_and_at_least_these_seconds(
    module_lab, timeout, retries, pause, layers
):
    found = waiting(timeout, retries, pause, layers, rate=1)
    retry = Retry(ConstantBackoff(pause), retries)
    with (
        FaultProxy(module_lab.address) as proxy,
        proxy.client(socket_timeout=timeout, retry=retry) as client,
    ):
        proxy.go_silent()
        start = time.perf_counter()
        asked(client, layers, retries, pause)
        took = time.perf_counter() - start
        assert proxy.commands == len(found.tries) == found.commands
    assert took >= found.seconds  # a busy machine takes longer


def test_tries_begin_when_the_one_before_and_the_pause_are_over():
    found = waiting(timeout=1, retries=1, pause=0.5, layers=2, rate=10)
    assert found.tries == [(0, 1), (1.5, 1), (3, 1), (4.5, 1)]
    assert (found.seconds, found.threads, found.commands) == (5.5, 55, 40)


def test_one_layer_waits_by_the_formula_of_exercise_1():
    for timeout, retries, pause in [(0.25, 0, 1.0), (0.25, 3, 0.1), (5, 10, 1)]:
        found = waiting(timeout, retries, pause, 1, 1)
        assert found.seconds == pytest.approx(timeout * (1 + retries) + pause * retries)


def test_the_picture_draws_each_try_and_says_what_they_add_up_to():
    figure, finding = wait_picture(timeout=1, retries=1, pause=0.5, layers=1, rate=100)
    left, right = figure.axes
    (lines,) = left.collections
    assert [segment.tolist() for segment in lines.get_segments()] == [[[0, 0], [1, 0]], [[1.5, 1], [2.5, 1]]]
    assert [bar.get_width() for bar in right.patches] == [100, 200, 250]
    assert finding == (
        "A request waits 2.50 s for a hung server, in 2 tries. At 100 requests a second 250 of them wait at "
        "once, and 200 commands a second go to that server."
    )


@pytest.mark.parametrize(
    "ends",
    [
        {"timeout": 0.05, "retries": 0, "pause": 0, "layers": 1, "rate": 10},
        {"timeout": 5, "retries": 10, "pause": 1, "layers": 3, "rate": 1_000},
    ],
)
def test_it_draws_at_both_ends_of_its_sliders_and_no_words_leave_the_picture(ends):
    figure, finding = wait_picture(**ends)
    figure.draw_without_rendering()
    assert ("in 1 try." if ends["layers"] == 1 else "in 1,331 tries.") in finding
    for ax in figure.axes:
        for text in [*ax.texts, *ax.get_yticklabels()]:
            box = text.get_window_extent()
            assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1
