"""The honest score: hand-worked cases, a slow double, and studies where nothing is better."""

from __future__ import annotations

import dataclasses
import math
import time

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from tuning.analysis.winner import (
    HonestScore,
    Luck,
    best_by_luck,
    best_row,
    complete_rows,
    cross_fitted_winners,
    expected_maximum,
    honest_score,
    rows_to_seal,
    sealed_test,
)

Array = NDArray[np.float64]

THREE = np.array(
    [[0.80, 0.70, 0.75, 0.71], [0.70, 0.80, 0.74, 0.72], [0.72, 0.71, 0.73, 0.815]]
)
STUDY = THREE[:, np.newaxis, :]


def found(scores: Array, *, is_adaptive: bool = False) -> HonestScore:
    honest = honest_score(scores, is_adaptive=is_adaptive)
    assert isinstance(honest, HonestScore)
    return honest


def random_study(seed: int = 0, shape: tuple[int, int, int] = (12, 3, 5)) -> Array:
    return np.random.default_rng(seed).normal(0.8, 0.03, shape)


def null_study(
    rng: np.random.Generator, n_trials: int, n_repeats: int, n_folds: int = 5, n_rows: int = 200
) -> Array:
    """Score equally good trials: each is right or wrong about the same rows in every repeat.

    True scores are 0. Training adds noise of its own to every fit.
    """
    rows = rng.normal(size=(n_trials, n_rows)) + rng.normal(
        size=n_rows
    )  # some are hard for all
    folds = np.stack([rng.permutation(n_rows).reshape(n_folds, -1) for _ in range(n_repeats)])
    scores: Array = rows[:, folds].mean(axis=-1)
    return scores + rng.normal(scale=0.05, size=scores.shape)


def test_the_worked_case_is_scored_by_winners_chosen_without_each_fold() -> None:
    honest = found(STUDY)

    assert honest.winner == 2
    assert honest.cv == pytest.approx(0.74375)
    assert honest.winners.tolist() == [[1, 2, 2, 0]]
    assert honest.honest == pytest.approx(0.7125)
    assert honest.interval.half_width == pytest.approx(0.0305848, abs=1e-6)
    assert honest.optimism == pytest.approx(0.03125)


def test_a_search_that_learns_has_half_of_the_optimism_taken_off_once_more() -> None:
    honest = found(STUDY, is_adaptive=True)

    assert honest.honest == pytest.approx(0.696875)
    assert honest.interval.half_width == pytest.approx(0.0305848, abs=1e-6)
    assert "approximate" in honest.interval.method


@pytest.mark.parametrize("is_adaptive", [False, True])
@pytest.mark.parametrize("rows", [[2], [2, 2]])
def test_one_trial_or_two_the_same_have_no_optimism(rows: list[int], is_adaptive: bool) -> None:
    honest = found(STUDY[rows], is_adaptive=is_adaptive)

    assert honest.winner == 0
    assert honest.honest == honest.cv == pytest.approx(0.74375)


@pytest.mark.parametrize("is_adaptive", [False, True])
def test_the_honest_score_is_never_above_the_one_the_search_showed(is_adaptive: bool) -> None:
    high, low, steady = [0.9] * 5, [0.5] * 5, [0.75] * 5  # each repeat has a winner of its own
    scores = np.array([[high, low], [low, high], [steady, steady]])

    honest = found(scores, is_adaptive=is_adaptive)

    assert honest.winner == 2
    assert honest.cross_fitted == pytest.approx(0.9)
    assert honest.honest == honest.cv == pytest.approx(0.75)


def test_every_fold_agrees_with_a_slow_double() -> None:
    scores = random_study()

    winners = cross_fitted_winners(scores)

    for repeat in range(3):
        for fold in range(5):
            others = np.delete(scores[:, repeat], fold, axis=1).mean(axis=1)
            assert winners[repeat, fold] == np.argmax(others)


def test_the_order_of_the_trials_does_not_matter() -> None:
    scores = random_study()
    order = np.random.default_rng(1).permutation(len(scores))

    before, after = found(scores), found(scores[order])

    assert order[after.winner] == before.winner
    assert order[after.winners].tolist() == before.winners.tolist()
    assert dataclasses.astuple(after.interval) == dataclasses.astuple(before.interval)


