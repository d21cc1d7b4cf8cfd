"""What exercises share: replies in words, hints in three steps, a learner's errors in one sentence."""

import ast
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import redis
from learner import STUCK, finding, learner, reply, unwrapped
from servers import becomes_true, foreign_server
from test_labtime_between_cells import START, Notebook

from labsupport import Keys, start_lab
from labsupport.errors import BadArgument, LabError
from labsupport.lessons import exercises, texts
from labsupport.lessons import given as given_module
from labsupport.lessons.exercises import NOT_ATTEMPTED, RIGHT, Stop, answer, hint
from labsupport.lessons.given import call, shown
from labsupport.lessons.places import Killed, Wire, client_on, own_lab

CHECKS = sorted(Path(exercises.__file__).with_name("checks").glob("*.py"))
FILES = sorted(exercises.FOLDER.glob("[0-9]*.toml"))
TABLES = exercises.exercises()
each_exercise = pytest.mark.parametrize("name", TABLES)

EXERCISE = "staleness"  # any: the machinery is the same for all


@pytest.fixture(autouse=True)
def a_new_kernel(monkeypatch):
    """Nothing was tried and no hint given yet."""
    exercises._tries.clear()
    exercises._hints.clear()


def says(look, capsys, exercise=EXERCISE):
    """What is printed for the finding of this look."""
    answer(exercise, look)
    return unwrapped(capsys.readouterr().out)


def next_hint(capsys, exercise=EXERCISE):
    hint(exercise)
    return unwrapped(capsys.readouterr().out)


def right():
    return RIGHT, {"last": 54, "stale": 25, "end": 55}


def wrong():
    return "moment", {"given": 55, "last": 54}


# --- replies


def test_a_reply_says_first_how_the_answer_is(capsys):
    assert says(right, capsys).startswith("Right: in a run")
    assert says(wrong, capsys).startswith("Not yet: second 55 is when the entry expires")
    assert says(lambda: (NOT_ATTEMPTED, {}), capsys).startswith("Not attempted yet: put your own answer")


def test_only_a_wrong_answer_offers_a_hint_and_on_a_line_of_its_own(capsys):
    assert says(wrong, capsys).splitlines()[-1] == 'Stuck? hint("staleness") gives the next of three hints.'
    assert STUCK not in says(right, capsys)
    not_attempted = says(lambda: (NOT_ATTEMPTED, {}), capsys)
    assert STUCK not in not_attempted and 'hint("staleness")' in not_attempted


def test_lines_fit_a_notebook(capsys):
    answer(EXERCISE, wrong)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 2 and max(map(len, lines)) <= 100


def test_a_word_longer_than_a_line_stays_whole(capsys, monkeypatch):
    """Such as the name of a key, to be copied."""
    monkeypatch.setitem(TABLES[EXERCISE]["replies"], "moment", "the key " + 12 * "lab:check-" + " is gone.")
    answer(EXERCISE, wrong)
    assert 12 * "lab:check-" in capsys.readouterr().out.splitlines()


def test_a_new_line_of_the_texts_stays_one(capsys, monkeypatch):
    monkeypatch.setitem(TABLES[EXERCISE]["replies"], "moment", "two lines:\n    indented = 1")
    answer(EXERCISE, wrong)
    assert capsys.readouterr().out.splitlines()[:2] == ["Not yet: two lines:", "    indented = 1"]


def test_a_look_can_be_ended_from_anywhere_within(capsys):
    def deep():
        raise Stop("moment", given=55, last=54)

    for look in (lambda: deep() or right(), lambda: call(deep) or right()):
        assert says(look, capsys) == says(wrong, capsys)


def test_facts_are_numbers_and_words_and_anything_else_only_shown(capsys, monkeypatch):
    class Sly:
        def __format__(self, spec):
            raise RuntimeError

        def __repr__(self):
            return "{given}"

    monkeypatch.setitem(TABLES[EXERCISE]["replies"], "moment", "{given} and {last:.1%} {sly}")
    facts = {"given": "{last}", "last": given_module.Decimal("0.5"), "sly": Sly()}
    with pytest.raises(LabError, match="cannot be filled"):
        answer(EXERCISE, lambda: ("moment", facts))
    said = says(lambda: ("moment", facts | {"last": np.float64(0.5)}), capsys)
    assert said.startswith("Not yet: {last} and 50.0% {given}")


