"""What the learner predicted and answered, and how it came out: a line each, in one file for the series."""

from __future__ import annotations

import errno
import functools
import json
import os
from pathlib import Path
from typing import Any

from labsupport.checks import is_number
from labsupport.lab import ledger_file

Value = float | str
Record = dict[str, Any]

_ANOTHER_FOLDER = "set LAB_DATA to a folder that you can write to"
_VALUES = {"prediction": "value", "outcome": "measured", "answer": "option"}  # of each kind of record


class Ledger:
    """By question what is on record. What the file cannot take is kept in memory; nothing here raises.

    Each record is one line, put at the file's end by one write (O_APPEND). Nobody reads, changes and writes
    back, so of two kernels none loses an update. The file is never rewritten, whatever it holds.
    """

    def __init__(self, path: Path) -> None:
        """The ledger in the file `path`, which may be missing; `ledger()` gives the learner's own."""
        self.path = path
        self._unwritten: list[Record] = []
        self._told: set[str] = set()
        self._news: list[str] = []

    def predict(self, question: str, value: Value) -> None:
        """Record a prediction; it does not count if the question has an outcome already."""
        self._append({"prediction": question, "value": value})

    def conclude(self, question: str, measured: Value, law: Value | None) -> None:
        """Record how a predicted question came out."""
        self._append({"outcome": question, "measured": measured, "law": law})

    def answer(self, question: str, option: str) -> None:
        """Record the option, in its own words, that was chosen for a question of the quiz."""
        self._append({"answer": question, "option": option})

    def predictions(self) -> dict[str, Value]:
        """The last prediction for each question made before its outcome was shown."""
        latest: dict[str, Value] = {}
        shown: set[str] = set()
        for record in self._records():
            if record.get("outcome") in latest:
                shown.add(record["outcome"])
            elif "prediction" in record and record["prediction"] not in shown:
                latest[record["prediction"]] = record["value"]
        return latest

    def outcomes(self) -> dict[str, Value]:
        """What was measured, for each question that has been predicted and then shown; the last counts."""
        predicted: set[str] = set()
        measured: dict[str, Value] = {}
        for record in self._records():
            if "prediction" in record:
                predicted.add(record["prediction"])
            elif record.get("outcome") in predicted:
                measured[record["outcome"]] = record["measured"]
        return measured

    def answers(self) -> dict[str, Value]:
        """The option chosen last for each question of the quiz.

        Only the last: whoever goes through the options by keyboard chooses each on the way.
        """
        return {r["answer"]: r["option"] for r in self._records() if "answer" in r}

    def news(self) -> str:
        """What is wrong with the file, a sentence for each kind of trouble, told once; else ""."""
        news, self._news = self._news, []
        return " ".join(news)

    def _records(self) -> list[Record]:
        content = self._content()
        return [*(_parsed(content)[0] if content else []), *self._unwritten]

    def _content(self) -> bytes | None:
        """What the file holds; None if there is no reading it, or it holds something else than records."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            self._memory_only(f"cannot be used ({error.strerror})", _ANOTHER_FOLDER)
            return None
        records, damaged = _parsed(content)
        if damaged and not records:
            self._memory_only("holds nothing that can be read as a record", "move the file away")
            return None
        if damaged:
            lines = f"{damaged} lines" if damaged > 1 else "One line"
            self._tell(
                "damaged",
                f"{lines} of {self.path} cannot be read and will be left as found, so what stood there is "
                "missing, but all other lines are used.",
            )
        return content

    def _append(self, record: Record) -> None:
        content = self._content()
        if content is None:
            self._unwritten.append(record)
            return
        gap = b"" if content.endswith(b"\n") or not content else b"\n"  # the rest of a line cut short
        try:
            _write(self.path, gap + json.dumps(record).encode() + b"\n")
        except OSError as error:
            self._unwritten.append(record)
            self._memory_only(f"cannot be written ({error.strerror})", _ANOTHER_FOLDER)

    def _memory_only(self, why: str, remedy: str) -> None:
        self._tell(
            "memory",
            f"{self.path} {why}, so your predictions and answers are kept in this notebook only until its "
            f"kernel ends; to keep them for longer, {remedy} and restart the kernel.",
        )

    def _tell(self, kind: str, sentence: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            self._news.append(sentence)


def ledger() -> Ledger:
    """The learner's ledger, the same object for the kernel's whole life as long as LAB_DATA stays."""
    return _ledger_in(ledger_file())


@functools.cache
def _ledger_in(path: Path) -> Ledger:
    return Ledger(path)


def _write(path: Path, line: bytes) -> None:
    """One write to the file's end, which makes file and folder if need be; OSError unless all of it fits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        if os.write(descriptor, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(descriptor)


def _parsed(content: bytes) -> tuple[list[Record], int]:
    """The records, in order, and how many lines are none."""
    lines = [line for line in content.splitlines() if line.strip()]
    records = [record for line in lines if (record := _record(line)) is not None]
    return records, len(lines) - len(records)


def _record(line: bytes) -> Record | None:
    """The line as a record; None if it is damaged."""
    try:
        record = json.loads(line.decode())
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    for kind, value in _VALUES.items():
        if kind in record:
            return record if isinstance(record[kind], str) and _is_value(record.get(value)) else None
    return None


def _is_value(value: object) -> bool:
    return isinstance(value, str) or is_number(value)
