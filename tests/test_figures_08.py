"""The plots of notebook 08 on full, slow and lost servers; `TYPICAL` is held to the look of the house."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from artists import drawn, role, words
from matplotlib.colors import to_hex

from labsupport.figures import (
    kept_by_rank,
    lives,
    lost_counter,
    outages,
    panels,
    phases,
    policies,
    refusals,
    slowness,
)

GONE = (4, 6)


def without_marks(sentence):
    return re.sub(r"\[here: [^\]]*\]", "", sentence)


def hits(end=0.5):
    names = ["noeviction", "allkeys-lru"]
    return pd.DataFrame({names[0]: [0.6, 0.8, 0.1], names[1]: [0.5, 0.7, end]}, index=[10, 20, 30])


def kept(first=True):
    return pd.DataFrame({"noeviction": [first, False, True, True], "allkeys-lru": [True, True, False, True]})


def log(**columns):
    """Eight requests of two instances, all of them hits unless a column says otherwise."""
    usual = {"instance": [0, 1] * 4, "key": ["course:204"] * 8, "changed": [None] * 8, "hit": [True] * 8}
    flags = dict.fromkeys(("read", "error", "stale"), [False] * 8)
    return pd.DataFrame(usual | flags | columns)


def at(*places):
    return [place in places for place in range(8)]


def test_policies_draws_one_line_each_and_names_the_rates_before_and_after_the_change(ax):
    finding = policies(ax, hits(), turned=20)
    first, second = ax.lines[:2]
    assert drawn(first) == [(10, 0.6), (20, 0.8), (30, 0.1)] and drawn(second)[-1] == (30, 0.5)
    assert words(ax) == ["others are popular", "noeviction", "allkeys-lru"]
    assert (ax.get_ylim(), ax.lines[2].get_xdata()[0]) == ((0, 1), 20)
    assert finding == (
        "Hit rate before the change and at the end: noeviction [here: 80% and 10%], "
        "allkeys-lru [here: 70% and 50%]."
    )


def test_four_policies_differ_in_more_than_colour(ax):
    names = ["noeviction", "allkeys-lru", "allkeys-lfu", "volatile-ttl"]
    kept_by_rank(ax, pd.DataFrame({name: [True, False] for name in names}), [1, 2])
    assert len({line.get_marker() for line in ax.lines}) == 4
    assert len({(line.get_color(), line.get_linestyle()) for line in ax.lines}) == 4


def test_kept_by_rank_draws_the_share_of_each_group_of_ranks(ax):
    finding = kept_by_rank(ax, kept(), [1, 4])
    assert drawn(ax.lines[0]) == [(0, 1), (1, pytest.approx(2 / 3))]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1-1", "2-4"]
    assert finding == "Still there of the 1 most popular: noeviction [here: 100%], allkeys-lru [here: 100%]."


def test_refusals_fills_the_dots_of_what_works(ax):
    finding = refusals(ax, {"GET": True, "SET": False, "TTL": True})
    assert [to_hex(line.get_markerfacecolor()) == "#ffffff" for line in ax.lines] == [False, True, False]
    assert words(ax) == ["GET", "works", "SET", "refused", "TTL", "works"]
    assert finding == "2 of 3 work: GET, TTL. Refused: SET."


def test_slowness_draws_percentiles_beside_the_delay_and_the_rate_beside_the_law():
    _, axes = panels(2)
    finding = slowness(axes, {50: (np.array([50.0] * 94 + [60.0] * 6), 600.0)}, clients=40)
    span, *marks, delay = axes[0].lines
    assert [x for x, _ in drawn(span)] == pytest.approx([50, 60])
    assert [drawn(mark)[0][0] for mark in marks] == pytest.approx([50, 60, 60])
    assert set(delay.get_xdata()) == {50}
    rate, law = axes[1].lines
    assert (drawn(rate), set(law.get_xdata())) == ([(600, 0)], {800})
    assert words(axes[1]) == ["600 of at most 800"]
    assert finding == "50 ms: p50/p95/p99 [here: 50/60/60 ms], [here: 600 requests/s]."


def test_outages_stacks_errors_on_reads_and_counts_what_happened_while_it_was_gone():
    _, axes = panels(2, share=True)
    closed = log(error=at(4, 5), read=at(0))
    opened = log(read=at(0, 4, 5, 6), stale=at(5, 7))
    finding = outages(axes, {"closed": closed, "open": opened}, GONE, window=2)
    reads, errors = (box for box in axes[0].containers)
    assert [bar.get_height() for bar in reads] == [1, 0, 0, 0]
    assert [(bar.get_y(), bar.get_height()) for bar in errors] == [(1, 0), (0, 0), (0, 2), (0, 0)]
    assert [bar.get_height() for bar in axes[1].containers[0]] == [1, 0, 2, 1]
    assert all(bar.get_hatch() for bar in errors)
    assert [ax.get_title(loc="left") or ax.get_title() for ax in axes] == ["closed", "open"]
    assert finding == (
        "While Redis is gone, 2 requests: closed 0 reads, 2 errors; open 2 reads, 0 errors, 1 stale answers."
    )


def test_phases_draws_each_instances_hit_rate_before_during_and_after(ax):
    finding = phases(ax, log(hit=[False, True, True, True, False, True, True, True]), GONE)
    assert [bar.get_height() for bar in ax.patches] == [0.5, 1, 0, 1, 1, 1]
    assert words(ax) == ["before", "during", "after"]
    assert finding == "hit rates of A, B, C, D before 50%, 100%; during 0%, 100%; after 100%, 100%"


def test_lives_draws_an_entry_from_fill_to_change_to_the_kill_or_to_the_end(ax):
    changed = [None, None, "course:204", None, None, "course:204", None, None]
    requests = log(read=at(0, 2, 4, 5, 6), changed=changed)  # 2: who comes just after the change
    finding = lives(ax, requests, {"course:204": "one"}, GONE)
    bars = [(bar.get_x(), bar.get_width()) for bar in ax.patches if bar.get_height() == pytest.approx(0.46)]
    assert bars == [(0, 2), (2, 2), (6, 2)]  # the reads at 4 and 5 found no Redis to fill
    assert [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "x"] == [4]
    assert finding == "1 courses: the kill cuts 1 lives short, 1 begin after it"


def test_lost_counter_leaves_a_gap_where_nobody_answered(ax):
    finding = lost_counter(ax, [1, 2, 3, 4, None, None, 1, 2], GONE)
    truth, counter = ax.lines
    assert drawn(truth)[-1] == (8, 8) and np.isnan(counter.get_ydata()[4:6].astype(float)).all()
    assert words(ax) == ["8 happened", "INCR: 2"]
    assert finding == "8 views happened; INCR said 4 before the kill and says 2 at the end"


TYPICAL = {
    "kept_by_rank": lambda ax, d: kept_by_rank(ax, kept(first=not d), [1, 4]),
    "lives": lambda ax, d: lives(ax, log(read=at(0, 6, 6 + d)), {"course:204": "one"}, (4 - d, 6)),
    "lost_counter": lambda ax, d: lost_counter(ax, [1, 2, 3, 4, None, None, 1, 2 + d], GONE),
    "phases": lambda ax, d: phases(ax, log(hit=at(0, 4, 7 - d)), GONE),
    "policies": lambda ax, d: policies(ax, hits(0.5 + d / 10), turned=20),
    "refusals": lambda ax, d: refusals(ax, {"GET": True, "SET": bool(d)}),
}


def test_no_measured_number_is_outside_its_mark(ax):
    _, axes = panels(2)
    sentences = [
        slowness(axes, {50: (np.array([50.0, 61.0]), 612.0)}, clients=40),
        policies(ax, hits(), turned=20),
    ]
    assert [re.findall(r"\d+", without_marks(sentence)) for sentence in sentences] == [
        ["50", "50", "95", "99"],
        [],
    ]


def test_the_outage_of_the_board_has_the_colour_of_private_caches(ax):
    phases(ax, log(), GONE)
    assert [to_hex(bar.get_facecolor()) for bar in ax.patches[::2]] == role("shared", "private", "shared")
