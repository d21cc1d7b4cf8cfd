"""What is a number, and what is a whole one: the same answer, in the same words, for every argument."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from labsupport.errors import BadArgument


def is_number(value: Any) -> bool:
    """Whether this is a finite number; True and False count as mistakes."""
    real = isinstance(value, Real) and not isinstance(value, bool)
    return real and -math.inf < value < math.inf


def whole_number(name: str, value: Any, least: int = 1) -> int:
    """`value` as an int; BadArgument unless it is whole (60, 60.0, numpy's too) and at least `least`."""
    if not is_number(value) or value % 1 or value < least:
        raise BadArgument(f"{name} is {value!r}, but must be a whole number of at least {least}.")
    return int(value)


def whole_ticks(name: str, seconds: Any, tick: float, least: int = 1) -> int:
    """How many ticks `seconds` are; BadArgument unless that is a whole number of at least `least`."""
    if not is_number(seconds) or seconds % tick or seconds < least * tick:
        raise BadArgument(
            f"{name} is {seconds!r}, but must be a whole number of ticks of {tick:g} s, at least {least}."
        )
    return int(seconds // tick)
