"""Exercises: a check looks at the learner's answer, and its finding becomes a reply in words; three hints.

A check is `answer("name", look)`. `look` returns a finding, or raises Stop with one: the name of a reply in
texts/exercises/NN.toml and the facts for its {placeholders}. All the words are in those files.
"""

from __future__ import annotations

import contextlib
import sys
import textwrap
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from labsupport.classroom import report_failed
from labsupport.errors import BadArgument, LabError, cell_line, in_a_cell
from labsupport.lab import at_rest
from labsupport.lessons import texts
from labsupport.lessons.given import LONGEST, NOT_ATTEMPTED, RIGHT, Finding, Stop, Theirs, shown

__all__ = ["NOT_ATTEMPTED", "RIGHT", "Finding", "Stop", "answer", "exercises", "hint"]

FOLDER = texts.FOLDER / "exercises"
GENERAL = "general"  # the file and table of what every exercise may say
HINTS = 3
TRIES_BEFORE_LAST = 2
WIDTH = 100  # characters of a printed line
PRINTED = 2_000  # characters that a learner's code may print during a check; a replay calls it often

_tries: Counter[str] = Counter()  # in this kernel
_hints: Counter[str] = Counter()


def answer(exercise: str, look: Callable[[], Finding]) -> None:
    """Look at the learner's answer and print the reply.

    What their code raises becomes a reply, too; KeyboardInterrupt and defects of our own are raised.
    """
    replies = _table(exercise)["replies"]  # first: an exercise that does not exist is our mistake
    with at_rest(), _first_characters():
        reply, facts = _find(look)
        if reply not in (RIGHT, NOT_ATTEMPTED):
            report_failed(exercise)
    print(_said(exercise, replies, reply, facts))


def hint(exercise: str) -> None:
    """Print the next of the three hints; the third only after two tries in this kernel."""
    hints = _table(exercise)["hints"]
    number = min(_hints[exercise] + 1, HINTS)
    if number == HINTS and _tries[exercise] < TRIES_BEFORE_LAST:
        print(_wrapped(_general("third_hint").format(tries=_tries[exercise], needed=TRIES_BEFORE_LAST)))
        return
    _hints[exercise] = number
    last = " " + _general("last_hint") if number == HINTS else ""
    print(_wrapped(f"Hint {number} of {HINTS}: {hints[number - 1]}{last}"))


def _table(exercise: str) -> dict[str, Any]:
    """The exercise's table, from whichever file has it. BadArgument: there is none of this name."""
    tables = exercises()
    if not isinstance(exercise, str) or exercise not in tables:
        names = ", ".join(tables)
        raise BadArgument(f"{shown(exercise)} is not the name of an exercise; these are: {names}.")
    return tables[exercise]


def exercises() -> dict[str, dict[str, Any]]:
    """Every exercise's table by its name, notebook by notebook."""
    files = sorted(path for path in FOLDER.glob("*.toml") if path.stem != GENERAL)
    return {name: table for path in files for name, table in texts.load(_name(path)).items()}


def _name(path: Path) -> str:
    return f"{FOLDER.name}/{path.stem}"


def _general(key: str) -> str:
    return str(texts.entry(f"{FOLDER.name}/{GENERAL}", GENERAL)[key])


def _find(look: Callable[[], Finding]) -> Finding:
    """The finding of the look, or of the error that ended it."""
    try:
        return look()
    except Stop as stop:
        return stop.finding
    except KeyboardInterrupt:
        raise
    except Theirs as wrapped:
        return _of_error(wrapped.__cause__ or wrapped)
    except BaseException as error:
        if not any(map(in_a_cell, traceback.extract_tb(error.__traceback__))):
            raise
        return _of_error(error)


def _of_error(error: BaseException) -> Finding:
    """The reply to what the learner's code raised: the nearest kind of error that the texts know."""
    known = texts.entry(f"{FOLDER.name}/{GENERAL}", "errors")
    kind = next(k.__name__ for k in type(error).__mro__ if k.__name__ in known)
    return "stopped", {"error": one_line(error), "line": cell_line(error), "meaning": known[kind]}


def one_line(error: BaseException) -> str:
    """Its kind and the start of its message."""
    try:
        message = " ".join(str(error).split())
    except Exception:
        message = ""
    message = textwrap.shorten(message, 3 * LONGEST, placeholder=" [...]").rstrip(".")
    return f"{type(error).__name__}: {message}".removesuffix(": ")


def _said(exercise: str, replies: dict[str, str], reply: str, facts: dict[str, object]) -> str:
    """The whole printed text; counts the try."""
    text = _filled(exercise, replies, reply, facts)
    if reply == NOT_ATTEMPTED:
        return _wrapped(f"Not attempted yet: {text}")
    if reply == RIGHT:
        return _wrapped(f"Right: {text}")
    _tries[exercise] += 1
    return _wrapped(f"Not yet: {text}\n" + _general("stuck").format(exercise=exercise))


def _filled(exercise: str, replies: dict[str, str], reply: str, facts: dict[str, object]) -> str:
    """The reply with its facts. LabError: the texts have no such reply, or one that asks for other facts."""
    text = replies.get(reply) or texts.entry(f"{FOLDER.name}/{GENERAL}", "replies").get(reply)
    if text is None:
        raise LabError(f"the exercise {exercise!r} has no reply {reply!r} in texts/exercises: add one.")
    plain = {name: _plain(value) for name, value in facts.items()} | {"exercise": exercise}
    try:
        return str(text.format(**plain))
    except (LookupError, ValueError) as error:
        raise LabError(
            f"the reply {reply!r} of {exercise!r} in texts/exercises has a placeholder that cannot be filled "
            f"({error}); there are: {', '.join(plain)}."
        ) from None


def _plain(value: object) -> object:
    """A fact as it may be formatted: our own numbers and words, anything else only shown."""
    ours = type(value) in (int, float, str) or isinstance(value, np.number)
    return value if ours else shown(value)


def _wrapped(text: str) -> str:
    """In lines that fit a notebook, broken between words only."""
    lines = (
        textwrap.fill(line, WIDTH, break_long_words=False, break_on_hyphens=False)
        for line in text.split("\n")
    )
    return "\n".join(lines)


class _FirstCharacters:
    """A standard output that lets the first characters through and drops the rest."""

    def __init__(self, stream: Any) -> None:
        self._stream, self.left = stream, PRINTED

    def write(self, text: str) -> int:
        """Pass on what still fits; the length of all of it, as if it had been written."""
        self._stream.write(text[: max(0, self.left)])
        self.left -= len(text)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def _first_characters() -> Any:
    """What the learner's code prints is shown, but not the same line of a thousand calls."""
    stream = _FirstCharacters(sys.stdout)
    try:
        with contextlib.redirect_stdout(stream):
            yield
    finally:
        if stream.left < 0:
            print("\n" + _general("much_printed").format(left_out=-stream.left))
