"""Makes strict nbval strict: what it would let pass without comparing anything is an error at collection.

And the fixtures that most tests need: a lab on a real server.
"""

import re

import pytest
import redis

import labsupport

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


@pytest.fixture(scope="session", autouse=True)
def no_server_of_somebody_else():
    """A REDIS_URL of the person who runs the tests is not for the tests; each that wants one sets its own."""
    with pytest.MonkeyPatch.context() as environ:
        environ.delenv("REDIS_URL", raising=False)
        yield


@pytest.fixture(scope="module")
def module_lab(no_server_of_somebody_else):
    lab = labsupport.start_lab("test")
    yield lab
    lab.close()


@pytest.fixture
def lab(module_lab):
    """A lab with lab time on a real server, empty and at 0."""
    module_lab.reset()
    return module_lab


@pytest.fixture
def other(url):
    """Somebody else's client on the empty server at `url`, which the test's module provides."""
    with redis.Redis.from_url(url, protocol=2) as client:
        client.flushall()
        yield client
