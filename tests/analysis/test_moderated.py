"""Variances pulled to a prior, and Dunnett's quantile: published tables and SciPy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tuning.analysis.moderated import dunnett, shrunk_variances


@pytest.mark.parametrize(
    ("n_others", "df", "expected"),
    [
        (1, 10, 1.812),
        (2, math.inf, 1.916),
        (9, math.inf, 2.417),
        (2, 10, 2.150),
        (9, 24, 2.568),
        (99, 24, 3.290),
        (999, 24, 3.859),
        (9999, 24, 4.351),
    ],
)
def test_dunnetts_quantile_is_that_of_the_tables(
    n_others: int, df: float, expected: float
) -> None:
    assert dunnett(n_others, df) == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize(("n_others", "df"), [(2, 4), (3, 9), (4, 24)])
def test_the_largest_of_several_t_is_below_dunnetts_quantile_19_times_of_20(
    n_others: int, df: int
) -> None:
    shape = np.full((n_others, n_others), 0.5) + 0.5 * np.eye(n_others)
    quantile = np.full(n_others, dunnett(n_others, df))

    below = stats.multivariate_t(shape=shape, df=df, seed=0).cdf(quantile)

    assert below == pytest.approx(0.95, abs=0.001)


def test_one_other_needs_students_quantile() -> None:
    assert dunnett(1, 7) == pytest.approx(stats.t.ppf(0.95, 7), abs=0.001)


def test_variances_are_pulled_to_their_prior_but_never_down() -> None:
    variances = np.array([0.25, 0.5, 1, 2, 4, 8]) * 1e-3

    found = shrunk_variances(variances, 14, np.arange(6.0))

    assert found.prior == pytest.approx(0.000881837, abs=1e-9)
    assert found.prior_df == pytest.approx(2.104106, abs=1e-6)
    assert found.df == pytest.approx(16.104106, abs=1e-6)
    expected = [0.000332549, 0.000549890, 0.001, 0.002, 0.004, 0.008]
    assert found.variances.tolist() == pytest.approx(expected, abs=1e-8)


def test_variances_that_differ_by_chance_alone_have_a_prior_worth_twenty() -> None:
    variances = np.array([0.0010, 0.0014, 0.0008, 0.0012, 0.0030, 0.0009])

    found = shrunk_variances(variances, 4, np.arange(6.0))

    assert found.prior_df == math.inf
    assert found.df == 24
    assert found.prior == pytest.approx(0.001624467, abs=1e-9)
    pulled = (20 * 0.001624467 + 4 * 0.0010) / 24
    assert found.variances[0] == pytest.approx(pulled, abs=1e-9)
    assert found.variances[4] == 0.0030


def test_the_prior_is_made_of_the_better_half_and_of_twenty_at_least() -> None:
    variances = np.random.default_rng(0).chisquare(4, 60)
    gaps = np.random.default_rng(1).permutation(60).astype(float)
    louder = np.where(gaps < 30, variances, 1000 * variances)
    last_louder = np.where(gaps == 29, 1000 * variances, variances)

    prior = shrunk_variances(variances, 4, gaps).prior

    assert shrunk_variances(louder, 4, gaps).prior == prior
    assert shrunk_variances(last_louder, 4, gaps).prior != prior
    few, many = gaps < 20, gaps < 25
    louder = np.where(few, variances, 1000 * variances)
    of_twenty = shrunk_variances(louder[few], 4, gaps[few])
    assert shrunk_variances(louder[many], 4, gaps[many]).prior == of_twenty.prior


def test_few_variances_are_left_as_they_are() -> None:
    found = shrunk_variances(np.array([1.0, 2, 3, 4, 0.0]), 4, np.arange(5.0))

    assert found.variances.tolist() == [1, 2, 3, 4, 0]
    assert (found.df, found.prior_df) == (4, 0)


def test_a_variance_of_nothing_is_no_part_of_the_prior_but_is_pulled_to_it() -> None:
    variances = np.array([0.0, 0.0010, 0.0014, 0.0008, 0.0012, 0.0030, 0.0009])

    found = shrunk_variances(variances, 4, np.arange(7.0))

    assert found.prior == pytest.approx(0.001624467, abs=1e-9)
    assert found.variances[0] == pytest.approx(20 * 0.001624467 / 24, abs=1e-9)
