"""Makes strict nbval strict: what it would let pass without comparing anything is an error at collection.

And how some processes share the tests (side_by_side.py), and what most tests need: a lab on a real server.
"""

import os
import re
import tempfile
from pathlib import Path

import pytest
import redis
from side_by_side import group, turn

import labsupport
from labsupport.classroom.names import CLASS_URL, INSTRUCTOR_URL

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
def pytest_collection_modifyitems(config, items):
    """Refuse the run if any collected notebook cell would not be compared. What takes longest goes first."""
    cells = [item for item in items if hasattr(item, "cell_num")]
    refused = [f"{item.nodeid} {why}" for item in cells if (why := why_not_compared(item.cell))]
    if refused:
        raise pytest.UsageError("\n".join(refused))
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: turn(item.nodeid))


TOLD = pytest.StashKey[list[str]]()
FOLDER = pytest.StashKey[tempfile.TemporaryDirectory]()


def pytest_configure(config):
    """Each of the processes has a learner's record of its own; the lines to tell come from all.

    The class of whoever runs the tests is not for the tests, and not for the kernels of notebooks either.
    """
    os.environ.pop(CLASS_URL, None)
    os.environ.pop(INSTRUCTOR_URL, None)
    config.stash[TOLD] = []
    if shared := getattr(config, "workerinput", None):
        data = Path(shared["data"], shared["workerid"])
        data.mkdir()
        os.environ["LAB_DATA"] = str(data)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """Before pytest-xdist starts one of the processes."""
    folder = node.config.stash.setdefault(FOLDER, tempfile.TemporaryDirectory(prefix="lab-tests-"))
    node.workerinput["data"] = folder.name


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Hand out group after group, in the order in which they were collected."""
    from xdist.scheduler import LoadFileScheduling

    class LoadGroups(LoadFileScheduling):
        def _split_scope(self, nodeid):
            return group(nodeid)

    config.option.loadscopereorder = False
    return LoadGroups(config, log)


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["told"] = session.config.stash[TOLD]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """One of the processes has ended, perhaps too soon for a word."""
    node.config.stash[TOLD] += getattr(node, "workeroutput", {}).get("told", [])


def pytest_terminal_summary(terminalreporter, config):
    for line in config.stash[TOLD]:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def told(request):
    """The lines to show when all tests have run; a test may add to them."""
    return request.config.stash[TOLD]


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


@pytest.fixture(scope="module")
def spare(no_server_of_somebody_else):
    """A spare server that the tests of a file share."""
    with labsupport.SpareServer() as server:
        yield server


@pytest.fixture
def ax():
    """Empty axes, to draw a figure's panel in."""
    from labsupport.figures import panels

    return panels()[1][0]


@pytest.fixture
def other(url):
    """Somebody else's client on the empty server at `url`, which the test's module provides."""
    with redis.Redis.from_url(url, protocol=2) as client:
        client.flushall()
        yield client
