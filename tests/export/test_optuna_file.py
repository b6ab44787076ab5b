"""Optuna and optuna-dashboard open the file, which holds nothing but Optuna's tables."""

from __future__ import annotations

import io
import json
import sqlite3
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import optuna
import pytest
from optuna.trial import TrialState
from optuna_dashboard import wsgi

from storage.database import Database
from tests.export.small_study import write_study
from tuning.export.optuna_file import optuna_file


@pytest.fixture
def exported(db: Database, tmp_path: Path) -> tuple[str, Path]:
    """Give the id of the small study and the file it was written to."""
    study_id = write_study(db)
    path = tmp_path / "study.sqlite3"
    path.write_bytes(optuna_file(db, study_id))
    return study_id, path


def test_optuna_loads_every_trial(exported: tuple[str, Path]) -> None:
    study_id, path = exported

    study = optuna.load_study(study_name=study_id, storage=f"sqlite:///{path}")

    assert study.direction.name == "MINIMIZE"
    assert [trial.state for trial in study.trials] == [
        TrialState.COMPLETE, TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED,
    ]  # fmt: skip
    assert study.best_value == 0.4
    assert study.trials[1].params == {"learning_rate": 0.1, "n_neurons": 8}


def test_the_file_holds_only_the_tables_of_optuna(exported: tuple[str, Path]) -> None:
    with sqlite3.connect(exported[1]) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        names = {name for (name,) in rows}
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    connection.close()

    assert "studies" in names
    assert "trials" in names
    assert not names & {"study", "trial", "fit", "curve", "dataset", "tuneboard_version"}
    assert mode == "delete"


def test_the_dashboard_of_optuna_shows_the_study(exported: tuple[str, Path]) -> None:
    study_id, path = exported
    app = wsgi(optuna.storages.RDBStorage(f"sqlite:///{path}"))
    environ: dict[str, Any] = {"PATH_INFO": "/api/studies"}
    setup_testing_defaults(environ)
    environ["wsgi.input"] = io.BytesIO()

    body = b"".join(app(environ, lambda _status, _headers, _error=None: None))

    assert [study["study_name"] for study in json.loads(body)["study_summaries"]] == [study_id]
