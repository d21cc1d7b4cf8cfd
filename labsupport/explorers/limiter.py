"""The explorer of notebook 07: a burst of calls against a limiter, asked on real Redis at every move."""

from __future__ import annotations

import redis
from matplotlib.figure import Figure

from labsupport.coordination import limiters
from labsupport.figures import panels
from labsupport.figures.limits import calls_over_time
from labsupport.keys import Keys

SECONDS = 60
_ALL = (limiters.fixed_window, limiters.sliding_log, limiters.sliding_counter, limiters.token_bucket)
LIMITERS = {limiter.__name__: limiter for limiter in _ALL}


class LimiterPicture:
    """A figure of the calls made and let through, and its finding; called again, it asks for each call again.

    The moments are arguments, counted from the beginning of a minute: no clock moves.
    """

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        """Where to ask, and under which names: those of a limiter and of its first two windows."""
        self._redis = client
        self._names = [keys.name(f"picture{window}") for window in ("", ":0", ":1")]

    def __call__(
        self,
        limiter: str = "fixed_window",
        begins: int = 45,
        lasts: int = 30,
        calls: int = 200,
        limit: int = 100,
    ) -> tuple[Figure, str]:
        """`calls` come evenly within `lasts` seconds, at most 60, from second `begins` of a minute on.

        limiter: one of LIMITERS, which allows `limit` calls a minute. Returns the figure and its sentence.
        """
        made = [begins + lasts * i / calls for i in range(calls)]
        passed = self._passed(limiter, made, limit)
        figure, (ax,) = panels(width=7, height=3.2)
        figure.set_layout_engine(None)  # a fixed frame: drawn in half the time, and the axes never jump
        figure.subplots_adjust(left=0.1, right=0.83, bottom=0.16, top=0.88)
        ax.set_title("The calls of one customer, as they add up")
        calls_over_time(ax, made, passed, limit, boundary=SECONDS)
        ax.set_xlim(0, 2 * SECONDS)
        name = limiter.replace("_", " ")
        return figure, (
            f"{name}, {limit} a minute: {calls} calls in {lasts} s, from second {begins}. "
            f"{len(passed)} pass within these {lasts} s, {len(passed) / limit:.2f} times the limit."
        )

    def _passed(self, limiter: str, made: list[float], limit: int) -> list[float]:
        """The calls that the limiter lets through; it begins without a memory, and leaves none."""
        allow = LIMITERS[limiter]
        self._redis.delete(*self._names)
        try:
            return [at for at in made if allow(self._redis, self._names[0], at, limit, SECONDS)]
        finally:
            self._redis.delete(*self._names)
