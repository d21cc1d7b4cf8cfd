"""Every plot, through its artists: they hold the data, and the sentence below says what they hold."""

from __future__ import annotations

import base64
import gc
import inspect

import matplotlib
import numpy as np
import pandas as pd
import pytest
import test_figures_04
import test_figures_05
import test_figures_06
import test_figures_07
import test_figures_07b
import test_figures_08
import test_figures_08b
import test_figures_09
from artists import apart, boxes, colours, drawn, role, words
from matplotlib._pylab_helpers import Gcf
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from labsupport import figures
from labsupport.errors import BadArgument
from labsupport.figures import (
    ROLE,
    bars,
    board,
    board_figure,
    counters,
    curves,
    eight_answers,
    hit_rates,
    instances_over_time,
    lanes,
    latencies,
    mark,
    orders,
    over_time,
    panels,
    png,
    question,
    running_reads,
    show,
)


def log(at, hit, instance=None, stale=None):
    count = len(at)
    return pd.DataFrame(
        {
            "at": np.asarray(at, dtype=float),
            "instance": np.zeros(count, dtype=int) if instance is None else instance,
            "key": ["course:204"] * count,
            "hit": np.asarray(hit, dtype=bool),
            "stale": np.asarray([False] * count if stale is None else stale, dtype=bool),
        }
    )


def seconds(*values):
    return pd.Series(values, dtype=float)


ENDS = {1: "one lost", 2: "both kept"}


def runs():
    return pd.DataFrame({"schedule": [(0, 0, 1, 1), (0, 1, 0, 1), (1, 1, 0, 0)], "final": [2, 1, 2]})


# One figure after another


def test_hit_rates_draws_a_bar_for_each_instance_and_a_line_for_the_fleet(ax):
    finding = hit_rates(ax, log(range(6), [0, 1, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1]), "private")
    assert [bar.get_height() for bar in ax.patches] == [0.75, 0]
    assert [bar.get_y() for bar in ax.patches] == [0, 0]
    assert colours(ax.patches) == role("private", "private")
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["A", "B"]
    assert ax.lines[0].get_ydata() == [0.5, 0.5]  # hits over requests, not the mean of the rates
    assert words(ax) == ["fleet 50.0%"]
    assert finding == "fleet hit rate 50.0%, by instance A 75.0%, B 0.0%"


def test_hit_rates_of_many_instances_names_only_so_many_as_fit_side_by_side(ax):
    hit_rates(ax, log(range(40), [0] * 40, range(40)), "private")
    assert [tick.get_text() for tick in ax.get_xticklabels()][::13] == ["A", "N1"]
    assert ax.get_xticks().tolist() == list(range(0, 40, 3))


