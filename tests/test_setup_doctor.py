"""`doctor`: one line for each thing the lab needs."""

from __future__ import annotations

import sys
import webbrowser

import pytest
from setup_course import finished_environment, labsupport, make_course, surroundings

from labsupport.errors import NoRedis
from labsupport.setup import doctor
from labsupport.setup.doctor import Finding, browser, examine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the helpers make a POSIX .venv")
NAMES = ["Python", "venv module", "disk", "packages", "Redis", "browser"]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return make_course(tmp_path_factory.mktemp("doctor"))


def named(output):
    """The findings by name: (status, sentence)."""
    rows = [line.split(":", 1) for line in output.splitlines()]
    return {head.split(None, 1)[1]: (head.split()[0], said.strip()) for head, said in rows}


def test_before_set_up_it_runs_on_a_bare_python_and_names_the_next_step(course, tmp_path):
    ended = labsupport(course, "doctor", env=surroundings(tmp_path / "home"))
    found = named(ended.stdout)
    assert list(found) == NAMES
    assert found["Python"][0] == "ok"
    status, said = found["packages"]
    assert status == "problem"
    assert "python3 -m labsupport lab" in said
    assert ended.returncode == 1
    assert ended.stderr == ""


def test_after_set_up_it_answers_from_the_environment(course, tmp_path):
    finished_environment(course)
    env = surroundings(tmp_path / "home")
    env.pop("REDIS_URL", None)
    ended = labsupport(course, "doctor", env=env)
    found = named(ended.stdout)
    assert list(found) == NAMES
    assert found["packages"] == ("ok", "as in requirements.txt")
    assert found["Redis"][0] == "ok"
    assert ended.returncode == 0


def test_a_redis_that_does_not_answer_is_a_problem_and_no_password_is_shown(course, tmp_path):
    env = surroundings(tmp_path / "home", REDIS_URL="redis://:open-sesame@127.0.0.1:9/0")
    ended = labsupport(course, "doctor", env=env)
    assert named(ended.stdout)["Redis"][0] == "problem"
    assert "open-sesame" not in ended.stdout + ended.stderr
    assert ended.returncode == 1


def test_no_redis_at_all_is_a_problem_with_the_sentence_of_the_server_module(monkeypatch):
    def choose():
        raise NoRedis("There is no Redis here; three ways lead to one.")

    monkeypatch.setattr("labsupport.server.choose_server", choose)
    assert str(doctor.redis()) == "problem  Redis: There is no Redis here; three ways lead to one."


def test_no_browser_is_a_problem_that_does_not_stop_the_lab(monkeypatch, tmp_path, capsys):
    def none():
        raise webbrowser.Error

    found = browser(none)
    assert str(found).startswith("problem  browser: none opens by itself; `lab` prints an address")
    monkeypatch.setattr(doctor, "findings", lambda root: iter([found]))
    assert examine(tmp_path) == 0


def test_a_missing_need_gives_exit_code_one(monkeypatch, tmp_path):
    monkeypatch.setattr(
        doctor, "findings", lambda root: iter([Finding("disk", "full; make room", fine=False)])
    )
    assert examine(tmp_path) == 1


def test_a_damaged_package_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "labsupport.server", None)
    finding = doctor.redis()
    assert not finding.fine and "delete the folder .venv" in finding.said
