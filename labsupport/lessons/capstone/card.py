"""The capstone's check: the learner's Platform lives through a morning, and gets a score card."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np

from labsupport.errors import LabTimeSlipped
from labsupport.lessons.capstone.goals import GOALS, PRIORITY, served
from labsupport.lessons.capstone.record import Record
from labsupport.lessons.copies import does_nothing
from labsupport.lessons.exercises import NOT_ATTEMPTED, RIGHT, Finding, Stop, answer
from labsupport.lessons.given import a_class
from labsupport.lessons.places import own_lab

METHODS = {"page": "kind, number", "view": "course, request", "views": "course"}
SEED = 204
RUNS = 3  # a machine that stands still for a second spoils lab time, and then the morning begins again


def check_platform(platform: Any) -> None:
    """The capstone: a class whose objects, one for each instance, serve pages and count views on a budget."""
    answer("platform", lambda: _look_at_platform(platform))


def _look_at_platform(platform: Any) -> Finding:
    design = a_class(platform, "redis", "keys", "origin", "clock", "version")
    methods = [getattr(design, name, None) for name in METHODS]
    if isinstance(design, type):
        for name, method in zip(METHODS, methods):
            if not callable(method):
                raise Stop("no_method", name=name, parameters=METHODS[name])
        if all(map(does_nothing, methods)):
            raise Stop(NOT_ATTEMPTED)
    return _judged(_record_of(design))


def _record_of(design: Any) -> Record:
    """What is seen of the design in its morning."""
    for _ in range(RUNS - 1):
        with contextlib.suppress(LabTimeSlipped):
            return _run(design)
    return _run(design)


def _run(design: Any) -> Record:
    from labsupport.lessons.capstone.replay import Morning  # here: every notebook loads this module at start

    with own_lab() as lab, _same_dice():
        return Morning(lab, design).live()


@contextlib.contextmanager
def _same_dice() -> Iterator[None]:
    """Meanwhile what Python and numpy draw by default is the same each time."""
    python, numpy = random.getstate(), np.random.get_state()
    random.seed(SEED)
    np.random.seed(SEED)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def _judged(record: Record) -> Finding:
    """The score card, and the failure that explains most."""
    verdicts = {goal.judge: goal.judge(record) for goal in GOALS}
    empty, points, lines = not served(record), 0, []
    for goal in GOALS:
        counted, reply, _ = verdicts[goal.judge]
        if empty and goal.of_pages and not reply:
            counted, reply = "nothing, as long as there are no pages", "empty"
        got = 0 if reply else goal.worth
        points += got
        lines.append(f"{got:>2} of {goal.worth:>2}  {goal.name:<30}  {counted}")
    card = "\n".join([f"{points} of {sum(goal.worth for goal in GOALS)} points.", "", *lines, "", ""])
    for judge in PRIORITY:
        _, reply, facts = verdicts[judge]
        if reply:
            return reply, facts | {"card": card + "The most instructive failure:"}
    return RIGHT, {"card": card.rstrip()}
