"""The animation's movement, frame by frame: on an empty page whose frames come when the test says so."""

from __future__ import annotations

import re
from itertools import pairwise

import pandas as pd
import pytest

import labsupport
from labsupport import CourseCatalog, Fleet, LocalCache, SharedCache, zipf_traffic
from labsupport.explorers.animation import AnimatedFleet, as_sent
from labsupport.figures.moments import cached

PAGE = """async ([esm, css, log]) => {
    let waiting = null, now = 0;
    window.requestAnimationFrame = frame => { waiting = frame; return 1; };
    window.cancelAnimationFrame = () => { waiting = null; };
    window.frame = ms => { const next = waiting; waiting = null; now += ms; if (next) next(now); };
    window.isWaiting = () => waiting !== null;
    window.fleet = await import(URL.createObjectURL(new Blob([esm], { type: 'text/javascript' })));
    const style = document.createElement('style');
    style.textContent = css;
    document.head.append(style);
    window.log = log;
    window.remove = fleet.default.render({ model: { get: () => log }, el: document.body });
    window.root = document.querySelector('.lab-fleet');
    window.at = () => {
        const picture = root.querySelector(`.mode.${root.dataset.mode}`);
        const token = picture.querySelector('.token');
        const place = token.getAttribute('transform')?.match(/[-0-9.]+/g).map(Number) ?? [0, 0];
        const visible = getComputedStyle(token).visibility === 'visible';
        return {
            x: place[0], y: place[1], visible, shape: token.getAttribute('class'), key: token.textContent,
            done: Number(root.dataset.event), caption: root.querySelector('.caption').textContent,
            reads: Number(root.querySelector('[data-reads=all]').textContent),
            hits: Number.parseInt(picture.querySelector('[data-hits]').textContent),
            chips: picture.querySelectorAll('.chip[visibility=visible]').length,
        };
    };
    window.film = (frames, ms) => Array.from({ length: frames }, () => { frame(ms); return at(); });
}"""
BALANCER, INSTANCE, CACHE, ORIGIN = 98, 322, 400, 788  # where the links leave and arrive, from left to right


def replays(requests, courses, rate, ttl, instances):
    """One traffic through private caches and through one real Redis."""
    lab = labsupport.start_lab("motion")
    traffic = zipf_traffic(requests=requests, courses=courses, skew=1.0, rate=rate, seed=204)
    redis, found = SharedCache(lab.redis, ttl=ttl, keys=lab.keys), []
    for cache in (lambda: LocalCache(ttl, lab.clock), lambda: redis):
        lab.reset()
        found.append(Fleet(instances, cache=cache, origin=CourseCatalog(), clock=lab.clock).replay(traffic))
    lab.close()
    return found


def log(hits):
    """Requests of instance A for one course, a second apart; the same log for both modes."""
    count = len(hits)
    return pd.DataFrame(
        {"at": [float(s) for s in range(count)], "instance": 0, "key": "course:204", "hit": hits}
    )


@pytest.fixture(scope="module")
def window(browser):
    """A page, and the errors that happened in it."""
    context, errors = browser.new_context(viewport={"width": 900, "height": 800}), []
    page = context.new_page()

    def note(error):  # no list's method: Playwright puts a mark on it
        errors.append(error)

    page.on("pageerror", note)
    yield page, errors
    context.close()


@pytest.fixture
def show(window):
    """`show(private, shared, ttl)` -> the page, new and with the animation, standing at the beginning."""
    page, errors = window
    errors.clear()

    def open_page(private, shared, ttl):
        page.goto("about:blank")  # a new document: nothing of the one before is in it
        page.evaluate(PAGE, [AnimatedFleet._esm, AnimatedFleet._css, as_sent(private, shared, ttl)])
        return page

    yield open_page
    assert errors == []


@pytest.fixture
def miss_then_hit(show):
    """Two requests of instance A: a miss, then a hit."""
    page = show(log([False, True]), log([False, True]), 60)
    page.click(".play")
    page.evaluate("frame(0)")
    return page


