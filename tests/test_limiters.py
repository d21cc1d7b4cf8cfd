"""Four rate limiters, held to one contract twice: the package's and those built in view in notebook 07."""

from __future__ import annotations

from bisect import bisect_right
from uuid import uuid4

import numpy as np
import pytest
from in_view import in_view

from labsupport import Meter
from labsupport.coordination import limiters
from labsupport.explorers import LIMITERS, LimiterPicture, explore
from labsupport.setup.problem import ROOT

NAMES = ["fixed_window", "sliding_log", "sliding_counter", "token_bucket"]
LIMIT, MINUTE = 20, 60


IN_VIEW = in_view("07", *NAMES, "LOG", "TWO_WINDOWS", "BUCKET", uuid4=uuid4)
MADE = {f"{name} of {where}": (name, where) for name in NAMES for where in ("the package", "the cell")}


@pytest.fixture(params=MADE)
def made(request):
    name, where = MADE[request.param]
    return name, getattr(limiters, name) if where == "the package" else IN_VIEW[name]


@pytest.fixture
def allow(made, lab):
    """A function (now, customer) -> bool."""
    return lambda now, customer="calls": made[1](lab.redis, lab.keys.name(customer), now, LIMIT, MINUTE)


def passed(allow, calls):
    return [at for at in calls if allow(at)]


def worst_minute(moments):
    return max(i + 1 - bisect_right(moments, at - MINUTE) for i, at in enumerate(moments))


class TestEveryLimiter:
    def test_exactly_the_limit_passes_at_one_moment_and_the_answer_is_a_bool(self, allow):
        assert [allow(30.0) for _ in range(LIMIT + 3)] == [True] * LIMIT + [False] * 3

    def test_who_keeps_below_the_limit_is_never_refused(self, allow):
        calls = np.arange(0, 300, 1.01 * MINUTE / LIMIT).tolist()
        assert passed(allow, calls) == calls

    def test_two_minutes_later_all_is_forgiven(self, allow):
        assert len(passed(allow, [30.0] * LIMIT)) == LIMIT
        assert len(passed(allow, [150.0] * (LIMIT + 1))) == LIMIT

    def test_one_customers_calls_are_not_counted_for_another(self, allow):
        passed(allow, [30.0] * LIMIT)
        assert allow(30.0, "other") and not allow(30.0)

    def test_every_key_has_a_deadline_of_at_most_two_windows(self, allow, lab):
        passed(allow, [30.0] * (LIMIT + 1))
        keys = lab.redis.keys("*")
        assert keys and all(0 < lab.redis.ttl(key) <= 2 * MINUTE for key in keys)

    def test_after_its_deadline_nothing_is_left(self, allow, lab):
        passed(allow, [30.0] * (LIMIT + 1))
        lab.clock.advance(2 * MINUTE)
        assert lab.redis.dbsize() == 0

    def test_no_traffic_beats_twice_the_limit_in_a_minute_nor_the_logs_exact_one(self, made, allow, lab):
        rng, most = np.random.default_rng(7), LIMIT if made[0] == "sliding_log" else 2 * LIMIT
        for _ in range(6):
            lab.redis.flushall()
            calls = np.sort(rng.uniform(0, 240, 200) ** rng.uniform(0.7, 1.3)).tolist()
            assert LIMIT <= worst_minute(passed(allow, calls)) <= most

    def test_to_look_and_to_count_is_one_step(self, made, lab):
        meter = Meter(lab.address, lab.keys.namespace)
        for _ in range(LIMIT + 1):
            cost = meter.cost(made[1], meter.redis, lab.keys.name("calls"), 30.0, LIMIT, MINUTE)
            assert cost.trips == 1 and (b"MULTI" in cost.sent or b"EVAL" in cost.sent)
        meter.redis.close()


