"""Lab time on real Redis: deadlines move when the clock does, exactly, and never otherwise."""

import contextlib
import os
import shutil
import signal
import time

import numpy as np
import pandas as pd
import pytest
import redis
from servers import foreign_server

from labsupport import Clock, CourseCatalog, Fleet, Keys, LocalCache, SharedCache, simulate, start_lab
from labsupport.errors import BadArgument, LabTimeSlipped
from labsupport.labtime import DAY_MS, LabTime
from labsupport.server import ForeignServer

BINARIES = [None, *filter(None, [shutil.which("redis-server")])]  # None: whatever the course brings along
ONE_SENTENCE = r"^[^.]*\d\.\d s of real time [^.]*, so [^.]* no longer exact: call lab\.reset\(\) [^.]*\.$"


@pytest.fixture(scope="module", params=BINARIES, ids=lambda binary: "found" if binary else "bundled")
def module_lab(request):
    with pytest.MonkeyPatch.context() as environ:
        environ.delenv("REDIS_URL", raising=False)
        if request.param:
            environ.setenv("LAB_REDIS_SERVER", request.param)
        lab = start_lab("time")
    yield lab
    lab.close()


@pytest.fixture
def own_lab(monkeypatch):
    monkeypatch.delenv("REDIS_URL", raising=False)
    lab = start_lab("own")
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def foreign():
    with foreign_server(arguments=["--enable-debug-command", "yes"]) as url:
        server = ForeignServer(url)
        yield server
        server.close()


@contextlib.contextmanager
def parked(lab):
    """What lies between two cells."""
    lab._time.park()
    yield
    lab._time.unpark()


def replayed(lab, traffic, ttl, instances=4):
    lab.reset()
    shared = SharedCache(lab.redis, ttl, lab.keys)
    fleet = Fleet(instances, lambda: shared, CourseCatalog(), lab.clock)
    return fleet.replay(traffic)["hit"].to_numpy()


def random_traffic(seed, requests=400):
    draw = np.random.default_rng(seed)
    at = np.sort(draw.uniform(0, 60, requests))
    return pd.DataFrame({"at": at, "key": [f"course:{n}" for n in draw.integers(20, size=requests)]})


# --- deadlines follow the clock


def test_ttl_shows_the_labs_seconds_right_after_every_tick(lab):
    lab.redis.set("key", 1, ex=30)
    for left in range(29, 0, -1):
        lab.clock.advance(1)
        assert lab.redis.ttl("key") == left
    lab.clock.advance(1)
    assert lab.redis.ttl("key") == -2


def test_real_time_is_put_back_however_often_it_nibbles(lab):
    lab.redis.set("key", 1, ex=5)
    for _ in range(200):
        lab.clock.advance(0)
    assert lab.redis.pttl("key") > 4_990


@pytest.mark.parametrize("steps", [[4, 1], [5], [1] * 5, [9]])
def test_an_entry_expires_exactly_when_its_ttl_is_over_on_redis_and_locally(lab, steps):
    caches = [LocalCache(5, lab.clock), SharedCache(lab.redis, 5, lab.keys)]
    for cache in caches:
        cache.set("course:204", b"x")
    for step in steps:
        assert [cache.get("course:204") for cache in caches] == [b"x", b"x"]
        lab.clock.advance(step)
    assert [cache.get("course:204") for cache in caches] == [None, None]


@pytest.mark.parametrize("seed", range(4))
def test_random_traffic_hits_where_the_model_says(lab, seed):
    traffic, ttl = random_traffic(seed), 3 + 4 * seed
    assert (replayed(lab, traffic, ttl) == simulate(traffic, 4, ttl, shared=True)).all()


def test_part_ticks_move_no_deadline(lab):
    lab.redis.set("key", 1, ex=5)
    with pytest.raises(BadArgument):
        lab.clock.advance(0.5)
    assert lab.redis.ttl("key") == 5


