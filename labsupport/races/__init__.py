"""Races on real Redis: scheduled, in every order, and free, between real processes; and their laws.

The names are loaded when first used: the processes of a free race import this package too, and start three
times as fast without pandas.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labsupport.races.free import Race, Team, killed_between
    from labsupport.races.laws import final_law, random_orders, two_clients_law
    from labsupport.races.orders import Schedule, interleavings, run_every_order, run_interleavings

__all__ = [
    "Race",
    "Schedule",
    "Team",
    "final_law",
    "interleavings",
    "killed_between",
    "random_orders",
    "run_every_order",
    "run_interleavings",
    "two_clients_law",
]

_HOMES = {"free": "Race Team killed_between", "laws": "final_law random_orders two_clients_law"}


def __getattr__(name: str) -> Any:
    """Load the module that a name lives in."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = next((module for module, names in _HOMES.items() if name in names.split()), "orders")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
