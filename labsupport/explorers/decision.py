"""The explorer of notebook 09: instances, TTL and capacity chosen anew over a grid that is there already."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from labsupport.figures.decide import both, origin_load, ttl_curves
from labsupport.figures.style import panels
from labsupport.figures.units import count, duration


class DecisionPicture:
    """A figure of one choice over the learner's own log, and what it means for the origin."""

    def __init__(self, grid: pd.DataFrame, span: float) -> None:
        """grid: what `decide.sweep` returns, with every number of instances and every TTL to choose from.

        span: how long the log is, in seconds.
        """
        self._grid, self._span = grid, span
        self._figure, self._axes = panels(2, width=10, height=3.2)
        self._figure.set_layout_engine(None)  # the frame stays where it is, whatever is drawn in it
        self._figure.subplots_adjust(left=0.08, right=0.9, bottom=0.17, top=0.89, wspace=0.46)

    def __call__(self, instances: int = 4, ttl: int = 60, capacity: float = 15) -> tuple[Figure, str]:
        """So many instances, a TTL in seconds, and how many reads a second the origin can take.

        Returns the figure, always the same one, and its sentence. BadArgument if the grid lacks `instances`,
        KeyError if it lacks the TTL.
        """
        left, right = self._axes
        for ax in self._axes:
            for drawn in [*ax.lines, *ax.patches, *ax.collections, *ax.texts]:
                drawn.remove()  # the ticks stay: to make them anew takes as long as to draw
        ttl_curves(left, self._grid, instances, ttl, self._span)
        origin_load(right, self._grid, instances, capacity, ttl, self._span)
        left.set_yticks([0, 0.5, 1])  # few words: they take most of the time
        right.yaxis.set_major_locator(MaxNLocator(3))
        left.set_title("Hit rate")
        right.set_title("Reads at the origin")
        return self._figure, self._sentence(instances, ttl, capacity)

    def _sentence(self, instances: int, ttl: int, capacity: float) -> str:
        """The choice in numbers, and whether the origin can bear it; one shared cache never reads more."""
        shared, private = (curve[ttl] for curve in both(self._grid, instances, "hit_rate"))
        fewer, more = (curve[ttl] for curve in both(self._grid, instances, "origin_reads"))
        enough = f"{'either' if more <= capacity else 'neither'} keeps within that"
        if fewer <= capacity < more:
            enough = "one shared cache keeps within that, private ones do not"
        name = f"{instances} private caches hit" if instances > 1 else "1 private cache hits"
        return (
            f"TTL {duration(ttl)}: {name} {private:.1%}, one shared cache {shared:.1%}. "
            f"The origin has {count(more)} or {count(fewer)} reads a second. "
            f"It can take {count(capacity)}: {enough}."
        )
