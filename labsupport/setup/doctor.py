"""`doctor`: what the lab needs, one line each, and what to do about what is missing, on a bare Python too."""

from __future__ import annotations

import platform
import shutil
import sys
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from labsupport.setup.browsers import NONE_FOUND, find_browser
from labsupport.setup.environment import NEEDED_BYTES, check_disk, check_venv_module, has_every_pin, is_ready
from labsupport.setup.pins import differences
from labsupport.setup.problem import SetupProblem


class Finding(NamedTuple):
    """One thing looked at: its name, what was found, and whether the lab can run with it."""

    name: str
    said: str
    fine: bool = True
    needed: bool = True

    def __str__(self) -> str:
        return f"{'ok' if self.fine else 'problem':8} {self.name}: {self.said}"


def examine(root: Path) -> int:
    """Print one line for each thing the lab needs; 0 if the lab can run, else 1."""
    can_run = True
    for finding in findings(root):
        print(finding, flush=True)
        can_run = can_run and (finding.fine or not finding.needed)
    return 0 if can_run else 1


def findings(root: Path) -> Iterator[Finding]:
    """Everything that is looked at, in the order in which set-up needs it."""
    complete = has_every_pin(root) or is_ready(root)
    yield Finding("Python", f"{platform.python_version()} at {sys.executable}")
    yield _checked("venv module", "can make environments", check_venv_module, needed=not complete)
    yield _checked("disk", _free(root), lambda: check_disk(root), needed=not complete)
    yield packages(root, complete)
    yield redis() if complete else Finding("Redis", "not looked for, as the packages come first", False)
    yield browser()


def _free(root: Path) -> str:
    free, needed = shutil.disk_usage(root).free // 1_000_000, NEEDED_BYTES // 1_000_000
    return f"{free:,} MB free, {needed:,} needed for set-up"


def _checked(name: str, good: str, check: Callable[[], None], needed: bool) -> Finding:
    """A check of set-up's own. Once set-up is done, the lab runs without what only set-up needs."""
    try:
        check()
    except SetupProblem as problem:
        return Finding(name, str(problem), False, needed)
    return Finding(name, good)


def packages(root: Path, complete: bool) -> Finding:
    """Whether every package has the version that the course was tested with."""
    if complete:
        return Finding("packages", "as in requirements.txt")
    wrong = differences(root)
    some = ", ".join(wrong[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
    remedy = "`python3 -m labsupport lab` installs what requirements.txt says"
    return Finding("packages", f"{some}; {remedy}", False)


def redis() -> Finding:
    """Which Redis the notebooks would use, why, and whether it really answers."""
    try:
        from labsupport.errors import LabError
        from labsupport.server import choose_server, open_server
    except ImportError as error:
        remedy = "delete the folder .venv and run `python3 -m labsupport lab`"
        return Finding("Redis", f"a package is damaged ({error}); {remedy}", False)
    try:
        choice = choose_server()
        open_server().close()
    except LabError as error:
        return Finding("Redis", str(error), False)
    return Finding("Redis", f"{choice.kind}, {choice.where}: {choice.why}")


def browser(
    find: Callable[[], object] = webbrowser.get, find_driven: Callable[[], Path | None] = find_browser
) -> Finding:
    """Whether a browser will open by itself, and which one the tests drive; the lab runs without either."""
    opens, said = True, "found; `lab` opens it"
    try:
        find()
    except webbrowser.Error:
        opens, said = False, "none opens by itself; `lab` prints an address to open in one of your choice"
    try:
        driven = find_driven()
    except SetupProblem as problem:
        return Finding("browser", f"{said}; {problem}", fine=False, needed=False)
    tests = f"the browser tests use {driven}" if driven else f"the browser tests are left out: {NONE_FOUND}"
    return Finding("browser", f"{said}; {tests}", opens, needed=False)
