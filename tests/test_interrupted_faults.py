"""Every cell that makes a fault or starts processes, interrupted at a random moment: nothing is left behind.

And it runs in full right afterwards, as do the cells below it. LAB_INTERRUPTS: how often each one is
interrupted, 1 if not set; LAB_SEED: another choice of moments.
"""

from __future__ import annotations

import os
import random
import re
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from jupyter_client.manager import start_new_kernel
from servers import becomes_true

from labsupport import build

TIMES = int(os.environ.get("LAB_INTERRUPTS", "1"))
SEED = int(os.environ.get("LAB_SEED", "5"))
START = 0.4  # seconds; a first interrupt comes within the start, where most can be left behind
MAKERS = {"FaultProxy", "Replica", "SpareServer", "Team", "killed_between", "rush"}
NOTEBOOKS = [source for source in build.sources() if source.stem[:2] in ("07", "08")]

PREPARE = """
import gc, multiprocessing.resource_tracker, os, signal, sys, threading
# As Jupyter interrupts: all processes of the kernel's group. From within, because an Interrupt that comes
# while the kernel itself is busy with a message is answered by nobody.
signal.signal(signal.SIGALRM, lambda *_: os.killpg(0, signal.SIGINT))
multiprocessing.resource_tracker.ensure_running()  # comes with the first process and stays
"""
FORGET = """
sys.last_value = sys.last_traceback = sys.last_exc = None
vars(get_ipython().InteractiveTB).update(tb=None, etype=None, evalue=None)
"""


class Kernel:
    """A Jupyter kernel whose temporary folder nobody else uses."""

    def __init__(self, folder: str) -> None:
        environ = {**os.environ, "TMPDIR": folder, "LAB_DATA": f"{folder}/data"}
        self.manager, self.client = start_new_kernel(env=environ, cwd=str(build.NOTEBOOKS))
        self.process, self._folder = psutil.Process(self.manager.provisioner.pid), Path(folder)
        self.run(PREPARE)

    def run(self, code: str, **asked: str) -> dict:
        """Run a cell; what the kernel replied."""
        settings = {"store_history": False, "allow_stdin": False, "stop_on_error": False}
        message = self.client.execute(code, user_expressions=asked, **settings)
        while True:
            reply = self.client.get_shell_msg(timeout=60)
            if reply["parent_header"]["msg_id"] == message:
                return reply["content"]

    def ask(self, expression: str) -> str:
        """An expression's value in the kernel, as text."""
        return self.run("", value=expression)["user_expressions"]["value"]["data"]["text/plain"]

    def possessions(self) -> dict:
        """What could be left behind."""
        threads = self.ask("(gc.collect(), threading.active_count())[1]")  # IPython lets go of the last error
        return {
            "threads": threads,
            "processes": sorted(child.pid for child in self.process.children(recursive=True)),
            "folders": sorted(path.name for path in self._folder.iterdir()),
            "sockets": len(self.process.net_connections("all")),
            "sockets and pipes": self.process.num_fds() - len(self.process.open_files()),
        }

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel():
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        kernel = Kernel(folder)
        yield kernel
        kernel.close()


def fault_cells(cells):
    """The places of the cells that call what makes faults, or a function of the notebook that does."""
    makers, found = set(MAKERS), []
    for place, source in enumerate(cells):
        if re.search(rf"\b({'|'.join(makers)})\(", source):
            makers |= set(re.findall(r"^def (\w+)", source, re.MULTILINE))
            found.append(place)
    return found


def interrupted(kernel, source, moment):
    """Run the cell with an interrupt, and forget the error: all is as before, whatever still has a name."""
    before = kernel.possessions()
    timer = "signal.setitimer(signal.ITIMER_REAL, {})".format
    reply = kernel.run(f"{timer(moment)}\n{source}\n{timer(0)}")
    assert reply["status"] == "ok" or reply["ename"] == "KeyboardInterrupt", reply
    in_full(kernel, FORGET)
    becomes_true(lambda: kernel.possessions() == before)
    assert kernel.possessions() == before


def in_full(kernel, source):
    """Run the cell; how many seconds it took."""
    start = time.perf_counter()
    reply = kernel.run(source)
    assert reply["status"] == "ok", f"{reply}\n{source}"
    return time.perf_counter() - start


@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda source: source.stem)
def test_a_fault_cell_interrupted_at_any_moment_leaves_nothing_and_the_next_cells_work(kernel, source):
    cells = [c.source for c in build.read_source(source).cells if c.cell_type == "code"]
    faults, moments = fault_cells(cells), random.Random(SEED)
    assert faults
    for place, cell in enumerate(cells[: faults[-1] + 2]):
        limit = in_full(kernel, cell) if TIMES > 1 and place in faults else START
        for _ in range(TIMES * (place in faults)):
            moment = moments.uniform(0, limit)
            print(f"seed {SEED}, interrupted after {moment:.3f} of {limit:.3f} s:\n{cell}\n")
            interrupted(kernel, cell, moment)
        in_full(kernel, cell)