def test_lanes_draws_each_entry_from_its_fill_to_its_expiry(ax):
    life = log([0.5, 10, 30, 70, 90], [0, 1, 1, 0, 0], [0, 0, 0, 0, 1], [0, 0, 1, 0, 0])
    finding = lanes(ax, life, ttl=60, changed=20, names="AB", role="private")
    spans = [(bar.get_x(), bar.get_width(), bar.get_y() + bar.get_height() / 2) for bar in ax.patches]
    assert spans == [(0, 20, 0), (20, 40, 0), (70, 60, 0), (90, 60, 1)]
    assert [bar.get_hatch() for bar in ax.patches] == [
        None,
        "////",
        None,
        None,
    ]  # stale: hatched too, not only pale
    marks = {
        mark: [p for line in ax.lines if line.get_marker() == mark for p in drawn(line)] for mark in "^|x"
    }
    assert marks["^"] == [(0, 0), (70, 0), (90, 1)]
    assert marks["|"] == [(10, 0), (30, 0)]
    assert [at for at, _ in marks["x"]] == [30]
    assert words(ax) == ["origin changes"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["A", "B"]
    assert finding == "3 fills, 2 hits, 1 of them stale, the last 10 s after the change"


def test_an_entry_filled_after_the_change_is_fresh_to_its_end(ax):
    lanes(ax, log([20, 30], [0, 1]), ttl=60, changed=20, names="A", role="shared")
    assert [(bar.get_x(), bar.get_width(), bar.get_hatch()) for bar in ax.patches] == [(20, 60, None)]


def test_counters_draws_what_each_says_and_what_happened(ax):
    finding = counters(ax, {"GET+SET": 8, "INCR": 12}, 12, {"GET+SET": "private", "INCR": "shared"})
    assert [bar.get_height() for bar in ax.patches] == [8, 12]
    assert [bar.get_y() for bar in ax.patches] == [0, 0]
    assert colours(ax.patches) == role("private", "shared")
    assert ax.lines[0].get_ydata() == [12, 12]
    assert words(ax) == ["8", "12", "12 happened"]
    assert finding == "12 increments, counted as GET+SET 8, INCR 12"


def test_a_counter_of_three_is_drawn_on_whole_numbers(ax):
    counters(ax, {"GET+SET": 3, "INCR": 3}, 3, {"GET+SET": "other", "INCR": "shared"})
    assert [tick for tick in ax.get_yticks() if tick <= 3] == [0, 1, 2, 3]


def test_a_counter_above_the_truth_stays_inside_the_panel(ax):
    counters(ax, {"INCR": 30}, 10, {"INCR": "shared"})
    assert ax.get_ylim()[1] > 30


@pytest.mark.parametrize(
    ("guess", "mark", "finding"), [(None, "?", "no guess yet"), (62.5, "62.5 %", "you guess 62.5 %")]
)
def test_question_shows_the_guess(ax, guess, mark, finding):
    assert question(ax, "How many?", guess, " %") == finding
    assert words(ax) == [mark, "How many?"]


def test_the_boards_sentence_names_its_stage_and_its_panels():
    assert board("one dict", ["a", "b", "c"]) == "Board, one dict: (1) a; (2) b; (3) c."
    assert len(board_figure()[1]) == 3


def test_over_time_draws_the_hit_rate_of_each_whole_window(ax):
    finding = over_time(ax, log([0, 5, 10, 15, 20, 25, 31], [0, 0, 0, 1, 1, 1, 0]), 10, "fleet", "shared")
    assert drawn(ax.lines[0]) == [(10, 0), (20, 0.5), (30, 1)]  # the window from 30 on is not over
    assert words(ax) == ["fleet"]
    assert colours([ax.lines[0], ax.texts[0]]) == role("shared", "shared")
    assert ax.get_ylim() == (0, 1)
    assert finding == "fleet: 0.0% in the first 10 s, 100.0% in the last, at most 100.0%."


def test_running_reads_draws_a_line_for_each_run(ax):
    finding = running_reads(ax, {"none": (seconds(0, 1, 5), "origin"), "dict": (seconds(2), "private")})
    assert [drawn(line) for line in ax.lines] == [[(0, 1), (1, 2), (5, 3)], [(2, 1)]]
    assert sorted(words(ax)) == ["dict: 1", "none: 3"]
    assert colours(ax.lines) == role("origin", "private")
    assert ax.get_ylim()[0] == 0
    assert finding == "Reads at the origin: none 3, dict 1."


def test_curves_draws_dots_for_what_is_measured_and_a_dashed_line_for_its_law(ax):
    finding = curves(
        ax, [1, 2, 4], {"dict": ([0.9, 0.8, 0.5], "private")}, {"dict": [0.9, 0.825, 0.5]}, "N ="
    )
    [dots, dashes] = ax.lines
    assert drawn(dots) == [(1, 0.9), (2, 0.8), (4, 0.5)]
    assert drawn(dashes) == [(1, 0.9), (2, 0.825), (4, 0.5)]
    assert (dots.get_linestyle(), dashes.get_linestyle()) == ("None", "--")
    assert colours([dots, dashes]) == role("private", "other")
    assert words(ax) == ["law", "dict"]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1", "2", "4"]
    assert finding == "Dict: hit rate 90.0% at N = 1, 50.0% at N = 4; the law is at most 2.50 points off."


def test_a_law_that_is_too_low_everywhere_is_said_to_be(ax):
    finding = curves(ax, [1, 2], {"one Redis": ([0.5, 0.7], "shared")}, {"one Redis": [0.4, 0.5]}, "TTL")
    assert (
        finding == "One Redis: hit rate 50.0% at TTL 1, 70.0% at TTL 2; the law is up to 20.0 points too low."
    )


def test_instances_over_time_draws_one_line_for_each_instance_and_one_label(ax):
    requests = log([0, 1, 2, 3], [0, 1, 1, 1], [0, 1, 0, 1])
    finding = instances_over_time(ax, requests, 2, "two dicts", "private")
    assert [drawn(line) for line in ax.lines] == [[(2, 0)], [(2, 1)]]
    assert words(ax) == ["two dicts"]
    assert finding == "two dicts: each instance between 0.0% and 100.0% in every 2 s."


def test_mark_draws_a_dotted_line_and_its_label(ax):
    mark(ax, 30, "B restarts")
    [line] = ax.lines
    assert set(line.get_xdata()) == {30} and line.get_linestyle() == ":"
    assert words(ax) == ["B restarts"]


def test_a_guess_that_is_no_number_is_answered_by_a_sentence(ax):
    with pytest.raises(BadArgument, match="your guess is '40 s', but must be a number"):
        question(ax, "How long?", "40 s", " s")


def test_bars_begin_at_zero_and_say_their_value(ax):
    finding = bars(ax, {"by key": 0.8, "random": 0.5}, {"by key": "shared"})
    assert [(bar.get_x(), bar.get_width()) for bar in ax.patches] == [(0, 0.8), (0, 0.5)]
    assert ax.get_xlim()[0] == 0
    assert colours(ax.patches) == role("shared", "other")
    assert words(ax) == ["80.0%", "50.0%"]
    assert finding == "by key 80.0%, random 50.0%."
    assert bars(panels()[1][0], {"reads": 1234}, {}, "{:,.0f}") == "reads 1,234."


def test_eight_answers_draws_a_ring_for_the_origin_and_a_dot_for_a_hit(ax):
    finding = eight_answers(ax, log(range(3), [0, 0, 1], [0, 1, 0]).set_index(pd.Index([7, 8, 9])), 2)
    assert [drawn(dot) for dot in ax.lines] == [[(1, 0)], [(2, 1)], [(3, 0)]]
    assert [to_hex(dot.get_markerfacecolor()) for dot in ax.lines] == ["#ffffff", "#ffffff", *role("private")]
    assert words(ax) == ["origin", "origin", "hit"]
    assert finding == "3 requests for one course: 2 asked the origin (by A, B), 1 were hits."


def test_latencies_draws_the_spread_and_marks_the_median(ax):
    finding = latencies(ax, {"dict": (np.arange(1.0, 102), "private"), "Redis": (np.full(5, 70.0), "shared")})
    spread, median = ax.lines[:2]
    assert drawn(spread) == [(6, 0), (96, 0)]
    assert drawn(median) == [(51, 0)]
    assert ax.get_xscale() == "log"
    assert words(ax) == ["dict", "Redis"]
    assert finding == "Medians: dict [here: 51.00 µs], Redis [here: 70.00 µs]."


def test_orders_draws_a_row_of_commands_for_each_order_and_what_came_of_it(ax):
    finding = orders(ax, runs(), ["GET", "SET"], right=[2], words=ENDS)
    assert len(ax.patches) == 12
    assert words(ax)[:5] == ["A GET", "A SET", "B GET", "B SET", "both kept"]
    assert words(ax)[5:10] == ["A GET", "B GET", "A SET", "B SET", "one lost"]
    assert colours([ax.texts[4], ax.texts[9]]) == role("shared", "origin")
    assert [ax.texts[place].get_fontweight() for place in (4, 9)] == ["normal", "bold"]
    assert finding == "3 orders: one lost in 1, both kept in 2."


def test_orders_of_clients_with_different_commands_name_each_as_it_is(ax):
    uneven = pd.DataFrame({"schedule": [(0, 1, 0), (1, 0, 0)], "final": ["old", "new"]}, index=[5, 6])
    steps = [["read", "SET"], ["UNLINK"]]
    finding = orders(ax, uneven, steps, right=["new", "nothing"], words={"old": "old title", "new": "new"})
    assert words(ax)[:4] == ["read", "UNLINK", "SET", "old title"]
    assert colours([ax.texts[3], ax.texts[7]]) == role("origin", "shared")
    assert finding == "2 orders: new in 1, old title in 1."


# All figures alike

HALF = log(range(8), [0, 0, 1, 1, 0, 1, 0, 1], [0, 1, 0, 1] * 2, [0, 0, 1, 0, 0, 0, 0, 1])
COURSE = {"A": "private", "B": "shared"}
TYPICAL = {
    "bars": lambda ax, d: bars(ax, {"A": 0.5 + d, "B": 0.2}, COURSE),
    "counters": lambda ax, d: counters(ax, {"A": 3, "B": 5 + d}, 8, COURSE),
    "curves": lambda ax, d: curves(
        ax, [1, 2], {"A": ([0.5, 0.2 + d / 10], "private")}, {"A": [0.5, 0.3]}, "N"
    ),
    "eight_answers": lambda ax, d: eight_answers(ax, HALF.iloc[d:], 2),
    "hit_rates": lambda ax, d: hit_rates(ax, HALF.iloc[d:], "private"),
    "instances_over_time": lambda ax, d: instances_over_time(
        ax, HALF.assign(hit=HALF["hit"] | (d > 0)), 8, "A", "private"
    ),
    "lanes": lambda ax, d: lanes(ax, HALF.iloc[d:], 3, 1, "AB", "private"),
    "latencies": lambda ax, d: latencies(ax, {"A": (np.arange(1.0, 9) + d, "private")}),
    "over_time": lambda ax, d: over_time(ax, HALF.assign(hit=HALF["hit"] | (d > 0)), 2, "A"),
    "question": lambda ax, d: question(ax, "How many?", 3 + d, " s"),
    "running_reads": lambda ax, d: running_reads(ax, {"A": (HALF["at"].iloc[d:], "origin")}),
    "orders": lambda ax, d: orders(ax, runs().iloc[d:], ["GET", "SET"], [2], ENDS),
}
TYPICAL |= test_figures_04.TYPICAL | test_figures_05.TYPICAL | test_figures_06.TYPICAL
TYPICAL |= test_figures_07.TYPICAL | test_figures_07b.TYPICAL | test_figures_08.TYPICAL
TYPICAL |= test_figures_08b.TYPICAL | test_figures_09.TYPICAL
every_plot = pytest.mark.parametrize("plot", TYPICAL.values(), ids=TYPICAL)


def test_every_plot_of_the_package_is_looked_at_here():
    taking_axes = {
        name
        for name in figures.__all__
        if callable(getattr(figures, name)) and name not in ("show", "png", "mark")
    }
    plots = {name for name in taking_axes if "ax" in inspect.signature(getattr(figures, name)).parameters}
    assert plots == set(TYPICAL)


@every_plot
def test_the_sentence_follows_the_data(ax, plot):
    assert plot(ax, 0) != plot(panels()[1][0], 1)


@every_plot
def test_the_look_is_the_houses(ax, plot):
    plot(ax, 0)
    ax.set_title("What was found")
    assert ax.get_legend() is None
    assert not ax.spines["top"].get_visible()
    assert not ax.spines["right"].get_visible()
    assert not any(line.get_visible() for line in ax.get_xgridlines() + ax.get_ygridlines())
    assert ax.get_title(loc="left") == "What was found"
    assert ax.get_title(loc="center") == ""
    assert to_hex(ax.get_facecolor()) == to_hex(ax.figure.get_facecolor()) == "#ffffff"
    assert {to_hex(text.get_color()) for text in ax.texts} <= {*role(*ROLE), "#ffffff", "#000000"}


@every_plot
def test_the_same_data_give_the_same_bytes(plot):
    (first, [ax]), (again, [other]) = panels(), panels()
    plot(ax, 0), plot(other, 0)
    picture = png(first)
    assert picture == png(first) == png(again)
    assert picture.startswith(b"\x89PNG")


EMPTY = HALF.iloc[:0]
EXTREMES = {
    "hit_rates of nothing": (lambda ax: hit_rates(ax, EMPTY, "private"), "no requests"),
    "hit_rates of one hit": (
        lambda ax: hit_rates(ax, log([0], [1]), "private"),
        "fleet hit rate 100.0%, by instance A 100.0%",
    ),
    "lanes of nothing": (
        lambda ax: lanes(ax, EMPTY, 60, 20, "AB", "private"),
        "0 fills, 0 hits, 0 of them stale",
    ),
    "lanes of one miss": (
        lambda ax: lanes(ax, log([3], [0]), 60, 20, "A", "shared"),
        "1 fills, 0 hits, 0 of them stale",
    ),
    "counters at nought": (lambda ax: counters(ax, {"A": 0}, 0, COURSE), "0 increments, counted as A 0"),
    "over_time of nothing": (lambda ax: over_time(ax, EMPTY, 60, "A"), "A: no requests."),
    "over_time of one miss": (
        lambda ax: over_time(ax, log([0], [0]), 60, "A"),
        "A: 0.0% in the first 60 s, 0.0% in the last, at most 0.0%.",
    ),
    "over_time of one late hit": (
        lambda ax: over_time(ax, log([70], [1]), 60, "A"),
        "A: 100.0% in the first 60 s, 100.0% in the last, at most 100.0%.",
    ),
    "running_reads of nothing": (
        lambda ax: running_reads(ax, {"A": (seconds(), "shared"), "B": (seconds(), "origin")}),
        "Reads at the origin: A 0, B 0.",
    ),
    "running_reads of one read at 0": (
        lambda ax: running_reads(ax, {"A": (seconds(0), "shared")}),
        "Reads at the origin: A 1.",
    ),
    "curves of one point": (
        lambda ax: curves(ax, [4], {"A": ([0.5], "shared")}, {}, "N ="),
        "A: hit rate 50.0% at N = 4, 50.0% at N = 4.",
    ),
    "bars at nought": (lambda ax: bars(ax, {"A": 0.0}, {}), "A 0.0%."),
    "no misses": (
        lambda ax: eight_answers(ax, log([0], [1]), 1),
        "1 requests for one course: 0 asked the origin, 1 were hits.",
    ),
    "no answers": (
        lambda ax: eight_answers(ax, EMPTY, 4),
        "0 requests for one course: 0 asked the origin, 0 were hits.",
    ),
    "latencies of one": (
        lambda ax: latencies(ax, {"A": (np.ones(1), "shared")}),
        "Medians: A [here: 1.00 µs].",
    ),
    "no orders": (lambda ax: orders(ax, runs().iloc[:0], ["GET", "SET"], [2], ENDS), "no orders"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("plot", "finding"), EXTREMES.values(), ids=EXTREMES)
def test_both_ends_of_the_data_can_be_drawn(plot, finding):
    figure, [ax] = panels()
    assert plot(ax) == finding
    assert png(figure)


# Labels


def test_labels_of_lines_that_end_together_are_moved_apart(ax):
    names = ["four dicts", "one Redis", "by key", "random"]
    curves(ax, [1, 2], {name: ([0.2, 0.8 + i / 1000], "private") for i, name in enumerate(names)}, {}, "N")
    assert apart(ax)
    _, [ax] = panels()
    running_reads(
        ax, {name: (pd.Series(range(5_000 + i), dtype=float), "private") for i, name in enumerate(names)}
    )
    assert apart(ax)


def test_long_names_and_wide_numbers_stay_inside_the_picture():
    figure, [ax] = panels()
    values = {"every one of the four instances alone": 1_234_567_890.0, "one shared Redis": 12.0}
    bars(ax, values, {}, "{:,.1f} reads at the source of truth")
    assert apart(ax)
    for box in [*boxes(ax), *(tick.get_window_extent() for tick in ax.get_yticklabels())]:
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1


def test_the_fleets_label_does_not_touch_the_title_when_all_are_hits():
    _, axes = board_figure()
    hit_rates(axes[0], log(range(8), [1] * 8, [0, 1, 2, 3] * 2), "shared")
    axes[0].set_title("1  One hit rate for all four, a long title")
    [box] = boxes(axes[0])
    assert not box.overlaps(axes[0]._left_title.get_window_extent())


@pytest.mark.parametrize("changed", [0, 10, 80, 100])
def test_the_moment_of_the_change_is_named_inside_the_panel(changed):
    _, axes = board_figure()
    lanes(axes[1], log([0, 100], [0, 0]), 60, changed, "A", "private")
    [box] = boxes(axes[1])
    assert axes[1].bbox.x0 <= box.x0
    assert box.x1 <= axes[1].bbox.x1


# Showing


def test_show_displays_the_picture_with_its_finding_and_prints_a_sentence_a_line(capsys, monkeypatch):
    shown = []
    monkeypatch.setattr(figures.style, "display", lambda *data, **options: shown.append((data, options)))
    figure, [ax] = panels()
    finding = f"{bars(ax, {'A': 0.125}, {})} four dicts 62.5%. Medians: Redis [here: 41.25 µs]."
    show(figure, finding)
    [([bundle], options)] = shown
    assert base64.b64decode(bundle["image/png"]) == png(figure)
    assert bundle["text/plain"] == finding
    assert options == {"raw": True, "metadata": {"image/png": {"alt": finding}}}
    assert capsys.readouterr().out == "A 12.5%.\nfour dicts 62.5%.\nMedians: Redis [here: 41.25 µs].\n"


def test_lines_break_at_the_same_words_whatever_was_measured_and_never_within_it(capsys, monkeypatch):
    monkeypatch.setattr(figures.style, "display", lambda *data, **options: None)

    def printed(measured):
        show(panels()[0], ", ".join(f"way {number} [here: {measured}]" for number in range(12)) + ".")
        return capsys.readouterr().out

    short, long = "1.0", "from 10.0 to 12.5 times"
    assert printed(long) == printed(short).replace(short, long)
    assert all(line.count("[") == line.count("]") for line in printed(long).splitlines())
    assert len(printed(short).splitlines()) > 1


def test_figures_that_were_shown_leave_nothing_open(monkeypatch):
    monkeypatch.setattr(figures.style, "png", lambda figure: b"")
    monkeypatch.setattr(figures.style, "display", lambda *data, **options: None)

    def draw(count):
        for _ in range(count):
            figure, [ax] = panels(width=1, height=1)
            show(figure, bars(ax, {"A": 0.5}, {}))
        del figure, ax
        gc.collect()
        return sum(isinstance(thing, Figure) for thing in gc.get_objects())

    first = draw(10)
    assert draw(40) <= first  # each that stayed would count
    assert not Gcf.figs  # pyplot's list of open figures


def test_panels_on_shared_axes_share_both():
    _, axes = panels(4, share=True)
    over_time(axes[0], HALF, 2, "A")
    assert {other.get_xlim() for other in axes} == {axes[0].get_xlim()}
    assert {other.get_ylim() for other in axes} == {(0, 1)}


def test_the_private_and_the_shared_colour_differ_in_lightness_too():
    """So they stay apart for every kind of eye, and in grey print."""

    def luminance(name):
        parts = [
            p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4
            for p in matplotlib.colors.to_rgb(name)
        ]
        return np.dot(parts, [0.2126, 0.7152, 0.0722])

    assert all(1.05 / (luminance(ROLE[name]) + 0.05) > 3 for name in ("origin", "private", "shared", "other"))
    assert luminance(ROLE["private"]) > luminance(ROLE["shared"]) + 0.05 > luminance(ROLE["origin"]) + 0.1
