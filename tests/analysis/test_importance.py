"""Importance: Optuna's numbers, a case made up so that one parameter decides, and honesty."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from scipy import stats

from storage.results import TrialRow
from tuning.analysis.importance import (
    METHODS,
    MOST_TRIALS,
    Importance,
    Method,
    common_in_best,
    divergence,
    importance,
    importance_finding,
)
from tuning.spec import StudySpec

RATES = [0.001, 0.01, 0.1, 0.5]
LAYERS = [(8,), (16,), (8, 8)]


def spec(**space: Any) -> StudySpec:
    lists = {name: {"kind": "list", "values": values} for name, values in space.items()}
    return StudySpec.parse({"name": "x", "data": {"dataset": "digits"}, "space": lists})


def grid(score: Callable[[int, int], float]) -> tuple[StudySpec, list[TrialRow]]:
    """Return a study over rates and layers, scored by the places of both in their lists."""
    cells = itertools.product(enumerate(RATES), enumerate(LAYERS))
    rows = [
        TrialRow(
            number,
            "COMPLETE",
            {"learning_rate": rate, "dense_layer_sizes": list(layers)},
            score=score(i, j),
        )
        for number, ((i, rate), (j, layers)) in enumerate(cells)
    ]
    return spec(learning_rate=RATES, dense_layer_sizes=LAYERS), rows


@pytest.mark.parametrize("method", METHODS)
def test_the_parameter_that_decides_everything_has_all_the_importance(method: Method) -> None:
    found = importance(*grid(lambda rate, _layers: 0.5 + 0.1 * rate), method)

    assert isinstance(found, Importance)
    assert found.table["name"].tolist() == ["learning_rate", "dense_layer_sizes"]
    assert found.table["share"].tolist() == pytest.approx([1.0, 0.0], abs=0.01)
    assert found.sentence == "Learning rate matters most; layers hardly"
    assert found.n_trials == 12


def test_ped_anova_agrees_with_optuna_asked_directly() -> None:
    study, rows = grid(lambda rate, layers: 0.1 * rate + 0.04 * layers * (rate - 1))
    asked = optuna.create_study(direction="maximize")
    space: dict[str, BaseDistribution] = {
        "learning_rate": CategoricalDistribution(RATES),
        "dense_layer_sizes": CategoricalDistribution(["8", "16", "8-8"]),
    }
    for row, (rate, layers) in zip(
        rows, itertools.product(RATES, ["8", "16", "8-8"]), strict=True
    ):
        params = {"learning_rate": rate, "dense_layer_sizes": layers}
        asked.add_trial(
            optuna.trial.create_trial(params=params, distributions=space, value=row.score)
        )

    found = importance(study, rows, "PED-ANOVA")

    assert isinstance(found, Importance)
    expected = optuna.importance.get_param_importances(asked)
    assert dict(zip(found.table["name"], found.table["share"], strict=True)) == expected


def test_fanova_agrees_with_optuna_asked_about_places_in_the_lists() -> None:
    study, rows = grid(lambda rate, layers: 0.1 * rate + 0.04 * layers)
    asked = optuna.create_study(direction="maximize")
    space: dict[str, BaseDistribution] = {
        "learning_rate": IntDistribution(0, 3),
        "dense_layer_sizes": IntDistribution(0, 2),
    }
    for row, (i, j) in zip(rows, itertools.product(range(4), range(3)), strict=True):
        params = {"learning_rate": i, "dense_layer_sizes": j}
        asked.add_trial(
            optuna.trial.create_trial(params=params, distributions=space, value=row.score)
        )

    found = importance(study, rows, "fANOVA")

    assert isinstance(found, Importance)
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    expected = optuna.importance.get_param_importances(asked, evaluator=evaluator)
    assert dict(zip(found.table["name"], found.table["share"], strict=True)) == expected


def test_long_lists_do_not_make_fanova_endless() -> None:
    study = spec(batch_size=list(range(1, 41)), epochs=[5, 6])
    rows = [
        TrialRow(n, "COMPLETE", {"batch_size": b, "epochs": e}, score=float(b))
        for n, (b, e) in enumerate(itertools.product(range(1, 41), [5, 6]))
    ]

    found = importance(study, rows, "fANOVA")

    assert isinstance(found, Importance)
    assert found.table["name"].iloc[0] == "batch_size"


def test_too_few_trials_are_counted() -> None:
    study, rows = grid(lambda rate, layers: rate + layers)
    failed = [TrialRow(n, "FAIL", {}, message="x") for n in range(20, 40)]

    assert importance(study, [*rows[:6], *failed], "PED-ANOVA") == (
        "Importance needs 10 finished trials; 6 so far."
    )


def test_equal_scores_have_no_importance() -> None:
    assert importance(*grid(lambda _rate, _layers: 0.7), "fANOVA") == (
        "All 12 finished trials have the same score: no setting matters."
    )


def test_a_single_parameter_has_nothing_to_be_compared_with() -> None:
    assert importance(spec(batch_size=[10, 20]), [], "PED-ANOVA") == (
        "Only batch size is searched, so there is nothing to compare it with."
    )


def test_of_very_many_trials_some_are_taken_evenly() -> None:
    study, rows = grid(lambda rate, layers: rate + 0.1 * layers)
    many = [
        TrialRow(n, "COMPLETE", rows[n % 12].params, score=rows[n % 12].score)
        for n in range(2 * MOST_TRIALS["fANOVA"])
    ]

    found = importance(study, many, "fANOVA")

    assert isinstance(found, Importance)
    assert found.n_trials == MOST_TRIALS["fANOVA"]


@pytest.mark.parametrize(
    ("shares", "sentence"),
    [
        ([0.5, 0.4, 0.1], "Epochs and dropout rate matter most"),
        ([0.8, 0.15, 0.05], "Epochs matter most; momentum hardly"),
        ([0.6, 0.2, 0.2], "Epochs matter most"),
    ],
)
def test_the_finding_names_what_matters_and_what_hardly(
    shares: list[float], sentence: str
) -> None:
    table = pd.DataFrame({"label": ["Epochs", "Dropout rate", "Momentum"], "share": shares})

    assert importance_finding(table) == sentence


def test_nine_of_the_ten_best_in_one_half_diverge_by_four_ninths() -> None:
    best = np.array([[0] * 9 + [1]])

    # One more in every group: shares 10/12 and 2/12 instead of 1/2 and 1/2.
    assert divergence(best, np.array([50, 50])) == pytest.approx([4 / 9])
    assert divergence(np.array([[0] * 5 + [1] * 5]), np.array([50, 50])) == pytest.approx([0])


def drawn(n_trials: int) -> tuple[StudySpec, list[dict[str, Any]], NDArray[np.float64]]:
    names = ("dropout_rate", "momentum")
    study = StudySpec.parse(
        {
            "name": "x",
            "data": {"dataset": "digits"},
            "space": {name: {"kind": "range", "low": 0, "high": 0.9} for name in names},
            "sampler": {"kind": "random", "n_trials": n_trials},
        }
    )
    places = np.random.default_rng(0).uniform(0, 0.9, (n_trials, 2))
    return study, [dict(zip(names, row, strict=True)) for row in places.tolist()], places


def test_what_the_best_have_in_common_is_told_from_chance() -> None:
    study, settings, places = drawn(400)

    found = common_in_best(study, settings, -(((places[:, 1] - 0.4) ** 2)[:, None, None]))

    assert isinstance(found, pd.DataFrame)
    assert found["name"].tolist() == ["momentum", "dropout_rate"]
    assert not found["is_grey"].iloc[0]
    assert found["divergence"].iloc[0] > 10 * found["chance"].iloc[0]
    assert found["divergence"].iloc[1] < 3 * found["chance"].iloc[1]


def test_noise_has_as_much_in_common_as_chance_gives() -> None:
    study, settings, _ = drawn(400)
    rng = np.random.default_rng(4)
    n_flags, n_studies = 0, 20

    for _ in range(n_studies):
        found = common_in_best(study, settings, rng.normal(size=(400, 1, 1)))
        assert isinstance(found, pd.DataFrame)
        n_flags += int((~found["is_grey"]).sum())

    assert n_flags <= stats.binom.ppf(0.999, n_studies, 0.05)


def test_the_best_tenth_needs_300_trials() -> None:
    study, settings, places = drawn(299)

    assert common_in_best(study, settings, places[:, :1, None]) == (
        "Needs 300 trials; 299 have finished so far."
    )
