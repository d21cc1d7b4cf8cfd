"""Plots and explorer of notebook 09, through their artists; `TYPICAL` is held to the house's look, too."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from artists import apart, boxes, colours, drawn, role, words

from labsupport import zipf_traffic
from labsupport.decide import sweep
from labsupport.errors import BadArgument
from labsupport.explorers import DecisionPicture, explore
from labsupport.figures import (
    agreement,
    bounded_curve,
    burstiness,
    memory_curve,
    origin_load,
    panels,
    png,
    ttl_curves,
)
from labsupport.figures.units import count, duration, size


def grid_of(hits, requests=100, span=1_000):
    """A sweep's table, from {(ttl, instances): (hits of private caches, of a shared one)}."""
    rows = [
        (ttl, instances, shared, requests, hit, hit / requests, (requests - hit) / span)
        for (ttl, instances), both in hits.items()
        for shared, hit in zip((False, True), both)
    ]
    columns = ["ttl", "instances", "shared", "requests", "hits", "hit_rate", "origin_reads"]
    return pd.DataFrame(rows, columns=columns)


GRID = grid_of(
    {
        (1, 2): (20, 30),
        (1, 4): (10, 30),
        (60, 2): (50, 70),
        (60, 4): (30, 70),
        (3600, 2): (80, 90),
        (3600, 4): (70, 90),
    }
)


def dashed(ax):
    return [line for line in ax.lines if line.get_linestyle() == "--"]


def lines(ax):
    return [line for line in ax.lines if line.get_marker() == "o"]


# Against the TTL


def test_ttl_curves_draws_both_lines_the_band_and_where_sharing_gains_most(ax):
    finding = ttl_curves(ax, GRID, 4, staleness=60)
    private, shared = lines(ax)
    assert drawn(private) == [(1, 0.1), (60, 0.3), (3600, 0.7)]
    assert drawn(shared) == [(1, 0.3), (60, 0.7), (3600, 0.9)]
    assert colours([private, shared]) == role("private", "shared")
    [band] = ax.collections
    assert {tuple(point) for point in band.get_paths()[0].vertices} == {
        *[(1, 0.2), (60, 0.5), (3600, 0.8)],
        *[(1, 0.1), (60, 0.3), (3600, 0.7)],
    }
    [arrow] = [text for text in ax.texts if getattr(text, "arrow_patch", None)]
    assert (arrow.xy, arrow.get_position()) == ((60, 0.7), (60, 0.3))
    assert sorted(words(ax)) == ["2 private", "4 private", "40.0 points", "at most 60 s stale", "one shared"]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1 s", "10 s", "1 min", "10 min", "1 h"]
    assert finding == (
        "TTL 60 s: one shared cache hits 70.0%, 4 private caches 30.0%. "
        "Sharing gains most at TTL 60 s: 40.0 points."
    )


def test_the_smallest_and_the_largest_fleet_are_named_beside_ones_own():
    names = [f"{size} private" for size in (2, 4, 8, 16)]
    four = grid_of({(60, size): (50 - size, 60) for size in (2, 4, 8, 16)})
    assert [name for name in names if name in words_of(ttl_curves, four, 8, 60)] == [names[0], *names[2:]]


@pytest.mark.parametrize(("staleness", "ttl"), [(0.5, "1 s"), (59, "1 s"), (61, "60 s"), (90_000, "1 h")])
def test_the_finding_speaks_of_the_longest_ttl_within_the_bound(ax, staleness, ttl):
    assert ttl_curves(ax, GRID, 4, staleness).startswith(f"TTL {ttl}: ")
    assert any("stale" in text for text in words(ax)) == (staleness in (59, 61))


def test_ttls_longer_than_the_log_are_hatched_and_named():
    for plot, further in ((ttl_curves, (60,)), (origin_load, (None, 60))):
        _, axes = panels(2)
        plot(axes[0], GRID, 4, *further, 1_000)
        [beyond] = axes[0].patches
        assert beyond.get_x() == pytest.approx(1_000) and beyond.get_hatch()
        assert axes[0].get_xlabel() == "TTL (hatched: longer than the log)"
        plot(axes[1], GRID, 4, *further, 3_600)
        assert not axes[1].patches and axes[1].get_xlabel() == "TTL"


def test_where_sharing_gains_nothing_there_is_no_arrow(ax):
    finding = ttl_curves(ax, grid_of({(60, 4): (50, 50)}), 4, staleness=60)
    assert finding.endswith("Sharing gains nothing at any TTL.")
    assert not any(getattr(text, "arrow_patch", None) for text in ax.texts)


