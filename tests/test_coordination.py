"""Requests in lab time: each takes its own time, others are served meanwhile, all on exact moments."""

from __future__ import annotations

import pytest

from labsupport import Clock, in_lab_time, serve_in_lab_time
from labsupport.errors import BadArgument


def served(arrivals, handler, clock=None):
    log = serve_in_lab_time(clock or Clock(), arrivals, handler)
    assert list(log.columns) == ["at", "waited", "returned"]
    return list(log.itertuples(index=False, name=None))


def at_once(number):
    return number
    yield


def test_a_request_that_waits_for_nothing_is_answered_when_it_comes():
    assert served([0.25, 1.5, 1.5], at_once) == [(0.25, 0, 0), (1.5, 0, 1), (1.5, 0, 2)]
    assert served([], at_once) == []


def test_while_one_waits_others_are_served_and_rows_stay_in_the_order_of_arrival():
    came = []

    def handler(number):
        came.append(number)
        yield [5, 0.5, 0][number]
        came.append(number)
        return f"answer {number}"

    assert served([1.25, 2, 9], handler) == [
        (1.25, 5, "answer 0"),
        (2, 0.5, "answer 1"),
        (9, 0, "answer 2"),
    ]
    assert came == [0, 1, 1, 0, 2, 2]


def test_between_two_yields_nobody_else_runs_and_equal_moments_keep_the_order_in_which_they_were_set():
    came = []

    def handler(number):
        for _ in range(2):
            came.append(number)
            yield 2
        came.append(number)

    served([0, 0, 2, 4], handler)
    # at 2 the arrival of 2 comes first, set before all began, then what 0 and 1 set at 0; at 4 likewise
    assert came == [0, 1, 2, 0, 1, 3, 2, 0, 1, 3, 2, 3]


def test_the_clock_stands_at_the_tick_below_each_moment_and_counts_from_where_it_was():
    clock = Clock()
    clock.advance(100)

    def handler(number):
        before = clock.now()
        yield 0.5
        return before, clock.now()

    assert [row[2] for row in served([0.25, 0.75, 7.5], handler, clock)] == [
        (100, 100),
        (100, 101),
        (107, 108),
    ]
    assert clock.now() == 108


def test_a_longer_tick_is_moved_as_a_whole():
    clock = Clock(tick=10)

    def handler(number):
        yield 0
        return clock.now()

    assert [row[2] for row in served([9.9, 10, 25], handler, clock)] == [0, 10, 20]


def test_what_stands_at_one_tick_still_tells_the_listeners_that_real_time_passes():
    told = []

    class Listener:
        settle = told.append

        def hold(self):
            told.append("hold")

    clock = Clock()
    clock.listeners.append(Listener())
    served([0.5, 0.75, 3.5], at_once, clock)
    assert told == ["hold", "hold", 3]


def test_a_real_ttl_ends_at_its_tick_for_all_who_come_later(lab):
    key = lab.keys.name("course:204")

    def handler(number):
        if number == 0:
            yield 1.5
            lab.redis.set(key, "there", ex=3)
        return lab.redis.get(key)

    rows = served([0.5, 1.75, 2, 4.99, 5], handler, lab.clock)  # set at 2, when the third is there already
    assert [row[2] for row in rows] == [b"there", None, None, b"there", None]


def test_an_error_in_a_request_is_the_callers_and_the_clock_stays_where_it_happened():
    clock = Clock()

    def handler(number):
        yield 3
        raise KeyError("course")

    with pytest.raises(KeyError, match="course"):
        served([1], handler, clock)
    assert clock.now() == 4


def test_at_each_of_the_moments_the_clock_stands_at_the_tick_below_and_a_real_ttl_has_moved_along(lab):
    lab.clock.advance(100)
    lab.redis.set(lab.keys.name("marker"), "seen", ex=30)
    seen = [
        (at, lab.clock.now(), lab.redis.ttl(lab.keys.name("marker")))
        for at in in_lab_time(lab.clock, [0, 0.5, 29.75, 30])
    ]
    assert seen == [(0, 100, 30), (0.5, 100, 30), (29.75, 129, 1), (30, 130, -2)]
    with pytest.raises(BadArgument, match=r"^moments must be lab seconds"):
        list(in_lab_time(lab.clock, [2, 1]))


@pytest.mark.parametrize("arrivals", [[2, 1], [-1, 0], ["1"], [True], [float("nan")], [0, float("inf")]])
def test_arrivals_that_are_no_ascending_seconds_are_told_in_a_sentence(arrivals):
    with pytest.raises(BadArgument, match=r"^arrivals must be lab seconds"):
        served(arrivals, at_once)


@pytest.mark.parametrize("seconds", [-0.1, None, "1", float("nan")])
def test_a_wait_that_is_no_time_is_told_in_a_sentence(seconds):
    def handler(number):
        yield seconds

    with pytest.raises(BadArgument, match=r"^the handler yields .+, but must yield lab seconds"):
        served([0], handler)


def test_a_handler_that_never_yields_is_told_in_a_sentence():
    with pytest.raises(BadArgument, match=r"^the handler never yields"):
        served([0], lambda number: number)
