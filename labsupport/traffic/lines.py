"""The lines of a file, a block at a time: plain or gzip, UTF-8 or UTF-16; never a line too long to hold."""

from __future__ import annotations

import gzip
import io
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from labsupport.errors import BadArgument

LONGEST = 1 << 16  # characters in a line that is still looked at
BLOCK = 1 << 18  # characters at once


class NoSuchTrafficFile(BadArgument, FileNotFoundError):
    """The file named in read_traffic or read_log does not exist."""


def place(name: str) -> str:
    """Where the file is: "~" stands for the home folder, as in a shell."""
    return os.path.expanduser(name)  # noqa: PTH111 - Path would take the "./" from "./~a"


@contextmanager
def opened(name: str) -> Iterator[TextIO]:
    """A regular file as text, unpacked if its first bytes say gzip; bytes that are no text become U+FFFD.

    Raises BadArgument, which is also a FileNotFoundError for a missing file. To open a pipe would wait
    for its writer, and a device may never end; so what the name stands for is looked up first.
    """
    try:
        mode = os.stat(place(name)).st_mode  # noqa: PTH116 - Path.stat has the same, but must be given a Path
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "a pipe, a device or a socket"
            raise BadArgument(f"{name!r} is {what}; name a CSV file, an access log or a file of JSON lines.")
        with open(place(name), "rb") as raw:  # noqa: PTH123
            packed = raw.peek(2)[:2] == b"\x1f\x8b"
            with gzip.GzipFile(fileobj=raw) if packed else raw as file:
                wide = file.peek(2)[:2] in (b"\xff\xfe", b"\xfe\xff")  # as PowerShell's > writes it
                yield io.TextIOWrapper(file, "utf-16" if wide else "utf-8-sig", errors="replace")
    except FileNotFoundError:
        listed = 'for a pattern give a list, such as sorted(Path("logs").glob("access.log*"))'
        remedy = listed if "*" in name else "check the name and the folder"
        raise NoSuchTrafficFile(f"There is no file {name!r}; {remedy}.") from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise BadArgument(f"{name!r} is a damaged or cut-off gzip file; fetch it again.") from None
    except OSError as error:
        raise BadArgument(f"{name!r} cannot be opened ({error.strerror}); check who may read it.") from None


def line_blocks(text: TextIO) -> Iterator[list[str]]:
    """The lines without their ends, as a list for each block that was read; it may be empty.

    Of a line above LONGEST only its beginning is held and handed out, which is above LONGEST too.
    """
    rest = ""
    while block := text.read(BLOCK):
        lines = (rest + block).split("\n")
        rest = lines.pop()[: LONGEST + 1]
        yield lines
    if rest:
        yield [rest]
