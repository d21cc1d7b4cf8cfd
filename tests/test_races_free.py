"""Free races: what each way keeps when real processes count at the same time, and that none stays behind."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
import redis
from jupyter_client.manager import start_new_kernel
from servers import becomes_true, foreign_server

from labsupport import Keys, Team, killed_between, start_lab
from labsupport.errors import BadArgument, LabError
from labsupport.races import processes
from labsupport.races.workers import incr_then_expire
from labsupport.server.address import Address


@pytest.fixture(scope="module")
def team(module_lab):
    with Team(module_lab.address, module_lab.keys, 4) as team:
        yield team


def workers_of(pid):
    """The worker processes of this process that still run; multiprocessing's own tracker does not count."""
    return [child for child in psutil.Process(pid).children(recursive=True) if is_worker(child)]


def is_worker(process):
    with contextlib.suppress(psutil.NoSuchProcess):
        running = process.status() != psutil.STATUS_ZOMBIE  # in a container nobody may bury it
        return running and "spawn_main" in " ".join(process.cmdline())
    return False


@pytest.fixture
def ours():
    """The worker processes that have come since the test began."""
    before = workers_of(os.getpid())
    return lambda: [child for child in workers_of(os.getpid()) if child not in before]


# --- what each way keeps


@pytest.mark.parametrize("way", ["incr", "watch", "lua"])
def test_incr_watch_and_lua_keep_every_increment(lab, team, way):
    race = team.race(way, 50)
    assert (race.final, race.counts) == (200, [50] * 4)


@pytest.mark.parametrize("way", ["get_set", "process_lock"])
def test_get_and_set_keep_at_least_two_with_a_lock_in_each_process_or_without(lab, team, way):
    # Not less: the last SET of all belongs to some process's last increment. That process has written before,
    # so its last GET found 1 at least, and it writes 2 at least.
    # Two is possible: A reads 0. The others make all their increments, B all but its last. A writes 1. B
    # reads it. A makes the rest of its own. B writes 2.
    race = team.race(way, 50)
    assert 2 <= race.final <= 200
    assert race.counts == [50] * 4


@pytest.mark.parametrize("way", ["get_set", "process_lock"])
def test_get_and_set_do_lose_some_when_many_are_made_at_once(lab, team, way):
    assert team.race(way, 500).final < 2000


def test_a_dict_in_each_process_knows_its_own_increments_only(lab, team):
    for increments in (50, 7):  # and nothing of the race before
        race = team.race("dict", increments)
        assert (race.final, race.counts) == (increments, [increments] * 4)
    assert lab.redis.dbsize() == 0


def test_only_watch_has_to_start_over_and_it_says_how_often(lab, team):
    assert team.race("watch", 200).retries > 0
    assert {team.race(way, 20).retries for way in ("get_set", "lua", "incr")} == {0}
    with Team(lab.address, lab.keys, 1) as alone:
        assert alone.race("watch", 20).retries == 0


def test_one_after_another_without_a_barrier_is_a_race_as_well(lab, team):
    for increments in (1, 5):
        race = team.race("get_set", increments, together=False)
        assert min(2, increments) <= race.final <= 4 * increments
    assert team.race("incr", 5, together=False).final == 20


def test_one_after_another_the_second_does_not_wait_until_the_first_is_connected(lab, monkeypatch):
    came = []
    for word in ("tell", "hear"):
        usual = getattr(processes.Worker, word)
        monkeypatch.setattr(processes.Worker, word, lambda *all, w=word, u=usual: came.append(w) or u(*all))
    with Team(lab.address, lab.keys, 2) as pair:
        pair.race("get_set", 1, together=False)
    assert came == ["tell", "tell"] + ["hear"] * 4


@pytest.mark.parametrize("together", [True, False])
def test_nobody_begins_before_the_last_is_ready_unless_told_one_after_another(lab, together):
    with Team(lab.address, lab.keys, 2) as team, ThreadPoolExecutor() as pool:
        team.race("incr", 1)
        last = psutil.Process(team._workers[-1]._process.pid)
        last.suspend()
        ordered = time.perf_counter()
        race = pool.submit(team.race, "incr", 5, together)
        assert together or becomes_true(lab.redis.dbsize)
        counted = time.perf_counter()
        assert not becomes_true(lab.redis.dbsize if together else race.done, seconds=0.2)
        resumed = time.perf_counter()
        last.resume()
        final, seconds, *_ = race.result(60)
        ended = time.perf_counter()
    assert final == 10
    # its seconds begin with the release: after the last has come back, or else before anybody counts
    low, high = (0, ended - resumed) if together else (resumed - counted, ended - ordered)
    assert low < seconds < high


def test_the_counter_starts_at_nothing_and_is_gone_afterwards(lab, team):
    lab.redis.hset(lab.keys.name("race:incr"), "not", "a number")
    lab.redis.set("mine", "untouched")
    assert team.race("incr", 5).final == 20
    assert lab.redis.keys() == [b"mine"]


