"""One fault in each notebook: the learner sees one sentence, does what it says, and all is as committed.

With LAB_SEED it is another fault before another cell. tests/soak/faults.py makes each one before every cell.
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
import signal
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from faults_made import AS_USER, FAULTS, can_mount, small_disk
from faulty_kernel import Kernel
from servers import becomes_true
from told_learner import Learner, code_cells

from labsupport import SpareServer, build, start_lab
from labsupport.errors import LabError, LabTimeSlipped
from labsupport.explorers import OrdersPicture, explore
from labsupport.lessons import check_remember, check_sell
from labsupport.lessons.places import own_lab
from labsupport.sentences import in_plain_words

SEED = os.environ.get("LAB_SEED", "")
FIRST = 8  # of a notebook's cells; a later one needs too many before it
GONE, SLOW = "ConnectionError: Redis is gone", "TimeoutError: Redis did not answer in time"
FULL, NO_ROOM = "OutOfMemoryError: Redis is full", "NoRedis: A server of your own finds no room"
# In each notebook the fault, the cell it comes before, and the sentence; 01 and 02 do without Redis.
CHOSEN = {
    "00": ("kill", 2, GONE),
    "01": ("unwritable", 5, ""),
    "02": ("unwritable", 2, ""),
    "03": ("freeze", 2, SLOW),
    "04": ("freeze", 1, SLOW),
    "05": ("full", 8, FULL),
    "06": ("kill", 4, GONE),  # a race of real processes
    "07": ("kill", 3, GONE),
    "08": ("disk", 1, NO_ROOM),
    "09": ("disk", 0, NO_ROOM),
}
CLOSE = "for lab in list(labsupport.lab._open_labs.values()): lab.close()"


@pytest.fixture(scope="module")
def kernel():
    """One kernel for all notebooks: to import everything takes longer than all of their cells here."""
    plain = tempfile.TemporaryDirectory(prefix="lab-")
    with small_disk() if can_mount() else plain as folder:
        kernel = Kernel(Path(folder), AS_USER)
        yield kernel
        kernel.close()  # Broken: a process or a file is left


def chosen(notebook: str, cells: int) -> tuple[str, int, str | None]:
    """The fault, the cell, and the sentence if it is known beforehand."""
    if SEED:
        dice = random.Random(SEED + notebook)
        return dice.choice([*FAULTS][: None if can_mount() else -1]), dice.randrange(min(cells, FIRST)), None
    fault, place, sentence = CHOSEN[notebook]
    return (fault, place, sentence) if fault != "disk" or can_mount() else ("unwritable", place, "")


@pytest.mark.parametrize("source", build.sources(), ids=lambda source: source.stem)
def test_after_a_fault_one_sentence_leads_back_to_the_committed_output(kernel, source):
    cells = code_cells(source)
    fault, place, sentence = chosen(source.stem[:2], len(cells))
    print(f"{fault} before cell {place}")
    learner = Learner(kernel, cells, FAULTS[fault](kernel))
    for before in range(place):
        assert not learner.run(before)
    try:
        learner.meet(place, patient=place % 2 == 0)
        learner.fault.heal()
        assert learner.fault.struck or SEED
        if sentence is not None:
            assert bool(learner.seen) == bool(sentence)
            assert all(seen.startswith(sentence) for seen in learner.seen)
        learner.go_on(place + 1)
    finally:
        learner.fault.heal()
        assert not kernel.run(CLOSE).sentence


# --- where no cell can show the error, and where it could be taken for the learner's


@contextlib.contextmanager
def killed_lab():
    with contextlib.closing(start_lab("fault")) as lab:
        yield lab, lambda: os.kill(lab.redis.info("server")["process_id"], signal.SIGKILL)


def test_a_widget_tells_the_same_sentence_as_a_cell():
    with killed_lab() as (lab, kill):
        explorer = explore(OrdersPicture(lab.redis, lab.keys), update=["get_set", "incr"])
        kill()
        explorer.controls["update"].value = "incr"
        assert (
            explorer.text.startswith("Redis is gone") and "run the cell with start_lab again" in explorer.text
        )


def test_a_spare_server_that_somebody_else_has_ended_is_told_in_a_sentence():
    with SpareServer() as server:
        os.kill(server.pid, signal.SIGKILL)
        assert becomes_true(lambda: not psutil.pid_exists(server.pid))
        for use in (server.freeze, server.thaw):
            with pytest.raises(ProcessLookupError) as caught:
                use()
            assert (
                in_plain_words(caught.value) == "A process that this cell needs is gone: run the cell again."
            )


def kills_its_server(redis, *_):
    os.kill(redis.info("server")["process_id"], signal.SIGKILL)
    return redis.get("anything")


@pytest.mark.parametrize("check", [check_remember, check_sell])
def test_a_check_whose_server_is_gone_says_nothing_about_the_answer(check, capsys):
    def answer(redis, name, value=None):
        return kills_its_server(redis)

    with pytest.raises(LabError, match="is gone, so nothing is said about your answer: run the cell again"):
        check(answer)
    assert capsys.readouterr().out == ""


def wait_a_tick():
    with own_lab() as lab:
        lab.redis.set("answer", 1, ex=60)
        time.sleep(1.1)  # more than a tick of lab time
        lab.clock.advance(1)


def test_a_check_that_real_time_has_spoilt_says_nothing_about_the_answer():
    with pytest.raises(LabTimeSlipped, match="for this check to judge: leave out what waits, and run the"):
        wait_a_tick()


def test_a_full_disk_is_told_in_a_sentence_and_no_other_trouble_with_files():
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/home/ada/figure.png")
    wrapped = OSError("Matplotlib requires access to a writable cache directory")
    wrapped.__cause__ = full
    for error in (full, wrapped):
        assert in_plain_words(error) == (
            "There is no room on the disk (No space left on device): "
            "make some, restart the kernel and run all cells."
        )
    assert in_plain_words(FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))) == ""
