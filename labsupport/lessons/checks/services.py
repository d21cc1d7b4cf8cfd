"""The four made services of notebook 09: the traffic of each, what it has to bear, and what is advised."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import pandas as pd
from IPython.utils.capture import capture_output

from labsupport.traffic import zipf_traffic

TTLS = (5, 15, 30, 60, 120, 300)  # seconds


class Service(NamedTuple):
    """A service's log, and what its team says of it."""

    traffic: pd.DataFrame
    instances: int
    staleness: float  # seconds that an answer may be old
    capacity: float  # reads a second that the origin can take


@functools.cache
def services() -> dict[str, Service]:
    """The four, by name."""
    return {
        "prices": Service(zipf_traffic(10_000, 5_000, skew=0, rate=2.8, seed=9), 4, 60, 2),
        "flags": Service(zipf_traffic(60_000, 40, skew=0.5, rate=50, seed=9), 8, 60, 20),
        "courses": Service(zipf_traffic(24_000, 500, skew=1, rate=20, seed=204), 4, 60, 6),
        "launch": Service(zipf_traffic(3_000, 500, skew=1, rate=20, seed=9), 4, 60, 6),
    }


@functools.cache
def grid_of(name: str) -> pd.DataFrame:
    """The service's sweep over TTLS, for two, four and eight instances; in the order that it was given."""
    from labsupport.decide import sweep  # here, because every notebook loads this module when it starts

    with capture_output():  # a check prints its reply and nothing else
        return sweep(services()[name].traffic, TTLS if name == "flags" else TTLS[::-1], [2, 4, 8])


@functools.cache
def advised(name: str) -> str:
    """The verdict of the recommendation."""
    from labsupport.decide import recommend
    from labsupport.traffic import TrafficLog

    service = services()[name]
    count = len(service.traffic["key"].cat.categories)
    lines = len(service.traffic)
    unknown = np.full(count, -1)
    log = TrafficLog(
        service.traffic, sizes=unknown, notes=[], kept_one_in=1, lines=lines, kind="CSV", files=1
    )
    advice = recommend(log, grid_of(name), service.instances, service.staleness, service.capacity)
    return str(advice.verdict)


def facts_of(name: str) -> dict[str, float]:
    """What the sweep says of the service's two designs, each with the longest TTL that it may have."""
    service, grid = services()[name], grid_of(name)
    chosen = grid[(grid["ttl"] == service.staleness) & (grid["instances"] == service.instances)]
    private, shared = (chosen[chosen["shared"] == one].iloc[0] for one in (False, True))
    span = float(service.traffic["at"].iloc[-1])
    return {
        "requests": len(service.traffic),
        "span": span,
        "rate": len(service.traffic) / span,
        "keys": service.traffic["key"].nunique(),
        "instances": service.instances,
        "staleness": service.staleness,
        "capacity": service.capacity,
        "private": private["hit_rate"],
        "private_reads": private["origin_reads"],
        "shared": shared["hit_rate"],
        "shared_reads": shared["origin_reads"],
        "times": shared["hit_rate"] / private["hit_rate"],
        "spared": 1 - shared["origin_reads"] / private["origin_reads"],
        "span_ttls": span / service.staleness,
    }


_ROWS = {
    "the log: requests": "{requests:,}",
    "the log: seconds": "{span:,.0f}",
    "keys": "{keys:,}",
    "instances": "{instances}",
    "an answer may be old, s": "{staleness}",
    "the origin can take, reads a second": "{capacity}",
    "private caches: hit rate": "{private:.1%}",
    "private caches: reads a second": "{private_reads:.2f}",
    "one shared cache: hit rate": "{shared:.1%}",
    "one shared cache: reads a second": "{shared_reads:.2f}",
}


def four_services() -> pd.DataFrame:
    """The four side by side, each with a TTL as long as its answers may be old, in words."""
    columns = {name: [row.format(**facts_of(name)) for row in _ROWS.values()] for name in services()}
    return pd.DataFrame(columns, index=list(_ROWS))
