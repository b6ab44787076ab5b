"""The judgement of a study: which verdict, whose score, and what it may not say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from tests.judged_scores import LEADS, TIES, make_info, make_race, make_scores, make_spec
from tuning.analysis.gain import Gain
from tuning.analysis.verdict import (
    MANY_FAILED,
    SAME_ROWS,
    Facts,
    Judgement,
    judge,
    score_of_trial,
)
from tuning.analysis.winner import HonestScore, Luck
from tuning.spec import StudySpec

STEPS = np.array([-1.2649111, -0.6324555, 0.0, 0.6324555, 1.2649111])  # deviation 1
SHOWN_NOT_EXCLUDED = 2.9 * math.sqrt(1 / 5 + 1 / 4)  # deviations: above 2.776, below 2.999


def judged(
    rows: Sequence[Sequence[float]] | Mapping[int, Sequence[float]],
    spec: StudySpec | None = None,
    *,
    more: Mapping[int, Sequence[Sequence[float]]] | None = None,
    **facts: Any,
) -> Judgement:
    spec = spec or make_spec()
    given: dict[str, Any] = {"is_running": False, "n_ended": len(rows), "n_failed": 0}
    return judge(spec, make_scores(spec, rows, more), Facts(**(given | facts)))


def test_a_clear_winner_leads() -> None:
    found = judged(LEADS)

    assert (found.kind, found.leader, found.n_tied, found.reason) == ("leads", 0, 0, None)
    assert found.mean == pytest.approx(0.81)
    assert found.score is not None
    assert found.score.half_width == pytest.approx(0.0294486, abs=1e-6)
    assert found.best_first == [0, 1, 2]


def test_a_runner_up_close_behind_ties() -> None:
    found = judged(TIES)

    assert (found.kind, found.leader, found.n_tied) == ("tied", 0, 1)


def test_of_losses_the_smallest_leads() -> None:
    spec = make_spec(evaluation={"score": "rmse"})

    found = judged([[1 - x for x in row] for row in reversed(LEADS)], spec)

    assert (found.kind, found.leader, found.sign) == ("leads", 2, -1)
    assert found.mean == pytest.approx(0.19)
    assert isinstance(found.luck, Luck)
    assert isinstance(found.honest, HonestScore)
    assert found.honest.cv == pytest.approx(-0.19)
    assert found.expected is not None
    assert found.expected.low < found.expected.mean < found.expected.high
    assert found.expected.mean == pytest.approx(0.19)  # each fold would choose the same


def test_a_study_without_a_score_has_nothing_to_say() -> None:
    running, over = judged({}, is_running=True), judged({})

    assert (running.kind, running.leader) == ("none", None)
    assert running.reason == "No trial has a score yet."
    assert over.reason == "No trial has a score."
    assert over.best_first == []
    assert math.isnan(over.mean)
    assert over.expected is None


def test_a_study_of_trials_that_all_lack_a_fit_has_nothing_to_say() -> None:
    found = judged([[0.8, math.nan, 0.8, 0.8, 0.8]])

    assert (found.kind, found.leader) == ("none", None)


def test_a_trial_that_lacks_a_fit_comes_last_however_good_it_looks() -> None:
    found = judged([[0.99, math.nan, 0.99, 0.99, 0.99], *TIES])

    assert found.leader == 1
    assert found.best_first == [1, 2, 3, 0]


@pytest.mark.parametrize(
    ("rows", "spec", "facts", "reason"),
    [
        (
            [row[:3] for row in LEADS],
            make_spec(3),
            {},
            "3 fits a trial: it takes 5 to tell trials apart.",
        ),
        (LEADS[:1], make_spec(), {}, "Only one trial has all its fits."),
        (
            LEADS,
            make_spec(),
            {"is_running": True},
            "The search still runs: wait for 10 trials.",
        ),
        (LEADS, make_spec(), {"n_ended": 4, "n_failed": 1}, MANY_FAILED),
    ],
)
def test_where_it_cannot_be_told_the_reason_is_given(
    rows: list[list[float]], spec: StudySpec, facts: dict[str, Any], reason: str
) -> None:
    found = judged(rows, spec, **facts)

    assert (found.kind, found.leader, found.reason) == ("cannot tell", 0, reason)


def test_one_failed_trial_in_ten_does_not_keep_a_verdict_back() -> None:
    assert judged(LEADS, n_ended=10, n_failed=1).kind == "leads"


def test_fits_on_the_same_test_rows_never_name_a_winner() -> None:
    rows = {"method": "test"}

    five = judged(LEADS, make_spec(n_repeats=5, evaluation=rows), info=make_info())
    one = judged([[0.8], [0.7]], make_spec(evaluation=rows), info=make_info())

    assert (five.kind, five.reason) == ("cannot tell", SAME_ROWS)
    assert one.reason == "1 fit a trial: it takes 5 to tell trials apart."
    assert one.table["tie"].tolist() == ["leader", "tied"]


def test_five_splits_drawn_anew_name_a_winner_that_is_far_ahead() -> None:
    spec = make_spec(n_repeats=5, evaluation={"method": "holdout"})

    found = judged(LEADS, spec, info=make_info(class_counts=(63, 62)))

    assert found.kind == "leads"
    assert found.honest == "One fold: a winner cannot be chosen without it."
    assert found.expected is None


def test_default_settings_that_tie_are_not_beaten() -> None:
    spec = make_spec(include_default=True)

    found = judged([TIES[1], TIES[0], TIES[2]], spec)

    assert (found.kind, found.leader) == ("default", 1)
    assert isinstance(found.gain, Gain)
    assert not found.gain.beats_default


def test_default_settings_that_lead_are_not_beaten() -> None:
    found = judged(LEADS, make_spec(include_default=True))

    assert (found.kind, found.leader) == ("default", 0)


def test_default_settings_that_are_behind_are_beaten() -> None:
    found = judged([LEADS[1], LEADS[0]], make_spec(include_default=True))

    assert (found.kind, found.leader) == ("leads", 1)
    assert isinstance(found.gain, Gain)
    assert found.gain.beats_default


def test_without_them_among_the_trials_the_default_settings_say_nothing() -> None:
    assert judged([TIES[1], TIES[0]], make_spec()).gain is None
    failed = judged({1: TIES[1], 2: TIES[0]}, make_spec(include_default=True))
    assert (failed.kind, failed.gain) == ("tied", None)


def test_a_gain_that_is_shown_is_not_denied_by_a_tie() -> None:
    # The leader passes the test of a gain, asked once, but not the stricter one of the badge.
    default = np.array([0.70, 0.72, 0.71, 0.73, 0.69])
    better = default + 0.01 * (SHOWN_NOT_EXCLUDED + STEPS)
    spec = make_spec(include_default=True)

    found = judged([default.tolist(), better.tolist()], spec)

    assert found.table["tie"].tolist() == ["tied", "leader"]
    assert isinstance(found.gain, Gain)
    assert found.gain.beats_default
    assert found.kind == "tied"


def test_default_settings_that_survive_a_race_are_not_beaten_whatever_the_search_showed() -> (
    None
):
    default = np.array([0.70, 0.72, 0.71, 0.73, 0.69])
    better = default + 0.01 * (SHOWN_NOT_EXCLUDED + STEPS)
    rows = [default.tolist(), better.tolist()]

    found = judged(rows, make_spec(include_default=True), confirmed=make_race([1, 0], [1, 0]))

    assert found.kind == "default"


def test_a_leader_that_new_rows_may_bring_down_to_guessing_does_not_beat_it() -> None:
    close = [[0.62, 0.63, 0.61, 0.64, 0.60], [0.55, 0.56, 0.54, 0.57, 0.53]]
    far = [[score + 0.2 for score in row] for row in close]

    assert judged(close, info=make_info()).kind == "guessing"
    assert judged(close).kind == "leads"  # nobody knows what guessing scores
    assert judged(far, info=make_info()).kind == "leads"


def test_the_best_of_many_has_to_beat_guessing_without_its_luck() -> None:
    rng = np.random.default_rng(3)
    rows = 0.6 + 0.02 * rng.normal(size=(200, 15))
    spec = make_spec(n_repeats=3)

    found = judged(rows.tolist(), spec, info=make_info(10_000))

    assert found.score is not None
    assert found.score.low > 0.6  # its own interval knows nothing of the other 199
    assert found.kind == "guessing"


def test_of_losses_guessing_is_beaten_from_below() -> None:
    spec = make_spec(evaluation={"score": "log_loss"})
    good = [[0.31, 0.32, 0.30, 0.33, 0.29], [0.51, 0.52, 0.50, 0.53, 0.49]]
    bad = [[score + 0.4 for score in row] for row in good]

    assert judged(good, spec, info=make_info()).kind == "leads"
    assert judged(bad, spec, info=make_info()).kind == "guessing"


def test_the_cheapest_has_the_fewest_weights_and_of_several_the_shortest_training() -> None:
    rows = [TIES[0], TIES[1], TIES[0], TIES[2]]
    weights, seconds = {0: 50, 1: 20, 2: 20, 3: 1}, {0: 1.0, 1: 3.0, 2: 2.0, 3: 0.1}

    found = judged(rows, n_weights=weights, seconds=seconds)

    assert found.table["tie"].tolist() == ["leader", "tied", "tied", "worse"]
    assert found.cheapest == 2
    assert judged(rows).cheapest == 0  # nothing is known of any: the first


def test_a_winner_is_expected_to_score_what_it_did_where_every_fold_would_choose_it() -> None:
    found = judged(LEADS)

    assert found.expected is not None
    assert found.expected.mean == pytest.approx(0.81)


def test_a_winner_by_luck_is_expected_to_score_less() -> None:
    rows = [[0.80, 0.70, 0.75, 0.71], [0.70, 0.80, 0.74, 0.72], [0.72, 0.71, 0.73, 0.815]]

    found = judged(rows, make_spec(4))
    adaptive = judged(rows, make_spec(4, sampler={"kind": "tpe", "n_trials": 3}))
    refined = judged(rows, make_spec(4, is_refined=True))

    assert found.mean == pytest.approx(0.74375)  # trust.md, section 4, tests 1 and 2
    assert found.expected is not None
    assert found.expected.mean == pytest.approx(0.7125)
    assert found.expected.half_width == pytest.approx(0.0305848, abs=1e-6)
    assert adaptive.expected is not None
    assert adaptive.expected.mean == pytest.approx(0.696875)
    assert refined.expected == adaptive.expected


def test_a_winner_is_never_expected_to_score_better_than_over_all_its_repeats() -> None:
    race = make_race([0], [0, 1])
    worse = {0: [[0.70, 0.72, 0.71, 0.73, 0.69]] * 3}

    found = judged(LEADS, more=worse, confirmed=race)

    assert found.mean == pytest.approx((0.81 + 3 * 0.71) / 4)
    assert found.expected is not None
    assert found.expected.mean == pytest.approx(found.mean)
    plain = judged(LEADS).expected
    assert plain is not None
    assert found.expected.half_width == pytest.approx(plain.half_width)


def test_that_holds_for_losses_too() -> None:
    spec = make_spec(evaluation={"score": "rmse"})
    losses = [[1 - x for x in row] for row in LEADS]
    worse = {0: [[0.30, 0.28, 0.29, 0.27, 0.31]] * 3}

    found = judged(losses, spec, more=worse, confirmed=make_race([0], [0, 1]))

    assert found.mean == pytest.approx((0.19 + 3 * 0.29) / 4)
    assert found.expected is not None
    assert found.expected.mean == pytest.approx(found.mean)
    assert found.expected.low < found.expected.mean < found.expected.high


def test_who_wins_the_race_leads_with_its_score_over_all_repeats() -> None:
    further = {0: [[0.79] * 5] * 3, 1: [[0.84] * 5] * 3}

    found = judged(TIES, more=further, confirmed=make_race([1], [0, 1]))

    assert (found.kind, found.leader, found.n_tied) == ("leads", 1, 0)
    assert found.mean == pytest.approx((0.804 + 3 * 0.84) / 4)
    assert found.score is not None
    assert found.score.mean == pytest.approx(found.mean)
    assert found.best_first == [1, 0, 2]


def test_a_race_without_a_winner_leaves_a_tie() -> None:
    found = judged(TIES, confirmed=make_race([0, 1], [0, 1]))

    assert (found.kind, found.n_tied) == ("tied", 1)


def test_a_race_tells_what_too_few_fits_could_not() -> None:
    rows = [row[:3] for row in TIES]

    found = judged(rows, make_spec(3), confirmed=make_race([0], [0, 1]))

    assert (found.kind, found.reason) == ("leads", None)


def test_a_race_does_not_tell_how_good_failed_trials_were() -> None:
    found = judged(LEADS, confirmed=make_race([0], [0, 1]), n_ended=4, n_failed=1)

    assert (found.kind, found.reason) == ("cannot tell", MANY_FAILED)


def test_a_race_that_never_began_changes_nothing() -> None:
    found = judged(TIES, confirmed=make_race([], [0, 1]))

    assert found.confirmed is None
    assert (found.kind, found.leader, found.n_tied) == ("tied", 0, 1)
    assert found.table.equals(judged(TIES).table)


def test_a_trial_with_more_repeats_by_hand_shows_the_score_over_all_of_them() -> None:
    found = judged(LEADS, more={0: [[0.71] * 5]})

    assert found.leader == 0
    assert found.mean == pytest.approx(0.76)
    assert found.score is not None
    assert found.score.mean == pytest.approx(0.76)


def test_the_score_of_a_trial_is_that_over_all_its_repeats() -> None:
    spec = make_spec(evaluation={"score": "r2"})
    scores = make_scores(spec, TIES, more={1: [[0.9] * 5]})

    found = score_of_trial(spec, scores, 1, make_info())

    assert found is not None
    assert found.mean == pytest.approx((0.804 + 0.9) / 2)
    assert score_of_trial(spec, scores, 9, make_info()) is None


@pytest.mark.parametrize(("n_folds", "n_repeats"), [(5, 1), (5, 3)])
@pytest.mark.parametrize("n_trials", [2, 3, 20])
def test_equal_trials_under_different_names_are_rarely_told_apart(
    n_trials: int, n_folds: int, n_repeats: int
) -> None:
    rng = np.random.default_rng(7)
    spec, n_studies, n_winners = make_spec(n_folds, n_repeats), 150, 0
    for _ in range(n_studies):
        folds = 0.8 + 0.02 * rng.normal(size=(1, n_folds * n_repeats))
        rows = folds + 0.01 * rng.normal(size=(n_trials, n_folds * n_repeats))
        n_winners += judged(rows.tolist(), spec).kind == "leads"

    assert n_winners <= 0.05 * n_studies


def test_trials_that_are_the_same_to_the_last_digit_all_tie() -> None:
    found = judged([LEADS[0]] * 4)

    assert (found.kind, found.leader, found.n_tied) == ("tied", 0, 3)
    assert found.table["rank"].tolist() == [1, 1, 1, 1]