def test_a_tick_of_several_seconds_rounds_to_itself(lab):
    clock = Clock(tick=10)
    clock.listeners.append(LabTime(lab.redis, lab.keys, clock, whole_server=True))
    lab.redis.set("key", 1, ex=30)
    clock.advance(10)
    assert lab.redis.ttl("key") == 20
    clock.advance(20)
    assert not lab.redis.exists("key")


def test_a_step_beyond_all_measure_ends_every_deadline(lab):
    lab.redis.set("key", 1, ex=300)
    lab.clock.advance(1e300)
    assert not lab.redis.exists("key")


# --- all kinds of keys


def test_a_key_without_a_ttl_stays_without(lab):
    lab.redis.set("key", 1)
    lab.clock.advance(1_000_000)
    with parked(lab):
        assert lab.redis.ttl("key") == -1
    assert lab.redis.ttl("key") == -1


def test_commands_between_ticks_do_to_a_ttl_what_they_always_do(lab):
    for key in ("incr", "keepttl", "persist", "set", "expire"):
        lab.redis.set(key, 1, ex=9)
    lab.clock.advance(1)
    lab.redis.incr("incr")
    lab.redis.set("keepttl", 2, keepttl=True)
    lab.redis.persist("persist")
    lab.redis.set("set", 2)
    lab.redis.expire("expire", 100)
    lab.clock.advance(1)
    ttl = {key.decode(): lab.redis.ttl(key) for key in lab.redis.scan_iter()}
    assert ttl == {"incr": 7, "keepttl": 7, "persist": -1, "set": -1, "expire": 99}


ODD_NAMES = [b"with space", b"line\nbreak", bytes(range(256)), b"*?[a]\\", b"{tag}:1", b"", b"x" * 5_000]


@pytest.mark.parametrize("name", ODD_NAMES, ids=lambda name: repr(name[:12]))
def test_a_name_of_any_bytes_moves_and_parks(lab, name):
    lab.redis.set(name, 1, ex=5)
    lab.clock.advance(1)
    with parked(lab):
        assert lab.redis.pttl(name) > DAY_MS
    assert lab.redis.ttl(name) == 4


@pytest.mark.parametrize("years", [1, 300, 30_000])
def test_a_ttl_of_many_years_is_exact_to_the_second(lab, years):
    seconds = years * 365 * 86_400
    lab.redis.set("key", 1, ex=seconds)
    lab.clock.advance(1)
    with parked(lab):
        pass
    assert lab.redis.ttl("key") == seconds - 1


def test_a_ttl_longer_than_numbers_go_is_left_alone(lab):
    lab.redis.set("key", 1, px=9 * 10**18)
    lab.redis.set("other", 1, ex=5)
    lab.clock.advance(1)
    with parked(lab):
        pass
    assert lab.redis.pttl("key") > 8 * 10**18
    assert lab.redis.ttl("other") == 4


def test_every_type_of_value_moves(lab):
    lab.redis.hset("hash", "field", 1)
    lab.redis.rpush("list", 1)
    lab.redis.zadd("zset", {"a": 1})
    for key in ("hash", "list", "zset"):
        lab.redis.expire(key, 5)
    lab.clock.advance(4)
    assert {lab.redis.ttl(key) for key in ("hash", "list", "zset")} == {1}


FILL = """
for i = 1, 12000 do redis.call('SET', 'key:' .. ARGV[1] .. ':' .. i, 1, 'EX', i % 20 == 0 and 100 or 1) end
"""
COUNT_WRONG = """
local wrong = 0
for i = 20, 12000, 20 do
  local left = redis.call('PTTL', 'key:' .. ARGV[1] .. ':' .. i)  -- not TTL, which rounds: this may be later
  if math.ceil(left / 1000) ~= 99 then wrong = wrong + 1 end
end
return wrong
"""


def test_while_the_table_shrinks_under_scan_each_deadline_moves_once(lab):
    for crowd in range(25):  # whether a scan would meet a key twice depends on the names
        lab.reset()
        lab.redis.eval(FILL, 0, crowd)
        lab.clock.advance(1)
        assert lab.redis.eval(COUNT_WRONG, 0, crowd) == 0
        assert lab.redis.dbsize() == 600


# --- between two cells


