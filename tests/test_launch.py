"""From a spec to a waiting study, or to every reason why not."""

from __future__ import annotations

from typing import Any

import pytest

from storage.database import Database
from storage.studies import WAITING, count_studies, get_study
from tuning.errors import SpecError, UnknownDatasetError
from tuning.launch import launch
from tuning.spec import StudySpec


def make_spec(**changes: Any) -> StudySpec:
    document: dict[str, Any] = {
        "name": "cancer",
        "data": {"dataset": "breast-cancer"},
        "space": {"epochs": {"kind": "list", "values": [2, 4, 8]}},
        "evaluation": {"folds": 4, "repeats": 2, "score": "log_loss"},
    }
    return StudySpec.parse(document | changes)


def test_a_launched_study_waits_with_its_counts_and_its_spec(db: Database) -> None:
    spec = make_spec()

    row = get_study(db, launch(db, spec))

    assert StudySpec.parse(row.spec) == spec
    assert (row.name, row.dataset, row.sampler) == ("cancer", "breast-cancer", "grid")
    assert (row.score_name, row.direction, row.state) == ("log_loss", "minimize", WAITING)
    assert (row.n_trials_planned, row.n_fits_planned) == (3, 3 * 4 * 2)


def test_two_clicks_are_one_study(db: Database) -> None:
    assert launch(db, make_spec(), "click") == launch(db, make_spec(), "click")
    assert count_studies(db) == 1


def test_all_that_does_not_fit_the_dataset_is_told_and_nothing_is_written(
    db: Database,
) -> None:
    space = {"batch_size": {"kind": "list", "values": [10, 5000]}}
    spec = make_spec(space=space, evaluation={"folds": 4, "score": "rmse"})

    with pytest.raises(SpecError) as error:
        launch(db, spec)

    assert [problem.split(":")[0] for problem in error.value.problems] == [
        "Score",
        "Batch size",
    ]
    assert count_studies(db) == 0


def test_a_dataset_that_is_not_there_is_named(db: Database, home: Any) -> None:
    with pytest.raises(UnknownDatasetError, match="There is no dataset 'breast-cancr'"):
        launch(db, make_spec(data={"dataset": "breast-cancr"}))
