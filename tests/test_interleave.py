"""Every order of two instances' commands, for any function, on a real Redis."""

from __future__ import annotations

import _thread
import signal
import threading
import time
from collections import Counter

import pytest
import redis as redis_py
from servers import foreign_server

from labsupport import interleavings, run_interleavings, start_lab
from labsupport.errors import BadArgument
from labsupport.lessons import gate, interleave
from labsupport.lessons.gate import NotAllOrders
from labsupport.lessons.interleave import run_everywhere
from labsupport.lessons.places import own_lab


@pytest.fixture(scope="module")
def own():
    with own_lab(lab_time=False) as lab:
        yield lab


@pytest.fixture(autouse=True)
def nothing_is_left_behind(own):
    yield
    assert [thread for thread in threading.enumerate() if isinstance(thread, gate.Instance)] == []
    assert own.redis.dbsize() == 0


def get_set(redis, name):
    redis.set(name, int(redis.get(name) or 0) + 1)


def incr(redis, name):
    redis.incr(name)


def watch_and_retry(redis, name):
    while True:
        with redis.pipeline() as pipe:
            try:
                pipe.watch(name)
                views = int(pipe.get(name) or 0)
                pipe.multi()
                pipe.set(name, views + 1)
                pipe.execute()
                return
            except redis_py.WatchError:
                time.sleep(1)  # passed over: whose turn it is, the gate decides


def redis_lock(redis, name):
    with redis.lock(f"{name}:lock", timeout=5):
        get_set(redis, name)


def spinning_lock(redis, name):
    while not redis.set(f"{name}:lock", 1, nx=True, ex=5):
        pass
    get_set(redis, name)
    redis.delete(f"{name}:lock")


@pytest.mark.parametrize(("function", "steps"), [(get_set, 2), (incr, 1)])
@pytest.mark.parametrize("clients", [1, 2, 3])
def test_it_runs_the_very_interleavings_that_the_races_run(own, function, steps, clients):
    orders = run_everywhere(own, function, clients)
    assert orders["schedule"].tolist() == interleavings(clients, steps)
    scheduled = run_interleavings(own.redis, own.keys, clients, function.__name__)
    assert orders["final"].tolist() == scheduled["final"].tolist()


def test_get_then_set_is_right_in_two_of_six_orders(own):
    orders = run_everywhere(own, get_set)
    assert Counter(orders["final"]) == {1: 4, 2: 2}
    in_turn, mixed = ["GET", "SET", "GET", "SET"], ["GET", "GET", "SET", "SET"]
    assert orders["commands"].tolist() == [in_turn, mixed, mixed, mixed, mixed, in_turn]
    assert orders["error"].isna().all()


@pytest.mark.parametrize("function", [incr, watch_and_retry, redis_lock, spinning_lock])
def test_what_guards_the_counter_on_redis_loses_nothing_in_any_order(own, function):
    run_everywhere(own, function, clients=1)  # loads scripts, so that both runs below send the same
    orders = run_everywhere(own, function)
    assert set(orders["final"]) == {2}
    assert orders["schedule"].is_unique


def test_watch_has_as_many_orders_as_its_three_steps_have(own):
    schedules = run_everywhere(own, watch_and_retry)["schedule"]
    first_six = {schedule[:6] for schedule in schedules}
    assert len(schedules) == len(interleavings(2, 3))
    assert all(Counter(schedule) >= Counter({0: 3, 1: 3}) for schedule in schedules)
    assert len(first_six) == len(schedules)


def test_the_same_function_gives_the_same_table(own):
    first, second = (run_everywhere(own, spinning_lock) for _ in range(2))
    assert first.drop(columns="error").equals(second.drop(columns="error"))


def test_a_lock_is_seen_held_and_waited_for(own):
    orders = run_everywhere(own, spinning_lock)
    tries = [commands.count("SET NX") for commands in orders["commands"]]
    assert min(tries) == 2
    assert max(tries) > 3


def test_a_python_lock_guards_nothing_because_each_instance_has_its_own(own):
    lock = threading.Lock()

    def locked(redis, name):
        with lock:
            get_set(redis, name)

    assert Counter(run_everywhere(own, locked)["final"]) == {1: 4, 2: 2}
    assert not lock.locked()


def test_variables_are_each_instances_own_and_new_for_each_order(own):
    seen = {}

    def count(redis, name):
        seen[name] = seen.get(name, 0) + 1
        redis.set(name, seen[name])

    assert run_everywhere(own, count)["final"].tolist() == [1, 1]
    assert seen == {}


