"""The fleet as arithmetic: hits, stale answers, waves of expiry, each exact, and the laws behind them."""

from labsupport.model.hits import expected_hit_rate, hit_rate_law, hit_rate_tick_law, simulate, worst_split
from labsupport.model.stale import stale_answers, stale_tick_law
from labsupport.model.wave import expiries, expiry_law, peak_law

__all__ = [
    "expected_hit_rate",
    "expiries",
    "expiry_law",
    "hit_rate_law",
    "hit_rate_tick_law",
    "peak_law",
    "simulate",
    "stale_answers",
    "stale_tick_law",
    "worst_split",
]
