"""Reruns: bands by hand, a verdict for each, and how often chance stays within its band."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from tuning.analysis.reproduction import (
    Bands,
    Conditions,
    first_difference,
    is_exact,
    judge_rerun,
    reproduction_bands,
)

Array = NDArray[np.float64]

STORED = np.array([[0.80, 0.75, 0.85, 0.78, 0.82]])  # mean 0.8
OTHER = STORED[:, ::-1]  # the same mean, on other folds
MADE_WITH = Conditions(300, "a1", 7, "cpu", {"keras": "3.15", "numpy": "2.3"})


def bands(
    stored: Array, n_repeats: int | None = None, n_folds: int | None = None, **level: float
) -> Bands:
    found = reproduction_bands(stored, n_repeats, n_folds, **level)
    assert isinstance(found, Bands)
    return found


def test_the_bands_of_the_worked_case() -> None:
    found = bands(STORED)

    assert found.within_noise == pytest.approx(0.0668657, abs=1e-6)
    assert found.other_rows == pytest.approx(0.1002985, abs=1e-6)
    assert bands(STORED, confidence=0.99).within_noise == pytest.approx(0.1108813, abs=1e-6)


def test_a_rerun_with_more_fits_has_narrower_bands() -> None:
    more = bands(STORED, 10, 5)

    # t·s is .0668657/√.4: J' is 50 and c' 0.27.
    assert more.within_noise == pytest.approx(0.0668657 * math.sqrt(0.22 / 0.4), abs=1e-6)
    assert more.other_rows == pytest.approx(0.0668657 * math.sqrt(0.72 / 0.4), abs=1e-6)


def test_bands_widen_with_the_unit_and_stay_under_a_shift() -> None:
    scaled = bands(100 * STORED - 7)

    assert scaled.within_noise == pytest.approx(6.68657, abs=1e-4)
    assert scaled.other_rows == pytest.approx(10.02985, abs=1e-4)


@pytest.mark.parametrize(
    "stored",
    [np.array([[0.8]]), np.full((1, 5), 0.8), np.array([[0.8], [0.7]]), STORED + np.nan],
    ids=["one fit", "no spread", "one fold", "missing"],
)
def test_chance_has_no_measure(stored: Array) -> None:
    assert reproduction_bands(stored) is None


@pytest.mark.parametrize(
    ("off", "level", "sentence"),
    [
        (
            0.06,
            "within noise",
            "Within noise: the mean differs by 0.06; "
            + "other seeds and folds explain up to 0.0669.",
        ),
        (
            -0.09,
            "plausible",
            "Plausible: the mean differs by 0.09, more than other seeds and folds explain "
            + "(0.0669), but not more than other rows of the same population could (0.1).",
        ),
        (
            0.11,
            "does not reproduce",
            "Does not reproduce: the mean differs by 0.11; chance explains up to 0.1. "
            + "First difference: 299 rows instead of 300.",
        ),
    ],
)
def test_the_narrowest_band_gives_the_verdict(off: float, level: str, sentence: str) -> None:
    found = judge_rerun(STORED, OTHER + off, difference="299 rows instead of 300")

    assert (found.level, found.sentence, found.warning) == (level, sentence, "")
    assert found.difference == pytest.approx(off)
    assert found.bands == bands(STORED)


def test_where_no_difference_is_found_the_verdict_says_so() -> None:
    found = judge_rerun(STORED, STORED - 0.5)

    assert found.sentence.endswith("chance explains up to 0.1. No difference was found.")


@pytest.mark.parametrize(
    ("n_scored", "off", "exact"),
    [(60, 1 / 60, True), (60, -1 / 60, True), (60, 1 / 50, False), (None, 1 / 60, False)],
)
def test_an_accuracy_may_differ_by_a_row_in_every_fold(
    n_scored: int | None, off: float, exact: bool
) -> None:
    assert is_exact(STORED, STORED + off, n_scored) is exact
    found = judge_rerun(STORED, STORED + off, n_scored=n_scored)
    assert found.level == ("exact" if exact else "within noise")


def test_each_fold_may_have_rows_of_its_own_number() -> None:
    n_scored = np.array([[10, 20, 20, 20, 20]])
    off = np.array([[0.1, 0.0, 0.0, 0.0, 0.0]])

    assert is_exact(STORED, STORED + off, n_scored)
    assert not is_exact(STORED, STORED + off[:, ::-1], n_scored)


@pytest.mark.parametrize(("factor", "exact"), [(1 + 9e-5, True), (1 - 2e-4, False)])
def test_a_loss_may_differ_by_a_ten_thousandth(factor: float, exact: bool) -> None:
    assert is_exact(-300 * STORED, -300 * STORED * factor) is exact


def test_other_folds_are_never_exact() -> None:
    assert not is_exact(STORED, np.repeat(STORED, 2, axis=0))
    assert judge_rerun(STORED, np.repeat(STORED, 2, axis=0)).level == "within noise"


def test_without_a_spread_only_exact_agreement_counts() -> None:
    stored = np.full((1, 5), 0.8)

    same, close = judge_rerun(stored, stored.copy()), judge_rerun(stored, stored + 0.01)

    assert (same.level, same.sentence) == ("exact", "Exact: every fold has the same score.")
    assert (close.level, close.bands) == ("cannot tell", None)
    assert close.sentence == (
        "Cannot tell: the stored scores do not show how much chance changes them, and "
        + "the rerun is not exact."
    )


def test_a_missing_fold_cannot_be_judged() -> None:
    rerun = STORED.copy()
    rerun[0, 2] = np.nan

    found = judge_rerun(STORED, rerun)

    assert (found.level, found.sentence) == (
        "cannot tell",
        "Cannot tell: a fold has no score.",
    )


def test_other_rows_are_expected_to_score_a_winner_around_its_honest_score() -> None:
    assert judge_rerun(STORED, OTHER - 0.15).level == "does not reproduce"

    winner = judge_rerun(STORED, OTHER - 0.15, honest=0.75)

    assert winner.level == "plausible"
    assert winner.warning == (
        "Lower than the search showed, as expected: part of a winner's score is luck of its "
        + "splits."
    )


@pytest.mark.parametrize(
    ("off", "honest", "warned"),
    [(-0.01, 0.79, True), (0.01, 0.79, False), (-0.01, None, False), (-0.5, 0.79, False)],
)
def test_a_winner_that_scores_lower_within_chance_is_explained(
    off: float, honest: float | None, warned: bool
) -> None:
    assert bool(judge_rerun(STORED, OTHER + off, honest=honest).warning) is warned


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({}, ""),
        (
            {"n_rows": 1299, "rows_hash": "b2", "seed": 8},
            "1,299 rows instead of 300",
        ),
        ({"rows_hash": "b2", "seed": 8}, "other values in the rows"),
        (
            {"versions": {"keras": "3.15", "numpy": "2.4"}, "device": "gpu"},
            "numpy 2.4 instead of 2.3",
        ),
        ({"versions": {"numpy": "2.3"}}, "keras none instead of 3.15"),
        ({"seed": 8, "device": "gpu"}, "seed 8 instead of 7"),
        ({"device": "gpu"}, "gpu instead of cpu"),
    ],
)
def test_the_first_difference_is_the_one_that_matters_most(
    changes: dict[str, object], difference: str
) -> None:
    rerun = dataclasses.replace(MADE_WITH, **changes)  # type: ignore[arg-type]

    assert first_difference(MADE_WITH, rerun) == difference


@pytest.mark.parametrize("n_repeats", [1, 3])
def test_chance_stays_within_its_band_as_often_as_it_should(n_repeats: int) -> None:
    """Other splits draw every fit anew; other rows add luck of a quarter of its variance."""
    rng, n_runs = np.random.default_rng(6), 2000
    fits = rng.normal(size=(n_runs, 2, n_repeats, 5))
    luck = rng.normal(scale=math.sqrt(1 / 4), size=(n_runs, 2, 1, 1))

    splits = [judge_rerun(stored, rerun).level for stored, rerun in fits]
    rows = [judge_rerun(stored, rerun).level for stored, rerun in fits + luck]

    error = math.sqrt(0.05 * 0.95 / n_runs)
    assert splits.count("within noise") / n_runs == pytest.approx(0.95, abs=3 * error)
    outside = rows.count("does not reproduce") / n_runs
    assert outside == pytest.approx(0.05, abs=3 * error)
    assert rows.count("within noise") / n_runs < 0.9
