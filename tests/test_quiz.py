"""Twelve questions, one right option each, a reason for every option, and a record of what was chosen."""

import html
from collections import Counter

import pytest

from labsupport.errors import LabError
from labsupport.lab import ledger_file
from labsupport.lessons import texts
from labsupport.lessons.ledger import ledger
from labsupport.lessons.quiz import quiz

TABLES = texts.load("quiz")


@pytest.fixture(autouse=True)
def empty_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_DATA", str(tmp_path / "data"))


def right_letter(name):
    [place] = [i for i, option in enumerate(TABLES[name]["options"]) if option.get("right")]
    return "abcd"[place]


@pytest.mark.parametrize("name", TABLES)
def test_every_option_has_a_reason_and_one_is_right(name):
    table, right = TABLES[name], right_letter(name)
    box = quiz(name)
    assert [letter for _, letter in box.options.options] == list("abcd"[: len(table["options"])])
    for letter, option in zip("abcd", table["options"]):
        box.options.value = letter
        verdict = "Right: " if letter == right else "No: "
        assert box.answer.text == verdict + " ".join(option["reply"].split())


def test_choosing_again_changes_the_answer():
    box = quiz("why-redis")
    assert box.options.value is None
    assert box.answer.text == "Choose an answer. You can choose again."
    for letter, verdict in (("a", "No: "), ("d", "Right: "), ("b", "No: ")):
        box.options.value = letter
        assert box.answer.text.startswith(verdict)
        assert not box.options.disabled


def test_the_last_choice_is_on_record_and_shown_with_its_reason_in_the_next_notebook():
    first = quiz("why-redis")
    text = first.text
    for letter in "acb":
        first.options.value = letter
    again = quiz("why-redis")
    assert (again.options.value, again.answer.text) == ("b", first.answer.text)
    assert again.text == text and not again.options.disabled
    assert quiz("near-disk").options.value is None
    assert len(ledger_file().read_text().splitlines()) == 3  # to be shown again is no choice


@pytest.mark.parametrize("option", ["an option of last year's question", 2, "b"])
def test_an_option_that_is_no_longer_there_counts_as_no_answer(option):
    ledger().answer("why-redis", option)
    assert quiz("why-redis").options.value is None
    assert quiz("why-redis").answer.text == "Choose an answer. You can choose again."


def test_an_answer_is_kept_by_its_words_wherever_its_option_stands(monkeypatch):
    quiz("why-redis").options.value = "a"
    monkeypatch.setitem(TABLES["why-redis"], "options", TABLES["why-redis"]["options"][::-1])
    assert quiz("why-redis").options.value == "d"


def test_trouble_with_the_file_is_told_at_the_first_choice(tmp_path):
    (tmp_path / "data").touch()
    box = quiz("why-redis")
    assert "kept in this notebook only" in box.answer.text
    box.options.value = "d"
    assert box.answer.text.startswith("Right: ") and "kept" not in box.answer.text
    assert quiz("why-redis").options.value == "d"


def test_the_answer_stands_in_a_live_region_that_keeps_its_height_and_is_escaped(monkeypatch):
    monkeypatch.setitem(TABLES["why-redis"]["options"][0], "reply", "<b>bold</b> & so on")
    monkeypatch.setitem(TABLES["why-redis"], "question", "<script>?")
    box = quiz("why-redis")
    box.options.value = "a"
    assert "lab-status" in box.answer._dom_classes and box.answer.value.startswith('<div style="')
    assert "min-height: 5.6em" in box.answer.value
    assert html.escape("No: <b>bold</b> & so on") in box.answer.value
    shown = [child.value for child in box.children[1].children if hasattr(child, "value")]
    assert not any("<script>" in str(value) for value in shown)


def test_readers_without_a_kernel_see_question_and_options_whatever_was_chosen():
    box = quiz("coupons-retried")
    text = box._repr_mimebundle_()["text/plain"]
    assert text == (
        "A shop counts redeemed coupons with INCR. Its client repeats a command that got no reply in time.\n"
        "For some seconds the network loses replies. INCR is atomic. Can the count be wrong afterwards?\n"
        "a) Yes, it can be higher than the truth.\n"
        "b) Yes, it can be lower than the truth.\n"
        "c) No, because an atomic command takes effect once.\n"
        "d) No, because Redis recognises a command that is repeated.\n"
        "(Run this cell to choose an answer.)"
    )
    box.options.value = "a"
    assert box._repr_mimebundle_()["text/plain"] == text
    assert "application/vnd.jupyter.widget-view+json" in box._repr_mimebundle_()


def test_a_name_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(
        LabError, match=r"there is no 'redis' in texts/quiz\.toml, only thumbnails-restarted, "
    ):
        quiz("redis")


@pytest.mark.parametrize("key", ["text", "reply"])
def test_a_question_that_lacks_something_is_told_with_its_file(monkeypatch, key):
    monkeypatch.delitem(TABLES["why-redis"]["options"][2], key)
    with pytest.raises(LabError, match=rf"quiz.toml: the table \[why-redis\] is not complete .*'{key}'"):
        quiz("why-redis")


def test_twelve_questions_are_spread_over_the_series():
    notebooks = [table["notebook"] for table in TABLES.values()]
    assert notebooks == sorted(notebooks)
    assert Counter(notebooks) == Counter(["03", "04", *(f"{number:02d}" for number in range(10))])
    assert len(TABLES) == 12


def test_the_right_option_is_given_away_neither_by_its_place_nor_by_its_length():
    places = Counter(map(right_letter, TABLES))
    assert places == {"a": 3, "b": 3, "c": 3, "d": 3}
    lengths = {name: [len(option["text"]) for option in table["options"]] for name, table in TABLES.items()}
    rank = [sorted(of).index(of["abcd".index(right_letter(name))]) for name, of in lengths.items()]
    assert max(Counter(rank).values()) <= 6  # neither the longest nor the shortest most of the time
    assert all(max(of) <= 2 * min(of) for of in lengths.values())


@pytest.mark.parametrize("name", TABLES)
def test_every_question_is_well_formed(name):
    table = TABLES[name]
    assert set(table) == {"notebook", "question", "options"}
    assert table["question"].endswith("?")
    assert 3 <= len(table["options"]) <= 4
    for option in table["options"]:
        assert option["text"].endswith(".")
        assert 60 < len(option["reply"]) < 330 and option["reply"].endswith(".")
        assert option["reply"].lower().split()[0].strip(",:") not in ("right", "no", "yes", "wrong")
        assert "!" not in option["text"] + option["reply"]
