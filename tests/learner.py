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
import io
import itertools
import linecache
from typing import Any

from labsupport.lessons import exercises

STUCK = "Stuck?"
_cells = itertools.count(1)


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
