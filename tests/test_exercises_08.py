"""The exercises of notebook 08: what each answer that learners give is told."""

from __future__ import annotations

import ast
import re
import time

import pytest
from learner import (
    NO_FUNCTIONS,
    Hostile,
    expect_every_reply,
    finding,
    named,
    on_one_server,
    reply,
    said,
)

from labsupport.lessons import check_clear, check_operations, check_worst_wait, exercises
from labsupport.lessons.checks import nb08, nb08_clear, nb08_operations, oncall
from labsupport.lessons.given import NOT_ATTEMPTED, RIGHT

WAIT = "def worst_wait(timeout, retries, pause):"
WAITS = [
    (NOT_ATTEMPTED, f"{WAIT}\n ..."),
    (RIGHT, f"{WAIT} return timeout * (1 + retries) + pause * retries"),
    (RIGHT, f"{WAIT} return timeout + retries * (pause + timeout)"),
    (RIGHT, f"import numpy as np\n{WAIT} return np.float64(sum([timeout] + [pause + timeout] * retries))"),
    (RIGHT, "worst_wait = lambda t, r, p: t * (1 + r) + p * r"),
    ("first_try_forgotten", f"{WAIT} return (timeout + pause) * retries"),
    ("only_timeouts", f"{WAIT} return timeout * retries"),
    ("pauses_forgotten", f"{WAIT} return timeout * (retries + 1)"),
    ("one_pause_more", f"{WAIT} return (timeout + pause) * (retries + 1)"),
    ("one_pause_less", f"{WAIT} return timeout * (retries + 1) + pause * max(0, retries - 1)"),
    ("one_pause", f"{WAIT} return timeout * (retries + 1) + pause"),
    ("one_pause", f"{WAIT} return timeout * (retries + 1) + (pause if retries else 0)"),
    ("one_timeout", f"{WAIT} return timeout + pause * retries"),
    ("one_timeout", f"{WAIT} return timeout"),
    (
        "growing_pauses",
        f"{WAIT} return timeout * (1 + retries) + sum(pause * 2**n for n in range(retries))",
    ),
    ("milliseconds", f"{WAIT} return 1000 * (timeout * (1 + retries) + pause * retries)"),
    ("milliseconds", f"{WAIT} return (timeout * (1 + retries) + pause * retries) / 1000"),
    ("other_number", f"{WAIT} return timeout + retries + pause"),
    ("other_number", f"{WAIT} return timeout * (1 + retries) - pause * retries"),
    ("constant", f"{WAIT} return 60"),
    ("no_return", f"{WAIT} print(timeout * (1 + retries) + pause * retries)"),
    ("no_number", f"{WAIT} return [timeout] * retries"),
    ("stopped", f"{WAIT} return timeout / retries"),
    ("async_function", f"async {WAIT} return 1"),
    ("other_parameters", "def worst_wait(timeout, retries): return timeout * retries"),
]

