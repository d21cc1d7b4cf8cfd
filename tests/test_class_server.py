"""The class Redis as a process: who can reach it, what it tells, what it bounds, and that it goes."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
import redis
from servers import becomes_true

from labsupport.errors import LabError
from labsupport.workshop.class_server import MEGABYTE, ClassServer
from labsupport.workshop.room import learner_names

START_AND_WAIT = """
import time
from labsupport.workshop.class_server import ClassServer
server = ClassServer(["alice"])
print(server.admin.info("server")["process_id"], server.urls["alice"], flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def room():
    with ClassServer(["alice", "bob"], memory_mb=64) as server:
        yield server


@pytest.fixture
def alice(room):
    with redis.Redis.from_url(room.urls["alice"], protocol=2, socket_timeout=10) as client:
        yield client


def pid(room) -> int:
    return room.admin.info("server")["process_id"]


def is_running(number: int) -> bool:
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE  # in a container nobody may bury it
    except psutil.NoSuchProcess:
        return False


def test_three_hundred_learners_each_have_a_way_in_of_their_own():
    names = learner_names(300)
    with ClassServer(names) as server:
        assert (list(server.urls), len(set(server.urls.values()))) == (names, 300)
        for name in ("learner-001", "learner-300"):
            with redis.Redis.from_url(server.urls[name]) as client:
                assert client.set(f"lab:{name}:x", 1)
                with pytest.raises(redis.exceptions.NoPermissionError):
                    client.get("lab:learner-002:x")


def test_it_listens_at_the_address_that_it_was_given_and_at_no_other(room):
    process = psutil.Process(pid(room))
    ports = [each.laddr for each in process.net_connections("inet") if each.status == psutil.CONN_LISTEN]
    assert ports == [("127.0.0.1", room.port)]
    with ClassServer(["alice"], host="127.0.0.2") as other:
        assert (
            f"@127.0.0.2:{other.port}/" in other.urls["alice"] and f":{other.port}/" in other.instructor_url
        )
        with redis.Redis.from_url(other.urls["alice"]) as client:
            assert client.ping()


def test_a_port_that_is_taken_is_one_sentence(room):
    with pytest.raises(LabError, match=rf"cannot listen at 127.0.0.1, port {room.port} .*free port\.$"):
        ClassServer(["alice"], port=room.port)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with ClassServer(["alice"], port=port) as server:
        assert server.port == port


def test_no_process_no_file_and_no_text_shows_a_password(room):
    words = [url.split(":")[2].split("@")[0] for url in (*room.urls.values(), room.instructor_url)]
    assert len(set(words)) == 3 and set(map(len, words)) == {14}
    process = psutil.Process(pid(room))
    seen = [repr(room), *room.admin.acl_list(), *process.cmdline(), *process.environ().values()]
    seen += [*process.parent().cmdline(), *process.parent().environ().values()]
    folder = Path(process.cwd())
    seen += [path.read_text(errors="replace") for path in folder.iterdir() if path.is_file()]
    assert [text for text in seen if any(word in text for word in words)] == []
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_value_far_out_and_the_log_of_a_script_have_a_bound(room, alice):
    log = Path(psutil.Process(pid(room)).cwd(), "log")
    before = log.stat().st_size
    alice.eval("redis.log(redis.LOG_WARNING, string.rep('x', 100000))", 0)
    assert log.stat().st_size == before
    with pytest.raises(redis.ResponseError, match="exceeds maximum allowed size"):
        alice.setrange("lab:alice:far", 500 * MEGABYTE, "x")


@pytest.mark.parametrize(
    ("connections", "replies", "cut"),
    [(1, 30, "client_output_buffer_limit_disconnections"), (10, 7, "evicted_clients")],
)
def test_replies_that_nobody_fetches_cost_their_connection_and_no_other(
    room, alice, connections, replies, cut
):
    alice.rpush("lab:alice:big", *["x" * 1000] * 1000)
    before = room.admin.info("stats")[cut]
    with ExitStack() as held:
        for _ in range(connections):
            deaf = held.enter_context(socket.socket())
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(("127.0.0.1", room.port))
            login = room.urls["alice"].removeprefix("redis://").split("@")[0].replace(":", " ")
            deaf.sendall(f"AUTH {login}\r\n".encode())
            deaf.sendall(b"LRANGE lab:alice:big 0 -1\r\n" * replies)
        assert becomes_true(lambda: room.admin.info("stats")[cut] > before)
    assert alice.delete("lab:alice:big")
    assert "e" in room.admin.client_info()["flags"]  # this one is never closed: it could not come back


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux can bound another process")
def test_the_process_cannot_take_the_memory_of_the_machine(room):
    assert resource.prlimit(pid(room), resource.RLIMIT_DATA) == (256 * MEGABYTE, 256 * MEGABYTE)


@pytest.mark.parametrize("ending", ["close", "a watcher killed before"])
def test_after_close_nothing_is_left(ending):
    server = ClassServer(["alice"])
    process = psutil.Process(pid(server))
    if ending != "close":
        process.parent().kill()
    server.close()
    server.close()
    assert becomes_true(lambda: not is_running(process.pid))


def test_it_goes_when_its_starter_is_killed():
    with subprocess.Popen(
        [sys.executable, "-c", START_AND_WAIT], stdout=subprocess.PIPE, text=True
    ) as starter:
        number, url = starter.stdout.readline().split()
        with redis.Redis.from_url(url) as client:
            assert client.ping() and is_running(int(number))
        os.kill(starter.pid, signal.SIGKILL)
    assert becomes_true(lambda: not is_running(int(number)))
