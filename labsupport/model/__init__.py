"""The fleet as arithmetic: hits, full caches, stale answers and expiry, exact, and the laws behind them."""

from labsupport.model.bounded import bounded_hits, live_entries
from labsupport.model.hits import expected_hit_rate, hit_rate_law, hit_rate_tick_law, simulate, worst_split
from labsupport.model.stale import stale_answers, stale_tick_law
from labsupport.model.wave import expiries, expiry_law, peak_law

__all__ = [
    "bounded_hits",
    "expected_hit_rate",
    "expiries",
    "expiry_law",
    "hit_rate_law",
    "hit_rate_tick_law",
    "live_entries",
    "peak_law",
    "simulate",
    "stale_answers",
    "stale_tick_law",
    "worst_split",
]