CLEAR = "def clear_cache(redis, prefix):"
ESCAPED = "re.sub(r'([\\\\*?\\[\\]])', r'\\\\\\1', prefix) + '*'"
USES = "import re, glob, itertools\n"
SCAN = f"{USES}{CLEAR}\n names = redis.scan_iter({{}}, count=1000)\n"
BATCHES = (
    " deleted = 0\n while batch := list(itertools.islice(names, 500)): deleted += redis.unlink(*batch)\n"
    " return deleted"
)
ONE_BY_ONE = " return sum(redis.delete(name) for name in names)"
BATCHED = SCAN.format(ESCAPED) + BATCHES
MINE = f"{CLEAR}\n names = [n for n in redis.scan_iter(count=500) if n.startswith(prefix.encode())]\n"
PIPED = (
    f"{MINE} p = redis.pipeline({{}})\n for name in names: p.unlink(name)\n return sum(p.execute())"
)  # fmt: skip
CURSOR = f"{CLEAR}\n cursor, n = '0', 0\n while cursor != 0:\n  "
LUA = (
    "local n, c = 0, '0' repeat local r = redis.call('SCAN', c, 'COUNT', 100) c = r[1] "
    "for _, k in ipairs(r[2]) do if string.sub(k, 1, #ARGV[1]) == ARGV[1] then "
    "n = n + redis.call('UNLINK', k) end end until c == '0' return n"
)
LUA_PAGE = (
    "local n, r = 0, redis.call('SCAN', ARGV[2], 'COUNT', 100) for _, k in ipairs(r[2]) do "
    "if string.sub(k, 1, #ARGV[1]) == ARGV[1] then n = n + redis.call('UNLINK', k) end end return {r[1], n}"
)
CLEARS = [
    (NOT_ATTEMPTED, f"{CLEAR}\n ..."),
    (RIGHT, BATCHED),
    (RIGHT, SCAN.format("re.escape(prefix) + '*'") + BATCHES),
    (RIGHT, SCAN.format("''.join('\\\\' + c for c in prefix) + '*'") + ONE_BY_ONE),
    (RIGHT, PIPED.format("transaction=False")),
    (
        RIGHT,
        CURSOR + "cursor, found = redis.scan(cursor, count=500)\n"
        "  if found := [name for name in found if name.startswith(prefix.encode())]:\n"
        "   n += redis.delete(*found)\n return n",
    ),
    (
        RIGHT,
        f"{CLEAR}\n cursor, n = b'0', 0\n while True:\n"
        f'  cursor, more = redis.eval("{LUA_PAGE}", 0, prefix, cursor)\n'
        "  n += more\n  if cursor == b'0': return n",
    ),
    ("nothing_sent", f"{CLEAR} return 0"),
    ("flushed", f"{CLEAR}\n n = redis.dbsize()\n redis.flushdb()\n return n"),
    ("flushed", f"{CLEAR} redis.flushall(asynchronous=True)"),
    ("contains", SCAN.format("f'*{prefix}*'") + BATCHES),
    ("contains", MINE.replace("n.startswith(prefix.encode())", "prefix.encode() in n") + ONE_BY_ONE),
    ("others", SCAN.format("prefix.strip(':') + '*'") + BATCHES),
    ("others", SCAN.format("'*'") + BATCHES),
    ("left_behind", BATCHED.replace(" return deleted", " redis.set('cleared', 1, ex=60)\n return deleted")),
    ("untouched", SCAN.format("prefix") + BATCHES),
    ("untouched", f"{MINE} return sum(redis.expire(name, 60) for name in names)"),
    (
        "one_scan",
        f"{CLEAR}\n cursor, names = redis.scan(0, prefix + '*', 100)\n"
        " return redis.unlink(*names) if names else 0",
    ),
    ("some_left", BATCHED.replace("count=1000", "count=1000, _type='string'")),
    ("endless", CURSOR + "cursor, found = redis.scan(0, prefix + '*')\n return n"),
    ("keys_command", f"{CLEAR}\n return redis.unlink(*redis.keys(prefix + '*'))"),
    (
        "keys_command",
        f"{CLEAR}\n s = \"local n = 0 for _, k in ipairs(redis.call('KEYS', ARGV[1])) do "
        "n = n + redis.call('DEL', k) end return n\"\n return redis.eval(s, 0, prefix + '*')",
    ),
    ("huge_count", BATCHED.replace("count=1000", "count=10**6")),
    ("script", f'{CLEAR}\n return redis.eval("{LUA}", 0, prefix)'),
    ("script", f'{CLEAR}\n return redis.register_script("{LUA}")(args=[prefix])'),
    ("transaction", PIPED.format("")),
    ("one_huge_delete", f"{MINE} return redis.unlink(*names)"),
    ("one_huge_delete", f"{MINE} return redis.delete(*names)"),
    ("no_return", BATCHED.replace(" return deleted", "")),
    (
        "counts_all",
        f"{CLEAR}\n n = 0\n for name in redis.scan_iter(count=500):\n  n += 1\n"
        "  if name.startswith(prefix.encode()): redis.unlink(name)\n return n",
    ),
    ("part_counted", BATCHED.replace("deleted += redis", "deleted = redis")),
    ("wrong_count", BATCHED.replace("return deleted", "return deleted + 1")),
    ("wrong_count", BATCHED.replace(" return deleted", " return True")),
    (
        "names_returned",
        f"{MINE} for i in range(0, len(names), 500): redis.delete(*names[i:i + 500])\n return names",
    ),
    (
        "empty_raises",
        f"{MINE} return sum(redis.unlink(*names[i:i + 500]) for i in range(0, len(names) + 1, 500))",
    ),
    (
        "empty_raises",
        BATCHED.replace(" return deleted", " if not deleted: raise KeyError(prefix)\n return deleted"),
    ),
    ("empty_count", BATCHED.replace(" return deleted", " if deleted: return deleted")),
    (
        "counts_on",
        f"deleted = 0\n{CLEAR}\n global deleted\n for name in redis.scan_iter(count=500):\n"
        "  if name.startswith(prefix.encode()): deleted += redis.unlink(name)\n return deleted",
    ),
    ("glob_took", SCAN.format("prefix + '*'") + BATCHES),
    ("glob_took", SCAN.format("prefix + '*'") + ONE_BY_ONE),
    ("glob_took", SCAN.format("prefix.replace('[', r'\\[') + '*'") + BATCHES),
    ("glob_missed", SCAN.format("''.join(c for c in prefix if c.isalnum() or c == ':') + '*'") + BATCHES),
    ("backslash", SCAN.format("glob.escape(prefix) + '*'") + BATCHES),
    ("backslash", SCAN.format("re.sub(r'([*?\\[\\]])', r'\\\\\\1', prefix) + '*'") + BATCHES),
    ("counted_names", f"{MINE} for name in names: redis.unlink(name)\n return len(names)"),
    (
        "counted_names",
        f"{MINE} n = redis.dbsize()\n for name in names: redis.unlink(name)\n return n - redis.dbsize()",
    ),
    (
        "counted_names",
        f"{MINE} n = 0\n for name in sorted(names, reverse=True):\n  if redis.exists(name):\n"
        "   redis.delete(name)\n   n += 1\n return n",
    ),
    ("stopped", MINE.replace(".encode()", "") + ONE_BY_ONE),
    ("async_function", f"async {CLEAR} return redis.flushdb()"),
    ("other_parameters", "def clear_cache(redis): redis.flushdb()"),
]  # fmt: skip

