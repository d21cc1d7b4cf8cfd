"""Try the mutants of the exercises' checks: the exercises' tests must notice each.

A check answers a learner; a branch that no test holds could answer anything. Each mutant lives in a fork of
one process that has imported and collected everything, and meets only the tests that come by its line, the
quickest first. Those that nobody can notice are explained in survivors.toml.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import sys
import tempfile
import threading
import time
import tomllib
import types
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mutants import FOLDER, Mutant, apply, mutants

TESTS = sorted(map(str, Path(__file__).resolve().parents[1].glob("test_exercises*.py")))
EXPLAINED = Path(__file__).with_name("survivors.toml")  # name of a mutant -> why nobody can tell it
LIMIT = 300  # seconds for one mutant
HELD, NOTICED, TOO_BUSY = 0, 1, 2  # how a mutant's process ends; or by its alarm

Seconds = dict[int, float]  # test number -> how long it takes
Lines = dict[tuple[str, int], Seconds]  # which tests come by a line


class Runner:
    """A plugin of pytest: in place of the tests it runs, for each mutant, those that come by it."""

    def __init__(self, modules: list[str], jobs: int) -> None:
        """`modules`: names without .py, none for all; `jobs`: mutants at a time."""
        self._modules, self._jobs = modules, jobs
        self.survivors: list[Mutant] = []
        self.unseen: list[Mutant] = []  # no test comes by
        self.undecided: list[Mutant] = []  # the machine was too busy, or there was no end
        self.tried = 0
        self.green = False

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Once unmutated, to see who comes by where; then mutant after mutant."""
        lines = _in_child(lambda: _traced(session))
        self.green = bool(lines)
        running: dict[int, Mutant] = {}
        for mutant in mutants(self._modules) if lines else ():
            seconds = lines.get((mutant.file, mutant.line), {})
            if not seconds:
                self.unseen.append(mutant)
                continue
            while len(running) >= self._jobs:
                self._await_one(running)
            numbers = _in_turn(session, seconds)
            running[_forked(session, mutant, numbers)] = mutant
        while running:
            self._await_one(running)
        return True

    def concerns(self, name: str) -> bool:
        """Whether a mutant of this name is among those that are tried."""
        return not self._modules or name.partition(".")[0] in self._modules

    def _await_one(self, running: dict[int, Mutant]) -> None:
        pid, status = os.wait()
        mutant = running.pop(pid)
        self.tried += 1
        ended = os.waitstatus_to_exitcode(status)
        if ended == HELD:
            self.survivors.append(mutant)
        elif ended != NOTICED:
            self.undecided.append(mutant)
        if ended != NOTICED:
            outcome = "survived" if ended == HELD else "UNDECIDED"
            print(f"{outcome}: line {mutant.line} of {mutant.name}", flush=True)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test that fails because its machine was too slow says nothing of the mutant."""
        if report.failed and "LabTimeSlipped" in report.longreprtext:
            os._exit(TOO_BUSY)


def _in_turn(session: pytest.Session, seconds: Seconds) -> list[int]:
    """The tests that come by, the quickest first; then those beside them, for whom something was kept."""
    files = {session.items[number].path for number in seconds}
    beside = [n for n, item in enumerate(session.items) if item.path in files and n not in seconds]
    return sorted(seconds, key=seconds.__getitem__) + beside


def _forked(session: pytest.Session, mutant: Mutant, numbers: list[int]) -> int:
    """Start a process with the mutant; how it ends says what came of it."""
    if pid := os.fork():
        return pid
    status = TOO_BUSY  # unless it comes to its end
    try:
        signal.alarm(LIMIT)
        apply(mutant)
        status = HELD if _hold(session, numbers) else NOTICED
    finally:
        os._exit(status)


def _hold(session: pytest.Session, numbers: list[int]) -> bool:
    """Run these tests; whether all held. Stops at the first that does not."""
    _silent()
    items = [session.items[number] for number in numbers]
    for item, following in zip(items, [*items[1:], None]):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return False
    return True


def _traced(session: pytest.Session) -> Lines:
    """Run all tests; which of them come by which line of the checks. Nothing if one fails."""
    _silent()
    lines: defaultdict[tuple[str, int], Seconds] = defaultdict(dict)
    for number, item in enumerate(session.items):
        here: set[tuple[str, int]] = set()
        following = session.items[number + 1] if number + 1 < len(session.items) else None
        began = time.perf_counter()
        with _noting(here):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        for line in here:
            lines[line][number] = time.perf_counter() - began
    return {} if session.testsfailed else dict(lines)


@contextlib.contextmanager
def _noting(lines: set[tuple[str, int]]) -> Iterator[None]:
    """Note every line of the checks that runs, in every thread."""

    def in_function(frame: types.FrameType, event: str, _: object) -> Any:
        lines.add((frame.f_code.co_filename, frame.f_lineno))
        return in_function

    def on_call(frame: types.FrameType, event: str, _: object) -> Any:
        return in_function if frame.f_code.co_filename.startswith(str(FOLDER)) else None

    threading.settrace(on_call)
    sys.settrace(on_call)
    try:
        yield
    finally:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]


def _silent() -> None:
    with Path(os.devnull).open("w") as nowhere:
        for stream in (1, 2):
            os.dup2(nowhere.fileno(), stream)


def _in_child(work: Callable[[], Any]) -> Any:
    """What the work returns, done in a process that ends with it: nothing of it stays here."""
    reader, writer = os.pipe()
    if not os.fork():
        try:
            with os.fdopen(writer, "wb") as pipe:
                pickle.dump(work(), pipe)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    os.wait()
    return pickle.loads(said) if said else None


def main(modules: list[str], jobs: int) -> int:
    """Try all mutants; 1 if the survivors are not those that survivors.toml explains."""
    runner = Runner(modules, jobs)
    named = [test for test in TESTS if any(module in Path(test).read_text("utf-8") for module in modules)]
    with tempfile.TemporaryDirectory(prefix="lab-checkers-") as data:
        os.environ["LAB_DATA"] = data  # a learner's record of their own
        pytest.main(["-q", "-p", "no:cacheprovider", "-s", *(named or TESTS)], plugins=[runner])
    if not runner.green:
        print("The exercises' tests are not green without a mutation, so nothing was tried.")
        return 1
    survivors = {mutant.name for mutant in [*runner.survivors, *runner.unseen, *runner.undecided]}
    explained = {name for name in tomllib.loads(EXPLAINED.read_text("utf-8")) if runner.concerns(name)}
    noticed = runner.tried - len(runner.survivors) - len(runner.undecided)
    print(f"mutants of the exercises' checks: {runner.tried}, of these noticed: {noticed}")
    print(f"survivors: {len(survivors)}, of these explained: {len(survivors & explained)}")
    for name in sorted(survivors ^ explained):
        print(f"{'NOT EXPLAINED' if name in survivors else 'EXPLAINED, BUT NO SURVIVOR'}: {name}")
    return int(survivors != explained)