def legs(film):
    """Where the token was seen, in order, without repetitions: from which box to which, and its shape."""
    found = []
    for before, after in pairwise(film):
        if not (before["visible"] and after["visible"]) or before["x"] == after["x"]:
            continue
        gap = "balancer" if after["x"] < INSTANCE - 100 else "cache" if after["x"] < CACHE + 40 else "origin"
        leg = (gap, "out" if after["x"] > before["x"] else "back", after["shape"].split()[1])
        if found[-1:] != [leg]:
            found.append(leg)
    return found


def test_a_miss_travels_to_the_origin_and_back_and_a_hit_only_to_the_cache(miss_then_hit):
    film = miss_then_hit.evaluate("film(200, 20)")
    assert film[-1]["done"] == 2
    first = [shot for shot in film if shot["done"] == 0]
    second = [shot for shot in film if shot["done"] == 1]
    start = [("balancer", "out", "asking"), ("cache", "out", "asking")]
    assert legs(first) == [
        *start,
        ("origin", "out", "miss"),
        ("origin", "back", "miss"),
        ("cache", "back", "miss"),
    ]
    assert legs(second) == [*start, ("cache", "back", "hit")]
    assert {shot["key"] for shot in film if shot["visible"]} == {"204"}


def test_what_a_request_changes_is_seen_when_it_happens(miss_then_hit):
    film = miss_then_hit.evaluate("film(200, 20)")
    first = [shot for shot in film if shot["done"] == 0]
    asked = next(n for n, shot in enumerate(first) if "miss" in shot["caption"])
    read = next(n for n, shot in enumerate(first) if shot["reads"] == 1)
    filled = next(n for n, shot in enumerate(first) if shot["chips"] == 1)
    assert 0 < asked < read < filled
    assert first[0]["caption"] == "0.0 s: instance A asks its cache for course:204 …"
    assert first[0]["reads"] == first[0]["chips"] == 0
    hit = [shot for shot in film if shot["done"] == 1]
    answered = next(n for n, shot in enumerate(hit) if shot["hits"] == 1)
    assert answered == next(n for n, shot in enumerate(hit) if ": hit" in shot["caption"]) > 0


def test_it_ends_by_itself_and_begins_again(miss_then_hit):
    miss_then_hit.evaluate("film(200, 20)")
    assert not miss_then_hit.evaluate("isWaiting()")
    assert miss_then_hit.text_content(".play") == "Play"
    miss_then_hit.click(".play")
    assert miss_then_hit.evaluate("at()")["done"] == 0
    assert miss_then_hit.evaluate("isWaiting()")


def test_a_pause_holds_the_token_and_play_takes_it_up_again(miss_then_hit):
    way = miss_then_hit.evaluate("film(10, 20)")
    miss_then_hit.click(".play")
    assert miss_then_hit.text_content(".play") == "Play"
    assert not miss_then_hit.evaluate("isWaiting()")
    assert miss_then_hit.evaluate("at()") == way[-1]
    miss_then_hit.click(".play")
    miss_then_hit.evaluate("frame(5000)")  # however long the pause was
    onward = miss_then_hit.evaluate("film(1, 20)")[0]
    assert 0 < onward["x"] - way[-1]["x"] < 3 * (way[-1]["x"] - way[-2]["x"])


def test_a_step_ends_the_request_that_is_on_its_way_and_a_step_back_takes_it_back(miss_then_hit):
    miss_then_hit.evaluate("film(10, 20)")
    miss_then_hit.click(".back")
    assert miss_then_hit.evaluate("[at().done, at().visible, isWaiting()]") == [0, False, False]
    miss_then_hit.click(".play")
    miss_then_hit.evaluate("film(10, 20)")
    miss_then_hit.click(".step")
    assert miss_then_hit.evaluate("[at().done, at().visible, isWaiting()]") == [1, False, False]


