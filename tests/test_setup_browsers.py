"""Which browser is found, and what becomes of the browser tests where there is none."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from labsupport.setup import browsers, doctor
from labsupport.setup.browsers import LINUX, NONE_FOUND, find_browser, usual_places
from labsupport.setup.problem import ROOT, SetupProblem


def program(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


posix = pytest.mark.skipif(sys.platform == "win32", reason="programs are made as POSIX files")


@posix
@pytest.mark.parametrize("name", browsers.ON_PATH)
def test_a_browser_on_path_is_found(tmp_path, name):
    made = program(tmp_path / "bin" / name)
    assert find_browser({"PATH": str(made.parent)}, "linux", tmp_path) == made


@posix
def test_chrome_comes_before_chromium_and_chromium_before_edge(tmp_path):
    for name in ("microsoft-edge", "chromium", "google-chrome"):
        made = program(tmp_path / name)
        assert find_browser({"PATH": str(tmp_path)}, "linux", tmp_path / "none") == made


@posix
@pytest.mark.parametrize("place", LINUX)
def test_on_linux_the_usual_places_are_looked_at_when_path_has_none(tmp_path, place):
    made = program(tmp_path / place.lstrip("/"))
    assert find_browser({"PATH": str(tmp_path)}, "linux", tmp_path) == made


@pytest.mark.parametrize("folder", ["Applications", "home/Applications"])
@pytest.mark.parametrize("name", ["Google Chrome", "Chromium", "Microsoft Edge"])
def test_on_macos_the_applications_of_the_machine_and_of_the_user_are_looked_at(tmp_path, folder, name):
    made = program(tmp_path / folder / f"{name}.app" / "Contents" / "MacOS" / name)
    environ = {"PATH": str(tmp_path), "HOME": str(tmp_path / "home")}
    assert find_browser(environ, "darwin", tmp_path) == made


@pytest.mark.parametrize("variable", ["PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"])
@pytest.mark.parametrize(
    "place", ["Google/Chrome/Application/chrome.exe", "Microsoft/Edge/Application/msedge.exe"]
)
def test_on_windows_each_folder_for_programs_is_looked_at(tmp_path, variable, place):
    made = program(tmp_path / place)
    assert find_browser({"PATH": "", variable: str(tmp_path)}, "win32", tmp_path) == made


def test_where_there_is_none_none_is_found(tmp_path):
    for platform in ("linux", "darwin", "win32"):
        assert find_browser({"PATH": str(tmp_path), "HOME": str(tmp_path)}, platform, tmp_path) is None


def test_a_folder_of_that_name_is_no_browser(tmp_path):
    next(iter(usual_places({}, "linux", tmp_path))).mkdir(parents=True)
    assert find_browser({"PATH": str(tmp_path)}, "linux", tmp_path) is None


@posix
def test_lab_browser_is_used_by_path_or_by_name_and_before_any_other(tmp_path):
    program(tmp_path / "google-chrome")
    own = program(tmp_path / "vivaldi")
    for asked in (str(own), "vivaldi"):
        assert find_browser({"PATH": str(tmp_path), "LAB_BROWSER": asked}, "linux", tmp_path) == own


@posix
def test_a_wrong_lab_browser_is_an_error_and_never_another_browser(tmp_path):
    program(tmp_path / "google-chrome")
    with pytest.raises(SetupProblem, match=r"LAB_BROWSER is 'nothing', but there is no such program; set it"):
        find_browser({"PATH": str(tmp_path), "LAB_BROWSER": "nothing"}, "linux", tmp_path)


def test_the_module_prints_the_browser_or_ends_with_one(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(browsers, "find_browser", lambda: tmp_path / "chrome")
    assert browsers.main() == 0
    assert capsys.readouterr() == (f"{tmp_path / 'chrome'}\n", "")
    monkeypatch.setattr(browsers, "find_browser", lambda: None)
    assert browsers.main() == 1
    assert capsys.readouterr() == ("", f"{NONE_FOUND}\n")
    monkeypatch.undo()
    monkeypatch.setenv("LAB_BROWSER", "nothing")
    assert browsers.main() == 1
    assert capsys.readouterr().err.startswith("LAB_BROWSER is 'nothing'")


def test_doctor_says_which_browser_the_tests_drive_or_why_they_are_left_out(tmp_path):
    opens = object
    assert doctor.browser(opens, lambda: tmp_path).said == (
        f"found; `lab` opens it; the browser tests use {tmp_path}"
    )
    none = doctor.browser(opens, lambda: None)
    assert none.fine and none.said.endswith(f"the browser tests are left out: {NONE_FOUND}")


def test_a_wrong_lab_browser_is_a_problem_that_does_not_stop_the_lab(monkeypatch):
    monkeypatch.setenv("LAB_BROWSER", "nothing")
    found = doctor.browser(object)
    assert not found.fine and not found.needed and "LAB_BROWSER is 'nothing'" in found.said


# The browser tests themselves, in a pytest of their own.


def run_browser_tests(tmp_path, found, **environ):
    """One small file of them, where `found` is the browser that is found."""
    (tmp_path / "found_browser.py").write_text(
        f"import labsupport.setup.browsers as b\nb.find_browser = lambda: {found}\n"
    )
    kept = {name: v for name, v in os.environ.items() if name not in ("LAB_BROWSER", "PYTEST_ADDOPTS")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "found_browser", "-p", "no:cacheprovider"]
    command += [
        "-o",
        "addopts=",
    ]  # and no plugin but ours: they take longer to import than these tests to run
    return subprocess.run(
        [*command, "tests/browser/test_server.py"],
        cwd=ROOT,
        env={**kept, "PYTHONPATH": str(tmp_path), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environ},
        capture_output=True,
        text=True,
        timeout=120,
    )


NO_BROWSER = "b.Path(__import__('sys').executable)"  # a program that ends at once instead of listening


def test_without_a_browser_they_are_left_out_and_one_line_says_so(tmp_path):
    ended = run_browser_tests(tmp_path, None)
    lines = [line for line in ended.stdout.splitlines() if "browser" in line]
    assert lines == [f"The browser tests were left out: {NONE_FOUND}."]
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "2 skipped" in ended.stdout


def test_a_browser_that_does_not_start_is_named_in_that_line(tmp_path):
    ended = run_browser_tests(tmp_path, NO_BROWSER)
    [line] = [line for line in ended.stdout.splitlines() if "browser" in line]
    assert line.startswith(f"The browser tests were left out: {sys.executable} does not start (")
    assert ended.returncode == 0


def test_with_lab_browser_set_they_run_or_fail(tmp_path):
    ended = run_browser_tests(tmp_path, NO_BROWSER, LAB_BROWSER=sys.executable)
    assert ended.returncode == 1
    assert f"LAB_BROWSER is {sys.executable!r}, but " in ended.stdout
    assert "2 errors" in ended.stdout
