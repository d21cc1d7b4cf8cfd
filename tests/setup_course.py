"""What the tests of set-up share: a small course in a temporary folder, and a lab that really runs there."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from labsupport.setup.environment import expected_stamp, stamp_path
from labsupport.setup.problem import ROOT

BARE_PYTHON = getattr(sys, "_base_executable", sys.executable)  # the Python that .venv was made from
ADDRESS = re.compile(r"(http://\S+?)/lab\S*\?token=(\w+)")


def make_course(folder: Path) -> Path:
    """The package, the requirements and two tiny lessons: what set-up needs of a clone."""
    course = folder / "course"
    shutil.copytree(ROOT / "labsupport", course / "labsupport", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, course / name)
    (course / "notebooks" / "data").mkdir(parents=True)
    (course / "notebooks" / "data" / "trace.csv").write_text("at,key\n0,course:204\n")
    for name in ("00-start-here", "01-one-process"):
        empty = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (course / "notebooks" / f"{name}.ipynb").write_text(json.dumps(empty))
    return course


def finished_environment(course: Path) -> None:
    """A complete .venv in a second instead of a minute: it borrows the packages that run these tests."""
    venv = course / ".venv"
    subprocess.run([BARE_PYTHON, "-m", "venv", "--without-pip", venv], check=True)
    [packages] = venv.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (venv / "share").symlink_to(Path(sys.prefix) / "share")
    version = "{}.{}".format(*sys.version_info[:2])
    stamp_path(course).write_text(expected_stamp(course, version))


def surroundings(home: Path, **more: str) -> dict[str, str]:
    """An environment with an empty home, so that nobody's own Jupyter settings take part."""
    home.mkdir(exist_ok=True)
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "VIRTUAL_ENV"))
    }
    return {**kept, "HOME": str(home), **more}


def labsupport(
    course: Path, *words: str, python: str = BARE_PYTHON, **options
) -> subprocess.CompletedProcess[str]:
    """Run one command of the course as a learner would, and wait for its end."""
    command = [python, "-m", "labsupport", *words]
    return subprocess.run(command, cwd=course, capture_output=True, text=True, timeout=120, **options)


class RunningLab:
    """A lab that is up: its process, its address, its token, and the seconds it took."""

    def __init__(self, process: subprocess.Popen[str], output: Path) -> None:
        self.process, self._output, began = process, output, time.monotonic()
        wait_for(self._printed_address, process)
        self.address, self.token = ADDRESS.search(self.text()).groups()
        wait_for(lambda: self.status("/api") is not None, process)
        self.seconds = time.monotonic() - began

    def text(self) -> str:
        return self._output.read_text()

    def _printed_address(self) -> bool:
        return ADDRESS.search(self.text()) is not None

    def status(self, path: str) -> int | None:
        """The HTTP status of a request without the token; None while nobody answers."""
        try:
            return build_opener(_StayHere).open(self.address + path, timeout=10).status
        except HTTPError as error:
            return error.code
        except URLError:
            return None

    def json(self, path: str):
        """What the server answers to a request with the token."""
        request = Request(self.address + path, headers={"Authorization": f"token {self.token}"})
        return json.load(build_opener().open(request, timeout=10))


class _StayHere(HTTPRedirectHandler):
    def redirect_request(self, *_):  # a redirect to the login page is an answer, not a way in
        return None


def wait_for(condition, process: subprocess.Popen[str], seconds: float = 30) -> None:
    """Poll until the condition holds; fail when the process ends or the deadline passes first."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "the process ended early"
        assert time.monotonic() < deadline, "nothing happened within the deadline"
        time.sleep(0.05)


@contextlib.contextmanager
def running_lab(course: Path, *words: str, **more: str) -> Iterator[RunningLab]:
    """`python3 -m labsupport lab --no-browser` in that course, ended at the latest when the block ends."""
    output = course.parent / "output.txt"
    command = [BARE_PYTHON, "-m", "labsupport", "lab", "--no-browser", *words]
    with output.open("w") as sink:
        env = surroundings(course.parent / "home", **more)
        process = subprocess.Popen(
            command, cwd=course, env=env, stdout=sink, stderr=sink, stdin=subprocess.DEVNULL
        )
    try:
        yield RunningLab(process, output)
    finally:
        process.kill()
        process.wait()
