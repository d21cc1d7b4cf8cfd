"""The exercises of notebook 05: what each answer that learners give is told."""

from __future__ import annotations

import pytest
import redis
from learner import NO_FUNCTIONS, expect_every_reply, finding, learner, named, on_one_server, reply
from servers import foreign_server

from labsupport.lessons.checks import nb05, nb05_answer
from labsupport.lessons.checks.nb05 import check_first_time, check_set_field
from labsupport.lessons.checks.nb05_answer import check_remember_answer
from labsupport.lessons.given import NOT_ATTEMPTED, RIGHT

SET = "def set_field(redis, name, field, value):"
ALL = "c = redis.hgetall(name); c[field.encode()] = value"
BACK = "redis.hset(name, mapping=c)"
LUA = "return redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])"
WATCHED = "p.watch(name); c = p.hgetall(name); c[field.encode()] = value; p.multi(); p.hset(name, mapping=c)"
SET_FIELD = [
    (NOT_ATTEMPTED, f"{SET}\n ..."),
    (NOT_ATTEMPTED, f"{SET}\n pass"),
    (NOT_ATTEMPTED, f"{SET}\n '''One field of the course gets a new value.'''"),
    (NOT_ATTEMPTED, "set_field = ..."),
    (RIGHT, f"{SET} redis.hset(name, field, value)"),
    (RIGHT, f"{SET} return redis.hset(name, mapping={{field: value}})"),
    (RIGHT, f"{SET} redis.execute_command('HSET', name, field, value)"),
    (RIGHT, f"{SET} redis.pipeline().hset(name, field, value).execute()"),
    (RIGHT, f"{SET} redis.pipeline().hset(name, field, value).expire(name, 300).execute()"),
    (RIGHT, f'{SET} redis.eval("{LUA}", 1, name, field, value)'),
    (RIGHT, f"{SET}\n if redis.exists(name): redis.hset(name, field, value)"),
    (RIGHT, f"{SET} redis.hget(name, field); redis.hset(name, field, value)"),
    (RIGHT, f"{SET}\n with redis.lock('l', timeout=5): {ALL}; {BACK}"),
    (
        RIGHT,
        f"{SET}\n def put(p):\n  c = p.hgetall(name); c[field.encode()] = value; p.multi()\n"
        "  p.hset(name, mapping=c)\n redis.transaction(put, name)",
    ),
    ("whole_course", f"{SET} {ALL}; {BACK}"),
    ("whole_course", f"{SET} {ALL}; redis.delete(name); {BACK}; redis.expire(name, 300)"),
    ("whole_course", f"import json\n{SET}\n c = redis.hgetall(name) | {{field.encode(): value}}\n {BACK}"),
    (
        "whole_course",
        f"{SET}\n c = redis.hgetall(name); redis.delete(name)\n if c: c[field.encode()] = value; {BACK}",
    ),
    ("pipeline", f"{SET} {ALL}; redis.pipeline().delete(name).hset(name, mapping=c).execute()"),
    ("process_lock", f"import threading\nlock = threading.Lock()\n{SET}\n with lock: {ALL}; {BACK}"),
    ("watch_gave_up", f"{SET}\n with redis.pipeline() as p: {WATCHED}; p.execute()"),
    (
        "watch_gave_up",
        f"import redis as r\n{SET}\n with redis.pipeline() as p:\n  try: {WATCHED}; p.execute()\n"
        "  except r.WatchError: pass",
    ),
    (
        "lock_gave_up",
        f"{SET}\n if redis.set('l', 1, nx=True, ex=5): redis.hset(name, field, value); redis.delete('l')",
    ),
    ("nothing_sent", f"course = {{}}\n{SET} course[field] = value"),
    (
        "string_command",
        f"import json\n{SET}\n c = json.loads(redis.get(name)); c[field] = value\n"
        " redis.set(name, json.dumps(c))",
    ),
    ("no_hash", f"import json\n{SET} redis.set(name, json.dumps({{field: value}}))"),
    ("no_hash", f"{SET} redis.set(name, value, ex=300)"),
    ("gone", f"{SET} redis.delete(name)"),
    ("others_gone", f"{SET} redis.delete(name); redis.hset(name, field, value)"),
    ("own_key", f"{SET} redis.set(f'{{name}}:{{field}}', value)"),
    ("own_key", f"{SET} redis.hset(field, name, value)"),
    ("keeps_old", f"{SET} redis.hsetnx(name, field, value)"),
    ("unchanged", f"{SET} redis.hget(name, field)"),
    ("unchanged", f"{SET} {ALL}"),
    ("swapped", f"{SET} redis.hset(name, value, field)"),
    ("other_field", f"{SET} redis.hset(name, 'field', value)"),
    ("other_field", f"{SET} redis.hset(name, 'title', value)"),
    ("other_value", f"import json\n{SET} redis.hset(name, field, json.dumps(value))"),
    ("other_value", f"{SET} redis.hset(name, field, 'value')"),
    ("deadline_lost", f"{SET} redis.persist(name); redis.hset(name, field, value)"),
    ("other_deadline", f"{SET} redis.hset(name, field, value); redis.expire(name, 86_400)"),
    ("other_deadline", f"{SET} redis.hset(name, field, value); redis.expire(name, 10)"),
    ("waits", f"{SET}\n while True: pass"),
    ("stopped", f"{SET} redis.hset(name, field)"),
    ("stopped", f"{SET} redis.hset(name, field, None)"),
    ("async_function", f"async {SET} redis.hset(name, field, value)"),
    ("other_parameters", "def set_field(redis, name): ..."),
    ("no_function", "set_field = None"),
]

