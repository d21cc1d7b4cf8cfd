"""One shared cache as arithmetic: how full it gets, and what it answers when it has too little room."""

from __future__ import annotations

from collections import OrderedDict, deque

import numpy as np
import pandas as pd

from labsupport.checks import whole_number, whole_ticks
from labsupport.model.hits import Booleans, simulate
from labsupport.routes import check_traffic, key_codes, lab_ticks


def live_entries(traffic: pd.DataFrame, ttl: float, tick: float = 1.0) -> int:
    """The most entries that one shared cache without a limit holds at one moment.

    ttl, tick: seconds, as for `simulate`. An expired entry is gone at once; a server that finds it later
    holds some more. BadArgument for what makes no sense.
    """
    filled = lab_ticks(traffic["at"].to_numpy(dtype=float), tick)[~simulate(traffic, 1, ttl, tick=tick)]
    gone = np.searchsorted(filled, filled - whole_ticks("ttl", ttl, tick), side="right")
    return int((np.arange(1, len(filled) + 1) - gone).max())


def bounded_hits(traffic: pd.DataFrame, ttl: float, entries: int, tick: float = 1.0) -> Booleans:
    """Hit (True) or miss for each request to one shared cache with room for so many `entries`.

    A fill that finds it full throws out the entry that was asked for least recently (LRU). An expired entry
    makes room at once. ttl, tick: seconds, as for `simulate`, which it equals if there is room for all.
    BadArgument for what makes no sense.
    """
    check_traffic(traffic)
    cache = _Bounded(whole_number("entries", entries), whole_ticks("ttl", ttl, whole_number("tick", tick)))
    codes, _ = key_codes(traffic)
    moments = lab_ticks(traffic["at"].to_numpy(dtype=float), tick)
    return np.array([cache.asked(*request) for request in zip(moments.tolist(), codes.tolist())])


class _Bounded:
    """The cache of `bounded_hits`; keys are numbers, time is in ticks."""

    def __init__(self, entries: int, life: int) -> None:
        self.entries, self.life = entries, life
        self.filled: OrderedDict[int, int] = OrderedDict()  # key -> tick of its fill; the least recent first
        self.fills: deque[tuple[int, int]] = deque()  # tick and key of every fill that has not expired yet

    def asked(self, now: int, key: int) -> bool:
        while self.fills and self.fills[0][0] + self.life <= now:
            self._expire(*self.fills.popleft())
        if key in self.filled:
            self.filled.move_to_end(key)
            return True
        if len(self.filled) == self.entries:
            self.filled.popitem(last=False)
        self.filled[key] = now
        self.fills.append((now, key))
        return False

    def _expire(self, born: int, key: int) -> None:
        if self.filled.get(key) == born:  # else it was thrown out, and perhaps filled again since
            del self.filled[key]
