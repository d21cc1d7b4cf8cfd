"""One run of the strict nbval series in a place of its own: which server, what came of it, what is left."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import redis
from known_servers import known
from servers import becomes_true, foreign_server

from labsupport.setup.problem import ROOT

TOO_OLD_FOR_A_CLASS = {"redis-6.2"}  # its dashboard, which is no lesson, then says so in one sentence
STRICT = ["-m", "pytest", "-q", "-p", "no:cacheprovider"]  # of notebooks: pyproject.toml adds nbval
TWO_AT_A_TIME = ["-n", "2", "--dist", "loadfile"]
COMPUTE = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(100_000))"


@dataclass(frozen=True)
class Run:
    """One to be made: on which server, whether by REDIS_URL, whether the cores are kept busy."""

    server: str
    foreign: bool = False
    busy: bool = False

    @property
    def where(self) -> str:
        """The server, and whose it is."""
        return f"{self.server} by REDIS_URL" if self.foreign else self.server


@dataclass
class Outcome:
    """What became of it: pytest's last words, and everything that is wrong."""

    said: str
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


def notebooks(server: str) -> list[Path]:
    """All of the series, and the dashboard of a class where the server can serve one."""
    lessons = sorted((ROOT / "notebooks").glob("*.ipynb"))
    dashboards = sorted((ROOT / "notebooks" / "teaching").glob("*.ipynb"))
    return lessons + (dashboards if server not in TOO_OLD_FOR_A_CLASS else [])


def make(run: Run, log: Path) -> Outcome:
    """Run the series in a place of its own, all its words in `log`, and look what it leaves there."""
    began = time.monotonic()
    place = Path(tempfile.mkdtemp(prefix="series-"))
    (place / "tmp").mkdir()
    try:
        with busy_cores() if run.busy else contextlib.nullcontext():
            outcome = _somewhere(run, place, log)
        outcome.wrong += left_over(place)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    outcome.seconds = time.monotonic() - began
    return outcome


def _somewhere(run: Run, place: Path, log: Path) -> Outcome:
    """On this server, as the lab's own or as somebody else's with a key of theirs in it."""
    program = known()[run.server]
    if not run.foreign:
        return _compared(run.server, surroundings(place, program), log)
    with foreign_server("s3cret", program) as url, redis.Redis.from_url(url, protocol=2) as owner:
        owner.set("theirs", 1)
        came = owner.info("stats")["total_connections_received"]
        outcome = _compared(run.server, surroundings(place, program, url), log)
        if owner.info("stats")["total_connections_received"] == came:
            outcome.wrong.append("nobody asked the server that REDIS_URL names")
        if owner.keys() != [b"theirs"]:
            outcome.wrong.append(f"on that server are {owner.dbsize()} keys instead of 1")
    return outcome


def surroundings(place: Path, program: str, url: str = "") -> dict[str, str]:
    """The environment of a learner who begins: this server and no other, and this tree's package."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("LAB_", "REDIS_", "PYTEST_"))}
    own = {"LAB_DATA": str(place / "data"), "TMPDIR": str(place / "tmp"), "LAB_REDIS_SERVER": program}
    return {**kept, **own, "PYTHONPATH": str(ROOT), **({"REDIS_URL": url} if url else {})}


def _compared(server: str, environ: dict[str, str], log: Path) -> Outcome:
    """Strict nbval of all notebooks in this environment."""
    paths = notebooks(server)
    scratch = Path(environ["TMPDIR"]).with_name("pytest")  # what pytest keeps is not what the notebooks leave
    names = [str(path.relative_to(ROOT)) for path in paths]
    with log.open("w") as words:
        process = subprocess.Popen(
            [sys.executable, *STRICT, *TWO_AT_A_TIME, f"--basetemp={scratch}", *names],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for this program, which then ends it
        )
        with _ended(process):
            used = _servers_used(process)
    cells = sum(c["cell_type"] == "code" for p in paths for c in json.loads(p.read_text())["cells"])
    return judged(log.read_text(errors="replace"), process.returncode, cells, used, server)


def judged(log: str, status: int, cells: int, used: set[str], server: str) -> Outcome:
    """Whether every cell passed, and on this server alone."""
    said = re.findall(r"^=* ?(\d+ [a-z]+.*) in [\d.]+s", log, re.M)[-1:] or ["no result"]
    outcome = Outcome(said[0])
    if (status, said[0]) != (0, f"{cells} passed"):
        outcome.wrong.append(f"all {cells} cells have to pass, and pytest ended with status {status}")
    if used != {server}:
        outcome.wrong.append(f"the servers that ran were {', '.join(sorted(used)) or 'none'}")
    return outcome


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """The process is gone when the block ends, also if something interrupted it."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)  # pytest ends its processes, and they their kernels
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()
            process.wait()


def _servers_used(process: subprocess.Popen[bytes]) -> set[str]:
    """Wait for the process; the names of the servers that were seen running below it meanwhile."""
    names = {str(Path(program).resolve()): name for name, program in known().items()}
    used: set[str] = set()
    while process.poll() is None:
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(process.pid).children(recursive=True):
                used |= {names[program] for program in [_program(child)] if program in names}
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.2)
    return used


def _program(process: psutil.Process) -> str:
    try:
        return process.exe()
    except psutil.Error:  # it has just ended
        return ""


@contextlib.contextmanager
def busy_cores() -> Iterator[None]:
    """As many processes as cores that only compute. They end with the block, and with this program."""
    running = [subprocess.Popen([sys.executable, "-c", COMPUTE]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
        assert all(each.poll() is None for each in running), "a busy process ended by itself"
    finally:
        for each in running:
            each.kill()
            each.wait()


def left_over(place: Path) -> list[str]:
    """What a run has left: processes that were started for it (now ended), and temporary files."""
    wrong = []
    if not becomes_true(lambda: not processes_of(place)):
        left = processes_of(place)
        wrong.append(f"{len(left)} processes were left: {', '.join(each.info['name'] for each in left)}")
        for each in left:
            each.kill()
    names = sorted(path.name for path in (place / "tmp").iterdir())
    return wrong + ([f"temporary files were left: {', '.join(names)}"] if names else [])


def processes_of(place: Path) -> list[psutil.Process]:
    """Everything that runs in this place, or has it as its temporary folder."""
    found = []
    for process in psutil.process_iter(["name", "cwd", "environ", "status"]):
        info = process.info
        inside = Path(info["cwd"] or "/").is_relative_to(place)
        told = (info["environ"] or {}).get("TMPDIR") == str(place / "tmp")
        if (inside or told) and info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found