def test_a_page_that_was_away_goes_on_where_it_was(miss_then_hit):
    miss_then_hit.evaluate("film(2, 20)")
    miss_then_hit.evaluate("frame(60000)")
    assert miss_then_hit.evaluate("at()")["done"] == 0


@pytest.mark.parametrize("speed", ["0.5", "2", "5", "20", "100"])
def test_the_speed_is_a_factor(show, speed):
    def frames(choice):
        hits = log([False] + [True] * 29)
        page = show(hits, hits, 60)
        page.select_option("select", choice)
        page.click(".play")
        return page.evaluate(
            "() => { let count = 0; while (isWaiting()) { frame(5); count++; } return count; }"
        )

    assert frames("1") / frames(speed) == pytest.approx(float(speed), rel=0.05)


def test_the_switch_in_mid_flight_begins_the_same_request_on_the_other_side(show):
    page = show(log([False, False]), log([False, True]), 60)
    page.click(".step")
    page.click(".play")
    page.evaluate("frame(0); film(100, 20)")  # 2 s of the private miss
    assert page.evaluate("at().done") == 1
    page.check("input[value=shared]")
    film = page.evaluate("film(120, 20)")
    assert legs(film) == [("balancer", "out", "asking"), ("cache", "out", "asking"), ("cache", "back", "hit")]
    assert film[-1]["done"] == 2


def test_a_screen_reader_hears_at_most_one_line_a_second_while_it_plays(show):
    page = show(log([False] + [True] * 99), log([False] + [True] * 99), 200)
    page.select_option("select", "20")
    page.click(".play")
    spoken = page.evaluate(
        """() => {
            const live = root.querySelector('[aria-live]'), lines = [];
            for (let ms = 0; isWaiting(); ms += 20) {
                frame(20);
                if ((lines.at(-1)?.[1] ?? '') !== live.textContent) lines.push([ms, live.textContent]);
            }
            return lines;
        }"""
    )
    moments = [ms for ms, _ in spoken]
    assert len(moments) > 4
    assert all(later - earlier >= 1000 for earlier, later in pairwise(moments[:-1]))
    assert spoken[-1][1].startswith("99.0 s: ")  # the last line of all is always said
    assert not [line for _, line in spoken if line.endswith("…")]  # and none before its answer is known


def test_a_screen_reader_misses_no_line_at_normal_speed(show):
    page = show(log([False] + [True] * 9), log([False] + [True] * 9), 60)
    page.click(".play")
    spoken = page.evaluate(
        """() => {
            const lines = new Set();
            for (; isWaiting(); frame(20)) lines.add(root.querySelector('[aria-live]').textContent);
            return [...lines.add(root.querySelector('[aria-live]').textContent)];
        }"""
    )
    assert [line.split(" s: ")[0] for line in spoken if " s: " in line] == [
        f"{second}.0" for second in range(10)
    ]


# The numbers behind the picture


@pytest.mark.parametrize("mode", ["private", "shared"])
def test_the_state_is_that_of_the_first_requests_alone(show, mode):
    """Python's own account of both logs, after each of 200 requests to 8 instances with short TTLs."""
    logs = replays(200, 40, 4, 12, 8)
    page = show(*logs, 12)
    states = page.evaluate(
        """mode => {
            const one = fleet.logOf(log, mode, 3);
            return Array.from({ length: log.at.length + 1 }, (_, count) => {
                const { now, hits, reads, entries } = fleet.stateAt(one, count);
                const plain = entries.map(cache => [...cache].map(([key, entry]) =>
                    [log.keys[key], entry.ends - now, entry.place, entry.by]));
                return { hits, reads, entries: plain };
            });
        }""",
        mode,
    )
    played = logs[mode == "shared"]
    for count, state in enumerate(states[1:], start=1):
        past = played.iloc[:count]
        assert state["hits"] == [int((past["hit"] & (past["instance"] == who)).sum()) for who in range(8)]
        assert state["reads"] == [int((~past["hit"] & (past["instance"] == who)).sum()) for who in range(8)]
        held = cached(played, 12, count, 8 if mode == "private" else 1)
        assert [{key: left for key, left, _, _ in cache} for cache in state["entries"]] == held
        for cache in state["entries"]:
            places = [place for _, _, place, _ in cache]
            shown = [place for place in places if place >= 0]
            assert len(set(shown)) == len(shown) == min(3, len(cache))
            assert set(shown) <= {0, 1, 2}
            assert places == [-1] * (len(places) - len(shown)) + shown  # the newest are those to be seen