FIRST = "def first_time(redis, name, seconds):"
MARK = "redis.set(name, 1, nx=True, ex=seconds)"
ONCE = (
    f"import redis as r\n{FIRST}\n with redis.pipeline() as p:\n  p.watch(name)\n"
    "  if p.exists(name): return False\n"
)
ONCE += "  p.multi(); p.set(name, 1, ex=seconds)\n"
FIRST_TIME = [
    (NOT_ATTEMPTED, f"{FIRST}\n ..."),
    (NOT_ATTEMPTED, f"{FIRST} return None"),
    (RIGHT, f"{FIRST} return bool({MARK})"),
    (RIGHT, f"{FIRST} return {MARK} is True"),
    (RIGHT, f"{FIRST} return {MARK} or False"),
    (RIGHT, f"{FIRST}\n if {MARK}: return True\n return False"),
    (RIGHT, f"{FIRST} return redis.set('seen:' + name, 'x', px=1000 * seconds, nx=True) is not None"),
    (RIGHT, f"{FIRST} return redis.set(name, 1, nx=True, get=True, ex=seconds) is None"),
    (RIGHT, f"{FIRST} return redis.pipeline().setnx(name, 1).expire(name, seconds, nx=True).execute()[0]"),
    (
        RIGHT,
        f"{FIRST}\n n = redis.incr(name)\n if redis.ttl(name) == -1: redis.expire(name, seconds)\n"
        " return n == 1",
    ),
    (
        RIGHT,
        f"{FIRST} return redis.eval(\"if redis.call('SET', KEYS[1], 1, 'NX', 'EX', ARGV[1]) then "
        "return 1 end "
        'return 0", 1, name, seconds) == 1',
    ),
    (RIGHT, f"{ONCE}  try: p.execute()\n  except r.WatchError: return False\n  return True"),
    (
        RIGHT,
        f"{FIRST}\n with redis.lock('l', timeout=5):\n  if redis.get(name): return False\n"
        "  redis.set(name, 1, ex=seconds)\n  return True",
    ),
    ("no_bool", f"{FIRST} return {MARK}"),
    ("no_bool", f"{FIRST}\n if {MARK}: return True"),
    ("no_bool", f"{FIRST} return 'yes' if {MARK} else False"),
    (
        "both_first",
        f"{FIRST}\n if redis.get(name): return False\n redis.set(name, 1, ex=seconds)\n return True",
    ),
    (
        "both_first",
        f"{FIRST}\n new = not redis.exists(name)\n if new: redis.set(name, 1, ex=seconds)\n return new",
    ),
    ("both_first", f"{FIRST}\n new = redis.get(name) is None\n {MARK}\n return new"),
    (
        "process_lock",
        f"import threading\nlock = threading.Lock()\n{FIRST}\n with lock:\n"
        "  if redis.get(name): return False\n  redis.set(name, 1, ex=seconds)\n  return True",
    ),
    ("watch_raised", f"{ONCE}  p.execute()\n  return True"),
    (
        "nobody",
        f"{FIRST}\n p = redis.pipeline().incr(name).expire(name, seconds, nx=True).execute()\n"
        " return redis.get(name) == b'1'",
    ),
    ("nothing_sent", f"seen = set()\n{FIRST}\n new = name not in seen\n seen.add(name)\n return new"),
    ("nothing_sent", f"{FIRST} return True"),
    (
        "own_memory",
        f"seen = set()\n{FIRST}\n if name in seen: return False\n seen.add(name)\n return bool({MARK})",
    ),
    ("own_memory", f"import functools\n@functools.cache\n{FIRST} return bool({MARK})"),
    ("no_return", f"{FIRST} {MARK}"),
    ("always_first", f"{FIRST} return redis.set(name, 1, ex=seconds)"),
    ("always_first", f"{FIRST} return redis.get(name) is None"),
    ("always_first", f"{FIRST}\n new = bool({MARK})\n redis.delete(name)\n return new"),
    ("never_first", f"{FIRST} return bool(redis.set(name, 1, xx=True, ex=seconds))"),
    ("never_first", f"{FIRST}\n {MARK}\n return not redis.exists(name)"),
    ("inverted", f"{FIRST} return {MARK} is None"),
    ("inverted", f"{FIRST}\n if not {MARK}: return True"),
    ("inverted", f"{FIRST} return bool(redis.set(name, 1, ex=seconds, get=True))"),
    ("one_name", f"{FIRST} return bool(redis.set('name', 1, nx=True, ex=seconds))"),
    ("for_ever", f"{FIRST} return redis.setnx(name, 1)"),
    ("for_ever", f"{FIRST} return bool(redis.set(name, seconds, nx=True))"),
    ("for_ever", f"{FIRST} return redis.sadd('seen', name) == 1"),
    ("for_ever", f"{FIRST}\n redis.expire(name, seconds)\n return redis.setnx(name, 1)"),
    ("for_ever", f"{FIRST} return redis.getset(name, 1) is None"),
    ("for_ever", f"{FIRST} return redis.incr(name) == 1"),
    (
        "for_ever",
        f"import time\n{FIRST}\n then = redis.get(name)\n"
        " if then and time.time() - float(then) < seconds: return False\n"
        " redis.set(name, time.time())\n return True",
    ),
    ("milliseconds", f"{FIRST} return bool(redis.set(name, 1, nx=True, px=seconds))"),
    ("other_deadline", f"{FIRST} return bool(redis.set(name, 1, nx=True, ex=60))"),
    ("other_deadline", f"{FIRST} return bool(redis.set(name, 1, nx=True, ex=86400))"),
    ("other_deadline", f"{FIRST} return bool(redis.set(name, 1, nx=True, ex=1000 * seconds))"),
    ("prolonged", f"{FIRST}\n n = redis.incr(name)\n redis.expire(name, seconds)\n return n == 1"),
    ("prolonged", f"{FIRST} return redis.pipeline().setnx(name, 1).expire(name, seconds).execute()[0]"),
    ("prolonged", f"{FIRST} return redis.set(name, 1, ex=seconds, get=True) is None"),
    (
        "two_commands",
        f"{FIRST}\n new = redis.setnx(name, 1)\n if new: redis.expire(name, seconds)\n return new",
    ),
    (
        "two_commands",
        f"{FIRST}\n n = redis.incr(name)\n if n == 1: redis.expire(name, seconds)\n return n == 1",
    ),
    (
        "two_commands",
        f"{FIRST}\n while not redis.set('l', 1, nx=True): pass\n new = bool({MARK})\n redis.delete('l')\n"
        " return new",
    ),
    ("commands", f"{FIRST}\n while not {MARK}: pass\n return True"),
    ("stopped", f"{FIRST} return redis.set(name, 1, nx=True, ex='a day')"),
    ("async_function", f"async {FIRST} return bool({MARK})"),
]

