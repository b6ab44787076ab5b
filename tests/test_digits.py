"""Scores have no more digits than their ± supports."""

from __future__ import annotations

import math

import pytest

from tuning.digits import common_decimals, decimals, signed_between, with_error


@pytest.mark.parametrize(
    ("half", "expected"),
    [
        (0.014, "0.762 ± 0.014"),
        (0.041, "0.76 ± 0.04"),
        (0.1, "0.76 ± 0.10"),
        (0.3, "0.76 ± 0.30"),
        (0.00037, "0.7623 ± 0.0004"),
        (14.0, "1 ± 14"),
    ],
)
def test_a_score_shows_no_more_digits_than_its_interval_supports(
    half: float, expected: str
) -> None:
    assert with_error(0.76234, half) == expected


@pytest.mark.parametrize(("half", "expected"), [(0.0, 3), (1e-9, 6), (math.inf, 0)])
def test_digits_have_ends(half: float, expected: int) -> None:
    assert decimals(half) == expected


@pytest.mark.parametrize(
    ("half_widths", "expected"),
    [
        ([0.034, 0.04, math.nan], 2),
        ([0.034, 0.04, 0.0001], 3),  # ± 0.034: one agreement of folds does not make four
        ([0.2, 0.0], 2),
        ([math.nan], 3),
        ([], 3),
    ],
)
def test_numbers_that_stand_together_have_the_digits_of_the_middle_error(
    half_widths: list[float], expected: int
) -> None:
    assert common_decimals(half_widths) == expected


def test_a_difference_and_its_ends_have_the_digits_of_its_error() -> None:
    assert signed_between(0.01812, -0.00431, 0.04055) == "+0.018 (-0.004 to +0.041)"
    assert signed_between(-0.2, -0.9, 0.5) == "-0.2 (-0.9 to +0.5)"
    assert signed_between(0.0, 0.0, 0.0) == "+0.000 (+0.000 to +0.000)"
    assert signed_between(0.01812, math.nan, math.nan) == "+0.018"
