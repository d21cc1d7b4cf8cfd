"""The learner of the exercises' tests: code as a notebook cell would run it, and what a check says to it.

A test of a check is a table of rows (the reply's name, the learner's source):

    WRONG = [
        ("no_deadline", "def remember(redis, name, value): redis.set(name, value)"),
    ]
    @pytest.mark.parametrize(("name", "source"), WRONG)
    def test_each_wrong_answer_gets_its_own_reply(name, source):
        assert named(check_remember, "remember", source) == name
"""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import linecache
from typing import Any

import pytest

from labsupport.lab import Lab
from labsupport.lessons import exercises, texts

STUCK = "Stuck?"
_cells = itertools.count(1)


class Hostile:
    """Raises whatever one does with it."""

    def __eq__(self, other):
        raise RuntimeError("no")

    def __hash__(self):
        raise RuntimeError("no")

    __lt__ = __float__ = __bool__ = __repr__ = __len__ = __iter__ = __eq__


NO_FUNCTIONS = [None, 5, "x", Hostile(), [], float("nan")]


def learner(source: str, **names: Any) -> dict[str, Any]:
    """Run the source as a notebook cell does; its namespace afterwards. `names` are there before."""
    file = f"/tmp/ipykernel_1/{next(_cells)}.py"  # what ipykernel names a cell
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace = {"__name__": "__main__", **names}
    exec(compile(source, file, "exec"), namespace)
    return namespace


def reply(check: Any, *things: Any) -> str:
    """All that the check prints, each paragraph on one line."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert check(*things) is None
    return unwrapped(said.getvalue())


def unwrapped(text: str) -> str:
    """Lines that were wrapped joined again; the offer of a hint stays on its own."""
    before, offer, after = text.rstrip("\n").partition(f"\n{STUCK}")
    return " ".join(before.split()) + offer + after


def finding(check: Any, *things: Any) -> str:
    """The name of the reply that the check gives."""
    names = []

    def note(exercise, replies, name, facts, said=exercises._said):
        names.append(name)
        return said(exercise, replies, name, facts)

    kept, exercises._said = exercises._said, note
    try:
        reply(check, *things)
    finally:
        exercises._said = kept
    (name,) = names
    return name


def named(check: Any, what: str, source: str, **names: Any) -> str:
    """The name of the reply to the learner's `what` as this source defines it."""
    return finding(check, learner(source, **names)[what])


def said(check: Any, what: str, source: str) -> str:
    """All that is printed about the learner's `what` as this source defines it."""
    return reply(check, learner(source)[what])


def expect_every_reply(*notebooks: str, **rows: Any) -> None:
    """Every reply that the texts have for these notebooks is in the rows, exercise by exercise."""
    tables = {name: table for nb in notebooks for name, table in texts.load(f"exercises/{nb}").items()}
    assert set(tables) == set(rows)
    for exercise, table in tables.items():
        assert set(table["replies"]) <= {name for name, _ in rows[exercise]}
        assert len(table["hints"]) == 3


def on_one_server(*modules: Any) -> Any:
    """A fixture: the checks of these modules run on one server, emptied, instead of starting one each.

    That takes longer than all else. A real server it is all the same.
    """

    @contextlib.contextmanager
    def emptied(lab_time=True):
        lab = _server(lab_time)
        lab.reset()
        lab.redis.script_flush()
        yield lab

    @pytest.fixture
    def fixture(monkeypatch):
        for module in modules:
            monkeypatch.setattr(module, "own_lab", emptied)

    return fixture


@functools.cache
def _server(lab_time: bool) -> Lab:
    return Lab("check", lab_time, own=True)  # it ends with the tests
