"""In a notebook, what is likely to go wrong is told in one sentence instead of a traceback."""

from __future__ import annotations

import contextlib
import errno
import traceback
from types import TracebackType
from typing import Any

import psutil
from redis import exceptions

from labsupport.errors import LabError, cell_line, in_a_cell

_NO_PROCESS = "A process that this cell needs is gone: run the cell again."
# What happened, what it means, what to do; the first that fits. {0} is the line, or what Redis said.
_SENTENCES: dict[type[BaseException], str] = {
    AssertionError: (
        "`{0}` does not hold: if you changed the experiment, that is no mistake, for the text speaks of the "
        "original numbers, so go on with the next cell; if not, restart the kernel and run all cells."
    ),
    KeyboardInterrupt: "You stopped this cell; nothing is broken, so run it again whenever you like.",
    exceptions.OutOfMemoryError: (
        "Redis is full, so it refuses to write but still reads and deletes: delete keys that you can spare "
        "and run the cell again, or run the cell with start_lab again, then the cells after it."
    ),
    exceptions.NoPermissionError: (
        "This user of the Redis server may not do that: ask for more rights, or unset REDIS_URL, restart the "
        "kernel and get a server of your own."
    ),
    exceptions.AuthenticationError: (
        "The Redis server wants another user name or password: correct REDIS_URL and restart the kernel."
    ),
    exceptions.TimeoutError: (
        "Redis did not answer in time, so nobody knows whether it did what was asked: run the cell with "
        "start_lab again, then the cells after it."
    ),
    exceptions.ConnectionError: (
        "Redis is gone or broke off the connection, and a server of your own takes its keys with it: run the "
        "cell with start_lab again, then the cells after it."
    ),
    exceptions.ClusterCrossSlotError: (
        "These keys are in several slots of the cluster, and one command or transaction can only touch one: "
        "get all names from lab.keys.name(...), whose keys share a slot, or send a command for each."
    ),
    exceptions.ClusterDownError: (
        "The cluster serves these keys nowhere at the moment, as in the seconds after it has lost a node: "
        "wait a little and run the cell again."
    ),
    exceptions.TryAgainError: (
        "The cluster is moving these keys to another node, and until that is done only commands on one key "
        "work: wait a little and run the cell again."
    ),
    exceptions.AskError: (
        "These keys are on another node of the cluster, or on their way there ({0}): get all names from "
        "lab.keys.name(...), wait a little and run the cell again."
    ),
    ProcessLookupError: _NO_PROCESS,
    psutil.NoSuchProcess: _NO_PROCESS,
    OSError: "There is no room on the disk ({0}): make some, restart the kernel and run all cells.",
    exceptions.ResponseError: "Redis refuses this command ({0}): correct it and run the cell again.",
    exceptions.DataError: "Redis cannot be given this value ({0}): correct it and run the cell again.",
}
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


def speak_plainly(shell: Any) -> None:
    """Make this IPython tell those errors in a sentence; if somebody has set such a handler, theirs stays."""
    if not shell.custom_exceptions:
        shell.set_custom_exc(tuple(_SENTENCES), _tell)


def _tell(
    shell: Any, kind: type[BaseException], error: Any, tb: TracebackType, tb_offset: int | None = None
) -> None:
    """Show the error as IPython would, except for its text; if that fails, the whole traceback."""
    with contextlib.suppress(Exception):
        line = f"{kind.__name__}: {_sentence(error)}{cell_line(error)}"
        error._render_traceback_ = lambda: [line]
    shell.showtraceback((kind, error, tb), tb_offset=tb_offset)
    vars(error).pop("_render_traceback_", None)  # so that %tb shows all of it


def in_plain_words(error: BaseException) -> str:
    """The sentence for an error that no cell can show, as of a widget; "" if there is none."""
    with contextlib.suppress(Exception):
        return str(error) if isinstance(error, LabError) else _sentence(error)
    return ""


def _sentence(error: BaseException) -> str:
    """What to say; LookupError for an assertion that is not the notebook's own, and for most OSErrors."""
    detail = str(error)
    if isinstance(error, AssertionError):
        frame = traceback.extract_tb(error.__traceback__)[-1]
        if not in_a_cell(frame) or not (frame.line or "").startswith("assert "):
            raise LookupError
        detail = (frame.line or "").partition("#")[0].strip()
    if isinstance(error, OSError) and not isinstance(error, ProcessLookupError):
        cause = error.__cause__ if isinstance(error.__cause__, OSError) else error  # as Matplotlib wraps it
        if cause.errno not in _NO_ROOM:
            raise LookupError
        detail = str(cause.strerror)
    return next(text for kind, text in _SENTENCES.items() if isinstance(error, kind)).format(detail)
