"""The lessons' words: questions, hints and replies, in TOML files that an instructor may change."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Any

from labsupport.errors import LabError

FOLDER = Path(__file__).with_name("texts")


@functools.cache
def load(name: str) -> dict[str, Any]:
    """The tables of `texts/NAME.toml`, in the file's order. LabError: it is missing or not TOML."""
    path = FOLDER / f"{name}.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LabError(
            f"labsupport/lessons/texts/{name}.toml cannot be read ({error}): mend it or get it back with git."
        ) from None


def entry(name: str, key: str) -> dict[str, Any]:
    """One table of `texts/NAME.toml`. LabError: there is none of this name, and which there are."""
    tables = load(name)
    if key not in tables:
        raise LabError(f"there is no {key!r} in texts/{name}.toml, only {', '.join(tables)}.")
    table: dict[str, Any] = tables[key]
    return table
