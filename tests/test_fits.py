"""Trainings of a study, and their results as rows of its fits."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.judged_scores import make_spec
from tuning.fits import fit_row, judged, make_trainings
from tuning.parameters import Value
from tuning.training.interface import FitResult, Readout, Training
from tuning.training.seeds import fit_seed


def params(**changes: Value) -> dict[str, Value]:
    return {"batch_size": 10, "epochs": 5, **changes}


def test_every_trial_is_trained_on_every_fold_of_the_repeats_asked_for() -> None:
    spec = make_spec(3)

    trainings = list(make_trainings(spec, {2: params(), 7: params(batch_size=20)}, [1, 4]))

    places = [(t.readouts[0].number, t.repeat, t.fold) for t in trainings]
    assert places == [
        (n, repeat, fold) for n in (2, 7) for repeat in (1, 4) for fold in range(3)
    ]
    assert {t.params["batch_size"] for t in trainings} == {10, 20}


def test_trials_that_differ_in_epochs_alone_share_their_trainings() -> None:
    trials = {0: params(epochs=50), 1: params(batch_size=20), 2: params(epochs=10)}

    trainings = list(make_trainings(make_spec(2), trials, range(1)))

    assert [t.readouts for t in trainings[:2]] == [(Readout(2, 10), Readout(0, 50))] * 2
    assert len(trainings) == 4
    assert "epochs" not in trainings[0].params


def test_a_fit_has_the_same_seed_whenever_and_with_whomever_it_is_trained() -> None:
    spec = make_spec(3)
    alone = list(make_trainings(spec, {5: params()}, [1]))
    together = list(make_trainings(spec, {5: params(), 8: params(batch_size=20)}, [0, 1]))

    by_place = {t.key: t.seed for t in together}

    assert [by_place[t.key] for t in alone] == [t.seed for t in alone]
    assert alone[2].seed == fit_seed(spec.seed, {"batch_size": 10}, 1, 2)
    assert len({t.seed for t in together}) == len(together)


@pytest.mark.parametrize("metrics", [{}, {"roc_auc": math.nan}, {"roc_auc": math.inf}])
def test_a_result_without_a_score_has_failed_and_says_why(metrics: dict[str, float]) -> None:
    result, score = judged("roc_auc", FitResult(metrics))

    assert not math.isfinite(score)
    assert result.error == (
        "The score roc_auc could not be computed: the fold's rows hold a single class. "
        + "Use fewer folds or another score."
    )


def test_a_result_that_failed_keeps_its_own_reason() -> None:
    result, _ = judged("accuracy", FitResult(error="Loss became NaN."))

    assert result.error == "Loss became NaN."


def test_a_result_with_its_score_stays_as_it_is() -> None:
    given = FitResult({"accuracy": 0.8, "log_loss": math.nan})

    assert judged("accuracy", given) == (given, 0.8)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("COMPLETE", 0.8, "")),
        ({"error": "Loss became NaN."}, ("FAIL", None, "Loss became NaN.")),
    ],
)
def test_a_result_becomes_the_row_of_its_fit(
    changes: dict[str, Any], expected: tuple[str, float | None, str]
) -> None:
    training = Training({}, 3, 1, 0, (Readout(4, 10),))
    result = FitResult({"accuracy": 0.8}, 10, 7, 1.5, "keras", **changes)

    row = fit_row(4, training, result, 0.8)

    assert (row.number, row.repeat, row.fold) == (4, 3, 1)
    assert (row.state, row.score, row.message) == expected
    assert (row.n_epochs, row.best_epoch, row.duration_s, row.trainer) == (10, 7, 1.5, "keras")
    assert row.metrics == {"accuracy": 0.8}
