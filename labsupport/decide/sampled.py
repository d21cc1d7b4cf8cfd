"""From a sample of the keys to the whole log: each key that was kept stands for `kept_one_in` keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from labsupport.traffic import TrafficLog


def whole_rate(log: TrafficLog, misses: Any) -> Any:
    """The whole log's hit rate, from the misses (one number or several) of the requests that were kept.

    If all were kept, it is exact. Else it is an estimate, SHARDS_adj (Waldspurger, Park, Garthwaite, Ahmad,
    FAST 2015): the misses are `kept_one_in` times as many, and what else was asked for counts as hits. For a
    sample of keys lacks mostly the few hottest ones, and nearly all requests for these are hits.
    """
    return np.maximum(0, 1 - log.kept_one_in * misses / log.requests)


def whole_log(grid: pd.DataFrame, log: TrafficLog) -> pd.DataFrame:
    """What `sweep` says of the kept requests, as an estimate for the whole log; as it is if all were kept."""
    if log.kept_one_in == 1:
        return grid
    rate = whole_rate(log, grid["requests"] - grid["hits"])
    return grid.assign(
        requests=log.requests,
        hits=(rate * log.requests).round().astype(np.int64),
        hit_rate=rate,
        origin_reads=grid["origin_reads"] * log.kept_one_in,
    )
