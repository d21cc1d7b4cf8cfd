"""A learner as a process: what a rehearsal starts instead of people. It imports little, so it starts fast."""

from __future__ import annotations

import functools
import math
from multiprocessing.connection import Connection

from labsupport.classroom.attending import attend
from labsupport.races.workers import bound_to_parent


def learner(pipe: Connection, url: str) -> None:
    """Run what a learner's cell runs, again and again. The parent hears how it stands."""
    with bound_to_parent(pipe):
        say = functools.cache(pipe.send)  # the same words only once, for hardly anybody listens
        while not attend(url, say, patience=math.inf).sentence:
            pass
