"""The search as lines: in the order the trials finished, and in the units of the score."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from storage.reading import Trials
from storage.results import TrialRow
from tuning.analysis.gain import OVERTUNING, gain_over_default
from tuning.analysis.search_curve import SearchCurve, search_curve
from tuning.analysis.search_lines import (
    best_finding,
    curve_table,
    default_line,
    honest_table,
    luck_line,
    overtuning,
    shown_table,
)
from tuning.analysis.study_scores import ScoreBook, StudyScores
from tuning.analysis.verdict import Facts, Judgement, judge
from tuning.spec import StudySpec

# Section 4 of the specification, made five folds by one that is the mean of the others.
ROWS = np.array([[0.80, 0.70, 0.75, 0.71], [0.70, 0.80, 0.74, 0.72], [0.72, 0.71, 0.73, 0.815]])
FIVE = np.column_stack([ROWS, ROWS.mean(axis=1)])


def make_spec(score: str = "accuracy", folds: int = 5, **options: Any) -> StudySpec:
    return StudySpec.parse(
        {
            "name": "x",
            "data": {"dataset": "pima"},
            "space": {"batch_size": {"kind": "list", "values": [10, 20, 40]}},
            "evaluation": {"folds": folds, "score": score},
            **options,
        }
    )


def study(spec: StudySpec, rows: np.ndarray[Any, Any]) -> tuple[Trials, StudyScores]:
    """Return a study whose trials finished in the opposite order of their numbers."""
    book = ScoreBook(spec)
    trials = []
    for number, folds in enumerate(rows.tolist()):
        book.take([(number, 0, fold, score) for fold, score in enumerate(folds)])
        row = TrialRow(
            number,
            "COMPLETE",
            {"batch_size": 10},
            score=float(np.mean(folds)),
            finished_at=float(len(rows) - number),
        )
        trials.append(tuple((row.__dict__ | {"params": json.dumps(row.params)}).values()))
    return Trials(trials), book.scores(range(len(rows)))


def judgement(spec: StudySpec, scores: StudyScores) -> Judgement:
    n = len(scores.numbers)
    return judge(spec, scores, Facts(is_running=False, n_ended=n, n_failed=0))


def table_of(found: pd.DataFrame | str) -> pd.DataFrame:
    assert isinstance(found, pd.DataFrame)
    return found


def test_the_best_so_far_follows_the_order_the_trials_finished() -> None:
    spec = make_spec()
    trials, scores = study(spec, FIVE)

    table = table_of(honest_table(trials, scores))

    means = FIVE.mean(axis=1)[::-1]
    assert table["finished"].tolist() == [1, 2, 3]
    assert table["shown"].tolist() == pytest.approx(np.maximum.accumulate(means))
    assert table["honest"].iloc[0] == pytest.approx(means[0])
    assert (table["honest"] <= table["shown"] + 1e-12).all()


def test_one_trial_has_the_corrected_interval_of_its_folds() -> None:
    spec = make_spec()
    trials, scores = study(spec, FIVE[:1])

    table = table_of(honest_table(trials, scores))

    error = math.sqrt((1 / 5 + 1 / 4) * FIVE[0].var(ddof=1))
    half = stats.t.ppf(0.975, 4) * error
    assert table["low"].iloc[0] == pytest.approx(FIVE[0].mean() - half)
    assert table["high"].iloc[0] == pytest.approx(FIVE[0].mean() + half)


def test_a_loss_is_the_mirror_image_of_a_gain() -> None:
    gain = table_of(honest_table(*study(make_spec("r2"), FIVE)))
    loss = table_of(honest_table(*study(make_spec("mse"), 2 - FIVE)))

    for column, other in [("shown", "shown"), ("honest", "honest"), ("low", "high")]:
        assert loss[other].tolist() == pytest.approx((2 - gain[column]).tolist())


def test_two_folds_say_why_there_is_no_honest_score_and_the_best_stays() -> None:
    spec = make_spec(folds=2)
    trials, scores = study(spec, FIVE[:, :2])

    assert honest_table(trials, scores) == "2 fits a trial: an honest score takes 4."
    table = shown_table(trials, spec.direction)
    assert table["finished"].tolist() == [1, 2, 3]  # 0.715, then 0.75 twice; the last is kept
    assert table["shown"].tolist() == pytest.approx([0.715, 0.75, 0.75])
    assert table[["honest", "low", "high"]].isna().all(axis=None)


def test_the_finding_is_the_score_to_expect_or_since_when_the_best_leads() -> None:
    spec = make_spec()
    trials, scores = study(spec, FIVE)
    two = make_spec(folds=2)
    few_trials, few = study(two, FIVE[:, :2])

    assert best_finding(judgement(spec, scores), trials, "maximize").startswith(
        "Expected on new data 0.7"
    )
    assert best_finding(judgement(two, few), few_trials, "maximize") == (
        "Trial 1 is the best so far; 1 later trial is not better."
    )


def test_levels_are_in_the_units_of_the_score() -> None:
    spec = make_spec("mse", include_default=True)
    _, scores = study(spec, 2 - FIVE)
    found = judgement(spec, scores)

    assert default_line(spec, scores) == pytest.approx(2 - FIVE[0].mean())
    assert default_line(make_spec("mse"), scores) is None
    assert not isinstance(found.luck, str)
    assert luck_line(found) == pytest.approx(-found.luck.expected)
    assert 1.0 < float(luck_line(found) or 0) < 2 - np.median(FIVE.mean(axis=1))


def test_fresh_repeats_do_not_move_the_level_of_the_default_settings() -> None:
    spec = make_spec(include_default=True)
    book = ScoreBook(spec)
    book.take([(0, repeat, fold, 0.7 + 0.1 * repeat) for repeat in (0, 1) for fold in range(5)])

    assert default_line(spec, book.scores([0])) == pytest.approx(0.7)


def test_a_warning_needs_a_gain_that_is_less_than_its_luck() -> None:
    spec = make_spec(include_default=True)
    rows = 0.7 + 0.02 * np.random.default_rng(1).standard_normal((40, 5))
    scores = study(spec, rows)[1]
    found = judgement(spec, scores)
    gain = gain_over_default(scores.searched())
    assert not isinstance(gain, str)

    lucky = dataclasses.replace(gain, overtuning_likely=True)
    real = dataclasses.replace(gain, overtuning_likely=False)

    assert overtuning(dataclasses.replace(found, gain=lucky)) == OVERTUNING
    assert overtuning(dataclasses.replace(found, gain=real)) == ""
    assert overtuning(dataclasses.replace(found, gain=None)) == ""


def test_the_curve_has_a_corrected_interval_that_ends_where_scores_end() -> None:
    scores = study(make_spec(), FIVE)[1].searched()
    curve = search_curve(scores)
    assert isinstance(curve, SearchCurve)
    critical = stats.t.ppf(0.975, 4)

    table = curve_table(curve, "other", 1)
    loss = curve_table(curve, "other", -1)
    near_one = dataclasses.replace(curve, score=curve.score + 0.29)
    share = curve_table(near_one, "share", 1)

    assert table["n_trials"].tolist() == [1, 2, 3]
    half = critical * curve.standard_error
    assert (table["high"] - table["score"]).tolist() == pytest.approx(half)
    assert (table["score"] - table["low"]).tolist() == pytest.approx(half)
    assert loss["high"].tolist() == pytest.approx((-table["low"]).tolist())
    assert share["high"].tolist() == pytest.approx(np.minimum(near_one.score + half, 1))
