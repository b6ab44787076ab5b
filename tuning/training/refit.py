"""The model to take home: the leader's settings, trained on all rows of the search."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import keras
import numpy as np
from numpy.typing import NDArray

from tuning.execution.interface import BestModel, Leader, StopSignal
from tuning.export.predicting import row_facts
from tuning.models.build import with_preparation
from tuning.samplers import all_params
from tuning.training.interface import (
    FitResult,
    Network,
    Readout,
    Trainer,
    Training,
)
from tuning.training.rows import StudyRows
from tuning.training.seeds import REFIT, fit_seed

_ROWS_AT_ONCE = 1024


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


def train_best_model(
    leader: Leader,
    network: Network,
    rows: StudyRows,
    trainer: Trainer,
    signal: StopSignal,
) -> BestModel | None:
    """Train the leader again on all rows but the sealed ones.

    Returns
    -------
    BestModel or None
        Takes rows as the dataset holds them (their preparation comes first in it), and plain
        Keras loads it; None if it was stopped or failed.
    """
    spec, number = leader.spec, leader.trial.number
    params = all_params(spec, leader.trial.params)
    inner = {name: value for name, value in params.items() if name != "epochs"}
    readout = Readout(number, cast(int, params["epochs"]))
    seed = fit_seed(spec.seed, inner, 0, REFIT)
    training = Training(inner, 0, REFIT, seed, (readout,))
    reporter = _Quiet(signal)
    model = trainer.fit(network, training, rows(*training.part), reporter)
    if reporter.last is None or reporter.last.error:
        return None
    model = with_preparation(model, rows.preparer(*training.part))
    facts = {
        "study": leader.study_id,
        "trial": number,
        "params": params,
        "n_rows": len(rows.split.search_rows),
        "scores_on_its_own_rows": reporter.last.metrics,
        **row_facts(network.info, params),
    }
    return BestModel(_as_file(model), facts)


def model_outputs(content: bytes, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what a saved model says of raw rows; shape (n_rows, n_outputs)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        path.write_bytes(content)
        model = keras.models.load_model(path)
    outputs = model.predict(features, batch_size=_ROWS_AT_ONCE, verbose=0)
    return np.asarray(outputs, np.float32).reshape(len(features), -1)


def _as_file(model: keras.Model) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.read_bytes()
