"""The plots of notebook 07 on the hot key; `TYPICAL` is also held to the look of the house."""

from __future__ import annotations

import pytest
from artists import drawn, words
from matplotlib.colors import to_hex

from labsupport.figures import ROLE, holders, stampede


def bars(ax, hatched):
    """Row, start and end of each bar."""
    found = [patch for patch in ax.patches if bool(patch.get_hatch()) == hatched]
    return [(round(p.get_y() + p.get_height() / 2), p.get_x(), p.get_x() + p.get_width()) for p in found]


def test_stampede_draws_every_expiry_their_mean_and_the_law(ax):
    finding = stampede(ax, {2: [10, 13], 0.5: [3, 4, 2]}, rate=5)
    *expiries, means, law = ax.lines
    assert [drawn(line) for line in expiries] == [[(0.5, 3), (0.5, 4), (0.5, 2)], [(2, 10), (2, 13)]]
    assert drawn(means) == [(0.5, 3), (2, 11.5)]
    assert drawn(law) == [(0, 1), (2.16, 11.8)] and law.get_linestyle() == "--"
    assert words(ax) == ["law: 1 + 5 × seconds", "mean", "one expiry"]
    assert ax.get_ylim()[0] == 0 and list(ax.get_xticks()) == [0.5, 2]
    assert finding == (
        "Reads per expiry by the query's seconds. 0.5 s: 3.0 reads, law 3.5. 2 s: 11.5 reads, law 11."
    )


def test_holders_draws_a_bar_each_and_hatches_what_runs_beside_another(ax):
    finding = holders(ax, [(0, 5), (4, 7), (7, 10)], "report")
    assert bars(ax, hatched=False) == [(0, 0, 5), (1, 4, 7), (2, 7, 10)]
    assert bars(ax, hatched=True) == [(0, 4, 5), (1, 4, 5)]
    assert {to_hex(bar.get_facecolor()) for bar in ax.patches} == {ROLE["shared"].lower(), "#ffffff"}
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["0", "1", "2"] and ax.yaxis_inverted()
    assert ax.get_ylabel() == "report" and "hatched: beside another" in ax.get_xlabel()
    assert finding == "2 of 3 reports ran beside another; the last was done at 10 s."


@pytest.mark.parametrize(
    ("spans", "hatched"),
    [
        ([(0, 4), (0, 4)], [(0, 0, 4), (1, 0, 4)]),
        ([(0, 9), (1, 3), (2, 5), (6, 7)], [(0, 1, 5), (0, 6, 7), (1, 1, 3), (2, 2, 5), (3, 6, 7)]),
        ([(0, 9), (1, 8), (2, 3)], [(0, 1, 8), (1, 1, 8), (2, 2, 3)]),
        ([(0, 6), (0, 3), (3, 6)], [(0, 0, 6), (1, 0, 3), (2, 3, 6)]),
        ([(0, 1), (1, 2)], []),
        ([(3, 7)], []),
    ],
)
def test_what_overlaps_is_hatched_once_however_many_others_there_are(ax, spans, hatched):
    finding = holders(ax, spans, "report")
    assert bars(ax, hatched=True) == hatched
    beside = len({row for row, _, _ in hatched})
    assert finding.startswith(f"{beside} of {len(spans)} reports ran beside another")


def test_a_law_of_a_higher_rate_and_a_longer_query_stay_inside_the_picture(ax):
    stampede(ax, {1: [2], 8: [30, 81]}, rate=10)
    assert ax.get_ylim()[1] > 81 and ax.get_xlim()[1] > 1.08 * 8
    ax.figure.draw_without_rendering()
    box = ax.figure.bbox
    assert all(box.contains(*corner) for text in ax.texts for corner in text.get_window_extent().corners())


TYPICAL = {
    "holders": lambda ax, d: holders(ax, [(0, 5 - 2 * d), (4, 7)], "report"),
    "stampede": lambda ax, d: stampede(ax, {1: [5, 6 + d], 2: [11]}, 5),
}