def test_a_text_that_is_missing_or_asks_for_other_facts_is_said_in_a_sentence(capsys):
    with pytest.raises(LabError, match=r"'staleness' has no reply 'nonsense' in texts/exercises: add one\."):
        answer(EXERCISE, lambda: ("nonsense", {}))
    with pytest.raises(
        LabError, match=r"placeholder that cannot be filled \('given'\); there are: last, exercise"
    ):
        answer(EXERCISE, lambda: ("moment", {"last": 54}))
    assert exercises._tries[EXERCISE] == 0


# --- hints


def test_hints_come_one_by_one_and_the_third_only_after_two_tries(capsys):
    assert next_hint(capsys).startswith("Hint 1 of 3: Draw the entry's life")
    assert next_hint(capsys).startswith("Hint 2 of 3: ")
    refused = next_hint(capsys)
    assert (
        refused.startswith("The third hint") and "after 2 tries of your own; so far there were 0." in refused
    )
    says(wrong, capsys)
    assert "so far there were 1." in next_hint(capsys)
    says(wrong, capsys)
    third = next_hint(capsys)
    assert third.startswith("Hint 3 of 3: ") and third.endswith(
        "solution is folded right below the exercise."
    )
    assert next_hint(capsys) == third


def test_two_tries_before_the_first_hint_count_too(capsys):
    says(wrong, capsys), says(wrong, capsys)
    assert [next_hint(capsys)[:11] for _ in range(3)] == ["Hint 1 of 3", "Hint 2 of 3", "Hint 3 of 3"]


def test_what_is_right_or_not_attempted_is_no_try_and_an_error_is_one(capsys):
    for look in (right, lambda: (NOT_ATTEMPTED, {})):
        says(look, capsys)
    assert exercises._tries[EXERCISE] == 0
    says(lambda: call(learner("def f(): 1 / 0")["f"]), capsys)
    assert exercises._tries[EXERCISE] == 1


def test_tries_and_hints_are_counted_for_each_exercise(capsys):
    says(wrong, capsys), next_hint(capsys)
    assert next_hint(capsys, "remember").startswith("Hint 1 of 3")
    assert exercises._tries["remember"] == 0


@pytest.mark.parametrize("name", ["nonsense", None, 1, print, ["staleness"]])
def test_an_unknown_exercise_is_refused_with_those_there_are(name):
    for use in (lambda: hint(name), lambda: answer(name, right)):
        with pytest.raises(
            BadArgument, match=r"is not the name of an exercise; these are: remember, misses, "
        ):
            use()


# --- what the learner's code raises

ERRORS = {
    "1 / 0": "ZeroDivisionError: division by zero (line 2 of your cell). Something was divided by 0",
    "unknown": "NameError: name 'unknown' is not defined (line 2 of your cell). Python does not know",
    "x = x + 1": "UnboundLocalError: cannot access local variable",
    "().nothing": "AttributeError: 'tuple' object has no attribute 'nothing' (line 2",
    "{}['key']": "KeyError: 'key' (line 2 of your cell). The dict or table has no such key",
    "[][1]": "IndexError: list index out of range (line 2",
    "'1' + 1": "TypeError: can only concatenate str",
    "int('x')": "ValueError: invalid literal",
    "assert False": "AssertionError (line 2 of your cell). One of your own asserts",
    "f()": "RecursionError: maximum recursion depth exceeded",
    "raise MemoryError": "MemoryError (line 2 of your cell). It wanted more",
    "raise NotImplementedError('later')": "NotImplementedError: later (line 2 of your cell). That line still",
    "raise SystemExit": "SystemExit (line 2 of your cell). exit() and quit() end a program",
    "import redis; raise redis.ResponseError('unknown command')": "ResponseError: unknown command (line 2 of",
    "from labsupport.errors import Refused; raise Refused('No.')": "Refused: No (line 2 of your cell). The",
    "from labsupport import Clock; Clock(0)": "BadArgument: tick is 0, but must be a whole number of at",
    "raise OSError('many\\n\\n lines ' + 'x' * 10**6)": "OSError: many lines [...] (line 2 of your cell).",
    "class Odd(Exception):\n        def __str__(self): 1 / 0\n    raise Odd": "Odd (line 4 of your cell).",
    "raise BaseException('bare')": "BaseException: bare (line 2 of your cell). Run the same call",
}


