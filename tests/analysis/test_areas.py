"""Intervals of areas: at their ends, against single rows, and how often they are right."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from tuning.analysis.areas import precision_ends, roc_ends

Z = float(stats.norm.ppf(0.975))


def hanley_mcneil(true: float, n_class: int, n_rest: int) -> float:
    """Return the variance of an area under ROC, as their paper of 1982 writes it."""
    q1, q2 = true / (2 - true), 2 * true**2 / (1 + true)
    pairs = (n_class - 1) * (q1 - true**2) + (n_rest - 1) * (q2 - true**2)
    return (true * (1 - true) + pairs) / (n_class * n_rest)


@pytest.mark.parametrize(("area", "n"), [(0.5, 40), (0.8, 40), (0.97, 15), (0.2, 30)])
def test_an_end_lies_as_far_from_the_area_as_its_own_error_says(area: float, n: int) -> None:
    low, high = roc_ends(area, n, n)

    # With equal counts the mean of both changes nothing of the paper's formula.
    for end in (low, high):
        assert abs(area - end) == pytest.approx(
            Z * math.sqrt(hanley_mcneil(end, n, n)), rel=1e-6
        )
    assert 0 < low < area < high < 1


def test_a_perfect_order_of_few_rows_is_not_called_certain() -> None:
    low, high = roc_ends(1.0, 5, 5)

    assert high == 1.0
    assert 0.4 < low < 0.9
    assert roc_ends(0.0, 5, 5) == pytest.approx((0.0, 1 - low))


def test_a_higher_level_gives_wider_ends() -> None:
    usual, strict = roc_ends(0.8, 30, 50), roc_ends(0.8, 30, 50, level=0.99)

    assert strict[0] < usual[0]
    assert strict[1] > usual[1]


def test_the_average_precision_has_wilson_s_ends_of_the_rows_of_the_class() -> None:
    expected = stats.binomtest(18, 24).proportion_ci(method="wilson")

    assert precision_ends(0.75, 24) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert precision_ends(1.0, 24)[1] == 1.0


def covered(n_class: int, n_rest: int, apart: float) -> tuple[float, float]:
    """Return how often the ends hold the true areas of two normal classes."""
    rng = np.random.default_rng(7)
    truth = np.repeat([True, False], [n_class, n_rest])
    many = np.repeat([True, False], np.array([n_class, n_rest]) * 4_000)
    true_roc = float(stats.norm.cdf(apart / math.sqrt(2)))
    true_precision = float(average_precision_score(many, _shares(rng, many, apart)))
    held = np.zeros(2)
    for _ in range(600):
        shares = _shares(rng, truth, apart)
        low, high = roc_ends(float(roc_auc_score(truth, shares)), n_class, n_rest)
        held[0] += low <= true_roc <= high
        average = float(average_precision_score(truth, shares))
        low, high = precision_ends(average, n_class)
        held[1] += low <= true_precision <= high
    return held[0] / 600, held[1] / 600


def _shares(
    rng: np.random.Generator, truth: NDArray[np.bool_], apart: float
) -> NDArray[np.float64]:
    return rng.normal(apart * truth)


@pytest.mark.parametrize(
    ("n_class", "n_rest", "apart"), [(54, 100, 1.2), (20, 20, 2.0), (54, 100, 0.0)]
)
def test_the_ends_hold_the_true_areas_as_often_as_they_say(
    n_class: int, n_rest: int, apart: float
) -> None:
    of_roc, of_precision = covered(n_class, n_rest, apart)

    # 95 % within three standard errors of 600 draws; that of the precision is careful.
    assert 0.92 <= of_roc <= 0.98
    assert of_precision >= 0.92
