"""Scores of fits as one block, and what is told from them: ROPE, intervals, guessing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tests.judged_scores import make_info, make_scores, make_spec
from tuning.analysis.intervals import score_interval
from tuning.analysis.study_scores import (
    ScoreBook,
    guessing_score,
    half_width_of,
    rope_of,
    split_ratio,
)


def test_fits_become_a_block_of_trials_repeats_and_folds() -> None:
    book = ScoreBook(make_spec(2, 2))
    book.take([(4, 0, 0, 0.1), (4, 0, 1, 0.2), (1, 1, 0, 0.3), (7, 0, 0, 0.4)])

    scores = book.scores([4, 1, 9])

    assert scores.numbers.tolist() == [1, 4]
    assert scores.values.shape == (2, 10, 2)
    assert scores.values[1, 0].tolist() == [0.1, 0.2]
    assert scores.values[0, 1, 0] == 0.3
    assert np.isfinite(scores.values).sum() == 3
    assert scores.searched().shape == (2, 2, 2)


def test_a_fit_that_is_written_again_takes_the_place_of_the_first() -> None:
    book = ScoreBook(make_spec(2))
    book.take([(0, 0, 0, 0.1)])
    book.take([(0, 0, 0, None), (0, 0, 1, 0.5)])

    values = book.scores([0]).values[0, 0]

    assert math.isnan(values[0])
    assert values[1] == 0.5


def test_there_is_room_for_any_number_of_trials() -> None:
    book = ScoreBook(make_spec(2))
    book.take((number, 0, fold, number + fold / 10) for number in range(300) for fold in (0, 1))

    scores = book.scores(range(300))

    assert scores.values[:, 0].tolist() == [[n, n + 0.1] for n in range(300)]


def test_what_was_read_before_does_not_change_when_more_comes() -> None:
    book = ScoreBook(make_spec(2))
    book.take([(0, 0, 0, 0.1)])
    before = book.scores([0])

    book.take([(0, 0, 0, 0.9)])

    assert before.values[0, 0, 0] == 0.1


def test_more_repeats_than_a_race_has_fit_in_as_well() -> None:
    book = ScoreBook(make_spec(2, 12))
    book.take([(0, 11, 1, 0.5)])

    assert book.scores([0]).values.shape == (1, 12, 2)


def test_of_losses_less_is_better() -> None:
    spec = make_spec(2, evaluation={"score": "rmse"})
    scores = make_scores(spec, [[1.0, 2.0], [3.0, 4.0]], more={1: [[5.0, 6.0]]})

    assert scores.sign == -1
    assert scores.searched().tolist() == [[[-1.0, -2.0]], [[-3.0, -4.0]]]
    assert scores.repeated([1], 2).tolist() == [[[-3.0, -4.0], [-5.0, -6.0]]]


def test_a_score_that_is_turned_round_is_maximized() -> None:
    spec = make_spec(2, evaluation={"score": "mae", "direction": "maximize"})

    assert make_scores(spec, [[1.0, 2.0]]).sign == 1


def test_repeats_count_as_far_as_they_are_whole() -> None:
    nan = math.nan
    spec = make_spec(2)
    scores = make_scores(
        spec,
        [[1.0, 2.0], [1.0, nan], [1.0, 2.0], [1.0, 2.0]],
        more={1: [[1.0, 2.0]], 2: [[1.0, nan], [1.0, 2.0]], 3: [[1.0, 2.0]]},
    )

    assert scores.n_repeats().tolist() == [1, 0, 1, 2]
    assert scores.rows_of([3, 8, 0]) == [3, 0]


@pytest.mark.parametrize(
    ("score", "rows", "include_default", "rope"),
    [
        ("accuracy", [[0.7, 0.8]], True, 0.01),
        ("roc_auc", [[0.7, 0.8]], True, 0.01),
        ("f1", [[0.7, 0.8]], True, 0.01),
        ("r2", [[0.7, 0.8]], True, 0.01),
        ("log_loss", [[0.4, 0.6], [5.0, 5.0]], True, 0.005),
        ("rmse", [[2.0, 4.0], [50.0, 50.0]], True, 0.03),
        ("mae", [[1.0, 1.0], [2.0, 2.0], [6.0, 6.0]], False, 0.02),
        ("mse", [[math.nan, 1.0], [2.0, 2.0], [6.0, 6.0]], True, 0.04),
        ("mse", [[math.nan, 1.0]], True, 0.0),
    ],
)
def test_what_matters_is_a_hundredth_or_a_hundredth_of_the_default_s_loss(
    score: str, rows: list[list[float]], include_default: bool, rope: float
) -> None:
    spec = make_spec(2, evaluation={"score": score}, include_default=include_default)

    assert rope_of(spec, make_scores(spec, rows)) == pytest.approx(rope)


def test_a_person_says_what_matters() -> None:
    spec = make_spec(2, evaluation={"score": "rmse", "rope": 0.5})

    assert rope_of(spec, make_scores(spec, [[2.0, 4.0]])) == 0.5


def test_without_its_default_a_study_of_losses_goes_by_the_median_trial() -> None:
    spec = make_spec(2, evaluation={"score": "mae"}, include_default=True)

    assert rope_of(spec, make_scores(spec, {3: [1.0, 1.0], 5: [3.0, 3.0]})) == 0.02


def test_an_interval_follows_from_mean_and_deviation_alone() -> None:
    fits = np.array([0.80, 0.75, 0.85, 0.78, 0.82])

    half = half_width_of(make_spec(5), make_info(125), 0.80, float(fits.std(ddof=1)))

    assert half == pytest.approx(0.1137753, abs=1e-6)  # trust.md, section 1, test 2


def test_an_interval_that_would_leave_0_to_1_is_the_same_from_mean_and_deviation() -> None:
    fits = np.array([1.0, 1.0, 0.98, 1.0, 0.99])
    whole = score_interval(fits[np.newaxis], kind="share", n_rows=100)

    half = half_width_of(make_spec(5), make_info(125), fits.mean(), float(fits.std(ddof=1)))

    assert whole is not None
    assert "logit" in whole.method
    assert half == pytest.approx(whole.half_width)


def test_one_fit_has_no_interval() -> None:
    spec = make_spec(evaluation={"method": "holdout"})

    assert half_width_of(spec, make_info(), 0.8, None) is None


def test_splits_drawn_anew_are_widened_by_their_own_rows() -> None:
    spec = make_spec(n_repeats=5, evaluation={"method": "holdout", "score": "r2"})
    info = make_info()  # 100 rows: 80 train and 20 score

    half = half_width_of(spec, info, 0.5, 0.1)

    factor = 1 / 5 + 20 / 80
    assert split_ratio(spec, info) == 20 / 80
    assert half == pytest.approx(stats.t.ppf(0.975, 4) * math.sqrt(factor) * 0.1)


def test_only_cross_validation_and_unknown_rows_have_no_ratio() -> None:
    holdout = make_spec(evaluation={"method": "holdout"})
    on_test = make_spec(evaluation={"method": "test"})

    assert split_ratio(make_spec(), make_info()) is None
    assert split_ratio(holdout, None) is None
    assert split_ratio(on_test, make_info()) == 25 / 100


@pytest.mark.parametrize(
    ("score", "guess"),
    [
        ("accuracy", 0.6),
        ("log_loss", -(0.6 * math.log(0.6) + 0.4 * math.log(0.4))),
        ("roc_auc", 0.5),
        ("r2", 0.0),
        ("f1", None),
        ("rmse", None),
    ],
)
def test_what_guessing_scores(score: str, guess: float | None) -> None:
    spec = make_spec(evaluation={"score": score})

    assert guessing_score(spec, make_info()) == (guess and pytest.approx(guess))


def test_what_guessing_scores_is_not_known_without_the_rows() -> None:
    numbers = make_info(task="regression", class_counts=(), class_names=())

    assert guessing_score(make_spec(), None) is None
    assert guessing_score(make_spec(), numbers) is None
    assert guessing_score(make_spec(evaluation={"score": "roc_auc"}), None) == 0.5