def test_parked_keys_get_their_lab_seconds_back(lab):
    lab.redis.set("key", 1, ex=5)
    with parked(lab):
        assert lab.redis.pttl("key") > DAY_MS
        assert lab.redis.keys() == [b"key"]  # nothing of ours beside it
    assert lab.redis.ttl("key") == 5


def test_park_and_unpark_may_come_twice_or_alone(lab):
    lab.redis.set("key", 1, ex=5)
    lab._time.unpark()
    lab._time.park()
    lab._time.park()
    lab._time.unpark()
    lab._time.unpark()
    assert lab.redis.ttl("key") == 5


def test_a_move_between_cells_takes_the_day_away_first(lab):
    lab.redis.set("key", 1, ex=5)
    lab._time.park()
    lab.clock.advance(1)
    assert lab.redis.ttl("key") == 4
    assert not lab._time.parked


@pytest.mark.parametrize("ttl", [None, 3, 100, 86_400, 86_405, 200_000, 10**7])
def test_a_key_overwritten_between_cells_keeps_its_new_ttl(lab, ttl):
    if lab.redis.info("server")["redis_version"] < "7" and ttl and ttl >= 86_400:
        pytest.skip("Redis 6 cannot tell such a deadline from ours")
    lab.redis.set("key", 1, ex=5)
    with parked(lab):
        time.sleep(0.003)  # so that the two deadlines differ by more than whole ticks
        lab.redis.set("key", 2, ex=ttl)
        lab.redis.set("new", 2, ex=ttl)
    assert lab.redis.ttl("key") == lab.redis.ttl("new") == (ttl or -1)


def test_a_key_deleted_between_cells_is_no_slip(lab):
    lab.redis.set("key", 1, ex=5)
    with parked(lab):
        lab.redis.delete("key")
    lab.clock.advance(1)


def test_parking_works_on_a_full_server(own_lab):
    own_lab.redis.set("key", 1, ex=5)
    own_lab.redis.config_set("maxmemory", 1)
    with pytest.raises(redis.exceptions.OutOfMemoryError):
        own_lab.redis.set("more", 1)
    with parked(own_lab):
        assert own_lab.redis.pttl("key") > DAY_MS
    own_lab.clock.advance(1)
    assert own_lab.redis.ttl("key") == 4


# --- when it cannot be exact, it says so


def test_60000_requests_in_one_tick_do_not_slip(own_lab):
    names = np.random.default_rng(1).integers(500, size=60_000)
    traffic = pd.DataFrame({"at": 7.0, "key": [f"course:{n}" for n in names]})
    began = time.monotonic()
    hits = replayed(own_lab, traffic, ttl=1)
    print(f"{time.monotonic() - began:.1f} s of real time, with a TTL of 1 s")
    assert (hits == simulate(traffic, 4, 1, shared=True)).all()
    assert 0 < own_lab.redis.pttl(own_lab.keys.name(traffic["key"][0])) <= 1_000


def test_a_tick_of_real_time_after_a_set_is_a_slip_until_reset(own_lab):
    own_lab.redis.set("key", 1, ex=5)
    time.sleep(1.1)
    for _ in range(2):
        with pytest.raises(LabTimeSlipped, match=ONE_SENTENCE):
            own_lab.clock.advance(1)
    assert own_lab.clock.now() == 0
    own_lab.reset()
    own_lab.redis.set("key", 1, ex=5)
    own_lab.clock.advance(1)
    assert own_lab.redis.ttl("key") == 4


def test_a_tick_of_real_time_hurts_nobody_where_nothing_can_expire(own_lab):
    own_lab.redis.set("key", 1)
    own_lab.clock.advance(1)
    time.sleep(1.1)
    own_lab.clock.advance(1)


def test_a_key_that_expired_in_real_time_is_a_slip_too(own_lab):
    own_lab.redis.set("key", 1, ex=1)
    time.sleep(1.1)
    with pytest.raises(LabTimeSlipped):
        own_lab.clock.advance(1)


