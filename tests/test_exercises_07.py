"""The exercises of notebook 07: what each answer that learners give is told."""

from __future__ import annotations

import threading

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

from labsupport.lessons import check_allow, check_marker, check_release
from labsupport.lessons.checks import leases, nb07, nb07_release
from labsupport.lessons.checks.deadlines import let_pass
from labsupport.lessons.given import NOT_ATTEMPTED, RIGHT
from labsupport.lessons.places import own_lab

ALLOW = "def allow(redis, name, limit, seconds):"
BOTH = "redis.pipeline().set(name, 0, nx=True, ex=seconds).incr(name)"
AFTER = ".execute()[1] <= limit"
BEGIN = "redis.pipeline().incr(name)"
COUNT = "int(redis.get(name) or 0)"
START = "redis.set(name, 0, nx=True, ex=seconds)"
IN_ONE = f"{ALLOW} return {BOTH}{AFTER}"
SCRIPT = (
    "local n = redis.call('INCR', KEYS[1]) if n == 1 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end "
    "if n <= tonumber(ARGV[1]) then return 1 end return 0"
)
TIMED = (
    "local at = redis.call('TIME')[1] redis.call('ZADD', KEYS[1], at, ARGV[3]) "
    "redis.call('EXPIRE', KEYS[1], ARGV[2]) return redis.call('ZCARD', KEYS[1])"
)
WATCHED = (
    f"import redis as r\n{ALLOW}\n while True:\n  with redis.pipeline() as p:\n   try:\n    p.watch(name)\n"
    "    n = int(p.get(name) or 0)\n    if n >= limit: return False\n    p.multi()\n"
    "    p.set(name, 0, nx=True, ex=seconds)\n    p.incr(name)\n    p.execute()\n    return True\n"
    "   except r.WatchError: {}"
)
LOCKED = "  n = {count}\n  if n >= limit: return False\n  {start}\n  redis.incr(name)\n  return True"
ALLOWS = [
    (NOT_ATTEMPTED, f"{ALLOW}\n ..."),
    (RIGHT, IN_ONE),
    (RIGHT, f"{ALLOW} return {BEGIN}.expire(name, seconds, nx=True).execute()[0] <= limit"),
    (RIGHT, f"{ALLOW} return redis.pipeline().set(name, limit, nx=True,"
     " ex=seconds).decr(name).execute()[1] >= 0"),
    (RIGHT, f"{ALLOW} return redis.pipeline().set(name, 0, px=1000 * seconds, nx=True).incrby(name,"
     f" 1){AFTER}"),
    (RIGHT, f"{ALLOW} return redis.pipeline().set('n' + name, 0, nx=True, ex=seconds).incr('n' +"
     f" name){AFTER}"),
    (RIGHT, f'{ALLOW} return redis.eval("{SCRIPT}", 1, name, limit, seconds)'),
    (RIGHT, f'{ALLOW} return redis.register_script("{SCRIPT}")(keys=[name], args=[limit, seconds]) == 1'),
    (RIGHT, WATCHED.format("pass")),
    (RIGHT, f"{ALLOW}\n if {COUNT} >= limit: return False\n return redis.pipeline().set(name, 0, nx=True,"
     f" ex=seconds).incr(name){AFTER}"),
    (RIGHT, f"{ALLOW}\n n = redis.incr(name)\n if redis.ttl(name) == -1: redis.expire(name, seconds)\n"
     " return n <= limit"),
    (RIGHT, f"import time\n{ALLOW}\n with redis.lock('l', timeout=5):\n  time.sleep(0.001)\n"
     "  if redis.ttl(name) < 9:\n   redis.set(name, 1, ex=seconds)\n   return True\n"
     f"  return {BEGIN}.expire(name, seconds, nx=True).execute()[0] <= limit"),
    ("no_transaction", IN_ONE.replace("pipeline()", "pipeline(transaction=False)")),
    ("no_transaction", f"{ALLOW} return redis.pipeline(False).incr(name).expire(name, seconds, nx=True)"
     ".execute()[0] <= limit"),
    ("no_bool", f"{IN_ONE} or None"),
    ("no_bool", f"{ALLOW}\n n = {BOTH}.execute()[1]\n"
     " return n if n <= limit else 0"),
    ("two_commands", f"{ALLOW}\n n = redis.incr(name)\n if n == 1: redis.expire(name, seconds)\n"
     " return n <= limit"),
    ("two_commands", f"{ALLOW}\n n = redis.incr(name)\n if n > limit: return False\n"
     " redis.expire(name, seconds, nx=True)\n return True"),
    ("prolonged", f"{ALLOW}\n n = redis.incr(name)\n redis.expire(name, seconds)\n return n <= limit"),
    ("prolonged", f"{ALLOW} return {BEGIN}.expire(name, seconds).execute()[0] <= limit"),
    ("prolonged", f"{ALLOW}\n n = redis.incr(name)\n if n == 1 or n > limit: redis.expire(name, seconds)\n"
     " return n <= limit"),
    ("prolonged", f"import uuid\n{ALLOW}\n if len(redis.keys(name + ':*')) >= limit: return False\n"
     " return redis.set(name + ':' + uuid.uuid4().hex, 1, ex=seconds)"),
    ("both_through", f"{ALLOW}\n if {COUNT} >= limit: return False\n {START}\n redis.incr(name)\n"
     " return True"),
    ("both_through", f"{ALLOW}\n n = {COUNT}\n if n >= limit: return False\n"
     " if n: redis.incr(name)\n else: redis.set(name, 1, ex=seconds)\n return True"),
    ("both_through", f"{ALLOW}\n if redis.set(name, 1, nx=True, ex=seconds): return True\n"
     f" if {COUNT} >= limit: return False\n return bool(redis.incr(name))"),
    ("both_through", f"{ALLOW}\n if {COUNT} >= limit: return False\n"
     f" {BOTH}.execute()\n return True"),
    ("process_lock", f"import threading\nlock = threading.Lock()\n{ALLOW}\n with lock:\n"
     + LOCKED.format(count=COUNT, start=START)),
    ("watch_late", WATCHED.format("pass").replace("p.watch(name)\n    n = int(p.get(name) or 0)",
     f"n = {COUNT}; p.watch(name)")),
    ("watch_raised", WATCHED.format("raise")),
    ("turned_away", WATCHED.format("return False")),
    ("turned_away", f"{ALLOW}\n if not redis.set('l', 1, nx=True, ex=5): return False\n try:\n"
     + LOCKED.format(count=COUNT, start=START) + "\n finally: redis.delete('l')"),
    ("turned_away", f"{ALLOW}\n {BOTH}.execute()\n"
     " return int(redis.get(name)) <= limit"),
    ("ends_between", f"{ALLOW}\n {START}\n return redis.incr(name) <= limit"),
    ("ends_between", f"{ALLOW}\n redis.set(name, limit, nx=True, ex=seconds)\n return redis.decr(name) >= 0"),
    ("ends_between", f"{ALLOW}\n n = {BOTH}.execute()[1]\n"
     " if n > limit: redis.decr(name)\n return n <= limit"),
    ("ends_between", f"{ALLOW}\n if {COUNT} >= limit: return False\n"
     f" return redis.incr(name) <= limit if redis.exists(name) else {BOTH}{AFTER}"),
    ("gone_raises", f"{ALLOW}\n if redis.exists(name) and int(redis.get(name)) >= limit: return False\n"
     f" return {BOTH}{AFTER}"),
    ("for_ever", f"{ALLOW} return redis.incr(name) <= limit"),
    ("for_ever", f"{ALLOW}\n n = {COUNT}\n redis.set(name, n + 1)\n return n < limit"),
    ("for_ever", f"{ALLOW}\n {START}\n n = {COUNT}\n redis.set(name, n + 1)\n return n < limit"),
    ("milliseconds", f"{ALLOW} return redis.pipeline().set(name, 0, nx=True, px=seconds).incr(name){AFTER}"),
    ("milliseconds", f"{ALLOW} return {BEGIN}.pexpire(name, seconds).execute()[0] <= limit"),
    ("other_deadline", f"{ALLOW} return redis.pipeline().set(name, 0, nx=True, ex=60).incr(name){AFTER}"),
    ("other_deadline", f"{ALLOW} return redis.pipeline().set(name, 0, nx=True, ex=60 *"
     f" seconds).incr(name){AFTER}"),
    ("other_deadline", IN_ONE.replace("ex=seconds", "ex=86_400")),
    ("own_clock", "import time\n" + ALLOW + "\n key = f'{name}:{int(time.time()) // seconds}'\n"
     " return redis.pipeline().incr(key).expire(key, seconds).execute()[0] <= limit"),
    ("own_clock", "from datetime import datetime\n" + ALLOW + "\n key = f'{name}:{datetime.now():%H:%M}'\n"
     " return redis.pipeline().incr(key).expire(key, seconds).execute()[0] <= limit"),
    ("own_clock", ALLOW + "\n key = f'{name}:{redis.time()[0] // seconds}'\n"
     " return redis.pipeline().incr(key).expire(key, seconds).execute()[0] <= limit"),
    ("own_clock", f"import uuid\n{ALLOW} return redis.eval(\"{TIMED}\", 1, name, limit, seconds,"
     " uuid.uuid4().hex)"
     " <= limit"),
    ("own_memory", f"free = {{}}\n{ALLOW}\n if not free.get(name, True): return False\n"
     f" free[name] = {BOTH}{AFTER}\n return free[name]"),
    ("one_name", f"{ALLOW} return redis.pipeline().set('calls', 0, nx=True,"
     f" ex=seconds).incr('calls'){AFTER}"),
    ("one_less", f"{IN_ONE.replace('<= limit', '< limit')}"),
    ("one_more", f"{ALLOW}\n if {COUNT} > limit: return False\n {START}\n redis.incr(name)\n return True"),
    ("one_more", f"{ALLOW} return redis.pipeline().get(name).set(name, 0, nx=True, ex=seconds).incr(name)"
     ".execute()[2] <= limit + 1"),
    ("other_number", f"{IN_ONE.replace('<= limit', '<= 100 - 99')}"),
    ("other_number", IN_ONE.replace("<= limit", "<= 3")),
    ("other_number", f"{ALLOW} return bool(redis.set(name, 1, nx=True, ex=seconds))"),
    ("count_returned", f"{ALLOW} return {BOTH}.execute()[1]"),
    ("never_refuses", f"{ALLOW}\n redis.set(name, 1, ex=seconds)\n return redis.incr(name) <= limit"),
    ("never_refuses", f"{ALLOW}\n redis.incr(name)\n return True"),
    ("refuses_all", f"{ALLOW}\n redis.incr(name)\n return redis.exists(name) > limit"),
    ("refuses_all", f"{ALLOW}\n redis.incr(name)\n return False"),
    ("inverted", f"{IN_ONE.replace('<= limit', '> limit')}"),
    ("no_return", IN_ONE.replace("return ", "")),
    ("nothing_sent", f"calls = []\n{ALLOW}\n calls.append(name)\n return len(calls) <= limit"),
    ("stopped", f"{ALLOW} return redis.get(name) < limit"),
    ("stopped", f"{ALLOW} return redis.incr(name, ex=seconds) <= limit"),
    ("commands", f"{ALLOW}\n while not redis.set('l', 1, nx=True): pass\n"
     f" return {IN_ONE.split('return ')[1]}"),
    ("async_function", f"async {IN_ONE}"),
    ("other_parameters", "def allow(redis, name): return redis.incr(name) <= 3"),
]  # fmt: skip

