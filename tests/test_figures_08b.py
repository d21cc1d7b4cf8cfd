"""Plots of notebook 08 on copies, through their artists; `TYPICAL` is held to the look of the house, too."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from artists import apart, drawn, words
from matplotlib.colors import to_hex

from labsupport.figures import ROLE, failover, panels, told_lanes


@pytest.fixture
def ax():
    return panels(width=8)[1][0]


def colour(line):
    return to_hex(line.get_color())


def two_lanes(stale_until=4):
    """Copies of 3 s, read at 0 and 3; the key changes at 2; lane 0 reads again then, lane 1 is not told."""
    rows = [(at, 0, at not in (0, 2), False) for at in range(5)]
    rows += [(at, 1, at not in (0, 3), 2 <= at < stale_until and at != 3) for at in range(5)]
    return pd.DataFrame(rows, columns=["at", "instance", "hit", "stale"])


def test_told_lanes_counts_the_reads_from_redis_and_the_stale_answers_of_each_lane(ax):
    finding = told_lanes(ax, two_lanes(), ttl=3, changed=2, names=["told", "silent"])
    assert finding == (
        "5 requests each. told: 2 reads from Redis, 0 of the answers stale. "
        "silent: 2 reads from Redis, 1 of the answers stale."
    )
    fills = [drawn(line)[0] for line in ax.lines if line.get_marker() == "^"]
    assert fills == [(0, 0), (2, 0), (0, 1), (3, 1)]
    crosses = [point for line in ax.lines if line.get_marker() == "x" for point in drawn(line)]
    assert crosses == [(2, pytest.approx(0.64))]


def test_told_lanes_names_its_lanes_and_the_change(ax):
    told_lanes(ax, two_lanes(), ttl=3, changed=2, names=["told", "silent"])
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["told", "silent"]
    assert words(ax) == ["the course changes"]
    assert "lab time" not in ax.get_xlabel()


VIEWS = [100, 120, 140, 160, 180, 200]


def test_failover_draws_the_counter_of_both_servers_and_what_is_lost(ax):
    finding = failover(ax, VIEWS, [100, 120, 140, 160], [100, 120, 120, 120, 140, 160], cut=120, killed=160)
    happened, primary, replica = ax.lines[:3]
    assert drawn(happened) == [(view, view) for view in VIEWS]
    assert drawn(primary) == [(100, 100), (120, 120), (140, 140), (160, 160)]
    assert drawn(replica) == list(zip(VIEWS, [100, 120, 120, 120, 140, 160]))
    assert [colour(line) for line in (primary, replica)] == [ROLE["origin"], ROLE["shared"].lower()]
    assert [set(line.get_xdata()) for line in ax.lines[3:]] == [{120}, {160}]
    assert words(ax) == [
        *("link cut", "primary killed,\nreplica promoted", "primary", "replica: 160", "happened: 200")
    ]
    assert finding == (
        "200 views happened, and the promoted replica counts 160: 40 are lost, those from the cut (120) to "
        "the death (160)."
    )


TYPICAL = {
    "failover": lambda ax, d: failover(
        ax, [900, 920, 940, 960 + d], [900, 920, 940], [900, 920, 920, 940], cut=920, killed=940
    ),
    "told_lanes": lambda ax, d: told_lanes(ax, two_lanes(3 + 2 * d), 3, 2, ["told", "silent"]),
}


@pytest.mark.parametrize("lost", [60, 5, 0])
def test_the_labels_of_a_failover_do_not_touch_however_little_is_lost(ax, lost):
    views = list(range(900, 1_201, 20))
    replica = [min(view, 940) if view <= 1_000 else view - lost for view in views]
    failover(ax, views, views[:6], replica, cut=940, killed=1_000)
    assert apart(ax)


def test_the_sentence_of_a_failover_is_computed_from_numpy_too(ax):
    views = np.array(VIEWS)
    assert "40 are lost" in failover(ax, views, views[:4], [100, 120, 120, 120, 140, 160], 120, 160)
