"""What the built-in `hash` says in another Python process, asked of a real one."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from typing import IO, Any

_PROGRAM = "import ast, sys\nfor line in sys.stdin: print(hash(ast.literal_eval(line)), flush=True)"


class HashElsewhere:
    """`hash` as a process with another salt has it; `asked` tells whether it was of any use."""

    def __init__(self, salt: int) -> None:
        """`salt`: PYTHONHASHSEED of that process, which is started at the first question."""
        self._salt, self._process = salt, None  # type: int, subprocess.Popen[str] | None
        self._answers: dict[Any, int] = {}

    @property
    def asked(self) -> bool:
        """Whether text was hashed, so that the answer is another one there."""
        return self._process is not None

    def __call__(self, value: Any) -> int:
        """The other process's hash of text, and of tuples with text; this one's of anything else."""
        here = hash(value)  # raises what hash raises
        if type(value) not in (str, bytes, tuple):
            return here
        if value not in self._answers:
            self._answers[value] = self._ask(repr(value), here)
        return self._answers[value]

    def _ask(self, text: str, otherwise: int) -> int:
        try:
            ast.literal_eval(text)
        except (ValueError, SyntaxError):  # a tuple of objects: nothing that could be sent
            return otherwise
        if self._process is None:
            self._process = _start(self._salt)
        print(text, file=_pipe(self._process.stdin), flush=True)
        return int(_pipe(self._process.stdout).readline())

    def close(self) -> None:
        """End the other process."""
        if self._process:
            with self._process:
                _pipe(self._process.stdin).close()


def _start(salt: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-S", "-c", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONHASHSEED": str(salt), "PYTHONIOENCODING": "utf-8"},
        text=True,
        encoding="utf-8",
    )


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream  # a Popen without pipes has none; ours has two
    return stream
