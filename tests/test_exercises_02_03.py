"""The exercises of notebooks 02 and 03: what each answer that learners give is told."""

from __future__ import annotations

import re
import threading

import numpy as np
import pytest
from learner import NO_FUNCTIONS, Hostile, expect_every_reply, finding, learner, named, reply, said

from labsupport.lessons.checks import nb02, nb03
from labsupport.lessons.checks.nb02 import check_fleet_rate, check_route, check_same_rate
from labsupport.lessons.checks.nb03 import check_add_view, check_forget, check_pays
from labsupport.lessons.given import NOT_ATTEMPTED, RIGHT

ROUTE = [
    (NOT_ATTEMPTED, "def route(index, key):\n ..."),
    (RIGHT, "import zlib\ndef route(index, key): return zlib.crc32(key.encode()) % 4"),
    (RIGHT, "def route(index, key): return int(key.split(':')[1]) % 4"),
    (RIGHT, "def route(index, key): return sum(key.encode()) % 4"),
    (RIGHT, "import hashlib\ndef route(index, key): return hashlib.md5(key.encode()).digest()[0] % 4"),
    (RIGHT, "import numpy as np\ndef route(index, key): return np.int64(int(key[-1]) % 4)"),
    (RIGHT, "import random\ndef route(index, key): return random.Random(key).randrange(4)"),
    ("round_robin", "def route(index, key): return index % 4"),
    ("by_chance", "import random\ndef route(index, key): return random.randrange(4)"),
    ("by_request", "def route(index, key): return index // 3000"),
    ("by_request", "def route(index, key): return hash((index, key)) % 4"),
    ("by_request", "def route(index, key): return (index + int(key[7:])) % 4"),
    ("one_works", "def route(index, key): return 0"),
    ("same_shape", "def route(index, key): return len(key) % 4"),
    ("same_shape", "def route(index, key): return ord(key[0]) % 4"),
    ("idle", "def route(index, key): return int(key[7:]) % 2"),
    ("idle", "def route(index, key): return 0 if key != 'course:703' else 1"),
    ("salted_hash", "def route(index, key): return hash(key) % 4"),
    ("salted_hash", "h = hash\ndef route(index, key): return h(key.split(':')[1]) % 4"),
    ("salted_hash", "def home(key): return abs(hash(key))\ndef route(index, key): return home(key) % 4"),
    ("own_memory", "seen = {}\ndef route(index, key): return seen.setdefault(key, len(seen)) % 4"),
    (
        "own_memory",
        "def route(index, key, seen=[]):\n if key not in seen: seen.append(key)\n return seen.index(key) % 4",
    ),
    ("beyond", "def route(index, key): return int(key[7:])"),
    ("beyond", "def route(index, key): return -1"),
    ("beyond", "def route(index, key): return 10 ** 400"),
    ("a_text", "def route(index, key): return 'ABCD'[index % 4]"),
    ("a_fraction", "def route(index, key): return index / 4"),
    ("no_instance", "def route(index, key): return True"),
    ("no_instance", "def route(index, key): return [0]"),
    ("nothing", "def route(index, key):\n if index < 3: return 0"),
    ("stopped", "def route(index, key): return key % 4"),
    ("stopped", "def route(index, key): raise SystemExit"),
    ("other_parameters", "def route(key): return 0"),
    ("no_function", "route = 'by_key'"),
    (NOT_ATTEMPTED, "route = ..."),
]

RATE = [
    (NOT_ATTEMPTED, "def rate(log):\n ..."),
    (RIGHT, "def rate(log): return log['hit'].mean()"),
    (RIGHT, "def rate(log): return log['hit'].sum() / len(log)"),
    (RIGHT, "def rate(log): return round(sum(log.hit) / len(log.hit), 2)"),
    (
        RIGHT,
        "def rate(log):\n g = log.groupby('instance')['hit']\n return (g.mean() * g.size()).sum() / len(log)",
    ),
    ("mean_of_rates", "def rate(log): return log.groupby('instance')['hit'].mean().mean()"),
    ("median_of_rates", "def rate(log): return log.groupby('instance')['hit'].mean().median()"),
    ("sum_of_rates", "def rate(log): return log.groupby('instance')['hit'].mean().sum()"),
    ("best_instance", "def rate(log): return log.groupby('instance')['hit'].mean().max()"),
    ("first_instance", "def rate(log): return log[log['instance'] == 0]['hit'].mean()"),
    ("canary_only", "def rate(log): return log.groupby('instance')['hit'].mean().iloc[-1]"),
    ("without_canary", "def rate(log): return log[log.instance != log.instance.max()].hit.mean()"),
    ("mean_of_courses", "def rate(log): return log.groupby('key')['hit'].mean().mean()"),
    ("percent", "def rate(log): return 100 * log['hit'].mean()"),
    ("miss_rate", "def rate(log): return 1 - log['hit'].mean()"),
    ("hits", "def rate(log): return log['hit'].sum()"),
    ("hits_over_misses", "def rate(log): return log.hit.sum() / (~log.hit).sum()"),
    ("only_this_log", "def rate(log): return 0.65333"),
    ("another", "def rate(log): return 0.5"),
    ("another", "def rate(log): return 1e300"),
    ("another", "def rate(log):\n log['hit'] = True\n return log['hit'].mean()"),
    ("several", "def rate(log): return log.groupby('instance')['hit'].mean()"),
    ("several", "def rate(log): return {'A': 0.6}"),
    ("nothing_returned", "def rate(log): log['hit'].mean()"),
    ("no_number", "def rate(log): return float('nan')"),
    ("no_number", "def rate(log): return '65 %'"),
    ("stopped", "def rate(log): return log['hits'].mean()"),
]