def test_a_constant_added_to_all_scores_moves_the_score_and_nothing_else() -> None:
    before, after = found(random_study()), found(random_study() + 7)

    assert after.honest == pytest.approx(before.honest + 7)
    assert after.optimism == pytest.approx(before.optimism)
    assert after.interval.half_width == pytest.approx(before.interval.half_width)


def test_trials_with_a_missing_score_are_left_out() -> None:
    scores = np.concatenate([np.full((1, 3, 5), 2.0), random_study(), np.full((1, 3, 5), 2.0)])
    scores[0, 1, 2], scores[-1, 0, 0], scores[-1, 0, 1] = np.nan, np.inf, -np.inf

    assert complete_rows(scores).tolist() == list(range(1, 13))
    assert found(scores).winner == found(random_study()).winner + 1
    assert found(scores).winners.tolist() == (found(random_study()).winners + 1).tolist()


def test_ties_go_to_the_lowest_row_whatever_the_rounding() -> None:
    down, up = [0.3, 0.2, 0.1, 0.5], [0.1, 0.2, 0.3, 0.5]  # 0.1 + 0.2 + 0.3 > 0.3 + 0.2 + 0.1
    scores = np.array([down, up])[:, np.newaxis, :]

    assert best_row(scores) == 0
    assert cross_fitted_winners(scores).tolist() == [[1, 0, 0, 0]]


def test_a_diverged_fold_does_not_swallow_the_other_scores_of_its_trial() -> None:
    scores = -np.array([[1e20, 0.3, 0.3, 0.3], [0.2, 0.2, 0.2, 0.2]])[:, np.newaxis, :]

    assert cross_fitted_winners(scores).tolist() == [[1, 1, 1, 1]]


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ((5, 8, 1), "One fold: a winner cannot be chosen without it."),
        ((5, 1, 3), "3 fits a trial: an honest score takes 4."),
    ],
)
def test_too_few_folds_or_fits_have_no_honest_score(
    shape: tuple[int, int, int], reason: str
) -> None:
    assert honest_score(random_study(shape=shape)) == reason


def test_a_study_without_a_whole_trial_has_no_honest_score() -> None:
    assert honest_score(np.full((3, 1, 5), np.nan)) == "No trial has all its scores."


@pytest.mark.parametrize(("n_folds", "flag"), [(2, "too_few_folds"), (4, None)])
def test_a_choice_by_one_fold_is_marked(n_folds: int, flag: str | None) -> None:
    assert found(random_study(shape=(6, 4, n_folds))).interval.flag == flag


def test_the_interval_of_a_share_ends_at_one() -> None:
    scores = np.array([[1.0, 0.9, 1.0, 1.0, 1.0]])[:, np.newaxis, :]

    share, other = honest_score(scores, kind="share"), found(scores)

    assert isinstance(share, HonestScore)
    assert share.interval.high == 1.0 < other.interval.high
    assert share.interval.low == other.interval.low


@pytest.mark.parametrize(("n_trials", "n_repeats"), [(30, 1), (30, 3)])
def test_where_nothing_is_better_the_honest_score_is_unbiased_and_the_raw_one_is_not(
    n_trials: int, n_repeats: int
) -> None:
    rng, n_studies = np.random.default_rng(0), 1500
    studies = [found(null_study(rng, n_trials, n_repeats)) for _ in range(n_studies)]

    raw = np.array([study.cv for study in studies])
    honest = np.array([study.cross_fitted for study in studies])

    assert abs(honest.mean()) < 3 * honest.std() / math.sqrt(n_studies)
    assert raw.mean() > 20 * raw.std() / math.sqrt(n_studies)
    covered = [study.interval.low <= 0 <= study.interval.high for study in studies]
    assert np.mean(covered) > 0.95 - 3 * math.sqrt(0.05 * 0.95 / n_studies)


def test_ten_thousand_trials_take_milliseconds() -> None:
    scores = random_study(shape=(10_000, 10, 5))
    started = time.perf_counter()

    found(scores)

    assert time.perf_counter() - started < 0.5


