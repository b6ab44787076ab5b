"""Deleting a study everywhere it left something: our tables, Optuna's, and the data folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import optuna

from storage import studies
from storage.database import Database, has_table, optuna_storage
from tuning.export.files import model_folder


def delete_study(db: Database, study_id: str, home: Path) -> None:
    """Delete a study, its copy in Optuna's tables and its saved model.

    A worker that still trains it loses its lease and lets go of it.

    Parameters
    ----------
    home : Path
        The data folder.

    Raises
    ------
    UnknownStudyError
        If there is none with this id.
    """
    studies.delete_study(db, study_id)
    _delete_optuna_study(db, study_id)
    folder = model_folder(home, study_id)
    if folder.is_dir():
        shutil.rmtree(folder)


def _delete_optuna_study(db: Database, study_id: str) -> None:
    with db.read() as connection:
        if not has_table(connection, "studies"):
            return  # opening Optuna's storage would create its tables
    storage = optuna_storage(db)
    if study_id in {study.study_name for study in storage.get_all_studies()}:
        optuna.delete_study(study_name=study_id, storage=storage)
