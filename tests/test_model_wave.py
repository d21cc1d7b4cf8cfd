"""Waves of expiry: counted, by the exact law, and the closed peaks."""

import itertools

import numpy as np
import pytest

from labsupport.errors import BadArgument
from labsupport.model import expiries, expiry_law, peak_law


def test_every_key_expires_once_in_every_wave_and_within_its_bounds():
    waves = expiries(1_000, ttl=60, jitter=6, waves=5, seed=1)
    assert (waves.sum(axis=1) == 1_000).all()
    for number, wave in enumerate(waves, 1):
        seconds = np.flatnonzero(wave)
        assert number * 54 <= seconds.min() and seconds.max() <= number * 66


def test_without_jitter_the_wave_never_fades():
    waves = expiries(1_000, ttl=60, jitter=0, waves=4, seed=1)
    assert [(int(wave.argmax()), int(wave.max())) for wave in waves] == [
        (60 * g, 1_000) for g in (1, 2, 3, 4)
    ]
    assert peak_law(0, 1) == peak_law(0, 10) == 1


def test_the_law_is_the_count_of_all_combinations_of_lifetimes():
    law = expiry_law(ttl=5, jitter=1, waves=3)
    sums = [sum(lives) for lives in itertools.product([4, 5, 6], repeat=3)]
    assert law[2].tolist() == pytest.approx([sums.count(second) / 27 for second in range(len(law[2]))])


def test_the_law_is_a_distribution_in_every_wave():
    law = expiry_law(60, 6, 10)
    assert law.sum(axis=1) == pytest.approx(np.ones(10)) and law.shape == (10, 661)
    assert law.shape == expiries(10, 60, 6, 10, seed=1).shape


@pytest.mark.parametrize(("ttl", "jitter"), [(60, 6), (60, 15), (300, 30)])
def test_the_closed_peaks_come_close_to_the_exact_law(ttl, jitter):
    law = expiry_law(ttl, jitter, 10)
    assert peak_law(jitter, 1) == pytest.approx(law[0].max())
    for wave in range(3, 11):
        assert peak_law(jitter, wave) == pytest.approx(law[wave - 1].max(), rel=0.2 / wave)


def test_the_waves_level_out_at_an_even_spread():
    """Once the waves overlap, the keys expire evenly: a 60th of them a second."""
    law = expiry_law(60, 30, 40).sum(axis=0)
    assert law[600:900] == pytest.approx(np.full(300, 1 / 60), rel=0.02)


@pytest.mark.parametrize(
    "arguments",
    [(0, 60, 6, 1, 0), (10, 6, 6, 1, 0), (10, 60, -1, 1, 0), (10, 60, 6, 0, 0), (10, 60, 1.5, 1, 0)],
)
def test_what_makes_no_sense_is_refused(arguments):
    with pytest.raises(BadArgument):
        expiries(*arguments)