@pytest.mark.parametrize("line", ERRORS)
def test_an_error_of_the_learners_code_is_a_reply_with_the_line(line, capsys):
    function = learner(f"def f():\n    {line}")["f"]
    for look in (lambda: call(function), function):  # by call or not: a line of a cell tells whose it is
        said = says(look, capsys)
        assert said.startswith(f"Not yet: your code stopped with {ERRORS[line]}")
        assert len(said) < 600 and STUCK in said


def test_every_kind_of_error_that_the_texts_explain_is_raised_above():
    known = set(texts.entry("exercises/general", "errors"))
    raised = {said.partition(":")[0].partition(" ")[0] for said in ERRORS.values()}
    assert known - raised == {"RedisError", "LabError"}  # the kinds above ResponseError and Refused


def test_an_error_without_a_line_is_theirs_if_we_called_what_they_gave(capsys):
    said = says(lambda: call(len, 1), capsys)
    assert said.startswith(
        "Not yet: your code stopped with TypeError: object of type 'int' has no len(). A value"
    )


def test_an_error_of_ours_is_raised():
    with pytest.raises(ZeroDivisionError):
        answer(EXERCISE, lambda: 1 / 0)
    with pytest.raises(SystemExit):
        answer(EXERCISE, lambda: sys.exit(1))
    assert exercises._tries[EXERCISE] == 0


def test_stopping_the_cell_stops_it():
    function = learner("def f(): raise KeyboardInterrupt")["f"]
    for look in (function, lambda: call(function)):
        with pytest.raises(KeyboardInterrupt):
            answer(EXERCISE, look)


# --- what the learner's code prints


def test_what_the_code_prints_is_seen_before_the_reply(capsys):
    said = says(lambda: call(print, "half way") or right(), capsys)
    assert said.startswith("half way Right:")


def test_a_flood_is_cut_short_and_its_length_told(capsys):
    said = says(lambda: call(print, "x" * 10_000) or right(), capsys)
    assert said.startswith(
        "x" * 2_000 + " (Your code printed 8,001 characters more; they are left out.) Right:"
    )


def test_after_an_error_of_ours_print_works_again(capsys):
    with pytest.raises(ZeroDivisionError):
        answer(EXERCISE, lambda: print("x" * 10_000) or 1 / 0)
    capsys.readouterr()
    print("y" * 3_000)
    assert len(capsys.readouterr().out) == 3_001


# --- values that a learner may hand in


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (25, "25"),
        ("two\nlines", r"'two\nlines'"),
        (b"x" * 1_000, None),
        (list(range(10**6)), "[0, 1, 2, 3, 4, 5, ...]"),
        (10**10_000, None),
        (object(), "an object of class object"),
        (type("Odd", (), {"__repr__": lambda self: 1 / 0})(), "an object of class Odd"),
        (type("Empty", (), {"__repr__": lambda self: ""})(), "an object of class Empty"),
        (type("Long", (), {"__repr__": lambda self: "long " * 999})(), None),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_any_value_is_shown_in_one_short_line(value, line):
    text = shown(value)
    assert line is None or text == line
    assert 0 < len(text) <= given_module.LONGEST and "\n" not in text


# --- where the code runs