def test_the_rows_of_the_grid_may_come_in_any_order_and_twice(ax):
    mixed = pd.concat([GRID, GRID]).sample(frac=1, random_state=9)
    assert ttl_curves(ax, mixed, 4, 60) == ttl_curves(panels()[1][0], GRID, 4, 60)
    assert origin_load(ax, mixed, 4, 0.04) == origin_load(panels()[1][0], GRID, 4, 0.04)


def test_a_fleet_that_the_grid_lacks_is_refused(ax):
    with pytest.raises(BadArgument, match="no row for 3 instances"):
        ttl_curves(ax, GRID, 3, staleness=60)


def test_origin_load_draws_reads_from_zero_and_the_capacity(ax):
    finding = origin_load(ax, GRID, 4, capacity=0.04, staleness=70)
    private, shared = lines(ax)
    assert drawn(private) == [(1, 0.09), (60, 0.07), (3600, 0.03)]
    assert drawn(shared) == [(1, 0.07), (60, 0.03), (3600, 0.01)]
    assert [set(line.get_ydata()) for line in dashed(ax)] == [{0.04}]
    assert ax.get_ylim()[0] == 0
    assert sorted(words(ax)) == [
        "2 private",
        "4 private",
        "at most 70 s stale",
        "capacity 0.04",
        "one shared",
    ]
    assert finding == (
        "Origin reads a second at TTL 60 s: one shared cache 0.03, 4 private caches 0.07. "
        "The origin can take 0.04: "
        "with one shared cache from TTL 60 s on, with 4 private caches from TTL 1 h on."
    )


@pytest.mark.parametrize(
    ("capacity", "said"),
    [
        (0.07, "with one shared cache at every TTL, with 4 private caches from TTL 60 s on"),
        (0.02, "with one shared cache from TTL 1 h on, with 4 private caches at no TTL"),
        (0, "with one shared cache at no TTL, with 4 private caches at no TTL"),
    ],
)
def test_origin_load_says_from_which_ttl_on_the_origin_can_take_it(ax, capacity, said):
    assert origin_load(ax, GRID, 4, capacity).endswith(f"{said}.")


def test_a_capacity_far_above_does_not_flatten_the_curves(ax):
    origin_load(ax, GRID, 4, capacity=5_000)
    assert "capacity 5,000 ↑" in words(ax) and not dashed(ax)
    assert ax.get_ylim()[1] < 0.11
    assert not any("capacity" in text for text in words_of(origin_load, GRID, 4))


def test_without_bound_and_capacity_origin_load_speaks_of_the_longest_ttl(ax):
    assert origin_load(ax, GRID, 4) == (
        "Origin reads a second at TTL 1 h: one shared cache 0.01, 4 private caches 0.03."
    )


def words_of(plot, *arguments):
    _, [ax] = panels()
    plot(ax, *arguments)
    return words(ax)


MEMORY = pd.Series([3e5, 1.2e6, 5.4e6], index=[1, 60, 3_600])


def test_memory_curve_is_dashed_where_it_was_not_measured(ax):
    finding = memory_curve(ax, MEMORY, staleness=70, measured_to=60)
    assert drawn(lines(ax)[0]) == [(1, 3e5), (60, 1.2e6)]
    assert drawn(dashed(ax)[0]) == [(60, 1.2e6), (3_600, 5.4e6)]
    assert words(ax) == ["at most 70 s stale", "1.2 MB", "5.4 MB"]
    assert ax.get_ylim()[0] == 0 and ax.get_xlabel() == "TTL (dashed: computed in proportion)"
    assert finding == (
        "The shared cache takes [here: 1.2 MB] at TTL 60 s and [here: 5.4 MB] at TTL 1 h. "
        "From TTL 1 h on it is computed in proportion."
    )


def test_memory_that_was_measured_to_the_end_is_not_dashed(ax):
    assert "proportion" not in memory_curve(ax, MEMORY, staleness=60)
    assert len(lines(ax)[0].get_xdata()) == 3 and len(dashed(ax)[0].get_xdata()) == 1


# Doubts


def profile(real, shuffled=0.49, formula=0.494):
    return SimpleNamespace(real=real, shuffled=shuffled, formula=formula)


def test_burstiness_draws_three_bars_from_zero(ax):
    finding = burstiness(ax, profile(0.697))
    assert [(bar.get_x(), bar.get_width()) for bar in ax.patches] == [(0, 0.697), (0, 0.49), (0, 0.494)]
    assert colours(ax.patches) == role("shared", "other", "other")
    assert words(ax) == ["69.7%", "49.0%", "49.4%"]
    assert finding == (
        "One shared cache hits 69.7% with the log's own times, 49.0% with its times shuffled, "
        "49.4% by the formula. The timing makes +20.7 points."
    )
    assert burstiness(ax, profile(0.4)).endswith("The timing makes -9.0 points.")


