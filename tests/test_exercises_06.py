"""The exercises of notebook 06: what each answer that learners give is told."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from learner import (
    NO_FUNCTIONS,
    Hostile,
    expect_every_reply,
    finding,
    learner,
    named,
    on_one_server,
    reply,
    said,
)

from labsupport import run_interleavings
from labsupport.lessons import check_count_once, check_order, check_sell
from labsupport.lessons.checks import nb06, nb06_once
from labsupport.lessons.given import NOT_ATTEMPTED, RIGHT
from labsupport.lessons.interleave import run_everywhere, run_once
from labsupport.lessons.places import own_lab

SELL = "def sell(redis, name):"
LEFT = "int(redis.get(name) or 0)"
LOOK = f"if {LEFT} <= 0: return False"
RETRY = f"import redis as r\n{SELL}\n while True:\n  with redis.pipeline() as p:\n   try:\n    "
ONCE = f"import redis as r\n{SELL}\n with redis.pipeline() as p:\n  "
WATCHED = "p.watch(name)\n    left = int(p.get(name))\n    if left <= 0: return False"
TAKEN = "p.multi(); p.decr(name); p.execute(); return True"
LUA = "if tonumber(redis.call('GET', KEYS[1])) > 0 then redis.call('DECR', KEYS[1]) return 1 end return 0"
GIVEN_BACK = f"{SELL}\n if redis.decr(name) >= 0: return True\n redis.incr(name)\n return False"
SELLERS = [
    (NOT_ATTEMPTED, f"{SELL}\n ..."),
    (RIGHT, GIVEN_BACK),
    (RIGHT, f"{SELL}\n {LOOK}\n if redis.decr(name) >= 0: return True\n redis.incr(name)\n return False"),
    (RIGHT, f"{SELL}\n left = redis.decrby(name, 1)\n if left < 0: redis.incr(name)\n return left >= 0"),
    (RIGHT, f'{SELL}\n return bool(redis.eval("{LUA}", 1, name))'),
    (RIGHT, f'{SELL}\n return redis.eval("{LUA}", 1, name)'),
    (RIGHT, f'{SELL}\n return redis.register_script("{LUA}")(keys=[name]) == 1'),
    (RIGHT, f"{RETRY}{WATCHED}\n    {TAKEN}\n   except r.WatchError: pass"),
    (RIGHT, f"{SELL}\n with redis.lock('l', timeout=5):\n  {LOOK}\n  redis.decr(name)\n return True"),
    (RIGHT, f"{SELL}\n got = redis.pipeline().get(name).decr(name).execute()[1] >= 0\n"
     " if not got: redis.incr(name)\n return got"),
    (
        RIGHT,
        "import functools\ndef same(f):\n @functools.wraps(f)\n def g(*a): return f(*a)\n return g\n@same\n"
        + GIVEN_BACK,
    ),
    (RIGHT, f"import numpy as np\n{GIVEN_BACK}\nold = sell\n{SELL} return np.bool_(old(redis, name))"),
    ("check_then_act", f"{SELL}\n {LOOK}\n redis.decr(name)\n return True"),
    ("check_then_act", f"{SELL}\n if {LEFT} > 0:\n  redis.decr(name)\n  return True\n return False"),
    (
        "get_set",
        f"{SELL}\n left = {LEFT}\n if left <= 0: return False\n redis.set(name, left - 1)\n return True",
    ),
    (
        "process_lock",
        f"import threading\nlock = threading.Lock()\n{SELL}\n with lock:\n  {LOOK}\n  redis.decr(name)\n"
        "  return True",
    ),
    ("pipeline", f"{SELL}\n {LOOK}\n redis.pipeline().decr(name).execute()\n return True"),
    (
        "watch_late",
        f"{RETRY}left = {LEFT}\n    if left <= 0: return False\n    p.watch(name); {TAKEN}\n"
        "   except r.WatchError: pass",
    ),
    ("watch_raised", f"{ONCE}p.watch(name)\n  if int(p.get(name)) <= 0: return False\n  {TAKEN}"),
    ("turned_away", f"{ONCE} try:\n    {WATCHED}\n    {TAKEN}\n   except r.WatchError: return False"),
    (
        "turned_away",
        f"{SELL}\n if not redis.set('l', 1, nx=True, ex=5): return False\n left = {LEFT}\n"
        " if left > 0: redis.decr(name)\n redis.delete('l')\n return left > 0",
    ),
    (
        "read_later",
        f"{SELL}\n redis.decr(name)\n if {LEFT} >= 0: return True\n redis.incr(name)\n return False",
    ),
    ("count_off", f"{SELL}\n {LOOK}\n return redis.decr(name) >= 0"),
    ("below_zero", f"{SELL}\n return redis.decr(name) >= 0"),
    ("sold_nothing", f"{SELL}\n redis.decr(name)\n return True"),
    ("last_refused", f"{SELL}\n if redis.decr(name) > 0: return True\n redis.incr(name)\n return False"),
    ("last_refused", f"{SELL}\n return bool(redis.decr(name))"),
    ("refused", f"{SELL}\n return redis.decr(name) == 0"),
    ("not_taken", f"{SELL}\n return {LEFT} > 0"),
    ("elsewhere", f"{SELL}\n {LOOK}\n return bool(redis.set(name + ':sold', 1, nx=True))"),
    ("other_count", f"{SELL}\n redis.decr(name)\n return redis.decr(name) >= 0"),
    ("other_count", f"{SELL}\n return redis.incr(name) > 0"),
    ("nothing_returned", f"{SELL}\n redis.decr(name)"),
    ("nothing_returned", f"{SELL}\n if redis.decr(name) >= 0: return True\n redis.incr(name)"),
    ("no_answer", f"{SELL}\n return redis.decr(name)"),
    ("no_answer", f"{SELL}\n redis.decr(name)\n return 'sold'"),
    ("elsewhere", f"{SELL}\n return redis.decr('seats') < 0"),
    ("no_counter", f"{SELL}\n redis.delete(name)\n redis.sadd(name, 'A')\n return True"),
    ("no_command", f"sold = []\n{SELL}\n sold.append(name)\n return len(sold) == 1"),
    ("stopped", f"{SELL}\n return redis.get(name) > 0"),
    (
        "commands",
        f"{SELL}\n while not redis.set('l', 1, nx=True): pass\n {LOOK}\n redis.decr(name)\n return True",
    ),
    ("async_function", f"async {SELL} return redis.decr(name) >= 0"),
    ("other_parameters", "def sell(redis): return True"),
]  # fmt: skip

COUNT = "def count_once(redis, counter, request):"
NEW = "redis.set('seen:' + request, 1, nx=True, ex=60)"
BOTH = "redis.call('SET', KEYS[1], 1, 'NX', 'EX', {}) then redis.call('INCR', KEYS[2]) end"
SCRIPT = f'"if {BOTH}"'
FOR_EVER = SCRIPT.replace(", 'EX', {}", "")
KEYS = "'seen:' + request, counter"
MARK = "'seen:' + request"
AGAIN = f"import redis as r\n{COUNT}\n m = {MARK}\n while True:\n  with redis.pipeline() as p:\n   try:\n"
WATCH = AGAIN + "    p.watch({})\n"
LOOKS = WATCH + "    if p.exists(m): return\n"
COMMIT = (
    "    p.multi()\n    p.set(m, 1, ex=60)\n    {}\n    p.execute()\n    return\n   except r.WatchError: {}"
)
COUNTS = [
    (NOT_ATTEMPTED, f"{COUNT}\n ..."),
    (RIGHT, f"{COUNT}\n redis.eval({SCRIPT.format(3600)}, 2, {KEYS})"),
    (RIGHT, f"{COUNT}\n redis.register_script({SCRIPT.format(86400)})(keys=[{KEYS}])"),
    (RIGHT, f"{COUNT}\n redis.eval({SCRIPT.format(60)}, 2, counter + request, counter)"),
    (RIGHT, LOOKS.format("m") + COMMIT.format("p.incr(counter)", "pass")),
    (RIGHT, WATCH.format("m") + "    if p.get(m): return\n" + COMMIT.format("p.incr(counter)", "return")),
    (
        RIGHT,
        WATCH.format("m, counter") + "    if p.exists(m): return\n    n = int(p.get(counter) or 0) + 1\n"
        + COMMIT.format("p.set(counter, n)", "pass"),
    ),
    (
        RIGHT,
        f"{COUNT}\n with redis.lock('l', timeout=5):\n  if redis.exists({MARK}): return\n"
        f"  redis.pipeline().set({MARK}, 1, ex=60).incr(counter).execute()",
    ),
    ("counted_twice", f"{COUNT}\n redis.incr(counter)"),
    ("counted_twice", f"{COUNT}\n redis.pipeline().incr(counter).execute()"),
    ("counted_twice", f"{COUNT}\n if {NEW}: redis.incr(counter)\n redis.delete({MARK})"),
    (
        "own_memory",
        f"seen = set()\n{COUNT}\n if request not in seen:\n  seen.add(request)\n  redis.incr(counter)",
    ),
    ("transaction", f"{COUNT}\n redis.pipeline().set({MARK}, 1, nx=True, ex=60).incr(counter).execute()"),
    ("transaction", f"{COUNT}\n redis.pipeline(False).setnx({MARK}, 1).incr(counter).execute()"),
    ("marker_ignored", f"{COUNT}\n redis.set({MARK}, 1, ex=60)\n redis.incr(counter)"),
    ("marker_ignored", f"{COUNT}\n if {NEW} is not False: redis.incr(counter)"),
    ("only_first", f"{COUNT}\n if redis.set('seen', 1, nx=True, ex=60): redis.incr(counter)"),
    ("only_first", f"{COUNT}\n if redis.set('seen', request, nx=True, ex=60): redis.incr(counter)"),
    ("only_first", f"{COUNT}\n redis.set(counter, 1)"),
    ("counter_expires", f"{COUNT}\n if {NEW}:\n  redis.incr(counter)\n  redis.expire(counter, 600)"),
    ("for_ever", f"{COUNT}\n if redis.setnx({MARK}, 1): redis.incr(counter)"),
    ("for_ever", f"{COUNT}\n if redis.incr({MARK}) == 1: redis.incr(counter)"),
    ("for_ever", f"{COUNT}\n if redis.sadd({MARK}, 1): redis.incr(counter)"),
    ("one_collection", f"{COUNT}\n if redis.sadd('seen', request): redis.incr(counter)"),
    (
        "one_collection",
        f"{COUNT}\n if redis.hsetnx('s', request, 1): redis.incr(counter)\n redis.expire('s', 60)",
    ),
    ("too_short", f"{COUNT}\n if redis.set({MARK}, 1, nx=True, px=4000): redis.incr(counter)"),
    ("too_short", f"{COUNT}\n if redis.set({MARK}, 1, nx=True, ex=5): redis.incr(counter)"),
    ("too_long", f"{COUNT}\n if redis.set({MARK}, 1, nx=True, ex=3600000): redis.incr(counter)"),
    (
        "check_then_act",
        f"{COUNT}\n if not redis.exists({MARK}):\n  redis.incr(counter)\n  redis.set({MARK}, 1, ex=60)",
    ),
    (
        "check_then_act",
        f"{COUNT}\n if redis.get({MARK}): return\n"
        f" redis.pipeline().set({MARK}, 1, ex=60).incr(counter).execute()",
    ),
    (
        "process_lock",
        f"import threading\nlock = threading.Lock()\n{COUNT}\n with lock:\n"
        f"  if redis.exists({MARK}): return\n"
        f"  redis.set({MARK}, 1, ex=60)\n  redis.incr(counter)",
    ),
    (
        "watch_late",
        AGAIN + "    if redis.exists(m): return\n    p.watch(m)\n" + COMMIT.format("p.incr(counter)", "pass"),
    ),
    ("lost_update", f"{COUNT}\n if {NEW}: redis.set(counter, int(redis.get(counter) or 0) + 1)"),
    (
        "gave_up",
        f"{COUNT}\n if redis.set('l', 1, nx=True, ex=5):\n  if not redis.exists({MARK}):\n"
        f"   redis.pipeline().set({MARK}, 1, ex=60).incr(counter).execute()\n  redis.delete('l')",
    ),
    (
        "gave_up",
        f"{COUNT}\n if redis.set('l', 1, nx=True, ex=5):\n"
        f"  if not redis.exists({MARK}): redis.set({MARK}, 1, ex=60); redis.incr(counter)\n"
        "  redis.delete('l')",
    ),
    (
        "gave_up",
        LOOKS.format("m, counter") + COMMIT.format("p.incr(counter)", "return"),
    ),
    (
        "watch_raised",
        LOOKS.format("m, counter") + COMMIT.format("p.incr(counter)", "raise"),
    ),
    ("lost_when_killed", f"{COUNT}\n if {NEW}: redis.incr(counter)"),
    (
        "lost_when_killed",
        f"{COUNT}\n new = redis.pipeline().set({MARK}, 1, nx=True).expire({MARK}, 60).execute()[0]\n"
        " if new: redis.incr(counter)",
    ),
    (
        "twice_when_killed",
        f"{COUNT}\n redis.incr(counter)\n if not {NEW}: redis.decr(counter)",
    ),
    (
        "twice_when_killed",
        f"{COUNT}\n with redis.lock('l', timeout=5):\n  if redis.exists({MARK}): return\n"
        f"  redis.incr(counter)\n  redis.set({MARK}, 1, ex=60)",
    ),
    (
        "undo_killed",
        f"{COUNT}\n new = redis.pipeline().incr(counter).set({MARK}, 1, nx=True, ex=60).execute()[1]\n"
        " if not new: redis.decr(counter)",
    ),
    (
        "for_ever_when_killed",
        f"{COUNT}\n redis.eval({FOR_EVER}, 2, {KEYS})\n redis.expire({MARK}, 60)",
    ),
    (
        "for_ever_when_killed",
        f"{COUNT}\n with redis.lock('l', timeout=5):\n  if redis.exists({MARK}): return\n"
        f"  redis.pipeline().set({MARK}, 1).incr(counter).execute()\n  redis.expire({MARK}, 60)",
    ),
    (
        "lock_left",
        f"{COUNT}\n while not redis.set('l', 1, nx=True): pass\n if not redis.exists({MARK}):\n"
        f"  redis.pipeline().set({MARK}, 1, ex=60).incr(counter).execute()\n redis.delete('l')",
    ),
    ("elsewhere", f"{COUNT}\n if not {NEW}: redis.incr(counter)"),
    ("alone", f"{COUNT}\n redis.incr(counter)\n redis.incr(counter)"),
    ("alone", f"{COUNT}\n redis.get(counter)"),
    ("alone", f"{COUNT}\n redis.set({MARK}, 1, ex=60)\n redis.incrby(counter, 2)"),
    ("elsewhere", f"{COUNT}\n if {NEW}: redis.incr('views')"),
    ("no_counter", f"{COUNT}\n redis.sadd(counter, request)"),
    ("no_counter", f"{COUNT}\n redis.pfadd(counter, request)"),
    ("no_command", f"seen = []\n{COUNT}\n seen.append(request)"),
    ("stopped", f"{COUNT}\n redis.set(counter, redis.get(counter) + 1)"),
    ("async_function", f"async {COUNT} redis.incr(counter)"),
    ("other_parameters", "def count_once(redis, counter): redis.incr(counter)"),
]  # fmt: skip


@pytest.fixture(scope="module")
def own():
    with own_lab(lab_time=False) as lab:
        yield lab


one_server = on_one_server(nb06, nb06_once)
pytestmark = pytest.mark.usefixtures("one_server")

BY_CODE = [
    *[(check_sell, "sell", *row) for row in SELLERS],
    *[(check_count_once, "count_once", *row) for row in COUNTS],
]


@pytest.mark.parametrize(("check", "what", "name", "source"), BY_CODE)
def test_each_function_gets_its_own_reply(check, what, name, source):
    assert named(check, what, source) == name


ORDERS = [
    (NOT_ATTEMPTED, [None, ..., "", "..."]),
    (RIGHT, ["ABBBBABAAAAB", "BAAAABABBBBA", "abbbbabaaaab", "ABBBB A B AAAA B", "ABBBB\nABAAAAB"]),
    ("nothing_lost", ["AAAAAABBBBBB", "AABBAABBAABB", "BBAAAABBBBAA"]),
    ("some_lost", ["ABABAAAABBBB", "ABBAABABBBAA"]),
    ("in_step", ["ABABABABABAB", "ABBAABBAABBA", "BABABABABABA"]),
    ("one_old_set", ["ABBBBBBAAAAA", "BAAAAAABBBBB"]),
    ("increments", ["AABBAB", "ABABAB", "AAABBB"]),
    ("uneven", ["ABBBBABAAAABB", "AAAAAAA", "ABBBBBBBAAAA"]),
    ("other_length", ["ABBBAAAB", "AB", "ABABABABABABAB"]),
    ("other_letters", ["AABB...", "A GET, B GET", "ACBB", "012101", "ABBBB-ABAAAAB", "AB" * 9_999 + "C"]),
    ("no_text", [2, list("ABBBBABAAAAB"), b"ABBBBABAAAAB", float("nan"), {}, print, Hostile()]),
]


@pytest.mark.parametrize(("name", "order"), [(name, order) for name, given in ORDERS for order in given])
def test_each_order_gets_its_own_reply(name, order):
    assert finding(check_order, order) == name


def test_an_order_ends_where_all_interleavings_on_redis_say(own):
    runs = run_interleavings(own.redis, own.keys, 2, "get_set", increments=3)
    for schedule, final in runs.sample(60, random_state=6).itertuples(index=False):
        own.redis.flushall()
        assert nb06._run(own, "".join("AB"[who] for who in schedule))["final"] == final
    assert Counter(runs["final"])[2] == 8  # which the right reply says


@pytest.mark.parametrize("check", [check_sell, check_count_once])
@pytest.mark.parametrize("thing", NO_FUNCTIONS)
def test_what_is_no_function_gets_one_sentence(check, thing):
    assert finding(check, thing) == "no_function"


def test_the_lists_above_know_every_reply_of_the_texts():
    expect_every_reply("06", sell=SELLERS, order=ORDERS, count_once=COUNTS)


def test_two_tickets_for_one_seat_are_told_with_an_order():
    looks_first = f"{SELL}\n {LOOK}\n redis.decr(name)\n return True"
    text = said(check_sell, "sell", looks_first)
    assert "in 4 of the 6 orders both sellers returned True for one seat" in text
    assert "A GET, B GET, A DECR, B DECR; the count ended at -1" in text
    assert "in all 4 orders of two sellers" in said(check_sell, "sell", GIVEN_BACK)


def test_a_count_below_zero_is_told():
    assert "the count says -1" in said(check_sell, "sell", f"{SELL}\n return redis.decr(name) >= 0")


def test_an_order_is_told_what_it_lost_and_what_the_last_set_had_read():
    assert "8 of them end at 2" in reply(check_order, "ABBBBABAAAAB")
    assert "all 924 orders" in reply(check_order, "ABBBBABAAAAB")
    text = reply(check_order, "ABBBBBBAAAAA")
    assert "ended at 3: 3 of 6 are lost. One SET put the counter back by 2" in text
    assert "A's, and its GET had read 2" in text
    assert "A has 7 commands in your order and B has 6" in reply(check_order, "A" * 7 + "B" * 6)


def test_a_lost_reply_and_a_death_are_told_with_their_counts():
    assert "the counter is 2 for one view" in said(
        check_count_once, "count_once", f"{COUNT}\n redis.incr(counter)"
    )
    text = said(check_count_once, "count_once", f"{COUNT}\n if {NEW}: redis.incr(counter)")
    assert "after its command number 1, SET NX, and then repeated the call: the counter is 0" in text
    text = said(
        check_count_once, "count_once", f"{COUNT}\n redis.incr(counter)\n if not {NEW}: redis.decr(counter)"
    )
    assert "after its command number 1, INCR, and then repeated the call: the counter is 2" in text


def test_what_a_dead_process_left_locked_is_named():
    source = next(source for name, source in COUNTS if name == "lock_left")
    assert "what it left behind (l) made the repeated call wait" in said(
        check_count_once, "count_once", source
    )


@pytest.mark.parametrize(("check", "what", "name", "source"), BY_CODE[::9])
def test_the_same_answer_is_told_the_same_again(check, what, name, source):
    assert said(check, what, source) == said(check, what, source)


def test_no_thread_is_left_and_the_learners_variables_are_as_they_were():
    before = threading.active_count()
    names = learner(f"seen = set()\n{COUNT}\n seen.add(request)\n if {NEW}: redis.incr(counter)")
    reply(check_count_once, names["count_once"])
    assert names["seen"] == set()
    assert threading.active_count() <= before  # another test's may end now


# --- what the checks stand on


def take(redis, name, who="nobody"):
    redis.decr(name)
    redis.set(who, 1)
    return who


def test_every_order_begins_with_the_stage_and_tells_what_each_client_got_and_returned(own):
    seats = own.keys.name("seats")
    orders = run_everywhere(
        own, take, counter="seats", stage=lambda: own.redis.set(seats, 9), more=[("A",), ("B",)]
    )
    assert orders["final"].tolist() == [7] * 6
    assert orders["returned"].tolist() == [["A", "B"]] * 6
    assert orders["keys"].tolist() == [["A", "B", seats]] * 6


@pytest.mark.parametrize("lives", [0, 1, 2, 9])
def test_an_instance_dies_before_the_next_command(own, lives):
    sent = ["DECR", "SET"][:lives]
    own.redis.flushall()
    instance = run_once(own, take, "seats", "A", lives=lives)
    assert instance.sent == sent
    assert own.redis.exists("seats", "A") == len(sent)


def test_the_dead_cannot_clean_up(own):
    def locked(redis, name):
        redis.set("lock", 1)
        try:
            redis.incr(name)
        finally:
            redis.delete("lock")

    own.redis.flushall()
    assert run_once(own, locked, "views", lives=1).sent == ["SET"]
    assert own.redis.keys() == [b"lock"]