ADDED = "int(redis.get(name) or 0) + 1"
WATCHED = "p.watch(name); v = int(p.get(name) or 0); p.multi(); p.set(name, v + 1); p.execute()"
DEF = "def add_view(redis, name):"
RETRY = f"import redis as r\n{DEF}\n while True:\n  with redis.pipeline() as p:\n   try:\n    "
ONCE = "import redis as r\ndef add_view(redis, name):\n with redis.pipeline() as p:\n  "
ADD_VIEW = [
    (NOT_ATTEMPTED, "def add_view(redis, name):\n ..."),
    (RIGHT, "def add_view(redis, name): redis.incr(name)"),
    (RIGHT, "def add_view(redis, name): redis.incrby(name, 1)"),
    (RIGHT, "def add_view(redis, name): print(redis.incr(name))"),
    (RIGHT, "def add_view(redis, name): redis.eval(\"return redis.call('INCR', KEYS[1])\", 1, name)"),
    (RIGHT, "def add_view(redis, name): redis.register_script(\"redis.call('INCR', KEYS[1])\")(keys=[name])"),
    (RIGHT, f"{RETRY}{WATCHED}; return\n   except r.WatchError: pass"),
    (
        RIGHT,
        f"{DEF}\n def add(p):\n  v = int(p.get(name) or 0)\n  p.multi()\n  p.set(name, v + 1)\n"
        " redis.transaction(add, name)",
    ),
    (RIGHT, f"def add_view(redis, name):\n with redis.lock('l', timeout=5): redis.set(name, {ADDED})"),
    (
        RIGHT,
        f"import time\n{DEF}\n while not redis.set('l', 1, nx=True): time.sleep(1)\n"
        f" redis.set(name, {ADDED})\n redis.delete('l')",
    ),
    ("get_set", f"def add_view(redis, name): redis.set(name, {ADDED})"),
    ("get_set", f"{DEF}\n for _ in range(4): v = redis.get(name)\n redis.set(name, int(v or 0) + 1)"),
    (
        "process_lock",
        f"import threading\nlock = threading.Lock()\n{DEF}\n with lock: redis.set(name, {ADDED})",
    ),
    (
        "process_lock",
        f"import threading\ndef add_view(redis, name):\n with threading.Lock(): redis.set(name, {ADDED})",
    ),
    ("pipeline", f"def add_view(redis, name): redis.pipeline().set(name, {ADDED}).execute()"),
    (
        "pipeline",
        f"{DEF}\n v, = redis.pipeline(False).get(name).execute()\n redis.set(name, int(v or 0) + 1)",
    ),
    (
        "own_count",
        "n = {}\ndef add_view(redis, name):\n n[name] = n.get(name, 0) + 1\n redis.set(name, n[name])",
    ),
    ("own_count", "def add_view(redis, name): redis.set(name, 1)"),
    ("only_first", "def add_view(redis, name): redis.set(name, 1, nx=True)"),
    ("only_first", "def add_view(redis, name): redis.setnx(name, 1)"),
    ("twice", "def add_view(redis, name): redis.incr(name); redis.incr(name)"),
    ("twice", "def add_view(redis, name): redis.incrby(name, 2)"),
    ("alone", "def add_view(redis, name): redis.decr(name)"),
    ("alone", "def add_view(redis, name): redis.get(name)"),
    ("alone", "def add_view(redis, name): redis.set(name, 0)"),
    ("watch_raised", f"{ONCE}{WATCHED}"),
    ("watch_gave_up", f"{ONCE}try:\n   {WATCHED}\n  except r.WatchError: pass"),
    (
        "watch_late",
        f"{RETRY}v = {ADDED}; p.watch(name); p.multi(); p.set(name, v); p.execute(); return\n"
        "   except r.WatchError: pass",
    ),
    (
        "lock_gave_up",
        f"{DEF}\n if redis.set('l', 1, nx=True):\n  redis.set(name, {ADDED})\n  redis.delete('l')",
    ),
    ("no_counter", "def add_view(redis, name): redis.hincrby(name, 'views', 1)"),
    ("elsewhere", "def add_view(redis, name): redis.incr('views')"),
    ("no_command", "n = []\ndef add_view(redis, name): n.append(name)"),
    ("commands", "def add_view(redis, name):\n while True: redis.incr(name)"),
    (
        "commands",
        "def add_view(redis, name):\n while not redis.set('l', 1, nx=True): pass\n redis.incr(name)",
    ),
    ("orders", "def add_view(redis, name):\n for n in range(6): redis.set('x', n)\n redis.incr(name)"),
    ("waits", "def add_view(redis, name):\n while True: pass"),
    ("stopped", "def add_view(redis, name): redis.set(name, redis.get(name) + 1)"),
    ("stopped", "def add_view(redis, name): raise KeyboardInterrupt"),
    ("stopped", f"{ONCE}p.watch(name); redis.incr(name); p.multi(); p.get(name); p.execute()"),
    ("async_function", "async def add_view(redis, name): redis.incr(name)"),
]

