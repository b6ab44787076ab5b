"""A study as runs of MLflow: one for the study, and below it one for each trial.

MLflow is optional, and imported only when a study is sent to it.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, TypeVar

from storage.database import Database
from storage.results import ENDED_STATES, TrialRow, read_pieces, read_trials
from storage.studies import FINISHED, StudyRow, get_study
from tuning.analysis.curves import Array, CurveBook
from tuning.analysis.tables import settings_of
from tuning.errors import ExportError
from tuning.export.trial_curves import score_tag, trial_curves
from tuning.parameters import show_value
from tuning.spec import StudySpec

TRACKING_URI = "MLFLOW_TRACKING_URI"
EXPERIMENT = "Tuneboard"
_MLFLOW = "MLflow"
_AT_ONCE = 50  # trials whose curves are held at a time
_MOST_METRICS = 1000  # in one request, by MLflow's own limit
_MOST_PARAMS = 100

T = TypeVar("T")


def send_to_mlflow(db: Database, study_id: str) -> str:
    """Write a study to the tracking server that MLFLOW_TRACKING_URI names.

    Each call makes new runs, in the experiment "Tuneboard".

    Returns
    -------
    str
        Id of the study's run; those of its trials are below it.

    Raises
    ------
    UnknownStudyError
        If there is no such study.
    ExportError
        If MLflow is not installed, no address is set, or its server cannot be used.
    """
    row = get_study(db, study_id)
    if not os.environ.get(TRACKING_URI):
        raise ExportError(
            TRACKING_URI,
            "is not set. Set it to the address of a tracking server, such as "
            + "http://localhost:5000.",
        )
    mlflow = _mlflow()
    try:
        return _Sender(mlflow, db, row).send()
    except mlflow.exceptions.MlflowException as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise ExportError(_MLFLOW, f"did not take the study: {reason}.") from error


def _mlflow() -> Any:  # noqa: ANN401 (MLflow may not be there to have types)
    try:
        mlflow = import_module("mlflow")
        import_module("mlflow.entities")
    except ImportError as error:
        raise ExportError(
            _MLFLOW, "is not installed. Install it with: pip install mlflow-skinny."
        ) from error
    return mlflow


class _Sender:
    """Writes the runs of one study."""

    def __init__(self, mlflow: Any, db: Database, row: StudyRow) -> None:  # noqa: ANN401 (see above)
        self._entities = mlflow.entities
        self._client = mlflow.MlflowClient()
        self._db, self._row = db, row
        self._spec = StudySpec.parse(row.spec)

    def send(self) -> str:
        row = self._row
        experiment = self._experiment()
        tags = {
            "mlflow.runName": row.name,
            "tuneboard.study": row.id,
            "tuneboard.dataset": row.dataset,
            "tuneboard.sampler": row.sampler,
            "tuneboard.state": row.state,
            "mlflow.note.content": row.spec,
        }
        run_id = self._create(experiment, tags, row.started_at or row.created_at)
        trials = read_trials(self._db, row.id, states=ENDED_STATES)
        for part in _batches(trials, _AT_ONCE):
            numbers = [trial.number for trial in part]
            book = CurveBook()
            book.add(read_pieces(self._db, row.id, numbers=numbers)[0])
            for trial in part:
                curves = trial_curves(self._spec, book, trial.number)
                self._send_trial(trial, curves, experiment, run_id)
        if row.best_score is not None:
            self._client.log_metric(run_id, score_tag(self._spec), row.best_score)
        self._end(run_id, row.finished_at, is_whole=row.state == FINISHED)
        return run_id

    def _experiment(self) -> str:
        known = self._client.get_experiment_by_name(EXPERIMENT)
        if known is not None:
            return str(known.experiment_id)
        return str(self._client.create_experiment(EXPERIMENT))

    def _send_trial(
        self, trial: TrialRow, curves: Mapping[str, Array], experiment: str, parent: str
    ) -> None:
        tags = {
            "mlflow.runName": f"trial {trial.number}",
            "mlflow.parentRunId": parent,
            "tuneboard.study": self._row.id,
            "tuneboard.trial": str(trial.number),
            "tuneboard.state": trial.state,
        }
        if trial.message:
            tags["tuneboard.message"] = trial.message
        at = trial.finished_at or self._row.created_at
        run_id = self._create(experiment, tags, at - (trial.duration_s or 0.0))
        params = [
            self._entities.Param(name, show_value(value))
            for name, value in settings_of(trial).items()
        ]
        for batch in _batches(params, _MOST_PARAMS):
            self._client.log_batch(run_id, params=batch)
        for batch in _batches(list(self._metrics(trial, curves, at)), _MOST_METRICS):
            self._client.log_batch(run_id, metrics=batch)
        self._end(run_id, trial.finished_at, is_whole=trial.state == "COMPLETE")

    def _metrics(
        self, trial: TrialRow, curves: Mapping[str, Array], at: float
    ) -> Iterator[Any]:
        """Yield the curves by epoch, from 1, and the score after them."""
        metric = self._entities.Metric
        last = 0
        for name, curve in curves.items():
            for epoch, value in enumerate(curve.tolist(), 1):
                last = max(last, epoch)
                if math.isfinite(value):
                    yield metric(name, value, _ms(at), epoch)
        if trial.score is not None:
            yield metric(score_tag(self._spec), trial.score, _ms(at), last)

    def _create(self, experiment: str, tags: Mapping[str, str], started_at: float) -> str:
        run = self._client.create_run(
            experiment,
            start_time=_ms(started_at),
            tags=dict(tags),
            run_name=tags["mlflow.runName"],
        )
        return str(run.info.run_id)

    def _end(self, run_id: str, at: float | None, *, is_whole: bool) -> None:
        status = "FINISHED" if is_whole else "FAILED"
        end_time = None if at is None else _ms(at)
        self._client.set_terminated(run_id, status=status, end_time=end_time)


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


def _batches(items: Sequence[T], most: int) -> Iterable[list[T]]:
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, most)):
        yield batch
