"""The command line: which commands there are, and what each one calls."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from labsupport.setup import doctor, launch
from labsupport.setup.children import become, run_child
from labsupport.setup.environment import add_packages, ensure, has_every_pin, inside, is_ready, venv_python
from labsupport.setup.problem import ROOT, SetupProblem

SIDE_BY_SIDE = ["-n", "3"]  # three processes share all the tests, see tests/side_by_side.py


def lab(root: Path, arguments: list[str]) -> int:
    """opens the course in JupyterLab (--no-browser, --port N); the first time it sets everything up"""
    return launch.start(root, arguments)


def test(root: Path, arguments: list[str]) -> int:
    """runs every test, the notebooks included; or gives pytest your own words, such as -k ttl"""
    python, words = ensure(root), arguments or SIDE_BY_SIDE
    with tempfile.TemporaryDirectory(prefix="lab-data-") as data:  # never the learner's own progress
        return run_child([str(python), "-m", "pytest", *words], root, {**os.environ, "LAB_DATA": data})


def check(root: Path, arguments: list[str]) -> int:
    """says what is missing on this machine, and what to do about it"""
    if not has_every_pin(root) and not inside(root) and is_ready(root):
        return _again_in(venv_python(root), root, ["doctor"])
    return doctor.examine(root)


def refresh(root: Path, arguments: list[str]) -> int:
    """for authors: rebuilds the notebooks from notebooks/src (NN: one; --check: only compares)"""
    python = ensure(root)
    if not _is_running(python, root):
        return _again_in(python, root, ["refresh", *arguments])
    from labsupport.build import main

    return main(arguments)


def site(root: Path, arguments: list[str]) -> int:
    """builds a static site of the executed notebooks in site/ (--out FOLDER); it opens offline"""
    python = ensure(root)
    if not _is_running(python, root):
        return _again_in(python, root, ["site", *arguments])
    from labsupport.errors import BadArgument
    from labsupport.site.make import main

    try:
        return main(root, arguments)
    except BadArgument as error:
        raise SetupProblem(str(error)) from None


def reset(root: Path, arguments: list[str]) -> int:
    """clears your predictions and answers, and your own keys on a REDIS_URL server; your notebooks stay"""
    python = ensure(root)
    if not _is_running(python, root):
        return _again_in(python, root, ["reset"])
    from labsupport.errors import LabError
    from labsupport.lab import reset_learner

    try:
        print(reset_learner())
    except LabError as error:
        raise SetupProblem(str(error)) from None
    return 0


def workshop(root: Path, arguments: list[str]) -> int:
    """a hub, a class Redis and a hand-out for a room of learners (--learners 30; --help says more)"""
    from labsupport.workshop import options

    options.check(root, arguments)
    python = ensure(root)
    if not _is_running(python, root):
        return _again_in(python, root, ["workshop", *arguments])
    add_packages(root, root / "labsupport" / "workshop" / "requirements.txt")
    from labsupport.workshop.command import main

    return main(root, arguments)


COMMANDS = {
    "lab": lab,
    "test": test,
    "doctor": check,
    "reset": reset,
    "workshop": workshop,
    "refresh": refresh,
    "site": site,
}


def _is_running(python: Path, root: Path) -> bool:
    return python == Path(sys.executable) or inside(root)


def _again_in(python: Path, root: Path, words: list[str]) -> int:
    return become([str(python), "-m", "labsupport", *words], root, os.environ)


def usage() -> str:
    """The commands, one line each."""
    lines = [f"  {name:8} {command.__doc__}" for name, command in COMMANDS.items()]
    return "\n".join(["usage: python3 -m labsupport COMMAND", "", *lines])


def run(arguments: list[str], root: Path = ROOT) -> int:
    """Run one command; what set-up cannot solve becomes one sentence and exit code 1."""
    name, *rest = arguments or ["help"]
    if name in ("help", "-h", "--help"):
        print(usage())
        return 0
    if name not in COMMANDS:
        print(f"There is no command {name!r}.\n{usage()}", file=sys.stderr)
        return 2
    try:
        return COMMANDS[name](root, rest)
    except SetupProblem as problem:
        print(problem, file=sys.stderr)
        return 1
    except OSError as error:
        where = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        print(
            f"A file or folder cannot be used ({where}); make it yours to write, or move it out of the way, "
            "and run the same command again.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("\nStopped; run the same command again to go on.", file=sys.stderr)
        return 130