RELEASE = "def release(redis, name, token):"
LUA = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
LOOK = "redis.get(name) == token.encode()"
SAME = f"if {LOOK}:"
WATCH = (
    f"import redis as r\n{RELEASE}\n with redis.pipeline() as p:\n  try:\n   p.watch(name)\n"
    "   if p.get(name) != token.encode(): return False\n   p.multi()\n   p.delete(name)\n   p.execute()\n"
    "   return True\n  except r.WatchError: {}"
)
LIBRARY = (
    "from redis.exceptions import LockError\n"
    f"{RELEASE}\n lock = redis.lock(name)\n lock.local.token = token.encode()\n try: lock.release()\n"
    " except LockError: return False\n return True"
)
PUT_BACK = (
    f"{RELEASE}\n held = redis.getdel(name)\n if held == token.encode(): return True\n"
    " if held is not None: redis.set(name, held, {})\n return False"
)
RELEASES = [
    (NOT_ATTEMPTED, f"{RELEASE}\n ..."),
    (RIGHT, f'{RELEASE} return redis.eval("{LUA}", 1, name, token) == 1'),
    (RIGHT, f'{RELEASE} return redis.eval("{LUA}", 1, name, token)'),
    (RIGHT, f'{RELEASE} return bool(redis.register_script("{LUA}")(keys=[name], args=[token]))'),
    (RIGHT, f'{RELEASE}\n if {LOOK}: return redis.eval("{LUA}", 1, name, token) == 1\n return False'),
    (RIGHT, WATCH.format("return False")),
    (RIGHT, LIBRARY),
    ("no_bool", f'{RELEASE} return redis.eval("{LUA}", 1, name, token) or None'),
    ("no_bool", f'{RELEASE}\n if redis.eval("{LUA}", 1, name, token): return True'),
    ("no_bool", f'{RELEASE}\n if redis.exists(name): return redis.eval("{LUA}", 1, name, token) == 1'),
    ("deletes_any", f"{RELEASE} return redis.delete(name) == 1"),
    ("deletes_any", f"{RELEASE} return redis.getdel(name) == token.encode()"),
    ("deletes_any", f"{RELEASE} return bool(redis.expire(name, 0))"),
    ("looks_but_deletes", f"{RELEASE}\n if redis.get(name) != token: return bool(redis.delete(name))\n"
     " return False"),
    ("looks_but_deletes", f"{RELEASE}\n if redis.get(name): return redis.delete(name) == 1\n return False"),
    ("looks_but_deletes", f"{RELEASE}\n if (redis.get(name) or b'').startswith(token.encode()):\n"
     "  return redis.delete(name) == 1\n return False"),
    ("deletes_next", f"{RELEASE}\n {SAME} return redis.delete(name) == 1\n return False"),
    ("deletes_next", f"{RELEASE}\n {SAME}\n  redis.delete(name)\n  return True\n return False"),
    ("deletes_next", f"{RELEASE}\n {SAME} return redis.pipeline().delete(name).execute() == [1]\n"
     " return False"),
    ("deletes_next", f"{RELEASE}\n with redis.lock('guard', timeout=5):\n"
     f"  {SAME} return redis.delete(name) == 1\n"
     "  return False"),
    ("process_lock", f"import threading\nlock = threading.Lock()\n{RELEASE}\n with lock:\n"
     f"  {SAME} return redis.delete(name) == 1\n  return False"),
    ("watch_late", f"import redis as r\n{RELEASE}\n if not {LOOK}: return False\n"
     " with redis.pipeline() as p:\n"
     "  try:\n   p.watch(name); p.multi(); p.delete(name); return p.execute() == [1]\n"
     "  except r.WatchError: return False"),
    ("watch_raised", WATCH.format("raise")),
    ("says_wrong", WATCH.format("return True")),
    ("says_wrong", f'{RELEASE}\n mine = {LOOK}\n redis.eval("{LUA}", 1, name, token)\n return mine'),
    ("says_wrong", f'{RELEASE}\n mine = {LOOK}\n redis.eval("{LUA}", 1, name, token)\n'
     " return mine and not redis.exists(name)"),
    ("bytes", f"{RELEASE}\n if redis.get(name) == token: return redis.delete(name) == 1\n return False"),
    ("bytes", f"{RELEASE}\n held = redis.get(name)\n if held != token: return False\n"
     " redis.delete(name)\n return True"),
    ("bytes", f"{RELEASE}\n if str(redis.get(name)) == token: return redis.delete(name) == 1\n return False"),
    ("inverted", f"{RELEASE}\n {SAME} return False\n return redis.delete(name) == 1"),
    ("kept", f"{RELEASE}\n if redis.get(token): return redis.delete(name) == 1\n return False"),
    ("kept", f"{RELEASE} return redis.delete(token) == 1"),
    ("changed", f"{RELEASE}\n {SAME} return bool(redis.expire(name, 1))\n return False"),
    ("changed", f"{RELEASE}\n {SAME} return bool(redis.set(name, ''))\n return False"),
    ("changed", f"{RELEASE}\n {SAME} return redis.delete(name) == redis.hset(name, 'held', 0)\n"
     " return False"),
    ("lease_touched", PUT_BACK.format("nx=True")),
    ("lease_touched", f"{RELEASE}\n {SAME} return redis.delete(name) == 1\n"
     " return not redis.expire(name, 1)"),
    ("for_a_moment", PUT_BACK.format("ex=60")),
    ("for_a_moment", PUT_BACK.format("ex=60, nx=True")),
    ("says_yes", f'{RELEASE}\n redis.eval("{LUA}", 1, name, token)\n return True'),
    ("says_yes", f'{RELEASE} return redis.eval("{LUA}", 1, name, token) >= 0'),
    ("says_yes_gone", f'{RELEASE}\n redis.eval("{LUA}", 1, name, token)\n return not redis.exists(name)'),
    ("says_yes_gone", f"{RELEASE}\n if redis.get(name) in (None, token.encode()):\n  redis.delete(name)\n"
     "  return True\n return False"),
    ("gone_raises", f"{RELEASE}\n if redis.get(name).decode() == token: return redis.delete(name) == 1\n"
     " return False"),
    ("gone_raises", f"{RELEASE}\n held = str(redis.get(name), 'ascii')\n if held != token: return False\n"
     " return redis.delete(name) == 1"),
    ("made_anew", f"{RELEASE}\n held = redis.getdel(name) or b'free'\n"
     " if held == token.encode(): return True\n"
     " redis.set(name, held, ex=60)\n return False"),
    ("no_return", f"{RELEASE}\n {SAME} redis.delete(name)"),
    ("says_no", f"{RELEASE}\n {SAME} redis.delete(name)\n return False"),
    ("says_no", f"{RELEASE}\n {SAME} redis.delete(name)\n return redis.exists(name)"),
    ("nothing_sent", f"held = {{}}\n{RELEASE} return held.pop(name, None) == token"),
    ("stopped", f"{RELEASE} return redis.delete(name, token=token)"),
    ("stopped", f"{RELEASE}\n redis.lock(name).release()"),
    ("async_function", f"async {RELEASE} return redis.delete(name) == 1"),
    ("other_parameters", "def release(redis, name): return redis.delete(name) == 1"),
]  # fmt: skip

