"""The course's own .venv: when it is kept, when it is mended, and what is said when it cannot be made."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections import namedtuple
from pathlib import Path

import pytest
from setup_course import BARE_PYTHON, finished_environment, labsupport, make_course

from labsupport.setup import environment
from labsupport.setup.environment import (
    UNFINISHED,
    build,
    check_disk,
    check_venv_module,
    ensure,
    expected_stamp,
    has_every_pin,
    is_ready,
    one_at_a_time,
    stamp_path,
    venv_python,
    working_version,
)
from labsupport.setup.pins import differences, pinned_lines
from labsupport.setup.problem import ROOT, SetupProblem

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the helpers make a POSIX .venv")


@pytest.fixture
def course(tmp_path):
    return make_course(tmp_path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A course that is set up; tests that change it put it back."""
    made = make_course(tmp_path_factory.mktemp("finished"))
    finished_environment(made)
    return made


def test_a_finished_environment_is_ready_and_used_as_it_is(finished, monkeypatch):
    monkeypatch.setattr(environment, "build", lambda root: pytest.fail("set up again"))
    assert is_ready(finished)
    assert ensure(finished) == venv_python(finished)


def test_a_changed_pin_asks_for_set_up_again(finished):
    stamp, pins = stamp_path(finished).read_text(), finished / "requirements.txt"
    before = pins.read_text()
    pins.write_text(before + "colorama==0.4.6\n")
    assert not is_ready(finished)
    pins.write_text(before)
    assert is_ready(finished)
    assert stamp_path(finished).read_text() == stamp


def test_another_python_version_or_folder_asks_for_set_up_again(finished):
    version = working_version(finished)
    assert expected_stamp(finished, "3.99") != expected_stamp(finished, version)
    moved = finished.with_name("moved")
    finished.rename(moved)
    try:
        assert not is_ready(moved)
    finally:
        moved.rename(finished)
    assert is_ready(finished)


@pytest.mark.parametrize("stamp", [UNFINISHED, "", None])
def test_an_unfinished_environment_is_not_ready(finished, stamp):
    whole = stamp_path(finished).read_text()
    if stamp is None:
        stamp_path(finished).unlink()
    else:
        stamp_path(finished).write_text(stamp)
    assert not is_ready(finished)
    stamp_path(finished).write_text(whole)


def test_an_environment_whose_python_is_gone_is_not_ready(course):
    assert working_version(course) is None
    (course / ".venv" / "bin").mkdir(parents=True)
    venv_python(course).symlink_to("/nowhere/python3")
    stamp_path(course).write_text(expected_stamp(course, "3.11"))
    assert not is_ready(course)


@pytest.fixture(scope="module")
def mended(tmp_path_factory):
    """A set-up that was cut off, then run again; with no packages to install, as those take a minute."""
    made = make_course(tmp_path_factory.mktemp("mended"))
    (made / "requirements.txt").write_text("# nothing\n")
    (made / ".venv" / "bin").mkdir(parents=True)
    (made / ".venv" / "bin" / "python").write_text("half a Python")
    (made / ".venv" / "half-written").write_text("")
    stamp_path(made).write_text(UNFINISHED)
    build(made)
    return made


def test_an_interrupted_set_up_heals_at_the_next_start(mended):
    assert is_ready(mended)
    assert not (mended / ".venv" / "half-written").exists()


def test_without_a_network_there_is_one_sentence_and_what_was_there_stays(mended, monkeypatch, capfd):
    stamp, before = stamp_path(mended).read_text(), (mended / "requirements.txt").read_text()
    (mended / "requirements.txt").write_text("labsupport-needs-this==1.0\n")
    offline(monkeypatch)
    with pytest.raises(
        SetupProblem, match=r"pip says: .*labsupport-needs-this==1.0.*check the network.*is kept"
    ):
        build(mended)
    assert "Traceback" not in capfd.readouterr().err
    assert stamp_path(mended).read_text() == stamp
    (mended / "requirements.txt").write_text(before)
    assert is_ready(mended)