OUT = "\n return json.loads(kept)"
ANS = "import json\ndef remember_answer(redis, name, read):"
GET = f"{ANS}\n kept = redis.get(name)\n"
MISS = f"{GET} if kept is None: "
READ = "kept = json.dumps(read()); redis.set(name, kept, ex=60)"
LOCK = "redis.lock(name + ':l', timeout=5)"
AGAIN = f"\n   kept = redis.get(name)\n   if kept is None: {READ}"
BOTH = READ.replace("; ", "; redis.set(name + ':there', 1, ex=60); ")
NEXT = "\n kept = redis.get(name)\n if kept is None: " + READ
REMEMBER = [
    (NOT_ATTEMPTED, f"{ANS}\n ..."),
    (NOT_ATTEMPTED, "remember_answer = ..."),
    (RIGHT, f"{MISS}{READ}{OUT}"),
    (RIGHT, f"{GET} if not kept: {READ}{OUT}"),
    (
        RIGHT,
        f"{ANS}\n if (kept := redis.get(name)) is not None: return json.loads(kept)\n"
        " answer = read()\n redis.set(name, json.dumps(answer), ex=60)\n return answer",
    ),
    (
        RIGHT,
        f"import ast\n{MISS}kept = repr(read()).encode(); "
        "redis.set(name, kept, ex=60)\n return ast.literal_eval(kept.decode())",
    ),
    (
        RIGHT,
        f"{ANS}\n kept = redis.hget(name, 'answer')\n if kept is None:\n  kept = json.dumps(read())\n"
        f"  redis.pipeline().hset(name, 'answer', kept).expire(name, 60).execute(){OUT}",
    ),
    (
        RIGHT,
        f"{GET} if kept is None:\n  with {LOCK}: {AGAIN}{OUT}",
    ),
    (RIGHT, f"{ANS}\n with {LOCK}: {AGAIN}{OUT}"),
    (
        RIGHT,
        "import functools, json\ndef kept(f):\n @functools.wraps(f)\n def g(redis, name, read):\n"
        "  old = redis.get('answer:' + name)\n  if old is not None: return json.loads(old)\n"
        "  return f(redis, 'answer:' + name, read)\n return g\n"
        "@kept\ndef remember_answer(redis, name, read):\n new = read(); "
        "redis.set(name, json.dumps(new), px=60_000)\n"
        " return new",
    ),
    (
        RIGHT,
        "import threading\nlock = threading.Lock()\n"
        f"{MISS.replace(' kept', ' with lock: kept', 1)}{READ}{OUT}",
    ),
    ("own_memory", f"m = {{}}\n{ANS}\n if name in m: return m[name]{NEXT}\n m[name] = json.loads(kept){OUT}"),
    ("nothing_sent", f"kept = {{}}\n{ANS}\n if name not in kept: kept[name] = read()\n return kept[name]"),
    ("nothing_sent", f"{ANS} return read()"),
    (
        "cannot_keep",
        f"{MISS}kept = read(); redis.set(name, kept, ex=60)\n return kept",
    ),
    (
        "cannot_keep",
        f"{GET} if kept: return kept\n kept = read()\n redis.set(name, kept, ex=60)\n return kept",
    ),
    ("cannot_keep", f"{ANS}\n redis.set(name, read(), ex=60)\n return redis.get(name)"),
    ("no_return", f"{ANS}\n if redis.get(name) is None: {READ}"),
    ("other_answer", f"{MISS}{READ}\n return kept"),
    ("other_answer", f"{MISS}{READ}; return read\n return kept"),
    (
        "read_twice",
        f"{ANS}\n if redis.get(name) is None: {READ}; return read()\n return json.loads(redis.get(name))",
    ),
    (
        "milliseconds",
        f"{MISS}kept = json.dumps(read()); redis.set(name, kept, px=60)\n return json.loads(kept)",
    ),
    (
        "for_ever",
        f"{MISS}kept = json.dumps(read()); redis.set(name, kept)\n return json.loads(kept)",
    ),
    (
        "other_deadline",
        f"{MISS}kept = json.dumps(read()); redis.set(name, kept, ex=300)\n return json.loads(kept)",
    ),
    (
        "never_kept",
        f"{MISS}kept = json.dumps(read()){OUT}",
    ),
    ("reads_always", f"{ANS} {READ}; return json.loads(kept)"),
    (
        "reads_always",
        f"{ANS}\n new = read()\n redis.set(name, json.dumps(new), nx=True, ex=60)\n"
        " return json.loads(redis.get(name))",
    ),
    (
        "reads_always",
        f"{ANS}\n kept = redis.get('kept:' + name)\n if kept is None: {READ}{OUT}",
    ),
    (
        "reads_again",
        f"{ANS}\n value = json.loads(redis.get(name) or 'null')\n if value: return value\n"
        " value = read()\n redis.set(name, json.dumps(value), ex=60)\n return value",
    ),
    (
        "reads_again",
        f"{ANS}\n value = json.loads(redis.get(name) or 'null')\n if value is None:\n"
        "  value = read()\n  redis.set(name, json.dumps(value), ex=60)\n return value",
    ),
    (
        "reads_again",
        f"{GET} if kept: return json.loads(kept)\n value = read()\n"
        " if value is not None: redis.set(name, json.dumps(value), ex=60)\n return value",
    ),
    (
        "reads_again",
        f"{GET} if kept: return json.loads(kept)\n value = read()\n"
        " redis.set(name, json.dumps(value) if value else '', ex=60)\n return value",
    ),
    (
        "as_text",
        f"{GET} if kept is not None: return kept.decode()\n value = read()\n"
        " redis.set(name, str(value), ex=60)\n return value",
    ),
    (
        "as_text",
        f"{GET} if kept is not None: return json.loads(kept)\n value = read()\n"
        " redis.set(name, json.dumps(value or None), ex=60)\n return value",
    ),
    (
        "as_text",
        f"{GET} if kept == b'NONE': return None\n if kept is not None: return kept\n"
        " value = read()\n redis.set(name, 'NONE' if value is None else str(value), ex=60)\n return value",
    ),
    (
        "as_text",
        f"{GET} if kept is not None: return json.loads(kept)\n value = read()\n"
        " kept = json.dumps(int(value) if isinstance(value, int) else value)\n"
        " redis.set(name, kept, ex=60)\n return value",
    ),
    (
        "renewed",
        f"{ANS}\n kept = redis.getex(name, ex=60)\n if kept is None: {READ}{OUT}",
    ),
    (
        "one_name",
        f"{ANS}\n kept = redis.get('a')\n if kept is None: kept = json.dumps(read()); "
        f"redis.set('a', kept, ex=60){OUT}",
    ),
    (
        "expired_between",
        f"{ANS}\n if not redis.exists(name): {READ}; return json.loads(kept)\n"
        " return json.loads(redis.get(name))",
    ),
    (
        "expired_between",
        f"{ANS}\n if not redis.exists(name): {READ}\n kept = redis.get(name)\n"
        " return kept and json.loads(kept)",
    ),
    (
        "half_kept",
        f"{ANS}\n there, kept = redis.mget(name + ':there', name)\n"
        " if there: return json.loads(kept or 'null')\n"
        f" {BOTH}; return json.loads(kept)",
    ),
    (
        "half_kept",
        f"{ANS}\n if (kept := redis.get(name)) is not None: return json.loads(kept)\n"
        f" if redis.set('l', 1, nx=True, ex=5): {READ}; redis.delete('l'); return json.loads(kept)",
    ),
    (
        "two_commands",
        f"{GET} if kept is None:\n  kept = json.dumps(read()); redis.set(name, kept)\n"
        f"  redis.expire(name, 60){OUT}",
    ),
    (
        "runs_code",
        f"import pickle\n{MISS}kept = pickle.dumps(read()); "
        "redis.set(name, kept, ex=60)\n return pickle.loads(kept)",
    ),
    (
        "runs_code",
        f"{MISS}kept = repr(read()); redis.set(name, kept, ex=60)\n return eval(kept)",
    ),
    ("waits", f"{ANS}\n while True: pass"),
    ("stopped", f"{ANS}\n return json.loads(redis.get(name))"),
    ("stopped", f"{ANS}\n redis.get(name)\n return json.dumps(read)"),
    ("async_function", f"{ANS.replace('def', 'async def')} return redis.get(name)"),
]

