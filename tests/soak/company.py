"""Company: ten notebooks at once on one server of somebody else's, and nobody notices anybody.

Ten kernels start together on one server with a password, which holds 10,000 keys of its owner. Every output
has to be the committed one, each key of a notebook under that notebook's own namespace, and none without a
deadline when no cell runs; in the end the owner's keys are as they were and nobody else's are left. Then ten
again, of which some run the same notebook, one is killed between two cells, and one in the middle of a cell.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import unquote

import nbformat
import psutil
import redis
from nbclient.exceptions import DeadKernelError

sys.path.insert(1, str(Path(__file__).parents[1]))

import strangers
from known_servers import known
from servers import becomes_true, contents, foreign_server

from labsupport import build

OWNER = "owner"  # the name of our connections
PASSWORD = "their word: §/#?@%"
FIRST = """import os, pathlib
os.environ["LAB_DATA"] = {folder!r}
pathlib.Path({folder!r}, "pid").write_text(str(os.getpid()))"""
LAST = "\nimport os, signal; os.kill(os.getpid(), signal.SIGKILL)"
WAIT = 300  # seconds for ten kernels to start, and for each of their cells: speed is no claim here


class Learner(threading.Thread):
    """One kernel that runs one notebook, with a folder of its own; `wrong` tells what did not hold."""

    def __init__(self, source: Path, folder: Path, owner: redis.Redis) -> None:
        """`owner`: a client that sees everything on the server."""
        super().__init__(daemon=True)
        self.source, self._folder, self._owner = source, folder, owner
        self._seen: set[str] = set()
        self.gate: threading.Barrier
        self.jupyters: set[tuple[str, int]] = set()  # where the kernel listens by itself
        self.doors: set[tuple[str, int]] = set()  # and where else
        self.wrong: list[str] = []
        self.moments = self.deadlines = 0  # how often no cell ran, and how many deadlines were found then
        folder.mkdir()

    def run(self) -> None:
        """Until the notebook's end, or the kernel's."""
        try:
            self._compare(self.notebook())
        except DeadKernelError:
            self._bury()
        except Exception as error:  # whatever it is, it belongs into the report
            self.wrong.append(f"{type(error).__name__}: {' '.join(str(error).split())[-400:]}")

    def _bury(self) -> None:
        self.wrong.append("its kernel died")

    def notebook(self) -> nbformat.NotebookNode:
        """What it runs."""
        notebook = build.read_source(self.source)
        notebook.cells.insert(0, nbformat.v4.new_code_cell(FIRST.format(folder=str(self._folder))))
        return notebook

    def namespaces(self) -> set[str]:
        """All that this kernel has had so far: it notes each before it writes a key."""
        self._seen |= {unquote(note.name) for note in self._folder.glob("namespaces/*")}
        return set(self._seen)  # as another thread may add to it

    def left(self) -> dict[bytes, int]:
        """Its keys that are on the server now, with the milliseconds that each has left; -1: for ever."""
        keys = [k for space in self.namespaces() for k in self._owner.scan_iter(f"{space}:*", 10_000)]
        with self._owner.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.pttl(key)
            return dict(zip(keys, pipe.execute(), strict=True))

    def look_at_doors(self, before_all: bool = False) -> None:
        """Where its processes listen, and what their command lines say, both of which anybody may see.

        `before_all`: no cell of the notebook has run yet, so these ports are Jupyter's own.
        """
        with contextlib.suppress(psutil.Error, OSError, ValueError):  # it begins, or it has ended
            kernel = psutil.Process(self._pid())
            family = [kernel, *kernel.children(recursive=True)]
            ports = {c.laddr for one in family for c in one.net_connections("inet") if c.status == "LISTEN"}
            if before_all:
                self.jupyters = ports
                _expect_shut(ports, kernel.cmdline())
            elif self.jupyters:
                self.doors |= ports - self.jupyters
            if PASSWORD in str([one.cmdline() for one in family]):
                self.wrong.append("the password is on a command line")

    def _pid(self) -> int:
        return int((self._folder / "pid").read_text())

    def kill(self) -> None:
        """SIGKILL to the kernel."""
        os.kill(self._pid(), signal.SIGKILL)

    def reset(self) -> str:
        """What a learner types after a crash, and what it says."""
        words = [sys.executable, "-m", "labsupport", "reset"]
        environ = {**os.environ, "LAB_DATA": str(self._folder)}
        told = subprocess.run(words, env=environ, cwd=build.NOTEBOOKS.parent, capture_output=True, text=True)
        return told.stdout + told.stderr

    def _compare(self, notebook: nbformat.NotebookNode) -> None:
        hooks = {"on_cell_execute": self._before, "on_cell_executed": self._after}
        rebuilt = build.run(notebook, timeout=WAIT, **hooks)
        rebuilt.cells.pop(0)
        if PASSWORD in nbformat.writes(rebuilt):
            self.wrong.append("the password is in an output")
        committed = nbformat.read(build.built(self.source), as_version=4)
        self.wrong += build.differences(build.keep_measurements(rebuilt, committed), committed)

    def _before(self, cell: nbformat.NotebookNode, cell_index: int) -> None:
        if cell_index == 0:
            self.gate.wait(WAIT)

    def _after(self, cell: nbformat.NotebookNode, cell_index: int, execute_reply: object) -> None:
        """No cell of it runs: then all its keys have a deadline."""
        self.look_at_doors(before_all=cell_index == 0)
        self.moments += 1
        left = self.left()
        self.deadlines += len(left)
        if forever := [key for key, ms in left.items() if ms == -1]:
            self.wrong.append(f"after cell {cell_index} no deadline has {forever[:3]}")


def _expect_shut(ports: set[tuple[str, int]], command: list[str]) -> None:
    """Jupyter's messages are signed with a key in a file of its user alone."""
    file = Path(next(word for word in command if word.endswith(".json")))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and json.loads(file.read_text())["key"]
    assert {ip for ip, _ in ports} == {"127.0.0.1"}


