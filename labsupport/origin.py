"""The source of truth: a real SQLite catalogue that counts its reads and writes."""

from __future__ import annotations

import functools
import json
import re
import sqlite3

from labsupport.errors import BadArgument

COURSES = 2_000
LESSONS = 8
_TOPICS = ["Caching", "Databases", "Networks", "Statistics", "Graphs", "Compilers", "Security", "Queues"]
_LEVELS = ["first steps", "in practice", "for teams", "at scale", "under load"]

_SCHEMA = """
CREATE TABLE course (id INTEGER PRIMARY KEY, title TEXT, teacher TEXT, version INTEGER);
CREATE TABLE lesson (course_id INTEGER, position INTEGER, minutes INTEGER, PRIMARY KEY (course_id, position))
    WITHOUT ROWID;
"""
QUERY = """
SELECT c.id, c.title, c.teacher, c.version, count(*), sum(l.minutes)
FROM course c JOIN lesson l ON l.course_id = c.id
WHERE c.id = ? GROUP BY c.id
"""
_COURSE = re.compile(r"course:([1-9][0-9]{0,8})\Z")  # one name a course: course:0204 is another key


def _course_rows() -> list[tuple[int, str, str, int]]:
    """Every course of the platform, made from its number alone, so that it is the same everywhere."""
    return [
        (i, f"{_TOPICS[i % 8]} {_LEVELS[i % 5]}, part {i % 7 + 1}", f"Teacher {i % 97}", 1)
        for i in range(1, COURSES + 1)
    ]


def _lesson_rows() -> list[tuple[int, int, int]]:
    """Eight lessons a course, 20 to 49 minutes each."""
    return [(i, n, 20 + (7 * i + 11 * n) % 30) for i in range(1, COURSES + 1) for n in range(LESSONS)]


@functools.cache
def _filled() -> sqlite3.Connection:
    """The database as every catalogue begins; nobody writes to this one."""
    db = sqlite3.connect(":memory:", check_same_thread=False)
    db.executescript(_SCHEMA)
    db.executemany("INSERT INTO course VALUES (?, ?, ?, ?)", _course_rows())
    db.executemany("INSERT INTO lesson VALUES (?, ?, ?)", _lesson_rows())
    db.commit()
    return db


class CourseCatalog:
    """The learning platform's database: 2,000 courses with their lessons, in a SQLite of its own.

    `reads` counts the questions it was asked; a cache exists to keep that number small. `writes` counts
    the changes.
    """

    def __init__(self) -> None:
        """Fill a new database in memory; it goes when the object goes."""
        self.reads = self.writes = 0
        self._db = sqlite3.connect(":memory:", check_same_thread=False)  # by one thread at a time
        _filled().backup(self._db)  # twenty times as fast as filling each one

    def read(self, key: str) -> bytes:
        """The answer for `key` as JSON bytes: a course's metadata; for any other key, just the key again."""
        self.reads += 1
        return self.peek(key)

    def peek(self, key: str) -> bytes:
        """The same answer without counting a read: for judging staleness, not for serving."""
        course = _COURSE.match(key)
        row = self._db.execute(QUERY, (int(course[1]),)).fetchone() if course else None
        if row is None:
            return json.dumps({"key": key}).encode()
        names = ("id", "title", "teacher", "version", "lessons", "minutes")
        return json.dumps(dict(zip(names, row, strict=True))).encode()

    def rename(self, key: str, title: str) -> bytes:
        """Change a course's title and count its version up; returns its new answer, as a database does that
        is told RETURNING. BadArgument if there is no such course.
        """
        course = _COURSE.match(key)
        done = self._db.execute(
            "UPDATE course SET title = ?, version = version + 1 WHERE id = ?",
            (title, int(course[1]) if course else -1),
        )
        if done.rowcount != 1:
            raise BadArgument(f"there is no course {key!r}; the catalogue has course:1 to course:{COURSES}.")
        self.writes += 1
        return self.peek(key)

    def __repr__(self) -> str:
        return f"CourseCatalog({COURSES:,} courses, {self.reads:,} reads)"
