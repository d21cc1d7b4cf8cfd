"""The instructor's side of a class: a hub for a room of learners, the Redis that they share, a dashboard."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["open_dashboard"]


def __getattr__(name: str) -> Any:
    """Load the dashboard when it is first used: a hub and a class Redis need no widgets and no pictures."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.dashboard"), name)