class Victim(Learner):
    """One whose kernel is killed between two cells, as soon as it has keys; then its learner resets."""

    where = "between two cells"
    killed = 0  # how many keys the kill left behind

    def _after(self, cell: nbformat.NotebookNode, cell_index: int, execute_reply: object) -> None:
        super()._after(cell, cell_index, execute_reply)
        if self.deadlines:
            self.kill()

    def _bury(self) -> None:
        left = self.left()
        self.killed, told = len(left), self.reset()
        said = re.fullmatch(r"(\d+) keys of yours are deleted .*", told.strip())
        if not said or not self._expects(left, int(said[1])):
            self.wrong.append(f"killed with {self.killed} keys, it was told: {told.strip()[-200:]}")
        if self.left():
            self.wrong.append("reset left some keys")

    def _expects(self, left: dict[bytes, int], deleted: int) -> bool:
        """Between two cells every key has a day more, so that none was gone before reset came."""
        return -1 not in left.values() and deleted == self.killed > 0


class VictimInACell(Victim):
    """One that is killed at the end of a cell that has written: its keys may have no deadline yet."""

    where = "in the middle of a cell"

    def notebook(self) -> nbformat.NotebookNode:
        """With one more line."""
        notebook = super().notebook()
        writing = [c for c in notebook.cells if c.cell_type == "code" and "lab.keys.name(" in c.source]
        writing[-1].source += LAST
        return notebook

    def _after(self, cell: nbformat.NotebookNode, cell_index: int, execute_reply: object) -> None:
        Learner._after(self, cell, cell_index, execute_reply)

    def _expects(self, left: dict[bytes, int], deleted: int) -> bool:
        """One with a deadline may have been gone before reset came."""
        return 0 < deleted <= self.killed


class Watch(threading.Thread):
    """Looks at every key on the server again and again: each is the owner's or belongs to one learner."""

    def __init__(self, client: redis.Redis, theirs: set[bytes], learners: Sequence[Learner]) -> None:
        super().__init__(daemon=True)
        self._client, self._theirs, self._learners = client, theirs, learners
        self.over = threading.Event()
        self.looks = self.keys = self.at_once = 0
        self.wrong: set[str] = set()

    def run(self) -> None:
        """Until `over`."""
        try:
            while not self.over.wait(0.05):
                self._look([key for key in self._client.scan_iter(count=10_000) if key not in self._theirs])
                for one in self._learners:
                    one.look_at_doors()
        except Exception as error:  # nobody would look any more
            self.wrong.add(f"the watch ended: {type(error).__name__}: {error}")

    def _look(self, keys: list[bytes]) -> None:
        spaces = [(f"{space}:".encode(), one) for one in self._learners for space in one.namespaces()]
        owners = [{one for space, one in spaces if key.startswith(space)} for key in keys]
        stray = [key for key, of in zip(keys, owners, strict=True) if len(of) != 1]
        self.wrong |= {f"not of exactly one learner: {key!r}" for key in stray}
        self.looks, self.keys = self.looks + 1, self.keys + len(keys)
        self.at_once = max(self.at_once, len(set().union(*owners)))


