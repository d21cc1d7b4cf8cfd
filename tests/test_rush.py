"""Real processes ask for one hot key at once: who reads, and that nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading

import psutil
import pytest
import redis
from servers import becomes_true

from labsupport import rush
from labsupport.coordination import hotkey
from labsupport.errors import BadArgument, LabError


def workers():
    """Our processes that still run."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if child.status() != psutil.STATUS_ZOMBIE and "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


@pytest.fixture
def nothing_left(lab):
    before = workers()
    yield
    assert workers() == before and lab.redis.dbsize() == 0


@pytest.mark.usefixtures("nothing_left")
def test_unprotected_each_may_read_and_under_a_lock_exactly_one_does_in_every_round(lab):
    reads = rush(lab.address, lab.keys, list(hotkey.WAYS), processes=3, rounds=4)
    assert list(reads) == list(hotkey.WAYS)
    assert reads["single_flight"] == reads["library_lock"] == [1] * 4
    assert len(reads["unprotected"]) == 4 and all(1 <= each <= 3 for each in reads["unprotected"])
    assert max(reads["unprotected"]) > 1


@pytest.mark.parametrize("way", ["single_flight", "library_lock"])
def test_who_finds_nothing_gets_the_lock_late_and_looks_again_reads_nothing(lab, way):
    # Between its GET and its SET NX somebody else fills and gives the lock back.
    name = lab.keys.name("course:204")

    class Late:
        """Somebody fills the cache just before this client takes the lock."""

        def set(self, key, *args, **options):
            lab.redis.set(name, b"filled by another", ex=60)
            return lab.redis.set(key, *args, **options)

        def __getattr__(self, command):
            return getattr(lab.redis, command)

        def lock(self, *args, **options):
            lab.redis.set(name, b"filled by another", ex=60)
            return lab.redis.lock(*args, **options)

    def read():
        raise AssertionError("read although the cache was full")

    assert hotkey.WAYS[way](Late(), name, read) == b"filled by another"
    assert lab.redis.keys() == [name.encode()]  # and the lock is given back


def test_single_flight_leaves_a_lock_alone_that_is_no_longer_its_own(lab):
    name = lab.keys.name("course:204")

    def read():
        lab.redis.set(f"{name}:lock", "another's", ex=60)  # the lease ran out, and another took it
        return b"answer"

    assert hotkey.single_flight(lab.redis, name, read) == b"answer"
    assert lab.redis.get(f"{name}:lock") == b"another's"


def test_every_key_of_each_way_has_a_deadline(lab):
    name = lab.keys.name("course:204")
    for way in hotkey.WAYS.values():
        lab.redis.delete(name)
        held = []

        def read(held=held):
            held += [lab.redis.ttl(key) for key in lab.redis.scan_iter()]
            return b"answer"

        way(lab.redis, name, read)
        assert all(0 < ttl <= 60 for ttl in [*held, lab.redis.ttl(name)])


@pytest.mark.usefixtures("nothing_left")
def test_a_process_that_dies_is_one_sentence_and_the_others_are_ended(lab):
    killer = threading.Thread(target=lambda: becomes_true(workers) and workers()[0].kill())
    killer.start()
    with pytest.raises(LabError, match="died, so nobody knows"):
        rush(lab.address, lab.keys, ["single_flight"], processes=2, rounds=1_000)
    killer.join()


def test_what_redis_says_to_a_process_reaches_the_one_who_asked(lab):
    before = workers()
    lab.redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            rush(lab.address, lab.keys, ["unprotected"], processes=1, rounds=1)
    finally:
        lab.redis.config_set("maxmemory", 64 * 2**20)
    assert workers() == before


INTERRUPTED = """
import os, signal, threading
import psutil
from labsupport import rush, start_lab
lab = start_lab("parent")
seconds = float(os.environ["AFTER"])
for _ in range(2):
    try:
        threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()
        rush(lab.address, lab.keys, ["unprotected", "single_flight"], 2, 1_000)
    except KeyboardInterrupt:
        left = [c for c in psutil.Process().children() if "spawn_main" in " ".join(c.cmdline())]
        print(len(left), lab.redis.dbsize())
print(rush(lab.address, lab.keys, ["single_flight"], 2, 1))
"""


@pytest.mark.parametrize("after", ["0.02", "0.6"])
def test_after_an_interrupt_nothing_is_left_and_the_next_rush_works(after):
    environ = {**os.environ, "AFTER": after}
    said = subprocess.check_output([sys.executable, "-c", INTERRUPTED], env=environ, text=True, timeout=60)
    assert said == "0 0\n0 0\n{'single_flight': [1]}\n"


def test_a_new_process_does_not_wait_for_pandas():
    look = "import sys, labsupport.coordination.hotkey; print('pandas' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", look], text=True) == "False\n"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ways": ["single_fligth"]}, "'single_fligth' is unknown: take some of unprotected, single_flight"),
        ({"processes": 0}, "processes is 0"),
        ({"processes": 17}, "at most 16"),
        ({"rounds": 1.5}, "rounds is 1.5"),
    ],
)
def test_a_bad_argument_is_one_sentence_and_starts_no_process(lab, change, words):
    before = workers()
    with pytest.raises(BadArgument, match=words):
        rush(lab.address, lab.keys, **{"ways": ["unprotected"], "processes": 2, "rounds": 1} | change)
    assert workers() == before
