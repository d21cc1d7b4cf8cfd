"""What one learner can take from the others: bounds on a process, and on all of a learner's together."""

from __future__ import annotations

import resource
from collections.abc import Callable

import psutil

MEGABYTE = 1_000_000
FILES, FILE_MB, PROCESSES = 4_096, 500, 600
THREADS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # two cores do not serve thirty thread pools


def bound_process(memory_mb: int, own_user: bool) -> Callable[[], None]:
    """What a new server's process does to itself before it runs; its kernels inherit it.

    Memory is RLIMIT_DATA, what one process reserves (8 MB for each thread, used or not). It does not bound
    how many processes there are, nor memory that they share, and macOS ignores it. PROCESSES, threads
    counted, are bounded only where each learner is a user of their own. FILE_MB bounds one file, not the
    disk. Nothing here bounds the time on the processor.
    """
    bounds = {
        resource.RLIMIT_DATA: memory_mb * MEGABYTE,
        resource.RLIMIT_NOFILE: FILES,
        resource.RLIMIT_FSIZE: FILE_MB * MEGABYTE,
        resource.RLIMIT_CORE: 0,
    }
    if own_user:
        bounds[resource.RLIMIT_NPROC] = PROCESSES

    def apply() -> None:
        for kind, most in bounds.items():
            hard = resource.getrlimit(kind)[1]
            bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(kind, (bound, bound))

    return apply


def end_largest_above(server: int, limit_mb: int) -> str:
    """If a learner's processes take more than the limit, end the largest below the server; "" if they do not.

    It looks now and then, so a learner can go beyond for as long as it does not look.
    """
    family = _family(server)
    if sum(memory.rss for _, memory in family) <= limit_mb * MEGABYTE:  # counts what they share each time
        return ""
    alone = [(process, _own_bytes(process)) for process, _ in family]
    total = sum(size for _, size in alone) // MEGABYTE
    largest, size = max(alone[1:], key=lambda pair: pair[1], default=(None, 0))
    if total <= limit_mb or largest is None:
        return ""
    largest.kill()
    return f"took {total} MB of {limit_mb}, so the largest process was ended ({size // MEGABYTE} MB)"


def _family(server: int) -> list[tuple[psutil.Process, psutil._ntuples.pmem]]:
    """The server and all below it, each with its memory; the server is the first."""
    found = []
    root = psutil.Process(server)
    for process in [root, *root.children(recursive=True)]:
        try:
            found.append((process, process.memory_info()))
        except psutil.Error:  # it has just ended
            continue
    return found


def _own_bytes(process: psutil.Process) -> int:
    """What would be free if this process ended: its memory without what it shares."""
    try:
        return int(process.memory_full_info().uss)
    except psutil.Error:
        return 0