FORGET = [
    (NOT_ATTEMPTED, "def forget(redis, keys, course):\n ..."),
    (RIGHT, "def forget(redis, keys, course): redis.unlink(keys.name(course))"),
    (RIGHT, "def forget(redis, keys, course): redis.delete(keys.name(course))"),
    (RIGHT, "def forget(redis, keys, course): return redis.getdel(keys.name(course))"),
    (RIGHT, "def forget(redis, keys, course): redis.expire(keys.name(course), 0)"),
    (
        RIGHT,
        "def forget(redis, keys, course): redis.pipeline().delete(f'{keys.namespace}:{course}').execute()",
    ),
    ("bare_name", "def forget(redis, keys, course): redis.delete(course)"),
    ("flushed", "def forget(redis, keys, course): redis.flushall()"),
    ("flushed", "def forget(redis, keys, course): redis.flushdb()"),
    ("empty", "def forget(redis, keys, course): redis.set(keys.name(course), '')"),
    ("empty", "def forget(redis, keys, course): redis.set(keys.name(course), 'None', ex=60)"),
    ("sooner", "def forget(redis, keys, course): redis.expire(keys.name(course), 5)"),
    ("later", "def forget(redis, keys, course): redis.expire(keys.name(course), 600)"),
    ("later", "def forget(redis, keys, course): redis.persist(keys.name(course))"),
    ("no_ttl", "def forget(redis, keys, course): redis.set(keys.name(course), 'the new title')"),
    ("rewritten", "def forget(redis, keys, course): redis.set(keys.name(course), 'new', keepttl=True)"),
    (
        "other_type",
        "def forget(redis, keys, course):\n n = keys.name(course)\n redis.delete(n)\n redis.hset(n, 'a', 1)",
    ),
    (
        "neighbours",
        "def forget(redis, keys, course):\n for k in redis.keys(keys.name(course) + '*'): redis.delete(k)",
    ),
    (
        "neighbours",
        "def forget(redis, keys, course):\n for k in redis.scan_iter(keys.name('*')): redis.delete(k)",
    ),
    ("others", "def forget(redis, keys, course):\n for k in redis.scan_iter('*' + course): redis.delete(k)"),
    ("others", "def forget(redis, keys, course): redis.delete(course, keys.name(course))"),
    ("looked_at_all", "def forget(redis, keys, course): redis.delete(*redis.keys(keys.name(course)))"),
    ("sooner", "def forget(redis, keys, course): redis.expire(redis.keys(keys.name(course))[0], 5)"),
    ("another_course", "def forget(redis, keys, course): redis.delete(keys.name('course:204'))"),
    ("left_behind", "def forget(redis, keys, course): redis.rename(keys.name(course), 'old')"),
    ("untouched", "def forget(redis, keys, course): redis.delete(keys.name(keys.name(course)))"),
    ("nothing_sent", "cache = {}\ndef forget(redis, keys, course): cache.pop(course, None)"),
    ("stopped", "def forget(redis, keys, course): redis.set(keys.name(course), None)"),
    ("slow", "import time\ndef forget(redis, keys, course): redis.get('a'); time.sleep(1.1)"),
]

