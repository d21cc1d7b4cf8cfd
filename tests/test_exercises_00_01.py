"""The exercises of notebooks 00 and 01: the stub, each catalogued wrong answer, several right ones."""

import math
import textwrap
import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from learner import STUCK, finding, learner, named, reply

from labsupport import LocalCache
from labsupport.lessons import exercises
from labsupport.lessons.checks import nb01, nb01_cache
from labsupport.lessons.checks.nb00 import check_misses, check_remember
from labsupport.lessons.checks.nb01 import check_cache, check_staleness, check_ttl_for_rate


def remember(body):
    return "def remember(redis, name, value):\n" + textwrap.indent(textwrap.dedent(body), "    ")


def count(body):
    return "def count(log):\n" + textwrap.indent(textwrap.dedent(body), "    ")


def cache(init=None, set=None, get=None, top="pass"):
    """A class from the bodies of its methods; what is not given is the solution's."""
    init = init or "self.ttl, self.clock, self._entries = ttl, clock, {}"
    set = set or "self._entries[key] = (value, self.clock.now() + self.ttl)"
    get = get or SOLUTION_GET
    methods = {"__init__(self, ttl, clock)": init, "set(self, key, value)": set, "get(self, key)": get}
    code = [f"def {name}:\n" + textwrap.indent(body, "    ") for name, body in methods.items()]
    return "class MyCache:\n" + textwrap.indent("\n".join([top, *code]), "    ")


SOLUTION_GET = """value, expires = self._entries.get(key, (None, 0.0))
return value if self.clock.now() < expires else None"""

NOT_FOUND = "if key not in self._entries:\n    return None\nvalue, expires = self._entries[key]\n"

REMEMBER = [
    ("not_attempted", remember("...")),
    ("not_attempted", remember("pass")),
    ("not_attempted", remember('"""Keep it for five minutes."""')),
    ("right", remember("redis.set(name, value, ex=300)")),
    ("right", remember("return redis.setex(name, 300, value)")),
    ("right", remember("redis.psetex(name, 300_000, value)")),
    ("right", remember("redis.set(name, value, px=300_000)")),
    ("right", remember("from datetime import timedelta\nredis.set(name, value, ex=timedelta(minutes=5))")),
    ("right", remember("redis.execute_command('SET', name, value, 'EX', 300)")),
    ("right", remember("with redis.pipeline() as p: p.set(name, value).expire(name, 300).execute()")),
    ("right", remember("if redis.get(name) != value: redis.set(name, value, ex=300)")),
    ("right", remember("redis.set(name, value.decode(), ex=300)")),
    ("right", remember("redis.set(name, value, ex=300)\nredis.get(name)")),
    ("nothing_sent", remember("kept = {}\nkept[name] = value")),
    ("nothing_sent", remember("return name")),
    ("nothing_kept", remember("redis.expire(name, 300)")),
    ("nothing_kept", remember("redis.set(name, value, ex=300, xx=True)")),
    ("one_name", remember("redis.set('course:204', value, ex=300)")),
    ("one_name", remember("redis.set('name', value, ex=300)")),
    ("other_name", remember("redis.set('cache:' + name, value, ex=300)")),
    ("other_type", remember("redis.hset(name, 'value', value)\nredis.expire(name, 300)")),
    ("other_value", remember("redis.set(name, str(value), ex=300)")),
    ("other_value", remember("redis.set(name, 'value', ex=300)")),
    ("no_deadline", remember("redis.set(name, value)")),
    ("no_deadline", remember("redis.set(name, value, keepttl=True)")),
    ("expire_first", remember("redis.expire(name, 300)\nredis.set(name, value)")),
    ("milliseconds", remember("redis.set(name, value, px=300)")),
    ("milliseconds", remember("redis.psetex(name, 300, value)")),
    ("milliseconds", remember("redis.set(name, value, px=1)\nwhile redis.exists(name): pass")),
    ("thousandfold", remember("redis.set(name, value, ex=300_000)")),
    ("other_deadline", remember("redis.set(name, value, ex=5)")),
    ("other_deadline", remember("redis.set(name, value, ex=60)")),
    ("other_deadline", remember("redis.set(name, value, ex=300 * 60)")),
    ("two_commands", remember("redis.set(name, value)\nredis.expire(name, 300)")),
    ("two_commands", remember("redis.get(name)\nredis.set(name, value)\nredis.pexpire(name, 300_000)")),
    (
        "two_commands",
        remember(
            "redis.set(name, value)\ntry: redis.expire(name, 300)\nexcept Exception: redis.delete(name)"
        ),
    ),
    ("keeps_old_value", remember("redis.set(name, value, ex=300, nx=True)")),
    ("keeps_old_value", remember("if not redis.exists(name): redis.set(name, value, ex=300)")),
    (
        "keeps_old_deadline",
        remember("redis.set(name, value, ex=300, nx=True) or redis.set(name, value, keepttl=True)"),
    ),
]

