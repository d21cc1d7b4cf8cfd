"""Numbers that the lab takes for whole, and the one sentence for all others."""

from decimal import Decimal

import numpy as np
import pytest
from refusals import refused

from labsupport.checks import whole_number, whole_ticks

NO_NUMBERS = [True, np.True_, float("nan"), np.inf, np.float64("-inf"), "60", b"60", None, 1j, Decimal(60)]


@pytest.mark.parametrize("value", [60, 60.0, np.int8(60), np.int64(60), np.uint64(60), np.float32(60)])
def test_a_whole_number_may_come_as_any_type_of_number(value):
    for whole in (whole_number("ttl", value), whole_ticks("ttl", value, 1), whole_ticks("ttl", value, 1.0)):
        assert whole == 60
        assert type(whole) is int


@pytest.mark.parametrize("value", [*NO_NUMBERS, 2.5, 0, -3, np.int8(-128)])
def test_anything_else_is_not_a_whole_number(value):
    refused(lambda: whole_number("ttl", value), f"ttl is {value!r}", "whole number of at least 1")


@pytest.mark.parametrize("value", [*NO_NUMBERS, 12, 12.5, 0, -5, 1e-320, -1e-20, 5 - 1e-9])
def test_anything_else_is_not_a_whole_number_of_ticks(value):
    refused(lambda: whole_ticks("ttl", value, 5.0), f"ttl is {value!r}", "whole number of ticks of 5 s")


def test_the_least_may_be_0():
    assert whole_number("seed", 0, least=0) == whole_ticks("the step", 0.0, 5.0, least=0) == 0
    refused(lambda: whole_number("seed", -1, least=0), "at least 0")
    refused(lambda: whole_ticks("the step", -5, 5.0, least=0), "at least 0")


def test_a_whole_number_may_be_larger_than_any_float():
    assert whole_number("seed", 10**400) == 10**400
