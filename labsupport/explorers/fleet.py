"""The explorers' fleet: 100,000 requests through up to 16 instances, drawn anew at every move of a slider."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from labsupport.figures.style import ROLE, panels, percent_axis
from labsupport.fleet import instance_name
from labsupport.model import expected_hit_rate, simulate
from labsupport.routes import assign
from labsupport.traffic import zipf_traffic

Counts = NDArray[np.number[Any]]

REQUESTS, COURSES, MOST = 100_000, 500, 16
SEED = 204


class FleetPicture:
    """A figure of one fleet with its finding; called again, it moves what it drew, which is quick."""

    def __init__(self) -> None:
        """An empty figure: on the left each instance's requests, on the right fleets of every size."""
        self._figure, (self._left, self._right) = panels(2, width=9, height=3.1)
        self._figure.set_layout_engine(None)  # the frame stays where it is, whatever is drawn in it
        self._figure.subplots_adjust(left=0.085, right=0.985, bottom=0.17, top=0.89, wspace=0.2)
        self._left.set(title="Requests of each instance", xlabel="instance", ylim=(0, 1.2 * REQUESTS))
        self._left.yaxis.set_major_formatter("{x:,.0f}")
        self._left.yaxis.set_major_locator(MaxNLocator(3))  # few words: they take most of the time to draw
        nothing = np.zeros(MOST)
        self._hits = self._left.bar(range(MOST), nothing, width=0.7)
        self._reads = self._left.bar(range(MOST), nothing, width=0.7, color="white", linewidth=0.8)
        self._left.text(
            0.99, 0.99, "white: read at the origin", transform=self._left.transAxes, ha="right", va="top"
        )
        self._right.set(title="Hit rate of the fleet, by its size", xlabel="instances", ylim=(0, 1.1))
        self._right.set(xlim=(0.3, MOST + 0.7), xticks=[1, 4, 8, 12, 16])
        self._right.set_yticks([0, 0.5, 1])
        percent_axis(self._right.yaxis)
        self._law = self._right.plot(range(1, MOST + 1), nothing, "--", color=ROLE["other"], linewidth=1.2)[0]
        self._law_text = self._right.text(1, 0, "law, private caches", va="top", color=ROLE["other"])
        self._one = self._right.axhline(0, color=ROLE["shared"], linewidth=1.2)
        self._one_text = self._right.text(16.6, 0, "", ha="right", va="bottom", color=ROLE["shared"])
        self._dot = self._right.plot([1], [0], "o", markersize=9)[0]
        self._dot_text = self._right.text(16.6, 0.04, "", ha="right", va="bottom", fontweight="bold")

    def __call__(
        self,
        instances: int = 4,
        ttl: int = 60,
        skew: float = 1.0,
        rate: int = 20,
        route: str = "round_robin",
        caches: str = "private",
    ) -> tuple[Figure, str]:
        """100,000 requests for 500 courses, `rate` a second, through `instances` (1 to 16) with `caches`.

        ttl: whole seconds; caches: "private" or "shared"; the rest as in `zipf_traffic` and `simulate`,
        which does the work. Returns the figure, always the same one, and its sentence.
        """
        traffic = _made(skew, rate)
        hit = simulate(traffic, instances, ttl, caches == "shared", route)
        owner = assign(traffic, instances, route)
        one = _hits_shared(skew, rate, ttl)
        self._draw_instances(np.bincount(owner), np.bincount(owner, hit), caches)
        self._draw_sizes(_laws(skew, rate, ttl), one / REQUESTS, instances, hit.mean(), caches)
        asked = f"{instances} instances" if instances > 1 else "1 instance"
        how = "one shared cache" if caches == "shared" else "private caches"
        return self._figure, (
            f"{asked}, {how}, {route.replace('_', ' ')}, TTL {ttl:,} s: {hit.mean():.1%} hits, "
            f"{REQUESTS - hit.sum():,} reads at the origin. "
            f"One shared cache: {one / REQUESTS:.1%}, {REQUESTS - one:,} reads."
            + _cold(float(traffic["at"].iloc[-1]), ttl)
        )

    def _draw_instances(self, asked: Counts, hits: Counts, caches: str) -> None:
        """Left: a bar for each instance, its hits below, what it read at the origin on top of them."""
        for place, (below, above) in enumerate(zip(self._hits, self._reads)):
            there = place < len(asked)
            below.set(height=hits[place] if there else 0, color=ROLE[caches], visible=there)
            above.set(y=below.get_height(), visible=there, edgecolor=ROLE["origin"])
            above.set_height(asked[place] - hits[place] if there else 0)
        named = range(0, len(asked), 1 + (len(asked) - 1) // 8)
        self._left.set_xticks(named, [instance_name(number) for number in named])
        self._left.set(xlim=(-0.7, max(len(asked), 2) - 0.3), ylim=(0, 1.25 * asked.max()))

    def _draw_sizes(
        self, law: NDArray[np.float64], one: float, instances: int, fleet: float, caches: str
    ) -> None:
        """Right: the law for 1 to 16 private caches, one shared cache as a line, this fleet as a dot."""
        self._law.set_ydata(law)
        place = 1 if instances > 8 else 9  # the end of the curve that is farther from the dot
        self._law_text.set(x=place + 0.5, y=law[place + 3] - 0.07)
        self._one.set_ydata([one, one])
        self._one_text.set(y=one + 0.01, text=f"one shared cache {one:.1%}")
        self._dot.set_data([instances], [fleet])
        self._dot.set_color(ROLE[caches])
        self._dot_text.set(text=f"this fleet {fleet:.1%}", color=ROLE[caches])


@functools.lru_cache(maxsize=64)
def _made(skew: float, rate: float) -> pd.DataFrame:
    return zipf_traffic(REQUESTS, COURSES, skew, rate, SEED)


@functools.lru_cache(maxsize=1024)
def _hits_shared(skew: float, rate: float, ttl: int) -> int:
    return int(simulate(_made(skew, rate), 1, ttl).sum())


@functools.lru_cache(maxsize=1024)
def _laws(skew: float, rate: float, ttl: int) -> NDArray[np.float64]:
    """The long run's hit rate for 1 to 16 private caches."""
    weights = np.arange(1, COURSES + 1, dtype=float) ** -skew
    rates = rate * weights / weights.sum()
    return np.array([expected_hit_rate(rates, ttl, size) for size in range(1, MOST + 1)])


def _cold(span: float, ttl: int) -> str:
    """A remark where the traffic is too short for the law, which knows no cold start."""
    return f" The run lasts only {span:,.0f} s, so the empty start weighs." if ttl > span / 10 else ""
