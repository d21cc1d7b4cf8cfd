"""The plots of notebook 06, through their artists; `TYPICAL` is also held to the look of the house."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from artists import apart, colours, drawn, role, words

from labsupport.figures import (
    dashboards,
    finals,
    measured_bars,
    moves,
    panels,
    two_histograms,
    windows,
)


def arrows(ax):
    """Where each arrow starts and ends, as (place, start, end)."""
    return [(t.xyann[0], t.xyann[1], t.xy[1]) for t in ax.texts if getattr(t, "arrow_patch", None)]


def test_moves_draws_each_command_in_its_clients_lane_and_what_redis_held_between(ax):
    finding = moves(ax, (0, 1, 0), ["GET", "SET"], ["reads 1", "reads 1", "writes 0"], [1, 1, 1, 0], "sold")
    assert words(ax) == [
        "A GET",
        "reads 1",
        "B GET",
        "reads 1",
        "A SET",
        "writes 0",
        "1",
        "1",
        "1",
        "0",
        "sold",
    ]
    assert [box.get_y() > 0 for box in ax.patches] == [True, False, True]
    assert colours(ax.patches) == ["#ffffff", *role("pale"), "#ffffff"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["A", "Redis", "B"]
    assert finding == "A GET reads 1; B GET reads 1; A SET writes 0: sold."


def test_arrows_go_to_redis_for_a_write_and_come_from_it_for_a_read(ax):
    moves(ax, (0, 1, 0, 1), ["GET", "SET"], ["reads 1", "reads 1", "writes 0", "sells nothing"], [1] * 5, "")
    (a_get, b_get, a_set) = arrows(ax)
    assert abs(a_get[1]) < abs(a_get[2]) and a_get[2] > 0
    assert abs(b_get[1]) < abs(b_get[2]) and b_get[2] < 0
    assert abs(a_set[1]) > abs(a_set[2]) and a_set[1] > 0  # and none for the SET that was not sent


def test_before_the_first_command_there_is_only_what_redis_holds(ax):
    assert moves(ax, (), ["GET", "SET"], [], [1], "not sold yet") == "No command has run: not sold yet."
    assert words(ax) == ["1", "not sold yet"] and not ax.patches


def test_finals_draws_how_many_orders_end_where_and_the_law_over_it(ax):
    runs = pd.DataFrame({"final": [1, 1, 1, 1, 2, 2]})
    finding = finals(ax, runs, {1: 1 / 2, 2: 1 / 2}, right=2)
    found = {bar.get_x() + bar.get_width() / 2: bar.get_height() for bar in ax.patches}
    assert found == pytest.approx({1: 4, 2: 2}) and {bar.get_y() for bar in ax.patches} == {0}
    dashes = [end for line in ax.lines for end in drawn(line)]
    assert np.ravel(dashes) == pytest.approx([0.58, 3, 1.42, 3, 1.58, 3, 2.42, 3])
    assert colours(ax.patches) == role("other", "shared")
    assert words(ax) == ["4", "2\nnothing lost", "law"]
    assert finding == "6 orders end at 1 in 4, 2 in 2. 2 of them lose nothing; mean 1.333, by the law 1.500."


def test_finals_says_it_if_nothing_is_ever_lost_and_keeps_the_axis(ax):
    finding = finals(ax, pd.DataFrame({"final": [4] * 24}), {4: 1.0}, right=4)
    assert finding == "24 orders end at 4 in 24. All of them lose nothing; mean 4.000, by the law 4.000."
    assert list(ax.get_xticks()) == [1, 2, 3, 4]


def test_measured_bars_marks_every_value_but_the_exact_ones(ax):
    kept = {"GET+SET": 1_533.0, "INCR": 4_000.0}
    finding = measured_bars(ax, kept, {"INCR": "shared"}, exact=["INCR"], happened=4_000)
    assert [(bar.get_x(), bar.get_width()) for bar in ax.patches] == [(0, 1_533), (0, 4_000)]
    assert colours(ax.patches) == role("other", "shared")
    assert ax.lines[0].get_xdata() == [4_000, 4_000]
    assert words(ax) == ["1,533", "4,000"]
    assert finding == "GET+SET [here: 1,533], INCR 4,000."


def test_two_histograms_draws_shares_of_the_runs_and_marks_only_what_was_measured(ax):
    kept = {"free": ([0.611, 0.613, 0.71, 0.75], "other"), "drawn": ([0.62] * 5, "origin")}
    finding = two_histograms(ax, kept, limit=0.625)
    free, drawn_ones = ax.patches
    assert (free.get_data().values.max(), drawn_ones.get_data().values.max()) == (0.5, 1)
    assert (free.get_fill(), drawn_ones.get_fill()) == (True, False)
    assert ax.lines[0].get_xdata() == [0.625, 0.625]
    assert words(ax) == ["free", "drawn", "five eighths"]
    assert finding == (
        "free kept [here: 67.1%, from 61.1% to 75.0%]. drawn kept 62.0%, from 62.0% to 62.0%. "
        "Five eighths are 62.5%."
    )


def test_dashboards_draws_what_the_counters_say_and_what_is_true(ax):
    finding = dashboards(ax, {"A": 0.9, "B": 1.0}, {"A": 0.6, "B": 0.5}, "other")
    assert [bar.get_height() for bar in ax.patches] == [0.9, 1.0] and colours(ax.patches) == role(
        *["other"] * 2
    )
    assert [set(line.get_ydata()) for line in ax.lines] == [{0.6}, {0.5}]
    assert words(ax) == ["90%", "100%", "true"]
    assert finding == "the counters give hit rates of A 90% where it was 60%, B 100% where it was 50%"


def test_windows_draws_each_counter_over_time_against_its_limit(ax):
    finding = windows(
        ax, [0, 10, 20], {"stuck": ([1, 2, 3], "other"), "renewed": ([1, 2, 1], "shared")}, limit=2
    )
    stuck, renewed, limit = ax.lines
    assert (drawn(stuck), drawn(renewed)) == ([(0, 1), (10, 2), (20, 3)], [(0, 1), (10, 2), (20, 1)])
    assert set(limit.get_ydata()) == {2} and ax.get_ylim()[0] == 0
    assert sorted(words(ax)) == ["limit 2", "renewed", "stuck"]
    assert finding == "of 3 calls are refused: stuck 1, renewed 0"


TYPICAL = {
    "dashboards": lambda ax, d: dashboards(ax, {"A": 0.9}, {"A": 0.6 + d / 10}, "other"),
    "finals": lambda ax, d: finals(ax, pd.DataFrame({"final": [1, 1 + d, 2]}), {1: 0.5, 2: 0.5}, 2),
    "measured_bars": lambda ax, d: measured_bars(ax, {"A": 3.0 + d, "B": 5.0}, {"A": "shared"}),
    "moves": lambda ax, d: moves(ax, (0,), ["GET"], [f"reads {d}"], [1, 1], "done"),
    "two_histograms": lambda ax, d: two_histograms(
        ax, {"A": ([0.5, 0.6 + d / 10], "other"), "B": ([0.6], "origin")}, 0.625
    ),
    "windows": lambda ax, d: windows(ax, [0, 10], {"A": ([1, 2 + d], "shared")}, 2),
}


def test_every_number_of_a_measured_bar_is_marked_or_exact(ax):
    finding = measured_bars(ax, {"A": 31.0, "B": 41.0}, {}, exact=["B"])
    assert re.findall(r"\d+", re.sub(r"\[here: [^\]]*\]", "", finding)) == ["41"]


@pytest.mark.parametrize("lasts", [(18, 6), (6, 6), (7, 6)])
def test_the_labels_of_two_counters_that_end_close_together_do_not_touch(lasts):
    _, [ax] = panels(width=3.6, height=3.6)
    stuck, renewed = ([1, last] for last in lasts)
    windows(ax, [0, 170], {"no TTL": (stuck, "other"), "with TTL": (renewed, "shared")}, limit=5)
    assert apart(ax)