def test_the_processes_are_started_once_and_kept(lab, ours):
    with Team(lab.address, lab.keys, 2) as team:
        assert ours() == []
        team.race("incr", 1)
        first = ours()
        team.race("get_set", 1)
        assert ours() == first


def test_a_new_process_does_not_wait_for_pandas():
    # which is most of what the package takes to import
    look = "import sys, labsupport.races.workers; print('pandas' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", look], text=True) == "False\n"


def test_two_hundred_races_pass_on_a_machine_that_is_busy(lab, team):
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count())]
    try:
        for number in range(40):
            together, right = number % 2 == 0, ("watch", "lua")[number % 2]
            assert 2 <= team.race("get_set", 2, together).final <= 8
            assert 2 <= team.race("process_lock", 2, together).final <= 8
            assert team.race("dict", 2, together).counts == [2] * 4
            assert team.race("incr", 2, together).final == 8
            assert team.race(right, 2, together).final == 8
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


# --- killed between INCR and EXPIRE


def test_a_process_killed_between_incr_and_expire_leaves_a_key_without_a_deadline(lab, ours):
    name = lab.keys.name("views")
    killed_between(lab.address, name, 60)
    assert (lab.redis.get(name), lab.redis.ttl(name)) == (b"1", -1)
    assert ours() == []


def test_the_same_function_sets_the_deadline_if_nothing_happens_between(lab):
    name = lab.keys.name("views")
    incr_then_expire(lab.redis, name, 60, between=lambda: lab.redis.ttl(name))
    assert (lab.redis.get(name), lab.redis.ttl(name)) == (b"1", 60)


def test_no_later_call_gives_a_deadline_to_a_counter_that_never_got_one(lab):
    name = lab.keys.name("views")
    lab.redis.incr(name)
    incr_then_expire(lab.redis, name, 60, between=lambda: None)
    assert (lab.redis.get(name), lab.redis.ttl(name)) == (b"2", -1)


# --- what goes wrong


BAD = [0, -1, 1.5, True, "2", None]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        *[(lambda lab, team, bad=bad: Team(lab.address, lab.keys, bad), "processes is") for bad in BAD],
        (lambda lab, team: Team(lab.address, lab.keys, 17), "at most 16"),
        *[(lambda lab, team, bad=bad: team.race("incr", bad), "increments is") for bad in BAD],
        (lambda lab, team: team.race("set_get", 5), "one of dict, get_set, process_lock, watch, lua, incr"),
        (lambda lab, team: killed_between(lab.address, lab.keys.name("key"), 0), "seconds is 0"),
    ],
)
def test_a_bad_argument_gets_one_sentence_and_the_processes_stay(lab, team, ours, call, words):
    with pytest.raises(BadArgument, match=words) as caught:
        call(lab, team)
    assert str(caught.value).endswith(".")
    assert ours() == []
    assert team.race("incr", 1).final == 4


def test_a_process_that_dies_is_one_sentence_and_the_next_race_works(lab, ours):
    with Team(lab.address, lab.keys, 2) as team:
        team.race("incr", 1)
        first = ours()
        first[-1].kill()
        with pytest.raises(LabError, match="died, so nobody knows what it did: run the cell again"):
            team.race("get_set", 1)
        assert ours() == [] and lab.redis.dbsize() == 0
        assert team.race("incr", 5).final == 10
        assert len(ours()) == 2
    assert ours() == []


def test_a_process_that_dies_in_the_middle_ends_the_race(lab, ours):
    with Team(lab.address, lab.keys, 2) as team:
        team.race("incr", 1)
        killer = threading.Thread(target=lambda: becomes_true(lab.redis.dbsize) and ours()[0].kill())
        killer.start()
        with pytest.raises(LabError, match="died"):
            team.race("get_set", 1_000_000)
        killer.join()
        assert ours() == [] and lab.redis.dbsize() == 0


def test_a_race_that_takes_too_long_is_one_sentence_and_ended(lab, ours, monkeypatch):
    team = Team(lab.address, lab.keys, 2)
    team.race("incr", 1)
    monkeypatch.setattr(processes, "LIMIT", 0.2)
    with pytest.raises(LabError, match="so it was ended: take fewer increments"):
        team.race("get_set", 1_000_000)
    monkeypatch.undo()
    assert ours() == [] and lab.redis.dbsize() == 0


def test_what_redis_says_to_a_process_reaches_the_one_who_asked(lab, ours):
    lab.redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            Team(lab.address, lab.keys, 2).race("incr", 1)
    finally:
        lab.redis.config_set("maxmemory", 64 * 2**20)
    assert ours() == []


