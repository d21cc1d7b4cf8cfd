"""Numbers as they stand in a picture: short, with three digits that count."""

from __future__ import annotations

import numpy as np

DURATIONS = (("day", 86_400), ("h", 3_600), ("min", 60))


def duration(seconds: float) -> str:
    """Exactly so long: 90 s, 5 min, 1 h, 1 day; a minute is 60 s."""
    for unit, length in DURATIONS:
        if seconds % length == 0 and seconds >= max(length, 120):
            times = seconds / length
            return f"{times:,.0f} {unit}{'s' if unit == 'day' and times > 1 else ''}"
    return f"{seconds:,g} s"


def points(share: float) -> str:
    """A difference of hit rates: 25.3 points."""
    return f"{100 * share:.1f} points"


def count(number: float) -> str:
    """About so many: 0.0123, 12.3, 1,234, 123 K, 1.23 M."""
    for unit, times in ((" G", 1e9), (" M", 1e6), (" K", 1e3)):
        if number >= max(0.9995 * times, 99_950):
            return f"{_three(number / times)}{unit}"
    return f"{number:,.0f}" if number >= 999.5 else _three(number)


def size(number: float) -> str:
    """About so many bytes: 500 bytes, 12.3 MB; 1 kB is 1,000 bytes."""
    for unit, times in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= 0.9995 * times:
            return f"{_three(number / times)} {unit}"
    return f"{number:,.0f} bytes"


def _three(number: float) -> str:
    """Three digits that count, never as 1e-05."""
    if number >= 999.5:
        return f"{number:,.0f}"
    return np.format_float_positional(number, precision=3, fractional=False, trim="-")