BY_CODE = [
    *[(check_route, "route", *row) for row in ROUTE],
    *[(check_fleet_rate, "rate", *row) for row in RATE],
    *[(check_add_view, "add_view", *row) for row in ADD_VIEW],
    *[(check_forget, "forget", *row) for row in FORGET],
]


@pytest.mark.parametrize(("check", "what", "name", "source"), BY_CODE)
def test_each_function_gets_its_own_reply(check, what, name, source):
    assert named(check, what, source) == name


TTLS = [
    (NOT_ATTEMPTED, [None, ...]),
    (RIGHT, [240, 240.0, 4 * 60, 238, 245, np.int64(240)]),
    ("same_ttl", [60]),
    ("divided", [15]),
    ("root", [120]),
    ("minutes", [4]),
    ("milliseconds", [240_000]),
    ("too_short", [1e-9, 1, 30, 64, 235, 200]),
    ("too_long", [247, 300, 960, 1e300]),
    ("no_ttl", [0, -240]),
]
TIMES = [
    (NOT_ATTEMPTED, [None, ...]),
    (RIGHT, [0.26 / 0.3, 0.867, 0.87, 0.86, 0.9]),
    ("one_hop", [0.2]),
    ("forgot_set", [0.667, 0.2 / 0.3]),
    ("set_always", [1.33]),
    ("set_after_hit", [1.13]),
    ("by_the_hit_rate", [0.286, 0.2 / 0.7]),
    ("by_the_private_rate", [0.5]),
    ("the_gain", [0.3]),
    ("in_hops", [4.33]),
    ("microseconds", [867]),
    ("too_low", [1e-300, 0.1, 0.8]),
    ("too_high", [0.95, 3.5, 1e300]),
    ("not_positive", [0, -1]),
]


WEIRD = [
    ("no_number", [float("nan"), float("inf"), True, [240], "four minutes", Hostile(), 1j, {}]),
    ("number_in_quotes", ["240", "0.867"]),
    ("function_for_a_number", [lambda: 240]),
]


def numbers(check, rows):
    return [(check, name, number) for name, given in (*rows, *WEIRD) for number in given]


@pytest.mark.parametrize(
    ("check", "name", "number"), [*numbers(check_same_rate, TTLS), *numbers(check_pays, TIMES)]
)
def test_each_number_gets_its_own_reply(check, name, number):
    assert finding(check, number) == name


@pytest.mark.parametrize("check", [check_route, check_fleet_rate, check_add_view, check_forget])
@pytest.mark.parametrize("thing", NO_FUNCTIONS)
def test_what_is_no_function_gets_one_sentence(check, thing):
    assert finding(check, thing) == "no_function"


def test_the_lists_above_know_every_reply_of_the_texts():
    rows = {"route": ROUTE, "fleet_rate": RATE, "same_rate": TTLS}
    expect_every_reply("02", "03", **rows, add_view=ADD_VIEW, forget=FORGET, pays=TIMES)


def test_a_lost_view_is_told_with_its_numbers_and_an_order():
    text = said(check_add_view, "add_view", f"def add_view(redis, name): redis.set(name, {ADDED})")
    assert "of the 6 orders of two instances 4 lose a view and only 2 keep both" in text
    assert "A GET, B GET, A SET, B SET" in text


def test_a_right_counter_is_told_how_many_orders_it_stood():
    assert "in all 2 orders" in said(
        check_add_view, "add_view", "def add_view(redis, name): redis.incr(name)"
    )


def test_what_waits_for_real_is_told_so(monkeypatch):
    monkeypatch.setattr("labsupport.lessons.interleave.SECONDS", 0.1)
    source = "def add_view(redis, name):\n import time\n time.sleep(0.2)\n redis.incr(name)\n redis.get(name)"
    assert named(check_add_view, "add_view", source) == "time"


def test_hash_is_told_how_many_courses_two_real_processes_disagree_about():
    text = said(check_route, "route", "def route(index, key): return hash(key) % 4")
    found = re.search(
        r"about (\d+) of 497 courses, and the fleet hits 7[345]\.\d%, where one .* 79\.8%", text
    )
    assert found
    assert 300 < int(found[1]) < 420  # three in four, if each of the two draws one of four


def test_a_right_route_is_told_what_the_real_fleet_hit():
    text = said(check_route, "route", "def route(index, key): return int(key[7:]) % 4")
    assert "hit 79.8%" in text
    assert "33% of the requests and the idlest 20%" in text


