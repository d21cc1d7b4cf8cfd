"""Several tests at a time, in as many processes: what stays together, and what goes first.

`pytest -n 3` (pytest-xdist) shares out the tests. The cells of a notebook stay in one process, as do the
tests of any other file. Browser tests share a JupyterLab, so they stay together; but those of the notebooks
take as long as all the others, and have a process and a JupyterLab of their own.
"""

from __future__ import annotations

BROWSER = "tests/browser"
LESSONS = f"{BROWSER}/test_notebooks.py"
# What takes longest, before all the rest: so no process begins it when the others are through.
FIRST = [
    LESSONS,
    "tests/test_notebooks.py",
    BROWSER,
    "tests/test_interrupted_faults.py",
    "tests/test_pipeline.py",
]


def group(nodeid: str) -> str:
    """What the test of this id stays together with: those of its file, or all browser tests but LESSONS."""
    file = nodeid.partition("::")[0]
    return BROWSER if file.startswith(f"{BROWSER}/") and file != LESSONS else file


def turn(nodeid: str) -> int:
    """When that group's turn is: its place in FIRST, or after all of these."""
    return FIRST.index(group(nodeid)) if group(nodeid) in FIRST else len(FIRST)
