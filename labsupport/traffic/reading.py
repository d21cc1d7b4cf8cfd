"""One file of a log, line by line: what is kept, what is left out, and what to say of it."""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from labsupport.errors import BadArgument
from labsupport.traffic import formats
from labsupport.traffic.formats import BROKEN, TOO_LATE, CsvLines, Format, LeftOut, Request, Wanted
from labsupport.traffic.held import Held
from labsupport.traffic.lines import BLOCK, LONGEST, line_blocks, opened

PATIENCE = 64 << 20  # characters in a row without a line that is understood, before it gives up
FIRST_LINES = 100_000  # lines at the beginning of a file, likewise
HEADER = re.compile(r"[A-Za-z_\" ]+([,;\t][A-Za-z_\" ]+)+")  # with one of WORDS in it, no name of a client
WORDS = {"at", "time", "timestamp", "ts", "date", "datetime", "when", "key", "url", "uri", "path"}
FIELD_NAME = re.compile(r"@?[A-Za-z_][A-Za-z0-9_.-]{0,39}")


@dataclass
class LogFile:
    """One file, read once; the counts are of this file alone."""

    name: str
    wanted: Wanted
    format: Format | None = None  # None: no line was understood yet
    first_line: str = ""  # the first that is not blank
    number: int = 0  # lines in all so far
    aside: int = 0  # blank lines and the header
    malformed: int = 0
    first_malformed: tuple[int, str] = (0, "")  # line number and line
    too_long: int = 0
    left_out: Counter[str] = field(default_factory=Counter)  # reason -> requests
    late: int = 0  # requests after a later one
    furthest: float = 0.0  # seconds

    def __post_init__(self) -> None:
        self.choices = formats.JsonLines(self.wanted), formats.LogLines(self.wanted)

    @property
    def lines(self) -> int:
        """Lines read, without the header and blank ones."""
        return self.number - self.aside

    @property
    def understood(self) -> int:
        """Lines that hold a request, wanted or not."""
        return self.lines - self.malformed - self.too_long

    def read(self, held: Held) -> None:
        """Add this file's requests to `held`; raises BadArgument if it is no log, or a senseless one."""
        quiet = 0  # blocks in a row without a line that was understood
        with opened(self.name) as text:
            for lines in line_blocks(text):
                before = self.understood
                self._take(lines, held)
                quiet = 0 if self.understood > before else quiet + 1
                if not self.understood and (quiet * BLOCK > PATIENCE or self.number > FIRST_LINES):
                    raise BadArgument(self.nothing_usable())
                if quiet * BLOCK > PATIENCE:
                    raise BadArgument(
                        f"Gave up on {self.name!r} after line {self.number:,}: its last {PATIENCE >> 20} MB "
                        "could not be understood; cut that part out."
                    )
        if self.lines and not self.understood:
            raise BadArgument(self.nothing_usable())
        self.late, self.furthest, stuck = held.end_of_file()
        if stuck and self.format and self.format.moments.written:
            raise BadArgument(
                f"All times in {self.name!r} share one minute of the hour, yet jump back again and again: "
                "its log format seems to write the month (%m) where the minute (%M) belongs. The minutes are "
                "lost: correct the format and record anew; if all is from one minute, sort it by time first."
            )

    def _take(self, lines: list[str], held: Held) -> None:
        """Keep the requests on these lines, or count why not; this loop is where the time goes."""
        parse = self.format.request if self.format else self._decide
        for number, line in enumerate(lines, self.number + 1):
            if not line:
                self.aside += 1
                continue
            if len(line) > LONGEST:
                self.too_long += 1
                self.first_line = self.first_line or line
                continue
            try:
                request = parse(line)
            except LeftOut as reason:
                self.left_out[str(reason)] += 1
            except BROKEN:
                self._set_aside(number, line)
            else:
                if request:
                    held.add(*request)
        self.number += len(lines)

    def _set_aside(self, number: int, line: str) -> None:
        """Count a line that holds no request."""
        if line.isspace():
            self.aside += 1
            return
        if not self.malformed:
            self.first_malformed = number, line
        self.malformed += 1

    def _decide(self, line: str) -> Request | None:
        """The request on this line as the format has it that is told by the first line understood."""
        if self.format:  # since a line of this very block
            return self.format.request(line)
        if not self.first_line and not line.isspace():
            self.first_line = line
            with suppress(*BROKEN):
                self.format = CsvLines(line, self.wanted)
                self.aside += 1
                return None
        for choice in self.choices:
            with suppress(*BROKEN):
                self.format = choice  # and it stays, if the request is one that was not asked for
                return choice.request(line)
        self.format = None
        raise ValueError

    def nothing_usable(self) -> str:
        """What to say about a file that gave no request, without a word of what stands in it."""
        wanted, name = self.wanted, self.name
        if set(self.left_out) == {TOO_LATE}:
            return (
                f"The times in {name!r} are too large for seconds; say what they count: "
                'read_log(..., unit="ms"), or "us", or "ns".'
            )
        if self.left_out:
            what = f"{name!r} has no request to keep. {' '.join(notes([self]))}"
            return f"{what} Choose others by methods= and statuses=."
        first, (number, bad) = self.first_line.strip(), self.first_malformed
        if not first:
            return f"{name!r} is empty; {expected(wanted)}"
        found = f"its first line is: {shape(first)}"
        if bad not in ("", self.first_line):
            found += f"\nand its line {number:,} looks like: {shape(bad)}"
        names = [one for one in _names(bad) if FIELD_NAME.fullmatch(one)]
        if names and not {wanted.at, wanted.key} <= set(names):
            found += f"\nwith the fields {', '.join(names[:20])}; choose two by read_log(..., at=, key=)"
        return f"No request could be read from {name!r}; {expected(wanted)}\nbut {found}"


