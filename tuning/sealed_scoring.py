"""Scores the tests that people have opened; the work of a worker, or of a command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from storage.database import Database
from storage.settings import settings
from storage.studies import get_study, keep_test, opened_unscored
from tuning.datasets.catalogue import load_dataset
from tuning.errors import NoBestModelError
from tuning.execution.interface import Executor
from tuning.export.files import best_model_path, model_trial
from tuning.judging import judge_study
from tuning.sealed import opened_test, sealed_document, sealed_rows
from tuning.sealed_outputs import make_outputs, save_outputs
from tuning.spec import StudySpec


def score_opened(db: Database, executor: Executor) -> list[str]:
    """Score every opened test that has no scores yet, and return the ids of their studies.

    What goes wrong with one is raised when all others have been scored.
    """
    scored, failures = [], []
    for study_id in opened_unscored(db):
        try:
            score_test(db, study_id, executor)
            scored.append(study_id)
        except Exception as error:  # noqa: BLE001 (raised below)
            failures.append(error)
    if failures:
        raise failures[0]
    return scored


def score_test(db: Database, study_id: str, executor: Executor) -> None:
    """Score the opened test of a study with its saved model, and keep the result.

    Raises
    ------
    NoBestModelError
        If no model was saved.
    """
    row = get_study(db, study_id)
    spec = StudySpec.parse(row.spec)
    path = best_model_path(settings().home, study_id)
    if path is None:
        raise NoBestModelError(study_id)
    dataset = load_dataset(spec.data.dataset, spec.data.digits)
    features, targets = sealed_rows(spec, dataset)
    outputs = executor.predict(path.read_bytes(), features)
    task = dataset.info.task
    document = sealed_document(task, targets, outputs)
    opened = opened_test(row)
    if opened is not None and not opened.n_rows:  # outputs stay those of the scores
        save_outputs(path, make_outputs(task, features, targets, outputs))
    keep_test(db, study_id, json.dumps(document | _promise(db, study_id, path)))


def _promise(db: Database, study_id: str, path: Path) -> dict[str, Any]:
    """Return whose model it is, and what the search promises of it."""
    trial = model_trial(path)
    found = judge_study(db, study_id, is_over=True).found
    if trial is None or trial not in found.table.index:
        return {"trial": trial, "promised": None}
    expected = found.expected if trial == found.leader else None
    shown = float(found.table["mean"].loc[trial])
    return {"trial": trial, "promised": shown if expected is None else expected.mean}
