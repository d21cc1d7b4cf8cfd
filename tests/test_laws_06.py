"""Notebook 06: what it says of random orders holds for other seeds too, with the notebook's own tolerance."""

from __future__ import annotations

import numpy as np
import pytest

from labsupport import random_orders


def kept(clients, increments, runs):
    """The mean share of each of two hundred draws of so many runs; twenty at a time, which takes a fifth."""
    draws = [random_orders(clients, increments, 20 * runs, seed) for seed in range(1_000, 1_010)]
    return np.reshape(draws, (200, runs)).mean(axis=1) / (clients * increments)


def test_orders_drawn_at_random_keep_what_the_notebook_says_in_two_hundred_other_draws():
    assert kept(2, 1_000, runs=50) == pytest.approx(np.full(200, 5 / 8), abs=0.01)  # there 300 runs
    assert kept(4, 100, runs=100) == pytest.approx(np.full(200, 0.37), abs=0.01)
