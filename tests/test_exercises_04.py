"""The exercises of notebook 04: what each answer that learners give is told."""

from __future__ import annotations

import itertools
import re
import threading

import numpy as np
import pytest
from learner import NO_FUNCTIONS, expect_every_reply, finding, learner, named, on_one_server, said

from labsupport.lessons.checks import nb04, nb04_publish
from labsupport.lessons.checks.nb04 import check_correct, check_lifetime, check_publish
from labsupport.lessons.checks.publishing import SLACK, TTL, Scene
from labsupport.lessons.given import NOT_ATTEMPTED, RIGHT
from labsupport.lessons.places import own_lab

DRAW = "def lifetime(rng): return "
LIFETIME = [
    (NOT_ATTEMPTED, "def lifetime(rng):\n ..."),
    (RIGHT, f"{DRAW}int(rng.integers(240, 301))"),
    (RIGHT, f"{DRAW}300 - int(rng.integers(0, 61))"),
    (RIGHT, f"{DRAW}int(rng.integers(240, 300, endpoint=True))"),
    (RIGHT, f"{DRAW}round(rng.uniform(240, 300))"),
    (RIGHT, "n = [0]\ndef lifetime(rng):\n n[0] += 1\n return 240 + n[0] % 61"),
    ("no_jitter", f"{DRAW}300"),
    ("same_seed", f"import numpy\n{DRAW}int(numpy.random.default_rng(204).integers(240, 301))"),
    ("same_seed", "import random\ndef lifetime(rng):\n random.seed(7)\n return random.randint(240, 300)"),
    ("own_chance", f"import random\n{DRAW}random.randint(240, 300)"),
    ("own_chance", f"import numpy\n{DRAW}int(numpy.random.default_rng().integers(240, 301))"),
    ("around", f"{DRAW}int(rng.integers(270, 331))"),
    ("too_long", f"{DRAW}int(rng.integers(240, 302))"),
    ("too_long", f"{DRAW}int(rng.integers(240_000, 300_001))"),
    ("too_long", f"{DRAW}10 ** 12"),
    ("too_long", f"{DRAW}10 ** 17 if rng.random() < 0.01 else 270"),
    ("too_few", f"{DRAW}int(rng.integers(290, 301))"),
    ("clipped", f"{DRAW}min(300, int(rng.integers(270, 331)))"),
    ("clipped", f"{DRAW}max(240, min(300, int(rng.normal(285, 30))))"),
    ("uneven", f"{DRAW}min(300, int(rng.normal(280, 5)))"),
    ("uneven", f"{DRAW}280 if rng.random() < 0.2 else int(rng.integers(240, 301))"),
    ("uneven", f"{DRAW}int(max(rng.integers(270, 301, size=2)))"),
    ("end_left_out", f"{DRAW}int(rng.integers(240, 300))"),
    ("end_left_out", f"{DRAW}int(rng.uniform(240, 300))"),
    ("too_short", f"{DRAW}int(rng.integers(200, 301))"),
    ("too_short", f"{DRAW}int(rng.integers(200, 300))"),
    ("too_short", f"{DRAW}int(rng.integers(239, 301))"),
    ("no_int", f"{DRAW}rng.integers(240, 301)"),
    ("no_int", f"{DRAW}float(rng.integers(240, 301))"),
    ("no_int", f"import numpy\n{DRAW}numpy.round(rng.uniform(240, 300))"),
    ("fraction", f"{DRAW}rng.uniform(240, 300)"),
    ("no_life", f"{DRAW}int(rng.integers(-30, 31))"),
    ("no_life", f"{DRAW}int(rng.integers(0, 61))"),
    ("several", f"{DRAW}rng.integers(240, 301, size=10_000)"),
    ("several", f"{DRAW}[int(rng.integers(240, 301)) for _ in range(10)]"),
    ("no_return", "def lifetime(rng): int(rng.integers(240, 301))"),
    ("no_number", f"{DRAW}'5 minutes'"),
    ("number_in_quotes", f"{DRAW}'300'"),
    ("no_number", f"{DRAW}float('nan')"),
    ("no_number", f"import datetime\n{DRAW}datetime.timedelta(seconds=int(rng.integers(240, 301)))"),
    ("no_return", "def lifetime(rng):\n x = int(rng.integers(240, 301))\n return x if x < 300 else None"),
    ("stopped", f"{DRAW}rng.randint(240, 300)"),
    ("async_function", "async def lifetime(rng): return 300"),
    ("other_parameters", "def lifetime(): return 300"),
    ("no_function", "lifetime = 300"),
]