PAGE = {
    "requests a second": 400,
    "hit rate": 0.9,
    "origin bears": 100,
    "deadline": 1.0,
    "timeout": 0.25,
    "retries": 1,
    "pause": 0.05,
    "Redis gone": "limited origin",
    "cache policy": "allkeys-lru",
    "counter policy": "noeviction",
    "clear": "SCAN and UNLINK",
    "near-cache": 5,
    "stale": 60,
    "watch": ["keyspace_hits", "keyspace_misses", "evicted_keys", "used_memory"],
}
RATE = ["keyspace_hits", "keyspace_misses"]
PAGES = [
    (NOT_ATTEMPTED, [dict.fromkeys(PAGE)]),
    (
        RIGHT,
        [
            {},
            {"origin bears": 400, "Redis gone": "origin"},
            {"Redis gone": " ERROR "},
            {"retries": 0, "near-cache": 0, "pause": 0, "stale": 0},
            {"hit rate": 1, "cache policy": "Volatile-TTL", "clear": "new version"},
            {"hit rate": 0.75, "timeout": 0.47, "watch": (*RATE, "evicted_keys", "used_memory_peak")},
            {"on call": "the catalogue's team", 7: Hostile()},
        ],
    ),
    ("still_open", [{"timeout": None}, {"watch": None, "clear": ...}, {"clear": ...}]),
    ("entry_no_number", [{"timeout": "0.25"}, {"deadline": float("nan")}, {"retries": "twice"}]),
    ("entry_too_small", [{"timeout": 0}, {"pause": -1}, {"origin bears": 0}]),
    ("no_choice", [{"Redis gone": "panic"}, {"clear": ["FLUSHDB"]}, {"Redis gone": Hostile()}]),
    ("percent", [{"hit rate": 90}, {"hit rate": 1.01}]),
    ("no_share", [{"hit rate": 101}]),
    ("part_of_a_try", [{"retries": 0.5}]),
    ("too_much_today", [{"hit rate": 0.7}, {"origin bears": 39}]),
    ("milliseconds", [{"timeout": 250}, {"timeout": 250, "deadline": 500}]),
    ("past_the_deadline", [{"timeout": 0.475}, {"retries": 3}, {"pause": 0.5}, {"timeout": 5}]),
    ("past_the_deadline", [{"timeout": 2_000}, {"retries": 1e308}, {"requests a second": 99, "retries": 9}]),
    ("near_too_old", [{"near-cache": 61}, {"stale": 0}]),
    ("origin_falls", [{"Redis gone": "origin"}, {"Redis gone": "origin", "origin bears": 399}]),
    ("needless_errors", [{"Redis gone": "error", "origin bears": 400}]),
    ("no_policy", [{"cache policy": "lru"}, {"counter policy": Hostile()}, {"counter policy": 5}]),
    ("cache_full", [{"cache policy": "noeviction"}, {"cache policy": "NoEviction"}]),
    ("counters_evicted", [{"counter policy": "allkeys-lru"}, {"counter policy": "allkeys-lfu"}]),
    ("markers_evicted", [{"counter policy": "volatile-ttl"}, {"counter policy": "volatile-lru"}]),
    ("clears_all", [{"clear": "FLUSHDB"}, {"clear": "flushdb"}]),
    ("clears_by_keys", [{"clear": "KEYS and DEL"}]),
    ("no_list", [{"watch": "evicted_keys"}, {"watch": []}, {"watch": Hostile()}]),
    ("no_field", [{"watch": ["hit_rate"]}, {"watch": [*RATE, "slowlog"]}, {"watch": [Hostile()]}]),
    ("rate_unseen", [{"watch": ["evicted_keys", "used_memory", "keyspace_hits"]}]),
    ("evictions_unseen", [{"watch": [*RATE, "used_memory"]}]),
    ("memory_unseen", [{"watch": [*RATE, "evicted_keys"]}]),
]
NO_PAGES = [
    (NOT_ATTEMPTED, [None, ...]),
    ("no_dict", [5, "x", [], Hostile(), print, list(PAGE.items())]),
    ("missing_entry", [{}, {"timeout": 1}, {name: 1 for name in PAGE if name != "watch"}]),
]

