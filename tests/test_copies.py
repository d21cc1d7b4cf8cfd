"""A function as another process has it: what is copied, what is shared, and what `hash` says over there."""

from __future__ import annotations

import copy
import functools
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from learner import learner

from labsupport.lessons.copies import does_nothing, names_in, private_copy, uses_a_lock
from labsupport.lessons.elsewhere import HashElsewhere

STATEFUL = {
    "a variable": "n = 0\ndef f():\n global n\n n += 1\n return n",
    "a dict": "seen = {}\ndef f():\n seen[len(seen)] = 1\n return len(seen)",
    "a list of a helper": "n = []\ndef add(): n.append(1)\ndef f():\n add()\n return len(n)",
    "a default": "def f(seen=[]):\n seen.append(1)\n return len(seen)",
    "a keyword's default": "def f(*, seen=[]):\n seen.append(1)\n return len(seen)",
    "a closure": "def make(n):\n def f():\n  n.append(1)\n  return len(n)\n return f\nf = make([])",
    "an attribute": "def f():\n f.n = getattr(f, 'n', 0) + 1\n return f.n",
    "an object": "class C:\n n = 0\n def __call__(self):\n  self.n += 1\n  return self.n\nf = C()",
    "a method": "class C:\n n = 0\n def add(self):\n  self.n += 1\n  return self.n\nf = C().add",
    "an object in a variable": "class C: n = 0\nc = C()\ndef f():\n c.n += 1\n return c.n",
    "a cache": "import functools\nn = []\n@functools.cache\ndef f():\n n.append(1)\n return len(n)",
}


@pytest.mark.parametrize("source", STATEFUL.values(), ids=STATEFUL)
def test_a_copy_begins_where_the_original_stands_and_leaves_it_there(source):
    original = learner(source)["f"]
    for copied in (private_copy(original), private_copy(original)):
        assert copied() == 1
    assert original() == 1


LOCKED = {
    "a lock": "lock = threading.Lock()\ndef f(): return lock.acquire(False)",
    "an rlock": "lock = threading.RLock()\ndef f(): return lock.acquire(False)",
    "a condition": "lock = threading.Condition()\ndef f(): return lock.acquire(False)",
    "a semaphore": "lock = threading.Semaphore()\ndef f(): return lock.acquire(False)",
    "in a dict": "locks = {1: threading.Lock()}\ndef f(): return locks[1].acquire(False)",
    "in an object": "class C: pass\nc = C()\nc.lo = threading.Lock()\ndef f(): return c.lo.acquire(False)",
}


def in_a_thread(function):
    said = []
    thread = threading.Thread(target=lambda: said.append(function()))
    thread.start()
    thread.join()
    return said[0]


@pytest.mark.parametrize("source", LOCKED.values(), ids=LOCKED)
def test_a_lock_that_is_held_here_is_free_there(source):
    original = learner(source, threading=threading)["f"]
    assert uses_a_lock(original)
    copied = private_copy(original)
    assert original() is True
    assert in_a_thread(original) is False
    assert in_a_thread(copied) is True


def test_a_lock_made_by_the_function_itself_is_noticed():
    made = learner("import threading\ndef f():\n    with threading.Lock():\n        return 1")["f"]
    assert uses_a_lock(made)
    assert not uses_a_lock(learner("def f(redis):\n    return redis.incr('lock')")["f"])


def test_locks_can_be_copied_only_meanwhile():
    private_copy(learner(LOCKED["a lock"], threading=threading)["f"])
    with pytest.raises(TypeError, match="pickle"):
        copy.deepcopy(threading.Lock())


def test_what_cannot_or_need_not_be_copied_is_shared():
    with Path(os.devnull).open() as file:
        names = learner("def f():\n    return file, os, helper", file=[file], os=os, helper=len)
        shared = private_copy(names["f"])()
        assert shared == ([file], os, len)
    assert private_copy(len) is len
    assert private_copy(functools.partial(len))("ab") == 2


def test_a_stand_in_takes_the_place_of_a_module_and_of_a_built_in():
    original = learner(
        "import time\nfrom time import sleep\ndef f():\n    return time, sleep, hash('a'), len('ab')"
    )["f"]
    stand_ins = [(time, "no time"), (time.sleep, "no sleep"), (hash, lambda text: 7)]
    assert private_copy(original, stand_ins)() == ("no time", "no sleep", 7, 2)
    assert original()[0] is time


@pytest.mark.parametrize(
    "body", ["...", "pass", '"""Doc."""', '"""Doc."""\n    ...', "return", "return None", "return ..."]
)
def test_an_empty_body_does_nothing(body):
    assert does_nothing(learner(f"def f(redis, name):\n    {body}")["f"])


@pytest.mark.parametrize(
    "body", ["return 0", "return name", "redis.incr(name)", "return 'A'", "raise KeyError"]
)
def test_any_other_body_does_something(body):
    assert not does_nothing(learner(f"def f(redis, name):\n    {body}")["f"])
    assert not does_nothing(len)


def test_names_are_found_in_functions_inside_too():
    source = "def f():\n    def g():\n        return a.b\n    return [c for _ in d]"
    assert names_in(learner(source)["f"]) >= {"a", "b", "c", "d"}


def test_hash_elsewhere_is_what_another_process_says():
    other = HashElsewhere(salt=5)
    try:
        for value in ("course:204", b"course:204", ("course", 204), "é\n'"):
            program = f"print(hash({value!r}))"
            environ = os.environ | {"PYTHONHASHSEED": "5"}
            said = subprocess.run(
                [sys.executable, "-c", program], env=environ, capture_output=True, check=True
            )
            assert other(value) == int(said.stdout)
            assert other(value) != hash(value)
    finally:
        other.close()


def test_hash_elsewhere_asks_nobody_about_numbers_and_raises_what_hash_raises():
    other = HashElsewhere(salt=5)
    assert other(204) == hash(204)
    assert other((object,)) == hash((object,))
    with pytest.raises(TypeError, match="unhashable"):
        other([])
    assert not other.asked
    other.close()
