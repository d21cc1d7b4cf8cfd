"""The table of speed: its peers agree, and it says so when one does not."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("cachetools", reason=".ci/requirements.txt brings it")
pytest.importorskip("numba", reason=".ci/requirements.txt brings it")

from benchmarks import races, simulate, speed
from benchmarks.table import Goal, Group, Size, in_turns

ONCE = Size(rounds=1, small=True)


def test_simulate_and_every_peer_agree_on_every_request():
    groups = list(simulate.groups(ONCE))
    assert len(groups) == 6
    assert all(set(group.values) == set(simulate.PEERS) and not group.disagreed for group in groups)


def test_a_peer_that_is_wrong_in_one_request_is_named_and_the_table_fails(monkeypatch, capsys):
    def wrong(row, shared):
        return lambda: [*simulate.ours(row, shared)()[:-1], "neither"]

    monkeypatch.setattr(simulate, "PEERS", {simulate.OURS: simulate.ours, simulate.USUAL: wrong})
    rows = simulate.rows(ONCE)[:1]
    monkeypatch.setattr(simulate, "rows", lambda size: rows)
    assert speed.table(["simulate"], ONCE) == 2
    assert capsys.readouterr().out.count(f"NOT EQUAL: {simulate.USUAL}") == 2


def test_one_schedule_at_a_time_ends_as_all_at_once():
    (group,) = races.schedules(ONCE)
    assert "90 interleavings" in group.title
    assert not group.disagreed


def test_every_client_of_a_free_race_counts_all(capsys):
    assert speed.table(["race"], ONCE) == 0
    assert "final counter is 200: equal" in capsys.readouterr().out


def test_a_race_that_loses_an_increment_is_named():
    peers = {races.FREE: lambda n: (1.0, 4 * n), races.BARE: lambda n: (1.0, 4 * n - 1)}
    assert races.raced(peers, 4, 100, rounds=1).disagreed == [races.BARE]


def test_the_table_has_a_line_for_each_peer_with_its_median_and_its_ratio_to_the_first():
    group = Group("a title", "seconds", {"ours": [3.0, 1.0, 2.0], "theirs": [5.0]}, "all of it")
    lines = [re.split(r"  +", line.strip()) for line in group.lines()]
    assert lines[2:] == [["ours", "2", "1-3"], ["theirs", "5", "once", "2.50"], ["all of it: equal"]]


@pytest.mark.parametrize(
    ("goal", "says"),
    [
        (Goal("times", 25, least=20), "goal times >= 20: 25.00, met"),
        (Goal("times", 15, least=20), "goal times >= 20: 15.00, missed by 5.00"),
        (Goal("seconds", 4, most=5), "goal seconds <= 5: 4.00, met"),
        (Goal("seconds", 7.5, most=5), "goal seconds <= 5: 7.50, missed by 2.50"),
    ],
)
def test_a_goal_says_whether_it_is_met_and_by_how_much_it_is_missed(goal, says):
    assert str(goal) == says


def test_the_peers_are_run_in_turn_and_not_one_after_the_other():
    came = []
    seconds, results = in_turns({who: lambda w=who: came.append(w) or w for who in "ab"}, 2)
    assert came == ["a", "b"] * 2
    assert results == {"a": "a", "b": "b"}
    assert list(map(len, seconds.values())) == [2, 2]
