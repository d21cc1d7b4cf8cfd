"""A real replica: what it knows, what it does not know while its link is cut, and what a failover loses."""

from __future__ import annotations

import socket
import threading

import psutil
import pytest
import redis
from test_faults_servers import folders, interrupts_at, place  # noqa: F401 - a fixture

from labsupport import Replica, SpareServer
from labsupport.errors import LabError


@pytest.fixture(scope="module")
def primary(place):  # noqa: F811
    with SpareServer() as primary:
        yield primary


@pytest.fixture(scope="module")
def pair(primary):
    with Replica(primary) as replica:
        yield primary, replica


@pytest.fixture
def both(pair):
    """A primary and its replica, both empty, with a link that works."""
    primary, replica = pair
    replica.mend()
    primary.redis.flushall()
    replica.catch_up()
    return pair


def test_it_begins_with_what_its_primary_knows():
    with SpareServer() as primary:
        primary.redis.set("course", "Redis")
        with Replica(primary) as replica:
            assert replica.redis.get("course") == b"Redis"
            assert replica.redis.role()[0] == b"slave"


def test_once_it_has_caught_up_it_knows_every_write(both):
    primary, replica = both
    for number in range(1, 6):
        pipe = primary.redis.pipeline(transaction=False)
        for _ in range(2_000):
            pipe.incr("views")
        pipe.execute()
        replica.catch_up()
        assert replica.redis.get("views") == b"%d" % (2_000 * number)


def test_it_refuses_to_write(both):
    with pytest.raises(redis.exceptions.ReadOnlyError):
        both[1].redis.set("course", 1)


def test_after_a_cut_not_one_further_write_arrives_and_after_mending_all_have(both):
    primary, replica = both
    for number in range(5):
        primary.redis.set("course", number)
        replica.catch_up()
        replica.cut()
        primary.redis.set("course", "unheard of")
        assert replica.redis.get("course") == b"%d" % number
        replica.mend()
        replica.catch_up()
        assert replica.redis.get("course") == b"unheard of"


def test_behind_a_cut_link_or_promoted_it_cannot_catch_up_and_says_so(both, monkeypatch):
    monkeypatch.setattr("labsupport.faults.spare.LIMIT", 0.1)
    primary, replica = both
    for leave in (replica.cut, replica.promote):
        leave()
        primary.redis.incr("views")
        with pytest.raises(LabError, match="The replica does not catch up within"):
            replica.catch_up()


def test_a_promoted_replica_is_a_primary_without_the_writes_after_the_cut():
    with SpareServer() as primary, Replica(primary) as replica:
        for _ in range(100):
            primary.redis.incr("views")
        replica.catch_up()
        replica.cut()
        for _ in range(7):
            assert primary.redis.incr("views")
        primary.redis.set("lock", "mine", nx=True, ex=60)
        primary.kill()
        replica.promote()
        assert replica.redis.incr("views") == 101
        assert replica.redis.set("lock", "also mine", nx=True, ex=60)
        assert replica.redis.role()[0] == b"master"


def test_a_primary_that_comes_back_empty_empties_its_replica_too():
    with SpareServer() as primary, Replica(primary) as replica:
        primary.redis.set("course", 1)
        replica.catch_up()
        primary.kill()
        assert replica.redis.get("course") == b"1"  # it serves what it has
        primary.restart()
        replica.mend()
        replica.catch_up()
        assert replica.redis.get("course") is None


def listening():
    found = psutil.Process().net_connections("inet")
    return [c.laddr for c in found if c.status == psutil.CONN_LISTEN]


def test_one_port_is_open_on_this_computer_alone_and_nobody_else_gets_in(both):
    (port,) = listening()
    assert port.ip == "127.0.0.1"
    with socket.create_connection(port, timeout=10) as stranger:
        try:
            stranger.sendall(b"PING\r\n")
            said = stranger.recv(100)
        except ConnectionError:
            said = b""
        assert said == b""
    assert both[1].redis.info("replication")["master_link_status"] == "up"


def test_the_servers_themselves_open_no_port(both):
    primary, replica = both
    for server in (primary.pid, replica._server.pid):
        found = psutil.Process(server).net_connections("inet")
        assert [c for c in found if c.status == psutil.CONN_LISTEN] == []


def test_after_close_nothing_is_left_and_using_it_is_one_sentence(primary):
    before = psutil.Process().children(), folders(), threading.active_count(), listening()
    with Replica(primary) as replica:
        assert repr(replica) == "<Replica>"
        assert threading.active_count() > before[2]
    assert (psutil.Process().children(), folders(), threading.active_count(), listening()) == before
    replica.close()
    assert repr(replica) == "<Replica, closed>"
    with pytest.raises(LabError, match="This replica is closed"):
        replica.mend()


def test_an_interrupt_at_any_moment_leaves_no_process_no_thread_and_no_port(primary):
    def a_life():
        with Replica(primary) as replica:
            while True:
                replica.cut()
                primary.redis.incr("views")
                replica.mend()
                replica.catch_up()

    before = psutil.Process().children(), folders(), threading.active_count(), listening()
    assert all(interrupts_at([0.06 * n for n in range(1, 6)], a_life))
    assert (psutil.Process().children(), folders(), threading.active_count(), listening()) == before
