"""Several tests at a time, in as many processes: what stays together, and what goes first.

`pytest -n 3` (pytest-xdist) shares out the tests. The cells of a notebook stay in one process, as do the
tests of any other file. Browser tests share a JupyterLab, so they stay together; but those of the notebooks
take so long that all others would be through before them: they are two groups, each with its own JupyterLab.
"""

from __future__ import annotations

import re

BROWSER = "tests/browser"
LESSONS = f"{BROWSER}/test_notebooks.py"
HALVES = [f"{LESSONS} of even numbers", f"{LESSONS} of odd numbers"]
# What takes longest, before all the rest: so no process begins it when the others are through.
FIRST = [
    *HALVES,
    "tests/test_notebooks.py",
    BROWSER,
    "tests/test_interrupted_faults.py",
    "tests/test_pipeline.py",
]


def group(nodeid: str) -> str:
    """What the test of this id stays together with: those of its file, or all browser tests but LESSONS.

    Of these, all tests of a notebook; they share its page.
    """
    file = nodeid.partition("::")[0]
    if file == LESSONS:
        number = re.search(r"\[(\d+)-", nodeid)
        return HALVES[int(number[1]) % 2 if number else 0]
    return BROWSER if file.startswith(f"{BROWSER}/") else file


def turn(nodeid: str) -> int:
    """When that group's turn is: its place in FIRST, or after all of these."""
    return FIRST.index(group(nodeid)) if group(nodeid) in FIRST else len(FIRST)
