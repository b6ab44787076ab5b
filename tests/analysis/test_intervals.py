"""Intervals of scores: the specification's numbers, SciPy's t, and coverage."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest
from scipy import special, stats

from tuning.analysis.intervals import (
    KINDS,
    TOO_FEW_FOLDS,
    Array,
    Interval,
    Kind,
    correction,
    flag_of,
    half_width,
    score_interval,
    score_intervals,
    split_correction,
    why_no_interval,
)
from tuning.spec import ScoreName

FIVE = np.array([[0.80, 0.75, 0.85, 0.78, 0.82]])
NAN = float("nan")


def interval(scores: Array, kind: Kind = "other", n_rows: int | None = None) -> Interval:
    found = score_interval(scores, kind=kind, n_rows=n_rows)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("n_folds", "n_repeats", "expected"),
    [(5, 1, 0.45), (5, 3, 0.3166667), (10, 10, 0.1211111), (2, 1, 1.5)],
)
def test_the_correction_has_a_part_that_repeats_do_not_shrink(
    n_folds: int, n_repeats: int, expected: float
) -> None:
    assert correction(n_folds, n_repeats) == pytest.approx(expected, abs=1e-6)
    assert correction(n_folds, 10**9) == pytest.approx(1 / (n_folds - 1), abs=1e-6)


def test_five_splits_of_a_fifth_have_the_correction_of_five_folds() -> None:
    assert split_correction(5, n_test=20, n_train=80) == pytest.approx(correction(5, 1))
    assert correction(1, 5) == math.inf


def test_folds_alone_give_the_corrected_t_interval() -> None:
    found = interval(FIVE)

    assert found.mean == pytest.approx(0.8)
    assert found.half_width == pytest.approx(0.0709217, abs=1e-6)
    assert (found.df, found.method, found.flag) == (4, "corrected t", None)
    naive = half_width(float(FIVE.var(ddof=1)), 4, 1 / 5)
    assert naive == pytest.approx(0.0472812, abs=1e-6)


def test_a_share_of_rows_is_pulled_to_its_binomial_variance() -> None:
    found = interval(FIVE, "share", 100)

    assert found.half_width == pytest.approx(0.1137753, abs=1e-6)
    assert (found.df, found.method) == (14, "corrected t, binomial prior")


def test_two_folds_are_enough_for_a_share_but_not_for_an_area() -> None:
    two = np.array([[0.76, 0.79]])

    assert interval(two, "share", 768).half_width == pytest.approx(0.0574784, abs=1e-6)
    assert score_interval(two, kind="bounded", n_rows=768) is None
    plain = half_width(float(two.var(ddof=1)), 1, correction(2, 1))
    assert plain == pytest.approx(0.3301169, abs=1e-6)


def test_an_interval_that_would_leave_the_range_is_taken_on_the_logit_scale() -> None:
    found = interval(np.ones((1, 5)), "share", 100)

    assert found.low == pytest.approx(0.864770, abs=1e-6)
    assert found.high == pytest.approx(0.999374, abs=1e-6)
    assert found.mean == 1.0
    assert found.method == "corrected t, binomial prior, logit scale"


def test_an_area_near_one_stays_below_one_and_r2_need_not() -> None:
    areas = np.array([[0.99, 0.97, 1.0, 0.98, 0.9]])

    bounded, other = interval(areas, "bounded"), interval(areas, "other")

    mean, error = areas.mean(), math.sqrt(0.45 * areas.var(ddof=1))
    half = stats.t.ppf(0.975, 4) * error / (mean * (1 - mean))
    expected = special.expit([special.logit(mean) - half, special.logit(mean) + half])
    assert [bounded.low, bounded.high] == pytest.approx(expected.tolist())
    assert other.high == pytest.approx(mean + stats.t.ppf(0.975, 4) * error)
    assert other.high > 1


def test_a_mean_loss_is_pulled_to_the_variance_of_its_rows() -> None:
    losses = -np.array([[1.1, 0.9, 1.0, 1.3, 0.7]])

    found = score_interval(losses, kind="mean", n_rows=100, row_variance=0.4)

    # between folds 0.05, by the rows 0.4 / 20 = 0.02
    variance = (10 * 0.02 + 4 * 0.05) / 14
    assert found is not None
    expected = stats.t.ppf(0.975, 14) * math.sqrt(0.45 * variance)
    assert found.half_width == pytest.approx(expected)
    assert found.method == "corrected t, row variance prior"


def test_held_out_fifths_have_the_interval_of_five_folds() -> None:
    held_out = score_interval(FIVE.T, kind="share", n_rows=100, test_ratio=0.25)

    assert held_out is not None
    folds = interval(FIVE, "share", 100)
    assert [held_out.low, held_out.high] == pytest.approx([folds.low, folds.high])
    assert score_interval(FIVE.T, kind="share", n_rows=100) is None


def test_a_wider_level_takes_its_own_quantile() -> None:
    found = score_interval(FIVE, kind="other", level=0.99)

    assert found is not None
    expected = stats.t.interval(0.99, 4, 0.8, math.sqrt(0.45 * FIVE.var(ddof=1)))
    assert (found.low, found.high) == pytest.approx(expected)


def test_all_trials_at_once_agree_with_scipy_one_by_one() -> None:
    scores = np.random.default_rng(5).normal(-3.0, 1.0, (40, 3, 5))
    scores[7, 1, 2] = NAN
    row_variance = np.where(np.arange(40) % 2, 2.0, NAN)

    found = score_intervals(scores, kind="mean", n_rows=50, row_variance=row_variance)

    for trial, fits in enumerate(scores.reshape(40, 15)):
        variance, df = fits.var(ddof=1), 14
        if trial % 2:
            variance, df = (10 * 2.0 / 10 + 14 * variance) / 24, 24
        error = math.sqrt((1 / 15 + 1 / 4) * variance)
        expected = stats.t.interval(0.95, df, fits.mean(), error)
        assert [found.low[trial], found.high[trial]] == pytest.approx(expected, nan_ok=True)
        assert found.df[trial] == pytest.approx(NAN if trial == 7 else df, nan_ok=True)
    assert np.flatnonzero(np.isnan(found.mean)).tolist() == [7]


@pytest.mark.parametrize(
    ("scores", "has_prior", "reason"),
    [
        ([[0.5]], True, "One fit: no interval."),
        ([[0.5, 0.6]], False, "2 fits: no interval, it takes 5."),
        ([[0.5, NAN, 0.6]], True, "1 of 3 fits missing: no interval."),
        ([[0.5]] * 5, False, "One fold of unknown size: no interval."),
        ([[0.5, 0.6]], True, None),
        ([[0.5] * 5], False, None),
    ],
)
def test_where_there_is_no_interval_a_sentence_says_why(
    scores: list[list[float]], has_prior: bool, reason: str | None
) -> None:
    values = np.array(scores)

    found = score_interval(
        values, kind="share" if has_prior else "other", n_rows=60 if has_prior else None
    )

    assert why_no_interval(values, has_prior=has_prior) == reason
    assert (found is None) == (reason is not None)


def test_fewer_than_four_degrees_of_freedom_are_flagged() -> None:
    assert [flag_of(df) for df in (3.0, 4.0)] == [TOO_FEW_FOLDS, None]


def test_every_score_a_study_can_have_is_of_some_kind() -> None:
    assert set(KINDS) == set(get_args(ScoreName))


@pytest.mark.parametrize("n_repeats", [1, 3])
def test_the_truth_is_inside_as_often_as_the_level_says(n_repeats: int) -> None:
    rng = np.random.default_rng(n_repeats)
    # what the correction stands for: the data set's own luck, of variance 1 / (k - 1)
    luck = rng.normal(0, math.sqrt(1 / 4), (4000, 1, 1))
    scores = luck + rng.normal(size=(4000, n_repeats, 5))

    found = score_intervals(scores, kind="other")

    covered = ((found.low < 0) & (found.high > 0)).mean()
    assert covered == pytest.approx(0.95, abs=0.012)  # 3.5 standard errors
