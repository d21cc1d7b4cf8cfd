"""The table of `speed.py`: who was measured beside whom; medians, ratios, goals, and who disagreed."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Values = dict[str, list[float]]  # who -> what each round measured


class Size(NamedTuple):
    """How much to measure."""

    rounds: int = 5  # the median of so many counts
    small: bool = False  # a hundredth of the work: shows that it runs and that the peers agree, no speed


class Goal(NamedTuple):
    """What is wanted of one figure; missing it is said, and is no error."""

    what: str
    reached: float
    least: float | None = None
    most: float | None = None

    def __str__(self) -> str:
        bound, missed = f">= {self.least}", (self.least or 0) - self.reached
        if self.most is not None:
            bound, missed = f"<= {self.most}", self.reached - self.most
        outcome = f"missed by {missed:.2f}" if missed > 0 else "met"
        return f"goal {self.what} {bound}: {self.reached:.2f}, {outcome}"


@dataclass
class Group:
    """Some peers that did the same work; the first is the course's own, and the ratios are to it."""

    title: str
    unit: str
    values: Values
    compared: str = ""  # what had to be equal among them
    disagreed: list[str] = field(default_factory=list)  # and whose was not
    goals: list[Goal] = field(default_factory=list)

    def median(self, who: str) -> float:
        """Its figure."""
        return statistics.median(self.values[who])

    def lines(self) -> Iterator[str]:
        """The group as lines of the table."""
        first = next(iter(self.values))
        yield f"\n{self.title}"
        yield f"  {'':<44}{self.unit:>12}{'lowest-highest':>22}{'ratio':>9}"
        for who, each in self.values.items():
            ratio = "" if who == first else f"{self.median(who) / self.median(first):.2f}"
            spread = f"{short(min(each))}-{short(max(each))}" if len(each) > 1 else "once"
            yield f"  {who:<44}{short(self.median(who)):>12}{spread:>22}{ratio:>9}"
        if self.compared:
            yield f"  {self.compared}: " + (
                f"NOT EQUAL: {', '.join(self.disagreed)}" if self.disagreed else "equal"
            )
        yield from (f"  {goal}" for goal in self.goals)


def short(value: float) -> str:
    """Four digits are enough."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def in_turns(runs: dict[str, Callable[[], Any]], rounds: int) -> tuple[Values, dict[str, Any]]:
    """The seconds of each run in each round, and its last result.

    They run in turn, so that a noisy minute hits them all, with the garbage collector off, as in timeit.
    """
    seconds: Values = {who: [] for who in runs}
    results = {}
    for number in range(rounds):
        if number:
            gc.collect()  # what the round before has left
        gc.disable()
        try:
            for who, run in runs.items():
                start = time.perf_counter()
                results[who] = run()
                seconds[who].append(time.perf_counter() - start)
        finally:
            gc.enable()
    return seconds, results
