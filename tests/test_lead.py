"""Who leads a study, and with what score, in the columns that lists of studies read."""

from __future__ import annotations

from statistics import fmean, stdev

import numpy as np
import pytest

from storage.results import TrialRow
from tests.judged_scores import make_info
from tuning.analysis.intervals import score_interval
from tuning.lead import Lead
from tuning.spec import StudySpec

SPEC = StudySpec.parse(
    {
        "name": "s",
        "data": {"dataset": "pima"},
        "space": {"epochs": {"kind": "list", "values": [2, 4]}},
        "evaluation": {"folds": 3, "score": "accuracy"},
    }
)
SEARCHED = (0.6, 0.7, 0.8)
FURTHER = (0.66, 0.72, 0.70)


def leader(score: float | None = fmean(SEARCHED)) -> TrialRow:
    return TrialRow(3, "COMPLETE", {}, score, stdev(SEARCHED))


def lines(repeat: int, scores: tuple[float, ...]) -> list[tuple[int, int, int, float | None]]:
    return [(3, repeat, fold, score) for fold, score in enumerate(scores)]


def test_nobody_leads_before_a_trial_has_a_score() -> None:
    empty = {"best_number": None, "best_score": None, "best_half_width": None}
    lead = Lead(SPEC, make_info())

    assert lead.of(None) == empty
    assert lead.of(leader(None)) == empty


def test_a_trial_of_the_search_has_the_score_of_its_row_with_its_interval() -> None:
    interval = score_interval(
        np.array([SEARCHED]), kind="share", n_rows=100
    )  # of 125, 25 are sealed
    assert interval is not None

    found = Lead(SPEC, make_info(), lines(0, SEARCHED)).of(leader())

    assert found == pytest.approx(
        {"best_number": 3, "best_score": 0.7, "best_half_width": interval.half_width}, abs=1e-6
    )


def test_a_repeat_counts_once_all_its_folds_are_known() -> None:
    lead = Lead(SPEC, make_info(), lines(0, SEARCHED))
    before = lead.of(leader())
    lead.take(lines(1, FURTHER)[:2])
    meanwhile = lead.of(leader())
    lead.take(lines(1, FURTHER)[2:])
    after = lead.of(leader())

    assert meanwhile == before
    assert after["best_score"] == pytest.approx(fmean(SEARCHED + FURTHER))
    assert after["best_half_width"] < before["best_half_width"]


def test_repeats_of_others_change_nothing() -> None:
    lead = Lead(SPEC, make_info(), lines(0, SEARCHED))

    lead.take([(8, repeat, fold, 0.9) for repeat in range(2) for fold in range(3)])

    assert lead.of(leader())["best_score"] == pytest.approx(0.7)