def test_a_full_cache_shows_the_newest_and_counts_the_others(show):
    logs = replays(400, 200, 50, 60, 1)
    page = show(*logs, 60)
    page.get_by_label("Request").fill("400")
    held = cached(logs[0], 60, 400, 1)[0]
    chips, more = page.evaluate(
        """[[...root.querySelectorAll('.private .chip[visibility=visible]')].map(chip => chip.textContent),
            root.querySelector('.private .more').textContent]"""
    )
    newest = [key.split(":")[1] for key in held][-len(chips) :]
    assert sorted(chips) == sorted(newest)
    assert more == f"+{len(held) - len(chips)}"
    assert len(chips) < len(held)


def test_a_long_key_is_cut_and_a_strange_one_is_text(show):
    keys = ["search:resilience", "<b>x</b>"]
    logs = pd.DataFrame({"at": [0.0, 1.0], "instance": 0, "key": keys, "hit": False})
    page = show(logs, logs, 60)
    page.get_by_label("Request").fill("2")
    chips = page.locator(".private .chip[visibility=visible]").all_text_contents()
    assert chips == ["res…", "<b>…"]
    assert "<b>x</b>" in page.text_content(".caption")
    assert page.locator(".lab-fleet b").count() == 0


@pytest.mark.parametrize("instances", range(1, 9))
def test_every_word_stands_inside_its_box_and_the_picture(show, instances):
    logs = replays(300, 150, 20, 60, instances)
    page = show(*logs, 60)
    for mode in ("private", "shared"):
        page.check(f"input[value={mode}]")
        page.get_by_label("Request").fill("300")
        outside = page.evaluate(
            """mode => {
                const frame = root.querySelector('svg[role=img]').getBoundingClientRect();
                const within = (node, of) => {
                    const one = node.getBoundingClientRect();
                    return one.left >= of.left - 1 && one.right <= of.right + 1
                        && one.top >= of.top - 1 && one.bottom <= of.bottom + 1;
                };
                const shown = (of, what) => [...of.querySelectorAll(what)].filter(node =>
                    node.textContent && !node.closest('[display=none]')
                    && getComputedStyle(node).visibility === 'visible');
                const boxes = [...root.querySelectorAll(`.mode.${mode} :is(.box.instance, .box.cache)`)];
                return [
                    ...shown(root, 'svg[role=img] text').filter(node => !within(node, frame)),
                    ...boxes.flatMap(box => shown(box.parentNode, 'text, .chip')
                        .filter(node => !within(node, box.getBoundingClientRect()))),
                ].map(node => node.textContent);
            }""",
            mode,
        )
        assert outside == []


def test_the_module_asks_for_nothing_and_leaves_nothing_in_the_page(show):
    page = show(log([False]), log([False]), 60)
    assert not re.search(
        r"^\s*import\b|\bimport\(|https?://(?!www\.w3\.org/2000/svg)", AnimatedFleet._esm, re.MULTILINE
    )
    assert not re.search(r"url\(|@import", AnimatedFleet._css)
    own = {"frame", "isWaiting", "fleet", "log", "remove", "root", "at", "film"}
    plain = page.context.new_page().evaluate("Object.keys(window)")
    assert set(page.evaluate("Object.keys(window)")) - set(plain) == own
    page.evaluate("remove()")
    assert page.locator("body > *").count() == 0
