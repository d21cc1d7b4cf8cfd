"""The names that a class shares on its Redis: who may touch which keys is decided by them."""

from __future__ import annotations

CLASS_URL = "LAB_CLASS_URL"  # the environment variable that makes a notebook part of a class
INSTRUCTOR_URL = "LAB_INSTRUCTOR_URL"  # and the one of the instructor's dashboard

CLASS = "lab:class:"  # every learner may read these
ROSTER = f"{CLASS}roster"  # JSON: the learners' names
SIGNAL = f"{CLASS}signal"  # JSON: the race that the instructor started last
RESULT = f"{CLASS}result"  # JSON: how the latest race of each way stands, as the instructor's dashboard says
COUNTERS = f"{CLASS}counter:"  # the shared counters, one a race: these everybody may write
FAILED = f"{CLASS}failed"  # hash: exercise -> how many attempts failed, without names


def own(learner: str, key: str) -> str:
    """The name of a key that is this learner's alone."""
    return f"lab:{learner}:{key}"


def here(learner: str) -> str:
    """Says that the learner is here; holds when the race began that they are through with; expires soon."""
    return own(learner, "here")


def tally(learner: str) -> str:
    """Hash: race -> how many increments this learner really sent."""
    return own(learner, "tally")


def counter(race: int) -> str:
    """The one counter that everybody adds to in this race."""
    return f"{COUNTERS}{race}"