CORRECT_DEF = "def correct(redis, name, value):"
KEEP = "redis.set(name, value, keepttl=True"
WATCHED = "p.watch(name); there = p.exists(name); p.multi(); p.set(name, value, keepttl=True)"
LUA = "if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('SET', KEYS[1], ARGV[1], 'KEEPTTL') end"
CORRECT = [
    (NOT_ATTEMPTED, f"{CORRECT_DEF}\n ..."),
    (RIGHT, f"{CORRECT_DEF} {KEEP}, xx=True)"),
    (RIGHT, f"{CORRECT_DEF} return redis.execute_command('SET', name, value, 'XX', 'KEEPTTL')"),
    (RIGHT, f"{CORRECT_DEF} redis.pipeline().set(name, value, keepttl=True, xx=True).execute()"),
    (RIGHT, f"{CORRECT_DEF}\n if redis.exists(name): {KEEP}, xx=True)"),
    (RIGHT, f"{CORRECT_DEF}\n {KEEP}, xx=True)\n print(redis.ttl(name))"),
    (RIGHT, f'{CORRECT_DEF} redis.eval("{LUA}", 1, name, value)'),
    (RIGHT, f'{CORRECT_DEF} redis.register_script("{LUA}")(keys=[name], args=[value])'),
    (
        RIGHT,
        f"import redis as r, time\n{CORRECT_DEF}\n while True:\n  with redis.pipeline() as p:\n   try:\n"
        f"    {WATCHED}\n    return p.execute() if there else None\n   except r.WatchError: time.sleep(1)",
    ),
    (
        RIGHT,
        f"{CORRECT_DEF}\n def change(p):\n  there = p.exists(name)\n  p.multi()\n  if there: "
        "p.set(name, value, keepttl=True)\n redis.transaction(change, name)",
    ),
    ("no_deadline", f"{CORRECT_DEF} redis.set(name, value)"),
    ("no_deadline", f"{CORRECT_DEF} redis.set(name, value, xx=True)"),
    ("no_deadline", f"{CORRECT_DEF} redis.getset(name, value)"),
    ("no_deadline", f"{CORRECT_DEF}\n if redis.get(name): redis.mset({{name: value}})"),
    ("new_deadline", f"{CORRECT_DEF} redis.set(name, value, ex=300)"),
    ("others", f"{CORRECT_DEF}\n {KEEP}, xx=True)\n redis.expire(name.replace('204', '205'), 60)"),
    ("stopped", f"{CORRECT_DEF}\n if redis.ttl(name) < 0: raise ValueError('gone')\n {KEEP}, xx=True)"),
    ("comes_back", f"{CORRECT_DEF} {KEEP})"),
    ("comes_back", f"{CORRECT_DEF} redis.set(name, value, ex=max(1, redis.ttl(name)))"),
    ("comes_back_between", f"{CORRECT_DEF}\n if redis.exists(name): {KEEP})"),
    ("comes_back_between", f"{CORRECT_DEF}\n t = redis.ttl(name)\n if t > 0: redis.set(name, value, ex=t)"),
    ("gone_raises", f"{CORRECT_DEF} redis.set(name, value, ex=redis.ttl(name))"),
    (
        "dies_between",
        f"{CORRECT_DEF}\n t = redis.ttl(name)\n if redis.set(name, value, xx=True): redis.expire(name, t)",
    ),
    (
        "old_deadline_back",
        f"{CORRECT_DEF}\n t = redis.ttl(name)\n if t > 0: redis.set(name, value, ex=t, xx=True)",
    ),
    (
        "old_deadline_back",
        f"{CORRECT_DEF}\n at = redis.expiretime(name)\n if at > 0: redis.set(name, value, exat=at, xx=True)",
    ),
    ("old_deadline_back", f"{CORRECT_DEF} redis.set(name, value, ex=200, xx=True)"),
    ("watch_gave_up", f"{CORRECT_DEF}\n with redis.pipeline() as p:\n  {WATCHED}\n  there and p.execute()"),
    (
        "watch_gave_up",
        f"import redis as r\n{CORRECT_DEF}\n with redis.pipeline() as p:\n  try:\n   {WATCHED}\n"
        "   there and p.execute()\n  except r.WatchError: redis.ttl(name)",
    ),
    ("not_replaced", f"{CORRECT_DEF} redis.set(name, value, nx=True)"),
    ("other_value", f"{CORRECT_DEF} redis.setrange(name, 0, value)"),
    ("other_value", f"{CORRECT_DEF} redis.append(name, value)"),
    ("other_value", f"{CORRECT_DEF} redis.set(name, str(value), keepttl=True, xx=True)"),
    ("other_type", f"{CORRECT_DEF} redis.delete(name); redis.hset(name, 'value', value)"),
    ("removed", f"{CORRECT_DEF} redis.unlink(name)"),
    ("others", f"{CORRECT_DEF}\n for key in redis.keys('*'): redis.set(key, value, keepttl=True, xx=True)"),
    ("nothing_sent", f"cache = {{}}\n{CORRECT_DEF} cache[name] = value"),
    ("commands", f"{CORRECT_DEF}\n while redis.get(name) != value: pass"),
    ("orders", ""),
    ("stopped", f"{CORRECT_DEF} redis.set(name, value, keepttl=True, ex=5)"),
    ("async_function", f"async {CORRECT_DEF} {KEEP}, xx=True)"),
]