def meet(url: str, make: Callable[[Path, redis.Redis], list[Learner]]) -> list[str]:
    """Let them all run at once beside the owner's keys; prints what was seen, returns what was wrong."""
    client = redis.Redis.from_url(url, protocol=2, client_name=OWNER)
    with client as owner, tempfile.TemporaryDirectory() as folder:
        owner.flushall()
        theirs = strangers.settle(owner)
        before, since = contents(owner, theirs), time.monotonic()
        learners = make(Path(folder), owner)
        watch = _run_all(learners, Watch(owner, theirs, learners))
        took, visited = time.monotonic() - since, strangers.visited(owner, theirs, since)
        wrong = [f"{one.source.stem}: {what}" for one in learners for what in one.wrong]
        alive = [one for one in learners if isinstance(one, Victim) and not one.killed]
        wrong += [f"{one.source.stem} was not killed" for one in alive]
        wrong += [f"{one.source.stem} listened at {one.doors}" for one in learners if _too_open(one)]
        wrong += sorted(watch.wrong)
        _report(learners, watch, took)
        return wrong + _after_all(owner, theirs, before, visited)


def _too_open(one: Learner) -> bool:
    """Only 08 has a port of its own, on loopback: the link of its replica, which turns others away."""
    outside = {ip for ip, _ in one.doors} - {"127.0.0.1"}
    return bool(outside or (one.doors and one.source.stem[:2] != "08"))


def _run_all(learners: list[Learner], watch: Watch) -> Watch:
    gate = threading.Barrier(len(learners))
    for one in learners:
        one.gate = gate
        one.start()
    watch.start()
    for one in learners:
        one.join()
    watch.over.set()
    watch.join()
    return watch


def _report(learners: list[Learner], watch: Watch, took: float) -> None:
    equal = sum(not one.wrong for one in learners if not isinstance(one, Victim))
    print(f"{len(learners)} kernels at once, {took:.0f} s: {equal} gave exactly the committed outputs")
    print(f"  {sum(one.moments for one in learners)} moments between two cells:", end=" ")
    print(f"{sum(one.deadlines for one in learners):,} keys found then, and their deadlines looked at")
    print(f"  {watch.looks:,} looks at all keys, {watch.keys:,} of a learner seen;", end=" ")
    print(f"up to {watch.at_once} learners had keys at the same time")
    doors = [one.source.stem[:2] for one in learners for _ in one.doors]
    print(f"  ports seen beside the kernels' own: {len(doors)} ({', '.join(doors) or 'of nobody'})")
    for one in learners:
        if isinstance(one, Victim):
            print(f"  {one.source.stem}: killed {one.where}, left {one.killed} keys, then reset")


def _after_all(
    owner: redis.Redis, theirs: set[bytes], before: object, visited: dict[bytes, int]
) -> list[str]:
    """What is not as it was before they came."""
    wrong = (
        [f"{len(visited)} keys of the owner were read, such as {[*visited.items()][:3]}"] if visited else []
    )
    if contents(owner, theirs) != before:
        wrong.append("one of the owner's keys has another content or deadline")
    if set(owner.scan_iter(count=10_000)) != theirs:
        wrong.append("a key of a learner is left")
    if not becomes_true(lambda: {one["name"] for one in owner.client_list()} == {OWNER}):
        wrong.append("a connection is left")
    print(f"  the owner's {len(theirs):,} keys: {'; '.join(wrong) or 'as they were, and read by nobody'}")
    return wrong


def invited(names: Sequence[str], only: list[str]) -> Callable[[Path, redis.Redis], list[Learner]]:
    """Makes a learner for each number of a notebook; one with a word behind it is to be killed."""
    sources = {source.stem[:2]: source for source in build.sources()}

    def make(folder: Path, owner: redis.Redis) -> list[Learner]:
        learners = []
        for seat, name in enumerate(names):
            number, _, kill = name.partition(" ")
            if not only or number in only:
                kind = {"": Learner, "between": Victim, "amid": VictimInACell}[kill]
                learners.append(kind(sources[number], folder / f"{seat}-{number}", owner))
        return learners

    return make


EACH = [f"{number:02d}" for number in range(10)]
TROUBLED = ["03", "03", "04", "04", "05 amid", "06 between", "00", "07", "08", "09"]


def main() -> int:
    """Run both; 1 if something did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[], metavar="NN", help="these notebooks, not all ten")
    parser.add_argument("--server", choices=(servers := known()), default=next(reversed(servers)))
    options = parser.parse_args()
    print(f"Company on {options.server}", flush=True)
    with foreign_server(PASSWORD, servers[options.server]) as url:
        os.environ["REDIS_URL"] = url
        wrong = [what for names in (EACH, TROUBLED) for what in meet(url, invited(names, options.only))]
    print("\n".join(wrong) or "Company holds.")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
