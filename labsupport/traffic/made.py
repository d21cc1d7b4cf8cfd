"""Made traffic, Poisson arrivals over courses of unequal popularity; and the one shape of all traffic."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labsupport.checks import is_number, whole_number
from labsupport.errors import BadArgument

HOT_COURSE = 204  # the course that the story is about: always the most popular one


def zipf_traffic(requests: int, courses: int, skew: float, rate: float, seed: int) -> pd.DataFrame:
    """Poisson arrivals, `rate` a second, over keys of popularity 1 / rank**skew; same seed, same traffic.

    Rank 1 is course:204, rank 2 course:205 and so on; skew 0 makes all equally popular. The categories of
    `key` are the courses that got a request, in rank order. Raises BadArgument.
    """
    requests, courses = whole_number("requests", requests), whole_number("courses", courses)
    if not is_number(skew) or skew < 0:
        raise BadArgument(f"skew is {skew!r}, but must be 0 (all equally popular) or more.")
    if not is_number(rate) or rate <= 0:
        raise BadArgument(f"rate is {rate!r}, but must be more than 0 requests a second.")
    rng = np.random.default_rng(whole_number("seed", seed, least=0))
    at = np.cumsum(rng.exponential(1 / rate, size=requests))
    weights = np.arange(1, courses + 1, dtype=float) ** -float(skew)
    ranks = rng.choice(courses, size=requests, p=weights / weights.sum())
    present, codes = np.unique(ranks, return_inverse=True)
    return traffic_frame(at, codes, [f"course:{HOT_COURSE + rank}" for rank in present])


def traffic_frame(at: np.ndarray, codes: np.ndarray, keys: list[str]) -> pd.DataFrame:
    """Traffic that counts from its first request; `codes` say which of the `keys` each request asks for."""
    key = pd.Categorical.from_codes(codes, categories=pd.Index(keys, dtype="str"))
    return pd.DataFrame({"at": at - at[0], "key": key})
