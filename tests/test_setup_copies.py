"""The learner's own copies of the lessons."""

from __future__ import annotations

import pytest

from labsupport.setup.copies import MANIFEST, copy_lessons

NAME = "02-four-instances.ipynb"
BESIDE = "02-four-instances.new-1.ipynb"


@pytest.fixture
def lessons(tmp_path):
    (tmp_path / "notebooks" / "data").mkdir(parents=True)
    (tmp_path / "notebooks" / "src").mkdir()
    (tmp_path / "notebooks" / NAME).write_text("first edition")
    (tmp_path / "notebooks" / "src" / "02-four-instances.py").write_text("source")
    (tmp_path / "notebooks" / "data" / "trace.csv").write_text("at,key\n")
    return tmp_path / "notebooks"


@pytest.fixture
def mine(lessons):
    folder = lessons.parent / "my-notebooks"
    assert copy_lessons(lessons, folder) == []
    return folder


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {MANIFEST}


def test_lessons_and_data_are_copied_but_not_their_sources(mine):
    assert files(mine) == {NAME, "data/trace.csv"}


def test_only_an_instructor_gets_the_dashboard_and_a_newer_one_beside_it(lessons, mine):
    dashboard = lessons / "teaching" / "class-dashboard.ipynb"
    dashboard.parent.mkdir()
    dashboard.write_text("first")
    copy_lessons(lessons, mine, {})
    assert dashboard.name not in files(mine)
    instructor = {"LAB_INSTRUCTOR_URL": "redis://instructor:word@127.0.0.1:8001/0"}
    copy_lessons(lessons, mine, instructor)
    dashboard.write_text("second")
    copy_lessons(lessons, mine, instructor)
    assert (mine / dashboard.name).read_text() == "first"
    assert (mine / "class-dashboard.new-1.ipynb").read_text() == "second"


def test_a_learners_copy_is_never_overwritten(lessons, mine):
    (mine / NAME).write_text("my own answer")
    copy_lessons(lessons, mine)
    (lessons / NAME).write_text("second edition")
    copy_lessons(lessons, mine)
    assert (mine / NAME).read_text() == "my own answer"


def test_an_unchanged_lesson_does_not_arrive_again_beside_an_edited_copy(lessons, mine):
    (mine / NAME).write_text("my own answer")
    assert copy_lessons(lessons, mine) == []
    assert files(mine) == {NAME, "data/trace.csv"}


def test_a_changed_lesson_arrives_beside_the_old_one_and_says_so(lessons, mine):
    (lessons / NAME).write_text("second edition")
    assert copy_lessons(lessons, mine) == [
        f"{NAME} has a newer version: it is beside yours as {BESIDE}; yours stays as it is."
    ]
    assert (mine / NAME).read_text() == "first edition"
    assert (mine / BESIDE).read_text() == "second edition"


def test_a_changed_lesson_arrives_once_not_at_each_start(lessons, mine):
    (lessons / NAME).write_text("second edition")
    copy_lessons(lessons, mine)
    (mine / BESIDE).unlink()  # the learner does not want it
    assert copy_lessons(lessons, mine) == []
    assert not (mine / BESIDE).exists()


def test_each_further_edition_gets_a_name_of_its_own(lessons, mine):
    for edition in ("second edition", "third edition"):
        (lessons / NAME).write_text(edition)
        copy_lessons(lessons, mine)
    assert (mine / BESIDE).read_text() == "second edition"
    assert (mine / "02-four-instances.new-2.ipynb").read_text() == "third edition"


def test_a_deleted_copy_comes_back_fresh(lessons, mine):
    (mine / NAME).unlink()
    copy_lessons(lessons, mine)
    assert (mine / NAME).read_text() == "first edition"


@pytest.mark.parametrize("content", ["", "not json", "[1, 2]", None])
def test_without_a_readable_manifest_nothing_is_lost(lessons, mine, content):
    (mine / NAME).write_text("my own answer")
    if content is None:
        (mine / MANIFEST).unlink()
    else:
        (mine / MANIFEST).write_text(content)
    copy_lessons(lessons, mine)
    assert (mine / NAME).read_text() == "my own answer"
    assert (mine / BESIDE).read_text() == "first edition"


def test_data_that_nobody_edited_follows_the_lesson(lessons, mine):
    (lessons / "data" / "trace.csv").write_text("at,key\n0,course:204\n")
    assert copy_lessons(lessons, mine) == []
    assert (mine / "data" / "trace.csv").read_text() == "at,key\n0,course:204\n"


def test_data_that_a_learner_edited_stays(lessons, mine):
    (mine / "data" / "trace.csv").write_text("my own trace")
    (lessons / "data" / "trace.csv").write_text("at,key\n0,course:204\n")
    copy_lessons(lessons, mine)
    assert (mine / "data" / "trace.csv").read_text() == "my own trace"
    assert (mine / "data" / "trace.new-1.csv").exists()
