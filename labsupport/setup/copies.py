"""A learner's own copies of the lessons: never overwritten; a changed lesson arrives beside the old one."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from itertools import count
from pathlib import Path

from labsupport.classroom.names import INSTRUCTOR_URL

MANIFEST = ".lessons.json"
DASHBOARD = Path("teaching", "class-dashboard.ipynb")


def copy_lessons(source: Path, mine: Path, environ: Mapping[str, str] = os.environ) -> list[str]:
    """Bring every lesson and its data into `mine`, and the dashboard to an instructor; tells what arrived."""
    mine.mkdir(exist_ok=True)
    delivered = _read_manifest(mine)
    told = [_deliver(source / name, mine / name, name, delivered) for name in _names(source)]
    if environ.get(INSTRUCTOR_URL) and (source / DASHBOARD).exists():
        told.append(_deliver(source / DASHBOARD, mine / DASHBOARD.name, DASHBOARD.name, delivered))
    _write_manifest(mine, delivered)
    return [sentence for sentence in told if sentence]


def _names(source: Path) -> list[str]:
    data = source / "data"
    files = [*source.glob("*.ipynb"), *(path for path in data.rglob("*") if path.is_file())]
    return sorted(path.relative_to(source).as_posix() for path in files)


def _deliver(lesson: Path, copy: Path, name: str, delivered: dict[str, str]) -> str:
    """One file. `delivered` remembers which version last came, so that each version arrives once."""
    content = lesson.read_bytes()
    before, now = delivered.get(name), _digest(content)
    delivered[name] = now
    if not copy.exists():  # the first start, or the learner deleted it to begin afresh
        return _put(content, copy)
    if now in (before, _digest(copy.read_bytes())):
        return ""
    if name.startswith("data/") and _digest(copy.read_bytes()) == before:
        copy.write_bytes(content)  # as it came, so nobody's work; the new lesson reads it by this name
        return ""
    beside = _free_name(copy)
    _put(content, beside)
    return f"{copy.name} has a newer version: it is beside yours as {beside.name}; yours stays as it is."


def _put(content: bytes, place: Path) -> str:
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("xb") as new:  # x: refuses to touch a file that is there
        new.write(content)
    return ""


def _free_name(copy: Path) -> Path:
    names = (copy.with_name(f"{copy.stem}.new-{number}{copy.suffix}") for number in count(1))
    return next(name for name in names if not name.exists())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read_manifest(mine: Path) -> dict[str, str]:
    try:
        return dict(json.loads((mine / MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # missing or damaged: at worst a lesson arrives once more
        return {}


def _write_manifest(mine: Path, delivered: dict[str, str]) -> None:
    draft = mine / (MANIFEST + ".part")
    draft.write_text(json.dumps(delivered, indent=1), encoding="utf-8")
    draft.replace(mine / MANIFEST)
