"""A proxy that loses one reply: what the server did, what the client believes, and that all is well again."""

from __future__ import annotations

import gc
import signal
import threading

import psutil
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from servers import becomes_true, foreign_server

from labsupport import FaultProxy
from labsupport.errors import LabError, Refused
from labsupport.server.address import Address

ONCE_MORE = Retry(NoBackoff(), 1)


@pytest.fixture
def proxy(lab):
    with FaultProxy(lab.address) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def url():
    with foreign_server(password="p:/?#@ %") as url:
        yield url


def test_without_a_fault_the_client_works_as_any_other(lab, proxy):
    client = proxy.client(decode_responses=True)
    assert client.set("key", "value", ex=60)
    assert (client.get("key"), lab.redis.get("key")) == ("value", b"value")
    assert client.pipeline().incr("n").incr("n").execute() == [1, 2]
    assert client.commands == 3


@pytest.mark.parametrize("one_connection", [False, True])
def test_one_lost_reply_and_one_retry_count_one_view_twice(lab, proxy, one_connection):
    client = proxy.client(one_connection=one_connection, retry=ONCE_MORE)
    proxy.lose_next_reply()
    assert client.incr("views") == 2
    assert lab.redis.get("views") == b"2"


def test_one_lost_reply_without_a_retry_is_an_error_although_the_view_counts(lab, proxy):
    client = proxy.client()
    proxy.lose_next_reply()
    with pytest.raises(redis.ConnectionError):
        client.incr("views")
    assert lab.redis.get("views") == b"1"


def test_afterwards_all_is_well_and_it_can_be_done_again(lab, proxy):
    client = proxy.client(retry=ONCE_MORE)
    for expected in (2, 5):
        proxy.lose_next_reply()
        assert client.incr("views") == expected
        assert client.incr("views") == expected + 1


def test_two_orders_lose_two_replies(lab, proxy):
    client = proxy.client(retry=Retry(NoBackoff(), 2))
    proxy.lose_next_reply()
    proxy.lose_next_reply()
    assert client.incr("views") == 3


def test_the_order_waits_for_a_command_of_whichever_client(lab, proxy):
    first, second = proxy.client(), proxy.client()
    assert first.ping() and second.ping()
    proxy.lose_next_reply()
    with pytest.raises(redis.ConnectionError):
        second.incr("views")
    assert first.incr("views") == 2


def test_a_pipeline_is_one_reply(lab, proxy):
    proxy.lose_next_reply()
    with pytest.raises(redis.ConnectionError):
        proxy.client().pipeline().incr("views").incr("views").execute()
    assert lab.redis.get("views") == b"2"


def test_the_retry_can_be_told_by_a_request_id(lab, proxy):
    once = "if redis.call('SET', KEYS[1], 1, 'NX', 'EX', 60) then redis.call('INCR', KEYS[2]) end"
    proxy.lose_next_reply()
    proxy.client(retry=ONCE_MORE).eval(once, 2, "request:1", "views")
    assert lab.redis.get("views") == b"1"


def test_large_commands_and_replies_pass_whole(lab, proxy):
    client, value = proxy.client(), b"*1\r\n" * 750_000
    client.set("large", value)
    assert client.get("large") == value
    pipe = client.pipeline(transaction=False)
    for _ in range(20):
        pipe.set("large", value[:300_000]).get("large")
    assert pipe.execute()[1::2] == [value[:300_000]] * 20


def test_greetings_are_no_commands_so_a_password_and_a_database_change_nothing(url, other):
    address = Address.from_url(url.removesuffix("0") + "1")
    with FaultProxy(address) as proxy, address.client() as beside:
        client = proxy.client(retry=ONCE_MORE, client_name="seller")
        proxy.lose_next_reply()
        assert client.incr("views") == 2
        assert (beside.get("views"), other.get("views")) == (b"2", None)
        assert client.client_getname() == "seller"
        with pytest.raises(Refused):
            client.flushall()


def test_an_encrypted_connection_is_one_sentence():
    with pytest.raises(LabError, match="encrypted, so no proxy can look into it: unset REDIS_URL") as caught:
        FaultProxy(Address.from_url("rediss://:hush@127.0.0.1:1/0"))
    assert "hush" not in str(caught.value)


def test_a_server_that_is_not_there_is_the_error_that_it_always_is():
    with FaultProxy(Address.of_socket("/nowhere/s")) as proxy, pytest.raises(redis.ConnectionError):
        proxy.client().ping()


def open_ports():
    return {c.laddr for c in psutil.Process().net_connections("inet") if c.status == psutil.CONN_LISTEN}


def test_no_port_is_opened(lab):
    before = open_ports()
    with FaultProxy(lab.address) as proxy:
        proxy.client().ping()
        assert open_ports() == before


def sockets_and_threads():
    gc.collect()  # what other tests have dropped goes now, and not between two looks
    return psutil.Process().num_fds(), threading.active_count()


def test_close_leaves_no_thread_and_no_socket_and_the_client_is_told(lab):
    before = sockets_and_threads()
    proxy = FaultProxy(lab.address)
    clients = [proxy.client() for _ in range(3)]
    assert all(client.ping() for client in clients)
    assert repr(proxy) == "<FaultProxy>"
    proxy.close()
    assert threading.active_count() == before[1]
    with pytest.raises(redis.ConnectionError):
        clients[0].ping()
    for client in clients:
        client.close()
    assert sockets_and_threads() == before
    proxy.close()
    assert repr(proxy) == "<FaultProxy, closed>"


def test_a_client_that_leaves_takes_its_threads_along(lab, proxy):
    before = sockets_and_threads()
    with proxy.client() as client:
        client.ping()
        assert sockets_and_threads() != before
    assert becomes_true(lambda: sockets_and_threads() == before)


def test_an_interrupt_at_any_moment_leaves_nothing_either(lab):
    before = sockets_and_threads()
    usual = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    gc.disable()  # an Interrupt that comes while Python clears up is lost, whatever it interrupts
    try:
        for moment in range(100):
            proxy = FaultProxy(lab.address)
            with pytest.raises(KeyboardInterrupt), proxy, proxy.client() as client:  # noqa: PT012
                signal.setitimer(signal.ITIMER_REAL, 0.0002 + moment * 0.00002)
                for _ in range(2_000):
                    client.incr("views")
                raise KeyboardInterrupt  # Python swallows the one that meets a weak reference's callback
            assert threading.active_count() == before[1]
        assert becomes_true(lambda: sockets_and_threads() == before)
    finally:
        gc.enable()
        signal.signal(signal.SIGALRM, usual)