MARKERS = [
    (NOT_ATTEMPTED, [None, ...]),
    (RIGHT, [451, 451.0, 30 + 60 + 120 + 240 + 1]),
    ("boundary", [450]),
    ("first_wait", [30, 31]),
    ("same_waits", [120, 121]),
    ("last_wait", [240, 241]),
    ("last_forgotten", [210, 211]),
    ("one_too_many", [930, 931]),
    ("too_short", [1, 60, 90, 300, 449]),
    ("too_long", [452, 480, 3_600, 10**30]),
    ("for_ever", [float("inf")]),
    ("fraction", [450.5, 1.5]),
    ("no_life", [0, -1, 0.5, float("-inf")]),
    ("number_in_quotes", ["451"]),
    ("function_for_a_number", [sum]),
    ("no_number", ["long", [451], float("nan"), True, Hostile()]),
]

one_server = on_one_server(nb07, nb07_release)
pytestmark = pytest.mark.usefixtures("one_server")

BY_CODE = [
    *[(check_allow, "allow", *row) for row in ALLOWS],
    *[(check_release, "release", *row) for row in RELEASES],
]


@pytest.mark.parametrize(("check", "what", "name", "source"), BY_CODE)
def test_each_function_gets_its_own_reply(check, what, name, source):
    assert named(check, what, source) == name


