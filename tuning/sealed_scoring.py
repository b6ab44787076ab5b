"""Scores the tests that people have opened; the work of a worker, or of a command."""

from __future__ import annotations

import json

from storage.database import Database
from storage.settings import settings
from storage.studies import get_study, keep_test, opened_unscored
from tuning.datasets.catalogue import load_dataset
from tuning.errors import NoBestModelError
from tuning.execution.interface import Executor
from tuning.export.files import best_model_path
from tuning.sealed import sealed_document, sealed_rows
from tuning.spec import StudySpec


def score_opened(db: Database, executor: Executor) -> list[str]:
    """Score every opened test that has no scores yet, and return the ids of their studies."""
    ids = opened_unscored(db)
    for study_id in ids:
        score_test(db, study_id, executor)
    return ids


def score_test(db: Database, study_id: str, executor: Executor) -> None:
    """Score the opened test of a study with its saved model, and keep the result.

    Raises
    ------
    NoBestModelError
        If no model was saved.
    """
    spec = StudySpec.parse(get_study(db, study_id).spec)
    path = best_model_path(settings().home, study_id)
    if path is None:
        raise NoBestModelError(study_id)
    dataset = load_dataset(spec.data.dataset, spec.data.digits)
    features, targets = sealed_rows(spec, dataset)
    outputs = executor.predict(path.read_bytes(), features)
    document = sealed_document(dataset.info.task, targets, outputs)
    keep_test(db, study_id, json.dumps(document))