one_server = on_one_server(nb08, nb08_clear, nb08_operations)
pytestmark = pytest.mark.usefixtures("one_server")

BY_CODE = [
    *[(check_worst_wait, "worst_wait", *row) for row in WAITS],
    *[(check_clear, "clear_cache", *row) for row in CLEARS],
]


@pytest.mark.parametrize(("check", "what", "name", "source"), BY_CODE)
def test_each_function_gets_its_own_reply(check, what, name, source):
    assert named(check, what, source) == name


@pytest.mark.parametrize(("name", "page"), [(name, page) for name, pages in NO_PAGES for page in pages])
def test_what_is_no_page_is_told(name, page):
    assert finding(check_operations, page) == name


@pytest.mark.parametrize(("name", "change"), [(name, change) for name, some in PAGES for change in some])
def test_each_page_gets_its_own_reply(name, change):
    assert finding(check_operations, PAGE | change) == name


@pytest.mark.parametrize("check", [check_worst_wait, check_clear])
@pytest.mark.parametrize("thing", NO_FUNCTIONS)
def test_what_is_no_function_gets_one_sentence(check, thing):
    assert finding(check, thing) == "no_function"


def test_the_lists_above_know_every_reply_of_the_texts():
    expect_every_reply("08", worst_wait=WAITS, clear=CLEARS, operations=PAGES + NO_PAGES)


# --- what the replies say is so on a real server


@pytest.mark.parametrize("case", [nb08.REAL, (0.05, 0, 9.0), (0.03, 4, 0.02)])
def test_a_real_client_waits_for_a_silent_server_as_long_as_the_formula_says(case):
    began = time.perf_counter()
    assert nb08._really_sent.__wrapped__(case) == 1 + case[1]
    assert time.perf_counter() - began >= oncall.longest_wait(*case)


def test_each_thing_believed_about_the_wait_differs_from_the_truth_and_the_others():
    computed = {name: tuple(belief(*case) for case in nb08.CASES) for name, belief in nb08.BELIEFS.items()}
    assert len({*computed.values(), tuple(oncall.longest_wait(*case) for case in nb08.CASES)}) == 1 + len(
        computed
    )


def test_the_wait_is_told_with_what_a_real_client_sent():
    text = said(check_worst_wait, "worst_wait", f"{WAIT} return (timeout + pause) * retries")
    assert "you get 0.16 s, and a request waits 0.22 s" in text
    assert "A real client with 2 retries has just sent 3 commands" in text
    assert "a pause with each of them" in said(
        check_worst_wait, "worst_wait", f"{WAIT} return (timeout + pause) * (1 + retries)"
    )


def test_the_wait_is_told_for_the_first_case_that_does_not_come_out():
    at_most_two = f"{WAIT} return timeout * (1 + retries) + pause * min(2, retries)"
    text = said(check_worst_wait, "worst_wait", at_most_two)
    assert "with timeout 5, retries 10 and pause 0.5 you get 56 s" in text


def test_each_prefix_taken_for_a_pattern_fits_the_neighbours_key_on_a_real_server():
    with nb08_clear.own_lab(lab_time=False) as lab:
        for prefix, neighbour in nb08_clear.GLOBS.items():
            lab.redis.mset({neighbour: 1, f"{prefix}7": 1})
            assert neighbour.encode() in set(lab.redis.scan_iter(match=f"{prefix}*"))
            lab.redis.flushall()


