"""The course's own Python environment in .venv: made once, kept while its stamp fits, healed when broken."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from labsupport.setup.children import run_child, run_child_hearing
from labsupport.setup.pins import differences, unmet
from labsupport.setup.problem import SetupProblem

if sys.platform != "win32":
    import fcntl

NEEDED_BYTES = 1_000_000_000
UNFINISHED = "unfinished"
ASK = "import sys; print(sys.prefix); print('%d.%d' % sys.version_info[:2])"


def ensure(root: Path) -> Path:
    """The Python to run the course with: this one if it has every pin, else .venv's, made or mended now."""
    if has_every_pin(root):
        return Path(sys.executable)
    if not is_ready(root):
        build(root)
    return venv_python(root)


def has_every_pin(root: Path) -> bool:
    """Whether the running Python can be used as it is. Our own .venv is judged by its stamp instead."""
    return not (inside(root) and stamp_path(root).exists()) and not differences(root)


def inside(root: Path) -> bool:
    """Whether the running Python is the one in .venv."""
    return Path(sys.prefix).resolve() == (root / ".venv").resolve()


def venv_python(root: Path) -> Path:
    """Where .venv keeps its Python."""
    return root / ".venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def stamp_path(root: Path) -> Path:
    """The file that says what .venv was made from; `unfinished` while it is being made."""
    return root / ".venv" / "course-stamp.json"


def expected_stamp(root: Path, version: str) -> str:
    """What the stamp says when .venv is complete: a new pin, Python or place of the folder changes it."""
    pins = hashlib.sha256((root / "requirements.txt").read_bytes()).hexdigest()
    return json.dumps({"requirements": pins, "python": version, "folder": str(root)}, indent=1)


def is_ready(root: Path) -> bool:
    """Whether .venv is complete, works, and is what requirements.txt asks for."""
    version = working_version(root)
    return version is not None and _stamp(root) == expected_stamp(root, version)


def working_version(root: Path) -> str | None:
    """The version that .venv's Python gives; None if it does not run or is no .venv any more."""
    try:
        answer = subprocess.run([venv_python(root), "-c", ASK], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    prefix, _, version = answer.stdout.strip().partition("\n")
    same = answer.returncode == 0 and Path(prefix).resolve() == (root / ".venv").resolve()
    return version if same else None


def build(root: Path) -> None:
    """Make or mend .venv. The stamp comes last, so whatever interrupts this is noticed at the next start."""
    check_disk(root)
    with one_at_a_time(root):
        if is_ready(root):  # another terminal made it while this one waited
            return
        print("Setting up the course in .venv: one to three minutes, this once.", flush=True)
        if not _can_be_kept(root):
            _make(root)
        _install_and_stamp(root)
        print("Set-up is complete; the next start takes seconds.", flush=True)


def check_disk(root: Path) -> None:
    """Refuse to begin what the disk cannot hold."""
    free = shutil.disk_usage(root).free
    if free < NEEDED_BYTES:
        raise SetupProblem(
            f"The disk is too full: {free // 1_000_000} MB are free where {root} lies and the course needs "
            "about 1,000 MB; make room, then run the same command again."
        )


def check_venv_module(find: Callable[[str], object] = importlib.util.find_spec) -> None:
    """Debian and Ubuntu ship Python without the part that makes environments."""
    if find("venv") is None or find("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SetupProblem(
            f"This Python {version} cannot make an environment, because its venv module is missing; "
            f"install it (on Debian: sudo apt install python{version}-venv) and run the same command again."
        )


@contextlib.contextmanager
def one_at_a_time(root: Path) -> Iterator[None]:
    """Two terminals must not build one .venv at once: the second waits here for the first."""
    with (root / "requirements.txt").open("rb") as held:
        if sys.platform != "win32":
            with contextlib.suppress(OSError):  # some network disks know no locks
                fcntl.flock(held, fcntl.LOCK_EX)
        yield


def add_packages(root: Path, requirements: Path) -> None:
    """Once, what a command needs beyond the course; only in our own .venv. Run by the lab's Python."""
    if not unmet(requirements):
        return
    if not inside(root):
        raise SetupProblem(
            f"This command needs a few packages more: run {sys.executable} -m pip install -r {requirements}, "
            "then the same command again."
        )
    print("Adding what a workshop needs: half a minute, this once.", flush=True)
    install(root, str(requirements))


def install(root: Path, requirements: str = "requirements.txt") -> None:
    """Run pip on these requirements, its progress visible; its last error line ends in ours."""
    errors = ["no reason given"]

    def hear(line: str) -> None:
        text = line.strip()  # indented, where pip builds a package in a process of its own
        if text.startswith("ERROR: "):
            errors.append(text.removeprefix("ERROR: "))

    pip = [str(venv_python(root)), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    if run_child_hearing([*pip, "install", "-r", requirements], root, hear) != 0:
        raise SetupProblem(
            f"The packages could not be installed (pip says: {errors[-1].rstrip('.')}); check the network "
            "connection, and the proxy if there is one, then run the same command again: "
            "what was already downloaded is kept."
        )


def _stamp(root: Path) -> str | None:
    try:
        return stamp_path(root).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _install_and_stamp(root: Path) -> None:
    before = _stamp(root)
    _write_stamp(root, UNFINISHED)
    try:
        install(root)
    except SetupProblem:  # pip gave up in good order, so what was there is still whole
        _write_stamp(root, before)
        raise
    _write_stamp(root, expected_stamp(root, working_version(root) or ""))


def _write_stamp(root: Path, text: str | None) -> None:
    if text is None:
        stamp_path(root).unlink(missing_ok=True)
    else:
        stamp_path(root).write_text(text, encoding="utf-8")


def _can_be_kept(root: Path) -> bool:
    """Whether pip can go on in the .venv that is there: it works, and no set-up was cut off in its middle."""
    version = working_version(root)
    if version is None or _stamp(root) == UNFINISHED:
        return False
    if tuple(map(int, version.split("."))) < (3, 11):
        raise SetupProblem(
            f"The .venv in this folder was made with Python {version}, which is too old for the course; "
            "delete the folder .venv, then run the same command again."
        )
    return _has_pip(root)


def _has_pip(root: Path) -> bool:
    """Some tools make a .venv without pip; the standard library can add it."""
    python = str(venv_python(root))
    words = (["-m", "pip", "--version"], ["-m", "ensurepip"])
    return any(subprocess.run([python, *some], capture_output=True).returncode == 0 for some in words)


def _make(root: Path) -> None:
    check_venv_module()
    place = root / ".venv"
    if place.exists():
        shutil.rmtree(place)
    place.mkdir()
    _write_stamp(root, UNFINISHED)
    base = getattr(sys, "_base_executable", sys.executable)  # we may be running from the .venv that just went
    if run_child([base, "-m", "venv", str(place)], root) != 0:
        raise SetupProblem(
            f"Python could not make the environment {place}; the lines above say why; "
            "mend that, then run the same command again."
        )
    _write_stamp(root, None)
