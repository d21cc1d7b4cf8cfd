"""What one learner takes of the class Redis has a bound: memory, scripts, connections, time."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack
from itertools import count

import pytest
import redis
from redis.exceptions import NoPermissionError, OutOfMemoryError, ResponseError
from servers import becomes_true

from labsupport.classroom import names
from labsupport.workshop import quota
from labsupport.workshop.class_server import ClassServer
from labsupport.workshop.quota import CONNECTIONS, QuotaKeeper

MEMORY_MB, QUOTA_MB = 16, 1.0
QUOTA = int(QUOTA_MB * (1 << 20))


@pytest.fixture(scope="module")
def room():
    with ClassServer(["alice", "bob"], memory_mb=MEMORY_MB) as server:
        yield server


@pytest.fixture
def keeper(room):
    keeper = QuotaKeeper(room, QUOTA_MB)
    yield keeper
    room.admin.unlink(*room.admin.keys("lab:alice:*"), *room.admin.keys("lab:class:counter:*"), "none")
    keeper.sweep()


@pytest.fixture
def alice(room):
    with redis.Redis.from_url(room.urls["alice"], protocol=2, socket_timeout=10) as client:
        yield client


@pytest.fixture
def bob(room):
    """Somebody else, with a key; it is there at the end as it was."""
    with redis.Redis.from_url(room.urls["bob"], protocol=2, socket_timeout=10) as client:
        client.set("lab:bob:mine", "untouched")
        theirs = ("lab:bob:mine", names.ROSTER)
        before = [room.admin.dump(key) for key in theirs]
        yield client
        assert [room.admin.dump(key) for key in theirs] == before


numbers = count()


def is_full(client: redis.Redis, prefix: str, size: int = 100_000) -> bool:
    """Write one more; whether the server has no memory left for it."""
    try:
        return not client.set(f"{prefix}{next(numbers)}", "x" * size)
    except OutOfMemoryError:
        return True


def fill(client: redis.Redis, prefix: str) -> None:
    """Write under this prefix until the server has no memory left, not for a small value either."""
    for size in (100_000, 1000, 1):
        while not is_full(client, prefix, size):
            pass


def exceed(client: redis.Redis, prefix: str) -> None:
    """Write twice the quota under this prefix."""
    for _ in range(2 * QUOTA // 100_000):
        assert not is_full(client, prefix)


def test_who_fills_the_memory_stops_the_others_until_the_next_sweep_and_no_longer(room, keeper, alice, bob):
    alice.set("lab:alice:small", 1)
    # Again and again, because the server frees a buffer now and then.
    assert becomes_true(lambda: fill(alice, "lab:alice:") or is_full(bob, "lab:bob:", 1))
    assert keeper.sweep()["alice"] > 10 * QUOTA
    assert bob.set("lab:bob:new", 1)
    left = keeper.sweep()["alice"]
    assert QUOTA // 2 < left <= QUOTA and alice.get("lab:alice:small") == b"1"  # the largest went, no more


def test_until_a_sweep_finds_enough_gone_that_learner_only_reads_and_deletes(room, keeper, alice, bob):
    exceed(alice, "lab:alice:")
    keeper.sweep()
    writes = [
        "SET lab:alice:n 1",
        "INCR lab:class:counter:1",
        "EVAL return(redis.call('set','lab:alice:n',1)) 0",
    ]
    for words in writes:
        with pytest.raises((NoPermissionError, ResponseError), match="permission"):
            alice.execute_command(*words.split())
    kept = room.admin.keys("lab:alice:*")
    assert alice.get(kept[0]) and alice.delete(kept[0]) == 1
    keeper.sweep()
    assert alice.set("lab:alice:n", 1) and alice.incr("lab:class:counter:1") == 1


def test_what_everybody_may_write_has_a_quota_too_and_nobody_loses_a_right_for_it(room, keeper, alice, bob):
    alice.incr("lab:class:counter:1")
    exceed(alice, "lab:class:counter:x")
    keeper.sweep()
    assert alice.incr("lab:class:counter:1") == 2  # the largest went
    with alice.pipeline(transaction=False) as pipe:
        for number in range(2000):
            pipe.hincrby(names.FAILED, f"{number}{'x' * 600}", 1)
        pipe.execute()
    keeper.sweep()
    assert room.admin.exists(names.FAILED) == 0 and alice.hincrby(names.FAILED, "06-race", 1) == 1


def test_much_in_one_part_of_a_key_does_not_hide_in_it(keeper, alice):
    alice.hset("lab:alice:hash", mapping={f"{n}": "x" for n in range(5000)} | {"big": "x" * 1_000_000})
    assert keeper.sweep()["alice"] > 1_000_000


def in_background(client: redis.Redis, script: str) -> tuple[threading.Thread, list]:
    """Run a script; the list holds its error in the end."""
    outcome: list = []

    def run() -> None:
        try:
            client.eval(script, 0)
        except redis.RedisError as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, outcome


def busy(client: redis.Redis) -> bool:
    try:
        client.ping()
    except ResponseError as error:
        return "BUSY" in str(error)
    return False


def test_a_script_without_end_is_ended_by_a_sweep(keeper, alice, bob):
    thread, outcome = in_background(alice, "while true do end")
    assert becomes_true(lambda: busy(bob))
    keeper.sweep()
    thread.join(10)
    assert "killed" in str(outcome[0]).lower() and bob.ping()


def test_a_script_that_has_written_cannot_be_ended_but_the_server_can():
    with ClassServer(["alice"]) as server, redis.Redis.from_url(server.urls["alice"]) as client:
        thread, outcome = in_background(client, "redis.call('set', 'lab:alice:x', 1) while true do end")
        assert becomes_true(lambda: busy(server.admin))
        with pytest.raises(ResponseError, match="BUSY"):
            QuotaKeeper(server, QUOTA_MB).sweep()
    thread.join(10)
    assert isinstance(outcome[0], redis.ConnectionError)


def test_scripts_that_are_only_kept_have_a_bound(room, keeper, alice):
    text = "return 1 --" + "x" * 10_000
    first = alice.script_load(text)
    for number in range(150):
        alice.script_load(f"{text}{number}")
    assert alice.script_exists(first) == [True]
    keeper.sweep()
    assert alice.script_exists(first) == [False]


@pytest.mark.parametrize("user", ["alice", "nobody"])
def test_too_many_connections_of_one_are_closed_and_the_others_stay(room, keeper, bob, user):
    bob.client_setname("bob")
    login = room.urls["alice"].removeprefix("redis://").split("@")[0].replace(":", " ")
    with ExitStack() as held:
        for _ in range(CONNECTIONS + 1):
            one = held.enter_context(socket.create_connection(("127.0.0.1", room.port)))
            one.sendall(f"AUTH {login if user == 'alice' else 'alice guessed'}\r\n".encode())
            one.recv(1)
        keeper.sweep()
        assert len(room.admin.client_list()) < 10
    assert bob.client_getname() == "bob"


def test_it_sweeps_by_itself_until_it_is_closed(keeper, alice, monkeypatch):
    monkeypatch.setattr(quota, "PAUSE", 0.05)

    def refused() -> bool:
        try:
            return is_full(alice, "lab:alice:")
        except NoPermissionError:
            return True

    keeper.start()
    try:
        assert becomes_true(refused) and becomes_true(lambda: not refused())
    finally:
        keeper.close()
    alice.set("lab:alice:big", "x" * 1_000_000)
    assert not becomes_true(refused, seconds=0.1)
