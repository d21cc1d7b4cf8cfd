"""Notebook 05's arithmetic of bytes: equal to what a real client sends and receives, for every mix."""

from __future__ import annotations

import json

import numpy as np
import pytest

from labsupport import Meter
from labsupport.explorers import StructuresPicture, course_page, explore
from labsupport.explorers.structures import COUNTER, KEY, VIEWS, sizes

CONTROLS = {"lessons": (1, 100), "titles": (0, 500, 10), "views": (0, 500, 10), "pages": (0, 500, 10)}
START = {"lessons": 20, "titles": 200, "views": 100, "pages": 10}


@pytest.fixture
def meter(lab):
    meter = Meter(lab.address, lab.keys.namespace)
    yield meter
    meter.redis.close()


def by_blob(redis, blob, need):
    held = json.loads(redis.get(blob))
    if need == "views":
        redis.set(blob, json.dumps(held | {"views": held["views"] + 1}), ex=300)


def by_structures(redis, fields, views, need):
    if need == "titles":
        redis.hget(fields, "title")
    elif need == "views":
        redis.incr(views)
    else:
        redis.hgetall(fields)


def really(lab, meter, lessons, mix):
    """Bytes of this mix of (titles, views, pages) on a real server: (as a blob, as hash and counter)."""
    names = {"fields": lab.keys.name(KEY), "views": lab.keys.name(COUNTER)}
    course, needs = course_page(lessons), np.repeat(["titles", "views", "pages"], mix)
    lab.redis.set(names["fields"], json.dumps(course | {"views": VIEWS}))
    blob = sum(meter.cost(by_blob, meter.redis, names["fields"], need).size for need in needs)
    lab.redis.delete(names["fields"])
    lab.redis.hset(names["fields"], mapping=course)
    lab.redis.set(names["views"], VIEWS)
    own = sum(meter.cost(by_structures, meter.redis, *names.values(), need).size for need in needs)
    return blob, own


@pytest.mark.parametrize("lessons", [1, 9, 10, 47, 100])
@pytest.mark.parametrize("mix", [(5, 0, 0), (0, 5, 0), (0, 0, 5), (40, 20, 7)], ids=str)
def test_the_arithmetic_is_what_a_real_client_sends_and_receives(lab, meter, lessons, mix):
    blob, own = (int(np.dot(mix, of)) for of in sizes(lessons).values())
    assert (blob, own) == really(lab, meter, lessons, mix)


def test_for_200_random_mixes_the_sentence_says_what_really_goes_over_the_wire(lab, meter):
    rng, each = np.random.default_rng(5), {}
    for _ in range(200):
        lessons, mix = int(rng.integers(1, 101)), rng.integers(0, 500, size=3).tolist()
        if lessons not in each:
            each[lessons] = [really(lab, meter, lessons, np.eye(3, dtype=int)[need]) for need in range(3)]
        blob, own = np.dot(mix, each[lessons])
        _, sentence = PICTURE(lessons, *mix)
        assert f"{blob:,} bytes as one blob, {own:,} as hash and counter" in sentence


PICTURE = StructuresPicture()


@pytest.mark.parametrize("name", CONTROLS)
@pytest.mark.parametrize("end", [0, 1])
def test_at_both_ends_of_every_control_the_picture_shows_what_its_sentence_says(name, end):
    at = START | {name: CONTROLS[name][end]}
    figure, sentence = PICTURE(**at)
    left, right = figure.axes
    totals = [sum(bar.get_width() for bar in left.patches[row : row + 3]) for row in (0, 3)]
    assert "{:,.0f} bytes as one blob, {:,.0f} as hash and counter".format(*totals) in sentence
    dots = [line.get_xydata()[0] for line in right.lines if line.get_marker() == "o"]
    assert [tuple(dot) for dot in dots] == [(at["lessons"], total) for total in totals]
    assert right.get_ylim()[1] > max(line.get_ydata()[-1] for line in right.lines)


def test_the_blob_is_cheaper_for_whole_pages_and_the_verdict_says_so():
    assert PICTURE(lessons=20, titles=0, views=0, pages=500)[1].endswith("The blob: 1.06 times fewer.")
    assert PICTURE(lessons=20, titles=500, views=0, pages=0)[1].endswith(
        "Hash and counter: 25.43 times fewer."
    )
    assert PICTURE(titles=0, views=0, pages=0)[1].endswith("Nobody asks, and nothing goes over the wire.")


def test_labels_at_the_ends_of_close_lines_do_not_overlap():
    figure, _ = PICTURE(titles=0, views=0, pages=500)
    low, high = sorted(text.get_position()[1] for text in figure.axes[1].texts)
    assert high - low >= 0.1 * figure.axes[1].get_ylim()[1]


def test_the_picture_is_always_the_same_one_and_starts_as_the_sliders_do():
    assert PICTURE(lessons=3)[0] is PICTURE(lessons=90)[0]
    assert explore(StructuresPicture(), **CONTROLS).text == PICTURE(**START)[1]


def test_the_page_has_the_catalogues_title_and_a_line_for_each_lesson():
    page = course_page(20)
    assert page["title"] == "Graphs under load, part 2" and page["lessons"] == "20" and len(page) == 26
    assert all(isinstance(value, str) for value in page.values())