def offline(monkeypatch):
    settings = {"INDEX_URL": "http://127.0.0.1:9/simple", "RETRIES": "0", "CONFIG_FILE": "/dev/null"}
    for name, value in {**settings, "FIND_LINKS": "", "EXTRA_INDEX_URL": ""}.items():
        monkeypatch.setenv(f"PIP_{name}", value)


def test_an_environment_made_by_other_hands_is_mended_not_deleted(course, monkeypatch):
    (course / "requirements.txt").write_text("# nothing\n")
    subprocess.run([BARE_PYTHON, "-m", "venv", "--without-pip", course / ".venv"], check=True)
    (course / ".venv" / "mine.txt").write_text("keep me")
    asked = []
    monkeypatch.setattr(environment, "install", asked.append)
    monkeypatch.setattr(environment, "_has_pip", lambda root: True)
    build(course)
    assert asked == [course]
    assert is_ready(course)
    assert (course / ".venv" / "mine.txt").exists()


def test_an_environment_of_an_old_python_is_refused_with_the_remedy(course, monkeypatch):
    monkeypatch.setattr(environment, "working_version", lambda root: "3.9")
    with pytest.raises(SetupProblem, match=r"Python 3.9, which is too old .* delete the folder .venv"):
        build(course)


def test_a_python_that_has_every_pin_is_used_as_it_is():
    if differences(ROOT):
        pytest.skip("these tests run on other versions than the pinned ones")
    assert has_every_pin(ROOT) or stamp_path(ROOT).exists()


def test_a_package_of_another_version_is_named(course):
    pins = course / "requirements.txt"
    pins.write_text("pytest==0.1\nno-such-package==1 ; sys_platform == 'nowhere'\n-e .\n")
    assert differences(course)[0] == f"pytest==0.1 (found {pytest.__version__})"
    assert len(differences(course)) == 2  # and labsupport, which these tests have from another folder


def test_comments_and_options_are_no_pins(tmp_path):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("# a comment\n\nsix==1.17.0 ; os_name != 'nt'  # via x\n-e .\n")
    assert pinned_lines(requirements) == ["six==1.17.0 ; os_name != 'nt'"]


def test_a_missing_venv_module_names_the_debian_package():
    version = "{}.{}".format(*sys.version_info[:2])
    with pytest.raises(SetupProblem, match=f"sudo apt install python{version}-venv"):
        check_venv_module(find=lambda name: None if name == "ensurepip" else object())


def test_a_learner_without_the_venv_module_sees_one_sentence(course):
    run = "import runpy; runpy.run_module('labsupport', run_name='__main__')"
    lame = f"import sys; sys.modules['ensurepip'] = None; {run}"
    ended = subprocess.run([BARE_PYTHON, "-c", lame, "lab"], cwd=course, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "sudo apt install python3" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert not (course / ".venv").exists()


def test_a_disk_that_is_too_full_is_refused_before_anything_is_written(course, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**10, 10**10 - 5 * 10**7, 5 * 10**7))
    with pytest.raises(SetupProblem, match=r"50 MB are free .* about 1,000 MB; make room"):
        check_disk(course)
    with pytest.raises(SetupProblem):
        build(course)
    assert not (course / ".venv").exists()


def test_a_second_terminal_waits_for_the_first_and_finds_the_work_done(course, monkeypatch):
    done = threading.Event()
    monkeypatch.setattr(environment, "is_ready", lambda root: done.is_set())
    monkeypatch.setattr(environment, "_install_and_stamp", lambda root: pytest.fail("set up twice"))
    second = threading.Thread(target=build, args=[course])
    with one_at_a_time(course):
        second.start()
        second.join(timeout=0.2)
        assert second.is_alive()  # it waits
        done.set()
    second.join(timeout=10)
    assert not second.is_alive()
    assert not (course / ".venv").exists()


def test_a_command_ends_with_its_sentence_and_exit_code_one(course):
    (course / ".venv").write_text("a file where a folder should be")
    ended = labsupport(course, "doctor")
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert Path(course / ".venv").is_file()
