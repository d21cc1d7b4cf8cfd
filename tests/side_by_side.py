"""Two tests at a time, in two processes: what stays together, and what goes first.

`pytest -n 2` (pytest-xdist) shares out the tests. The cells of a notebook stay in one process, as do the
tests of any other file. The browser tests share a JupyterLab, so all of them stay in one.
"""

from __future__ import annotations

BROWSER = "tests/browser"
# What takes longest, before all the rest: so neither process begins it when the other one is through.
FIRST = [
    BROWSER,
    "tests/test_notebooks.py",
    "tests/test_interrupted_faults.py",
    "tests/test_pipeline.py",
]


def group(nodeid: str) -> str:
    """What the test of this id stays together with: the tests of its file, or all browser tests."""
    file = nodeid.partition("::")[0]
    return BROWSER if file.startswith(f"{BROWSER}/") else file


def turn(nodeid: str) -> int:
    """When that group's turn is: its place in FIRST, or after all of these."""
    return FIRST.index(group(nodeid)) if group(nodeid) in FIRST else len(FIRST)
