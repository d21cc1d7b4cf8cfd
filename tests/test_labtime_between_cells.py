"""In a real notebook kernel: lab time stands still between two cells, and errors are one sentence."""

import os
import re
import signal
import time

import nbclient
import nbformat
import psutil
import pytest
from jupyter_client.manager import start_new_kernel
from servers import becomes_true, foreign_server

START = "from labsupport import *\nlab = start_lab('cells')\nr = lab.redis"
SERVER_PID = "lab._server.pid"


class Notebook:
    """A kernel and the cells that run in it."""

    def __init__(self, environ, folder):
        environ = {**os.environ, **environ, "LAB_DATA": str(folder), "IPYTHONDIR": str(folder)}
        if "REDIS_URL" not in environ or not environ["REDIS_URL"]:
            environ.pop("REDIS_URL", None)
        self.manager, self.client = start_new_kernel(kernel_name="python3", env=environ, cwd=str(folder))

    def run(self, source):
        """The cell's outputs as a list of (kind, text); the reply's content is in `reply`."""
        seen = []
        heard = self.client.execute_interactive(source, output_hook=seen.append, timeout=30)
        self.reply = heard["content"]
        return [said for message in seen if (said := self._said(message["msg_type"], message["content"]))]

    def value(self, source):
        """What the cell's last line shows; anything else is a failure."""
        ((kind, text),) = self.run(source)
        assert kind == "execute_result", text
        return text

    @staticmethod
    def _said(kind, content):
        if kind == "stream":
            return content["name"], content["text"]
        if kind == "execute_result":
            return kind, content["data"]["text/plain"]
        if kind == "error":
            return kind, "\n".join(content["traceback"])
        return None

    def end(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def shared_notebook(tmp_path_factory):
    notebook = Notebook({"REDIS_URL": ""}, tmp_path_factory.mktemp("own"))
    yield notebook
    notebook.end()


@pytest.fixture
def notebook(shared_notebook):
    """A kernel in which a lab on a server of its own has just been started."""
    assert shared_notebook.run(START) == []
    return shared_notebook


@pytest.fixture(scope="module")
def url():
    with foreign_server() as url:
        yield url


@pytest.fixture
def guest(url, tmp_path):
    """A kernel whose lab is on a server that is not ours."""
    notebook = Notebook({"REDIS_URL": url}, tmp_path)
    assert notebook.run(START) == []
    yield notebook
    notebook.end()


# --- between two cells


def test_after_a_pause_that_is_longer_a_ttl_is_whole(notebook):
    notebook.run("r.set('key', 1, ex=1); t = r.ttl('key')")
    time.sleep(1.2)
    assert notebook.value("r.ttl('key')") == "1"
    assert notebook.value("lab.clock.advance(1); r.exists('key')") == "0"


def test_an_expression_and_a_failing_cell_are_cells_too(notebook):
    notebook.run("r.set('key', 1, ex=5); 1 / 0")
    assert notebook.value("r.ttl('key')") == "5"
    notebook.run("this is no Python")
    assert notebook.value("lab.clock.advance(1); r.ttl('key')") == "4"


def test_cells_within_cells_do_not_park(notebook):
    notebook.run("r.set('key', 1, ex=5)")
    nested = "get_ipython().run_cell('lab.clock.advance(1)'); get_ipython().run_cell('x = 1'); r.ttl('key')"
    assert notebook.value(nested) == "4"
    assert notebook.run("%%capture\nlab.clock.advance(1)") == []
    assert notebook.value("r.ttl('key')") == "3"


def test_what_a_widget_moves_between_cells_is_moved_and_parked_again(notebook):
    """A callback in the kernel's event loop is what a widget's button is."""
    notebook.run("r.set('key', 1, ex=9)")
    notebook.run(
        "import asyncio\nseen = []\ndef pressed():\n    lab.clock.advance(1); seen.append(r.ttl('key'))\n"
        "for delay in (0.1, 1.3): _ = asyncio.get_running_loop().call_later(delay, pressed)"
    )
    time.sleep(1.6)
    assert notebook.value("seen, lab.clock.now(), r.ttl('key')") == "([8, 7], 2.0, 7)"
    assert notebook.value("lab.clock.advance(1); r.ttl('key')") == "6"


def test_async_cells_park_too(notebook):
    notebook.run("import asyncio\nr.set('key', 1, ex=5)\nawait asyncio.sleep(0)")
    look = "asyncio.get_running_loop().call_later(0.05, lambda: seen.append(r.ttl('key')))"
    notebook.run(f"seen = []\n{look}; None")
    time.sleep(0.2)
    assert notebook.value("seen[0] > 80_000, r.ttl('key')") == "(True, 5)"


# --- beginning afresh


def test_run_all_twice_gives_the_same_and_hooks_are_not_doubled(notebook):
    cells = [
        START,
        "print(r.dbsize(), lab.clock.now())",
        "r.set('key', 1, ex=5); lab.clock.advance(2); r.ttl('key')",
    ]
    first = [notebook.run(cell) for cell in cells]
    second = [notebook.run(cell) for cell in cells]
    assert first == second == [[], [("stdout", "0 0.0\n")], [("execute_result", "3")]]
    events = "get_ipython().events.callbacks"
    hooks = f"[str({events}[e]).count('bound method _Cells') for e in ('pre_run_cell', 'post_run_cell')]"
    assert notebook.value(hooks) == "[1, 1]"
    assert notebook.value(f"lab.close(); lab.close(); {hooks}") == "[0, 0]"


def test_a_second_start_ends_the_first_server(notebook):
    pid = int(notebook.value(SERVER_PID))
    notebook.run(START)
    assert int(notebook.value(SERVER_PID)) != pid
    assert becomes_true(lambda: not psutil.pid_exists(pid))


# --- errors


def the_sentence(notebook, cell, kind):
    """The cell's only output, an error in one sentence."""
    ((what, text),) = notebook.run(cell)
    assert what == "error"
    assert re.fullmatch(rf"{kind}: [^\n]+[.)]", text), text
    assert (notebook.reply["status"], notebook.reply["ename"]) == ("error", kind)
    assert "/rlab" not in text
    return text


def test_with_the_server_gone_cells_are_silent_until_one_needs_it(notebook):
    notebook.run("r.set('key', 1, ex=5); last = r.get('key')")
    os.kill(int(notebook.value(SERVER_PID)), signal.SIGKILL)
    for _ in range(2):
        assert notebook.run("x = 1") == []
    text = the_sentence(notebook, "x = 2\nr.get('key')", "ConnectionError")
    assert "Redis is gone" in text and text.endswith("(line 2 of your cell)")
    the_sentence(notebook, "lab.clock.advance(1)", "ConnectionError")
    the_sentence(notebook, "lab.reset()", "ConnectionError")
    assert notebook.run("x = 3") == []
    notebook.run(START)
    assert notebook.value("r.set('key', 1, ex=5); lab.clock.advance(1); r.ttl('key')") == "4"


def test_a_server_killed_within_a_cell_leaves_its_output_clean(notebook):
    assert notebook.run("import os\nr.set('key', 1, ex=5)\nos.kill(lab._server.pid, 9)\nprint('done')") == [
        ("stdout", "done\n")
    ]


def test_on_a_full_server_reading_goes_on_and_lab_time_too(notebook):
    assert notebook.run("t = r.set('key', 1, ex=5), r.config_set('maxmemory', 1)") == []
    assert "Redis is full" in the_sentence(notebook, "r.set('more', 1)", "OutOfMemoryError")
    assert notebook.value("r.ttl('key')") == "5"
    assert notebook.value("lab.clock.advance(1); r.ttl('key')") == "4"


def test_a_frozen_server_is_one_sentence_too(notebook):
    notebook.run("r.set('key', 1, ex=5)")
    pid = int(notebook.value(SERVER_PID))
    os.kill(pid, signal.SIGSTOP)
    try:
        assert "did not answer in time" in the_sentence(notebook, "r.get('key')", "TimeoutError")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert "no longer exact" in the_sentence(notebook, "lab.clock.advance(1)", "LabTimeSlipped")
    assert notebook.value("lab.reset(); r.set('key', 1, ex=5); lab.clock.advance(1); r.ttl('key')") == "4"


@pytest.mark.parametrize(
    "cell", ["r.get('key')", "r.pipeline().get('key').execute()", "lab.clock.advance(1)", "lab.reset()"]
)
def test_a_closed_lab_says_that_it_is_closed(notebook, cell):
    notebook.run("lab.close()")
    assert "This lab is closed: run the cell with start_lab again" in the_sentence(notebook, cell, "LabError")
    assert notebook.run("x = 1") == []


def test_the_whole_traceback_is_still_there_for_those_who_want_it(notebook):
    os.kill(int(notebook.value(SERVER_PID)), signal.SIGKILL)
    the_sentence(notebook, "r.get('key')", "ConnectionError")
    assert any("Traceback" in text for _, text in notebook.run("%tb"))


def test_a_handler_that_fails_shows_the_error_itself(notebook):
    notebook.run("import labsupport.sentences as s\nkept = s._sentence; s._sentence = None")
    os.kill(int(notebook.value(SERVER_PID)), signal.SIGKILL)
    ((kind, text),) = notebook.run("r.get('key')")
    assert kind == "error" and "Traceback" in text and "ConnectionError" in text
    notebook.run("s._sentence = kept")
    the_sentence(notebook, "r.get('key')", "ConnectionError")


def test_somebody_elses_handler_stays(tmp_path):
    notebook = Notebook({"REDIS_URL": ""}, tmp_path)
    notebook.run("get_ipython().set_custom_exc((KeyError,), lambda *_, **__: print('theirs'))")
    notebook.run(START)
    assert notebook.run("{}['x']") == [("stdout", "theirs\n")]
    notebook.end()


def test_run_all_stops_at_such_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_DATA", str(tmp_path))
    monkeypatch.delenv("REDIS_URL", raising=False)
    cells = [START, "import os; os.kill(lab._server.pid, 9)", "r.get('key')", "print('never')"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    with pytest.raises(nbclient.exceptions.CellExecutionError) as failure:
        nbclient.NotebookClient(notebook, kernel_name="python3").execute()
    assert failure.value.ename == "ConnectionError"
    (shown,) = notebook.cells[2].outputs
    assert shown.output_type == "error" and len(shown.traceback) == 1
    assert not notebook.cells[3].outputs


# --- on a server that is not ours


def test_no_key_without_a_ttl_outlives_its_cell(guest, other):
    assert guest.value("name = lab.keys.name('bare'); r.set(name, 1); r.ttl(name)") == "-1"
    (name,) = other.keys()
    assert name.startswith(b"lab:{cells:")
    assert 0 < other.ttl(name) <= 86_400
    assert guest.value("r.ttl(name)") == "-1"
    assert 0 < other.ttl(name) <= 86_400


def test_a_killed_kernel_leaves_only_keys_that_will_go(guest, other):
    guest.run("a, b = lab.keys.name('bare'), lab.keys.name('timed'); r.set(a, 1); r.set(b, 1, ex=5)")
    guest.manager.signal_kernel(signal.SIGKILL)
    assert sorted(name.rpartition(b":")[2] for name in other.scan_iter()) == [b"bare", b"timed"]
    assert all(0 < other.ttl(name) <= 86_405 for name in other.scan_iter())


def test_a_kernel_that_ends_in_order_leaves_nothing(guest, other):
    other.set("theirs", "x")
    guest.run("r.set(lab.keys.name('bare'), 1)")
    guest.manager.shutdown_kernel(now=False)
    assert other.keys() == [b"theirs"]


def test_without_lab_time_real_ttls_run_and_the_promise_is_kept(guest, other):
    guest.run("lab = start_lab('cells', lab_time=False); r = lab.redis")
    guest.run("a, b = lab.keys.name('bare'), lab.keys.name('timed'); r.set(a, 1); r.set(b, 1, ex=500)")
    by_name = {name.rpartition(b":")[2]: other.ttl(name) for name in other.scan_iter()}
    assert 0 < by_name[b"bare"] <= 86_400 and by_name[b"timed"] <= 500
    assert guest.value("lab.clock.advance(9); r.ttl(a), r.ttl(b) > 490") == "(-1, True)"


def test_an_assertion_of_the_text_is_told_in_a_sentence_with_its_line(notebook):
    said = the_sentence(notebook, "hits = 7\nassert hits == 8  # as the text says", "AssertionError")
    assert "`assert hits == 8` does not hold: if you changed the experiment" in said
    assert "(line 2 of your cell)" in said


def test_an_assertion_within_a_library_keeps_its_traceback(notebook):
    notebook.run("import unittest; case = unittest.TestCase()")
    ((kind, text),) = notebook.run("case.assertEqual(1, 2)")
    assert kind == "error" and "Traceback" in text


def test_a_value_that_redis_refuses_is_told_in_a_sentence(notebook):
    assert "invalid expire time" in the_sentence(notebook, "r.set('key', 1, ex=0)", "ResponseError")
    assert "cannot be given" in the_sentence(notebook, "r.set('key', {})", "DataError")


def test_a_stopped_cell_is_told_in_a_sentence(notebook):
    assert "You stopped this cell" in the_sentence(notebook, "raise KeyboardInterrupt", "KeyboardInterrupt")
