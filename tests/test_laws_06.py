"""Notebook 06: what it says of random orders holds for other seeds too, with the notebook's own tolerance."""

from __future__ import annotations

import pytest

from labsupport import random_orders


def test_orders_drawn_at_random_keep_what_the_notebook_says_on_two_hundred_other_seeds():
    for seed in range(1_000, 1_200):
        two = random_orders(clients=2, increments=200, runs=300, seed=seed).mean() / 400
        assert two == pytest.approx(5 / 8, abs=0.01)
        four = random_orders(clients=4, increments=100, runs=100, seed=seed).mean() / 400
        assert four == pytest.approx(0.37, abs=0.01)
