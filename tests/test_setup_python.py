"""What an old Python, or one without packages, gets to hear."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import labsupport
from labsupport.setup.problem import ROOT

AS_3_8 = (
    "import runpy, sys; sys.version_info = (3, 8, 18); runpy.run_module('labsupport', run_name='__main__')"
)
ANSWER = "Your Python is too old: 3.8; this course needs 3.11 or newer; "


def real_python_3_8():
    """A Python 3.8 that runs, if this machine has one."""
    managed = (Path.home() / ".pyenv" / "versions").glob("3.8*/bin/python3")
    for candidate in [shutil.which("python3.8"), *managed]:
        if candidate and subprocess.run([candidate, "-V"], capture_output=True).returncode == 0:
            return str(candidate)
    return None


@pytest.mark.parametrize("name", ["__init__.py", "__main__.py"])
def test_both_first_files_parse_on_python_3_8(name):
    ast.parse((ROOT / "labsupport" / name).read_text(), feature_version=(3, 8))


def ask(*command, **changed):
    env = {**os.environ, **changed}
    return subprocess.run([*command, "lab"], cwd=ROOT, env=env, capture_output=True, text=True)


def test_an_old_python_is_told_so_in_one_sentence_with_the_remedy():
    refused = ask(sys.executable, "-c", AS_3_8, PATH="")
    assert refused.returncode == 1
    assert refused.stderr.startswith(ANSWER + "install one from https://www.python.org/downloads/")
    assert len(refused.stderr.splitlines()) == 1


def test_an_old_python_beside_a_newer_one_is_told_which_to_run(tmp_path):
    newer = tmp_path / "python3.12"
    newer.write_text("#!/bin/sh\n")
    newer.chmod(0o755)
    refused = ask(sys.executable, "-c", AS_3_8, PATH=str(tmp_path))
    assert refused.stderr.startswith(
        ANSWER + "this machine also has python3.12, so run: python3.12 -m labsupport lab"
    )


@pytest.mark.skipif(real_python_3_8() is None, reason="no Python 3.8 on this machine")
def test_a_real_python_3_8_says_it_too():
    refused = ask(real_python_3_8(), "-m", "labsupport")
    assert refused.returncode == 1
    assert refused.stderr.startswith(ANSWER)


@pytest.mark.parametrize("statement", ["import labsupport", "import labsupport.setup.commands"])
def test_nothing_outside_the_standard_library_is_imported(statement):
    code = f"import sys; before = set(sys.modules); {statement}; print(*(set(sys.modules) - before))"
    ran = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in ran.stdout.split()}
    assert loaded - sys.stdlib_module_names == {"labsupport"}


def test_dir_lists_every_name_that_can_be_imported():
    assert set(labsupport.__all__) <= set(dir(labsupport))


@pytest.mark.parametrize("name", labsupport.__all__)
def test_every_name_is_found_where_the_table_says(name):
    assert getattr(labsupport, name) is not None


def test_an_unknown_name_is_an_ordinary_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = labsupport.nonsense