def test_agreement_draws_what_was_replayed_upon_the_model(ax):
    hits = np.array([False, True, True, False, True])
    finding = agreement(ax, hits, pd.Series(hits, index=range(7, 12)))
    model, replayed = ax.lines
    assert drawn(model) == drawn(replayed) == [(1, 0), (2, 1), (3, 2), (4, 2), (5, 3)]
    assert model.get_linewidth() > 4 * replayed.get_linewidth()
    assert sorted(words(ax)) == ["real Redis: 3", "the model: 3"]
    assert finding == (
        "Of 5 requests the model and real Redis agree on 5: 3 hits in the model, 3 with real Redis."
    )


def test_agreement_marks_the_first_request_on_which_they_differ(ax):
    finding = agreement(ax, [False, True, True], [False, True, False])
    assert [drawn(line)[-1] for line in ax.lines[:2]] == [(3, 2), (3, 1)]
    assert set(ax.lines[-1].get_xdata()) == {3} and "the first that differs" in words(ax)
    assert finding == (
        "Of 3 requests the model and real Redis agree on 2: 2 hits in the model, 1 with real Redis."
    )


CURVE = pd.Series([0.3, 0.5, 0.6, 0.65], index=[10, 100, 150, 200])


def test_bounded_curve_draws_exact_lru_no_limit_and_what_was_measured(ax):
    finding = bounded_curve(ax, CURVE, 0.66, {100: 0.47})
    assert drawn(lines(ax)[0]) == list(CURVE.items())
    assert set(dashed(ax)[0].get_ydata()) == {0.66}
    assert [drawn(line) for line in ax.lines if line.get_marker() == "D"] == [[(100, 0.47)]]
    assert sorted(words(ax)) == ["exact LRU", "no limit", "real server 47%"]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["200", "100", "10"]  # 150 has no room
    assert finding == (
        "Without a limit the cache hits 66.0%. With room for 100 entries exact LRU hits 50.0%, "
        "the real server [here: 47.0%]."
    )
    assert bounded_curve(ax, CURVE, 0.66, {1: 0.1}).endswith("for 1 entry the real server [here: 10.0%].")


def test_the_real_servers_label_is_clear_of_the_rising_line(ax):
    bounded_curve(ax, CURVE / 5, 0.132, {100: 0.08})
    ax.figure.draw_without_rendering()
    [box] = [text.get_window_extent() for text in ax.texts if "real" in text.get_text()]
    x, y = ax.transData.transform(lines(ax)[0].get_xydata()).T
    between = np.linspace(box.x0, box.x1, 20)
    assert (np.interp(between, x, y) < box.y0).all()


# Whatever the log


def made(ats, keys, ttls, instances):
    traffic = pd.DataFrame({"at": np.asarray(ats, dtype=float), "key": [f"k{key}" for key in keys]})
    return sweep(traffic, ttls, instances)


TTLS = [1, 10, 60, 600, 3_600, 86_400]
UGLY = {
    "one request": (made([0], [0], 60, 4), 4, 1),
    "four requests": (made([0, 1, 2, 7], [0, 1, 0, 1], TTLS, 3), 3, None),
    "one key, each minute": (made(range(0, 90_000, 60), [0] * 1_500, TTLS, [2, 4, 16]), 4, 1e-9),
    "no key twice": (made(range(1_000), range(1_000), TTLS, [1, 4]), 1, 0),
    "hot": (sweep(zipf_traffic(20_000, 5, 1.0, 2_000, 1), TTLS, [2, 4, 8, 16]), 16, 3e12),
    "long and rare": (made(np.arange(200) * 50_000, [0, 1] * 100, [*TTLS, 864_000], [2, 64]), 2, 1e-5),
    "two TTLs": (GRID[GRID["ttl"] < 100], 4, 0.07),
    "a billion a second": (GRID.assign(origin_reads=GRID["origin_reads"] * 1e11), 4, 3e9),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("grid", "instances", "capacity"), UGLY.values(), ids=UGLY)
