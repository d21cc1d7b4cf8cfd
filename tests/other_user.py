"""Somebody else on this machine: a process of another user, which tries the doors."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable

import pytest

NOBODY = 65534


def needs_root(told: list[str]) -> None:
    """Skip, with one line in the end, where nobody can become another user."""
    if sys.platform != "linux" or os.geteuid() != 0:
        why = "only root on Linux can become another user"
        told.append(f"Tests of the doors to other users of the machine were left out: {why}.")
        pytest.skip(why)


def as_another_user(call: Callable[[], object]) -> str:
    """What the call returns in a process of another user, or the name of the error that it raises."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():  # that there are threads: the child makes system calls and ends
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        os.write(writing, _tried(call).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        said = told.read()
    os.waitpid(child, 0)
    return said


def _tried(call: Callable[[], object]) -> str:
    try:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        return str(call())
    except BaseException as error:  # whatever it is: the child must not go on as this process would
        return type(error).__name__