def test_a_ttl_is_told_the_rate_that_it_gives():
    assert "four private caches hit 63.0% and one cache 80.2%" in reply(check_same_rate, 60)
    assert "up to 240 s instead of 60" in reply(check_same_rate, 240)
    assert "82.5% of 400,000 simulated requests, 2.3 points above" in reply(check_same_rate, 300)


def test_the_mean_of_the_rates_is_told_both_numbers():
    text = said(check_fleet_rate, "rate", "def rate(log): return log.groupby('instance').hit.mean().mean()")
    assert "56.5% is the mean" in text
    assert "really hits 65.3%" in text


def test_a_name_without_its_namespace_is_told_for_how_long_the_old_title_stays():
    text = said(check_forget, "forget", "def forget(redis, keys, course): redis.delete(course)")
    assert "old title for 50 s more" in text


def test_a_flush_is_told_who_else_was_there():
    text = said(check_forget, "forget", "def forget(redis, keys, course): redis.flushall()")
    assert "logs out 25 people and loses 40 e-mails" in text


def test_what_readers_saw_is_counted_in_a_real_run():
    shorter = said(
        check_forget, "forget", "def forget(redis, keys, course): redis.expire(keys.name(course), 5)"
    )
    assert "readers got the old title 5 times more" in shorter
    empty = said(check_forget, "forget", "def forget(redis, keys, course): redis.set(keys.name(course), '')")
    assert "90 of 90 readers got it" in empty
    right = said(check_forget, "forget", "def forget(redis, keys, course): redis.delete(keys.name(course))")
    assert "2 reads at the origin in 90 s, one a TTL, and 0 old titles" in right


def test_the_canaries_get_what_the_replies_say():
    logs = [log["instance"] for log in nb02._canaries()]
    assert [(of.nunique(), (of == of.max()).mean()) for of in logs] == [(4, 1 / 50), (3, 1 / 10)]


def test_a_time_is_told_what_both_designs_would_take():
    assert "private caches take 0.12 ms on average and one shared Redis 0.32 ms" in reply(check_pays, 0.2)
    assert "equal at 0.867 ms" in reply(check_pays, 0.87)
    assert "take 3 ms on average and one shared Redis 1.76 ms: one shared Redis already wins" in reply(
        check_pays, 5
    )


def test_both_designs_cost_the_same_where_sharing_begins_to_pay():
    private, shared = nb03._mean_times(nb03.BREAK_EVEN)
    assert private == pytest.approx(shared)


def test_an_error_is_told_with_the_learners_line():
    for check, what, source in [
        (check_route, "route", "def route(index, key):\n x = 1\n return key % 4"),
        (check_add_view, "add_view", "def add_view(redis, name):\n x = 1\n redis.set(name, None)"),
        (check_forget, "forget", "def forget(redis, keys, course):\n x = 1\n redis.get(keys.nam)"),
        (check_fleet_rate, "rate", "def rate(log):\n x = 1\n return log.hits"),
    ]:
        text = said(check, what, source)
        assert "(line 3 of your cell)" in text
        assert text.startswith("Not yet: your code stopped with ")


def test_a_check_leaves_the_learners_variables_as_they_were():
    names = learner("seen = {}\nlog = []\ndef route(index, key): return seen.setdefault(key, len(seen)) % 4")
    reply(check_route, names["route"])
    assert names["seen"] == {}


def test_the_same_wrong_answer_is_told_the_same_again():
    for check, thing in [
        (check_same_rate, 100),
        (check_pays, 2),
        (check_route, learner("def route(index, key): return hash(key) % 4")["route"]),
        (check_add_view, learner(f"def add_view(redis, name): redis.set(name, {ADDED})")["add_view"]),
        (check_forget, learner("def forget(redis, keys, course): redis.delete(course)")["forget"]),
    ]:
        assert reply(check, thing) == reply(check, thing)


def test_no_thread_and_no_process_is_left():
    before = threading.active_count()
    named(check_route, "route", "def route(index, key): return hash(key) % 4")
    named(check_add_view, "add_view", f"def add_view(redis, name): redis.set(name, {ADDED})")
    assert threading.active_count() <= before  # another test's may end now


def test_other_seeds_move_the_rate_at_four_times_the_ttl_by_less_than_half_of_what_is_accepted():
    for seed in range(3):
        traffic = nb02.zipf_traffic(400_000, courses=500, skew=1.0, rate=20, seed=seed)
        one, four = nb02.simulate(traffic, 1, 60).mean(), nb02.simulate(traffic, 4, 240).mean()
        assert abs(one - four) < nb02.NEAR / 2
