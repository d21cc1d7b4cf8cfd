"""A proxy that loses replies, holds them back or falls silent; and then all is well again."""

from __future__ import annotations

import contextlib
import gc
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

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


def seconds(call, *arguments):
    start = time.perf_counter()
    with contextlib.suppress(redis.RedisError):
        call(*arguments)
    return time.perf_counter() - start


def test_each_reply_comes_later_by_the_delay_until_it_is_taken_back(proxy):
    client = proxy.client()
    proxy.delay(0.05)
    assert all(seconds(client.incr, "views") >= 0.05 for _ in range(3))
    proxy.delay(0)
    assert min(seconds(client.incr, "views") for _ in range(20)) < 0.05


def test_the_replies_of_many_clients_do_not_queue_behind_each_other(proxy):
    clients = [proxy.client() for _ in range(40)]
    proxy.delay(0.2)
    with ThreadPoolExecutor(40) as pool:
        took = seconds(lambda: list(pool.map(lambda client: client.incr("views"), clients)))
    assert 0.2 <= took < 40 * 0.2 / 4
    assert clients[0].get("views") == b"40"


def test_a_long_reply_and_a_pipeline_are_each_held_back_once(lab, proxy):
    client = proxy.client()
    lab.redis.set("large", b"x" * 3_000_000)  # passes in some 50 pieces
    proxy.delay(0.1)
    assert 0.1 <= seconds(client.get, "large") < 3
    pipe = client.pipeline(transaction=False)
    for _ in range(100):
        pipe.incr("views")
    assert 0.1 <= seconds(pipe.execute) < 3
    assert lab.redis.get("views") == b"100"


def test_closing_does_not_wait_for_a_reply_that_is_held_back(lab):
    proxy = FaultProxy(lab.address)
    proxy.delay(30)
    with ThreadPoolExecutor() as pool, proxy.client(socket_timeout=20) as client:
        waiting = pool.submit(client.incr, "views")
        assert becomes_true(lambda: lab.redis.get("views"))
        assert seconds(proxy.close) < 5
        assert isinstance(waiting.exception(), redis.ConnectionError)


def test_in_silence_clients_wait_in_vain_and_nothing_arrives(lab, proxy):
    before, after = proxy.client(socket_timeout=0.3), proxy.client(socket_timeout=0.3)
    assert before.incr("views") == 1
    proxy.go_silent()
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(client.incr, "views") for client in (before, after)]
        assert all(isinstance(future.exception(10), redis.TimeoutError) for future in waiting)
    proxy.heal()
    assert lab.redis.get("views") == b"1"
    assert (before.incr("views"), after.incr("views")) == (2, 3)
    assert lab.redis.get("views") == b"3"


def test_a_client_that_waits_in_silence_is_told_once_the_proxy_is_healed(proxy):
    client = proxy.client(socket_timeout=15)
    proxy.go_silent()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(client.incr, "views")
        assert becomes_true(lambda: proxy.commands == 1)
        proxy.heal()
        assert isinstance(waiting.exception(10), redis.ConnectionError)
    assert client.incr("views") == 1


def test_a_connection_made_in_silence_breaks_when_the_proxy_is_healed(proxy):
    proxy.go_silent()
    client = proxy.client(one_connection=True)
    proxy.heal()
    with pytest.raises(redis.ConnectionError):
        client.incr("views")
    assert client.incr("views") == 1


def test_a_connection_that_was_idle_in_the_silence_is_as_good_as_before(proxy):
    client = proxy.client(one_connection=True)
    number = client.client_id()
    proxy.go_silent()
    proxy.heal()
    assert client.client_id() == number


def test_a_reply_that_falls_into_the_silence_is_lost_though_the_command_arrived(lab, proxy):
    client = proxy.client(socket_timeout=0.5)
    proxy.delay(0.3)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(client.incr, "views")
        assert becomes_true(lambda: lab.redis.get("views"))
        proxy.go_silent()
        assert isinstance(waiting.exception(10), redis.TimeoutError)
    assert lab.redis.get("views") == b"1"


def test_healing_takes_back_the_delay_and_the_losses_too(proxy):
    client = proxy.client()
    proxy.delay(30)
    proxy.lose_next_reply()
    proxy.heal()
    assert client.incr("views") == 1


def test_commands_are_counted_one_by_one_whoever_sends_them(proxy):
    client = proxy.client(client_name="seller", db=1)  # it greets with CLIENT SETNAME and SELECT
    client.incr("views")
    client.pipeline(transaction=False).incr("views").incr("views").execute()
    client.pipeline(transaction=True).incr("views").execute()  # MULTI and EXEC are commands as well
    client.set("large", b"*1\r\n$4\r\nPING\r\n" * 20_000)  # only looks like many
    assert proxy.commands == 1 + 2 + 3 + 1
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.incr("views"), range(200)))
    assert proxy.commands == 207


def test_each_attempt_counts_delivered_or_not_and_at_once(proxy):
    client = proxy.client(socket_timeout=0.02, retry=Retry(NoBackoff(), 10))
    proxy.go_silent()
    with pytest.raises(redis.TimeoutError):
        client.incr("views")
    assert proxy.commands == 11
    proxy.close()  # there is no connection to send it on
    with pytest.raises(redis.ConnectionError):
        client.incr("views")
    assert proxy.commands == 11


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
    return psutil.Process().num_fds(), threading.active_count()


def test_close_leaves_no_thread_and_no_socket_and_the_client_is_told(lab):
    gc.collect()  # what other tests have dropped goes now, and not between two looks
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
    gc.collect()
    before = sockets_and_threads()
    with proxy.client() as client:
        client.ping()
        assert sockets_and_threads() != before
    assert becomes_true(lambda: sockets_and_threads() == before)


def test_an_interrupt_at_any_moment_leaves_nothing_either(lab):
    faults = [lambda _: None, FaultProxy.go_silent, FaultProxy.lose_next_reply, lambda proxy: proxy.delay(5)]
    gc.collect()
    before = sockets_and_threads()
    usual = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    gc.disable()  # an Interrupt that comes while Python clears up is lost, whatever it interrupts
    try:
        for moment in range(100):
            proxy = FaultProxy(lab.address)
            with pytest.raises(KeyboardInterrupt), proxy, proxy.client() as client:  # noqa: PT012
                signal.setitimer(signal.ITIMER_REAL, 0.0002 + moment * 0.00002)
                client.incr("views")
                faults[moment % 4](proxy)
                for _ in range(2_000):
                    with contextlib.suppress(redis.RedisError):
                        client.incr("views")
                raise KeyboardInterrupt  # Python swallows the one that meets a weak reference's callback
            assert threading.active_count() == before[1]
        assert becomes_true(lambda: (gc.collect(), sockets_and_threads())[1] == before)
    finally:
        gc.enable()
        signal.signal(signal.SIGALRM, usual)
