"""Which instance answers which request: one rule, used by the real fleet and by its model.

Both also take the checks of traffic and the clock arithmetic from here, so that they can only agree.
"""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labsupport.checks import whole_number
from labsupport.errors import BadArgument

Route = str | Callable[[int, str], int]
Integers = NDArray[np.int64]

NAMED = ("round_robin", "random", "by_key")  # the routes that have a name
LATEST = 1e12  # seconds, 31,000 years: what keeps sums of ticks inside 64 bits


def assign(traffic: pd.DataFrame, instances: int, route: Route = "round_robin", seed: int = 0) -> Integers:
    """The instance number (0 to instances - 1) of each request, in the order of `traffic`.

    route: "round_robin" sends request i to i % instances; "random" draws from `default_rng(seed)`;
        "by_key" takes crc32(key) % instances; a function is called once for each request, in order,
        as route(index, key), and returns the instance number.
    seed: a whole number from 0 on, only for "random"; take another than the traffic was made with, or
        the draws of both are the same.
    Raises BadArgument for traffic that `check_traffic` refuses, no instances, an unknown route, or
        a function that returns anything but an instance number.
    """
    check_traffic(traffic)
    check_route(route)
    instances, seed = whole_number("instances", instances), whole_number("seed", seed, least=0)
    if callable(route):
        return _by_function(traffic, instances, route)
    if route == "random":
        return np.random.default_rng(seed).integers(instances, size=len(traffic))
    if route == "by_key":
        codes, names = key_codes(traffic)
        homes = np.array([crc32(name.encode()) % instances for name in names], dtype=np.int64)
        return homes[codes]
    return np.arange(len(traffic), dtype=np.int64) % instances


def _by_function(traffic: pd.DataFrame, instances: int, route: Callable[[int, str], int]) -> Integers:
    chosen = np.empty(len(traffic), dtype=np.int64)
    for index, key in enumerate(traffic["key"]):
        instance = route(index, key)
        if instance not in range(instances):
            raise BadArgument(
                f"route({index}, {key!r}) returned {instance!r}, but must return "
                f"a whole number from 0 to {instances - 1}."
            )
        chosen[index] = instance
    return chosen


def key_codes(traffic: pd.DataFrame) -> tuple[Integers, pd.Index[str]]:
    """A number for each request's key, and the key names that these numbers index.

    A categorical column carries both already; a plain one is numbered here, once per call.
    """
    keys = traffic["key"]
    if isinstance(keys.dtype, pd.CategoricalDtype):
        return keys.cat.codes.to_numpy().astype(np.int64), keys.cat.categories
    codes, names = pd.factorize(keys)
    return codes, pd.Index(names)


def lab_ticks(at: NDArray[np.float64], tick: float) -> Integers:
    """Whole ticks of lab time gone by at each moment of `at` (seconds): floor(at / tick)."""
    return np.floor(at / tick).astype(np.int64)


def check_traffic(traffic: pd.DataFrame) -> None:
    """Refuse, with BadArgument, traffic that cannot be replayed.

    Traffic is a DataFrame with at least one row and the columns `at` (seconds, ascending, from 0 on)
    and `key` (text, plain or categorical).
    """
    for column in ("at", "key"):
        if column not in getattr(traffic, "columns", ()):
            raise BadArgument(f"traffic has no column {column!r}, but must be a table with 'at' and 'key'.")
    if len(traffic) == 0:
        raise BadArgument("traffic is empty, but must hold at least one request.")
    _check_moments(traffic["at"])
    _check_keys(traffic["key"])


def _check_moments(column: pd.Series[float]) -> None:
    if not pd.api.types.is_numeric_dtype(column):
        raise BadArgument(f"traffic's 'at' holds {column.dtype}, but must hold numbers of seconds.")
    at = column.to_numpy(dtype=float, na_value=np.nan)
    if not np.isfinite(at).all():
        raise BadArgument("traffic's 'at' holds a missing or infinite time, but must hold finite seconds.")
    if (at[1:] < at[:-1]).any():
        row = int(np.argmax(at[1:] < at[:-1])) + 1
        raise BadArgument(f"traffic's 'at' goes back in time at row {row}, but must be ascending.")
    if at[0] < 0 or at[-1] > LATEST:  # ascending, so the ends are the extremes
        span = f"runs from {at[0]:g} to {at[-1]:g} seconds"
        raise BadArgument(f"traffic's 'at' {span}, but must lie between 0 and {LATEST:g}.")


def _check_keys(column: pd.Series[str]) -> None:
    if missing := int(column.isna().sum()):
        raise BadArgument(f"traffic's 'key' is missing in {missing} rows, but every request needs one.")
    categorical = isinstance(column.dtype, pd.CategoricalDtype)
    kind = pd.api.types.infer_dtype(column.cat.categories if categorical else column)
    if kind != "string":
        raise BadArgument(f"traffic's 'key' holds {kind} values, but must hold text.")


def check_route(route: Route) -> None:
    """Refuse, with BadArgument, a route that is neither a function nor one of the known names."""
    if not callable(route) and route not in NAMED:
        raise BadArgument(f"route is {route!r}, but must be one of {', '.join(NAMED)} or a function.")
