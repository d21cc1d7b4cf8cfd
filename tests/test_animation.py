"""The animated fleet from Python's side: what it refuses, says, sends, and shows as a still."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display
from IPython.utils.capture import capture_output
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.patches import Arc
from nbformat.v4 import new_output
from refusals import refused

from labsupport import CourseCatalog, Fleet, LocalCache, SharedCache, zipf_traffic
from labsupport.explorers.animation import AnimatedFleet, animate, as_sent, totals
from labsupport.figures import ROLE, png
from labsupport.figures.moments import cached, four_moments, moments, short

TTL = 20


def replays(lab, ttl=TTL, instances=4, requests=60, courses=12, rate=1, **fleet):
    """The same traffic through private caches and through one shared Redis."""
    traffic = zipf_traffic(requests=requests, courses=courses, skew=1.0, rate=rate, seed=204)
    redis = SharedCache(lab.redis, ttl=ttl, keys=lab.keys)
    return tuple(
        one_replay(lab, traffic, cache, instances, **fleet)
        for cache in (lambda: LocalCache(ttl, lab.clock), lambda: redis)
    )


def one_replay(lab, traffic, cache, instances=4, **fleet):
    lab.reset()
    return Fleet(instances, cache=cache, origin=CourseCatalog(), clock=lab.clock, **fleet).replay(traffic)


def log(hits, instance=0, key="course:204", at=None):
    """A log by hand; requests a second apart unless `at` says otherwise."""
    at = np.arange(len(hits)) if at is None else at
    return pd.DataFrame({"at": np.array(at, float), "instance": instance, "key": key, "hit": hits})


@pytest.fixture
def logs(lab):
    return replays(lab)


# What it says


def test_the_sentence_has_the_totals_of_both_logs(logs):
    private, shared = logs
    by = ", ".join(
        f"{name} {int((~private['hit'][private['instance'] == n]).sum())}" for n, name in enumerate("ABCD")
    )
    assert animate(*logs, ttl=TTL).text == (
        f"60 requests: four private caches hit {int(private['hit'].sum())} and read the origin "
        f"{int((~private['hit']).sum())} times ({by}), one shared Redis hit {int(shared['hit'].sum())} "
        f"and read it {int((~shared['hit']).sum())} times."
    )
    assert shared["hit"].sum() > private["hit"].sum() > 0


def test_one_request_and_one_read_are_put_in_the_singular():
    one = log([False])
    assert totals(one, one) == (
        "1 request: one private cache hit 0 and read the origin once (A 1), "
        "one shared Redis hit 0 and read it once."
    )


def test_an_instance_without_requests_counts_as_one_with_an_empty_cache():
    private = log([False, False], instance=[0, 2])
    assert "three private caches hit 0 and read the origin 2 times (A 1, B 0, C 1)" in totals(
        private, private
    )


@pytest.mark.parametrize("route", ["round_robin", "random", "by_key"])
@pytest.mark.parametrize(
    ("instances", "word"), [(1, "one private cache "), (2, "two private caches "), (8, "eight private ")]
)
def test_every_fleet_up_to_eight_instances_is_shown(lab, route, instances, word):
    animation = animate(*replays(lab, instances=instances, route=route), ttl=TTL)
    assert f"60 requests: {word}" in animation.text
    assert len(animation.log["names"]) == instances


# What it refuses


def test_what_is_no_log_is_refused(logs):
    refused(lambda: animate([1, 2], logs[1], TTL), "private", "Fleet.replay", "at, instance, key, hit")
    refused(lambda: animate(logs[0], logs[1].drop(columns="hit"), TTL), "shared", "at, instance, key, hit")


def test_logs_of_different_traffic_are_refused(lab, logs):
    private, shared = logs
    refused(lambda: animate(private, shared.iloc[:40], TTL), "private (60", "shared (40", "same requests")
    refused(lambda: animate(private, shared.assign(at=shared["at"] + 0.5), TTL), "differ in their traffic")
    refused(lambda: animate(private, shared.assign(key="course:1"), TTL), "differ in their traffic")


def test_logs_without_requests_are_refused(logs):
    refused(
        lambda: animate(logs[0].iloc[:0], logs[1].iloc[:0], TTL), "private has no requests", "at least one"
    )


def test_too_many_requests_are_refused_and_as_many_as_fit_are_not():
    longest = log([False] + [True] * 2_000, at=np.linspace(0, 10, 2_001))
    refused(lambda: animate(longest, longest, TTL), "2,001 requests", "2,000", "traffic.iloc[:500]")
    assert animate(longest.iloc[:2_000], longest.iloc[:2_000], TTL).text.startswith("2,000 requests")


def test_too_many_instances_are_refused_whichever_log_has_them():
    nine, eight = log([False], instance=8), log([False], instance=7)
    refused(lambda: animate(nine, nine, TTL), "private has 9 instances", "8", "smaller fleet")
    refused(lambda: animate(eight, nine, TTL), "shared has 9 instances")
    assert len(animate(eight, eight, TTL).log["names"]) == 8


@pytest.mark.parametrize("ttl", [0, -1, 2.5, "60", None, True])
def test_a_ttl_that_is_no_whole_number_of_seconds_is_refused(logs, ttl):
    refused(lambda: animate(*logs, ttl=ttl), "ttl")


@pytest.mark.parametrize(
    ("ttl", "found"), [(TTL - 10, "hit without an entry"), (TTL + 10, "missed although")]
)
def test_a_ttl_that_is_not_the_caches_own_is_refused(logs, ttl, found):
    refused(lambda: animate(*logs, ttl=ttl), "request", "of private", found, f"ttl of {ttl} s")


def test_logs_that_begin_with_filled_caches_are_refused(logs):
    private, shared = logs
    later = slice(30, None)
    refused(
        lambda: animate(private[later], shared[later], TTL), "hit without an entry", "begins with them empty"
    )
    refused(lambda: animate(log([False]), log([True]), TTL), "request 1 of shared hit without an entry")


def test_a_restart_that_emptied_a_cache_is_refused(lab):
    """The picture would show the entry while the log says miss."""
    traffic = zipf_traffic(requests=60, courses=3, skew=1.0, rate=2, seed=204)
    lab.reset()
    fleet = Fleet(2, cache=lambda: LocalCache(TTL, lab.clock), origin=CourseCatalog(), clock=lab.clock)
    restarted = fleet.replay(traffic, events={10: lambda: fleet.restart(0)})
    refused(
        lambda: animate(restarted, restarted, TTL), "of private missed although its entry had not expired"
    )


def test_an_entry_ends_at_the_tick_of_its_ttl():
    last_hit, too_late = log([False, True], at=[0.9, 19.9]), log([False, False], at=[0.9, 20.0])
    assert animate(last_hit, last_hit, TTL).text.startswith("2 requests: one private cache hit 1 ")
    assert animate(too_late, too_late, TTL).text.startswith("2 requests: one private cache hit 0 ")


# What is sent to the browser


def test_the_browser_gets_the_logs_as_they_are(logs):
    private, shared = logs
    sent = json.loads(json.dumps(animate(*logs, ttl=TTL).log))
    assert sent["at"] == private["at"].tolist()
    assert [sent["keys"][code] for code in sent["key"]] == private["key"].tolist()
    assert len(set(sent["keys"])) == len(sent["keys"])
    for mode, played in (("private", private), ("shared", shared)):
        assert sent[mode] == {"instance": played["instance"].tolist(), "hit": played["hit"].tolist()}
    assert (sent["ttl"], sent["names"]) == (TTL, ["A", "B", "C", "D"])
    assert set(sent) == {"ttl", "names", "at", "key", "keys", "private", "shared"}


def test_a_slice_of_a_log_is_sent_like_any_other(logs):
    private, shared = (played.iloc[:10].sample(frac=1, random_state=1).sort_values("at") for played in logs)
    assert as_sent(private, shared, TTL)["at"] == logs[0]["at"].tolist()[:10]


def test_the_module_and_its_style_go_with_the_widget(logs):
    animation = animate(*logs, ttl=TTL)
    state = animation.get_state()
    assert "export default { render }" in state["_esm"]
    assert ".lab-fleet" in state["_css"]
    assert state["log"] == animation.log


# What it shows where nothing moves


def test_the_bundle_has_the_widget_the_still_and_the_sentence(logs):
    animation = animate(*logs, ttl=TTL)
    data, metadata = animation._repr_mimebundle_()
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"}
    assert data["text/plain"] == animation.text
    assert metadata == {"image/png": {"alt": animation.text}}
    new_output("display_data", data, metadata=metadata)
    assert animation.png.startswith(b"\x89PNG")


def test_a_cell_shows_two_outputs_and_no_more(logs):
    animation = animate(*logs, ttl=TTL)
    InteractiveShell.instance()
    try:
        with capture_output() as shown:
            display(animation)
    finally:
        InteractiveShell.clear_instance()
    [bundle] = shown.outputs
    assert bundle.data["text/plain"] == animation.text
    assert bundle.metadata == {"image/png": {"alt": animation.text}}
    assert shown.stdout == f"{animation.text}\n"


def test_two_runs_show_the_same(lab):
    first, second = (animate(*replays(lab), ttl=TTL) for _ in range(2))
    assert (first.text, first.png, repr(first)) == (second.text, second.png, repr(second))
    assert repr(first) == "<AnimatedFleet of 60 requests>"
    assert isinstance(first, AnimatedFleet)


# The still


def test_the_four_moments_are_the_first_the_parting_the_half_and_the_end():
    private, shared = log([False] * 40), log([False] * 6 + [True] * 34)
    assert moments(private, shared) == [1, 7, 20, 40]


def test_there_are_four_moments_even_if_the_two_never_part():
    same = log([False] * 40)
    assert moments(same, same) == [1, 11, 20, 40]
    assert [moments(same[:n], same[:n]) for n in (1, 2, 3, 4)] == [[1], [1, 2], [1, 2, 3], [1, 2, 3, 4]]


def test_private_caches_hold_what_they_filled_themselves():
    played = log([False, False, True, False], [0, 1, 1, 0], ["a", "a", "a", "b"], [0.5, 3, 4, 12.7])
    assert cached(played, TTL, 4, 2) == [{"a": 8.0, "b": 20.0}, {"a": 11.0}]
    assert cached(played, TTL, 1, 2) == [{"a": 20.0}, {}]


def test_one_cache_is_everybodys_and_an_entry_goes_when_its_ttl_is_over():
    played = log([False, False, False], [0, 1, 1], ["a", "b", "c"], [0.5, 3, 20.1])
    assert cached(played, TTL, 3, 1) == [{"b": 3.0, "c": 20.0}]


def test_a_refill_is_the_newest_entry():
    played = log([False, False, False], 0, ["a", "b", "a"], [0, 15, 22])
    assert list(cached(played, TTL, 3, 1)[0]) == ["b", "a"]


def words(ax):
    return [text.get_text() for text in ax.texts]


def chips(ax):
    """The words on the chips, each with the share of its ring, which is drawn over a whole one."""
    rings = [p for p in ax.patches if isinstance(p, Arc)]
    names = [text.get_text() for text in ax.texts if text.get_fontsize() == 7]
    assert len(rings) == 2 * len(names)
    return [(name, round((ring.theta2 - ring.theta1) / 360, 3)) for name, ring in zip(names, rings[1::2])]


def test_the_still_shows_at_each_moment_what_the_log_says(logs):
    figure = four_moments(*logs, TTL)
    for column, count in enumerate(moments(*logs)):
        for row, (played, caches) in enumerate(zip(logs, (4, 1))):
            ax, past = figure.axes[4 * row + column], played.iloc[:count]
            reads = int((~past["hit"]).sum())
            name = ("private caches", "one shared Redis")[row]
            assert f"{name}: {reads} origin {'read' if reads == 1 else 'reads'}" in words(ax)
            for who in range(4):
                hits = past.loc[past["instance"] == who, "hit"]
                lane = [t for t in ax.texts if t.get_position()[1] == who * 1.3 and t.get_position()[0] > 6.6]
                assert [t.get_text() for t in lane] == [str(hits.sum()), str((~hits).sum())]
            held = cached(played, TTL, count, caches)
            room = 5 if row == 0 else 25
            shown = [
                (key.split(":")[1], round(left / TTL, 3))
                for cache in held
                for key, left in list(cache.items())[-(room if len(cache) <= room else room - 1) :]
            ]
            assert chips(ax) == shown


def test_the_still_says_when_and_states_its_finding(logs):
    figure = four_moments(*logs, TTL)
    private, shared = (int((~played["hit"]).sum()) for played in logs)
    assert figure.texts[0].get_text() == (
        f"The same 60 requests: {private} origin reads with private caches, {shared} with one Redis"
    )
    at = logs[0]["at"]
    heads = [f"after {n} request{'s' * (n > 1)}, at {at[n - 1]:.0f} s" for n in moments(*logs)]
    assert [words(ax)[0] for ax in figure.axes[:4]] == heads


def test_more_entries_than_fit_are_counted():
    keys = [f"course:{n}" for n in range(9)]
    played = log([False] * 9, 0, keys)
    last = four_moments(played, played, 60).axes[3]
    assert [name for name, _ in chips(last)] == ["5", "6", "7", "8"]
    assert "+5" in words(last)


def test_hits_and_misses_differ_in_shape_and_the_rows_in_colour(logs):
    figure = four_moments(*logs, TTL)
    for row, role in enumerate(("private", "shared")):
        ax = figure.axes[4 * row]
        marks = {
            line.get_marker(): to_hex(line.get_color()) for line in ax.lines if line.get_marker() in "oD"
        }
        assert marks == {"o": ROLE[role].lower(), "D": ROLE["origin"]}
        assert to_hex(ax.patches[0].get_edgecolor()) == ROLE[role].lower()


def test_the_still_is_the_same_to_the_byte(logs):
    assert png(four_moments(*logs, TTL)) == png(four_moments(*logs, TTL))


@pytest.mark.parametrize("instances", [1, 3, 8])
def test_no_word_of_the_still_leaves_the_picture(lab, instances):
    figure = four_moments(*replays(lab, instances=instances, requests=800, courses=90, rate=10), TTL)
    renderer = FigureCanvasAgg(figure).get_renderer()
    outer = figure.bbox
    for text in [*figure.texts, *(text for ax in figure.axes for text in ax.texts)]:
        box = text.get_window_extent(renderer)
        assert outer.x0 <= box.x0 and box.x1 <= outer.x1 and outer.y0 <= box.y0 and box.y1 <= outer.y1


@pytest.mark.parametrize(
    ("key", "chip"),
    [
        ("course:204", "204"),
        ("course:v2:204", "204"),
        ("204", "204"),
        ("search:resilience", "res…"),
        ("a:1234", "1234"),
    ],
)
def test_a_chip_has_the_end_of_the_key(key, chip):
    assert short(key) == chip
