"""Races on real Redis: scheduled, in every order, and free, between real processes; and their laws."""

from labsupport.races.laws import final_law, random_orders, two_clients_law
from labsupport.races.orders import Schedule, interleavings, run_every_order, run_interleavings

__all__ = [
    "Schedule",
    "final_law",
    "interleavings",
    "random_orders",
    "run_every_order",
    "run_interleavings",
    "two_clients_law",
]
