"""Errors that read as one sentence: what happened, what it means, what to do next."""

from __future__ import annotations

import traceback


def in_a_cell(frame: traceback.FrameSummary) -> bool:
    """Whether this is a line that the learner sees, not one of a module."""
    return "ipykernel_" in frame.filename or "<ipython" in frame.filename


def cell_line(error: BaseException) -> str:
    """Where in the learner's own cell the error began, as " (line 3 of your cell)", or ""."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if in_a_cell(f)]
    return f" (line {lines[-1]} of your cell)" if lines else ""


class _OneSentence(Exception):
    """In a notebook, show the sentence and the learner's line instead of a page of our own frames."""

    def _render_traceback_(self) -> list[str]:  # IPython calls this hook when it shows an error
        return [f"{type(self).__name__}: {self}{cell_line(self)}"]


class LabError(_OneSentence, RuntimeError):
    """The lab cannot go on; the message says what to do next."""


class BadArgument(_OneSentence, ValueError):
    """A value that makes no sense here; the message says which one and what would."""


class NoRedis(LabError):
    """There is no Redis to talk to, or the one that was named does not answer."""


class Refused(LabError):
    """A command that could harm somebody else's data on a server that is not ours."""


class LabTimeSlipped(LabError):
    """Real time ate a whole lab tick, so the remaining TTLs on Redis are no longer exact."""
