"""Each fault before each code cell of each notebook: one sentence is seen, and what it says is enough.

A fault: the lab's servers killed, frozen or full; home, record and notebooks read-only; the disk full.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from faults_made import FAULTS, SpareKilled, can_mount, kernel_for
from faulty_kernel import Broken
from told_learner import Learner, code_cells

from labsupport import build

OF_SERVERS = {"kill", "spare", "freeze", "full"}
COLOURS = re.compile("\x1b\\[[0-9;]*m")


def main() -> int:
    """Run what was asked for; 1 if anything did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notebooks", nargs="*", help="their numbers, such as 03; all if not given")
    parser.add_argument("--faults", nargs="*", choices=FAULTS, default=list(FAULTS), help="all if not given")
    chosen = parser.parse_args()
    sources = [s for s in build.sources() if not chosen.notebooks or s.stem[:2] in chosen.notebooks]
    if not can_mount() and "disk" in chosen.faults:
        print("disk: left out, because only root on Linux may make a small disk")
        chosen.faults.remove("disk")
    tried = [_tried(source, fault) for source in sources for fault in chosen.faults]
    return max(tried, default=1)  # 1: nothing was tried


def _tried(source: Path, fault: str) -> int:
    """This fault before each of the notebook's cells: print a line; 1 if anything did not hold."""
    began, broken, learner = time.monotonic(), [], None
    cells = code_cells(source)
    try:
        with kernel_for(fault) as kernel:
            learner = Learner(kernel, cells, FAULTS[fault](kernel))
            for place in range(len(cells)):
                broken += _met(learner, place)
    except Broken as error:  # in the end something is left, or nothing works any more
        broken.append(str(error))
    struck, seen = (learner.fault.struck, learner.seen) if learner else (0, [])
    has_server = "start_lab(" in source.read_text("utf-8")
    if not struck and (has_server or fault not in OF_SERVERS):
        broken.append("the fault has struck nowhere, so nothing is shown")
    sentences = ", ".join(f"{n} {kind}" for kind, n in Counter(s.partition(":")[0] for s in seen).items())
    tried = f"{source.stem[:2]} {fault}: struck before {struck} of {len(cells)} cells"
    took = f"{time.monotonic() - began:.0f} s"
    print(
        f"{tried}, {len(broken)} not recovered; sentences: {sentences or 'none'}; {took}",
        *(COLOURS.sub("", text)[:2_000] for text in broken),
        sep="\n    ",
        flush=True,
    )
    return int(bool(broken))


def _met(learner: Learner, place: int) -> list[str]:
    """What did not hold at this cell, if anything; then the next one gets a new kernel, run up to it."""
    try:
        learner.meet(place, patient=place % 2 == 0 or isinstance(learner.fault, SpareKilled))
    except Broken as error:
        learner.start_over(place)
        return [str(error)]
    return []


if __name__ == "__main__":
    sys.exit(main())