def test_a_cleared_cache_is_told_with_what_stayed():
    text = said(check_clear, "clear_cache", BATCHED)
    assert text.startswith("Right: all 2,504 keys that begin with shop: are gone")
    assert "the 205 keys of the neighbours are untouched" in text and "sends SCAN, UNLINK" in text


def test_a_key_in_the_way_is_told_and_the_count_of_what_went():
    text = said(check_clear, "clear_cache", SCAN.format("prefix.strip(':') + '*'") + BATCHES)
    assert "that do not begin with shop: are gone or changed (1 of 205), such as shopping:7" in text
    text = said(
        check_clear, "clear_cache", f"{MINE} for name in names: redis.unlink(name)\n return len(names)"
    )
    assert "deleted one of 9 keys" in text and "your function deleted 8 keys and returned 9" in text


def test_the_neighbours_are_compared_in_every_kind_and_deadline():
    for spoil in ("rpush('queue:emails', 1)", "expire('session:1', 9)", "persist('session:brief')"):
        source = BATCHED.replace(" return deleted", f" redis.{spoil}\n return deleted")
        assert named(check_clear, "clear_cache", source) == "others"


def test_the_page_is_printed_line_by_line_with_what_follows_from_it(capsys):
    check_operations(PAGE | {"on call": "the catalogue's team"})
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:17] == [
        "requests a second: 400",
        "hit rate: 0.9",
        "origin bears: 100",
        "deadline: 1",
        "timeout: 0.25",
        "retries: 1",
        "pause: 0.05",
        "Redis gone: limited origin",
        "cache policy: allkeys-lru",
        "counter policy: noeviction",
        "clear: SCAN and UNLINK",
        "near-cache: 5",
        "stale: 60",
        "watch: keyspace_hits, keyspace_misses, evicted_keys, used_memory",
        "on call: the catalogue's team",
    ]
    rest = " ".join(lines[18:])
    assert "a request waits 0.55 s at most, 220 requests wait at once and 800 commands a second" in rest
    assert "the origin answers 100 of 400 requests a second, where it reads 40 on other days; 300 get" in rest


@pytest.mark.parametrize(
    ("gone", "bears", "told"),
    [
        ("error", 100, "answers 0 of 400"),
        ("origin", 400, "answers 400 of 400"),
        ("limited origin", 500, "answers 400 of 400"),
    ],
)
def test_what_the_origin_answers_without_redis_follows_from_the_choice(gone, bears, told):
    assert told in reply(check_operations, PAGE | {"Redis gone": gone, "origin bears": bears})


def test_entries_that_do_not_fit_are_told_with_the_learners_own_numbers():
    def told(**change):
        return reply(
            check_operations, PAGE | {name.replace("_", " "): value for name, value in change.items()}
        )

    assert "4 tries and up to 1.15 s of waiting, but a request has to be answered in 1 s" in told(retries=3)
    assert "460 would wait for Redis at once" in told(retries=3)
    assert "500.05 s for a hung server, 200,020 requests at once" in told(timeout=250)
    assert "all 400 requests a second go to the origin, where only 40 went" in told(Redis_gone="origin")
    assert "rise from 40 a second towards 400, where it bears 100" in told(cache_policy="noeviction")
    assert "each 0.01 s that it takes keeps 4 of them waiting" in told(clear="KEYS and DEL")


def test_the_longest_wait_on_the_page_is_the_first_exercises():
    numbers = oncall.numbers_of(PAGE)
    assert numbers.worst(numbers.timeout) == pytest.approx(2 * 0.25 + 0.05)


def test_the_policies_that_the_reply_lists_are_those_of_a_real_server():
    text = reply(check_operations, PAGE | {"cache policy": "lru"}).partition("It knows ")[2]
    listed = re.findall(r"noeviction|allkeys-\w+|(?:volatile)?-\w+", text)
    listed = [name if name[0] != "-" else f"volatile{name}" for name in listed]
    assert len(set(listed)) == 8
    with nb08_operations.own_lab(lab_time=False) as lab:
        for policy in listed:
            assert lab.redis.config_set("maxmemory-policy", policy)


# --- the hints


def test_the_last_hints_are_answers():
    hints = {name: exercises.exercises()[name]["hints"][2] for name in ("worst_wait", "clear", "operations")}
    assert f"pattern = {ESCAPED}, then" in hints["clear"]
    values = ast.literal_eval(f"[{hints['operations'].partition(': ')[2].partition('. Now')[0]}]")
    assert finding(check_operations, dict(zip(PAGE, values, strict=True))) == RIGHT
