"""What else one atomic command can do: limiters, and what keeps a hot key from asking the origin at once.

The names are loaded when first used: the processes of a rush import this package too, and start three
times as fast without pandas.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labsupport.coordination.rush import rush
    from labsupport.coordination.serving import in_lab_time, serve_in_lab_time

__all__ = ["in_lab_time", "rush", "serve_in_lab_time"]

_HOMES = {"in_lab_time": "serving", "rush": "rush", "serve_in_lab_time": "serving"}


def __getattr__(name: str) -> Any:
    """Load the module that a name lives in."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
