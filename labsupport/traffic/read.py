"""Traffic from a file: CSV or access log, and plain words about what was sorted or left out."""

from __future__ import annotations

import csv
import gzip
import os
import re
import zlib
from array import array
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd

from labsupport.errors import BadArgument
from labsupport.traffic.formats import EXPECTED, LeftOut, Parser, csv_parser, log_parser
from labsupport.traffic.made import traffic_frame

HEADER = re.compile(r"[A-Za-z_\" ]+(,[A-Za-z_\" ]+)+")  # column names only, so it may be shown as it is


class NoSuchTrafficFile(BadArgument, FileNotFoundError):
    """The file named in read_traffic does not exist."""


def read_traffic(
    path: str | os.PathLike[str],
    *,
    methods: str | Collection[str] = ("GET",),
    statuses: tuple[int, int] = (200, 399),
    query: bool = False,
) -> pd.DataFrame:
    """Requests from a CSV file with columns at and key or an access log, plain or gzip, told by content.

    Of an access log only `methods` and `statuses` (lowest, highest) are kept; `query` keeps ?a=b in the key.
    Categories stand in the order of their first request. What was sorted or left out is printed, and kept as
    sentences in `attrs["notes"]`. Raises BadArgument; for a missing file one that is a FileNotFoundError too.
    """
    if not isinstance(path, str | os.PathLike):
        raise BadArgument(f"path is {path!r}, but must be the name of a file.")
    name, parse_log = os.fspath(path), log_parser(_method_names(methods), _status_range(statuses), query)
    try:
        with _open_text(path) as lines:
            requests = _collect(lines, parse_log)
    except FileNotFoundError:
        raise NoSuchTrafficFile(f"There is no file {name!r}; check the name and the folder.") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadArgument(f"{name!r} is a damaged or cut-off gzip file ({error}); fetch it again.") from None
    except OSError as error:
        reason = "is a folder" if Path(path).is_dir() else f"cannot be opened ({error.strerror})"
        raise BadArgument(f"{name!r} {reason}; read_traffic needs one CSV file or access log.") from None
    if not requests.at:
        raise BadArgument(_nothing_usable(name, requests))
    traffic = _in_order(requests)
    traffic.attrs["notes"] = requests.notes()
    for note in traffic.attrs["notes"]:
        print(note)
    return traffic


@dataclass
class _Requests:
    """What was read so far: 12 bytes a request and each distinct key once; and what was left out, counted."""

    first_line: str = ""
    lines: int = 0
    at: array[float] = field(default_factory=lambda: array("d"))
    codes: array[int] = field(default_factory=lambda: array("i"))
    keys: dict[str, int] = field(default_factory=dict)  # key -> its code
    malformed: int = 0
    first_malformed: tuple[int, str] = (0, "")  # line number and line
    left_out: Counter[str] = field(default_factory=Counter)  # reason -> requests

    def take(self, number: int, line: str, parse: Parser) -> None:
        """Keep the request on this line, or count why not."""
        self.lines += 1
        try:
            at, key = parse(line)
        except LeftOut as reason:
            self.left_out[str(reason)] += 1
        except (ValueError, csv.Error):
            if not self.malformed:
                self.first_malformed = number, line
            self.malformed += 1
        else:
            self.at.append(at)
            self.codes.append(self.keys.setdefault(key, len(self.keys)))

    def notes(self) -> list[str]:
        """One sentence for each thing that a reader of this traffic should know; none for a clean file."""
        notes = []
        if self.malformed:
            what = f"{self.malformed:,} of {self.lines:,} lines that could not be understood"
            notes.append(f"Left out {what}; the first is line {self.first_malformed[0]:,}.")
        if self.left_out:
            reasons = ", ".join(f"{count:,} by {reason}" for reason, count in sorted(self.left_out.items()))
            notes.append(f"Left out {self.left_out.total():,} requests: {reasons}.")
        at = np.frombuffer(self.at)
        late = np.count_nonzero(at < np.maximum.accumulate(at))
        if late:
            notes.append(f"Sorted the requests by time: {late:,} of {len(at):,} came after a later one.")
        return notes


def _open_text(path: str | os.PathLike[str]) -> TextIO:
    """The file as text, unpacked if its first bytes say gzip; bytes that are not UTF-8 become U+FFFD."""
    with Path(path).open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    if packed:
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="replace")
    return Path(path).open(encoding="utf-8-sig", errors="replace")


def _collect(lines: Iterable[str], parse_log: Parser) -> _Requests:
    """Read line by line, so that only one is held at a time; the first that is not blank tells the format."""
    requests = _Requests()
    numbered = ((number, line) for number, line in enumerate(lines, start=1) if not line.isspace())
    first = next(numbered, (0, ""))
    requests.first_line = first[1]
    parse = csv_parser(requests.first_line)
    if parse is None:  # no header, so the first line may be a request
        requests.take(*first, parse_log)
    for number, line in numbered:
        requests.take(number, line, parse or parse_log)
    return requests


def _in_order(requests: _Requests) -> pd.DataFrame:
    """The requests by time; log stamps are whole seconds, and equal times keep the order of the file."""
    order = np.argsort(np.frombuffer(requests.at), kind="stable")
    at = np.frombuffer(requests.at)[order]
    codes, seen = pd.factorize(np.frombuffer(requests.codes, dtype=np.intc)[order])  # by first request
    keys = list(requests.keys)
    return traffic_frame(at, codes, [keys[code] for code in seen])


def _nothing_usable(name: str, requests: _Requests) -> str:
    """What to say about a file that gave no request."""
    if requests.left_out:
        notes = " ".join(requests.notes())
        return f"{name!r} has no request to keep. {notes} Choose others by methods= and statuses=."
    if not requests.first_line:
        return f"{name!r} is empty; {EXPECTED}"
    first = requests.first_line.strip()
    found = f"its first line is: {first[:80] if HEADER.fullmatch(first) else _shape(first)}"
    number, line = requests.first_malformed
    if line not in ("", requests.first_line):
        found += f"\nand its line {number:,} looks like: {_shape(line)}"
    return f"No request could be read from {name!r}; {EXPECTED}\nbut {found}"


def _shape(line: str) -> str:
    """The line's beginning with letters as a and digits as 9, so that it names no client."""
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", line.strip()[:80]))


def _method_names(methods: str | Collection[str]) -> tuple[str, ...]:
    """The methods in capitals; one may be given without brackets."""
    names = [methods] if isinstance(methods, str) else methods
    if not isinstance(names, Collection) or not names or not all(isinstance(name, str) for name in names):
        raise BadArgument(f'methods must be HTTP methods such as ("GET", "HEAD"), not {methods!r}.')
    return tuple(name.upper() for name in names)


def _status_range(statuses: tuple[int, int]) -> tuple[int, int]:
    """The lowest and the highest status to keep."""
    match statuses:
        case (int(lowest), int(highest)) if lowest <= highest:
            return lowest, highest
    raise BadArgument(f"statuses must be the lowest and highest kept, such as (200, 399), not {statuses!r}.")
