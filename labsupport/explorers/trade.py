"""The explorer of a TTL's trade: 60,000 requests anew at every move, and what becomes of them."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from labsupport.figures.style import ROLE, panels, percent_axis
from labsupport.model import hit_rate_tick_law, simulate, stale_answers, stale_tick_law
from labsupport.routes import assign
from labsupport.traffic import zipf_traffic

REQUESTS, COURSES, MINUTE = 60_000, 50, 60
TTLS = np.unique(np.geomspace(10, 3600, 60).astype(int))
HITS_AT, STALE_AT = 20, 48  # of the TTLs: the curves are labelled above these
ANSWERS = {"hit, true": "shared", "hit, stale": "origin", "read at the origin": "other"}


class TradePicture:
    """A figure of hits, stale answers and reads under one TTL; called again, it moves what it drew."""

    def __init__(self) -> None:
        """An empty figure: on the left the laws over all TTLs, on the right what becomes of the requests."""
        self._figure, (left, right) = panels(2, width=9, height=3.1)
        self._figure.set_layout_engine(None)  # the frame stays where it is, whatever is drawn in it
        self._figure.subplots_adjust(left=0.075, right=0.985, bottom=0.17, top=0.89, wspace=0.46)
        left.set(title="The laws (dashed) and this TTL (dots)", xlabel="TTL in seconds (log scale)")
        left.set(xscale="log", xlim=(10, 3600), ylim=(0, 1.04), yticks=[0, 0.5, 1])
        left.set_xticks([10, 60, 300, 1800], ["10", "60", "300", "1,800"])
        left.minorticks_off()
        percent_axis(left.yaxis)
        lines = [left.plot(TTLS, 0.0 * TTLS, "--", color=ROLE[role])[0] for role in ("shared", "origin")]
        dots = [left.plot([10], [0], "o", markersize=9, color=ROLE[role])[0] for role in ("shared", "origin")]
        self._curves = list(zip(lines, dots))
        self._words = (
            left.text(TTLS[HITS_AT], 0, "hits", ha="right", color=ROLE["shared"]),
            left.text(TTLS[STALE_AT], 0, "stale", ha="right", color=ROLE["origin"]),
        )
        right.set(title="What becomes of the requests", xlim=(0, 1.2), xticks=[])
        right.spines["bottom"].set_visible(False)
        self._bars = right.barh(
            list(ANSWERS), [0, 0, 0], color=[ROLE[role] for role in ANSWERS.values()], height=0.6
        )
        self._shares = [
            right.text(0, row, "", va="center", color=ROLE[role]) for row, role in enumerate(ANSWERS.values())
        ]
        right.invert_yaxis()

    def __call__(
        self, ttl: int = 300, changes: int = 30, rate: float = 1, caches: int = 1
    ) -> tuple[Figure, str]:
        """60,000 requests for 50 courses, each asked for `rate` times a minute on average.

        ttl: whole seconds; changes: minutes between two changes of a course, on average; caches: one that all
        instances share, or as many private ones. Returns the figure, always the same one, and its sentence.
        """
        traffic = _made(rate)
        hit = simulate(traffic, caches, ttl)
        log = traffic.assign(hit=hit, instance=assign(traffic, caches))
        stale = stale_answers(log, _changes(rate, changes)).mean()
        self._draw_laws(ttl, (hit.mean(), stale), rate / MINUTE / caches, 1 / (changes * MINUTE))
        self._draw_shares([hit.mean() - stale, stale, 1 - hit.mean()])
        minutes = traffic["at"].iloc[-1] / MINUTE
        where = "one shared cache" if caches == 1 else f"{caches} private caches"
        return self._figure, (
            f"TTL {ttl:,} s, {where}: {hit.mean():.1%} hits, {stale:.1%} of the answers stale, "
            f"{(~hit).sum() / minutes:.1f} reads at the origin a minute. "
            f"Without a cache it would be {REQUESTS / minutes:.0f} reads, and nothing stale."
        )

    def _draw_laws(self, ttl: int, found: tuple[float, float], asked: float, changed: float) -> None:
        """Left: both laws for one cache that is asked `asked` times a second, and what was found."""
        hits, stale = (
            np.asarray(law) for law in (hit_rate_tick_law(asked, TTLS), stale_tick_law(asked, TTLS, changed))
        )
        for (line, dot), law, share in zip(self._curves, (hits, stale), found):
            line.set_ydata(law)
            dot.set_data([ttl], [share])
        self._words[0].set_y(hits[HITS_AT] + 0.03)
        self._words[1].set_y(stale[STALE_AT] + 0.03)

    def _draw_shares(self, shares: list[float]) -> None:
        """Right: a bar for each kind of answer, its share at its end."""
        for bar, text, share in zip(self._bars, self._shares, shares):
            bar.set_width(share)
            text.set(x=share + 0.02, text=f"{share:.1%}")


@functools.lru_cache(maxsize=16)
def _made(rate: float) -> pd.DataFrame:
    return zipf_traffic(REQUESTS, COURSES, 0, rate * COURSES / MINUTE, seed=204)


@functools.lru_cache(maxsize=64)
def _changes(rate: float, minutes: int) -> pd.DataFrame:
    """Changes of the courses over as long a time as the requests take."""
    count = round(_made(rate)["at"].iloc[-1] / MINUTE / minutes * COURSES)
    return zipf_traffic(count, COURSES, 0, COURSES / minutes / MINUTE, seed=7)