@pytest.mark.parametrize(("name", "seconds"), [(name, given) for name, all_ in MARKERS for given in all_])
def test_each_number_gets_its_own_reply(name, seconds):
    assert finding(check_marker, seconds) == name


@pytest.mark.parametrize("check", [check_allow, check_release])
@pytest.mark.parametrize("thing", NO_FUNCTIONS)
def test_what_is_no_function_gets_one_sentence(check, thing):
    assert finding(check, thing) == "no_function"


def test_the_lists_above_know_every_reply_of_the_texts():
    expect_every_reply("07", allow=ALLOWS, marker=MARKERS, release=RELEASES)


def test_a_limiter_that_dies_or_whose_window_ends_half_way_is_told_where():
    two = f"{ALLOW}\n n = redis.incr(name)\n if n == 1: redis.expire(name, seconds)\n return n <= limit"
    text = said(check_allow, "allow", two)
    assert "sends INCR, EXPIRE. The check killed the first call after 1 of these" in text
    text = said(check_allow, "allow", f"{ALLOW}\n {START}\n return redis.incr(name) <= limit")
    assert "One such order: A SET NX, the window ends, A INCR." in text


def test_two_calls_that_both_got_through_are_told_with_an_order():
    text = said(check_allow, "allow", f"{ALLOW}\n n = {COUNT}\n {BOTH}.execute()\n return n < limit")
    assert "with a limit of 1 and 0 used, and in 4 of the 6 orders too many got through" in text
    assert "A GET, B GET, A MULTI/EXEC, B MULTI/EXEC" in text


