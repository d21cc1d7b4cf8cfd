"""The near-cache that notebook 08 builds in view, on a real server: what it hears of, and when."""

from __future__ import annotations

import pytest
from in_view import in_view

from labsupport import Clock, FaultProxy

ToldCache = in_view("08", "ToldCache")["ToldCache"]


@pytest.fixture
def server(spare):
    spare.redis.flushall()
    return spare


@pytest.fixture
def make(server):
    """A function (ttl, link) -> a cache on the server, closed at the end."""
    made = []

    def told(ttl=60, link=None):
        made.append(ToldCache(server.address, link or server.address, ttl, Clock()))
        return made[-1]

    yield told
    for cache in made:
        cache.close()


def out(server):
    """Whatever the server had to say to others is on its way: it answers in order."""
    server.redis.ping()


def test_what_was_read_once_is_answered_from_the_dict(server, make):
    server.redis.set("a", "1")
    near = make()
    assert [near.get("a") for _ in range(3)] == [b"1"] * 3
    assert server.redis.info("stats")["keyspace_hits"] == 1


def test_after_any_write_of_another_client_it_is_never_stale(server, make):
    near = make()
    for number in range(200):
        near.get("a")
        server.redis.set("a", number)
        out(server)
        assert near.get("a") == str(number).encode()


def test_a_deletion_and_a_flush_are_heard_too(server, make):
    near = make()
    for forget in (lambda: server.redis.delete("a"), server.redis.flushall):
        server.redis.mset({"a": "1", "b": "2"})
        assert [near.get("a"), near.get("b")] == [b"1", b"2"]
        forget()
        out(server)
        assert near.get("a") is None
    assert near.get("b") is None


def test_its_own_write_replaces_the_copy_without_a_message(server, make):
    near = make()
    near.set("a", b"1")
    assert near.get("a") == b"1"
    near.set("a", b"2")
    out(server)
    assert not near.news.connection.can_read(timeout=0)
    assert near.get("a") == b"2"


def test_on_a_silent_link_a_copy_lives_until_its_ttl_and_not_longer(server, make):
    with FaultProxy(server.address) as proxy:
        near = make(ttl=20, link=proxy)
        server.redis.set("a", "old")
        near.get("a")
        proxy.go_silent()
        server.redis.set("a", "new")
        near.clock.advance(19)
        assert near.get("a") == b"old"
        near.clock.advance(1)
        assert near.get("a") == b"new"