def test_the_scripts_in_the_cells_are_the_packages_own():
    [source] = (ROOT / "notebooks" / "src").glob("07-*.py")
    text = source.read_text(encoding="utf-8")
    assert all(script in text for script in (limiters.LOG, limiters.TWO_WINDOWS, limiters.BUCKET))


BURST = [second + i / 80 for second in (59, 60) for i in range(80)]
ON = [61 + i / 2 for i in range(120)]


@pytest.mark.parametrize(
    ("name", "burst", "on"),
    [
        ("fixed_window", 2 * LIMIT, 2 * LIMIT),
        ("sliding_log", LIMIT, LIMIT),
        ("sliding_counter", LIMIT + 1, 2 * LIMIT),  # of the burst, a sixtieth is forgiven each second
        ("token_bucket", LIMIT, 2 * LIMIT - 1),  # a bucket, and what flows in within the minute
    ],
)
def test_what_the_worst_minute_of_aimed_traffic_lets_through(lab, name, burst, on):
    def allow(now):
        return getattr(limiters, name)(lab.redis, lab.keys.name("calls"), now, LIMIT, MINUTE)

    through = passed(allow, BURST + ON)
    assert (worst_minute([at for at in through if at < 61]), worst_minute(through)) == (burst, on)


def test_the_windows_turn_on_the_whole_minute_and_the_log_and_the_bucket_do_not(lab):
    def at_the_turn(limiter, first, second):
        name = lab.keys.name(limiter.__name__)
        full = [limiter(lab.redis, name, first, LIMIT, MINUTE) for _ in range(LIMIT)]
        return all(full) and limiter(lab.redis, name, second, LIMIT, MINUTE)

    assert at_the_turn(limiters.fixed_window, 59.99, 60.0)
    assert not at_the_turn(limiters.sliding_log, 59.5, 119.25) and limiters.sliding_log(
        lab.redis, lab.keys.name("sliding_log"), 119.5, LIMIT, MINUTE
    )
    assert not at_the_turn(limiters.token_bucket, 59.5, 62.25)  # a token takes 3 s
    assert limiters.token_bucket(lab.redis, lab.keys.name("token_bucket"), 62.5, LIMIT, MINUTE)


def test_the_bucket_bears_an_instance_whose_clock_is_behind(lab):
    name = lab.keys.name("calls")
    taken = [limiters.token_bucket(lab.redis, name, now, LIMIT, MINUTE) for now in (30.0, 29.0) * LIMIT]
    assert sum(taken) == LIMIT  # what flowed in while one clock went on does not flow in twice


CONTROLS = {"begins": (0, 59), "lasts": (1, 60), "calls": (20, 300), "limit": (20, 200)}


@pytest.mark.parametrize("limiter", LIMITERS)
@pytest.mark.parametrize(("control", "ends"), CONTROLS.items())
def test_at_both_ends_of_every_control_the_picture_shows_what_its_sentence_says(lab, limiter, control, ends):
    for value in ends:
        figure, sentence = LimiterPicture(lab.redis, lab.keys)(limiter, **{control: value})
        made, let, limit, _ = figure.axes[0].lines
        assert f" {int(made.get_ydata()[-1])} calls in " in sentence
        assert f" {int(let.get_ydata()[-1])} pass within " in sentence
        assert f", {limit.get_ydata()[0]} a minute: " in sentence
        assert lab.redis.dbsize() == 0


def test_the_pictures_numbers_are_those_of_the_law(lab):
    picture = LimiterPicture(lab.redis, lab.keys)
    assert " 200 pass within these 30 s, 2.00 times the limit." in picture("fixed_window")[1]
    assert " 100 pass " in picture("sliding_log")[1] and " 100 pass " in picture("fixed_window", begins=0)[1]
    assert " 199 pass " in picture("token_bucket", begins=0, lasts=60, calls=300)[1]  # no boundary needed
    assert explore(picture, limiter=list(LIMITERS), **CONTROLS).text == picture()[1]
