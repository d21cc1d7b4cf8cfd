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

import pytest
from faulty_kernel import Kernel
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


@pytest.fixture
def kernel():
    # A short name: in a long one a server would have no room for its socket, and go elsewhere.
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        kernel = Kernel(Path(folder))
        kernel.run(PREPARE)
        yield kernel
        kernel.close()


def possessions(kernel):
    """What could be left behind."""
    return {
        # IPython lets go of the last error
        "threads": kernel.ask("(gc.collect(), threading.active_count())[1]"),
        "processes": sorted(child.pid for child in kernel.process.children(recursive=True)),
        "folders": sorted(path.name for path in kernel.temporary.iterdir()),
        "sockets": len(kernel.process.net_connections("all")),
        "sockets and pipes": kernel.process.num_fds() - len(kernel.process.open_files()),
    }


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
    before = possessions(kernel)
    timer = "signal.setitimer(signal.ITIMER_REAL, {})".format
    ran = kernel.run(f"{timer(moment)}\n{source}\n{timer(0)}")
    errors = {output.ename for output in ran.outputs if output.output_type == "error"}
    assert errors <= {"KeyboardInterrupt"}, ran
    in_full(kernel, FORGET)
    becomes_true(lambda: possessions(kernel) == before)
    assert possessions(kernel) == before


def in_full(kernel, source):
    """Run the cell; how many seconds it took."""
    start = time.perf_counter()
    ran = kernel.run(source)
    assert not ran.errors, f"{ran}\n{source}"
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
