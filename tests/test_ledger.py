"""The ledger loses no prediction, not even to another notebook, and no state of its file stops a learner."""

import errno
import json
import os
import resource
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from labsupport.lab import ledger_file
from labsupport.lessons.ledger import Ledger, ledger

MEMORY = "kept in this notebook only until its kernel ends"
WRITER = """
import sys
from pathlib import Path
from labsupport.lessons.ledger import Ledger
own = Ledger(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(200):
    own.predict(f"{sys.argv[2]}-{number % 50}", number)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "ledger.jsonl"


@pytest.fixture
def book(path):
    return Ledger(path)


def written(path, *lines):
    """A file that already holds these lines, and the ledger in it."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\n".join(lines))
    return Ledger(path)


@contextmanager
def nobody_special():
    """Permissions count, even if the tests run as root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65_534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


# --- what counts


def test_an_empty_ledger_holds_nothing_makes_nothing_and_says_nothing(book, path):
    assert (book.predictions(), book.outcomes(), book.news()) == ({}, {}, "")
    assert not path.parent.exists()


def test_the_last_prediction_counts_in_every_notebook(book, path):
    book.predict("a", 70)
    book.predict("b", "by_key")
    book.predict("a", 60)
    assert book.predictions() == Ledger(path).predictions() == {"a": 60, "b": "by_key"}
    assert book.outcomes() == {}


def test_a_record_is_one_line_of_json(book, path):
    book.predict("a", 70)
    book.conclude("a", 62.8, 63.1)
    book.predict("b", "line\nbreak é")
    book.answer("c", "An option.")
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"prediction": "a", "value": 70},
        {"outcome": "a", "measured": 62.8, "law": 63.1},
        {"prediction": "b", "value": "line\nbreak é"},
        {"answer": "c", "option": "An option."},
    ]


def test_once_the_outcome_is_shown_the_prediction_before_it_stands(book, path):
    book.predict("a", 70)
    book.conclude("a", 62.8, None)
    Ledger(path).predict("a", 63)  # from another notebook, at the same moment
    book.conclude("a", 62.9, None)
    book.predict("a", 64)
    assert book.predictions() == {"a": 70}
    assert book.outcomes() == {"a": 62.9}


def test_an_outcome_before_any_prediction_counts_for_nothing(book):
    book.conclude("a", 62.8, None)
    book.predict("a", 70)
    assert (book.predictions(), book.outcomes()) == ({"a": 70}, {})


def test_the_last_answer_counts_and_is_no_prediction(book, path):
    book.answer("a", "one option")
    book.predict("b", 70)
    book.answer("a", "another option")
    assert book.answers() == Ledger(path).answers() == {"a": "another option"}
    assert (book.predictions(), book.outcomes()) == ({"b": 70}, {})


def test_there_is_one_ledger_for_each_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_DATA", str(tmp_path / "one"))
    mine = ledger()
    assert mine is ledger()
    assert mine.path == ledger_file() == tmp_path / "one" / "ledger.jsonl"
    monkeypatch.setenv("LAB_DATA", str(tmp_path / "two"))
    assert ledger() is not mine


# --- two notebooks at once


def test_two_processes_that_append_200_records_each_lose_none(path):
    command = [sys.executable, "-c", WRITER, str(path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    writers = [subprocess.Popen([*command, name], **pipes) for name in ("left", "right")]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    assert [writer.communicate()[0] for writer in writers] == ["", ""]
    records = [json.loads(line) for line in path.read_text().splitlines()]
    for name in ("left", "right"):
        assert [r["value"] for r in records if r["prediction"].startswith(name)] == list(range(200))
    assert len(Ledger(path).predictions()) == 100


# --- what may be wrong with the file

DAMAGED = [
    b"{",
    b"\xff\xfe\x00",
    b"null",
    b"[]",
    b"70",
    b'"prediction"',
    b"{}",
    b'{"prediction": 3, "value": 4}',
    b'{"prediction": "a"}',
    b'{"prediction": "a", "value": null}',
    b'{"prediction": "a", "value": NaN}',
    b'{"prediction": "a", "value": true}',
    b'{"prediction": ["a"], "value": 1}',
    b'{"outcome": "a"}',
    b'{"outcome": "a", "measured": [1]}',
    b'{"answer": "a", "value": "b"}',
    b'{"answer": ["a"], "option": "b"}',
    b"[" * 100_000,
    b"1" * 10_000,
    b'{"prediction": "a", "value": 1' + b"1" * 10_000 + b"}",
]


@pytest.mark.parametrize("line", DAMAGED, ids=lambda line: repr(line[:40]))
def test_a_damaged_line_is_left_alone_said_once_and_the_others_are_used(path, line):
    book = written(path, b'{"prediction": "good", "value": 1}', line)
    before = path.read_bytes()
    assert book.predictions() == {"good": 1}
    book.predict("new", 2)
    assert book.predictions() == Ledger(path).predictions() == {"good": 1, "new": 2}
    assert path.read_bytes().startswith(before)
    said = book.news()
    assert said.startswith(f"One line of {path} cannot be read") and said.endswith(
        "all other lines are used."
    )
    book.predict("new", 3)
    assert book.news() == ""


def test_several_damaged_lines_are_counted_and_empty_ones_are_not_damaged(path):
    book = written(path, b"", b"x", b'{"prediction": "good", "value": 1}', b"  ", b"y", b"")
    assert book.predictions() == {"good": 1}
    assert book.news().startswith("2 lines of")


def test_a_line_cut_short_spoils_no_later_one(path):
    book = written(path, b'{"prediction": "a", "value": 1}', b'{"prediction": "b", "va')
    book.predict("b", 2)
    book.predict("c", 3)
    assert Ledger(path).predictions() == {"a": 1, "b": 2, "c": 3}


@pytest.mark.parametrize("content", [b"\x00\x01\x02", b"some\nthing else\n", "ledger".encode("utf-16")])
def test_a_file_without_any_record_is_never_written_to(path, content):
    book = written(path, content)
    book.predict("a", 1)
    assert book.predictions() == {"a": 1}
    assert path.read_bytes() == content
    assert f"{path} holds nothing that can be read" in (said := book.news()) and MEMORY in said
    assert Ledger(path).predictions() == {}


def blocked_by_a_folder(path):
    path.mkdir(parents=True)


def blocked_by_a_file(path):
    path.parent.touch()


@pytest.mark.parametrize("block", [blocked_by_a_folder, blocked_by_a_file])
def test_what_stands_in_the_way_is_said_once_and_everything_goes_on_in_memory(path, block):
    block(path)
    book = Ledger(path)
    book.predict("a", 1)
    book.predict("a", 2)
    book.conclude("a", 3, None)
    book.predict("a", 4)
    assert (book.predictions(), book.outcomes()) == ({"a": 2}, {"a": 3})
    said = book.news()
    assert str(path) in said and MEMORY in said and said.count(". ") == 0
    assert book.news() == ""


@pytest.mark.parametrize("mode", [0o500, 0o000], ids=["may not write", "may not even look"])
def test_a_folder_without_permission_is_no_obstacle(path, mode):
    path.parent.mkdir()
    book = Ledger(path)
    for folder in path.parents:  # pytest's own folders are private
        if folder.is_relative_to("/tmp") and folder != Path("/tmp") and folder.stat().st_uid == os.getuid():
            folder.chmod(0o755)
    path.parent.chmod(mode)
    with nobody_special():
        book.predict("a", 1)
        assert book.predictions() == {"a": 1}
    path.parent.chmod(0o700)
    assert os.strerror(errno.EACCES) in (said := book.news()) and MEMORY in said
    assert not path.exists()


def test_on_a_full_disk_the_prediction_is_kept_and_the_next_one_is_whole(book, path, tmp_path):
    book.predict("a", 1)
    code = f"""
import resource, signal
from pathlib import Path
from labsupport.lessons.ledger import Ledger
book = Ledger(Path({str(path)!r}))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({path.stat().st_size + 10}, {resource.RLIM_INFINITY}))
book.predict("b", 2)
book.predict("c", 3)
assert book.predictions() == {{"a": 1, "b": 2, "c": 3}}, book.predictions()
print(book.news())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == ""
    assert MEMORY in done.stdout
    book.predict("d", 4)
    assert book.predictions() == {"a": 1, "d": 4}


def test_what_was_kept_in_memory_does_not_hide_what_another_notebook_wrote(path):
    path.mkdir(parents=True)
    book = Ledger(path)
    book.predict("a", 1)
    path.rmdir()
    Ledger(path).predict("b", 2)
    assert book.predictions() == {"a": 1, "b": 2}
