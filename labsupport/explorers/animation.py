"""The animated fleet: one traffic through private caches and through one Redis, request for request."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import pandas as pd
import traitlets
from IPython.display import display

from labsupport.checks import whole_number
from labsupport.errors import BadArgument
from labsupport.figures import png
from labsupport.figures.moments import four_moments
from labsupport.fleet import instance_name

_HERE = Path(__file__).parent
_COLUMNS = ["at", "instance", "key", "hit"]
MOST_REQUESTS, MOST_INSTANCES = 2_000, 8
_NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight"]


def animate(private: pd.DataFrame, shared: pd.DataFrame, ttl: int) -> AnimatedFleet:
    """Play two logs of `Fleet.replay`: the same traffic through private caches and through one Redis.

    ttl: lab seconds, the caches' own. Both replays begin with empty caches; a tick of the clock is a second.
    BadArgument if the logs do not fit each other, the ttl or the picture.
    """
    ttl = whole_number("ttl", ttl)
    for name, log in (("private", private), ("shared", shared)):
        _check_shape(name, log)
    if not all(np.array_equal(private[column], shared[column]) for column in ("at", "key")):
        raise BadArgument(
            f"private ({len(private):,} requests) and shared ({len(shared):,}) differ in their traffic, "
            f"so they cannot be compared: replay the same requests twice."
        )
    _check_hits("private", private, private["instance"].tolist(), ttl)
    _check_hits("shared", shared, [0] * len(shared), ttl)
    return AnimatedFleet(private, shared, ttl)


def _check_shape(name: str, log: Any) -> None:
    """A log of at least one request that has room in the picture; BadArgument otherwise."""
    if not isinstance(log, pd.DataFrame) or not {*_COLUMNS} <= {*log.columns}:
        raise BadArgument(f"{name} must be a log as Fleet.replay returns it: {', '.join(_COLUMNS)}.")
    if log.empty:
        raise BadArgument(f"{name} has no requests, so there is nothing to show: replay at least one.")
    if len(log) > MOST_REQUESTS:
        raise BadArgument(
            f"{name} has {len(log):,} requests, more than the {MOST_REQUESTS:,} that fit: replay a slice "
            f"of the traffic, such as traffic.iloc[:500]."
        )
    if log["instance"].max() >= MOST_INSTANCES:
        raise BadArgument(
            f"{name} has {log['instance'].max() + 1} instances, but the picture has room for only "
            f"{MOST_INSTANCES}: replay with a smaller fleet."
        )


def _check_hits(name: str, log: pd.DataFrame, caches: list[int], ttl: int) -> None:
    """Every hit needs an entry that a miss of this log filled, every miss needs none; else BadArgument."""
    expires: dict[tuple[int, str], float] = {}
    for row, (at, cache, key, hit) in enumerate(zip(np.floor(log["at"]), caches, log["key"], log["hit"])):
        if hit != (at < expires.get((cache, key), -1)):
            found = "hit without an entry" if hit else "missed although its entry had not expired"
            raise BadArgument(
                f"request {row + 1} of {name} {found} under a ttl of {ttl} s: pass the ttl of the caches, "
                f"and a replay that begins with them empty."
            )
        if not hit:
            expires[cache, key] = at + ttl


class AnimatedFleet(anywidget.AnyWidget):
    """What `animate` returns: the animation, with `text` and `png` (four moments) for those who see none."""

    _esm = (_HERE / "fleet.js").read_text(encoding="utf-8")
    _css = (_HERE / "fleet.css").read_text(encoding="utf-8")
    log = traitlets.Dict().tag(sync=True)

    def __init__(self, private: pd.DataFrame, shared: pd.DataFrame, ttl: int) -> None:
        """See `animate`, which is the way to make one."""
        self.text = totals(private, shared)
        self.png = png(four_moments(private, shared, ttl))
        super().__init__(log=as_sent(private, shared, ttl))

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The animation; where no kernel runs (GitHub, a printed page), the four moments and the sentence."""
        data, _ = super()._repr_mimebundle_() or ({}, {})
        still = {"image/png": base64.b64encode(self.png).decode(), "text/plain": self.text}
        return data | still, {"image/png": {"alt": self.text}}

    def _ipython_display_(self) -> None:
        """The bundle, then the sentence as print, which every reader sees and CI compares."""
        data, metadata = self._repr_mimebundle_()
        display(data, metadata=metadata, raw=True)
        print(self.text)

    def __repr__(self) -> str:
        return f"<AnimatedFleet of {len(self.log['at']):,} requests>"


def as_sent(private: pd.DataFrame, shared: pd.DataFrame, ttl: int) -> dict[str, Any]:
    """The logs as the browser gets them: keys as numbers into `keys`, everything else as it is."""
    codes, keys = pd.factorize(private["key"].astype(str))
    runs = {
        mode: {"instance": log["instance"].astype(int).tolist(), "hit": log["hit"].astype(bool).tolist()}
        for mode, log in (("private", private), ("shared", shared))
    }
    names = [instance_name(number) for number in range(_instances(private, shared))]
    traffic = {"at": private["at"].tolist(), "key": codes.tolist(), "keys": list(keys)}
    return {"ttl": ttl, "names": names} | traffic | runs


def _instances(*logs: pd.DataFrame) -> int:
    """How many instances there are: those up to the last that got a request."""
    return 1 + int(max(log["instance"].max() for log in logs))


def totals(private: pd.DataFrame, shared: pd.DataFrame) -> str:
    """What both replays came to, in one sentence."""
    count, misses = _instances(private, shared), private.loc[~private["hit"], "instance"]
    by = ", ".join(f"{instance_name(number)} {(misses == number).sum():,}" for number in range(count))
    hits, fewer = private["hit"].sum(), (~shared["hit"]).sum()
    return (
        f"{len(private):,} {'request' if len(private) == 1 else 'requests'}: "
        f"{_NUMBERS[count]} private {'cache' if count == 1 else 'caches'} hit {hits:,} "
        f"and read the origin {_times(len(misses))} ({by}), "
        f"one shared Redis hit {shared['hit'].sum():,} and read it {_times(fewer)}."
    )


def _times(count: int) -> str:
    """As a word or a number: once, 29 times."""
    return "once" if count == 1 else f"{count:,} times"
