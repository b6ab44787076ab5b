"""The model to take home: the leader's settings, trained on all rows of the search."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from storage.results import TrialRow
from storage.settings import settings
from tuning.export.files import model_folder
from tuning.models.build import with_scaling
from tuning.samplers import all_params
from tuning.spec import StudySpec
from tuning.training.interface import (
    FitResult,
    Network,
    Readout,
    Trainer,
    Training,
)
from tuning.training.rows import StudyRows
from tuning.training.seeds import REFIT, fit_seed


class StopSignal(Protocol):
    """Something that may say stop."""

    @property
    def stopped(self) -> bool:
        """Whether to stop now."""


@dataclass(frozen=True)
class Leader:
    """The best trial of a study."""

    study_id: str
    spec: StudySpec
    trial: TrialRow


class _Quiet:
    """A reporter that keeps only the result."""

    def __init__(self, signal: StopSignal) -> None:
        self.signal = signal
        self.last: FitResult | None = None

    def epoch(
        self, trainings: Sequence[Training], epoch: int, values: NDArray[np.float32]
    ) -> None:
        """Let the curve go: it is of rows the model has trained on."""

    def result(self, _training: Training, _readout: Readout, result: FitResult) -> None:
        """Keep the only result there is."""
        self.last = result

    def stopping(self, trainings: Sequence[Training]) -> NDArray[np.bool_]:
        """Stop when the study's owner wants to."""
        return np.full(len(trainings), self.signal.stopped)


def keep_best_model(
    leader: Leader,
    network: Network,
    rows: StudyRows,
    trainer: Trainer,
    signal: StopSignal,
) -> None:
    """Train the leader again on all rows but the sealed ones, and save it.

    Writes ``model.keras``, which takes raw rows (scaling is its first layer) and plain Keras
    loads, and ``model.json`` with its settings and its scores on the rows it was trained on.
    Writes nothing if it is stopped or fails.
    """
    spec, number = leader.spec, leader.trial.number
    params = all_params(spec, leader.trial.params)
    inner = {name: value for name, value in params.items() if name != "epochs"}
    readout = Readout(number, cast(int, params["epochs"]))
    seed = fit_seed(spec.seed, inner, 0, REFIT)
    training = Training(inner, 0, REFIT, seed, (readout,))
    reporter = _Quiet(signal)
    model = trainer.fit(network, training, rows(0, REFIT), reporter)
    if reporter.last is None or reporter.last.error:
        return
    scaler = rows.scaler(0, REFIT)
    if scaler.mean.size and spec.data.scale:
        model = with_scaling(model, scaler)
    folder = model_folder(settings().home, leader.study_id)
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / "model.keras.part.keras")
    facts = {
        "study": leader.study_id,
        "trial": number,
        "params": params,
        "n_rows": len(rows.split.search_rows),
        "scores_on_its_own_rows": reporter.last.metrics,
        "class_names": network.info.class_names,
        "columns": network.info.columns,
    }
    (folder / "model.json").write_text(json.dumps(facts, indent=2))
    (folder / "model.keras.part.keras").replace(folder / "model.keras")