def notes(files: list[LogFile], kept: int = 0) -> list[str]:
    """One sentence for each thing that a reader of these files should know; none for clean ones."""
    said = []
    lines, malformed = sum(file.lines for file in files), sum(file.malformed for file in files)
    if malformed:
        first = next(file for file in files if file.malformed)
        where = f"line {first.first_malformed[0]:,}" + (f" of {first.name!r}" if len(files) > 1 else "")
        what = f"{malformed:,} of {lines:,} lines that could not be understood"
        said.append(f"Left out {what}; the first is {where}.")
    if long := sum(file.too_long for file in files):
        said.append(f"Left out {long:,} of {lines:,} lines that have more than {LONGEST:,} characters.")
    if left_out := sum((file.left_out for file in files), Counter[str]()):
        reasons = ", ".join(f"{count:,} by {reason}" for reason, count in sorted(left_out.items()))
        said.append(f"Left out {left_out.total():,} request{'s' * (left_out.total() > 1)}: {reasons}.")
    if empty := sum(not file.lines for file in files):
        said.append(f"Files without a line: {empty:,} of {len(files):,}.")
    if late := sum(file.late for file in files):
        said.append(f"Sorted the requests by time: {late:,} of {kept:,} came after a later one.")
    if (furthest := max(file.furthest for file in files)) > 3600:
        why = "a clock was set back, or parts of a file are swapped"
        said[-1] += f" The furthest came {furthest / 3600:,.1f} hours too late: {why}."
    return said


def _names(line: str) -> list[str]:
    """The columns of a CSV header; or the fields of a JSON object, of objects in it only the usual ones."""
    if _is_header(line):
        return [name.strip(' "') for name in line.split(",")]
    try:
        row = json.loads(line)
    except BROKEN:
        return []
    names = []
    for name, value in row.items() if isinstance(row, dict) else ():
        names += [f"{name}.{one}" for one in value if one in WORDS] if isinstance(value, dict) else [name]
    return names


def _is_header(line: str) -> bool:
    return bool(HEADER.fullmatch(line)) and not WORDS.isdisjoint(re.findall("[a-z]+", line.lower()))


def expected(wanted: Wanted) -> str:
    """The three formats, with the names that were asked for."""
    return f"""\
expected a CSV file whose header names {wanted.at} and {wanted.key}, such as
    {wanted.at},{wanted.key}
    0.25,course:204
or an access log in Common or Combined Log Format, such as
    host - - [10/Oct/2000:13:55:36 -0700] "GET /courses/204 HTTP/1.1" 200 2326
or one JSON object a line, such as
    {{"{wanted.at}": 0.25, "{wanted.key}": "course:204"}}"""


def shape(line: str) -> str:
    """The line's beginning with letters as a and digits as 9, so that it names no client; ASCII only.

    A CSV header stays as it is.
    """
    if _is_header(line):
        return line[:80]
    masked = re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", line.strip()[:80]))
    return re.sub(r"[^ -~]", "?", masked)
