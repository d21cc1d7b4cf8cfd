"""Waves of expiry: keys filled together, each filled again as soon as it expires, and how the wave decays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labsupport.checks import whole_number
from labsupport.routes import Integers


def expiries(keys: int, ttl: int, jitter: int, waves: int, seed: int) -> Integers:
    """How many entries of each wave expire in each second: shape (waves, seconds from 0 on).

    `keys` entries are filled at second 0; each lives for a whole number of seconds, drawn anew from
    ttl - jitter to ttl + jitter, and is filled again in the second in which it expires. BadArgument.
    """
    keys, waves = whole_number("keys", keys), whole_number("waves", waves)
    low, high = _ends(ttl, jitter)
    rng = np.random.default_rng(whole_number("seed", seed, least=0))
    ends = np.cumsum(rng.integers(low, high + 1, size=(waves, keys)), axis=0)
    return np.array([np.bincount(row, minlength=waves * high + 1) for row in ends])


def expiry_law(ttl: int, jitter: int, waves: int) -> NDArray[np.float64]:
    """The share of the keys that expires in each second, for each wave: what `expiries` is on average.

    The moment of wave g is a sum of g lifetimes, so its distribution is the uniform one convolved with
    itself g times. Same shape as `expiries`. Raises BadArgument.
    """
    low, high = _ends(ttl, jitter)
    one = np.concatenate((np.zeros(low), np.full(high - low + 1, 1 / (high - low + 1))))
    share, law = np.ones(1), np.zeros((whole_number("waves", waves), waves * high + 1))
    for row in law:
        share = np.convolve(share, one)
        row[: len(share)] = share
    return law


def peak_law(jitter: int, wave: int) -> float:
    """The highest share of the keys that expires in one second of a wave, about.

    1 / (2 J + 1) in the first wave, which is flat; 1 / (s sqrt(2 pi g)) in wave g, s the
    standard deviation of one lifetime, because sums become normal; 1 without jitter. Where the waves
    overlap, all of them together come to 1 / ttl a second. Source: the central limit theorem; `expiry_law`
    is exact.
    """
    width = 2 * whole_number("jitter", jitter, least=0) + 1
    if width == 1 or whole_number("wave", wave) == 1:
        return 1 / width
    return 1 / float(np.sqrt(2 * np.pi * wave * (width**2 - 1) / 12))


def _ends(ttl: int, jitter: int) -> tuple[int, int]:
    """The shortest and the longest life; BadArgument if an entry could live for less than a second."""
    jitter = whole_number("jitter", jitter, least=0)
    ttl = whole_number("ttl", ttl, least=jitter + 1)
    return ttl - jitter, ttl + jitter
