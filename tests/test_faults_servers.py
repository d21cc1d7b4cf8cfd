"""A spare server: killed, restarted, frozen and filled, and nothing of it is left behind."""

from __future__ import annotations

import pickle
import signal
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import redis
from servers import becomes_true

from labsupport import SpareServer
from labsupport.errors import LabError, NoRedis
from labsupport.server.address import TIMEOUT


@pytest.fixture(scope="module", autouse=True)
def place():
    """A place for the servers' folders that nobody else uses meanwhile."""
    with tempfile.TemporaryDirectory(prefix="lab-faults-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture(scope="module")
def shared(place):
    with SpareServer() as server:
        yield server


@pytest.fixture
def server(shared):
    """A running server, empty, with the settings that it began with."""
    shared.restart()
    return shared


def folders():
    return set(Path(tempfile.gettempdir()).glob("rlab-*"))


def test_it_is_empty_and_has_the_settings_that_were_given():
    with SpareServer(maxmemory_policy="allkeys-lru", maxmemory=5_000_000) as server:
        assert server.redis.dbsize() == 0
        wanted = {"maxmemory-policy": "allkeys-lru", "maxmemory": "5000000"}
        assert server.redis.config_get("maxmemory-policy", "maxmemory") == wanted
        server.redis.config_set("maxmemory-policy", "noeviction")
        server.restart()
        assert server.redis.config_get("maxmemory-policy", "maxmemory") == wanted


def test_redis_url_is_ignored(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://:hush@127.0.0.1:1")
    with SpareServer() as server:
        assert server.redis.ping()


def test_two_of_them_know_nothing_of_each_other(server):
    with SpareServer() as other:
        server.redis.set("course", 1)
        assert (other.redis.get("course"), other.pid == server.pid) == (None, False)


def test_a_setting_that_it_does_not_know_is_redis_own_error_and_leaves_nothing():
    before = psutil.Process().children(), folders()
    with pytest.raises(redis.ResponseError):
        SpareServer(no_such_setting=1)
    assert (psutil.Process().children(), folders()) == before


def test_after_a_kill_everybody_gets_a_connection_error_at_once(server):
    pool, alone, new = server.redis, server.address.client(one_connection=True), server.address.client()
    assert pool.set("course", 1) and alone.get("course") == b"1"
    pid = server.pid
    server.kill()
    assert not psutil.pid_exists(pid)
    for client in (pool, alone, new, pool):
        start = time.perf_counter()
        with pytest.raises(redis.ConnectionError):
            client.get("course")
        assert time.perf_counter() - start < TIMEOUT


def test_after_a_restart_it_is_empty_at_the_same_address_and_clients_go_on(server):
    client, far = server.address.client(), pickle.loads(pickle.dumps(server.address))
    assert client.set("course", 1)
    before = server.pid
    server.kill()
    server.restart()
    assert server.pid != before
    assert (client.get("course"), server.redis.get("course")) == (None, None)
    assert far.client().info("server")["process_id"] == server.pid


def test_a_running_server_can_be_restarted_too_and_a_killed_one_killed_again(server):
    server.redis.set("course", 1)
    server.restart()
    assert server.redis.get("course") is None
    server.kill()
    server.kill()
    for use in (server.freeze, server.thaw):  # its number may be another process's by now
        with pytest.raises(LabError, match="killed, so there is no process: call restart"):
            use()


def test_a_server_that_does_not_come_back_counts_as_killed(server, monkeypatch):
    monkeypatch.setattr("labsupport.server.own._WATCHER", "/nowhere")
    with pytest.raises(NoRedis, match="did not start"):
        server.restart()
    monkeypatch.undo()
    with pytest.raises(LabError, match="killed, so there is no process"):
        server.freeze()  # its number may be another process's by now
    server.restart()
    assert server.redis.ping()


def test_a_kill_in_the_middle_of_traffic_breaks_what_waits(server):
    with ThreadPoolExecutor(4) as pool, server.address.client(socket_timeout=30) as client:
        waiting = [pool.submit(client.blpop, "never", 20) for _ in range(4)]
        assert becomes_true(lambda: server.redis.info("clients")["blocked_clients"] == 4)
        server.kill()
        assert all(isinstance(future.exception(10), redis.ConnectionError) for future in waiting)


def test_a_frozen_server_takes_commands_answers_nobody_and_executes_them_when_thawed(server):
    hasty = server.address.client(socket_timeout=0.05)
    server.freeze()
    assert psutil.Process(server.pid).status() == psutil.STATUS_STOPPED
    with pytest.raises(redis.TimeoutError):
        hasty.incr("views")
    server.thaw()
    assert server.redis.incr("views") == 2


def test_a_frozen_server_can_be_killed_and_closed():
    with SpareServer() as server:
        server.freeze()
        server.kill()
        server.restart()
        assert server.redis.ping()
        server.freeze()
        pid = server.pid
    assert not psutil.pid_exists(pid)


def test_after_close_nothing_is_left_and_using_it_is_one_sentence():
    before = psutil.Process().children(), folders(), threading.active_count()
    sockets = psutil.Process().num_fds()
    with SpareServer() as server:
        assert repr(server) == "<SpareServer>"
        assert len(folders() - before[1]) == 1 and server.redis.ping()
    assert (psutil.Process().children(), folders(), threading.active_count()) == before
    assert psutil.Process().num_fds() <= sockets
    server.close()
    assert repr(server) == "<SpareServer, closed>"
    for use in (server.kill, server.restart, server.freeze, server.thaw):
        with pytest.raises(LabError, match="closed: run the cell that opens it again"):
            use()


VALUE = b"x" * 1_000


def filled(client, upto=100_000):
    """How many values of 1,000 bytes go in before it is full."""
    for number in range(upto):
        try:
            client.set(f"value:{number}", VALUE)
        except redis.exceptions.OutOfMemoryError:
            return number
    return upto


def test_memory_is_limited_to_so_much_more_even_right_after_much_was_freed(server):
    for _ in range(2):
        pipe = server.redis.pipeline(transaction=False)
        for number in range(10_000):
            pipe.set(f"value:{number}", VALUE)
        pipe.execute()
        server.redis.config_set("lazyfree-lazy-user-flush", "yes")  # freed in the background, as Valkey does
        server.redis.flushall()
        limit = server.limit_memory(1_000_000)
        assert limit == int(server.redis.config_get("maxmemory")["maxmemory"])
        assert 600 < filled(server.redis) < 1_000  # a value of 1,000 bytes takes some more
        server.redis.config_set("maxmemory", 0)


def test_memory_that_never_stands_still_is_one_sentence(server, monkeypatch):
    monkeypatch.setattr("labsupport.faults.spare.LIMIT", 0.2)
    with server.address.client() as client:
        monkeypatch.setattr(server, "redis", client)
        usual = client.info
        monkeypatch.setattr(client, "info", lambda part: client.rpush("list", VALUE) and usual(part))
        with pytest.raises(LabError, match="memory does not stand still within 0 s: run the cell again"):
            server.limit_memory(1_000)


def interrupts_at(moments, what):
    """Call `what` again and again, interrupted after so many seconds each time; True for each that was."""
    usual = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        for moment in moments:
            signal.setitimer(signal.ITIMER_REAL, moment)
            try:
                what()
            except KeyboardInterrupt:
                yield True
            else:
                yield False
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, usual)


def a_life():
    with SpareServer(maxmemory_policy="allkeys-lru") as server:
        server.redis.set("course", 1)
        server.kill()
        server.restart()
        server.freeze()
        time.sleep(5)


def test_an_interrupt_at_any_moment_leaves_no_process_and_no_folder():
    before = psutil.Process().children(), folders(), psutil.Process().num_fds()
    came = list(interrupts_at([0.03 * n for n in range(1, 9)], a_life))
    assert all(came)
    assert (psutil.Process().children(), folders()) == before[:2]
    assert becomes_true(lambda: psutil.Process().num_fds() <= before[2])
