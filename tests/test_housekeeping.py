"""Deleting a study takes everything of it, everywhere, and nothing of another."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from storage.database import Database, has_table, optuna_storage
from storage.errors import UnknownStudyError
from storage.results import TrialRow
from storage.studies import count_studies, get_study
from tuning.export.files import model_folder
from tuning.housekeeping import delete_study
from tuning.launch import launch
from tuning.optuna_copy import OptunaCopy
from tuning.spec import StudySpec

SPEC = StudySpec.parse(
    {
        "name": "cancer",
        "data": {"dataset": "breast-cancer"},
        "space": {"epochs": {"kind": "list", "values": [2, 4]}},
    }
)


def finish_a_trial(db: Database, home: Path, study_id: str) -> None:
    """Leave behind what a worker does."""
    row = TrialRow(0, "COMPLETE", {"epochs": 2}, 0.9, finished_at=1.0)
    OptunaCopy(db, study_id, SPEC).copy({0: row}, lambda _numbers: [], 1)
    folder = model_folder(home, study_id)
    folder.mkdir(parents=True)
    (folder / "model.keras").write_bytes(b"model")


def optuna_names(db: Database) -> set[str]:
    return set(optuna.get_all_study_names(optuna_storage(db)))


def test_a_study_is_deleted_from_our_tables_optunas_and_the_data_folder(
    db: Database, home: Path
) -> None:
    ids = [launch(db, SPEC) for _ in range(2)]
    for study_id in ids:
        finish_a_trial(db, home, study_id)

    delete_study(db, ids[0], home)

    with pytest.raises(UnknownStudyError):
        get_study(db, ids[0])
    assert optuna_names(db) == {ids[1]}
    assert [path.name for path in (home / "models").iterdir()] == [ids[1]]
    assert get_study(db, ids[1]).name == "cancer"


def test_a_study_that_never_ran_is_deleted_without_making_optunas_tables(
    db: Database, home: Path
) -> None:
    study_id = launch(db, SPEC)

    delete_study(db, study_id, home)

    assert count_studies(db) == 0
    with db.read() as connection:
        assert not has_table(connection, "studies")


def test_a_study_that_waits_beside_finished_ones_is_deleted(db: Database, home: Path) -> None:
    done, waiting = launch(db, SPEC), launch(db, SPEC)
    finish_a_trial(db, home, done)

    delete_study(db, waiting, home)

    assert optuna_names(db) == {done}


def test_deleting_what_is_not_there_says_so_and_touches_nothing(
    db: Database, home: Path
) -> None:
    study_id = launch(db, SPEC)
    finish_a_trial(db, home, study_id)

    with pytest.raises(UnknownStudyError):
        delete_study(db, "cancer-9999", home)

    assert model_folder(home, study_id).is_dir()
    assert optuna_names(db) == {study_id}