def test_a_server_that_is_gone_is_an_error_and_leaves_no_process(ours):
    lab = start_lab("gone")
    team = Team(lab.address, lab.keys, 2)
    team.race("incr", 1)
    lab.close()
    with pytest.raises(redis.ConnectionError):
        team.race("incr", 1)
    assert ours() == []


# --- nothing is left behind


def test_a_team_that_nobody_holds_any_more_takes_its_processes_along(lab, ours):
    team = Team(lab.address, lab.keys, 2)
    team.race("incr", 1)
    assert len(ours()) == 2
    del team
    assert ours() == []


@pytest.fixture(scope="module")
def url():
    with foreign_server(password="p:/?#@ %") as url:
        yield url


def running(url, code, **options):
    """A Python process of its own with REDIS_URL set, in a session of its own."""
    environ, silent = {**os.environ, "REDIS_URL": url}, subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, *code],
        env=environ,
        stdout=silent,
        stderr=silent,
        text=True,
        start_new_session=True,
        **options,
    )


RACE = """
from labsupport import Team, start_lab
lab = start_lab("parent")
team = Team(lab.address, lab.keys, 2)
print(team.race("incr", 5).final, flush=True)
"""


def test_a_script_without_a_main_guard_runs_once_and_the_workers_are_spawned(url, tmp_path):
    # Under spawn a new process imports the script again, unless it is kept from it; under fork it would not.
    script = tmp_path / "script.py"
    look = "import psutil\nprint(['spawn_main' in c.cmdline()[-2] for c in psutil.Process().children()[-2:]])"
    fork = "import multiprocessing; multiprocessing.set_start_method('fork')"
    script.write_text(f"print('once', flush=True)\n{fork}\n{RACE}\n{look}")
    said = running(url, [script]).communicate(timeout=60)  # returns once nobody holds the pipes any more
    assert said == ("once\n10\n[True, True]\n", "")


@pytest.mark.parametrize("then", ["input()", "team.race('get_set', 10**7)"])
def test_the_workers_end_when_their_parent_is_killed_idle_or_in_a_race(url, other, then):
    with running(url, ["-c", f"{RACE}\n{then}"], stdin=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == "10\n"
        found = workers_of(parent.pid)
        assert len(found) == 2
        assert "race" not in then or becomes_true(other.dbsize)
        parent.kill()
        assert becomes_true(lambda: not any(map(is_worker, found)))
        assert parent.stderr.read() == ""


INTERRUPTS = """
import os, signal, threading
from labsupport import Team, start_lab
lab = start_lab("parent")
for moment in (0.0, 0.004, 0.01, 0.1, 0.3):
    team = Team(lab.address, lab.keys, 2)
    try:
        threading.Timer(moment, os.killpg, (0, signal.SIGINT)).start()
        team.race("get_set", 10**7)
    except KeyboardInterrupt:
        print("interrupted", lab.redis.dbsize())
print(team.race("incr", 5).final)
"""


def test_an_interrupt_of_the_whole_group_at_any_moment_ends_the_race_in_silence(url, other):
    said = running(url, ["-c", INTERRUPTS]).communicate(timeout=60)
    assert said == ("interrupted 0\n" * 5 + "10\n", "")
    assert other.dbsize() == 0


def in_cell(client, code):
    """What the cell printed and showed, stdout and stderr alike, and how it ended."""
    seen = []
    reply = client.execute_interactive(code, timeout=60, output_hook=seen.append)["content"]
    return "".join(m["content"].get("text", "") for m in seen), reply.get("ename")


def test_in_a_notebook_a_race_can_be_interrupted_and_the_next_one_just_works(url, other, monkeypatch):
    monkeypatch.setenv("REDIS_URL", url)
    manager, client = start_new_kernel()
    try:
        assert in_cell(client, RACE) == ("10\n", None)
        found = workers_of(manager.provisioner.pid)
        assert len(found) == 2
        interrupt = threading.Thread(target=lambda: becomes_true(other.dbsize) and manager.interrupt_kernel())
        interrupt.start()
        assert in_cell(client, "team.race('get_set', 10**7)") == ("", "KeyboardInterrupt")
        interrupt.join()
        assert not any(map(is_worker, found)) and other.dbsize() == 0
        assert in_cell(client, "print(team.race('incr', 5).final)") == ("10\n", None)
        found = workers_of(manager.provisioner.pid)
        assert len(found) == 2
        manager.shutdown_kernel()
        assert becomes_true(lambda: not any(map(is_worker, found)))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_on_somebody_elses_server_only_our_own_name_is_touched(url, other):
    other.set("race:get_set", "theirs")
    address = Address.from_url(url)
    with Team(address, Keys("lab:06"), 2) as team:
        assert 2 <= team.race("get_set", 20).final <= 40
        assert repr(team) == "<Team of 2 processes>"
    assert other.keys() == [b"race:get_set"]