ROWS = {"set_field": SET_FIELD, "first_time": FIRST_TIME, "remember_answer": REMEMBER}
BY_CODE = [
    *[(check_set_field, "set_field", *row) for row in SET_FIELD],
    *[(check_first_time, "first_time", *row) for row in FIRST_TIME],
    *[(check_remember_answer, "remember_answer", *row) for row in REMEMBER],
]


one_server = on_one_server(nb05, nb05_answer)


@pytest.mark.usefixtures("one_server")
@pytest.mark.parametrize(("check", "what", "name", "source"), BY_CODE)
def test_each_function_gets_its_own_reply(monkeypatch, check, what, name, source):
    if name == "waits":
        monkeypatch.setattr("labsupport.lessons.gate.PATIENCE", 0.2)
    assert named(check, what, source) == name


@pytest.mark.parametrize("check", [check_set_field, check_first_time, check_remember_answer])
@pytest.mark.parametrize("thing", NO_FUNCTIONS)
def test_what_is_no_function_gets_one_sentence(check, thing):
    assert finding(check, thing) == "no_function"


def test_the_lists_above_know_every_reply_of_the_texts():
    expect_every_reply("05", **ROWS)


def said(check, name, number=0):
    """The whole reply to the row of this name, or to a later one of the same name."""
    what = check.__name__.removeprefix("check_")
    sources = [source for reply_name, source in ROWS[what] if reply_name == name]
    return reply(check, learner(sources[number])[what])


