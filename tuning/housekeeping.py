"""Deleting a study everywhere it left something: our tables, Optuna's, and the data folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import optuna

from storage import studies
from storage.database import Database, has_table, optuna_storage
from tuning.errors import UnfinishedStudyError
from tuning.export.files import model_folder
from tuning.study_log import delete_log


def delete_studies(db: Database, study_ids: Iterable[str], home: Path) -> None:
    """Delete studies that have come to an end; if one of them cannot go, all of them stay.

    Parameters
    ----------
    home : Path
        The data folder.

    Raises
    ------
    UnknownStudyError
        If there is none with one of the ids.
    UnfinishedStudyError
        If one waits, trains or is paused.
    """
    for row in deletable(db, study_ids):
        delete_study(db, row.id, home)


def deletable(db: Database, study_ids: Iterable[str]) -> list[studies.StudyRow]:
    """Read studies that are to be deleted, each once; raises what `delete_studies` does."""
    rows = [studies.get_study(db, study_id) for study_id in dict.fromkeys(study_ids)]
    for row in rows:
        _check_final(row)
    return rows


def delete_study(db: Database, study_id: str, home: Path) -> None:
    """Delete a study that has come to an end: its rows, its copy in Optuna's tables, its files.

    Should somebody let it go on at the same moment, its worker loses its lease and lets go.

    Parameters
    ----------
    home : Path
        The data folder.

    Raises
    ------
    UnknownStudyError
        If there is none with this id.
    UnfinishedStudyError
        If it waits, trains or is paused.
    """
    _check_final(studies.get_study(db, study_id))
    studies.delete_study(db, study_id)
    delete_optuna_study(db, study_id)
    folder = model_folder(home, study_id)
    if folder.is_dir():
        shutil.rmtree(folder)
    delete_log(home, study_id)


def _check_final(row: studies.StudyRow) -> None:
    if not row.is_final:
        raise UnfinishedStudyError(row.id, row.state)


def delete_optuna_study(db: Database, study_id: str) -> None:
    """Delete a study's copy in Optuna's tables, if there is one."""
    with db.read() as connection:
        if not has_table(connection, "studies"):
            return  # opening Optuna's storage would create its tables
    storage = optuna_storage(db)
    if study_id in {study.study_name for study in storage.get_all_studies()}:
        optuna.delete_study(study_name=study_id, storage=storage)