@pytest.mark.parametrize("before", [1, 3])
def test_a_window_that_a_later_call_prolongs_is_told_with_what_got_through(before):
    late = f"{ALLOW}\n n = redis.incr(name)\n if n in (1, {before} + 1): redis.expire(name, seconds)\n"
    text = said(check_allow, "allow", f"{late} return n <= limit")
    assert f"with a limit of 3, {before} came at the beginning" in text
    assert f"3 calls should have got through, and {1 if before == 1 else 0} did" in text


def test_an_error_for_want_of_a_key_is_told_as_it_was():
    source = f"{ALLOW}\n if redis.exists(name) and int(redis.get(name)) >= limit: return False\n"
    assert "stopped with TypeError: int()" in said(check_allow, "allow", f"{source} return {BOTH}{AFTER}")
    source = f"{RELEASE}\n if redis.get(name).decode() == token: return redis.delete(name) == 1"
    assert "stopped with AttributeError: 'NoneType'" in said(check_release, "release", source)


def test_what_a_slow_machine_takes_from_a_lease_is_not_told():
    with own_lab(lab_time=False) as lab:
        scene = leases.Scene(lab, lambda *_: None)
        lab.redis.set(lab.keys.name(leases.LOCK), leases.MINE, ex=leases.LEASE - leases.SLACK + 5)
        assert scene.held() == (leases.MINE.encode(), leases.LEASE)


