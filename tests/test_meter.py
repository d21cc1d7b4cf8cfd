"""The meter: every byte that goes over the wire, and the same number on every server."""

from __future__ import annotations

import pytest
import redis
from servers import foreign_server

from labsupport import Meter, start_lab
from labsupport.server.meter import wire_size


@pytest.fixture
def meter(lab):
    meter = Meter(lab.address, lab.keys.namespace)
    yield meter
    meter.redis.close()


@pytest.fixture
def name(lab):
    return lab.keys.name("course:204")


def test_it_keeps_exactly_what_was_sent_and_received(meter, name):
    cost = meter.cost(meter.redis.set, name, "Graphs", 300)
    assert cost.sent == b"*5\r\n$3\r\nSET\r\n$10\r\ncourse:204\r\n$6\r\nGraphs\r\n$2\r\nEX\r\n$3\r\n300\r\n"
    assert cost.received == b"+OK\r\n"
    assert (cost.answer, cost.trips, cost.commands, cost.size) == (True, 1, 1, len(cost.sent) + 5)


def test_each_cost_begins_at_zero(meter, name):
    first, second = (meter.cost(meter.redis.get, name) for _ in range(2))
    assert first == second and first.received == b"$-1\r\n"


def test_the_answer_and_the_error_of_the_work_are_its_own(meter, lab, name):
    lab.redis.hset(name, "title", "Graphs")
    assert meter.cost(meter.redis.hget, name, "title").answer == b"Graphs"
    with pytest.raises(redis.ResponseError):
        meter.cost(meter.redis.get, name)
    assert meter.cost(meter.redis.ping).sent == b"*1\r\n$4\r\nPING\r\n"


def test_a_pipeline_is_one_trip_of_many_commands(meter, name):
    def piped(transaction):
        pipe = meter.redis.pipeline(transaction=transaction)
        for _ in range(100):
            pipe.incr(name)
        return pipe.execute()

    plain, transaction = meter.cost(piped, False), meter.cost(piped, True)
    assert (plain.trips, plain.commands) == (1, 100)
    assert (transaction.trips, transaction.commands) == (1, 102)
    assert transaction.sent.startswith(b"*1\r\n$5\r\nMULTI\r\n")


def test_a_reply_longer_than_one_packet_is_counted_to_its_last_byte(meter, lab, name):
    lab.redis.set(name, b"x" * 1_000_000)
    cost = meter.cost(meter.redis.get, name)
    assert len(cost.received) == wire_size(b"x" * 1_000_000)


def test_only_the_namespace_before_a_key_is_left_out(meter, lab, name):
    value = f"a value that names {lab.keys.namespace}: in its middle"
    sent = meter.cost(meter.redis.set, name, value).sent
    assert value.encode() in sent and sent.count(lab.keys.namespace.encode()) == 1


def some_work(redis, keys):
    """A bit of everything, on fresh keys."""
    names = [keys.name(f"course:{number}") for number in range(9)]
    redis.set(names[0], "Graphs", ex=60)
    redis.hset(names[1], mapping={"title": "Graphs", "teacher": "Ada"})
    redis.expire(names[1], 60)
    redis.incr(names[2])
    redis.mget(names)
    redis.zincrby(names[3], 1, "course:204")
    pipe = redis.pipeline()
    for name in names[2:4]:
        pipe.expire(name, 60)
    return [redis.hgetall(names[1]), pipe.execute()]


@pytest.mark.parametrize("password", ["", "meter-secret"])
def test_on_somebody_elses_server_it_counts_the_same_without_namespace_or_password(
    lab, monkeypatch, password
):
    own = Meter(lab.address, lab.keys.namespace)
    here = own.cost(some_work, own.redis, lab.keys)
    own.redis.close()
    monkeypatch.setenv("LAB_NAMESPACE", "a-very-long-name-of-a-class-room")
    with foreign_server(password=password) as url:
        monkeypatch.setenv("REDIS_URL", url)
        theirs = start_lab("meter")
        meter = Meter(theirs.address, theirs.keys.namespace)
        assert meter.cost(some_work, meter.redis, theirs.keys) == here
        meter.redis.close()
        theirs.close()


def test_what_is_said_to_connect_again_such_as_a_password_is_no_work(monkeypatch):
    with foreign_server(password="meter-secret") as url:
        monkeypatch.setenv("REDIS_URL", url)
        theirs = start_lab("meter")
        meter = Meter(theirs.address, theirs.keys.namespace)
        before = meter.cost(meter.redis.ping)
        with redis.Redis.from_url(url) as admin:
            admin.client_kill_filter(skipme=True)  # as a server does that ends idle connections
        assert meter.cost(meter.redis.ping) == before
        meter.redis.close()
        theirs.close()


VALUES = ["", "Graphs", "é" * 3, "x" * 9, "x" * 10, "x" * 1_000]


@pytest.mark.parametrize("value", VALUES, ids=len)
def test_the_rule_of_the_protocol_gives_every_size(meter, lab, name, value):
    put = meter.cost(meter.redis.set, name, value)
    got = meter.cost(meter.redis.get, name)
    assert len(put.sent) == wire_size(["SET", "course:204", value])
    assert len(got.sent) == wire_size(["GET", "course:204"])
    assert len(got.received) == wire_size(value) == wire_size(value.encode())


def test_the_rule_gives_the_size_of_numbers_nothing_and_lists(meter, lab, name):
    missing = lab.keys.name("missing")
    assert len(meter.cost(meter.redis.incrby, name, 1_234).received) == wire_size(1_234)
    assert len(meter.cost(meter.redis.decrby, name, 2_000).received) == wire_size(-766)
    assert len(meter.cost(meter.redis.get, missing).received) == wire_size(None)
    assert len(meter.cost(meter.redis.mget, name, missing).received) == wire_size(["-766", None])
    assert len(meter.cost(meter.redis.hgetall, missing).received) == wire_size([])