def test_a_frozen_server_times_out_and_then_has_slipped_until_reset(own_lab):
    own_lab.redis.set("key", 1, ex=5)
    impatient = own_lab._server.address.client(socket_timeout=0.2)
    os.kill(own_lab._server.pid, signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(redis.exceptions.TimeoutError):
        impatient.get("key")
    assert time.monotonic() - began < 1
    time.sleep(max(0, began + 1.1 - time.monotonic()))
    os.kill(own_lab._server.pid, signal.SIGCONT)
    for _ in range(2):
        with pytest.raises(LabTimeSlipped, match=ONE_SENTENCE):
            own_lab.clock.advance(1)
    own_lab.reset()
    own_lab.redis.set("key", 1, ex=5)
    own_lab.clock.advance(1)
    assert own_lab.redis.ttl("key") == 4


@pytest.mark.parametrize(
    ("error", "told"),
    [(KeyboardInterrupt, KeyboardInterrupt), (redis.exceptions.TimeoutError, LabTimeSlipped)],
)
def test_a_move_cut_short_is_not_trusted(lab, error, told):
    """Redis may have moved the deadlines although nobody heard its answer."""
    script = lab._time._script

    def cut_short(**arguments):
        script(**arguments)
        raise error

    lab.redis.set("key", 1, ex=9)
    lab._time._script = cut_short
    with pytest.raises(told):
        lab.clock.advance(1)
    lab._time._script = script
    with pytest.raises(LabTimeSlipped, match="could not finish its last move, so"):
        lab.clock.advance(1)
    lab.reset()
    lab.clock.advance(1)


# --- a server that is not ours


def test_among_a_million_other_keys_only_ours_move_and_nothing_is_scanned(foreign):
    other = redis.Redis.from_url(f"{foreign.address.where}", protocol=2, socket_timeout=30)
    other.execute_command("DEBUG", "POPULATE", 1_000_000, "theirs", 10)
    other.pexpire("theirs:7", 900_000)
    deadline, clock, keys = other.pexpiretime("theirs:7"), Clock(), Keys("lab:03:0")
    clock.listeners.append(LabTime(foreign.redis, keys, clock, whole_server=False))
    for n in range(10):
        other.set(keys.name(f"course:{n}"), 1, ex=50)
    other.config_resetstat()
    for _ in range(20):
        clock.advance(1)
    calls = {name: stats["calls"] for name, stats in other.info("commandstats").items()}
    assert "cmdstat_scan" not in calls and "cmdstat_keys" not in calls
    assert calls["cmdstat_pttl"] == 20 * 10
    assert {other.ttl(name) for name in keys.handed_out} == {30}
    assert other.dbsize() == 1_000_010
    assert (other.pexpiretime("theirs:7"), other.ttl("theirs:8")) == (deadline, -1)
    other.flushall()
    other.close()


def test_a_name_handed_out_before_it_is_used_moves_too(foreign):
    clock, keys = Clock(), Keys("lab:03:1")
    clock.listeners.append(LabTime(foreign.redis, keys, clock, whole_server=False))
    name = keys.name("later")
    for _ in range(2):
        clock.advance(1)
        foreign.redis.set(name, 1, ex=5)
        clock.advance(2)
        assert foreign.redis.ttl(name) == 3
        clock.advance(3)
        assert not foreign.redis.exists(name)


@pytest.mark.parametrize("moving", [True, False])
def test_between_cells_a_key_without_a_ttl_gets_one_and_loses_it_again(foreign, moving):
    keys = Keys(f"lab:03:2{moving}")
    labtime = LabTime(foreign.redis, keys, Clock(), whole_server=False, moving=moving)
    bare, timed, theirs = keys.name("bare"), keys.name("timed"), "theirs"
    foreign.redis.mset({bare: 1, timed: 1, theirs: 1})
    foreign.redis.expire(timed, 5)
    labtime.park()
    assert 0 < foreign.redis.pttl(bare) <= DAY_MS
    assert (foreign.redis.pttl(timed) > DAY_MS) is moving
    labtime.unpark()
    assert [foreign.redis.ttl(name) for name in (bare, timed, theirs)] == [-1, 5, -1]
