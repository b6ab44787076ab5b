"""Two trials side by side: the numbers of trust.md 3, and what may be said of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.judged_scores import make_info, make_race, make_scores, make_spec
from tuning.analysis.pair_words import Pair, compare_trials, signed_with_error
from tuning.analysis.verdict import Facts, judge

D = [0.02, 0.01, 0.03, 0, 0.02, 0.01, 0.02, 0.03, 0.01, 0]
LOW = [0.70, 0.72, 0.69, 0.71, 0.70, 0.72, 0.69, 0.71, 0.70, 0.72]
HIGH = [low + d for low, d in zip(LOW, D, strict=True)]
FAR = [low + 0.2 + d for low, d in zip(LOW, D[::-1], strict=True)]


def pair_of(
    a: int, b: int, *, rope: float = 0.01, score: str = "accuracy", **facts: Any
) -> Pair:
    """Compare two of three trials; trial 2 leads, far ahead."""
    spec = make_spec(n_repeats=2, evaluation={"score": score})
    sign = -1 if score == "log_loss" else 1
    rows = [[sign * one for one in row] for row in (LOW, HIGH, FAR)]
    scores = make_scores(spec, rows)
    given: dict[str, Any] = {
        "is_running": False,
        "n_ended": 3,
        "n_failed": 0,
        "info": make_info(),
    }
    found = judge(spec, scores, Facts(**(given | facts)))
    pair = compare_trials(scores, found, (a, b), rope=rope, spread=None)
    assert pair is not None
    return pair


def test_the_difference_has_its_interval_and_three_probabilities() -> None:
    pair = pair_of(1, 0)

    assert pair.difference == pytest.approx(0.015)
    assert pair.comparison.low == pytest.approx(0.000545, abs=1e-6)
    assert pair.comparison.high == pytest.approx(0.029455, abs=1e-6)
    assert pair.comparison.p_a == pytest.approx(0.772981, abs=1e-6)
    assert pair.comparison.p_equal == pytest.approx(0.225243, abs=1e-6)
    assert pair.comparison.p_b == 0.01  # .001776, not shown below 1 %
    assert pair.interval == "+0.015 ± 0.014"
    assert pair.n_fits == 10


def test_a_loss_that_is_lower_is_better_and_its_difference_is_below_zero() -> None:
    pair = pair_of(1, 0, score="log_loss", rope=0.0)

    assert pair.difference == pytest.approx(-0.015)
    assert pair.comparison.p_a == pytest.approx(0.978254, abs=1e-6)
    assert pair.sentence == "Trial 1 is better than trial 0 on the same 10 fits."


@pytest.mark.parametrize(
    ("rope", "sentence"),
    [
        (0.0, "Trial 1 is better than trial 0 on the same 10 fits."),
        (
            0.01,
            "Whether trial 1 is better than trial 0 cannot be told from the same 10 fits.",
        ),
        (
            0.05,
            "Trials 1 and 0 are practically equal: almost surely they differ by no more than "
            + "0.05.",
        ),
    ],
)
def test_the_sentence_follows_the_smallest_difference_that_matters(
    rope: float, sentence: str
) -> None:
    assert pair_of(1, 0, rope=rope).sentence == sentence


def test_beside_the_leader_the_ranking_of_the_study_has_the_word() -> None:
    assert pair_of(0, 2).sentence == "Trial 2 is better than trial 0 on the same 10 fits."
    assert pair_of(0, 2).verdict == "b better"

    untold = pair_of(2, 0, n_failed=1)  # a third of the trials failed

    assert untold.comparison.p_a == 0.99
    assert untold.sentence == (
        "Whether trial 2 is better than trial 0 cannot be told from the same 10 fits. One of "
        + "them leads because of these scores, which makes it look better than it is."
    )


def test_a_race_decides_who_leads() -> None:
    race = make_race([0, 1], [2, 0, 1])

    pair = pair_of(1, 0, rope=0.0, confirmed=race)

    assert pair.comparison.p_a > 0.95
    assert pair.verdict == "cannot tell"  # trial 0 leads now, and 1 is tied with it


def test_repeats_that_only_one_of_the_two_has_are_left_out() -> None:
    spec = make_spec()
    scores = make_scores(spec, [LOW[:5], HIGH[:5]], {0: [[0.9] * 5] * 9})
    found = judge(spec, scores, Facts(is_running=False, n_ended=2, n_failed=0))

    pair = compare_trials(scores, found, (1, 0), rope=0.01, spread=None)

    assert pair is not None
    assert pair.n_fits == 5
    assert pair.difference == pytest.approx(sum(D[:5]) / 5)


def test_too_few_fits_are_said() -> None:
    spec = make_spec(3)
    scores = make_scores(spec, [LOW[:3], HIGH[:3]])
    found = judge(spec, scores, Facts(is_running=False, n_ended=2, n_failed=0))

    pair = compare_trials(scores, found, (1, 0), rope=0.01, spread=None)

    assert pair is not None
    assert pair.sentence == "Fits in common: 3, and it takes 5."
    assert pair.interval == "+0.020"


def test_a_trial_without_a_score_has_nobody_beside_it() -> None:
    spec = make_spec()
    scores = make_scores(spec, [LOW[:5]])
    found = judge(spec, scores, Facts(is_running=False, n_ended=1, n_failed=0))

    assert compare_trials(scores, found, (0, 7), rope=0.01, spread=None) is None


def test_differences_have_their_sign_and_no_more_digits_than_they_support() -> None:
    assert signed_with_error(0.0192, 0.0113) == "+0.019 ± 0.011"
    assert signed_with_error(-12.34, 4.2) == "-12 ± 4"