PUBLISH_DEF = "def publish(redis, catalog, name, course, title):"
SAVE = "catalog.rename(course, title)"
NEW = "catalog.read(course)"
BY_HAND = "import json\n{0}\n d = json.loads(catalog.peek(course))\n d['title'] = title\n"
PUBLISH = [
    (NOT_ATTEMPTED, f"{PUBLISH_DEF}\n ..."),
    (RIGHT, f"{PUBLISH_DEF} {SAVE}; redis.unlink(name)"),
    (RIGHT, f"{PUBLISH_DEF} {SAVE}; redis.delete(name)"),
    (RIGHT, f"{PUBLISH_DEF} {SAVE}; redis.expire(name, 0)"),
    (RIGHT, f"{PUBLISH_DEF} {SAVE}; redis.set(name, {NEW}, ex=60)"),
    (RIGHT, f"{PUBLISH_DEF} redis.set(name, {SAVE}, ex=60)"),
    (RIGHT, f"{PUBLISH_DEF} {SAVE}; redis.set(name, catalog.peek(course), xx=True, keepttl=True)"),
    (RIGHT, f"{PUBLISH_DEF} {SAVE}; redis.pipeline().set(name, {NEW}).expire(name, 60).execute()"),
    (RIGHT, f"{PUBLISH_DEF} redis.unlink(name); {SAVE}; redis.unlink(name)"),
    (RIGHT, f"{PUBLISH_DEF} {SAVE}; redis.unlink(name); redis.publish(name, title)"),
    (RIGHT, f"{PUBLISH_DEF} {SAVE}; redis.set(name, {NEW}, ex=30)"),
    (RIGHT, f"import time\n{PUBLISH_DEF} {SAVE}; redis.unlink(name); time.sleep(1); redis.unlink(name)"),
    (RIGHT, f"{PUBLISH_DEF} {SAVE}; redis.incr(name + ':generation'); redis.unlink(name)"),
    (RIGHT, f"{PUBLISH_DEF}\n {SAVE}\n if redis.exists(name): redis.unlink(name)"),
    (RIGHT, f"{PUBLISH_DEF}\n with redis.lock(name + ':lock', timeout=5): {SAVE}; redis.unlink(name)"),
    (
        RIGHT,
        BY_HAND.format(PUBLISH_DEF)
        + f" d['version'] += 1\n {SAVE}\n redis.set(name, json.dumps(d, indent=1), ex=60)",
    ),
    ("database_last", f"{PUBLISH_DEF} redis.unlink(name); {SAVE}"),
    (
        "database_last",
        BY_HAND.format(PUBLISH_DEF) + f" d['version'] += 1\n redis.set(name, json.dumps(d), ex=60)\n {SAVE}",
    ),
    ("some_orders", f"{PUBLISH_DEF}\n there = redis.exists(name)\n {SAVE}\n if there: redis.unlink(name)"),
    (
        "some_orders",
        f"{PUBLISH_DEF}\n there = redis.exists(name)\n {SAVE}\n"
        " redis.unlink(name) if there else redis.incr(name + ':generation')",
    ),
    (
        "watch",
        f"{PUBLISH_DEF} {SAVE}; p = redis.pipeline(); p.watch(name); p.multi(); p.unlink(name); p.execute()",
    ),
    ("only_database", f"{PUBLISH_DEF} {SAVE}"),
    ("only_cache", f"{PUBLISH_DEF} redis.unlink(name)"),
    ("only_cache", BY_HAND.format(PUBLISH_DEF) + " redis.set(name, json.dumps(d), ex=60)"),
    ("only_cache", f"{PUBLISH_DEF} redis.rename(name, title)"),
    ("other_course", f"{PUBLISH_DEF} catalog.rename('course:204', title); redis.unlink(name)"),
    ("other_course", f"{PUBLISH_DEF} catalog.rename('course:204', title); {SAVE}; redis.unlink(name)"),
    ("other_title", f"{PUBLISH_DEF} catalog.rename(course, 'Caching, renamed'); redis.unlink(name)"),
    ("told", f"{PUBLISH_DEF} {SAVE}; redis.publish(name, title)"),
    ("sooner", f"{PUBLISH_DEF} {SAVE}; redis.expire(name, 5)"),
    ("wrote_old", f"{PUBLISH_DEF}\n new = {NEW}\n {SAVE}\n redis.set(name, new, ex=60)"),
    ("untouched", f"{PUBLISH_DEF} {SAVE}; redis.unlink('course:' + name)"),
    ("untouched", f"{PUBLISH_DEF} {SAVE}; redis.set(name, title, nx=True)"),
    ("untouched", f"{PUBLISH_DEF} {SAVE}; redis.persist(name)"),
    ("other_payload", f"{PUBLISH_DEF} {SAVE}; redis.set(name, title, ex=60)"),
    ("other_payload", BY_HAND.format(PUBLISH_DEF) + f" {SAVE}\n redis.set(name, json.dumps(d), ex=60)"),
    ("other_type", f"{PUBLISH_DEF} {SAVE}; redis.delete(name); redis.hset(name, 'title', title)"),
    ("no_ttl", f"{PUBLISH_DEF} {SAVE}; redis.set(name, {NEW})"),
    ("no_ttl", f"{PUBLISH_DEF} {SAVE}; redis.set(name, {NEW}, keepttl=True)"),
    ("dies_between", f"{PUBLISH_DEF} {SAVE}; redis.set(name, {NEW}); redis.expire(name, 60)"),
    ("flushed", f"{PUBLISH_DEF} {SAVE}; redis.flushall()"),
    ("flushed", f"{PUBLISH_DEF} {SAVE}; redis.flushdb()"),
    ("bare_name", f"{PUBLISH_DEF} {SAVE}; redis.unlink(course)"),
    ("others", f"{PUBLISH_DEF} {SAVE}; redis.delete(*redis.keys('*course:*'))"),
    ("nothing_done", f"import labsupport\n{PUBLISH_DEF} labsupport.CourseCatalog().rename(course, title)"),
    ("commands", f"{PUBLISH_DEF}\n {SAVE}\n while not redis.unlink(name): pass"),
    ("orders", ""),
    ("stopped", f"{PUBLISH_DEF} catalog.rename(name, title)"),
    ("stopped", f"{PUBLISH_DEF} catalog.update(course, title)"),
    ("async_function", f"async {PUBLISH_DEF} {SAVE}"),
]

