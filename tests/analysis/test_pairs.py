"""Pairs: the specification's numbers, SciPy's paired t test, and tables made to measure."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tuning.analysis.intervals import Array, correction
from tuning.analysis.pairs import (
    NO_SPREAD,
    Comparison,
    Verdict,
    compare,
    probabilities,
    shrinkage,
    study_spread,
    verdict_beside_leader,
)
from tuning.analysis.ties import rank

NAN = float("nan")
DIFFERENCES = np.array([[0.02, 0.01, 0.03, 0, 0.02], [0.01, 0.02, 0.03, 0.01, 0]])
B = np.array([[0.71, 0.74, 0.70, 0.69, 0.72], [0.73, 0.70, 0.71, 0.75, 0.68]])
A = B + DIFFERENCES


def study(seed: int, n_trials: int, spread: float, luck: float = 0.25) -> Array:
    """Return trials of 2 repeats of 5 folds whose true scores vary by so much."""
    rng = np.random.default_rng(seed)
    means = rng.normal(0, math.sqrt(spread), n_trials) + rng.normal(
        0, math.sqrt(luck), n_trials
    )
    hard = rng.normal(0, 3, (2, 5))  # folds differ for all trials alike
    return means[:, np.newaxis, np.newaxis] + hard + rng.normal(size=(n_trials, 2, 5))


def test_a_difference_has_the_interval_of_its_correlated_folds() -> None:
    found = compare(A, B)

    assert found.difference == pytest.approx(0.015)
    assert [found.low, found.high] == pytest.approx([0.000545, 0.029455], abs=1e-6)
    assert found.d_z == pytest.approx(1.388730, abs=1e-6)
    assert found.p_a == pytest.approx(0.978254, abs=1e-6)
    assert (found.verdict, found.reason) == ("a better", None)
    assert (found.weight, found.shrunk_difference) == (1, found.difference)


def test_without_a_rope_the_probability_is_half_of_scipys_p_with_the_correction() -> None:
    error = math.sqrt(0.35) * DIFFERENCES.std(ddof=1)

    shares = probabilities(0.015, error, 9, 0.0)

    t = stats.ttest_1samp(DIFFERENCES.ravel(), 0).statistic / math.sqrt(10 * correction(5, 2))
    assert t == pytest.approx(2.347382, abs=1e-6)
    assert 2 * shares[2] == pytest.approx(2 * stats.t.sf(t, 9))
    assert 2 * shares[2] == pytest.approx(0.0434912, abs=1e-6)


def test_a_rope_takes_its_share_of_the_probability() -> None:
    shares = probabilities(0.015, 0.00639010, 9, 0.01)

    assert shares == pytest.approx((0.772981, 0.225243, 0.001776), abs=1e-6)
    found = compare(A, B, rope=0.01)
    assert found.verdict == "cannot tell"
    assert [found.p_a, found.p_b] == pytest.approx([0.772981, 0.01], abs=1e-6)


@pytest.mark.parametrize(
    ("spread", "weight", "p_a", "shrunk", "verdict"),
    [
        (2e-4, 0.907372, 0.973910, 0.0136106, "a better"),
        (2e-5, 0.494845, 0.933461, 0.0074227, "cannot tell"),
    ],
)
def test_a_study_that_varies_little_pulls_its_pairs_together(
    spread: float, weight: float, p_a: float, shrunk: float, verdict: Verdict
) -> None:
    found = compare(A, B, spread=spread)

    assert found.weight == pytest.approx(weight, abs=1e-6)
    assert found.p_a == pytest.approx(p_a, abs=1e-6)
    assert found.shrunk_difference == pytest.approx(shrunk, abs=1e-6)
    assert found.verdict == verdict
    assert found.difference == pytest.approx(0.015)


@pytest.mark.parametrize("rope", [0.0, 0.01])
def test_a_study_that_varies_by_chance_alone_leaves_an_even_chance(rope: float) -> None:
    found = compare(A, B, rope=rope, spread=0.0)

    assert (found.p_a, found.p_b, found.verdict) == (0.5, 0.5, "cannot tell")
    assert found.reason == NO_SPREAD
    assert shrinkage(0.1, 0.0) == 0


def test_exchanging_both_turns_the_answer_around() -> None:
    found, turned = compare(A, B, rope=0.002), compare(B, A, rope=0.002)

    assert turned.verdict == "b better"
    assert [turned.p_a, turned.p_equal, turned.p_b] == pytest.approx(
        [found.p_b, found.p_equal, found.p_a]
    )
    assert [turned.low, turned.high] == pytest.approx([-found.high, -found.low])


def test_a_difference_that_surely_does_not_matter_is_practically_equal() -> None:
    found = compare(A, B, rope=0.05)

    assert found.verdict == "practically equal"
    assert found.p_equal == 0.99


@pytest.mark.parametrize(
    ("shift", "rope", "verdict", "p_a"),
    [
        (0.0, 0.01, "practically equal", 0.01),
        (0.0, 0.0, "cannot tell", 0.5),
        (0.1, 0.01, "a better", 0.99),
        (-0.1, 0.0, "b better", 0.01),
    ],
)
def test_a_difference_that_is_the_same_on_all_folds_has_no_error(
    shift: float, rope: float, verdict: Verdict, p_a: float
) -> None:
    found = compare(B + shift, B, rope=rope)

    assert (found.verdict, found.p_a) == (verdict, p_a)
    assert found.d_z == (math.copysign(math.inf, shift) if shift else 0)


def test_only_folds_that_both_have_are_compared() -> None:
    a, b = A.copy(), B.copy()
    a[0, 0] = b[1, 4] = NAN

    found = compare(a, b)

    shared = np.delete(DIFFERENCES, [0, 9])
    error = math.sqrt((1 / 8 + 1 / 4) * shared.var(ddof=1))
    expected = stats.t.interval(0.95, 7, shared.mean(), error)
    assert [found.low, found.high] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        (A[:1], B, "Both trials were scored on different folds."),
        (A[:1, :4], B[:1, :4], "Fits in common: 4, and it takes 5."),
        (np.full((2, 5), NAN), B, "Fits in common: 0, and it takes 5."),
        (A.reshape(10, 1), B.reshape(10, 1), "One fold of unknown size."),
    ],
)
def test_what_cannot_be_compared_says_why(a: Array, b: Array, reason: str) -> None:
    found = compare(a, b)

    assert (found.verdict, found.reason) == ("cannot tell", reason)
    assert np.isnan([found.p_a, found.p_equal, found.p_b, found.low, found.high]).all()


def test_held_out_fifths_are_compared_like_folds() -> None:
    held_out = compare(A.reshape(10, 1), B.reshape(10, 1), test_ratio=0.25)

    assert held_out.p_a == pytest.approx(compare(A, B).p_a)


def test_another_level_widens_the_interval_alone() -> None:
    found = compare(A, B, level=0.99)

    expected = stats.t.interval(0.99, 9, 0.015, math.sqrt(0.35) * DIFFERENCES.std(ddof=1))
    assert (found.low, found.high) == pytest.approx(expected)
    assert found.p_a == compare(A, B).p_a


def test_the_spread_of_a_table_without_chance_is_the_variance_of_its_means() -> None:
    means, folds = np.arange(20.0), np.array([0.0, 5, 1, 7, 3])
    scores = (means[:, np.newaxis] + folds)[:, np.newaxis]

    assert study_spread(scores) == pytest.approx(np.var(means, ddof=1))


def test_the_spread_of_a_small_table_worked_by_hand() -> None:
    # Rows of 0 or 1 with residuals ±e in a pattern that no row or column mean sees.
    means = np.repeat([0.0, 1.0], 10)
    signs = np.where(np.arange(20) % 2, 1.0, -1.0)
    pattern = 0.3 * np.outer(signs, [1, -1, 1, -1, 0])
    scores = (means[:, np.newaxis] + pattern)[:, np.newaxis]

    by_chance = 20 * 4 * 0.3**2 / (19 * 4)
    assert study_spread(scores) == pytest.approx(20 * 0.25 / 19 - 0.45 * by_chance)


@pytest.mark.parametrize("truth", [0.5, 2.0])
def test_the_spread_is_found_again_on_average(truth: float) -> None:
    found = [study_spread(study(seed, 60, truth)) for seed in range(300)]

    values = np.array(found, dtype=np.float64)
    error = values.std(ddof=1) / math.sqrt(len(values))
    assert values.mean() == pytest.approx(truth, abs=3.5 * error)


def test_a_study_of_equal_trials_has_no_spread_about_half_of_the_time() -> None:
    found = [study_spread(study(seed, 60, 0.0)) for seed in range(200)]

    assert 0.35 < np.mean([spread == 0 for spread in found]) < 0.65


def test_a_fit_that_diverged_does_not_hide_the_spread_of_the_others() -> None:
    scores = study(0, 60, 2.0)
    diverged = np.concatenate([scores, scores[:1]])
    diverged[-1, 1, 3] = -1e9
    missing = np.concatenate([scores, np.full((1, 2, 5), NAN)])

    assert study_spread(diverged) == pytest.approx(study_spread(scores))
    assert study_spread(missing) == study_spread(scores)


def test_a_few_trials_or_folds_do_not_tell_their_spread() -> None:
    assert study_spread(study(0, 19, 1.0)) is None
    assert study_spread(study(0, 30, 1.0)[:, :1, :4]) is None
    assert study_spread(study(0, 30, 1.0).reshape(30, 10, 1)) is None


def compared(scores: Array, row_a: int, row_b: int, rope: float = 0.0) -> Comparison:
    return compare(scores[row_a], scores[row_b], rope=rope)


def test_a_pair_with_the_leader_follows_the_ranking() -> None:
    # The pair alone would be told apart; the leader of 30 was chosen for its score.
    scores = np.concatenate([A[np.newaxis], B[np.newaxis], np.repeat(A[np.newaxis], 28, 0)])
    noise = np.random.default_rng(0).normal(0, 0.01, (28, 2, 5))
    scores[2:] += noise - 0.002 - noise.mean(axis=(1, 2), keepdims=True)
    ranking = rank(scores)

    pair = compared(scores, 0, 1)

    assert (ranking.leader, ranking.badge, ranking.tied[1]) == (0, False, True)
    assert pair.verdict == "a better"
    assert verdict_beside_leader(pair, ranking, 0, 1) == "cannot tell"
    turned = compared(scores, 1, 0)
    assert verdict_beside_leader(turned, ranking, 1, 0) == "cannot tell"
    equal = compared(scores, 0, 1, rope=0.05)
    assert verdict_beside_leader(equal, ranking, 0, 1) == "practically equal"
    apart = compared(scores, 1, 2)
    assert verdict_beside_leader(apart, ranking, 1, 2) == apart.verdict


def test_a_clear_winner_is_better_than_any_other_and_a_missing_one_unknown() -> None:
    scores = np.stack([B, B + 3 * DIFFERENCES + 0.1, np.full((2, 5), NAN), B - DIFFERENCES])
    ranking = rank(scores)

    assert ranking.badge
    for row, expected in ((0, "a better"), (2, "cannot tell"), (3, "a better")):
        pair = compared(scores, 1, row)
        assert verdict_beside_leader(pair, ranking, 1, row) == expected
    turned = compared(scores, 0, 1)
    assert verdict_beside_leader(turned, ranking, 0, 1) == "b better"


def test_the_true_difference_is_inside_in_nineteen_pairs_of_twenty() -> None:
    n_inside = 0
    for seed in range(2000):
        a, b = study(seed, 2, 0.0)
        found = compare(a + 0.7, b)
        n_inside += found.low < 0.7 < found.high

    assert n_inside / 2000 == pytest.approx(0.95, abs=0.017)  # 3.5 standard errors