def test_a_lock_that_is_anothers_by_now_is_told_with_an_order():
    text = said(check_release, "release", f"{RELEASE}\n {SAME} return redis.delete(name) == 1\n return False")
    assert "in 1 of the 5 orders" in text
    assert "A GET, the lease ends, B takes the lock, A DEL" in text
    text = said(check_release, "release", PUT_BACK.format("ex=60"))
    assert (
        "in 1 of the 3 orders a third one took it then. One of them: A GETDEL, B takes the lock, A SET"
        in text
    )


def test_a_server_that_compares_and_deletes_by_itself_is_right():
    for command in (["DELIFEQ", "name", "token"], ["DELEX", "name", "IFEQ", "token"]):  # Valkey 9, Redis 8.4
        given = ", ".join(repr(word) if word.isupper() else word for word in command)
        source = f"{RELEASE} return redis.execute_command({given}) == 1"
        with own_lab(lab_time=False) as lab:
            known = {name.upper() for name in lab.redis.command()}
        assert named(check_release, "release", source) == (RIGHT if command[0] in known else "stopped")


def test_a_marker_is_told_at_which_moments_the_mail_was_sent_again():
    assert "the mail was sent 3 times, at 0, 210, 450 s" in reply(check_marker, 210)
    assert "the delivery at 450 s found the marker gone, at that very second: 2 mails" in reply(
        check_marker, 450
    )
    assert "With 450 s the one at 450 s found the marker just expired" in reply(check_marker, 451)


@pytest.mark.parametrize(("check", "what", "name", "source"), BY_CODE[5::11])
def test_the_same_answer_is_told_the_same_again(check, what, name, source):
    assert said(check, what, source) == said(check, what, source)


def test_no_thread_is_left_and_the_learners_variables_are_as_they_were():
    before = threading.active_count()
    names = learner(f"calls = []\n{ALLOW}\n calls.append(name)\n return redis.incr(name) <= limit")
    reply(check_allow, names["allow"])
    assert names["calls"] == []
    assert threading.active_count() <= before  # another test's may end now


def test_time_that_passes_ends_keys_and_leaves_those_without_a_deadline():
    with own_lab(lab_time=False) as lab:
        lab.redis.mset({"ever": 1, "soon": 1, "later": 1})
        lab.redis.expire("soon", 60)
        lab.redis.expire("later", 7200)
        let_pass(lab, 60)
        assert sorted(lab.redis.scan_iter()) == [b"ever", b"later"]
        assert lab.redis.ttl("ever") == -1 and 7100 < lab.redis.ttl("later") <= 7140