def test_no_label_touches_another_or_leaves_the_picture_whatever_the_log(grid, instances, capacity):
    figure, axes = panels(2, width=10, height=3.2)
    ttl_curves(axes[0], grid, instances, staleness=5, span=100)
    origin_load(axes[1], grid, instances, capacity, staleness=5, span=100)
    png(figure)  # lays it out once and for all, so that the rest is quick
    for ax in axes:
        assert apart(ax)
        for box in boxes(ax):
            assert box.x0 >= 0 and box.x1 <= figure.bbox.x1
            assert (
                box.y0 >= ax.bbox.y0 - 4 and box.y1 <= ax.bbox.y1 + 12
            )  # neither on the ticks nor on the title


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("least", "most"), [(0, 1), (1e-6, 1e12)])
def test_memory_and_room_of_any_size_can_be_drawn(least, most):
    figure, axes = panels(4, width=16)
    memory_curve(axes[0], pd.Series([least * most, most], index=[1, 86_400]), 60, measured_to=1)
    memory_curve(axes[1], pd.Series([most], index=[60]), 60)
    bounded_curve(axes[2], pd.Series([least / 2, least], index=[1, int(most) + 1]), least, {1: least / 2})
    agreement(axes[3], [least > 0], [least > 0])
    png(figure)
    assert all(map(apart, axes))
    assert burstiness(panels()[1][0], profile(least, 0, 0)).startswith(f"One shared cache hits {least:.1%}")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        *[
            (duration(seconds), said)
            for seconds, said in [(1, "1 s"), (60, "60 s"), (90, "90 s"), (120, "2 min")]
        ],
        *[
            (duration(seconds), said)
            for seconds, said in [(3_600, "1 h"), (5_400, "90 min"), (86_400, "1 day")]
        ],
        *[(duration(172_800), "2 days"), (duration(86_401), "86,401 s")],
        *[(count(0), "0"), (count(0.0000116), "0.0000116"), (count(12.34), "12.3"), (count(999.7), "1,000")],
        *[
            (count(12_345), "12,345"),
            (count(123_456), "123 K"),
            (count(999_600), "1 M"),
            (count(2.5e9), "2.5 G"),
        ],
        *[
            (size(999), "999 bytes"),
            (size(1_000), "1 kB"),
            (size(12_345_678), "12.3 MB"),
            (size(5e12), "5,000 GB"),
        ],
    ],
)
def test_numbers_are_short(written, said):
    assert written == said


# The explorer


@pytest.mark.parametrize(
    ("instances", "ttl", "capacity", "fits"), [(2, 1, 0.5, "either"), (4, 3_600, 0.001, "neither")]
)
def test_the_decision_shows_what_the_grid_says_at_both_ends_of_every_control(instances, ttl, capacity, fits):
    figure, sentence = DecisionPicture(GRID, 1_000)(instances, ttl, capacity)
    row = GRID[(GRID["ttl"] == ttl) & (GRID["instances"] == instances)].set_index("shared")
    rates, reads = row["hit_rate"], row["origin_reads"]
    assert sentence == (
        f"TTL {duration(ttl)}: {instances} private caches hit {rates[False]:.1%}, "
        f"one shared cache {rates[True]:.1%}. "
        f"The origin has {count(reads[False])} or {count(reads[True])} reads a second. "
        f"It can take {count(capacity)}: {fits} keeps within that."
    )
    left, right = figure.axes
    assert drawn(lines(left)[0])[[1, 60, 3_600].index(ttl)] == (ttl, rates[False])
    assert any(set(line.get_xdata()) == {ttl} for line in right.lines)


def test_the_decision_tells_a_capacity_that_only_one_of_the_two_keeps_within():
    sentence = DecisionPicture(GRID, 1_000)(instances=4, ttl=60, capacity=0.03)[1]
    assert sentence.endswith("It can take 0.03: one shared cache keeps within that, private ones do not.")


def test_the_decision_moves_what_it_drew_and_piles_nothing_up():
    picture = DecisionPicture(GRID, 1_000)
    figure, first = picture(capacity=0.05)
    before = png(figure)
    again, second = picture(2, 3_600, 1)
    assert again is figure and first != second and png(figure) != before
    assert png(picture(capacity=0.05)[0]) == before


def test_the_decision_starts_with_four_instances_and_a_minute():
    ttls = GRID["ttl"].unique().tolist()
    explorer = explore(
        DecisionPicture(GRID, 1_000), instances=[2, 4], ttl=("TTL (s)", ttls), capacity=[5, 15]
    )
    assert explorer.text == DecisionPicture(GRID, 1_000)(4, 60, 15)[1]


def shifted(d):
    return grid_of({(1, 4): (10, 30 + d), (60, 4): (30 + d, 70)})


TYPICAL = {
    "agreement": lambda ax, d: agreement(ax, [False, True, True], [False, True, d == 0]),
    "bounded_curve": lambda ax, d: bounded_curve(ax, CURVE + d / 100, 0.7, {100: 0.5}),
    "burstiness": lambda ax, d: burstiness(ax, profile(0.6 + d / 10)),
    "memory_curve": lambda ax, d: memory_curve(ax, MEMORY * (1 + d), 60, 60),
    "origin_load": lambda ax, d: origin_load(ax, shifted(d), 4, 0.05),
    "ttl_curves": lambda ax, d: ttl_curves(ax, shifted(d), 4, 60),
}