@pytest.mark.parametrize(
    ("right", "n_rows", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_a_sealed_share_has_the_interval_newcombe_published(
    right: int, n_rows: int, low: float, high: float
) -> None:
    """Newcombe, *Statistics in Medicine* 17 (1998), table I, method 3."""
    sealed = sealed_test(right / n_rows, n_rows)

    assert [sealed.low, sealed.high] == pytest.approx([low, high], abs=5e-5)
    assert (sealed.level, sealed.label) == (0.95, "")


def test_a_sealed_mean_has_the_normal_interval_of_its_rows() -> None:
    losses = np.random.default_rng(0).gamma(2.0, size=400)
    low, high = stats.norm.interval(0.95, losses.mean(), losses.std(ddof=1) / 20)

    sealed = sealed_test(float(losses.mean()), 400, float(losses.var(ddof=1)))

    assert [sealed.low, sealed.high] == pytest.approx([low, high])


def test_each_opening_of_the_sealed_test_raises_its_level() -> None:
    sealed = sealed_test(0.5, 100, 1.0, n_openings=2)

    assert sealed.level == pytest.approx(0.975)
    assert sealed.high - 0.5 == pytest.approx(2.2414027 / 10)
    assert sealed.label == "opened 2 times"


@pytest.mark.parametrize(("half_width", "n_rows"), [(0.02, 1537), (0.03, 683), (0.05, 246)])
def test_rows_to_seal_for_a_half_width(half_width: float, n_rows: int) -> None:
    assert rows_to_seal(half_width) == n_rows


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (1, 0.0),
        (2, 1 / math.sqrt(math.pi)),
        (3, 1.5 / math.sqrt(math.pi)),
        (10, 1.5387527308),
        (100, 2.5075936364),
        (10_000, stats.order_statistic(stats.Normal(), r=10_000, n=10_000).mean()),
    ],
)
def test_the_expected_maximum_of_normal_numbers(n: int, expected: float) -> None:
    assert expected_maximum(n) == pytest.approx(expected, abs=1e-6)


def test_the_luck_of_two_trials_by_hand() -> None:
    first, second = [0.80, 0.75, 0.85, 0.78, 0.82], [0.79, 0.77, 0.80, 0.79, 0.80]

    luck = best_by_luck(np.array([first, second])[:, np.newaxis, :])

    # Differences .01, -.02, .05, -.01, .02 vary by .00075: half of it a trial, a fifth a mean.
    assert isinstance(luck, Luck)
    assert luck.middle == pytest.approx(0.795)
    assert luck.noise == pytest.approx(math.sqrt(0.00075 / 2 / 5))
    assert luck.expected == pytest.approx(0.795 + luck.noise / math.sqrt(math.pi))


@pytest.mark.parametrize("n_repeats", [1, 3])
def test_where_nothing_is_better_the_best_is_what_luck_foretells(n_repeats: int) -> None:
    rng, surplus = np.random.default_rng(1), []
    for _ in range(1000):
        study = null_study(rng, 20, n_repeats)
        luck = best_by_luck(study)
        assert isinstance(luck, Luck)
        surplus.append(study.mean(axis=(1, 2)).max() - luck.expected)

    assert abs(np.mean(surplus)) < 3 * np.std(surplus) / math.sqrt(1000)


def test_a_diverged_trial_hardly_changes_what_luck_foretells() -> None:
    scores = random_study(shape=(30, 1, 5))
    without, diverged = best_by_luck(scores[1:]), scores.copy()
    diverged[0] = -1e6

    with_it = best_by_luck(diverged)

    assert isinstance(without, Luck)
    assert isinstance(with_it, Luck)
    assert with_it.expected == pytest.approx(without.expected, abs=0.01)


def test_there_is_no_luck_in_a_single_trial_and_no_noise_in_a_single_fold() -> None:
    assert best_by_luck(random_study(shape=(1, 1, 5))) == (
        "One trial: nothing was chosen, so there is no luck in it."
    )
    assert best_by_luck(random_study(shape=(3, 5, 1))) == (
        "One fold: the noise of a trial's score cannot be told."
    )
