"""Tables of trials: the grid of results, the best so far, slices of the search space."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from storage.results import FitRow, TrialRow
from tuning.analysis.tables import (
    best_cell_finding,
    best_first,
    best_value_finding,
    finished,
    fold_labels,
    history,
    history_finding,
    one_parameter,
    trial_table,
    two_parameters,
    value_means,
)
from tuning.spec import StudySpec


def spec(space: dict[str, Any], **evaluation: Any) -> StudySpec:
    sampler = {"kind": "random", "n_trials": 8}
    return StudySpec.parse(
        {
            "name": "x",
            "data": {"dataset": "digits"},
            "space": space,
            "sampler": sampler,
            "evaluation": {"folds": 2, **evaluation},
        }
    )


BATCHES = {"batch_size": {"kind": "list", "values": [10, 20]}}
LAYERS = {"dense_layer_sizes": {"kind": "list", "values": [[8], [8, 4]]}}


def trial(number: int, score: float | None, state: str = "COMPLETE", **params: Any) -> TrialRow:
    return TrialRow(number, state, params, score=score, spread=0.1, finished_at=float(number))


def test_trials_without_a_score_are_not_ranked() -> None:
    rows = [
        trial(0, 0.5),
        trial(1, None, "FAIL"),
        trial(2, 0.9),
        trial(3, None, "RUNNING"),
        trial(4, math.nan),
    ]

    assert [row.number for row in finished(rows)] == [0, 2]
    assert [row.number for row in best_first(rows, "maximize")] == [2, 0]
    assert [row.number for row in best_first(rows, "minimize")] == [0, 2]


def test_the_lower_number_leads_where_scores_are_equal() -> None:
    rows = [trial(1, 0.5), trial(0, 0.5)]

    assert [row.number for row in best_first(rows, "maximize")] == [0, 1]


def test_the_grid_has_a_column_for_each_parameter_and_each_fold() -> None:
    study = spec(BATCHES | LAYERS)
    rows = [
        trial(1, None, "FAIL", batch_size=20, dense_layer_sizes=[8]),
        trial(0, 0.5, batch_size=10, dense_layer_sizes=[8, 4]),
    ]
    fits = [FitRow(0, 0, 0, "COMPLETE", 0.4), FitRow(0, 0, 1, "COMPLETE", 0.6)]

    table = trial_table(study, rows, fits)

    assert table["number"].tolist() == [0, 1]
    assert table["batch_size"].tolist() == [10, 20]
    assert table["dense_layer_sizes"].tolist() == ["8-4", "8"]
    assert table[["fold 0", "fold 1"]].to_numpy()[0].tolist() == [0.4, 0.6]
    assert table.loc[1, ["score", "fold 0", "fold 1"]].isna().all()


def test_the_grid_of_no_trials_has_its_columns() -> None:
    table = trial_table(spec(BATCHES), [], [])

    assert table.empty
    assert "batch_size" in table


def test_a_value_that_may_be_off_is_shown_as_text() -> None:
    study = spec({"max_norm": {"kind": "list", "values": [None, 2]}})

    table = trial_table(study, [trial(0, 0.5, max_norm=None), trial(1, 0.5, max_norm=2)], [])

    assert table["max_norm"].tolist() == ["off", "2"]


def test_fits_are_named_by_repeat_only_where_there_are_several() -> None:
    assert fold_labels(spec(BATCHES)) == ["fold 0", "fold 1"]
    assert fold_labels(spec(BATCHES, repeats=2))[-1] == "repeat 1 fold 1"
    assert fold_labels(spec(BATCHES, method="holdout")) == []


def test_the_history_follows_the_order_of_finishing() -> None:
    rows = [trial(0, 0.5), trial(1, 0.7), trial(2, 0.6)]
    late = TrialRow(3, "COMPLETE", {}, score=0.65, finished_at=0.5)

    table = history([*rows, late], "maximize")

    assert table["number"].tolist() == [0, 3, 1, 2]
    assert table["best"].tolist() == [0.5, 0.65, 0.7, 0.7]
    assert table["leader"].tolist() == [0, 3, 1, 1]


def test_the_history_keeps_the_lowest_where_lower_is_better() -> None:
    table = history([trial(0, 0.5), trial(1, 0.7), trial(2, 0.4)], "minimize")

    assert table["best"].tolist() == [0.5, 0.5, 0.4]


@pytest.mark.parametrize(
    ("scores", "sentence"),
    [
        ([], "Best score so far"),
        ([0.5], "Trial 0, the last one finished, is the best so far"),
        ([0.5, 0.4], "Trial 0 is the best so far; 1 later trial is not better"),
        ([0.5, 0.6, 0.4, 0.5], "Trial 1 is the best so far; 2 later trials are not better"),
    ],
)
def test_the_history_says_when_the_best_last_changed(
    scores: list[float], sentence: str
) -> None:
    rows = [trial(number, score) for number, score in enumerate(scores)]

    assert history_finding(history(rows, "maximize")) == sentence


def test_means_of_listed_values_keep_the_order_of_the_list() -> None:
    study = spec({"activation": {"kind": "list", "values": ["tanh", "relu", "elu"]}})
    rows = [
        trial(0, 0.5, activation="relu"),
        trial(1, 0.7, activation="relu"),
        trial(2, 0.9, activation="tanh"),
    ]

    means = value_means(study, one_parameter(study, rows, "activation"), "activation")

    assert means["value"].tolist() == ["tanh", "relu"]
    assert means["score"].tolist() == pytest.approx([0.9, 0.6])
    assert means["n_trials"].tolist() == [1, 2]
    finding = best_value_finding(means, "Activation", "maximize")
    assert finding == "Best on average at activation tanh"


def test_endless_values_have_no_means() -> None:
    study = spec({"dropout_rate": {"kind": "range", "low": 0, "high": 0.5}})
    table = one_parameter(study, [trial(0, 0.5, dropout_rate=0.1)], "dropout_rate")

    means = value_means(study, table, "dropout_rate")

    assert table["value"].tolist() == [0.1]
    assert means.empty
    assert best_value_finding(means, "Dropout rate", "maximize") == "Score by dropout rate"


def test_two_parameters_are_averaged_over_everything_else() -> None:
    study = spec(BATCHES | {"epochs": {"kind": "list", "values": [5, 9]}})
    rows = [
        trial(0, 0.2, batch_size=10, epochs=5),
        trial(1, 0.4, batch_size=10, epochs=5),
        trial(2, 0.9, batch_size=20, epochs=9),
    ]

    scores, counts = two_parameters(study, rows, "batch_size", "epochs")

    expected = pd.DataFrame(
        [[0.3, math.nan], [math.nan, 0.9]], index=["5", "9"], columns=["10", "20"]
    )
    pd.testing.assert_frame_equal(scores, expected)
    assert counts.to_numpy().tolist() == [[2, 0], [0, 1]]
    finding = best_cell_finding(scores, ("Batch size", "Epochs"), "maximize")
    assert finding == "Best on average at batch size 20 and epochs 9"


def test_a_log_range_is_cut_into_equal_steps_of_the_exponent() -> None:
    study = spec(BATCHES | {"learning_rate": {"kind": "log_range", "low": 1e-8, "high": 1.0}})
    rows = [
        trial(0, 0.2, batch_size=10, learning_rate=5e-8),
        trial(1, 0.4, batch_size=10, learning_rate=1.0),
    ]

    scores, _ = two_parameters(study, rows, "learning_rate", "batch_size")

    assert len(scores.columns) == 8
    assert scores.columns[0] == "1e-08 – 1e-07"
    assert scores.to_numpy()[0][[0, -1]].tolist() == [0.2, 0.4]
