"""Two processes share the tests: none is lost, and what belongs together stays together."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from side_by_side import BROWSER, HALVES, group, turn

from labsupport.setup.problem import ROOT

TESTS = """
import os, time
import pytest

@pytest.mark.parametrize("number", range(4))
def test_it(number, told):
    time.sleep({seconds})
    told.append(f"{name} {{os.environ['LAB_DATA']}}")
"""
FILES = {"browser/test_a.py": 0.01, "test_b.py": 0.03, "browser/test_c.py": 0.01, "test_d.py": 0.02}


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """What four tests in each of four files told, run by two processes: file and data folder."""
    tests = tmp_path_factory.mktemp("shared") / "tests"
    for file, seconds in FILES.items():
        (tests / file).parent.mkdir(parents=True, exist_ok=True)
        (tests / file).write_text(TESTS.format(seconds=seconds, name=Path(file).stem))
    for name in ("conftest.py", "side_by_side.py"):
        shutil.copy(ROOT / "tests" / name, tests)
    (tests.parent / "pytest.ini").touch()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "xdist", "-n", "2", "tests"],
        cwd=tests.parent,
        env={**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0 and "16 passed" in ended.stdout, ended.stdout + ended.stderr
    return re.findall(r"^(test_.) (\S+)$", ended.stdout, re.MULTILINE)


def test_every_test_runs_once_and_the_lines_of_both_processes_are_shown(lines):
    assert sorted(file for file, _ in lines) == [f"test_{name}" for name in "aaaabbbbccccdddd"]


def test_a_file_and_the_browser_tests_stay_in_one_process_which_has_its_own_record(lines):
    data = {name: {folder for file, folder in lines if file == name} for name, _ in lines}
    assert all(len(folders) == 1 for folders in data.values())
    assert data["test_a"] == data["test_c"]
    assert len(set.union(*data.values())) == 2


def test_the_browser_tests_and_any_other_file_are_a_group_each():
    names = [
        "tests/browser/test_b.py::test_x[tests/y]",
        "tests/browser/test_a.py::test_x[01]",
        "tests/browser/test_notebooks.py::test_x",
        "tests/test_b.py::test_x",
        "notebooks/01.ipynb::Cell 3",
    ]
    browser = [BROWSER, BROWSER, HALVES[0]]  # the notebooks take longer than all the others
    assert [group(name) for name in names] == [*browser, "tests/test_b.py", "notebooks/01.ipynb"]
    assert [turn(name) for name in names[:3]] == [3, 3, 0]
    assert turn(names[3]) == turn(names[4]) > turn("tests/test_pipeline.py::test_x")


def test_all_tests_of_a_notebook_in_the_browser_stay_together_and_half_of_the_notebooks_go_elsewhere():
    halves = [group(f"tests/browser/test_notebooks.py::{test}[0{n}-x]") for n in range(10) for test in "ab"]
    assert halves == [half for _ in range(5) for half in HALVES for _ in "ab"]
    assert [turn(f"tests/browser/test_notebooks.py::a[0{n}-x]") for n in (8, 9)] == [0, 1]