def test_a_lost_field_is_told_with_its_numbers_and_an_order():
    text = said(check_set_field, "whole_course")
    assert "of the 6 orders of two instances, which changed title and teacher, 4 lose one" in text
    assert "and only 2 keep both" in text
    assert "One of them: A HGETALL, B HGETALL, A HSET, B HSET" in text
    assert "Wrong on the page afterwards: title." in text


def test_what_is_right_is_told_how_many_orders_it_stood():
    text = said(check_set_field, "right")
    assert "in all 2 orders of their commands the page showed both new values and the other 4 fields" in text
    text = said(check_first_time, "right")
    assert "in all 2 orders of two instances on a real server" in text
    text = said(check_remember_answer, "right")
    assert "the right answer in all 6 orders of two instances" in text


def test_two_first_callers_are_told_with_an_order():
    text = said(check_first_time, "both_first")
    assert "in 4 of the 6 orders of two instances both were told that they are the first" in text
    assert "One of them: A GET, B GET, A SET, B SET." in text


def test_a_marker_without_an_end_is_told_after_which_command_it_was_left():
    assert "sends SETNX, EXPIRE. The check killed the first caller after 1 of these" in said(
        check_first_time, "two_commands"
    )


def test_none_for_false_is_told_that_all_else_is_right():
    text = said(check_first_time, "no_bool")
    assert "the first caller is told True and every other one None" in text


