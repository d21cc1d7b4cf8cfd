"""The knowledge check: what is still open for this learner, why, and how it gets closed."""

import pytest

from labsupport.lessons import open_questions, quiz, texts
from labsupport.lessons.ledger import ledger

TABLES = texts.load("quiz")


@pytest.fixture(autouse=True)
def empty_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_DATA", str(tmp_path / "data"))


def letter(name, right=True):
    """The letter of the right option, or of the first wrong one."""
    options = TABLES[name]["options"]
    return next("abcd"[i] for i, option in enumerate(options) if bool(option.get("right")) == right)


def plain(shown):
    return shown._repr_mimebundle_()["text/plain"]


def test_at_first_all_are_open_in_the_order_of_the_series():
    box = open_questions()
    assert list(box.rows) == list(TABLES)
    assert box.status.text == "12 of 12 questions are open: 12 not answered yet."
    assert all(row.options.value is None for row in box.rows.values())


def test_what_was_answered_right_in_its_notebook_is_closed_and_what_was_wrong_is_open_with_its_reason():
    quiz("flag-off").options.value = letter("flag-off")
    quiz("why-redis").options.value = letter("why-redis", right=False)
    box = open_questions()
    assert list(box.rows) == [name for name in TABLES if name != "flag-off"]
    assert box.status.text == "11 of 12 questions are open: 10 not answered yet, 1 answered wrong."
    row = box.rows["why-redis"]
    assert (row.options.value, row.answer.text[:27]) == ("a", "No: a hit becomes slower, s")
    assert (
        " You chose a) A hit is answered faster, because Redis is built for quick look-ups. No: a hit "
        in " ".join(plain(box).split())
    )


def test_a_right_answer_that_was_changed_to_a_wrong_one_is_open_again():
    for right in (True, False):
        quiz("flag-off").options.value = letter("flag-off", right)
    assert "flag-off" in open_questions().rows


def test_each_is_answered_here_with_its_reason_and_counted():
    box = open_questions()
    box.rows["seat-plans"].options.value = letter("seat-plans", right=False)
    assert box.rows["seat-plans"].answer.text.startswith("No: ")
    assert box.status.text == "12 of 12 questions are open: 11 not answered yet, 1 answered wrong."
    for name, row in box.rows.items():
        row.options.value = letter(name)
        assert row.answer.text.startswith("Right: ")
    assert box.status.text == "All 12 questions of the series are answered right."
    assert quiz("seat-plans").options.value == letter("seat-plans")  # and so it is in its own notebook
    done = open_questions()
    assert done.rows == {} and plain(done) == done.status.text == box.status.text


def test_readers_without_a_kernel_see_each_question_and_its_notebook_on_one_page():
    lines = plain(open_questions()).splitlines()
    assert lines[0] == "12 of 12 questions are open: 12 not answered yet."
    assert lines[-1] == "(Run this cell to answer them here.)"
    assert len(lines) <= 40 and max(map(len, lines)) <= 100
    assert [line[:2] for line in lines[1:] if line[:2].isdigit()] == [t["notebook"] for t in TABLES.values()]
    joined = " ".join(" ".join(lines).split())
    assert all(" ".join(table["question"].split()) in joined for table in TABLES.values())


def test_what_an_instructor_adds_or_changes_is_asked():
    ledger().answer("flag-off", "words that have changed since")
    ledger().answer("a question that is gone", "yes")
    assert "flag-off" in open_questions().rows
    assert open_questions().status.text == "12 of 12 questions are open: 12 not answered yet."


def test_the_notebook_stands_above_each_question_and_the_count_in_a_live_region():
    box = open_questions()
    shown = [child for child in box.children[1].children if hasattr(child, "value")]
    first = box.rows["thumbnails-restarted"].widgets
    assert shown[:3] == first and shown[-2 if shown[-1] is not box.status else -1] is box.status
    assert first[0].value.index("Notebook 00") < first[0].value.index("An image service")
    assert "lab-status" in box.status._dom_classes
