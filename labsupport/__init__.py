"""The helpers of the course: `from labsupport import start_lab` and the like, each loaded when first used.

Handing the names out lazily (PEP 562) keeps `python3 -m labsupport` working on a machine with nothing
but Python: this file imports no package, and it parses on Python 3.8, so that an old Python can be told so.
"""

import importlib
from typing import Any, List

_HOMES = {
    "Clock": "clock",
    "CourseCatalog": "origin",
    "FaultProxy": "faults",
    "Fleet": "fleet",
    "Keys": "keys",
    "Lab": "lab",
    "LabTimeSlipped": "errors",
    "LocalCache": "caches",
    "Meter": "server.meter",
    "Replica": "faults",
    "SharedCache": "caches",
    "SpareServer": "faults",
    "Team": "races",
    "final_law": "races",
    "in_lab_time": "coordination",
    "interleavings": "races",
    "killed_between": "races",
    "random_orders": "races",
    "read_log": "traffic",
    "read_traffic": "traffic",
    "run_every_order": "races",
    "run_interleavings": "races",
    "rush": "coordination",
    "serve_in_lab_time": "coordination",
    "simulate": "model",
    "start_lab": "lab",
    "two_clients_law": "races",
    "zipf_traffic": "traffic",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Load the module that a name lives in, at the name's first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value  # the next use finds it without coming here
    return value


def __dir__() -> List[str]:
    return sorted(set(globals()) | set(_HOMES))
