"""The lab's clock: whole ticks only, and whoever listens moves first."""

import math
from decimal import Decimal

import numpy as np
import pytest

from labsupport import Clock
from labsupport.errors import BadArgument


class Recorder:
    """A listener that notes what it heard, and what the clock said at that moment."""

    def __init__(self, clock):
        self.clock, self.heard = clock, []
        clock.listeners.append(self)

    def settle(self, seconds):
        self.heard.append((seconds, self.clock.now()))

    def hold(self):
        self.heard.append(("hold", self.clock.now()))


def test_time_stands_still_until_told_to_move():
    clock = Clock()
    assert clock.now() == 0
    clock.advance(3)
    clock.advance(0)
    assert clock.now() == 3


@pytest.mark.parametrize("seconds", [1, 1.0, np.int64(1), np.float32(1)])
def test_any_kind_of_whole_number_is_a_step(seconds):
    clock = Clock()
    clock.advance(seconds)
    assert clock.now() == 1


@pytest.mark.parametrize(
    "seconds",
    [
        0.5,
        1.0000001,
        -1,
        -0.5,
        math.nan,
        math.inf,
        -math.inf,
        True,
        False,
        np.True_,
        "1",
        None,
        Decimal(1),
        1j,
    ],
)
def test_part_ticks_and_what_is_no_number_are_refused_and_nothing_moves(seconds):
    clock = Clock()
    recorder = Recorder(clock)
    with pytest.raises(BadArgument, match="whole number of ticks of 1 s"):
        clock.advance(seconds)
    assert (clock.now(), recorder.heard) == (0, [])


@pytest.mark.parametrize("tick", [0.5, 0, -1, 1.5, math.nan, math.inf, True, "1", None])
def test_a_tick_that_is_no_whole_number_of_seconds_is_refused(tick):
    with pytest.raises(BadArgument, match=r"tick is .* whole number of at least 1"):
        Clock(tick)


def test_waiting_for_a_moment_moves_on_to_it_or_holds_where_it_has_come_already():
    clock = Clock()
    recorder = Recorder(clock)
    for moment in (3, 3, 2, 4):
        clock.wait_until(moment)
    assert recorder.heard == [(3, 0), ("hold", 3), ("hold", 3), (1, 3)] and clock.now() == 4


def test_a_step_must_fit_the_tick():
    clock = Clock(tick=5)
    clock.advance(10)
    with pytest.raises(BadArgument, match="ticks of 5 s"):
        clock.advance(4)
    assert clock.now() == 10


def test_listeners_move_before_the_clock_does():
    clock = Clock(tick=2)
    recorder = Recorder(clock)
    clock.advance(4)
    clock.hold()
    assert recorder.heard == [(4, 0), ("hold", 4)]


def test_a_listener_that_refuses_keeps_the_clock_where_it_was():
    clock = Clock()
    recorder = Recorder(clock)
    recorder.settle = lambda seconds: 1 / 0
    with pytest.raises(ZeroDivisionError):
        clock.advance(1)
    assert clock.now() == 0


def test_reset_goes_back_to_0_without_telling_anybody():
    clock = Clock()
    recorder = Recorder(clock)
    clock.advance(7)
    clock.reset()
    assert clock.now() == 0
    assert len(recorder.heard) == 1


def test_a_million_ticks_add_up_exactly():
    clock = Clock(tick=3)
    clock.advance(3 * 10**6)
    clock.advance(3)
    assert clock.now() == 3 * (10**6 + 1)
    assert repr(clock) == "Clock(now=3e+06 s, tick=3 s)"
