"""The command line: help, tests, and the commands that other modules carry out."""

from __future__ import annotations

import os
import sys

import pytest
from setup_course import finished_environment, labsupport, make_course, surroundings

from labsupport.setup import commands
from labsupport.setup.commands import COMMANDS, run
from labsupport.setup.problem import SetupProblem

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the helpers make a POSIX .venv")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    made = make_course(tmp_path_factory.mktemp("commands"))
    finished_environment(made)
    return made


@pytest.mark.parametrize("words", [[], ["help"], ["-h"], ["--help"]])
def test_help_lists_every_command_in_one_line(words, capsys):
    assert run(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ")] == list(COMMANDS)


def test_an_unknown_command_is_named_and_answered_with_the_help(capsys):
    assert run(["lob"]) == 2
    assert "There is no command 'lob'.\nusage:" in capsys.readouterr().err


def test_a_setup_problem_is_printed_as_its_sentence(monkeypatch, capsys):
    def fail(root, arguments):
        raise SetupProblem("The disk is full; make room.")

    monkeypatch.setitem(COMMANDS, "lab", fail)
    assert run(["lab"]) == 1
    assert capsys.readouterr().err == "The disk is full; make room.\n"


def test_ctrl_c_says_how_to_go_on(monkeypatch, capsys):
    def interrupted(root, arguments):
        raise KeyboardInterrupt

    monkeypatch.setitem(COMMANDS, "lab", interrupted)
    assert run(["lab"]) == 130
    assert "run the same command again" in capsys.readouterr().err


def test_the_tests_get_an_empty_data_folder_which_is_gone_afterwards(course, tmp_path):
    (course / "tests").mkdir(exist_ok=True)
    (course / "tests" / "test_data.py").write_text(
        "import os, pathlib\n"
        "def test_it():\n"
        "    data = pathlib.Path(os.environ['LAB_DATA'])\n"
        "    assert not list(data.iterdir())\n"
        f"    pathlib.Path({str(tmp_path / 'seen')!r}).write_text(str(data))\n"
    )
    bare = surroundings(tmp_path / "home", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    ended = labsupport(course, "test", "-q", "-o", "addopts=", env=bare)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert not os.path.exists((tmp_path / "seen").read_text())  # noqa: PTH110 - the path is text from another process


@pytest.mark.parametrize(
    ("words", "for_pytest"), [([], commands.SIDE_BY_SIDE), (["-k", "ttl"], ["-k", "ttl"])]
)
def test_all_tests_are_shared_by_two_processes_and_ones_own_words_go_to_pytest(
    monkeypatch, words, for_pytest
):
    started = []
    monkeypatch.setattr(commands, "ensure", lambda root: "python")
    monkeypatch.setattr(commands, "run_child", lambda command, cwd, env: started.append(command) or 5)
    assert run(["test", *words]) == 5
    assert started == [["python", "-m", "pytest", *for_pytest]]


@pytest.mark.parametrize("words", [["refresh", "02"], ["refresh", "--check"]])
def test_refresh_hands_its_words_to_the_build(course, tmp_path, words):
    (course / "labsupport" / "build.py").write_text(
        "def main(argv):\n    print('build', argv)\n    return 3\n"
    )
    ended = labsupport(course, *words, env=surroundings(tmp_path / "home"))
    assert ended.stdout == f"build {words[1:]}\n"
    assert ended.returncode == 3


def test_reset_prints_what_it_did(course, tmp_path):
    (course / "labsupport" / "lab.py").write_text("def reset_learner():\n    return 'Three keys are gone.'\n")
    ended = labsupport(course, "reset", env=surroundings(tmp_path / "home"))
    assert (ended.returncode, ended.stdout) == (0, "Three keys are gone.\n")


def test_a_folder_that_cannot_be_used_is_named_in_one_sentence(tmp_path, monkeypatch, capsys):
    (tmp_path / "my-notebooks").write_text("not a folder")
    monkeypatch.setitem(COMMANDS, "lab", lambda root, words: (root / "my-notebooks").mkdir())
    assert run(["lab"], tmp_path) == 1
    said = capsys.readouterr().err
    assert "my-notebooks: File exists" in said and said.count("\n") == 1


def test_a_reset_that_gets_no_answer_says_so_in_one_sentence(course, tmp_path):
    (course / "labsupport" / "lab.py").write_text(
        "from labsupport.errors import NoRedis\n"
        "def reset_learner():\n    raise NoRedis('No answer; start it.')\n"
    )
    ended = labsupport(course, "reset", env=surroundings(tmp_path / "home"))
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", "No answer; start it.\n")


def test_the_running_python_is_not_started_again(course):
    from pathlib import Path

    assert commands._is_running(Path(sys.executable), course)
    assert not commands._is_running(course / ".venv" / "bin" / "python", course)
