"""Gaps to the leader: which trials are drawn, on which side, and what they show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.judged_scores import LEADS, TIES, make_info, make_race, make_scores, make_spec
from tuning.analysis.gaps import gap_finding, gap_table, not_compared
from tuning.analysis.verdict import Facts, Judgement, judge
from tuning.spec import StudySpec


def found_of(rows: list[list[float]], spec: StudySpec | None = None, **facts: Any) -> Judgement:
    """Judge made-up scores."""
    spec = spec or make_spec()
    scores = make_scores(spec, rows, facts.pop("more", None))
    given: dict[str, Any] = {
        "is_running": False,
        "n_ended": len(rows),
        "n_failed": 0,
        "info": make_info(),
    }
    return judge(spec, scores, Facts(**(given | facts)))


def test_intervals_of_exactly_the_tied_trials_touch_zero() -> None:
    rng = np.random.default_rng(5)
    rows = (0.8 - 0.004 * np.arange(30)[:, None] + rng.normal(0, 0.01, (30, 5))).tolist()
    found = found_of(rows)

    table = gap_table(found, range(30), most=30)

    touches = (table["low"] <= 0) & (table["high"] >= 0)
    assert touches.tolist() == table["tie"].isin(["leader", "tied"]).tolist()
    assert 0 < touches.sum() < 30


def test_a_trial_that_is_worse_has_a_smaller_score() -> None:
    table = gap_table(found_of(TIES))

    assert table["number"].tolist() == [0, 1, 2]
    assert table["gap"].tolist() == pytest.approx([0, -0.006, -0.09])
    assert (table["low"] <= table["gap"]).all()
    assert (table["gap"] <= table["high"]).all()


def test_a_trial_that_is_worse_has_a_larger_loss() -> None:
    table = gap_table(found_of(TIES, make_spec(evaluation={"score": "log_loss"})))

    assert table["number"].tolist() == [2, 1, 0]
    assert table["gap"].tolist() == pytest.approx([0, 0.084, 0.09])
    assert (table["low"] <= table["high"]).all()


def test_the_best_the_highlighted_and_the_default_settings_are_shown() -> None:
    rows = [[score] * 4 + [score + 0.01] for score in np.linspace(0.9, 0.5, 20)]

    table = gap_table(found_of(rows), highlighted=[17, 0, 15], default=19)

    assert table["number"].tolist() == [*range(12), 15, 17, 19]
    assert table["is_default"].tolist() == [False] * 14 + [True]
    chosen = table[table["highlight"] >= 0]
    assert dict(zip(chosen["number"], chosen["highlight"], strict=True)) == {17: 0, 15: 1}


def test_there_is_nothing_to_draw_without_intervals() -> None:
    holdout = make_spec(evaluation={"method": "holdout"})

    assert gap_table(found_of([[0.8], [0.7]], holdout)).empty
    assert gap_table(found_of([])).empty
    assert gap_table(found_of(TIES[:1])).empty


def test_a_trial_without_a_fit_is_not_compared() -> None:
    found = found_of([*TIES, [0.5, 0.5, 0.5, 0.5, float("nan")]])

    assert 3 not in gap_table(found, highlighted=[3])["number"].tolist()
    assert not_compared(found, [0, 3, 8]) == [3, 8]


@pytest.mark.parametrize(
    ("rows", "facts", "sentence"),
    [
        (LEADS, {}, "Trial 0 is better than all others"),
        (TIES, {}, "1 trial cannot be told apart from trial 0"),
        ([TIES[0], TIES[1], TIES[1]], {}, "2 trials cannot be told apart from trial 0"),
        (
            TIES,
            {"is_running": True},
            "Cannot tell who is best. The search still runs: wait for 10 trials",
        ),
        (
            LEADS + [LEADS[2]] * 8,
            {"is_running": True},
            "So far trial 0 is better than all others",
        ),
        ([], {}, "No trial has a score"),
        (
            TIES,
            {"confirmed": make_race([0], [0, 1]), "more": {0: [[0.8] * 5] * 3}},
            "Trial 0 is better than all others",
        ),
    ],
)
def test_the_finding_counts_the_tied(
    rows: list[list[float]], facts: dict[str, Any], sentence: str
) -> None:
    assert gap_finding(found_of(rows, **facts)) == sentence