def test_a_check_has_a_server_of_its_own_whatever_redis_url_says(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    with own_lab() as lab:
        assert lab.owned and lab.redis.dbsize() == 0 and isinstance(lab.keys, Keys)
        lab.redis.set("key", 1, ex=5)
        lab.clock.advance(5)
        assert not lab.redis.exists("key")
    with pytest.raises(LabError, match="closed"):
        lab.redis.ping()


def test_the_server_goes_when_the_look_ends_early(monkeypatch):
    def look():
        with own_lab(lab_time=False) as lab:
            labs.append(lab)
            raise Stop("moment", given=55, last=54)

    labs = []
    answer(EXERCISE, look)
    assert labs[0]._server._closed


def test_a_wire_notes_the_commands_and_a_dead_client_stays_dead():
    with own_lab(lab_time=False) as lab:
        wire = Wire(lives=3)
        with client_on(wire, lab) as client:
            client.set("a", b"*1\r\n")
            client.pipeline().incr("n").expire("n", 9).execute()
            client.get("a")
            for use in (lambda: client.get("a"), client.pipeline().get("a").execute):
                with pytest.raises(Killed):
                    use()
            assert not issubclass(Killed, Exception)  # or code that retries on an error would do so for ever
        assert wire.commands == ["SET", "MULTI", "INCRBY", "EXPIRE", "EXEC", "GET"]
        assert len(wire.trips) == 3 and lab.redis.get("n") == b"1"


# --- the texts


def names_in(path):
    """The replies that a check's code can name: what Stop is raised with, and what a look returns first."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Stop" and node.args:
            found |= words_of(node.args[0])
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            found |= words_of(node.value.elts[0])
    return found


def words_of(node):
    if isinstance(node, ast.IfExp):
        return words_of(node.body) | words_of(node.orelse)
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def test_every_reply_that_a_check_names_is_in_the_texts():
    known = set(texts.entry("exercises/general", "replies")).union(*(t["replies"] for t in TABLES.values()))
    named = {name for path in [*CHECKS, Path(given_module.__file__)] for name in names_in(path)}
    assert "two_commands" in named and "hears_of_changes" not in named  # that one is in a table
    assert named - known == set()


@each_exercise
def test_an_exercise_has_three_hints_and_knows_three_misconceptions_or_more(name):
    table = TABLES[name]
    assert set(table) == {"hints", "replies"}
    assert len(table["hints"]) == 3 and len(set(table["hints"])) == 3
    assert len(set(table["replies"]) - {RIGHT, NOT_ATTEMPTED}) >= 3 and RIGHT in table["replies"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_exercise_is_in_one_file_only_and_a_notebook_has_two_or_three(path):
    tables = texts.load(f"exercises/{path.stem}")
    assert 2 <= len(tables) <= 3
    assert len(TABLES) == sum(len(texts.load(f"exercises/{p.stem}")) for p in FILES)


@each_exercise
def test_the_texts_are_plain_sentences(name):
    table = TABLES[name]
    for text in [*table["hints"], *table["replies"].values()]:
        assert text == text.strip() and text[-1] in ".?)" and "  " not in text
        assert not re.search(
            r"[\u2014\u2026]|\S!|\b(sorry|great|well done|congrat\w*)\b", text, re.IGNORECASE
        )
        assert not text.lower().startswith(("wrong", "no,", "incorrect"))


# --- in a real kernel


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    notebook = Notebook({"REDIS_URL": ""}, tmp_path_factory.mktemp("kernel"))
    yield notebook
    notebook.end()


IMPORT = (
    "from labsupport.lessons.checks.nb00 import check_remember\nfrom labsupport.lessons.exercises import hint"
)
DEFINE = "def remember(redis, name, value):\n    {}"
CHECK = "check_remember(remember)"


def printed(kernel, cell):
    """What the cell prints, in however many pieces it comes; anything else it shows is a failure."""
    outputs = kernel.run(cell)
    assert {kind for kind, _ in outputs} == {"stdout"} and kernel.reply["status"] == "ok"
    return unwrapped("".join(text for _, text in outputs))


def test_in_a_kernel_a_learners_error_is_one_sentence_with_the_line_of_the_cell(kernel):
    assert kernel.run(IMPORT) == []
    kernel.run(DEFINE.format("# not yet\n    1 / 0"))
    text = printed(kernel, CHECK)
    assert "ZeroDivisionError: division by zero (line 3 of your cell)." in text
    assert "Traceback" not in text and "labsupport" not in text
    assert printed(kernel, "hint('remember')").startswith("Hint 1 of 3: ")


def test_in_a_kernel_exit_stops_only_the_code_that_called_it(kernel):
    kernel.run(IMPORT + "\nimport sys\n" + DEFINE.format("sys.exit()"))
    assert printed(kernel, CHECK).startswith(
        "Not yet: your code stopped with SystemExit (line 5 of your cell)."
    )
    assert kernel.value("1 + 1") == "2"


EVENTS = "get_ipython().events.callbacks"
HOOKS = f"[str({EVENTS}[e]).count('bound method _Cells') for e in ('pre_run_cell', 'post_run_cell')]"


def test_a_check_leaves_the_notebooks_own_lab_as_it_was(kernel):
    kernel.run(START + "\nr.set('key', 1, ex=5); lab.clock.advance(1)\n" + IMPORT)
    kernel.run(DEFINE.format("redis.set(name, value, ex=300)"))
    assert printed(kernel, CHECK).startswith("Right: ")
    assert kernel.run(f"{CHECK}; lab._cells._running")[-1] == ("execute_result", "1")
    assert kernel.value(HOOKS) == "[1, 1]"
    assert kernel.value("r.ttl('key'), lab.clock.now(), r.dbsize()") == "(4, 1.0, 1)"
    assert kernel.value("lab.clock.advance(3); r.ttl('key')") == "1"
    assert kernel.value("lab.clock.advance(1); r.exists('key')") == "0"


@pytest.mark.parametrize("start", [[START + "; r.set('key', 1, ex=5)"], [START, "r.set('key', 1, ex=5)"]])
def test_a_slow_check_does_not_eat_the_labs_time(kernel, start):
    """A second of real time inside a cell would make lab time slip; during a check the lab is parked."""
    for cell in start[:-1]:
        kernel.run(cell)
    kernel.run(IMPORT + "\nimport time\n" + DEFINE.format("time.sleep(0.8); redis.set(name, value, ex=300)"))
    kernel.run(f"{start[-1]}\n{CHECK}\nlab.clock.advance(1)")
    assert kernel.value("r.ttl('key')") == "4"
    assert kernel.value("lab.clock.advance(4); r.exists('key')") == "0"


def test_a_check_outside_any_cell_leaves_the_lab_parked(kernel):
    """A widget's button runs between two cells."""
    kernel.run(
        f"{START}; r.set('key', 1, ex=5)\n{IMPORT}\n" + DEFINE.format("redis.set(name, value, ex=300)")
    )
    pressed = f"{CHECK}; seen.append((lab._cells._running, lab._time.parked))"
    kernel.run(f"import asyncio\ndef pressed(): {pressed}\nseen = []")
    kernel.run("_ = asyncio.get_running_loop().call_later(0.05, pressed)")
    assert becomes_true(lambda: kernel.value("seen") == "[(0, True)]")
    assert kernel.value("lab._cells._running, lab.clock.advance(1), r.ttl('key')") == "(1, None, 4)"


def test_a_function_that_uses_the_notebooks_own_redis_harms_nothing(kernel):
    kernel.run(
        f"{START}; r.set('key', 1, ex=5)\n{IMPORT}\n" + DEFINE.format("lab.redis.set(name, value, ex=9)")
    )
    assert printed(kernel, CHECK).startswith("Not yet: your function ran, but it sent nothing")
    assert kernel.value("lab.clock.advance(1); r.ttl('key')") == "4"


def test_on_somebody_elses_server_a_check_touches_nothing(monkeypatch):
    with foreign_server() as url, redis.Redis.from_url(url, protocol=2) as other:
        monkeypatch.setenv("REDIS_URL", url)
        lab = start_lab("00")
        other.config_resetstat()
        source = DEFINE.format("redis.set(name, value, ex=300)")
        from labsupport.lessons.checks.nb00 import check_remember

        assert finding(check_remember, learner(source)["remember"]) == RIGHT
        assert reply(check_remember, learner(source)["remember"]).startswith("Right")
        assert {"cmdstat_set", "cmdstat_flushall"}.isdisjoint(other.info("commandstats"))
        lab.close()
