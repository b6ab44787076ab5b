"""Diagnoses of stored curves: means over fits by hand, labels by the curves of trust.md 8."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from storage.results import CURVE_COLUMNS, CurvePiece
from tests.judged_scores import make_info, make_scores, make_spec
from tuning.analysis.diagnoses import (
    AT_ONCE,
    DiagnosisBook,
    as_baseline,
    best_epochs,
    mean_losses,
)
from tuning.analysis.verdict import Facts, judge

T = np.arange(50)
OVERFITS = (
    0.9 * np.exp(-T / 8) + 0.02,
    0.4 + 0.5 * np.exp(-T / 5) + 0.01 * np.maximum(0, T - 15),
)
PLATEAU = (0.3 + 0.6 * np.exp(-T / 4), 0.4 + 0.5 * np.exp(-T / 4))
IMPROVES = (0.3 + 0.6 * np.exp(-T / 40), 0.4 + 0.5 * np.exp(-T / 40))

Curves = tuple[NDArray[np.float64], NDArray[np.float64]]


def piece(number: int, fold: int, train: ArrayLike, validation: ArrayLike) -> CurvePiece:
    """Return the curves of a fit."""
    values = np.full((np.size(train), len(CURVE_COLUMNS)), np.nan, np.float32)
    values[:, CURVE_COLUMNS.index("loss")] = np.asarray(train)
    values[:, CURVE_COLUMNS.index("val_loss")] = np.asarray(validation)
    return CurvePiece(number, 0, fold, 0, values)


def folds(number: int, curves: Curves) -> list[CurvePiece]:
    """Return two fits, one above and one below the curves by as much."""
    return [
        piece(number, fold, curves[0] + shift, curves[1] + shift)
        for fold, shift in enumerate((-0.05, 0.05))
    ]


class Shelf:
    """Curves that are given out, with a note of what was asked for."""

    def __init__(self, curves: dict[int, Curves]) -> None:
        self._curves = curves
        self.asked: list[list[int]] = []

    def read(self, numbers: Sequence[int]) -> list[CurvePiece]:
        self.asked.append(list(numbers))
        known = [number for number in numbers if number in self._curves]
        return [one for number in known for one in folds(number, self._curves[number])]


def test_losses_are_averaged_over_the_fits_up_to_the_end_of_the_shortest() -> None:
    losses = mean_losses(
        [piece(3, 0, [1, 2, 3], [5, 6, 7]), piece(3, 1, [3, 4], [7, 8]), piece(8, 0, [1], [2])]
    )

    assert losses.numbers == [3, 8]
    assert losses.n_epochs.tolist() == [2, 1]
    assert losses.train[0].tolist() == [2, 3]
    assert losses.validation[0].tolist() == [6, 7]
    assert losses.validation[1, 0] == 2


def test_a_loss_that_is_no_number_is_not_averaged_away() -> None:
    nan = np.nan
    losses = mean_losses([piece(0, 0, [1, 1, nan], [1, 1, nan]), piece(0, 1, [3, 3], [3, 3])])

    assert losses.n_epochs.tolist() == [3]
    assert losses.train[0, :2].tolist() == [2, 2]
    assert np.isnan(losses.train[0, 2])


def test_no_curves_have_no_losses() -> None:
    assert mean_losses([]).numbers == []


@pytest.fixture
def shelf() -> Shelf:
    """Give curves of four shapes; trial 4 has reached no epoch."""
    diverges = (PLATEAU[0].copy(), PLATEAU[1].copy())
    diverges[0][20:] = np.nan
    return Shelf({0: OVERFITS, 1: PLATEAU, 2: IMPROVES, 3: diverges})


def test_each_trial_has_its_diagnosis_in_words(shelf: Shelf) -> None:
    book = DiagnosisBook(shelf.read)
    book.find(dict.fromkeys(range(5), False))

    words = book.words(range(5))
    assert words[0] == "overfits after 16"  # epoch 15, counted from 0
    assert words[1].startswith("plateau from ")
    assert words[2:] == ["still improving", "diverged at 21", ""]
    assert book.labels([3, 4, 9]) == ["diverged", "", ""]
    found = book.of(0)
    assert found is not None
    assert found.epoch == 15
    assert found.n_epochs == 50
    assert book.of(4) is None


def test_trials_are_sorted_by_label_and_then_by_epoch(shelf: Shelf) -> None:
    book = DiagnosisBook(shelf.read)
    book.find(dict.fromkeys(range(5), False))

    places = book.places([0, 1, 2, 3, 4])

    assert np.argsort(places[:4]).tolist() == [3, 0, 2, 1]
    assert np.isnan(places[4])


def test_small_curves_and_best_epochs_are_of_the_mean_validation_loss(shelf: Shelf) -> None:
    book = DiagnosisBook(shelf.read)
    book.find(dict.fromkeys(range(5), False))

    small = book.curves(range(5))
    assert [len(curve) for curve in small] == [30, 30, 30, 30, 0]
    assert small[0][[0, -1]].tolist() == pytest.approx([OVERFITS[1][0], OVERFITS[1][-1]])
    best = book.best_epochs(range(5))
    assert best[0] == np.argmin(OVERFITS[1]) + 1
    assert best[2] == len(IMPROVES[1])
    assert np.isnan(best[4])


def test_the_lowest_loss_is_the_first_of_equals_and_no_number_is_none() -> None:
    losses = np.array([[0.5, 0.2, 0.2], [np.nan, 0.7, np.inf], [np.nan] * 3])

    assert best_epochs(losses).tolist() == [1, 1, -1]
    assert best_epochs(np.empty((2, 0))).tolist() == [-1, -1]


def test_curves_are_read_once_and_in_portions(shelf: Shelf) -> None:
    book = DiagnosisBook(shelf.read)
    trials = dict.fromkeys(range(AT_ONCE + 3), False)
    assert book.n_missing(trials) == AT_ONCE + 3

    book.find(trials)
    book.find(trials)

    assert [len(part) for part in shelf.asked] == [AT_ONCE, 3]
    assert book.n_missing(trials) == 0


def test_a_score_that_came_near_guessing_is_diagnosed_anew(shelf: Shelf) -> None:
    book = DiagnosisBook(shelf.read)
    book.find({1: False})
    before = book.labels([1])

    book.find({1: True})

    assert (before, book.labels([1])) == (["plateau"], ["not learning"])


def test_a_score_no_better_than_guessing_is_as_the_baseline() -> None:
    spec = make_spec()
    scores = make_scores(spec, [[0.80, 0.75, 0.85, 0.78, 0.82], [0.60, 0.55, 0.65, 0.58, 0.62]])
    found = judge(
        spec, scores, Facts(is_running=False, n_ended=2, n_failed=0, info=make_info())
    )

    assert found.guess == pytest.approx(0.6)
    assert as_baseline(found) == {0: False, 1: True}


def test_a_score_that_is_ahead_by_what_matters_is_not_as_the_baseline_however_wide() -> None:
    spec = make_spec()
    scores = make_scores(spec, [[0.62, 0.50, 0.72, 0.55, 0.65], [0.605, 0.5, 0.7, 0.6, 0.62]])
    found = judge(
        spec, scores, Facts(is_running=False, n_ended=2, n_failed=0, info=make_info())
    )

    wide = found.table["half_width"]
    assert (wide > 0.05).all()  # both intervals hold the guess of 0.6
    assert as_baseline(found) == {0: True, 1: True}  # 0.608 and 0.605: no more than 0.01 ahead
    ahead = make_scores(spec, [[0.62, 0.50, 0.72, 0.60, 0.66]])  # 0.62
    found = judge(spec, ahead, Facts(is_running=False, n_ended=1, n_failed=0, info=make_info()))
    assert (found.table["half_width"] > 0.02).all()
    assert as_baseline(found) == {0: False}


def test_without_a_guess_nothing_is_as_the_baseline() -> None:
    spec = make_spec()
    scores = make_scores(spec, [[0.6] * 5])
    found = judge(spec, scores, Facts(is_running=False, n_ended=1, n_failed=0))

    assert as_baseline(found) == {0: False}
