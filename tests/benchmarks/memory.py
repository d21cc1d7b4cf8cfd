"""What it takes in memory: `simulate` beside the loops, a notebook's kernel, and the kernel's server."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
from benchmarks import simulate
from benchmarks.kernels import MARK, run
from benchmarks.table import Group, Size

from labsupport import build

NOTEBOOKS = ["02", "03", "06"]
NOTHING = "the same traffic, only made"


def peak():
    """Megabytes that this process had in RAM at most. Linux hands ru_maxrss down from parent to child."""
    import resource
    from pathlib import Path

    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1_024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # bytes, on macOS


PROBE = f"""
import json, psutil
{inspect.getsource(peak)}
children = psutil.Process().children(recursive=True)
servers = [child.memory_info().rss / 1e6 for child in children if "-server" in child.name()]
print("{MARK}" + json.dumps([peak(), servers]))
"""


def child(who: str, small: str) -> None:
    """In a Python of its own: make the traffic, let this peer loose on it once, and print the peak."""
    row = simulate.rows(Size(small=small == "small"))[1]
    if who != NOTHING:
        simulate.PEERS[who](row, False)()
    print(peak())


def of_simulate(size: Size) -> Group:
    """The peaks of Pythons that did nothing else."""
    run = "import sys; from benchmarks import memory; memory.child(*sys.argv[1:])"
    words = [sys.executable, "-c", run]
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    peaks = {}
    for who in [*simulate.PEERS, NOTHING]:
        told = subprocess.check_output([*words, who, "small" if size.small else ""], env=here, text=True)
        peaks[who] = [float(told)]
    return Group("memory: a Python that makes 1,000,000 requests and answers them, at its peak", "MB", peaks)


def of_notebooks(size: Size) -> Group:
    """Kernels after their last cell, at their peak, and what their servers have then."""
    found: dict[str, list[float]] = {}
    wanted = NOTEBOOKS[:1] if size.small else NOTEBOOKS
    for source in (path for path in build.sources() if path.stem[:2] in wanted):
        notebook = build.read_source(source)
        notebook.cells.append(nbformat.v4.new_code_cell(PROBE))
        most, servers = json.loads(run(notebook))
        found[f"kernel of {source.stem[:2]}"] = [most]
        found |= {f"server of {source.stem[:2]}": [each] for each in servers}
    return Group("memory: a notebook's kernel at its peak, its server at the end", "MB", found)


def groups(size: Size) -> Iterator[Group]:
    """Both."""
    yield of_simulate(size)
    yield of_notebooks(size)