COUNT = [
    ("not_attempted", count("...")),
    ("not_attempted", count("pass")),
    ("right", count("return int((~log['hit']).sum())")),
    ("right", count("return len(log) - log['hit'].sum()")),
    ("right", count("return len(log[log['hit'] == False])")),
    ("right", count("reads = 0\nfor hit in log['hit']:\n    if not hit:\n        reads += 1\nreturn reads")),
    ("right", count("return float(np.count_nonzero(log['hit'] == 0))")),
    ("no_return", count("(~log['hit']).sum()")),
    ("rows", count("return log[~log['hit']]")),
    ("rows", count("return ~log['hit']")),
    ("rows", count("return [hit for hit in log['hit'] if not hit]")),
    ("rows", count("return log['hit'].to_numpy()")),
    ("hits_counted", count("return log['hit'].sum()")),
    ("all_requests", count("return len(log)")),
    ("all_requests", count("return log['hit'].count()")),
    ("all_requests", count("return len(log['hit'] == False)")),
    ("keys_counted", count("return log['key'].nunique()")),
    ("keys_counted", count("return len(set(zip(log['instance'], log['key'])))")),
    ("share", count("return 1 - log['hit'].mean()")),
    ("share", count("return 100 * (1 - log['hit'].mean())")),
    ("share", count("return log['hit'].mean()")),
    ("first_window", count("return (~log[log['at'] < 20]['hit']).sum()")),
    ("one_instance", count("return (~log[log['instance'] == 0]['hit']).sum()")),
    ("bits_inverted", count("return sum(~int(hit) for hit in log['hit'])")),
    ("constant", count("return 48")),
    ("constant", count("return 0")),
    ("other_number", count("return log['hit'].value_counts().iloc[0]")),
    ("other_number", count("return (~log['hit']).sum() + 1")),
]

LIVES = "return value if self.clock.now() {} expires else None"

