"""Leaders and ties: the specification's numbers, SciPy's tests, and what chance may do."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from tuning.analysis.intervals import Array, correction
from tuning.analysis.ties import (
    DIFFERENT_FOLDS,
    Ranking,
    dunnett,
    need_rows,
    rank,
    repeats_cannot_separate,
    withhold,
)

NAN = float("nan")
FIRST, SECOND, THIRD = (
    [0.80, 0.82, 0.81, 0.83, 0.79],
    [0.74, 0.77, 0.75, 0.78, 0.75],
    [0.70, 0.74, 0.69, 0.75, 0.72],
)
CLOSE = [0.79, 0.82, 0.80, 0.81, 0.80]


def folds(*rows: list[float]) -> Array:
    """Return trials of one repeat."""
    return np.array(rows)[:, np.newaxis]


def study(
    seed: int,
    n_trials: int,
    n_repeats: int = 1,
    effects: Array | float = 0.0,
    luck: float = 0.25,
) -> Array:
    """Return trials of 5 folds that have their luck with the data set, and with each fold.

    The correction is exact for luck of variance 1 / (k - 1); that of real learners is less.
    """
    rng = np.random.default_rng(seed)
    lucky = rng.normal(0, math.sqrt(luck), n_trials)
    means = (lucky + effects)[:, np.newaxis, np.newaxis]
    return 10 + means + rng.normal(size=(n_trials, n_repeats, 5))


def some_studies() -> list[Array]:
    """Return small and larger studies, with and without differences between their trials."""
    return [
        study(seed, n_trials, n_repeats, spread * np.linspace(0, 1, n_trials))
        for seed in range(6)
        for n_trials in (2, 3, 6, 25)
        for n_repeats in (1, 3)
        for spread in (0.0, 2.0, 8.0)
    ]


def test_a_leader_ahead_of_every_other_by_enough_is_the_only_best() -> None:
    found = rank(folds(FIRST, SECOND, THIRD))

    assert (found.leader, found.badge, found.can_tell, found.reason) == (0, True, True, None)
    assert found.t.tolist() == pytest.approx([0, 9.265056, 6.708204], abs=1e-6)
    assert found.crit_badge == pytest.approx(2.998528, abs=1e-6)
    assert found.df == 4
    assert found.tied.tolist() == [True, False, False]
    assert found.ranks.tolist() == [1, 2, 3]


def test_a_leader_with_one_close_by_is_tied_with_it() -> None:
    found = rank(folds(FIRST, CLOSE, THIRD))

    assert found.t.tolist() == pytest.approx([0, 0.784465, 6.708204], abs=1e-6)
    assert found.crit_set == pytest.approx(2.609, abs=5e-4)
    assert not found.badge
    assert found.tied.tolist() == [True, True, False]
    assert found.ranks.tolist() == [1, 1, 3]


def test_t_is_the_paired_t_of_scipy_with_the_correction_in_its_error() -> None:
    scores = study(3, 2, 4)

    found = rank(scores)

    other, leader = sorted(scores.reshape(2, 20), key=np.mean)
    paired = stats.ttest_rel(leader, other)
    shrink = math.sqrt(1 / 20 / correction(5, 4))
    assert found.t.max() == pytest.approx(paired.statistic * shrink)
    pair = paired.confidence_interval(0.95)
    assert found.runner_up_gap is not None
    assert found.runner_up_gap.half_width == pytest.approx((pair.high - pair.low) / 2 / shrink)


def test_variances_are_pooled_from_six_trials_on() -> None:
    assert rank(study(0, 5)).df == 4
    assert rank(study(0, 6)).df > 4


def test_rows_that_would_separate_two_trials() -> None:
    assert need_rows(768, 0.02, 0.01) == pytest.approx(24_084, abs=1)
    assert need_rows(768, 0.02, 0.0) == math.inf


def test_rows_are_asked_for_the_runner_up_or_the_smallest_gap_worth_having() -> None:
    scores = folds(FIRST, CLOSE, THIRD)
    variance = np.var(np.subtract(FIRST, CLOSE), ddof=1)
    floor = math.sqrt(variance / 4)

    assert rank(scores, 768).need_rows == pytest.approx(768 * (2.8 * floor / 0.006) ** 2)
    with_rope = rank(scores, 768, rope=0.01).need_rows
    assert with_rope == pytest.approx(768 * (2.8 * floor / 0.01) ** 2)
    assert rank(scores).need_rows is None


def test_repeats_cannot_separate_what_the_floor_hides() -> None:
    assert repeats_cannot_separate(0.0209, 0.01)
    assert not repeats_cannot_separate(0.0211, 0.01)
    assert repeats_cannot_separate(0.0, 0.0)
    assert rank(folds(FIRST, CLOSE)).repeats_cannot_separate
    assert not rank(folds(FIRST, SECOND)).repeats_cannot_separate


def test_the_lowest_row_of_equal_trials_leads_and_all_are_tied() -> None:
    found = rank(folds(*[FIRST] * 7))

    assert (found.leader, found.runner_up, found.badge) == (0, 1, False)
    assert found.tied.all()
    assert found.ranks.tolist() == [1] * 7
    assert found.t.tolist() == [0] * 7
    assert found.repeats_cannot_separate


def test_the_same_scores_in_another_order_of_folds_are_an_equal_mean() -> None:
    found = rank(folds(FIRST[::-1], FIRST, THIRD))

    assert found.leader == 0
    assert found.gap[1] == 0


def test_trials_that_are_behind_share_a_rank_where_their_means_are_equal() -> None:
    lower = [score - 0.3 for score in THIRD]

    found = rank(folds(lower, THIRD, FIRST, CLOSE, THIRD[::-1], [NAN] * 5))

    assert found.ranks.tolist() == [5, 3, 1, 1, 3, 0]


@pytest.mark.parametrize("missing", [NAN, math.inf, -math.inf])
def test_a_trial_with_a_missing_fit_is_not_compared_and_changes_nothing(
    missing: float,
) -> None:
    scores = study(1, 8, 2)
    broken = np.full((1, 2, 5), 1e6)
    broken[0, 1, 3] = missing

    found = rank(np.concatenate([broken, scores]))

    alone = rank(scores)
    assert alone.leader is not None
    assert found.leader == alone.leader + 1
    assert not found.is_compared[0]
    assert not found.tied[0]
    assert np.isnan([found.gap[0], found.gap_low[0], found.gap_high[0], found.t[0]]).all()
    np.testing.assert_array_equal(found.t[1:], alone.t)
    np.testing.assert_array_equal(found.tied[1:], alone.tied)
    assert (found.crit_set, found.df) == (alone.crit_set, alone.df)


def test_a_loss_that_diverged_does_not_blur_the_others() -> None:
    scores = study(1, 8, 2)
    diverged = np.full((1, 2, 5), -3e38)
    diverged[0, 0, 0] = -1.0

    found = rank(np.concatenate([scores, diverged]))

    assert found.leader == rank(scores).leader
    assert len(np.unique(found.gap)) == 9


def test_a_gap_that_varies_by_rounding_alone_is_no_part_of_what_is_pooled() -> None:
    scores = study(1, 8, 2)
    alone = rank(scores)
    assert alone.leader is not None
    just_below = scores[[alone.leader]] - 0.1

    found = rank(np.concatenate([scores, just_below]))

    assert found.df == alone.df
    assert found.t[-1] > 0


def test_permuting_the_trials_permutes_the_answer() -> None:
    for seed, scores in enumerate(some_studies()):
        order = np.random.default_rng(seed).permutation(len(scores))

        found, permuted = rank(scores), rank(scores[order])

        assert permuted.leader is not None
        assert order[permuted.leader] == found.leader
        np.testing.assert_array_equal(permuted.tied, found.tied[order])
        np.testing.assert_array_equal(permuted.ranks, found.ranks[order])
        np.testing.assert_allclose(permuted.gap_low, found.gap_low[order])
        assert permuted.badge == found.badge


def test_adding_a_constant_to_all_scores_changes_nothing() -> None:
    for scores in some_studies():
        found, shifted = rank(scores), rank(scores - 17.3)

        assert shifted.leader == found.leader
        np.testing.assert_array_equal(shifted.tied, found.tied)
        np.testing.assert_allclose(shifted.t, found.t, atol=1e-8)
        assert shifted.badge == found.badge


def test_multiplying_all_scores_multiplies_the_gaps() -> None:
    for scores in some_studies():
        found, scaled = rank(scores), rank(1e-5 * scores)

        np.testing.assert_array_equal(scaled.tied, found.tied)
        np.testing.assert_allclose(scaled.gap_high, 1e-5 * found.gap_high)


def test_intervals_of_the_gaps_touch_zero_exactly_where_trials_are_tied() -> None:
    n_badges = n_ties = 0
    for scores in some_studies():
        found = rank(scores)

        np.testing.assert_array_equal(found.gap_low <= 0, found.tied)
        np.testing.assert_allclose(found.gap - found.gap_low, found.gap_high - found.gap)
        assert found.leader is not None
        assert found.tied[found.leader]
        assert found.badge == (found.tied.sum() == 1)
        n_badges += found.badge
        n_ties += not found.badge
    assert n_badges > 5
    assert n_ties > 5


def test_without_a_badge_gaps_are_drawn_with_dunnetts_quantile() -> None:
    scores = study(2, 12)

    found = rank(scores)

    assert not found.badge
    half = found.gap_high - found.gap
    np.testing.assert_allclose(half, dunnett(11, found.df) * found.error)


def test_of_two_trials_the_other_stays_tied_until_there_is_a_badge() -> None:
    # t between Dunnett's quantile for one other, 2.13, and that of the badge, 3.00
    found = rank(folds(FIRST, [0.775, 0.811, 0.785, 0.815, 0.783]))

    assert found.crit_set < found.t[1] < found.crit_badge
    assert not found.badge
    assert found.tied.tolist() == [True, True]


def test_one_trial_leads_without_a_badge() -> None:
    found = rank(folds([NAN] * 5, FIRST))

    assert (found.leader, found.runner_up, found.badge) == (1, None, False)
    assert found.tied.tolist() == [False, True]
    assert not found.can_tell
    assert found.reason == "Only one trial has all its fits."


@pytest.mark.parametrize("n_trials", [0, 3])
def test_no_trial_leads_where_none_has_all_its_fits(n_trials: int) -> None:
    found = rank(np.full((n_trials, 1, 5), NAN))

    assert found.leader is None
    assert not found.tied.any()
    assert found.reason == "No trial has all its fits."


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        (study(0, 12)[:, :, :4], "4 fits a trial: it takes 5 to tell trials apart."),
        (study(0, 12)[:, :, :1], "1 fit a trial: it takes 5 to tell trials apart."),
        (study(0, 12).reshape(12, 5, 1), "One fold of unknown size."),
    ],
)
def test_too_few_folds_tell_nothing(scores: Array, reason: str) -> None:
    scores[0] += 100

    found = rank(scores, 500)

    assert (found.leader, found.badge, found.can_tell) == (0, False, False)
    assert found.reason == reason


def test_a_single_fit_leaves_every_trial_tied() -> None:
    found = rank(study(0, 12)[:, :, :1], 500)

    assert found.tied.all()
    assert (found.runner_up_gap, found.need_rows) == (None, None)


def test_held_out_fifths_are_told_apart_like_five_folds() -> None:
    scores = study(4, 9)

    held_out = rank(scores.reshape(9, 5, 1), test_ratio=0.25)

    assert held_out.can_tell
    np.testing.assert_allclose(held_out.t, rank(scores).t)


def test_a_search_that_runs_waits_for_ten_trials() -> None:
    few, enough = study(0, 9), study(0, 10)
    few[3] += 100
    enough[3] += 100

    assert not rank(few, is_running=True).badge
    assert rank(few, is_running=True).reason == "The search still runs: wait for 10 trials."
    assert rank(few).badge
    assert rank(enough, is_running=True).badge


def test_more_than_a_tenth_of_failed_trials_leaves_nothing_to_claim() -> None:
    scores = folds(FIRST, SECOND, THIRD)

    assert rank(scores, share_failed=0.1).badge
    found = rank(scores, share_failed=0.101)
    assert not found.badge
    assert found.reason == "More than 10% of the trials failed."


def test_a_ranking_that_is_withheld_has_the_tied_set_that_goes_without_a_badge() -> None:
    scores = study(0, 40)
    scores[5] += 5.5
    found = rank(scores)

    held = withhold(found, DIFFERENT_FOLDS)

    assert found.badge
    assert (held.badge, held.can_tell) == (False, False)
    assert held.reason == "The default and the leader were scored on different folds."
    np.testing.assert_array_equal(held.tied, held.t <= held.crit_set)
    assert held.tied.sum() > 1
    np.testing.assert_array_equal(held.gap_low <= 0, held.tied)


# What chance may do: studies in which the correction holds exactly.


def rankings(n_studies: int, n_trials: int, effects: Array | float = 0.0) -> list[Ranking]:
    return [rank(study(seed, n_trials, effects=effects)) for seed in range(n_studies)]


@pytest.mark.parametrize("n_trials", [2, 3, 10])
def test_equal_trials_have_a_unique_winner_in_at_most_one_study_of_twenty(
    n_trials: int,
) -> None:
    found = rankings(600, n_trials)

    assert np.mean([ranking.badge for ranking in found]) <= 0.05


def test_two_equal_leaders_above_a_quiet_field_have_no_winner_either() -> None:
    is_quiet = np.arange(20) >= 2
    n_badges = 0
    for seed in range(1000):
        scores = study(seed, 20, luck=0.125)
        scores[is_quiet] = 6 + (scores[is_quiet] - 10) / 10
        n_badges += rank(scores).badge

    # With all the luck that the correction allows for it would be 7 in 100: the variance of
    # the two is theirs alone then, and not known as well as the pooled ones.
    assert n_badges / 1000 <= 0.05


def test_the_true_best_is_tied_with_the_leader_in_nineteen_studies_of_twenty() -> None:
    effects: NDArray[np.float64] = np.linspace(0, 3, 12)

    found = rankings(400, 12, effects)

    assert np.mean([ranking.tied[-1] for ranking in found]) >= 0.95


def test_a_trial_that_is_far_better_has_the_badge() -> None:
    effects = np.where(np.arange(12) == 7, 8.0, 0.0)

    found = rankings(100, 12, effects)

    assert np.mean([r.badge and r.leader == 7 for r in found]) > 0.95


def test_ten_thousand_trials_take_no_time() -> None:
    scores = np.random.default_rng(0).normal(size=(10_000, 10, 5))

    began = time.perf_counter()
    found = rank(scores)
    took_s = time.perf_counter() - began

    assert took_s < 0.5  # about 20 ms on an idle core; a loop over trials takes seconds
    assert found.is_compared.all()
