"""A process of our own: started in the same way on every system, ended on demand, never left behind."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from typing import Any

from labsupport.checks import whole_number
from labsupport.errors import BadArgument, LabError

LIMIT = 45.0  # seconds to wait for a process's next word
MOST = 16  # processes of one team; each is a Python of its own
_SPAWN = multiprocessing.get_context("spawn")  # a fork would hold what belongs to its parent


class Worker:
    """One process and the pipe to it."""

    def __init__(self, target: Callable[..., None], *arguments: Any) -> None:
        """Start `target(pipe, *arguments)`, a function of a module; call it within `undisturbed`."""
        self._pipe, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=target, args=(theirs, *arguments), daemon=True)
        with theirs, _without_main(), _deaf():
            self._process.start()

    def hear(self) -> Any:
        """Its next word. LabError: it died, or says nothing for too long; or the error that it met."""
        if not wait([self._pipe, self._process.sentinel], LIMIT):
            raise LabError(
                f"A process did not answer within {LIMIT:.0f} s, so it was ended: take fewer increments, "
                "or run the cell again when the computer is less busy."
            )
        try:
            word = self._pipe.recv()
        except (EOFError, OSError):
            raise LabError(
                "A process of the race died, so nobody knows what it did: run the cell again, new ones start."
            ) from None
        if isinstance(word, Exception):
            raise word
        return word

    def tell(self, word: Any) -> None:
        """Send it a word; if it is dead, `hear` will say so."""
        with contextlib.suppress(OSError):
            self._pipe.send(word)

    def end(self) -> None:
        """End it at once, whatever it is doing; gone on return."""
        self._process.kill()
        self._process.join(LIMIT)
        self._pipe.close()


def team_size(processes: int) -> int:
    """So many processes at once. BadArgument: not 1 to 16."""
    size = whole_number("processes", processes)
    if size > MOST:
        raise BadArgument(f"processes is {processes}, but each takes memory: take at most {MOST}.")
    return size


def end(team: list[Worker]) -> None:
    """End all of them, and empty the list: gone on return. Again is fine."""
    with undisturbed():
        while team:
            team.pop().end()


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """An Interrupt that comes within this block is heard after it."""
    if threading.current_thread() is not threading.main_thread():  # nobody else hears any
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """A process started in this block hears no Interrupt, from its first moment on: it inherits the mask."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows, where Jupyter interrupts nobody but the kernel
        yield
        return
    resource_tracker.ensure_running()  # comes with the first process, and would lift the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """Our processes need nothing of the program that starts them, and spawn would run it once more."""
    main, sys.modules["__main__"] = sys.modules["__main__"], types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