FIRST_OF_ALL = cache(set="self._entries.setdefault('key', value)", get="return self._entries.get('key')")
CACHE = [
    ("not_attempted", cache(init="...", set="...", get="...")),
    ("not_attempted", cache(set="...", get="...")),
    ("right", cache()),
    (
        "right",
        cache(
            get=f"{NOT_FOUND}if self.clock.now() >= expires:\n    del self._entries[key]\n"
            "    return None\nreturn value"
        ),
    ),
    (
        "right",
        cache(
            set="self._entries[key] = value, self.clock.now()",
            get="value, since = self._entries.get(key, (None, 0))\n"
            "return value if self.clock.now() - since < self.ttl else None",
        ),
    ),
    (
        "right",
        cache(
            init="self.ttl, self.clock, self.values, self.ends = ttl, clock, {}, {}",
            set="self.values[key], self.ends[key] = value, self.clock.now() + self.ttl",
            get="if self.ends.get(key, 0) <= self.clock.now():\n    self.values.pop(key, None)\n"
            "return self.values.get(key)",
        ),
    ),
    ("no_method", "class MyCache:\n    def __init__(self, ttl, clock): ...\n    def get(self, key): ..."),
    ("not_none", cache(get="return self._entries.get(key, (b'', 0))[0]")),
    (
        "not_none",
        cache(
            get="value, expires = self._entries.get(key, (None, 0.0))\n"
            "return value if value is None or self.clock.now() < expires else False"
        ),
    ),
    ("forgets", cache(set="...")),
    ("forgets", cache(get="...")),
    ("whole_entry", cache(get="return self._entries.get(key)")),
    ("other_value", cache(get=SOLUTION_GET.replace("return value", "return value.decode()"))),
    ("other_value", cache(get=SOLUTION_GET.replace("return value", "return True"))),
    (
        "other_value",
        cache(
            set="self._entries['key'] = (value, self.clock.now() + self.ttl)",
            get=SOLUTION_GET.replace(
                "get(key", "get('key' if self._entries and key != 'course:999' else key"
            ),
        ),
    ),
    ("other_value", cache(get=SOLUTION_GET.replace("return value", "return ('the', 'value')"))),
    ("other_value", FIRST_OF_ALL),
    (
        "gone_after_hit",
        cache(get="value, expires = self._entries.pop(key, (None, 0.0))\n" + LIVES.format("<")),
    ),
    ("one_dict", cache(init="self.ttl, self.clock = ttl, clock", top="_entries = {}")),
    (
        "one_dict",
        cache(init="self.ttl, self.clock, self._entries = ttl, clock, entries").replace(
            "ttl, clock):", "ttl, clock, entries={}):"
        ),
    ),
    ("one_dict", "kept = {}\n" + cache(init="self.ttl, self.clock, self._entries = ttl, clock, kept")),
    (
        "empty_is_a_miss",
        cache(
            get="value, expires = self._entries.get(key, (None, 0.0))\n"
            "return value if value and self.clock.now() < expires else None"
        ),
    ),
    (
        "empty_is_a_miss",
        cache(
            get="value, expires = self._entries.get(key, (None, 0.0))\n"
            "return (self.clock.now() < expires or None) and value or None"
        ),
    ),
    ("keeps_first", cache(set="self._entries.setdefault(key, (value, self.clock.now() + self.ttl))")),
    (
        "old_deadline",
        cache(
            set="_, ends = self._entries.get(key, (None, self.clock.now() + self.ttl))\n"
            "self._entries[key] = (value, ends)"
        ),
    ),
    (
        "deadline_from_start",
        cache(
            init="self._entries, self.clock, self.ends = {}, clock, clock.now() + ttl",
            set="self._entries[key] = (value, self.ends)",
        ),
    ),
    ("deadline_from_start", cache(set="self._entries[key] = (value, self.ttl)")),
    ("never_expires", cache(get="return self._entries.get(key, (None,))[0]")),
    ("never_expires", cache(get=f"{NOT_FOUND}return value if self.clock.now() >= 0 else None")),
    ("never_expires", cache(set="self._entries[key] = value", get="return self._entries.get(key)")),
    (
        "never_expires",
        cache(
            init="self.clock, self._entries, self.born = clock, {}, clock.now()",
            set="self._entries[key] = (value, self.born)",
            get=f"{NOT_FOUND}return value if self.clock.now() >= expires else None",
        ),
    ),
    (
        "frozen_clock",
        cache(
            init="self.ttl, self.now, self._entries = ttl, clock.now(), {}",
            set="self._entries[key] = (value, self.now + self.ttl)",
            get=SOLUTION_GET.replace("clock.now()", "now"),
        ),
    ),
    (
        "wall_clock",
        "import time\n"
        + cache(
            set="self._entries[key] = (value, time.time() + self.ttl)",
            get=SOLUTION_GET.replace("self.clock.now", "time.time"),
        ),
    ),
    ("one_too_long", cache(get="value, expires = self._entries.get(key, (None, -1))\n" + LIVES.format("<="))),
    ("other_life", cache(set="self._entries[key] = (value, self.clock.now() + self.ttl - 1)")),
    ("other_life", cache(set="self._entries[key] = (value, self.clock.now() + 60)")),
    (
        "sliding",
        cache(
            get=f"{NOT_FOUND}if self.clock.now() >= expires:\n    return None\n"
            "self.set(key, value)\nreturn value"
        ),
    ),
    (
        "clears_all",
        cache(
            get=f"{NOT_FOUND}if self.clock.now() >= expires:\n    self._entries.clear()\n"
            "    return None\nreturn value"
        ),
    ),
    (
        "no_second_life",
        cache(
            init="self.ttl, self.clock, self._entries, self.gone = ttl, clock, {}, set()",
            get=f"{NOT_FOUND}if self.clock.now() >= expires:\n    self.gone.add(key)\n"
            "return value if key not in self.gone else None",
        ),
    ),
    (
        "unlike_the_model",  # hits and misses as they should be, but not the origin's answer
        cache(
            get="value, expires = self._entries.get(key, (None, 0.0))\n"
            "old = b'other' if len(self._entries) > 9 else value\n"
            "return old if self.clock.now() < expires else None"
        ),
    ),
    (
        "never_expires",  # `time` is but the clock's, under another name
        cache(
            init="self.ttl, self.time, self._entries = ttl, clock.now, {}",
            set="self._entries[key] = (value, self.time() + self.ttl)",
            get="return self._entries.get(key, (None,))[0]",
        ),
    ),
    (
        "unlike_the_model",
        cache(
            set="if len(self._entries) < 9:\n    self._entries[key] = (value, self.clock.now() + self.ttl)"
        ),
    ),
    (
        "unlike_the_model",
        cache(
            init="self.ttl, self.clock, self._entries, self.n = ttl, clock, {}, 0",
            get="self.n += 1\nif self.n > 99: return b'other'\n" + SOLUTION_GET,
        ),
    ),
    ("stopped", cache(get="value, expires = self._entries[key]\n" + LIVES.format("<"))),
    (
        "stopped",
        cache(
            get=f"{NOT_FOUND}if self.clock.now() >= expires:\n    del self._entries[key]\n"
            "    self._entries[key]\nreturn value"
        ),
    ),
]