def test_the_answers_that_are_read_again_are_named():
    by_truth, by_none = (said(check_remember_answer, "reads_again", number) for number in (0, 1))
    assert "had to read again for 5 of 9 answers: None, 0, False, '', []." in by_truth
    assert "had to read again for 1 of 9 answers: None." in by_none


def test_what_redis_does_not_store_is_named():
    assert "read() answered None" in said(check_remember_answer, "cannot_keep")


def test_an_answer_that_comes_back_as_letters_is_shown():
    text = said(check_remember_answer, "as_text")
    assert "read() answered None, and the second instance got 'None' (str); 6 of 9 answers" in text
    assert "read() answered False, and the second instance got 0 (int); 1 of 9 answers" in said(
        check_remember_answer, "as_text", 3
    )


def test_an_expiry_within_a_hit_is_told_with_its_order():
    text = said(check_remember_answer, "expired_between")
    assert "One of them: A EXISTS, B DEL, A GET." in text


def test_code_that_lies_on_redis_is_run_only_by_those_who_are_told_so():
    said(check_remember_answer, "right")
    assert not nb05_answer._ran
    said(check_remember_answer, "runs_code")
    assert nb05_answer._ran


@pytest.mark.usefixtures("one_server")
@pytest.mark.parametrize(
    ("check", "names"),
    [
        (check_set_field, ["right", "whole_course", "deadline_lost"]),
        (check_first_time, ["right", "prolonged", "nobody", "other_deadline"]),
        (check_remember_answer, ["right", "expired_between", "as_text"]),
    ],
)
def test_the_same_answer_is_told_the_same_again(check, names):
    for name in names:
        assert said(check, name) == said(check, name)


def test_a_check_leaves_the_learners_variables_as_they_were():
    names = learner(
        f"seen = set()\n{FIRST}\n new = name not in seen; seen.add(name); redis.get(name)\n return new"
    )
    reply(check_first_time, names["first_time"])
    assert names["seen"] == set()


def test_an_error_is_told_with_the_learners_line():
    for check, source in [
        (check_set_field, f"{SET}\n x = 1\n redis.hset(name, field, None)"),
        (check_first_time, f"{FIRST}\n x = 1\n redis.set(name, second, nx=True)"),
        (check_remember_answer, f"{ANS}\n return json.loads(redis.get(name))"),
    ]:
        text = reply(check, learner(source)[check.__name__.removeprefix("check_")])
        assert text.startswith("Not yet: your code stopped with ")
        assert "(line 3 of your cell)" in text


def test_the_checks_leave_the_learners_server_alone(monkeypatch):
    with foreign_server() as url:
        monkeypatch.setenv("REDIS_URL", url)
        for check in (check_set_field, check_first_time, check_remember_answer):
            assert said(check, "right").startswith("Right: ")
        with redis.Redis.from_url(url) as theirs:
            assert theirs.dbsize() == 0