BY_CODE = [
    *[(check_lifetime, "lifetime", *row) for row in LIFETIME],
    *[(check_correct, "correct", *row) for row in CORRECT],
    *[(check_publish, "publish", *row) for row in PUBLISH],
]


one_server = on_one_server(nb04, nb04_publish)
pytestmark = pytest.mark.usefixtures("one_server")


@pytest.mark.parametrize(("check", "what", "name", "source"), [row for row in BY_CODE if row[-1]])
def test_each_function_gets_its_own_reply(check, what, name, source):
    assert named(check, what, source) == name


@pytest.mark.parametrize("check", [check_lifetime, check_correct, check_publish])
@pytest.mark.parametrize("thing", NO_FUNCTIONS)
def test_what_is_no_function_gets_one_sentence(check, thing):
    assert finding(check, thing) == "no_function"


STEPS = "for n in range(4): redis.get(n)"
LOOPS = [
    (check_correct, "correct", f"{CORRECT_DEF}\n {{}}\n {KEEP}, xx=True)"),
    (check_publish, "publish", f"{PUBLISH_DEF}\n {{}}\n {SAVE}\n redis.unlink(name)"),
]


@pytest.mark.parametrize(("check", "what", "source"), LOOPS)
def test_what_never_ends_or_has_too_many_orders_is_told_so(check, what, source, monkeypatch):
    monkeypatch.setattr("labsupport.lessons.gate.PATIENCE", 0.3)
    assert named(check, what, source.format("while True: pass")) == "waits"
    monkeypatch.setattr("labsupport.lessons.interleave.MOST_ORDERS", 3)
    assert named(check, what, source.format(STEPS)) == "orders"
    monkeypatch.setattr("labsupport.lessons.interleave.SECONDS", 0.0)
    assert named(check, what, source.format(STEPS)) == "time"


