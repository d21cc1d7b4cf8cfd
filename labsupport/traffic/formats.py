"""The two formats of traffic files, one line at a time: CSV, and Common or Combined Log Format."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

EXPECTED = """\
expected either a CSV file whose header names at (seconds) and key, such as
    at,key
    0.25,course:204
or an access log in Common or Combined Log Format, such as
    host - - [10/Oct/2000:13:55:36 -0700] "GET /courses/204 HTTP/1.1" 200 2326"""

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
# Host, identity, user (may hold spaces), [time] "request" status size; whatever follows does not matter here.
LOG_LINE = re.compile(
    r"\S+ \S+ .*?\[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "
    r'"([^"\\]*(?:\\.[^"\\]*)*)" (\d{3}) (?:\d+|-)(?:\s|$)',
    re.ASCII,
)
SCHEME_AND_HOST = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")

# A line -> its time in seconds and its key; raises ValueError or csv.Error (malformed) or LeftOut.
Parser = Callable[[str], tuple[float, str]]


class LeftOut(Exception):
    """A well-formed request that was not asked for; the message is the reason."""


def csv_parser(header: str) -> Parser | None:
    """How to read the lines below this header; None if it does not name the columns at and key."""
    try:
        names = [name.strip() for name in _fields(header)]
        at, key = names.index("at"), names.index("key")
    except (ValueError, csv.Error):
        return None

    def parse(line: str) -> tuple[float, str]:
        fields = _fields(line)
        if len(fields) != len(names) or not fields[key].strip():
            raise ValueError(line)
        seconds = float(fields[at])
        if not -1e300 < seconds < 1e300:  # false for nan and inf too; differences of two times stay finite
            raise ValueError(line)
        return seconds, fields[key]

    return parse


def _fields(line: str) -> list[str]:
    """The fields of one CSV line; line by line, an open quote cannot swallow the rest of the file."""
    line = line.rstrip("\n")
    return next(csv.reader([line], strict=True), []) if '"' in line else line.split(",")


def log_parser(methods: tuple[str, ...], statuses: tuple[int, int], query: bool) -> Parser:
    """How to read the lines of an access log."""
    lowest, highest = statuses

    def parse(line: str) -> tuple[float, str]:
        found = LOG_LINE.match(line)
        if found is None:
            raise ValueError(line)
        stamp, request, status = found.groups()
        method, _, target = request.partition(" ")
        if method not in methods:
            raise LeftOut(f"method (kept: {', '.join(methods)})")
        if not lowest <= int(status) <= highest:
            raise LeftOut(f"status (kept: {lowest} to {highest})")
        return _seconds(stamp), _log_key(target, query)

    return parse


@lru_cache(maxsize=1024)  # neighbouring lines share their second
def _seconds(stamp: str) -> float:
    """Unix time of 10/Oct/2000:13:55:36 -0700. Not strptime: its month names follow the reader's locale."""
    day, month, year = int(stamp[:2]), MONTHS.index(stamp[3:6]) + 1, int(stamp[7:11])
    hour, minute, second = int(stamp[12:14]), int(stamp[15:17]), int(stamp[18:20])
    if second > 60:  # 60 is a leap second, which datetime does not know
        raise ValueError(stamp)
    ahead = int(stamp[22:24]) * 3600 + int(stamp[24:26]) * 60
    local = datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp() + second
    return local - ahead if stamp[21] == "+" else local + ahead


def _log_key(target: str, query: bool) -> str:
    """The path in `/path?query HTTP/1.1`: no protocol, scheme or host; the query string only if wanted."""
    path, _, protocol = target.rpartition(" ")
    if not protocol.startswith("HTTP/"):
        path = target
    if full := SCHEME_AND_HOST.match(path):
        path = "/" + path[full.end() :].removeprefix("/")
    key = path if query else path.partition("?")[0]
    if not key:
        raise ValueError(target)
    return key
