"""Tables of trials: the grid of results, the best so far, slices of the search space."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

import pandas as pd
import pytest

from storage.reading import FitScore, Trials
from storage.results import TrialRow
from tuning.analysis.tables import (
    best_cell_finding,
    best_first,
    best_value_finding,
    finished,
    fold_labels,
    fold_scores,
    history,
    history_finding,
    in_words,
    one_parameter,
    outside,
    outside_sentence,
    scores_of,
    thin_history,
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


def lines(rows: Iterable[TrialRow]) -> Trials:
    """Return trials as they are read from the database."""
    return Trials(
        tuple((row.__dict__ | {"params": json.dumps(row.params)}).values()) for row in rows
    )


def test_trials_without_a_score_are_not_ranked() -> None:
    rows = [
        trial(0, 0.5),
        trial(1, None, "FAIL"),
        trial(2, 0.9),
        trial(3, None, "RUNNING"),
        trial(4, math.nan),
    ]

    assert [row.number for row in finished(rows)] == [0, 2]
    assert best_first(scores_of(lines(rows)), "maximize") == [2, 0]
    assert best_first(scores_of(lines(rows)), "minimize") == [0, 2]


def test_the_lower_number_leads_where_scores_are_equal() -> None:
    scores = scores_of(lines([trial(1, 0.5), trial(0, 0.5)]))

    assert best_first(scores, "maximize") == [0, 1]


def test_the_grid_has_a_column_for_each_parameter() -> None:
    study = spec(BATCHES | LAYERS)
    rows = [
        trial(1, None, "FAIL", batch_size=20, dense_layer_sizes=[8]),
        trial(0, 0.5, batch_size=10, dense_layer_sizes=[8, 4]),
    ]

    table = trial_table(study, lines(rows))

    assert table["number"].tolist() == [0, 1]
    assert table["batch_size"].tolist() == [10, 20]
    assert table["dense_layer_sizes"].tolist() == ["8-4", "8"]
    assert table["score"].iloc[0] == 0.5
    assert table["score"].isna().tolist() == [False, True]


def test_scores_of_fits_have_a_column_for_each_fold() -> None:
    fits = [FitScore(4, 0, 0, 0.4, ""), FitScore(4, 0, 1, 0.6, ""), FitScore(7, 0, 0, None, "")]

    table = fold_scores(spec(BATCHES), fits)

    assert table.columns.tolist() == ["fold 0", "fold 1"]
    assert table.index.tolist() == [4]
    assert table.to_numpy().tolist() == [[0.4, 0.6]]
    assert fold_scores(spec(BATCHES), [*fits, FitScore(4, 1, 0, 0.9, "")]).equals(table)
    assert fold_scores(spec(BATCHES), []).empty
    assert fold_scores(spec(BATCHES, method="holdout"), fits).columns.empty


def test_the_grid_of_no_trials_has_its_columns() -> None:
    table = trial_table(spec(BATCHES), Trials())

    assert table.empty
    assert "batch_size" in table


def test_a_value_that_may_be_off_is_shown_as_text() -> None:
    study = spec({"max_norm": {"kind": "list", "values": [None, 2]}})

    table = trial_table(study, lines([trial(0, 0.5, max_norm=None), trial(1, 0.5, max_norm=2)]))

    assert table["max_norm"].tolist() == ["no limit", "2"]


RATES = {"learning_rate": {"kind": "list", "values": [0.001, 0.01]}}


def test_default_settings_without_a_number_leave_numbers_as_they_are() -> None:
    rows = [trial(0, 0.5, learning_rate=None), trial(1, 0.6, learning_rate=0.01)]

    table = trial_table(spec(RATES), lines(rows))

    assert table["learning_rate"].dtype == "float64"
    assert math.isnan(table["learning_rate"].iloc[0])
    assert table["learning_rate"].iloc[1] == 0.01
    assert in_words("learning_rate", [None, 0.01]) == ["the optimizer's own", "0.01"]


@pytest.mark.parametrize("default", [None, 0.5])
def test_default_settings_outside_the_values_are_no_part_of_slices(
    default: float | None,
) -> None:
    study = spec(RATES | BATCHES)
    rows = [
        trial(0, 0.1, learning_rate=default, batch_size=10),
        trial(1, 0.6, learning_rate=0.01, batch_size=10),
        trial(2, 0.8, learning_rate=0.01, batch_size=20),
    ]

    table = one_parameter(study, rows, "learning_rate")
    means = value_means(study, table, "learning_rate")
    scores, counts = two_parameters(study, rows, "learning_rate", "batch_size")

    assert table["number"].tolist() == [1, 2]
    assert means["value"].tolist() == [0.01]
    assert means["score"].tolist() == pytest.approx([0.7])
    assert scores.columns.tolist() == ["0.001", "0.01"]
    assert counts.to_numpy().tolist() == [[0, 1], [0, 1]]
    assert [row.number for row in outside(study, rows, ["learning_rate", "batch_size"])] == [0]
    assert outside(study, rows, ["batch_size"]) == []
    assert len(one_parameter(study, rows, "batch_size")) == 3


def test_default_settings_outside_a_range_are_no_part_of_its_bins() -> None:
    study = spec(BATCHES | {"learning_rate": {"kind": "log_range", "low": 1e-4, "high": 1e-1}})
    rows = [
        trial(0, 0.9, batch_size=10, learning_rate=None),
        trial(1, 0.9, batch_size=32, learning_rate=1e-4),
        trial(2, 0.5, batch_size=10, learning_rate=1e-4),
    ]

    scores, counts = two_parameters(study, rows, "learning_rate", "batch_size")

    assert counts.to_numpy().sum() == 1
    assert scores.to_numpy()[0, 0] == 0.5
    assert one_parameter(study, rows, "learning_rate")["value"].tolist() == [1e-4, 1e-4]


def test_steps_that_were_added_up_are_the_values_that_were_meant() -> None:
    study = spec(
        BATCHES | {"dropout_rate": {"kind": "range", "low": 0.0, "high": 0.4, "step": 0.1}}
    )
    rows = [
        trial(0, 0.5, batch_size=10, dropout_rate=0.1 + 0.2),
        trial(1, 0.5, batch_size=10, dropout_rate=0.25),
    ]

    _, counts = two_parameters(study, rows, "dropout_rate", "batch_size")

    assert counts.columns.tolist() == ["0", "0.1", "0.2", "0.3", "0.4"]
    assert counts.to_numpy()[0].tolist() == [0, 0, 0, 1, 0]


def test_what_slices_leave_out_is_said() -> None:
    rows = [trial(number, 0.5) for number in range(3)]

    assert outside_sentence([]) == ""
    assert outside_sentence(rows[:1]) == (
        "Trial 0, the default settings, lies outside the searched values and is left out."
    )
    assert outside_sentence(rows[2:]) == (
        "Trial 2 lies outside the searched values and is left out."
    )
    assert outside_sentence(rows) == "3 trials outside the searched values are left out."


def test_fits_are_named_by_repeat_only_where_there_are_several() -> None:
    assert fold_labels(spec(BATCHES)) == ["fold 0", "fold 1"]
    assert fold_labels(spec(BATCHES, repeats=2))[-1] == "repeat 1 fold 1"
    assert fold_labels(spec(BATCHES, method="holdout")) == []


def test_the_history_follows_the_order_of_finishing() -> None:
    rows = [trial(0, 0.5), trial(1, 0.7), trial(2, 0.6)]
    late = TrialRow(3, "COMPLETE", {}, score=0.65, finished_at=0.5)

    table = history(scores_of(lines([*rows, late])), "maximize")

    assert table["number"].tolist() == [0, 3, 1, 2]
    assert table["best"].tolist() == [0.5, 0.65, 0.7, 0.7]
    assert table["leader"].tolist() == [0, 3, 1, 1]


def test_the_history_keeps_the_lowest_where_lower_is_better() -> None:
    scores = scores_of(lines([trial(0, 0.5), trial(1, 0.7), trial(2, 0.4)]))

    table = history(scores, "minimize")

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

    assert history_finding(history(scores_of(lines(rows)), "maximize")) == sentence


def test_a_thinned_history_keeps_its_ends_and_whoever_took_the_lead() -> None:
    scores = [0.5] * 1000
    scores[123], scores[777] = 0.6, 0.7
    rows = [trial(number, score) for number, score in enumerate(scores)]
    table = history(scores_of(lines(rows)), "maximize")

    thin = thin_history(table, most=10)

    assert len(thin) <= 12
    assert {0, 123, 777, 999} <= set(thin["number"])
    assert thin["finished"].is_monotonic_increasing
    assert thin["best"].tolist() == table.loc[thin.index, "best"].tolist()
    assert history_finding(table).startswith("Trial 777 is the best so far; 222 later")


def test_a_thinned_history_stays_short_where_every_trial_takes_the_lead() -> None:
    rows = [trial(number, number / 1000) for number in range(1000)]

    thin = thin_history(history(scores_of(lines(rows)), "maximize"), most=10)

    assert len(thin) <= 20


def test_a_short_history_is_not_thinned() -> None:
    table = history(scores_of(lines([trial(0, 0.5), trial(1, 0.6)])), "maximize")

    assert thin_history(table).equals(table)


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