def test_the_lists_above_know_every_reply_of_the_texts():
    expect_every_reply("04", lifetime=LIFETIME, correct=CORRECT, publish=PUBLISH)


def test_one_ttl_for_all_is_told_what_a_real_redis_saw():
    text = said(check_lifetime, "lifetime", "def lifetime(rng): return 270")
    assert "every entry got 270 s" in text
    assert "270 s later 10,000 expired in one second" in text


def test_a_spread_is_told_its_busiest_second_on_a_real_redis():
    text = said(check_lifetime, "lifetime", f"{DRAW}int(rng.integers(290, 301))")
    assert "only 11 different lifetimes. Dealt out evenly that would be 909 of 10,000" in text
    (gone,) = re.findall(r"on a real Redis ([\d,]+) expired in one second", text)
    assert 909 < int(gone.replace(",", "")) < 1_050


def test_the_busiest_second_of_a_real_redis_is_the_one_that_was_drawn():
    life = np.array([240] * 4_000 + [271] * 5_000 + [300] * 1_000)
    with own_lab() as lab:
        facts = nb04._expired_for_real(lab, life)
    assert (facts["second"], facts["gone"], facts["next"], facts["distinct"]) == (271, 5_000, 4_000, 3)


def test_what_a_slow_machine_takes_is_not_told():
    with own_lab(lab_time=False) as lab:
        desk = nb04._Desk(lab, lambda *_: None)
        lab.redis.set(desk.name, 1, ex=nb04.LEFT - nb04.SLACK + 5)
        assert desk.left() == nb04.LEFT
        scene = Scene(lab, lambda *_: None)
        lab.redis.set(scene.name, 1, ex=TTL - SLACK + 5)
        assert scene.end().left == TTL


def test_a_range_without_its_end_lacks_half_a_second():
    text = said(check_lifetime, "lifetime", f"{DRAW}int(rng.integers(240, 300))")
    assert "the mean is 269.5 s, not 270, because the longest lifetime is 299 s" in text


def test_the_right_answer_is_told_how_often_all_entries_were_filled():
    text = said(check_lifetime, "lifetime", f"{DRAW}int(rng.integers(240, 301))")
    assert f"Right: {nb04.ROUNDS} fills of 10,000 entries drew" in text


def test_a_numpy_number_is_told_what_the_real_set_said():
    text = said(check_lifetime, "lifetime", f"{DRAW}rng.integers(240, 301)")
    assert "its type is int64" in text
    assert "DataError: ex must be" in text


