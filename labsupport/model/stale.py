"""Stale answers as arithmetic: which requests are told what is no longer true, and the law of how many."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labsupport.checks import whole_number
from labsupport.model.hits import Booleans, Numbers, grouped, hit_rate_tick_law
from labsupport.routes import Integers, check_traffic, key_codes, lab_ticks


def stale_answers(
    log: pd.DataFrame, changes: pd.DataFrame, shared: bool = False, tick: float = 1.0
) -> Booleans:
    """Which answers were no longer the origin's, in the order of `log`: what `Fleet.replay(judge=True)` says.

    log: columns at, key, hit, and unless `shared` also instance, of requests that began with empty caches;
    changes: at (seconds from 0 on) and key of every change at the origin, in any order. A change comes
    before the requests of its tick, as in a replay. An answer is stale if its key has changed since the tick
    of its fill.
    Raises BadArgument, a ValueError, for a table that makes no sense.
    """
    check_traffic(log)
    if len(changes):
        check_traffic(changes.sort_values("at"))
    whole_number("tick", tick)
    codes, names = key_codes(log)
    slot = codes if shared else codes * (int(log["instance"].max()) + 1) + log["instance"].to_numpy()
    order = grouped(slot)
    now = lab_ticks(log["at"].to_numpy(dtype=float), tick)[order]
    hit = log["hit"].to_numpy(dtype=bool)[order]
    # each slot begins with a miss
    filled = now[np.maximum.accumulate(np.where(hit, 0, np.arange(len(order))))]
    stale = np.empty(len(order), dtype=bool)
    stale[order] = hit & (_last_change(codes[order], now, names, changes, tick) > filled)
    return stale


def _last_change(
    codes: Integers, now: Integers, names: pd.Index[str], changes: pd.DataFrame, tick: float
) -> Integers:
    """The tick of the last change of each request's key so far, -1 where it has not changed yet."""
    key = names.get_indexer(pd.Index(changes["key"].astype("str")))  # -1: nobody asked for it
    at = lab_ticks(changes["at"].to_numpy(dtype=float), tick)
    width = int(max(now.max(), at.max(initial=0))) + 1
    moments = np.sort(key * width + at)  # the histories of all keys laid end to end
    last = np.concatenate(([-1], moments))[np.searchsorted(moments, codes * width + now, side="right")]
    return np.where(last >= codes * width, last - codes * width, -1)


def stale_tick_law(requests_per_tick: Numbers, ttl_ticks: Numbers, changes_per_tick: Numbers) -> Numbers:
    """Share of one key's requests that get a stale answer from one cache, when time moves in ticks.

    An entry that lives for T ticks answers l requests in the j-th tick after its fill, and these are stale if
    its key has changed in one of the j ticks since, which has probability 1 - q^j, q = exp(-u). So
    l * (T - 1 - (q - q^T) / (1 - q)) stale answers come with each fill, and 1 + H requests in all, H as
    in `hit_rate_tick_law`. As ticks get short, the share becomes l * (T - (1 - exp(-u T)) / u) / (1 + l T).

    l: requests a tick at this cache; T: the TTL in ticks; u: changes a tick at the origin. Numbers or arrays.
    Holds for requests and changes that come by chance (Poisson), in the long run. Source: the counting above;
    the tests hold it to `stale_answers`.
    """
    unchanged = np.exp(-np.maximum(changes_per_tick, 1e-12))  # not 1, where the sum below is 0 / 0
    still_true = (unchanged - unchanged**ttl_ticks) / (1 - unchanged)
    stale_per_fill = requests_per_tick * (ttl_ticks - 1 - still_true)
    share: Numbers = stale_per_fill * (1 - hit_rate_tick_law(requests_per_tick, ttl_ticks))
    return share
