"""A learner's side of a class: join it, race with it, and tell it which exercise failed.

The names are loaded when first used: whoever only races needs no widgets and no pictures.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labsupport.classroom.failed import report_failed
    from labsupport.classroom.joining import join_class

__all__ = ["join_class", "report_failed"]

_HOMES = {"join_class": "joining", "report_failed": "failed"}


def __getattr__(name: str) -> Any:
    """Load the module that a name lives in."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
