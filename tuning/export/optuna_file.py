"""A study as a SQLite file that `optuna.load_study` and optuna-dashboard open."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from storage.database import Database, open_database
from storage.results import ENDED_STATES, FitRow, read_fits, read_trials
from storage.schema import metadata
from storage.studies import get_study
from tuning.optuna_copy import OptunaCopy
from tuning.spec import StudySpec


def optuna_file(db: Database, study_id: str) -> bytes:
    """Write the ended trials of a study as a SQLite file of Optuna's own tables alone.

    Open it with ``optuna.load_study(study_name=study_id, storage="sqlite:///FILE")``.
    """
    spec = StudySpec.parse(get_study(db, study_id).spec)
    trials = {trial.number: trial for trial in read_trials(db, study_id, states=ENDED_STATES)}

    def read(numbers: Sequence[int]) -> list[FitRow]:
        return read_fits(db, study_id, numbers=numbers)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optuna.sqlite3"
        copy = open_database(f"sqlite:///{path}")
        try:
            OptunaCopy(copy, study_id, spec).copy_rest(trials, read)
            _keep_only_optuna(copy)
        finally:
            copy.close()
        return path.read_bytes()


def _keep_only_optuna(copy: Database) -> None:
    """Drop the tables of ours, and put everything into the one file."""
    with copy.write() as connection:
        metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE tuneboard_version")
    with copy.engine.connect() as connection:
        connection.exec_driver_sql("VACUUM")
        connection.exec_driver_sql("PRAGMA journal_mode=DELETE")
