"""Traffic from files: CSV, access logs or JSON lines, and plain words about what was sorted or left out."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labsupport.checks import whole_number
from labsupport.errors import BadArgument
from labsupport.traffic.formats import UNITS, Wanted
from labsupport.traffic.held import Held
from labsupport.traffic.lines import place
from labsupport.traffic.reading import LogFile, notes

Path = str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class TrafficLog:
    """A log as traffic, with what the log says about the answers, and what a reader of it should know.

    traffic: one row a request: `at` (seconds from the first, ascending), `key` (categorical, in the order
        of the first request).
    sizes: for each category of `key` the bytes of the answer to its first request that tells; -1: unknown.
    notes: sentences on what was left out, sorted or sampled, and why.
    kept_one_in: 1, or k: only 1 key in k was kept, each with all its requests, because the log is too
        large; the rates of the whole log are k times as high. skipped: requests for the other keys.
    lines: lines read, without headers and blank ones; kind: "CSV", "access log" or "JSON lines"; files.
    """

    traffic: pd.DataFrame = field(repr=False)
    sizes: NDArray[np.int64] = field(repr=False)
    notes: list[str]
    kept_one_in: int
    lines: int
    kind: str
    files: int
    skipped: int = 0

    @property
    def requests(self) -> int:
        """Of the whole log, those for keys that were not kept included."""
        return len(self.traffic) + self.skipped


def read_log(  # noqa: PLR0913 - one name for each thing that logs differ in
    path: Path | Iterable[Path],
    *,
    at: str = "at",
    key: str = "key",
    size: str = "size",
    methods: str | Collection[str] = ("GET",),
    statuses: tuple[int, int] = (200, 399),
    query: bool = False,
    unit: str = "s",
    most: int = 5_000_000,
) -> TrafficLog:
    """Requests from one file or several, each CSV, access log or JSON lines, plain or gzip, told by content.

    at, key, size: the names of the columns (CSV) or fields (JSON lines; "request.uri" is the field uri in
        request). A time is a number of `unit` ("s", "ms", "us" or "ns"), ISO 8601 (in UTC if it names no
        zone) or written as in access logs. The size, bytes of the answer, may be missing; of an access log
        those of a status 206 or 304, and 0, count as unknown. A key that is a whole request line ("GET /a
        HTTP/1.1") is read as in an access log.
    methods, statuses (lowest, highest): what is kept of an access log, and of JSON lines with such fields.
    query: whether a key keeps its ?a=b. Keys of CSV and JSON lines stay as written, except that one which
        begins with / or scheme:// loses it too.
    most: requests that are held at once, at about 40 bytes each; of a larger log some keys are kept.
    Several files are merged by time, equal times in the order of the files.
    Raises BadArgument; for a missing file one that is a FileNotFoundError too.
    """
    names = [at, key, size]
    if not all(isinstance(name, str) and name for name in names):
        raise BadArgument(f"at, key and size must be names of columns or fields, not {names!r}.")
    if unit not in UNITS:
        raise BadArgument(f'unit is {unit!r}, but must be "s", "ms", "us" or "ns".')
    wanted = Wanted(at, key, size, _method_names(methods), _status_range(statuses), bool(query), unit)
    held = Held(whole_number("most", most))
    files = [LogFile(name, wanted) for name in _file_names(path)]
    for file in files:
        file.read(held)
    _check(files, held)
    said = notes(files, len(held.at)) + held.notes()
    traffic, sizes = held.in_order()
    traffic.attrs["notes"] = said
    kinds = dict.fromkeys(file.format.kind for file in files if file.format)
    lines = sum(file.lines for file in files)
    return TrafficLog(traffic, sizes, said, held.one_in, lines, " and ".join(kinds), len(files), held.skipped)


def read_traffic(
    path: Path,
    *,
    methods: str | Collection[str] = ("GET",),
    statuses: tuple[int, int] = (200, 399),
    query: bool = False,
) -> pd.DataFrame:
    """The traffic that read_log reads from one file with the columns or fields at and key, or an access log.

    What was sorted or left out is printed, and kept as sentences in `attrs["notes"]`. Raises BadArgument.
    """
    if not isinstance(path, str | os.PathLike):
        raise BadArgument(f"path is {path!r}, but must be the name of a file.")
    traffic = read_log(path, methods=methods, statuses=statuses, query=query).traffic
    for note in traffic.attrs["notes"]:
        print(note)
    return traffic


def _check(files: list[LogFile], held: Held) -> None:
    """Refuse a log without requests, and times that cannot be put into one order."""
    if not held.at:
        raise BadArgument(max(files, key=lambda file: file.lines).nothing_usable())
    dated = {file.format.moments.dated: file.name for file in files if file.format}
    if {True, False} <= dated.keys():
        raise BadArgument(
            f"{dated[True]!r} has dates, but {dated[False]!r} counts seconds from a start of its own, so "
            "they cannot be put into one order; read them one by one."
        )


def _file_names(path: Path | Iterable[Path]) -> list[str]:
    """The names as a list of str."""
    paths = [path] if isinstance(path, str | os.PathLike) or not isinstance(path, Iterable) else list(path)
    for one in paths:
        if not isinstance(one, str | os.PathLike) or "\0" in os.fsdecode(one):
            raise BadArgument(f"path is {one!r}, but must be the name of a file, or a list of such names.")
    names = [os.fsdecode(one) for one in paths]
    if not names:
        raise BadArgument("path names no file at all; check the folder and the pattern.")
    if len({os.path.realpath(place(name)) for name in names}) < len(names):
        raise BadArgument("path names a file twice, so that its requests would count twice; name each once.")
    return names


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
