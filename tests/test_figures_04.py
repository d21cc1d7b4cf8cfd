"""The plots of notebook 04, through their artists; `TYPICAL` is also held to the look of the house."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from artists import words
from matplotlib.colors import to_hex

from labsupport.explorers import TradePicture
from labsupport.figures import (
    ROLE,
    costs,
    deadlines,
    fading_waves,
    first_wave,
    five_lanes,
    ghosts,
    panels,
    png,
    rates_by_version,
    rolling_deploy,
    trade,
    window_counters,
)
from labsupport.model import expiries, expiry_law, simulate, stale_answers
from labsupport.traffic import zipf_traffic


def judged(at, hit, instance, stale):
    return pd.DataFrame(
        {
            "at": np.array(at, float),
            "instance": instance,
            "hit": np.array(hit, bool),
            "stale": np.array(stale, bool),
        }
    )


PRIVATE = judged([0, 10, 30, 40], [0, 0, 1, 1], [0, 1, 0, 1], [0, 0, 1, 1])
SHARED = judged([0, 10, 30, 40], [0, 1, 1, 1], [0, 1, 0, 1], [0, 0, 1, 1])
WAVES, LAW = expiries(1_000, 10, 1, 3, seed=1), 1_000 * expiry_law(10, 1, 3)
PLAIN, JITTERED = pd.Series([0, 9, 0], index=[9, 10, 11]), pd.Series([2, 4, 3], index=[9, 10, 11])
ANSWERS = pd.DataFrame(
    {
        "at": [0.0, 2, 4, 6, 8, 10, 12, 14],
        "instance": [0, 1, 2, 3] * 2,
        "hit": [0, 1, 1, 1, 1, 0, 1, 1],
        "old": [True] * 4 + [False] * 4,
        "failed": [False, True, False, True, True, False, False, False],
    }
)
DEPLOYED = {0: 5, 1: 6, 2: 7, 3: 7}
WAYS = pd.DataFrame({"stale reads": [7, 0], "lost": [0, 0]}, index=["TTL only", "invalidate"])
WINDOWS = pd.DataFrame({"plain SET": [1, 2, 3], "SET KEEPTTL": [1, 2, 1]}, index=[0, 5, 10])
TYPICAL = {
    "deadlines": lambda ax, d: deadlines(ax, {"INCR": 300 + d, "SET": -1}),
    "first_wave": lambda ax, d: first_wave(ax, PLAIN + d, JITTERED),
    "five_lanes": lambda ax, d: five_lanes(ax, PRIVATE, SHARED, 60, 20 + d),
    "fading_waves": lambda ax, d: fading_waves(ax, WAVES + d, LAW, 10),
    "ghosts": lambda ax, d: ghosts(ax, {"few": (500, 490 + d)}),
    "rates_by_version": lambda ax, d: rates_by_version(ax, ANSWERS.assign(hit=ANSWERS["hit"] * (1 - d))),
    "rolling_deploy": lambda ax, d: rolling_deploy(ax, ANSWERS.iloc[d:], DEPLOYED),
    "trade": lambda ax, d: trade(
        ax, [30, 300], [0.3, 0.8], [0, 0.1 + d / 10], ([0.3, 0.8], [0, 0.1]), {30: 34.0}
    ),
    "window_counters": lambda ax, d: window_counters(ax, WINDOWS + d, 5),
}


def test_five_lanes_draws_four_private_lanes_and_a_shared_one(ax):
    finding = five_lanes(ax, PRIVATE, SHARED, ttl=60, changed=20)
    colours = {
        round(bar.get_y() + bar.get_height() / 2): to_hex(bar.get_facecolor()) for bar in ax.patches[::2]
    }
    assert colours == {0: ROLE["private"].lower(), 1: ROLE["private"].lower(), 4: ROLE["shared"].lower()}
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["A", "B", "C", "D", "Redis"]
    hatched = [bar.get_width() for bar in ax.patches if bar.get_hatch()]
    assert hatched == [40, 50, 40]
    assert finding == (
        "Four dicts: 2 fills, 2 stale answers, 90 stale seconds of entries, the last 50 s after the change. "
        "Redis: 1 fills, 2 stale answers, 40 stale seconds of entries, the last 40 s after the change."
    )


def test_an_entry_that_expired_before_the_change_has_no_stale_seconds(ax):
    assert "Redis: 1 fills, 2 stale answers, 0 stale seconds" in five_lanes(ax, PRIVATE, SHARED, 15, 20)


def test_trade_draws_what_was_found_as_dots_and_the_laws_dashed(ax):
    finding = trade(ax, [30, 300], [0.3, 0.8], [0.0, 0.1], ([0.31, 0.8], [0.0, 0.12]), {30: 33.5})
    drawn = [(line.get_linestyle(), list(line.get_ydata())) for line in ax.lines]
    assert drawn == [("None", [0.3, 0.8]), ("--", [0.31, 0.8]), ("None", [0.0, 0.1]), ("--", [0.0, 0.12])]
    assert words(ax) == ["33.5 reads/min", "stale", "hits"]
    said, law = finding.split(". ")
    assert said == "TTL 30 s: 30.0% hits, 0.0% stale, 33.5 reads a minute"
    assert law == "The laws (dashed) are off by at most 2.0 points."


def test_the_first_wave_stands_on_one_axis_without_and_with_jitter(ax):
    finding = first_wave(ax, PLAIN, JITTERED)
    assert [bar.get_height() for bar in ax.patches] == [0, 9, 0, 2, 4, 3]
    assert [bar.get_x() + bar.get_width() / 2 for bar in ax.patches[:3]] == pytest.approx([9, 10, 11])
    assert finding == "9 keys, most in one second: without jitter 9, with jitter 4"
    assert ax.get_ylim()[0] == 0


def test_fading_waves_draws_the_counts_the_law_and_the_even_spread(ax):
    finding = fading_waves(ax, WAVES, LAW, ttl=10)
    law, even = ax.lines
    assert law.get_ydata().tolist() == pytest.approx(LAW.sum(axis=0).tolist())
    assert list(even.get_ydata()) == [100, 100]
    heights = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert heights.max() == WAVES.sum(axis=0).max()
    assert f"falls from {WAVES[0].max()} in wave 1 (law 333) to {WAVES[2].max()} in wave 3" in finding


def test_ghosts_shows_what_is_still_counted_inside_what_has_expired(ax):
    finding = ghosts(ax, {"few": (500, 490), "many": (4_000, 0)})
    assert [bar.get_width() for bar in ax.patches] == [500, 490, 4_000, 0]
    assert words(ax) == ["490 of 500 still counted", "0 of 4,000 still counted"]
    assert "few: DBSIZE still counts [here: 490] of 500 expired keys." in finding


def test_a_lost_deadline_is_hatched_and_longer_than_every_other(ax):
    finding = deadlines(ax, {"INCR": 300, "GETEX": 60, "SET": -1})
    assert [bar.get_hatch() for bar in ax.patches] == [None, None, "////"]
    assert [bar.get_width() for bar in ax.patches] == [300, 60, 375]
    assert words(ax) == ["300 s", "60 s", "no deadline left"]
    assert finding == "After INCR: 300 s. After GETEX: 60 s. After SET: no deadline."


def test_rolling_deploy_crosses_what_failed_and_dots_the_rest(ax):
    finding = rolling_deploy(ax, ANSWERS, DEPLOYED)
    answered, failed = ax.lines
    assert (answered.get_marker(), failed.get_marker()) == (".", "x")
    assert list(zip(failed.get_xdata(), failed.get_ydata())) == [(2, 1), (6, 3), (8, 0)]
    assert [bar.get_width() for bar in ax.patches[::2]] == [5, 6, 7, 7]
    assert finding == "8 requests, 3 failed: 2 of the old release, 1 of the new one"


def test_costs_has_a_panel_for_each_count_on_a_scale_of_its_own():
    figure, axes = panels(2)
    assert costs(axes, WAYS) == "TTL only: 7 stale reads, 0 lost. invalidate: 0 stale reads, 0 lost."
    assert [[bar.get_width() for bar in ax.patches] for ax in axes] == [[7, 0], [0, 0]]
    assert [ax.get_title(loc="left") for ax in axes] == ["stale reads", "lost"]
    assert [text.get_text() for text in axes[0].get_yticklabels()] == ["TTL only", "invalidate"]
    assert all(ax.yaxis_inverted() and ax.get_xlim()[0] == 0 for ax in axes) and png(figure)


def test_rates_by_version_has_two_bars_for_each_instance(ax):
    finding = rates_by_version(ax, ANSWERS)
    assert [bar.get_height() for bar in ax.patches] == [0, 1, 1, 1, 1, 0, 1, 1]
    assert words(ax) == ["course:204", "course:v2:204"]
    assert finding.startswith("hit rates under course:204 A 0%, B 100%")


def test_window_counters_draws_a_step_line_for_each_counter(ax):
    finding = window_counters(ax, WINDOWS, touched=5)
    assert [list(line.get_ydata()) for line in ax.lines[1:]] == [[1, 2, 3], [1, 2, 1]]
    assert words(ax) == ["corrected", "plain SET", "SET KEEPTTL"]
    assert finding.endswith("after a correction at 5 s: plain SET 3, SET KEEPTTL 1")


START = {"ttl": 300, "changes": 30, "rate": 1, "caches": 1}
ENDS = [{"ttl": 10}, {"ttl": 3600}, {"changes": 5}, {"changes": 240}, {"rate": 0.2}, {"rate": 5}]
ENDS += [{"caches": 1}, {"caches": 16}]


@pytest.mark.parametrize("moved", ENDS, ids=str)
def test_at_both_ends_of_every_control_the_trade_shows_what_the_model_gives(moved):
    at = START | moved
    figure, sentence = TradePicture()(**at)
    traffic = zipf_traffic(60_000, 50, 0, at["rate"] * 50 / 60, 204)
    hit = simulate(traffic, at["caches"], at["ttl"])
    log = traffic.assign(hit=hit, instance=np.arange(60_000) % at["caches"])
    span = traffic["at"].iloc[-1]
    changes = zipf_traffic(round(span / 60 / at["changes"] * 50), 50, 0, 50 / at["changes"] / 60, 7)
    stale = stale_answers(log, changes).mean()
    assert f"{log['hit'].mean():.1%} hits, {stale:.1%} of the answers stale" in sentence
    left, right = figure.axes
    shares = [bar.get_width() for bar in right.patches]
    assert shares == pytest.approx([log["hit"].mean() - stale, stale, 1 - log["hit"].mean()])
    dots = [line.get_xydata()[0].tolist() for line in left.lines[2:]]
    assert dots == [pytest.approx([at["ttl"], log["hit"].mean()]), pytest.approx([at["ttl"], stale])]


def test_the_law_of_the_trade_runs_close_by_its_dots():
    figure, _ = TradePicture()(**START)
    for law, dot in zip(figure.axes[0].lines[:2], figure.axes[0].lines[2:]):
        assert np.interp(300, law.get_xdata(), law.get_ydata()) == pytest.approx(dot.get_ydata()[0], abs=0.02)


def test_the_trade_moves_what_it_drew():
    picture = TradePicture()
    figure, first = picture()
    before = png(figure)
    again, second = picture(ttl=60)
    assert again is figure and first != second and png(figure) != before
    assert png(picture()[0]) == before
