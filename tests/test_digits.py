"""Scores have no more digits than their ± supports."""

from __future__ import annotations

import math

import pytest

from tuning.digits import decimals, with_error


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