STALENESS = {
    "not_attempted": [None, ...],
    "right": [25, 25.0, np.int64(25), Decimal(25), Fraction(25)],
    "ttl_after_change": [45],
    "hears_of_changes": [0, -0.0],
    "since_fill": [20],
    "moment": [55],
    "from_zero": [15],
    "fill_subtracted": [35],
    "one_less": [24],
    "for_ever": [math.inf, np.inf],
    "negative": [-1, -math.inf],
    "too_short": [24.9, 1],
    "too_long": [26, 1e300],
}

TTL = {
    "not_attempted": [None],
    "right": [36, 35, 37.0, 38, 34.6, np.float64(36.5)],
    "rate_as_x": [3.6],
    "rate_as_ttl": [0.9],
    "one_in_ten": [40],
    "multiplied": [2.25],
    "x_as_ttl": [9],
    "percent_as_ttl": [90],
    "inverted": [4 / 9, 0.44],
    "no_ttl": [0, -36],
    "too_short": [34, 0.001, 34.5],
    "too_long": [39, 38.6, 1e300],
    "no_number": [math.inf],
}

# The exercise: its check, the name that the learner's source defines (None: the answer itself), the rows.
EXERCISES = {
    "remember": (check_remember, "remember", REMEMBER),
    "misses": (check_misses, "count", COUNT),
    "cache": (check_cache, "MyCache", CACHE),
    "staleness": (check_staleness, None, [(n, given) for n in STALENESS for given in STALENESS[n]]),
    "ttl_for_rate": (check_ttl_for_rate, None, [(n, given) for n in TTL for given in TTL[n]]),
}
ROWS = [(exercise, name, answer) for exercise, row in EXERCISES.items() for name, answer in row[2]]


def thing(what, answer):
    """What the learner passes to the check."""
    return learner(answer, np=np)[what] if what else answer


@pytest.mark.parametrize(
    ("exercise", "name", "answer"), ROWS, ids=[f"{n}-{row[0]}-{row[1]}" for n, row in enumerate(ROWS)]
)
def test_every_answer_gets_its_reply(exercise, name, answer):
    check, what, _ = EXERCISES[exercise]
    assert finding(check, thing(what, answer)) == name


