"""Made traffic: Poisson arrivals over courses of unequal popularity."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from labsupport.errors import BadArgument
from labsupport.traffic.frame import traffic_frame

HOT_COURSE = 204  # the course that the story is about: always the most popular one


def zipf_traffic(requests: int, courses: int, skew: float, rate: float, seed: int) -> pd.DataFrame:
    """Poisson arrivals, `rate` a second, over keys of popularity 1 / rank**skew; same seed, same traffic.

    Rank 1 is course:204, rank 2 course:205 and so on; skew 0 makes all equally popular. The categories of
    `key` are the courses that got a request, in rank order. Raises BadArgument.
    """
    _whole("requests", requests, least=1)
    _whole("courses", courses, least=1)
    _whole("seed", seed, least=0)
    _number("skew", skew, "0 (all equally popular) or more", lambda value: value >= 0)
    _number("rate", rate, "more than 0 requests a second", lambda value: value > 0)
    rng = np.random.default_rng(seed)
    at = np.cumsum(rng.exponential(1 / rate, size=requests))
    weights = np.arange(1, courses + 1, dtype=float) ** -float(skew)
    ranks = rng.choice(courses, size=requests, p=weights / weights.sum())
    present, codes = np.unique(ranks, return_inverse=True)
    return traffic_frame(at, codes, [f"course:{HOT_COURSE + rank}" for rank in present])


def _whole(name: str, value: object, least: int) -> None:
    """Refuse anything but a whole number of at least this much."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise BadArgument(f"{name} must be a whole number of at least {least}, not {value!r}.")


def _number(name: str, value: float, right: str, good: Callable[[float], bool]) -> None:
    """Refuse anything but a finite number for which `good` holds; `right` says so in words."""
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not good(value):
        raise BadArgument(f"{name} must be {right}, not {value!r}.")
