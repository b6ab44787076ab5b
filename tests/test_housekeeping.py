"""Deleting a study takes everything of it, everywhere, and nothing of another."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from storage.database import Database, has_table, optuna_storage
from storage.errors import UnknownStudyError
from storage.leases import claim_study, update_claimed
from storage.results import TrialRow
from storage.studies import count_studies, first_claim, get_study, list_studies
from storage.wishes import ask_to_pause, ask_to_stop
from tuning.errors import UnfinishedStudyError
from tuning.export.files import model_folder
from tuning.housekeeping import delete_studies, delete_study
from tuning.launch import launch
from tuning.optuna_copy import OptunaCopy
from tuning.spec import StudySpec
from tuning.study_log import StudyLog, log_path

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
    StudyLog(home)(None, "info", {"study": study_id, "event": "study taken"})


def stopped(db: Database) -> str:
    """Launch a study and stop it before any worker sees it."""
    study_id = launch(db, SPEC)
    ask_to_stop(db, study_id)
    return study_id


def optuna_names(db: Database) -> set[str]:
    return set(optuna.get_all_study_names(optuna_storage(db)))


def test_a_study_is_deleted_from_our_tables_optunas_and_the_data_folder(
    db: Database, home: Path
) -> None:
    ids = [stopped(db) for _ in range(2)]
    for study_id in ids:
        finish_a_trial(db, home, study_id)

    delete_study(db, ids[0], home)

    with pytest.raises(UnknownStudyError):
        get_study(db, ids[0])
    assert optuna_names(db) == {ids[1]}
    assert [path.name for path in (home / "models").iterdir()] == [ids[1]]
    assert [path.name for path in (home / "logs" / "studies").iterdir()] == [f"{ids[1]}.jsonl"]
    assert get_study(db, ids[1]).name == "cancer"


def test_a_study_that_never_ran_is_deleted_without_making_optunas_tables(
    db: Database, home: Path
) -> None:
    study_id = stopped(db)

    delete_study(db, study_id, home)

    assert count_studies(db) == 0
    with db.read() as connection:
        assert not has_table(connection, "studies")


def test_a_study_that_never_ran_is_deleted_beside_one_that_did(
    db: Database, home: Path
) -> None:
    done, never_ran = launch(db, SPEC), stopped(db)
    finish_a_trial(db, home, done)

    delete_study(db, never_ran, home)

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


@pytest.mark.parametrize("state", ["waiting", "training", "paused"])
def test_a_study_that_may_still_go_on_stays_whole(db: Database, home: Path, state: str) -> None:
    study_id = launch(db, SPEC)
    if state == "training":
        claim = claim_study(db, "worker", study_id)
        assert claim is not None
        update_claimed(db, claim, state="training")
    elif state == "paused":
        ask_to_pause(db, study_id)
    finish_a_trial(db, home, study_id)

    with pytest.raises(UnfinishedStudyError) as error:
        delete_study(db, study_id, home)

    assert str(error.value) == (
        f"Study {study_id!r} is not finished ({state}), so it stays. "
        + "Stop it first, then delete it."
    )
    assert get_study(db, study_id).state == state
    assert model_folder(home, study_id).is_dir()
    assert log_path(home, study_id).is_file()
    assert optuna_names(db) == {study_id}


def test_of_several_studies_all_stay_or_none(db: Database, home: Path) -> None:
    ids = [stopped(db) for _ in range(2)]
    running = launch(db, SPEC, owner="somebody")

    with pytest.raises(UnfinishedStudyError):
        delete_studies(db, [*ids, running], home)
    with pytest.raises(UnknownStudyError):
        delete_studies(db, [*ids, "cancer-9999"], home)
    assert count_studies(db) == 3

    update_claimed(db, first_claim(running, "somebody"), state="failed")
    delete_studies(db, [ids[0], running, ids[0]], home)
    assert [row.id for row in list_studies(db)] == [ids[1]]