@pytest.mark.parametrize("exercise", EXERCISES)
def test_every_reply_of_the_texts_is_given_above(exercise):
    given = {name for name, _ in EXERCISES[exercise][2]}
    assert given - {"not_attempted", "stopped", "no_number"} == set(
        exercises.exercises()[exercise]["replies"]
    )


# --- what the replies say


def said(exercise, name):
    """The whole reply to the first answer of this kind."""
    check, what, rows = EXERCISES[exercise]
    return reply(check, thing(what, next(answer for row, answer in rows if row == name)))


@pytest.mark.parametrize(
    ("exercise", "name", "words"),
    [
        ("remember", "right", "for 300 s"),
        ("remember", "no_deadline", "it said -1, which means none"),
        ("remember", "thousandfold", "300,000 s left, that is 3.5 days"),
        ("remember", "two_commands", "takes 2 round trips to Redis; the check killed"),
        ("remember", "one_name", "left one key, course:204."),
        ("remember", "other_name", "is under cache:lab:check:course:311, but"),
        ("remember", "expire_first", "you sent EXPIRE, then SET, and"),
        ("remember", "keeps_old_deadline", ": 30 s are left"),
        ("misses", "right", "counted 48, 262, 135 reads"),
        ("misses", "hits_counted", "your function says 352 and the catalogue counted 48"),
        ("misses", "one_instance", "in run 2 your function says"),
        ("misses", "share", "says 0.12 and the catalogue counted 48. That is a share"),
        ("cache", "right", "1,500 requests was a hit or a miss"),
        ("cache", "one_dict", "fleet of 4 would report"),
        ("cache", "empty_is_a_miss", "with your class read the origin 20 times instead"),
        ("cache", "sliding", "the old title 255 times, the last time at second 3,584;"),
        ("cache", "sliding", "it is 3 times, the last at second 56."),
        ("cache", "one_too_long", "goes at second 31"),
        ("staleness", "right", "from second 30 to second 54, 25 times; at second 55"),
        ("staleness", "too_long", "at second 56 the new title had been there for 1 s"),
        ("staleness", "too_short", "at second 54.9, 24.9 s after the change"),
        ("ttl_for_rate", "right", "with a TTL of 36 s, 89.9% of 100,000"),
        ("ttl_for_rate", "rate_as_x", "with x = 0.9"),
        ("ttl_for_rate", "one_in_ten", "90.8% of 100,000"),
        ("ttl_for_rate", "percent_as_ttl", "22.5 requests come in one TTL"),
    ],
)
def test_the_reply_names_the_numbers_of_the_run(exercise, name, words):
    assert words in said(exercise, name)


def test_a_class_that_forgets_is_told_which_request_missed_and_what_the_model_says():
    full = "if len(self._entries) < 9:\n    self._entries[key] = (value, self.clock.now() + self.ttl)"
    text = reply(check_cache, learner(cache(set=full))["MyCache"])
    assert "was a miss where the model says hit" in text


def test_a_key_that_holds_anothers_value_is_told_what_was_set_for_it():
    text = reply(check_cache, learner(FIRST_OF_ALL)["MyCache"])
    assert f"get returned {nb01_cache.VALUE}, but what was set for this key is {nb01_cache.LATER}." in text


def test_the_fleet_whose_caches_share_a_dict_reads_as_little_as_one_cache():
    """The numbers of the reply come from real replays: four private caches, and one dict for all."""
    text = said("cache", "one_dict")
    private = nb01.check_cache.__globals__["_reads"](LocalCache)
    assert f"four real private caches need {private}" in text
    assert int(text.partition("would report ")[2].partition(" ")[0]) < private


def test_each_answer_of_the_staleness_question_is_looked_up_in_a_run():
    """What the reply claims about second 30 + answer is what a cache serves then: the old title until 54."""
    old = nb01._served_old()
    for seconds in range(60):
        name = finding(check_staleness, seconds)
        if name in ("too_short", "too_long"):
            assert old[seconds] == (name == "too_short")
    assert sum(old) == 25 and old == sorted(old, reverse=True)