def test_a_look_before_the_write_is_told_the_order_that_brings_the_dead_entry_back():
    text = said(check_correct, "correct", f"{CORRECT_DEF}\n if redis.exists(name): {KEEP})")
    assert "A EXISTS, B UNLINK, A SET" in text
    assert "redis.ttl says -1" in text


def test_a_deadline_carried_through_python_is_told_whose_it_was():
    source = f"{CORRECT_DEF}\n t = redis.ttl(name)\n if t > 0: redis.set(name, value, ex=t, xx=True)"
    assert "with 300 s: A TTL, B SET, A SET. Afterwards it had 200 s" in said(
        check_correct, "correct", source
    )


def test_a_dead_process_is_told_after_which_command_it_died():
    source = f"{PUBLISH_DEF} {SAVE}; redis.set(name, {NEW}); redis.expire(name, 60)"
    text = said(check_publish, "publish", source)
    assert "dies after 3 of its steps (UPDATE, READ, SET, EXPIRE)" in text


def test_a_right_publisher_is_told_the_one_order_that_is_left():
    text = said(check_publish, "publish", f"{PUBLISH_DEF} {SAVE}; redis.unlink(name)")
    assert "in 12 of 13 orders" in text
    assert "What is left (1): A GET, A READ, B UPDATE, B UNLINK, A SET" in text


def test_reads_and_changes_of_the_catalogue_wait_like_commands():
    def publish(redis, catalog, name, course, title):
        catalog.rename(course, title)
        redis.unlink(name)

    with own_lab(lab_time=False) as lab:
        scene = Scene(lab, publish)
        scene.filled = False
        orders = scene.orders(reader=True)
    assert orders["schedule"].tolist() == sorted(set(itertools.permutations((0, 0, 0, 1, 1))))
    assert {tuple(sorted(sent)) for sent in orders["commands"]} == {
        ("GET", "READ", "SET", "UNLINK", "UPDATE")
    }
    old = [end.old for end in orders["final"]]
    assert orders["schedule"][old.index(True)] == (0, 0, 1, 1, 0)
    assert sum(old) == 1


def test_the_database_last_is_told_in_how_many_orders_the_old_title_stays():
    text = said(check_publish, "publish", f"{PUBLISH_DEF} redis.unlink(name); {SAVE}")
    assert "in 8 of 15 orders with a reader" in text
    assert "B UNLINK, A GET, A READ, A SET, B UPDATE" in text


def test_an_error_is_told_with_the_learners_line():
    for check, what, source in [
        (check_lifetime, "lifetime", "def lifetime(rng):\n x = 1\n return rng.randint(240, 300)"),
        (check_correct, "correct", f"{CORRECT_DEF}\n x = 1\n redis.sett(name, value)"),
        (check_publish, "publish", f"{PUBLISH_DEF}\n {SAVE}\n redis.unlink(nam)"),
    ]:
        text = said(check, what, source)
        assert "(line 3 of your cell)" in text
        assert text.startswith("Not yet: your code stopped with ")


def test_a_check_leaves_the_learners_variables_as_they_were():
    names = learner(f"calls = []\n{PUBLISH_DEF} calls.append(title); {SAVE}; redis.unlink(name)")
    assert finding(check_publish, names["publish"]) == RIGHT
    assert names["calls"] == []


def test_the_same_answer_is_told_the_same_again():
    for check, what, source in [
        (check_lifetime, "lifetime", f"{DRAW}int(rng.integers(200, 301))"),
        (check_correct, "correct", f"{CORRECT_DEF}\n if redis.exists(name): {KEEP})"),
        (check_publish, "publish", f"{PUBLISH_DEF} redis.unlink(name); {SAVE}"),
    ]:
        assert said(check, what, source) == said(check, what, source)


def test_no_thread_is_left():
    before = threading.active_count()
    named(check_correct, "correct", f"{CORRECT_DEF}\n if redis.exists(name): {KEEP})")
    named(check_publish, "publish", f"{PUBLISH_DEF} redis.unlink(name); {SAVE}")
    assert threading.active_count() <= before  # another test's may end now