def test_a_pipeline_is_one_step(own):
    def both(redis, name):
        redis.pipeline().incr(name).expire(name, 60).execute()

    def unwrapped(redis, name):
        redis.pipeline(transaction=False).incr(name).execute()

    assert run_everywhere(own, both)["commands"].tolist() == [["MULTI/EXEC"] * 2] * 2
    assert run_everywhere(own, unwrapped)["commands"].tolist() == [["PIPELINE"] * 2] * 2


def test_what_an_instance_raises_stands_in_its_row(own):
    def picky(redis, name):
        if redis.incr(name) == 2:
            raise KeyError(name)

    orders = run_everywhere(own, picky)
    assert [type(error) for error in orders["error"]] == [KeyError, KeyError]
    assert orders["final"].tolist() == [2, 2]


@pytest.mark.parametrize(
    ("command", "final"),
    [
        (lambda redis, name: redis.hincrby(name, "n", 1), "hash"),
        (lambda redis, name: redis.set(name, "many"), "text"),
        (lambda redis, name: None, 0),
        (lambda redis, name: redis.set("elsewhere", 1), 0),
    ],
)
def test_whatever_stands_under_the_name_is_told(own, command, final):
    assert set(run_everywhere(own, command)["final"]) == {final}


def test_the_keys_that_are_left_are_listed_and_gone(own):
    own.redis.set("old", 1)
    orders = run_everywhere(own, lambda redis, name: redis.set("mine", 1), clients=1)
    assert orders["keys"].tolist() == [["mine"]]


def incr_for_ever(redis, name):
    while True:
        redis.incr(name)


def catch_everything(redis, name):
    for _ in range(1_000):
        try:
            redis.incr(name)
        except BaseException:
            if redis is None:
                raise


def loop_for_ever(redis, name):
    while True:
        pass


def never_released(redis, name):
    while not redis.set("lock", 1, nx=True):
        pass
    redis.incr(name)


def seven_commands(redis, name):
    for n in range(7):
        redis.set(name, n)


def sleepy(redis, name):
    import time as clock  # not the module's own name, so it is not passed over

    clock.sleep(0.05)
    get_set(redis, name)


shared = type("Shared", (), {"lock": threading.Lock()})


def lock_of_a_class(redis, name):
    with shared.lock:
        get_set(redis, name)


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (incr_for_ever, "commands"),
        (never_released, "commands"),
        (loop_for_ever, "waits"),
        (lock_of_a_class, "waits"),
        (seven_commands, "orders"),
        (sleepy, "time"),
    ],
)
def test_what_would_never_end_ends_in_one_sentence(own, monkeypatch, function, why):
    monkeypatch.setattr(gate, "PATIENCE", 0.5)
    if why == "time":
        monkeypatch.setattr(interleave, "SECONDS", 0.2)
    with pytest.raises(NotAllOrders) as caught:
        run_everywhere(own, function)
    assert caught.value.why == why
    assert str(caught.value).endswith(".")
    assert ". " not in str(caught.value)
    assert not shared.lock.locked()


def test_code_that_catches_everything_is_parked_where_it_does_no_harm(own, monkeypatch):
    parked = []

    class Never:
        """Notes who is parked, and lets go, or this test would leave a thread behind."""

        def wait(self):
            parked.append(threading.current_thread())

    monkeypatch.setattr(gate, "_NEVER", Never())
    with pytest.raises(NotAllOrders, match="40 commands"):
        run_everywhere(own, catch_everything)
    assert parked


def test_an_interrupt_ends_it_at_once(own):
    def interrupts(redis, name):
        redis.incr(name)
        _thread.interrupt_main()
        redis.incr(name)
        time.sleep(0)

    def until_it_comes():  # the signal reaches the main thread at one of its next steps
        for _ in range(1_000):
            run_everywhere(own, interrupts)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # which a job in the background ignores
    try:
        with pytest.raises(KeyboardInterrupt):
            until_it_comes()
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_server_of_somebody_else_is_not_emptied(monkeypatch):
    with foreign_server() as url:
        monkeypatch.setenv("REDIS_URL", url)
        lab = start_lab("test")
        try:
            with pytest.raises(BadArgument, match="one of your own"):
                run_everywhere(lab, incr)
        finally:
            lab.close()


@pytest.mark.parametrize("clients", [0, 1.5, True, None])
def test_the_number_of_clients_must_be_one(own, clients):
    with pytest.raises(BadArgument, match="clients is"):
        run_everywhere(own, incr, clients)
