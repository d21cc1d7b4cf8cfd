"""Notebook 08: the classes of its cells do what it says, and its laws hold for other numbers than its own."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from in_view import in_view
from redis import Redis, RedisError
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.retry import Retry

from labsupport import Clock, CourseCatalog, FaultProxy, LocalCache, SharedCache, SpareServer


@pytest.fixture(scope="module")
def cell():
    """What the cell with the five ways defines, by name; nothing else of the notebook is run."""
    names = ["FailOpen", "Breaker", "NearCache", "Overloaded", "Limited"]
    return in_view("08", *names, contextlib=contextlib, RedisError=RedisError)


@pytest.fixture(scope="module")
def server():
    with SpareServer() as server:
        yield server


@pytest.fixture
def shared(server, module_lab):
    server.restart()
    return SharedCache(server.redis, ttl=300, keys=module_lab.keys)


def sent(server, work):
    """How many commands the server was sent in the course of `work`, answered or not."""
    before = server.redis.commands
    work()
    return server.redis.commands - before


def test_a_breaker_asks_no_more_after_five_errors_and_then_once_every_two_seconds(cell, server, shared):
    clock = Clock()
    breaker = cell["Breaker"](shared, clock)
    server.kill()
    assert [sent(server, lambda: breaker.get("course:204")) for _ in range(8)] == [1] * 5 + [0] * 3
    tries = []
    for _ in range(6):
        clock.advance(1)
        tries.append(sent(server, lambda: [breaker.get("course:204") for _ in range(9)]))
    assert tries == [0, 1, 0, 1, 0, 1]


def test_a_breaker_is_closed_again_by_its_first_try_that_succeeds(cell, server, shared):
    clock = Clock()
    breaker = cell["Breaker"](shared, clock)
    server.kill()
    for _ in range(5):
        breaker.set("course:204", b"{}")
    server.restart()
    assert sent(server, lambda: breaker.set("course:204", b"{}")) == 0
    clock.advance(2)
    breaker.set("course:204", b"{}")
    assert breaker.get("course:204") == b"{}" and breaker.errors == 0


def test_errors_that_do_not_follow_each_other_never_open_a_breaker(cell, server, shared):
    breaker = cell["Breaker"](shared, Clock())
    for _ in range(3):
        server.kill()
        for _ in range(3):
            breaker.get("course:204")
        server.restart()
        assert sent(server, lambda: breaker.get("course:204")) == 1


def test_fail_open_is_an_empty_cache_without_its_server_and_the_cache_itself_with_it(cell, server, shared):
    cache = cell["FailOpen"](shared)
    cache.set("course:204", b"{}")
    assert cache.get("course:204") == b"{}"
    server.kill()
    cache.set("course:204", b"{}")
    assert cache.get("course:204") is None


def test_a_near_cache_asks_redis_once_for_each_of_its_ttls(cell, server, shared):
    clock = Clock()
    near = cell["NearCache"](LocalCache(2, clock), shared)
    shared.set("course:204", b"{}")
    asked = []
    for _ in range(4):
        asked.append(sent(server, lambda: [near.get("course:204") for _ in range(5)]))
        clock.advance(1)
    assert asked == [1, 0, 1, 0]


def test_the_limiter_lets_eight_reads_a_second_through(cell):
    clock, catalog = Clock(), CourseCatalog()
    limited = cell["Limited"](catalog, clock)
    through = []
    for asked in (20, 3, 9):
        for _ in range(asked):
            with contextlib.suppress(cell["Overloaded"]):
                limited.read("course:204")
        through.append(catalog.reads)
        clock.advance(1)
    assert through == [8, 11, 19]


@pytest.mark.parametrize(("client_retries", "service_retries"), [(0, 2), (1, 1), (2, 1)])
def test_the_tries_of_two_layers_multiply(module_lab, client_retries, service_retries):
    retry = Retry(NoBackoff(), client_retries)
    with FaultProxy(module_lab.address) as proxy, proxy.client(socket_timeout=0.02, retry=retry) as client:
        proxy.go_silent()
        for _ in range(1 + service_retries):
            with pytest.raises(RedisError):
                client.get("course:204")
        assert proxy.commands == (1 + client_retries) * (1 + service_retries)


def test_a_refused_port_costs_ten_pauses_of_the_clients_own_backoff():
    pauses = []

    class Noted(ExponentialWithJitterBackoff):
        """As redis-py's own, but what it computes is kept (elsewhere, since the client works with a copy)."""

        def compute(self, failures):
            pauses.append(super().compute(failures))
            return pauses[-1]

    assert Redis().get_retry() == Retry(ExponentialWithJitterBackoff(base=0.01, cap=1), 10)
    shorter = Retry(Noted(base=0.0005, cap=0.05), 10)  # the same in a twentieth of the time
    start = time.perf_counter()
    with Redis("127.0.0.1", 1, retry=shorter) as client, pytest.raises(RedisError):
        client.get("course:204")
    assert len(pauses) == 10 and time.perf_counter() - start >= sum(pauses)


def test_clients_that_wait_get_at_most_their_number_over_the_delay(module_lab):
    with FaultProxy(module_lab.address) as proxy, proxy.client() as client, ThreadPoolExecutor(6) as threads:
        proxy.delay(0.03)
        start = time.perf_counter()
        list(threads.map(lambda _: client.get("course:204"), range(18)))
        assert 18 / (time.perf_counter() - start) <= 6 / 0.03
