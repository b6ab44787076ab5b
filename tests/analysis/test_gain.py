"""The gain over the default: hand-worked cases, and studies in which there is none."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from tuning.analysis.gain import Gain, Progress, gain_over_default, progress
from tuning.analysis.winner import HonestScore, honest_score

Array = NDArray[np.float64]

DEFAULT = [0.70, 0.71, 0.69, 0.70, 0.72]
BETTER = [[0.75, 0.76, 0.73, 0.75, 0.77], [0.755, 0.74, 0.75, 0.74, 0.75]]
STUDY = np.array([DEFAULT, *BETTER])[:, np.newaxis, :]


def gain(scores: Array, *, is_adaptive: bool = False) -> Gain:
    found = gain_over_default(scores, is_adaptive=is_adaptive)
    assert isinstance(found, Gain)
    return found


def random_study(seed: int = 0, shape: tuple[int, int, int] = (100, 2, 5)) -> Array:
    return np.random.default_rng(seed).normal(0.8, 0.03, shape)


def null_study(rng: np.random.Generator, n_trials: int, n_repeats: int) -> Array:
    """Score equally good trials on the same 200 rows, cut anew into 5 folds each repeat."""
    rows = rng.normal(size=(n_trials, 200)) + rng.normal(size=200)
    folds = np.stack([rng.permutation(200).reshape(5, -1) for _ in range(n_repeats)])
    scores: Array = rows[:, folds].mean(axis=-1)
    return scores + rng.normal(scale=0.05, size=scores.shape)


def test_the_worked_case_beats_its_default() -> None:
    found = gain(STUDY)

    assert found.interval.mean == pytest.approx(0.048)
    assert found.interval.low == pytest.approx(0.0396707, abs=1e-6)
    assert found.interval.high == pytest.approx(0.0563293, abs=1e-6)
    assert found.beats_default
    assert found.sentence == "Tuning over the default: +0.048 [+0.040, +0.056]: shown."


def test_a_default_that_leads_gains_nothing_where_it_is_chosen() -> None:
    found = gain(STUDY[[1, 0, 2]])

    assert found.interval.mean == pytest.approx(0.0)
    assert not found.beats_default
    assert found.sentence.endswith(": not shown.")


def test_the_default_may_stand_in_any_row() -> None:
    found = gain_over_default(STUDY[[1, 2, 0]], default=2)

    assert isinstance(found, Gain)
    assert found.interval == gain(STUDY).interval


def test_the_default_alone_claims_nothing() -> None:
    found = gain(STUDY[:1])

    assert (found.interval.mean, found.optimism) == (0.0, 0.0)
    assert not found.beats_default
    assert not found.overtuning_likely


def test_a_constant_added_to_all_scores_changes_nothing() -> None:
    before, after = gain(random_study()), gain(random_study() + 3)

    assert after.interval.low == pytest.approx(before.interval.low)
    assert after.optimism == pytest.approx(before.optimism)


def test_a_search_that_learns_gains_less_by_half_of_its_optimism() -> None:
    scores = random_study()
    plain, honest = gain(scores), honest_score(scores)
    assert isinstance(honest, HonestScore)

    adaptive = gain(scores, is_adaptive=True)

    expected = plain.interval.mean - 0.5 * (honest.cv - honest.cross_fitted)
    assert adaptive.interval.mean == pytest.approx(expected)
    assert adaptive.interval.half_width == pytest.approx(plain.interval.half_width)


@pytest.mark.parametrize(("n_trials", "likely"), [(29, False), (30, True)])
def test_overtuning_is_likely_where_luck_exceeds_gain_in_enough_trials(
    n_trials: int, likely: bool
) -> None:
    scores = random_study(shape=(n_trials, 1, 5))

    found = gain(scores)

    assert found.optimism > found.interval.mean
    assert found.overtuning_likely is likely


def test_overtuning_is_not_likely_where_tuning_gained() -> None:
    scores = random_study()
    scores[0] -= 1.0

    assert not gain(scores).overtuning_likely


def test_a_default_without_a_score_is_nothing_to_compare_with() -> None:
    scores = random_study()
    scores[0, 1, 1] = np.nan

    assert gain_over_default(scores) == (
        "The default configuration lacks a score, so nothing can be compared with it."
    )


def test_four_fits_are_too_few_for_a_gain() -> None:
    assert gain_over_default(random_study(shape=(20, 1, 4))) == (
        "4 fits a trial: a gain takes 5."
    )


def test_one_fold_has_no_gain() -> None:
    assert gain_over_default(random_study(shape=(20, 6, 1))) == (
        "One fold: a winner cannot be chosen without it."
    )


def test_a_running_search_waits_for_ten_trials() -> None:
    scores = random_study(shape=(11, 1, 5))
    scores[4] = np.nan

    assert gain_over_default(scores[:10], is_running=True) == (
        "A gain takes 10 finished trials; 9 so far."
    )
    assert isinstance(gain_over_default(scores, is_running=True), Gain)


@pytest.mark.parametrize("n_repeats", [1, 3])
def test_where_nothing_is_better_a_gain_is_claimed_in_at_most_one_of_twenty(
    n_repeats: int,
) -> None:
    rng, n_studies = np.random.default_rng(2), 1000

    found = [gain(null_study(rng, 30, n_repeats)) for _ in range(n_studies)]

    claimed = np.mean([study.beats_default for study in found])
    assert claimed <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / n_studies)
    assert np.mean([study.overtuning_likely for study in found]) > 0.5


def test_where_one_is_better_by_much_the_gain_is_claimed_and_covers_it() -> None:
    rng, studies = np.random.default_rng(3), []
    for _ in range(300):
        scores = null_study(rng, 30, 3)
        scores[7] += 1.0
        studies.append(gain(scores))

    assert np.mean([study.beats_default for study in studies]) > 0.9
    covered = [study.interval.low <= 1 <= study.interval.high for study in studies]
    assert np.mean(covered) >= 0.95 - 2 * math.sqrt(0.05 * 0.95 / 300)


@pytest.mark.parametrize("is_adaptive", [False, True])
def test_each_point_of_the_lines_is_the_honest_score_of_the_trials_so_far(
    is_adaptive: bool,
) -> None:
    scores = random_study()
    scores[[3, 50]] = np.nan

    lines = progress(scores, is_adaptive=is_adaptive)

    assert isinstance(lines, Progress)
    assert len(lines.row) == 40
    assert (lines.row[0], lines.row[-1]) == (0, 99)
    for place, row in enumerate(lines.row):
        so_far = honest_score(scores[: row + 1], is_adaptive=is_adaptive)
        assert isinstance(so_far, HonestScore)
        drawn = (lines.cv[place], lines.honest[place], lines.low[place], lines.high[place])
        said = (so_far.cv, so_far.honest, so_far.interval.low, so_far.interval.high)
        assert drawn == pytest.approx(said)


def test_few_trials_are_a_point_each() -> None:
    lines = progress(STUDY, kind="share")

    assert isinstance(lines, Progress)
    assert lines.row.tolist() == [0, 1, 2]
    assert lines.cv.tolist() == pytest.approx([0.704, 0.752, 0.752])
    assert lines.honest[0] == pytest.approx(0.704)


def test_no_lines_without_an_honest_score() -> None:
    assert progress(random_study(shape=(5, 1, 3))) == (
        "3 fits a trial: an honest score takes 4."
    )


def test_lines_over_ten_thousand_trials_take_a_moment() -> None:
    scores = random_study(shape=(10_000, 10, 5))
    started = time.perf_counter()

    progress(scores)

    assert time.perf_counter() - started < 1.0
