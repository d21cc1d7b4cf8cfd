"""The morning of every design: who asks for what, what is edited, and what goes wrong when."""

from __future__ import annotations

import functools
import itertools
from typing import NamedTuple

import numpy as np

from labsupport.traffic import zipf_traffic

STEP = 5  # lab seconds; all that happens in one step happens at one reading of the clock
END = 480  # lab seconds
INSTANCES = 4
OPENING = 85  # until here everybody looks at everything: each page is asked for once more in each step
DEPLOYED = {100: 0, 120: 1, 140: 2, 160: 3}  # second: the instance that begins to run release 2
GONE, BACK = 240, 360  # from here to there Redis hangs
CALM = BACK + 60  # until then views may get lost and requests be turned away: breakers close, caches fill
TRIES = 160  # commands that may be sent in vain meanwhile; after these Redis refuses at once

NEIGHBOURS = {f"session:{number}": f"user {number}" for number in range(50)}  # keys of others

PAGES, ASKED, SEEN, EDITED = 30, 32, 5, 2  # how many pages there are; requests, views and edits in a step
AGAIN = 5  # every fifth view is delivered a second time, by another instance
LATEST = 30  # seconds after the first delivery
COURSES = range(204, 212)  # that are viewed
MEANWHILE = 212  # the course that is viewed while views may get lost


class Page(NamedTuple):
    """One request for a page."""

    instance: int
    kind: str
    number: int

    @property
    def key(self) -> str:
        """Its name at the origin."""
        return f"{self.kind}:{self.number}"


class View(NamedTuple):
    """One view of a course, as the load balancer delivers it."""

    instance: int
    course: int
    request: str


class Step(NamedTuple):
    """What happens at one reading of the clock, in this order."""

    second: int
    edited: list[str]  # keys of courses whose title changes at the origin
    pages: list[Page]
    views: list[View]


def kind_and_number(rank: int) -> tuple[str, int]:
    """The page of this popularity; every fourth is a teacher's, with the number of some course."""
    return ("teacher", 204 + rank // 4) if rank % 4 == 3 else ("course", 204 + rank)


ALL_PAGES = [kind_and_number(rank) for rank in range(PAGES)]


@functools.cache
def morning() -> list[Step]:
    """Every step, from the one after the warm-up on; the same each time."""
    seconds = range(STEP, END, STEP)
    asked = np.split(_ranks(ASKED * len(seconds), seed=204), len(seconds))
    edited = np.split(_ranks(EDITED * len(seconds), seed=7), len(seconds))
    views = _deliveries(list(seconds))
    return [
        Step(second, _courses(renamed), _requests(second, ranks), views[second])
        for second, renamed, ranks in zip(seconds, edited, asked)
    ]


def _ranks(count: int, seed: int) -> np.ndarray:
    """The popularity ranks of so many requests."""
    traffic = zipf_traffic(count, PAGES, skew=1.0, rate=1, seed=seed)["key"]
    return traffic.str.removeprefix("course:").astype(int).to_numpy() - 204


def _requests(second: int, ranks: np.ndarray) -> list[Page]:
    everything = range(PAGES if second <= OPENING else 0)
    return [
        Page(turn % INSTANCES, *kind_and_number(int(rank))) for turn, rank in enumerate([*ranks, *everything])
    ]


def _courses(ranks: np.ndarray) -> list[str]:
    pages = map(kind_and_number, map(int, ranks))
    return [f"course:{number}" for kind, number in pages if kind == "course"]


def _deliveries(seconds: list[int]) -> dict[int, list[View]]:
    """The views by the second of their delivery; none is delivered again from or into the outage."""
    rng = np.random.default_rng(204)
    views: dict[int, list[View]] = {second: [] for second in seconds}
    for second, turn in itertools.product(seconds, range(SEEN)):
        course, later = int(rng.choice(COURSES)), second + STEP * int(rng.integers(1, LATEST // STEP + 1))
        gone = GONE <= second < CALM
        view = View(turn % INSTANCES, MEANWHILE if gone else course, f"{second:03}-{turn}")
        views[second].append(view)
        if turn % AGAIN == 0 and not gone and later in views and not GONE <= later < CALM:
            views[later].append(view._replace(instance=(view.instance + 1) % INSTANCES))
    return views
