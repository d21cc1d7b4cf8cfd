"""Mutations of the lesson's own code: each changes one place in a copy of the course; something must go red.

A check that cannot fail proves nothing. So mutations.toml lists what could go wrong in a lesson, and for each
the notebook or the tests that have to notice it. A mutation whose text is no longer there is an error of the
list.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "tests" / "mutations.toml"
PARTS = ("labsupport", "notebooks", "tests", "pyproject.toml", "requirements.txt", "README.md")
LIMIT = 600  # seconds for one run of pytest
PYTEST = ("-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--junit-xml=result.xml")
# Learners' packages come with many plugins; without them pytest starts in half the time.
FOR_TESTS = ("-o", "addopts=")
FOR_NOTEBOOKS = ("-p", "nbval.plugin")
# These say that the mutant cannot run, or that the machine is too busy, not that somebody noticed something.
NO_CLAIM = re.compile(
    r"\b(SyntaxError|IndentationError|ImportError|ModuleNotFoundError|NameError|LabTimeSlipped|Kernel died"
    r"|Timeout of \d+ seconds exceeded)\b"
)


class Mutation(NamedTuple):
    """One way to be wrong."""

    name: str
    why: str  # a learner would care
    file: str
    old: str  # is there exactly once
    new: str
    red: Sequence[str]  # what has to notice it: arguments of pytest
    quick: Sequence[str] = ()  # one test that also has to, for those that are tried every time


class Ran(NamedTuple):
    """How a run of pytest ended."""

    status: int
    tests: int
    failed: str  # the first that failed; "" if none
    message: str
    errors: int  # tests that did not come to their claim

    @property
    def green(self) -> bool:
        """Whether there were tests, and all held."""
        return self.status == 0 and self.tests > 0

    @property
    def red(self) -> bool:
        """Whether a claim failed, and not because the code could not run."""
        return self.status == 1 and bool(self.failed) and not self.errors and not self.broken

    @property
    def broken(self) -> bool:
        """Whether what failed is no claim."""
        return bool(NO_CLAIM.search(self.message))


def mutations() -> list[Mutation]:
    """All of the list, in its order."""
    return [Mutation(name, **entry) for name, entry in tomllib.loads(LIST.read_text("utf-8")).items()]


def copied(folder: Path) -> Path:
    """The project, copied into `folder`: nothing that is written to is shared."""
    ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", ".pytest_cache")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=ignored)
        else:
            shutil.copy2(ROOT / part, folder / part)
    return folder


def mutated(mutation: Mutation, text: str) -> str:
    """The file's text with the mutation in it. ValueError: its old text is not there exactly once."""
    if not mutation.file.endswith(".ipynb"):
        _expect_once(mutation, text)
        return text.replace(mutation.old, mutation.new)
    notebook = json.loads(text)
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    _expect_once(mutation, *("".join(cell["source"]) for cell in cells))
    for cell in cells:
        cell["source"] = "".join(cell["source"]).replace(mutation.old, mutation.new)
    return json.dumps(notebook, ensure_ascii=False, indent=1)


def _expect_once(mutation: Mutation, *texts: str) -> None:
    found = sum(text.count(mutation.old) for text in texts)
    if found != 1 or mutation.old == mutation.new:
        raise ValueError(f"{mutation.name}: its old text is {found} times in {mutation.file}, not once.")


def run(copy: Path, red: Sequence[str]) -> Ran:
    """Run pytest on these in the copy, which is also what kernels and processes import."""
    options = FOR_NOTEBOOKS if any(".ipynb" in one for one in red) else FOR_TESTS
    with tempfile.TemporaryDirectory(prefix="lab-mutation-") as data:
        environ = os.environ | {"PYTHONPATH": str(copy), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        environ |= {"LAB_DATA": data, "PYTHONDONTWRITEBYTECODE": "1"}
        (copy / "result.xml").unlink(missing_ok=True)
        command = [sys.executable, *PYTEST, *options, *red]
        try:
            ended = subprocess.run(
                command, cwd=copy, env=environ, capture_output=True, text=True, timeout=LIMIT
            )
        except subprocess.TimeoutExpired:
            return Ran(-1, 0, "", f"no end within {LIMIT} s", 1)
    return _outcome(ended, copy / "result.xml")


def _outcome(ended: subprocess.CompletedProcess[str], report: Path) -> Ran:
    if not report.exists():  # pytest did not come so far
        return Ran(ended.returncode, 0, "", (ended.stdout + ended.stderr)[-500:], 1)
    suite = next(ET.parse(report).iter("testsuite"))
    failed = [(case, fault) for case in suite.iter("testcase") for fault in case.iter("failure")]
    name = f"{failed[0][0].get('classname')}::{failed[0][0].get('name')}" if failed else ""
    message = "".join(failed[0][1].itertext()) if failed else ended.stdout[-500:]
    return Ran(ended.returncode, int(suite.get("tests", 0)), name, message, int(suite.get("errors", 0)))


def tried(copy: Path, mutation: Mutation, red: Sequence[str]) -> Ran:
    """How these run when the copy has this mutation, and no other."""
    file = copy / mutation.file
    text = file.read_text("utf-8")
    file.write_text(mutated(mutation, text), "utf-8")
    try:
        return run(copy, red)
    finally:
        file.write_text(text, "utf-8")
