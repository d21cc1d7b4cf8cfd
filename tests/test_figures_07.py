"""The plots of notebook 07 on limiters and markers; `TYPICAL` is also held to the look of the house."""

from __future__ import annotations

import pandas as pd
import pytest
from artists import apart, colours, role, words
from matplotlib.colors import to_hex

from labsupport.figures import by_instance_let, deliveries, let_through, panels
from labsupport.figures.limits import calls_over_time


def test_let_through_draws_what_each_limiter_passed_against_the_limit(ax):
    finding = let_through(ax, {"four dicts": 800, "log": 100}, limit=100, private="four dicts")
    assert [(bar.get_x(), bar.get_width()) for bar in ax.patches] == [(0, 800), (0, 100)]
    assert colours(ax.patches) == role("private", "shared")
    assert list(ax.lines[0].get_xdata()) == [100, 100] and ax.lines[0].get_linestyle() == "--"
    assert words(ax) == ["800", "100", "limit 100"] and apart(ax)
    assert finding == "four dicts 800, log 100."


def test_by_instance_let_draws_both_limiters_for_each_instance_and_says_the_sums(ax):
    finding = by_instance_let(ax, {"each": [100, 100, 100, 90], "one": [25, 25, 30, 20]}, limit=100)
    assert [bar.get_height() for bar in ax.patches] == [100, 100, 100, 90, 25, 25, 30, 20]
    assert colours(ax.patches) == role(*["private"] * 4, *["shared"] * 4)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == list("ABCD")
    assert ax.get_ylim() == (0, 120) and {"each", "one", "90", "30"} <= set(words(ax))
    assert finding == "calls let through where 100 are allowed: each 390, one 100"


def test_the_name_of_low_bars_stands_above_them_and_that_of_high_bars_within():
    _, [ax] = panels(width=3.6, height=3.6)
    by_instance_let(ax, {"a limiter each": [100] * 4, "one on Redis": [25] * 4}, limit=100)
    each, one = (text for text in ax.texts if text.get_rotation() == 90)
    assert each.get_position()[1] < 10 and one.get_position()[1] > 30 and apart(ax)


def run(*rows):
    return pd.DataFrame(rows, columns=["at", "fate", "left"])


SHORT = run((0, "mail", 60), (30, "refused", 30), (90, "mail", 60))
LONG = run((0, "dies", 300), (30, "refused", 270), (90, "refused", 210))


def test_deliveries_draws_how_long_each_marker_lives_and_what_became_of_each_delivery(ax):
    finding = deliveries(ax, {"60 s": SHORT, "300 s": LONG}, end=120)
    lives = [(bar.get_x(), bar.get_width()) for bar in ax.patches]
    assert lives == [(0, 60), (30, 30), (90, 30), (0, 120), (30, 90), (90, 30)]  # nothing beyond the end
    assert [round(bar.get_y() + bar.get_height() / 2) for bar in ax.patches] == [0, 0, 0, 1, 1, 1]
    marks = [(line.get_marker(), *line.get_xydata()[0]) for line in ax.lines]
    assert marks == [("o", 0, 0), ("x", 30, 0), ("o", 90, 0), ("X", 0, 1), ("x", 30, 1), ("x", 90, 1)]
    assert words(ax) == [*["mail", "refused", "mail", "2 mails"], *["dies", "refused", "refused", "no mail"]]
    assert list(ax.get_xticks()) == [0, 30, 90]
    assert finding == "60 s: mail at 0 s and 90 s; 300 s: no mail"


def test_the_words_of_the_deliveries_keep_apart_on_the_board():
    _, [ax] = panels(width=3.6, height=3.6)
    deliveries(ax, {"60 s": SHORT, "300 s, A dies": LONG}, end=120)
    assert apart(ax)


def test_calls_over_time_adds_up_the_calls_made_and_let_through(ax):
    calls_over_time(ax, [10, 20, 70], [10, 70], limit=1, boundary=60)
    made, passed, limit, turn = ax.lines
    assert [tuple(point) for point in made.get_xydata()] == [(10, 0), (10, 1), (20, 2), (70, 3)]
    assert [tuple(point) for point in passed.get_xydata()] == [(10, 0), (10, 1), (70, 2)]
    assert list(limit.get_ydata()) == [1, 1] and list(turn.get_xdata()) == [60, 60]
    assert (
        words(ax) == ["let through 2", "made 3", "the next minute begins", "limit 1"]
        and ax.get_ylim()[0] == 0
    )


def test_the_line_of_the_limit_does_not_run_through_a_label_at_its_height(ax):
    calls_over_time(ax, [10, 20, 70], [10, 20], limit=2, boundary=60)
    through, _, *_ = ax.texts
    assert through.xy[1] == ax.lines[2].get_ydata()[0] == 2
    assert to_hex(through.get_bbox_patch().get_facecolor()) == "#ffffff"
    assert through.get_zorder() > ax.lines[2].get_zorder()


@pytest.mark.parametrize("count", [1, 2, 100, 200])
def test_the_labels_of_calls_keep_apart_however_many_pass(count):
    _, [ax] = panels(width=7, height=3.2)
    made = [45 + 30 * i / 200 for i in range(200)]
    calls_over_time(ax, made, made[:count], limit=100, boundary=60)
    ax.set_xlim(0, 120)
    assert apart(ax)


TYPICAL = {
    "by_instance_let": lambda ax, d: by_instance_let(ax, {"each": [9] * 4, "one": [2, 2, 3, 2 + d]}, 9),
    "deliveries": lambda ax, d: deliveries(ax, {"60 s": SHORT.iloc[: 3 - d], "300 s": LONG}, 120),
    "let_through": lambda ax, d: let_through(ax, {"each": 8, "one": 1 + d}, 1, "each"),
}
