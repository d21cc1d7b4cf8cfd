"""The three formats of traffic files, one line at a time: CSV, access log and JSON lines."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}  # how many of each make a second
DATED = 5e8  # from here on a number of seconds counts from 1970 (this is 1985), below it from some start
LATEST = 1e11  # the year 5138: larger numbers count something shorter than seconds
TOO_LATE = "time (after the year 5138, so hardly in seconds)"
SIZE_OF_A_PART = {"206", "304"}  # their bytes are a piece of the answer, or only its headers
STAMP = r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}"
# Host, identity, user (may hold spaces), [time] "request" status size; whatever follows does not matter here.
LOG_LINE = re.compile(
    rf"\S+ \S+ (?:- |.*?)\[({STAMP})\] "
    r'"([^"\\]*(?:\\.[^"\\]*)*)" (\d{3}) (\d{1,15}|-)(?:\s|$)',
    re.ASCII,
)
# Scheme, who logs in there, host, path; ? and # begin what is no part of the resource's name.
URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)(?:[^/?#]*@)?([^/?#]*)([^?#]*)(.*)", re.DOTALL)

Request = tuple[float, str, int]  # seconds, key, bytes of the answer (-1: unknown)
# What a line raises that is no request; RecursionError comes from [[[[[..., OverflowError from 1e999.
BROKEN = (ValueError, OverflowError, RecursionError, csv.Error)


class LeftOut(Exception):
    """A well-formed request that was not asked for; the message is the reason."""


@dataclass(frozen=True)
class Wanted:
    """What to take from a line: the names of columns or fields, and which requests."""

    at: str
    key: str
    size: str
    methods: tuple[str, ...]
    statuses: tuple[int, int]  # lowest, highest
    query: bool
    unit: str

    def check(self, method: str | None, status: str | None) -> None:
        """Raise LeftOut for a request that is not wanted; None is not judged."""
        if method is not None and method not in self.methods:
            raise LeftOut(f"method (kept: {', '.join(self.methods)})")
        if status is not None and not self.statuses[0] <= int(status) <= self.statuses[1]:
            raise LeftOut(f"status (kept: {self.statuses[0]} to {self.statuses[1]})")

    def named(self, key: str) -> str:
        """The key of a column or field: a path or URL loses its query string, and a URL who logs in.

        Of a whole request line, such as nginx's $request, it is the path, as in an access log.
        """
        if key[:1] == "/":
            return key if self.query else key.partition("?")[0]
        if "://" in key and (url := URL.fullmatch(key)):
            scheme, host, path, rest = url.groups()
            return scheme + host + path + (rest if self.query else "")
        method, _, target = key.partition(" ")
        if " HTTP/" in target:
            self.check(method, None)
            return _log_key(target, self.query)
        return key


class Moments:
    """The times of one file: numbers or dates (ISO 8601, without a zone: UTC; or those of an access log).

    Which of the two, its first time decides.
    """

    def __init__(self, unit: str) -> None:
        self.per_second = UNITS[unit]
        self.read: Callable[[object], float] | None = None
        self.dated: bool | None = None  # whether they count from 1970; None: no time was read yet
        self.written = False  # whether they are written as dates

    def seconds(self, value: object) -> float:
        """One time in seconds; raises ValueError or OverflowError if it is none, LeftOut far beyond."""
        if self.read is not None:
            return self.read(value)
        try:
            at, self.read = self._number(value), self._number
            self.dated = at >= DATED
        except ValueError:
            at, self.read, self.dated, self.written = _written_seconds(value), _written_seconds, True, True
        return at

    def _number(self, value: object) -> float:
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise ValueError
        at = float(value) / self.per_second
        if abs(at) >= LATEST and abs(at) != float("inf"):
            raise LeftOut(TOO_LATE)
        if not -LATEST < at < LATEST:  # nan, inf
            raise ValueError
        return at


def _written_seconds(value: object) -> float:
    if not isinstance(value, str):
        raise ValueError
    text = value.strip()
    if re.fullmatch(STAMP, text, re.ASCII):
        return _seconds(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class CsvLines:
    """The lines below a CSV header; raises ValueError if the header does not name the columns once each.

    A key stays as written, except that a path or a URL loses its query string (see Wanted.named).
    """

    kind = "CSV"

    def __init__(self, header: str, wanted: Wanted) -> None:
        names = [name.strip() for name in _fields(header)]
        if names.count(wanted.at) != 1 or names.count(wanted.key) != 1:
            raise ValueError
        self.columns, self.at, self.key = len(names), names.index(wanted.at), names.index(wanted.key)
        self.size = names.index(wanted.size) if wanted.size in names else None
        self.moments, self.wanted = Moments(wanted.unit), wanted

    def request(self, line: str) -> Request:
        """The request on this line; raises one of BROKEN, or LeftOut."""
        fields = _fields(line)
        if len(fields) != self.columns or not fields[self.key].strip():
            raise ValueError
        size = -1 if self.size is None else _size(fields[self.size])
        return self.moments.seconds(fields[self.at]), self.wanted.named(fields[self.key]), size


def _fields(line: str) -> list[str]:
    """The fields of one CSV line; line by line, an open quote cannot swallow the rest of the file."""
    return next(csv.reader([line], strict=True), []) if '"' in line else line.split(",")


def _size(value: Any) -> int:
    """A number of bytes; -1 if it is none."""
    try:
        size = -1 if value in (None, "") else int(float(value))
    except (ValueError, OverflowError, TypeError):
        return -1
    return size if 0 <= size < 1 << 53 else -1


class JsonLines:
    """One object a line with the fields at and key, and size, method and status if they are there.

    A name with dots, "request.uri", leads into objects within it; the method may stand beside such a key.
    """

    kind = "JSON lines"

    def __init__(self, wanted: Wanted) -> None:
        self.moments, self.wanted = Moments(wanted.unit), wanted
        self.methods = "method", "request_method", wanted.key[: wanted.key.rfind(".") + 1] + "method"

    def request(self, line: str) -> Request:
        """The request on this line; raises one of BROKEN, or LeftOut."""
        if line[:1] not in "{ ":  # the decoder is slow to refuse
            raise ValueError
        row = json.loads(line.strip().rstrip(","))  # as in an array with an object a line
        if not isinstance(row, dict):
            raise ValueError
        key = _field(row, self.wanted.key)
        key = str(key) if type(key) is int else key
        if not isinstance(key, str) or not key.strip():
            raise ValueError
        key.encode()  # half a surrogate pair, as "\ud800", is no text
        method = next((str(given).upper() for name in self.methods if (given := _field(row, name))), None)
        status = None if (given := row.get("status")) is None else str(given)
        self.wanted.check(method, status)
        size = -1 if status in SIZE_OF_A_PART else _size(_field(row, self.wanted.size))
        return self.moments.seconds(_field(row, self.wanted.at)), self.wanted.named(key), size


def _field(row: Any, name: str) -> Any:
    """The field of this name; else, if the name has dots, the one to which they lead; else None."""
    if name in row or "." not in name:
        return row.get(name)
    for part in name.split("."):
        row = row.get(part) if isinstance(row, dict) else None
    return row


class LogLines:
    """The lines of an access log, Common or Combined; the key is the path."""

    kind = "access log"

    def __init__(self, wanted: Wanted) -> None:
        self.moments = Moments("s")
        self.moments.dated = self.moments.written = True
        self.wanted, self.methods, (lowest, highest) = wanted, set(wanted.methods), wanted.statuses
        self.statuses = {str(status) for status in range(max(lowest, 100), min(highest, 999) + 1)}

    def request(self, line: str) -> Request:
        """The request on this line; raises one of BROKEN, or LeftOut."""
        found = LOG_LINE.match(line)
        if found is None:
            raise ValueError
        stamp, request, status, size = found.groups()
        method, _, target = request.partition(" ")
        if method not in self.methods or status not in self.statuses:  # a set: faster than to compare
            self.wanted.check(method, status)
        counted = size not in ("-", "0") and status not in SIZE_OF_A_PART
        return _seconds(stamp), _log_key(target, self.wanted.query), int(size) if counted else -1


@lru_cache(maxsize=1024)  # neighbouring lines share their second
def _seconds(stamp: str) -> float:
    """Unix time of 10/Oct/2000:13:55:36 -0700. Not strptime: its month names follow the reader's locale."""
    day, month, year = int(stamp[:2]), MONTHS.index(stamp[3:6]) + 1, int(stamp[7:11])
    hour, minute, second = int(stamp[12:14]), int(stamp[15:17]), int(stamp[18:20])
    if second > 60:  # 60 is a leap second, which datetime does not know
        raise ValueError
    ahead = int(stamp[22:24]) * 3600 + int(stamp[24:26]) * 60
    local = datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp() + second
    return local - ahead if stamp[21] == "+" else local + ahead


def _log_key(target: str, query: bool) -> str:
    """The path in `/path?query HTTP/1.1`: no protocol, scheme or host; the query string only if wanted."""
    path, _, protocol = target.rpartition(" ")
    if not protocol.startswith("HTTP/"):
        path = target
    if path[:1] != "/" and (url := URL.fullmatch(path)):
        path = "/" + path[url.end(2) :].removeprefix("/")
    key = path if query else path.partition("?")[0]
    if not key:
        raise ValueError
    return key


Format = CsvLines | JsonLines | LogLines
