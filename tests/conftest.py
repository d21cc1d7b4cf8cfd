"""Makes strict nbval strict: what it would let pass without comparing anything is an error at collection."""

import re

import pytest

FORBIDDEN_TAGS = {"nbval-ignore-output", "nbval-skip", "raises-exception", "nbval-raises-exception"}
FORBIDDEN_COMMENT = re.compile(r"^\s*#\s*(NBVAL_\w+|PYTEST_VALIDATE_IGNORE_OUTPUT)\s*$", re.MULTILINE)


def why_not_compared(cell) -> str | None:
    """Why strict nbval would not really check this notebook cell, or None if it would."""
    if not cell.source.strip():
        return "is empty"
    if cell.execution_count is None:
        return "was never run, so nbval would compare nothing: run refresh"
    if FORBIDDEN_TAGS & set(cell.metadata.get("tags", [])) or FORBIDDEN_COMMENT.search(cell.source):
        return "is skipped, or its output is ignored"
    if cell.source.rstrip().endswith(";"):
        return "ends in ';', which silences nothing under nbval (cells run without history)"
    return None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Refuse the run if any collected notebook cell would not be compared."""
    cells = [item for item in items if hasattr(item, "cell_num")]
    refused = [f"{item.nodeid} {why}" for item in cells if (why := why_not_compared(item.cell))]
    if refused:
        raise pytest.UsageError("\n".join(refused))
