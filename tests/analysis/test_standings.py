"""How the trials of a study stand, in tables worked out by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.judged_scores import LEADS, TIES, make_race, make_scores, make_spec
from tuning.analysis.standings import (
    Confirmed,
    leader_of,
    own_interval,
    standings,
    usable,
)
from tuning.analysis.study_scores import StudyScores
from tuning.analysis.ties import rank

T4 = 2.776445  # quantile 0.975 of Student's t with 4 degrees of freedom
C5 = 1 / 5 + 1 / 4
GAPS = ["gap", "gap_low", "gap_high"]


def stand(
    rows: Sequence[Sequence[float]] | Mapping[int, Sequence[float]],
    race: Confirmed | None = None,
    *,
    score: str = "accuracy",
    more: Mapping[int, Sequence[Sequence[float]]] | None = None,
) -> tuple[pd.DataFrame, StudyScores]:
    scores = make_scores(make_spec(evaluation={"score": score}), rows, more)
    return standings(scores, rank(scores.searched()), race, None, None), scores


def half(row: Sequence[float]) -> float:
    return T4 * math.sqrt(C5 * float(np.var(row, ddof=1)))


def test_a_clear_winner_stands_alone_on_the_first_rank() -> None:
    table, _ = stand(LEADS)

    assert table.index.tolist() == [0, 1, 2]
    assert table["mean"].tolist() == pytest.approx([0.81, 0.758, 0.72])
    assert table["half_width"].tolist() == pytest.approx([half(row) for row in LEADS], rel=1e-6)
    assert table["gap"].tolist() == pytest.approx([0.0, 0.052, 0.09])
    assert table["tie"].tolist() == ["leader", "worse", "worse"]
    assert table["rank"].tolist() == [1, 2, 3]
    assert table["n_repeats"].tolist() == [1, 1, 1]
    assert (table["gap_low"] > 0).tolist() == [False, True, True]


def test_the_interval_of_a_gap_touches_zero_exactly_where_trials_tie() -> None:
    table, _ = stand(TIES)

    assert table["tie"].tolist() == ["leader", "tied", "worse"]
    assert table["rank"].tolist() == [1, 1, 3]
    assert (table["gap_low"] <= 0).tolist() == [True, True, False]


def test_losses_stand_in_their_own_units_and_gaps_with_ahead_above_zero() -> None:
    losses = [[1 - score for score in row] for row in LEADS]

    table, _ = stand(losses, score="rmse")

    assert table["mean"].tolist() == pytest.approx([0.19, 0.242, 0.28])
    assert table["half_width"].tolist() == pytest.approx([half(row) for row in LEADS], rel=1e-6)
    assert table["gap"].tolist() == pytest.approx([0.0, 0.052, 0.09])
    assert table["tie"].tolist() == ["leader", "worse", "worse"]


def test_a_trial_that_lacks_a_fit_is_not_compared_and_never_worse() -> None:
    rows = {0: LEADS[0], 2: LEADS[1], 5: [0.9, 0.9, math.nan, 0.9, 0.9]}

    table, _ = stand(rows)

    assert table["tie"].loc[5] == "not compared"
    assert table["rank"].loc[5] == 0
    assert math.isnan(table["gap"].loc[5])
    assert table["n_repeats"].loc[5] == 0
    assert table["tie"].loc[0] == "leader"


def test_a_trial_with_further_repeats_has_its_score_over_all_of_them() -> None:
    further = [[0.70, 0.74, 0.72, 0.73, 0.71], [0.75, 0.77, 0.75, 0.76, 0.77]]

    table, scores = stand(LEADS, more={1: further})

    fits = np.array([LEADS[1], *further]).ravel()
    factor = 1 / 15 + 1 / 4
    expected = stats.t.ppf(0.975, 14) * math.sqrt(factor * fits.var(ddof=1))
    assert table["mean"].loc[1] == pytest.approx(fits.mean())
    assert table["half_width"].loc[1] == pytest.approx(expected)
    assert table["n_repeats"].tolist() == [1, 3, 1]
    assert table["gap"].loc[1] == pytest.approx(0.052)  # on the folds that both have
    interval = own_interval(scores, 1, None, None)
    assert interval is not None
    assert interval.mean == pytest.approx(fits.mean())


def test_the_interval_of_a_loss_has_its_ends_in_order() -> None:
    scores = make_scores(make_spec(evaluation={"score": "rmse"}), [[1.0, 2.0, 3.0, 4.0, 5.0]])

    interval = own_interval(scores, 0, None, None)

    assert interval is not None
    assert interval.mean == 3.0
    assert interval.low < 3.0 < interval.high
    assert interval.half_width == pytest.approx(half([1, 2, 3, 4, 5]), rel=1e-6)


def test_a_trial_that_is_not_there_or_lacks_fits_has_no_interval() -> None:
    scores = make_scores(make_spec(), [[0.8, math.nan, 0.8, 0.8, 0.8]])

    assert own_interval(scores, 7, None, None) is None
    assert own_interval(scores, 0, None, None) is None


def test_the_first_of_a_race_leads_whoever_led_the_search() -> None:
    rows = [*TIES, [0.60, 0.61, 0.62, 0.63, 0.60]]
    race = make_race([1, 0], [0, 1])
    further = {n: [[0.8] * 5] * 3 for n in (0, 1)}

    table, scores = stand(rows, race, more=further)

    assert leader_of(scores, rank(scores.searched()), race) == 1
    assert table["tie"].tolist() == ["tied", "leader", "worse", "worse"]
    assert table["rank"].tolist() == [1, 1, 3, 4]
    assert table[GAPS].to_numpy()[0].tolist() == [0.0, -0.02, 0.02]
    assert table[GAPS].to_numpy()[1].tolist() == [0.0, 0.0, 0.0]
    # Trial 1 was 0.006 behind in the search, so that others are that much less behind it.
    assert table["gap"].tolist()[2:] == pytest.approx([0.084, 0.192])
    assert table["n_repeats"].tolist() == [4, 4, 1, 1]
    assert table["mean"].loc[1] == pytest.approx((0.804 + 3 * 0.8) / 4)


def test_a_trial_that_did_not_enter_ties_where_its_gap_to_the_new_leader_may_be_nothing() -> (
    None
):
    # Trial 2 is 0.012 ± 0.0115 behind trial 0: surely behind it, but not behind trial 1.
    steps = np.array([-1.2649111, -0.6324555, 0.0, 0.6324555, 1.2649111])
    noise = 0.0115 / (stats.t.ppf(0.98, 4) * math.sqrt(C5)) * steps
    first = np.array([0.80, 0.82, 0.81, 0.83, 0.79])
    rows = [first, first - 0.006 - 2 * noise, first - 0.012 - noise]

    before, _ = stand([row.tolist() for row in rows])
    after, _ = stand([row.tolist() for row in rows], make_race([1], [0, 1]))

    assert before["tie"].tolist() == ["leader", "tied", "worse"]
    assert after["tie"].tolist() == ["worse", "leader", "tied"]
    assert after["gap_low"].loc[2] <= 0 < after["gap"].loc[2]


def test_who_left_a_race_for_a_missing_fit_is_not_compared_and_never_worse() -> None:
    race = make_race([0], [0, 1, 2], gaps={0: (0.0, 0.0, 0.0, 4), 1: (0.01, -0.02, 0.04, 2)})

    table, _ = stand(TIES, race)

    assert table["tie"].tolist() == ["leader", "not compared", "not compared"]
    assert table["rank"].tolist() == [1, 0, 0]
    assert table["gap"].iloc[1:].isna().all()


def test_who_was_left_behind_in_a_race_is_worse_and_ranks_by_the_gap() -> None:
    gaps = {0: (0.0, 0.0, 0.0, 4), 1: (0.08, 0.02, 0.1, 2), 2: (0.03, 0.01, 0.1, 2)}

    table, _ = stand([LEADS[0]] * 3, make_race([0], [0, 1, 2], gaps=gaps))

    assert table["tie"].tolist() == ["leader", "worse", "worse"]
    assert table["rank"].tolist() == [1, 3, 2]


@pytest.mark.parametrize(("low", "tie"), [(0.01, "worse"), (-0.01, "tied")])
def test_default_settings_that_ran_beside_the_race_stand_by_all_their_repeats(
    low: float, tie: str
) -> None:
    gaps = {0: (0.05, low, 0.09, 10), 1: (0.0, 0.0, 0.0, 10), 2: (0.03, -0.01, 0.1, 10)}

    table, _ = stand([LEADS[0]] * 3, make_race([1, 2], [1, 2], gaps=gaps))

    assert table["tie"].tolist() == [tie, "leader", "tied"]
    assert table["gap_low"].loc[0] == low
    assert table["rank"].tolist() == [3 if tie == "worse" else 1, 1, 1]


def test_a_race_counts_only_with_survivors_that_are_all_there() -> None:
    scores = make_scores(make_spec(), TIES)

    assert usable(None, scores) is None
    assert usable(make_race([], [0, 1]), scores) is None
    assert usable(make_race([1, 9], [1, 9]), scores) is None
    assert usable(make_race([1, 0], [1, 9, 0]), scores) is not None


@pytest.mark.parametrize("changes", [{}, {"need_rows": 2400.0, "n_fits": 60}])
def test_a_race_is_read_back_from_json_as_it_was(changes: dict[str, Any]) -> None:
    race = make_race([3, 0], [0, 3, 12], **changes)

    assert Confirmed.of(json.loads(json.dumps(race.to_dict()))) == race
    assert Confirmed.of({}) is None
