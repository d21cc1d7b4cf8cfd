"""The source of truth: an answer for every key, and a count of the reads."""

from __future__ import annotations

import json

import pytest

from labsupport import CourseCatalog
from labsupport.errors import BadArgument
from labsupport.origin import COURSES

ODD = [
    "", "notes:204", "course:0", "course:2001", "course:-1", "course:1.5", "course: 204", "course:204 ",
    "course:204\n", "course:0204", "course:٢٠٤", "Course:204", "xcourse:204", "course:204:views",
    "course:v2:204", "course:", "course:99999999999999999999", "course:1; DROP TABLE course",
    "course:1' OR '1'='1", "kurs:ü", "课程", "\x00", "course:" + "9" * 100_000,
]  # fmt: skip


@pytest.fixture
def catalog():
    return CourseCatalog()


def answers(catalog, keys=range(1, COURSES + 1)):
    return {number: catalog.peek(f"course:{number}") for number in keys}


def test_a_courses_answer_is_its_metadata(catalog):
    assert json.loads(catalog.read("course:204")) == {
        "id": 204,
        "title": "Graphs under load, part 2",
        "teacher": "Teacher 10",
        "version": 1,
        "lessons": 8,
        "minutes": sum(20 + (7 * 204 + 11 * lesson) % 30 for lesson in range(8)),
    }


@pytest.mark.parametrize("number", [1, 2, 204, COURSES])
def test_every_course_answers_with_its_own_id(catalog, number):
    assert json.loads(catalog.read(f"course:{number}"))["id"] == number


@pytest.mark.parametrize("key", ODD, ids=lambda key: ascii(key[:30]))
def test_any_other_key_is_answered_with_itself(catalog, key):
    assert json.loads(catalog.read(key)) == {"key": key}
    assert catalog.reads == 1


def test_no_key_does_anything_to_the_database(catalog):
    before = answers(catalog)
    for key in ODD:
        catalog.read(key)
    assert answers(catalog) == before


def test_an_answer_is_never_empty_and_always_bytes(catalog):
    for key in [*ODD, "course:204"]:
        assert type(catalog.peek(key)) is bytes
        assert catalog.peek(key)


def test_reads_are_counted_and_peeks_are_not(catalog):
    assert catalog.reads == 0
    for key in ("course:204", "course:204", "notes:204"):
        assert catalog.peek(key) == catalog.read(key)
    catalog.rename("course:204", "Caching")
    assert catalog.reads == 3
    assert repr(catalog) == "CourseCatalog(2,000 courses, 3 reads)"


def test_two_catalogues_say_the_same_and_share_nothing(catalog):
    other = CourseCatalog()
    assert answers(other) == answers(catalog)
    other.rename("course:204", "Caching")
    other.read("course:204")
    assert json.loads(catalog.peek("course:204"))["title"] != "Caching"
    assert catalog.reads == 0


def test_renaming_changes_the_title_and_the_version_of_that_course_alone(catalog):
    before = answers(catalog)
    returned = catalog.rename("course:204", "Caching; 'renamed' ü")
    after = answers(catalog)
    assert returned == after[204]
    assert {number for number in after if after[number] != before[number]} == {204}
    was = json.loads(before[204])
    assert json.loads(after[204]) == was | {"title": "Caching; 'renamed' ü", "version": 2}
    catalog.rename("course:204", "again")
    assert json.loads(catalog.peek("course:204"))["version"] == 3
    assert (catalog.writes, catalog.reads) == (2, 0)


@pytest.mark.parametrize(
    "key", ["course:0", "course:2001", "course:0204", "notes:204", "course:1; DROP TABLE course"]
)
def test_renaming_what_is_no_course_is_refused_in_one_sentence(catalog, key):
    before = answers(catalog, range(1, 10))
    with pytest.raises(BadArgument, match=f"there is no course '{key}'") as caught:
        catalog.rename(key, "Caching")
    assert str(caught.value).endswith("course:1 to course:2000.")
    assert ". " not in str(caught.value)
    assert answers(catalog, range(1, 10)) == before and catalog.writes == 0