def test_right_ttls_are_those_that_the_simulation_rounds_to_90_percent():
    names = {ttl: finding(check_ttl_for_rate, ttl) for ttl in range(30, 45)}
    rates = {ttl: nb01.simulate(nb01._one_course(), 1, ttl).mean() for ttl in names}
    assert [t for t in rates if 0.895 <= rates[t] < 0.905] == [35, 36, 37, 38]  # as the reply says
    assert [t for t in names if names[t] == "right"] == [35, 36, 37, 38]


# --- answers that nobody expects


class Hostile:
    def __eq__(self, other):
        raise RuntimeError("no comparison")

    __hash__ = None

    def __repr__(self):
        raise RuntimeError("no repr")

    def __bool__(self):
        raise RuntimeError("no truth")


WEIRD = [
    Hostile(), math.nan, np.array([1, 2]), np.array(25), np.bool_(True), True, "x", b"25", [], {}, (25,),
    object(), 25j, pd.DataFrame({"hit": [True]}), pd.Series([1.0]), pd.NA, pd.NaT, 10**10_000, "x" * 10**7,
    list(range(10**6)), iter([]), Decimal("NaN"), Decimal("Infinity"), type, ["nested", [Hostile()]],
]  # fmt: skip
each_weird = pytest.mark.parametrize("weird", WEIRD, ids=lambda w: type(w).__name__)


def is_a_plain_reply(text):
    assert text.startswith("Not yet: ") and STUCK in text
    assert len(text) < 1_000
    assert " at 0x" not in text


@each_weird
@pytest.mark.parametrize(
    "check", [check_remember, check_misses, check_cache, check_staleness, check_ttl_for_rate]
)
def test_a_weird_answer_breaks_no_check(check, weird):
    is_a_plain_reply(reply(check, weird))


@each_weird
def test_a_weird_result_breaks_no_check(weird):
    assert reply(
        check_remember, lambda redis, name, value: (redis.set(name, value, ex=300), weird)[1]
    ).startswith("Right")
    is_a_plain_reply(reply(check_misses, lambda log: weird))
    held = type(
        "Held", (LocalCache,), {"get": lambda self, key: None if LocalCache.get(self, key) is None else weird}
    )
    is_a_plain_reply(reply(check_cache, held))
    is_a_plain_reply(reply(check_cache, type("Always", (LocalCache,), {"get": lambda self, key: weird})))


@pytest.mark.parametrize(
    ("check", "thing", "name"),
    [
        (check_remember, None, "no_function"),
        (check_remember, "remember", "no_function"),
        (check_remember, lambda redis: None, "other_parameters"),
        (check_misses, 48, "no_function"),
        (check_misses, lambda: 48, "other_parameters"),
        (check_misses, lambda log: "48", "number_in_quotes"),
        (check_misses, lambda log: len, "function_for_a_number"),
        (check_cache, LocalCache(30, nb01.Clock()), "no_class"),
        (check_cache, None, "no_class"),
        (check_cache, type("MyCache", (), {}), "other_parameters"),
        (check_cache, dict, "stopped"),
        (check_staleness, "25", "number_in_quotes"),
        (check_staleness, check_staleness, "function_for_a_number"),
        (check_staleness, "25 s", "no_number"),
        (check_staleness, True, "no_number"),
        (check_ttl_for_rate, "36", "number_in_quotes"),
        (check_ttl_for_rate, (36,), "no_number"),
    ],
)  # fmt: skip
def test_the_wrong_sort_of_thing_has_its_own_reply(check, thing, name):
    assert finding(check, thing) == name


def test_an_async_function_is_told_so():
    source = "async def remember(redis, name, value):\n    redis.set(name, value, ex=300)"
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert named(check_remember, "remember", source) == "async_function"
    assert seen == []  # such as: the coroutine was never awaited


def test_the_log_that_a_function_changes_is_its_own():
    source = count("log['hit'] = ~log['hit']\nreturn log['hit'].sum()")
    assert [named(check_misses, "count", source) for _ in range(2)] == ["right", "right"]
