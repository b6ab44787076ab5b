"""Tables for other programs: Parquet, and the shape that scikit-learn's searches give."""

from __future__ import annotations

import io
import json
import math
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from storage.database import Database
from tests.export.small_study import LOSSES, SETTINGS, write_study
from tuning.export.files import trials_csv
from tuning.export.tables import cv_results, cv_results_json, trials_parquet


def searched_by_sklearn() -> dict[str, object]:
    """Return what `GridSearchCV` keeps of four splits, ties and failed fits included."""
    features, targets = make_classification(60, random_state=0)
    search = GridSearchCV(
        LogisticRegression(), {"C": [1.0, 1.0, -1.0]}, cv=4, error_score=np.nan, refit=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that some fits failed is what is wanted here
        search.fit(features, targets)
    found: dict[str, object] = search.cv_results_
    return found


def test_keys_are_those_of_scikit_learn(db: Database) -> None:
    found = cv_results(db, write_study(db))

    theirs = [key for key in searched_by_sklearn() if not key.startswith("param_")]
    assert [key for key in found if not key.startswith("param_")] == theirs
    assert [key for key in found if key.startswith("param_")] == [
        "param_learning_rate", "param_n_neurons",
    ]  # fmt: skip


def test_scores_are_larger_is_better_and_times_are_those_of_fits(db: Database) -> None:
    found = cv_results(db, write_study(db))

    splits = [[found[f"split{i}_test_score"][trial] for i in range(4)] for trial in (0, 1)]
    assert splits == [[-loss for loss in LOSSES[trial]] for trial in (0, 1)]
    assert found["mean_test_score"][:2] == pytest.approx([-0.4, -0.4])
    # Half of the squares of 0.1, 0.1, 0, 0: sqrt(0.005).
    assert found["std_test_score"][0] == pytest.approx(math.sqrt(0.005))
    assert found["mean_fit_time"][0] == pytest.approx(2.5)  # of 1, 2, 3 and 4 seconds
    assert found["std_fit_time"][0] == pytest.approx(math.sqrt(1.25))
    assert found["mean_score_time"] == [None] * 4
    assert found["params"] == list(SETTINGS.values())


def test_ties_and_trials_without_a_score_rank_as_in_scikit_learn(db: Database) -> None:
    found = cv_results(db, write_study(db))
    theirs = searched_by_sklearn()["rank_test_score"]

    assert isinstance(theirs, np.ndarray)
    assert found["rank_test_score"][:3] == theirs.tolist() == [1, 1, 3]
    assert found["rank_test_score"][3] == 3
    assert found["mean_test_score"][2:] == [None, None]


def test_the_json_is_a_table_for_pandas(db: Database) -> None:
    study_id = write_study(db)

    table = pd.DataFrame(json.loads(cv_results_json(db, study_id)))

    assert len(table) == 4
    assert table["mean_test_score"].dtype == np.float64
    assert table["mean_test_score"].isna().tolist() == [False, False, True, True]


def test_parquet_holds_the_table_of_the_csv_with_its_types(db: Database) -> None:
    study_id = write_study(db)

    table = pd.read_parquet(io.BytesIO(trials_parquet(db, study_id)))

    text = pd.read_csv(io.BytesIO(trials_csv(db, study_id)))
    assert list(table.columns) == list(text.columns)
    assert table["learning_rate"].isna().tolist() == [True, False, False, False]
    assert table["learning_rate"].tolist()[1:] == [0.1, 1.0, 0.01]
    assert table["score"].tolist()[:2] == text["score"].tolist()[:2] == [0.4, 0.4]
    assert table["n_neurons"].dtype == "Int64"
    assert table["state"].tolist() == ["COMPLETE", "COMPLETE", "FAIL", "PRUNED"]


def test_parquet_of_a_study_without_trials_has_no_rows(db: Database) -> None:
    from tests.export.small_study import SPEC
    from tuning.launch import launch

    table = pd.read_parquet(io.BytesIO(trials_parquet(db, launch(db, SPEC))))

    assert table.empty
