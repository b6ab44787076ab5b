"""Trains in this process: for a search that a command runs to its end by itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tuning.cores import n_usable_cores
from tuning.execution.interface import BestModel, Leader, StopSignal, Work
from tuning.training.interface import Reporter, Trainer, Training
from tuning.training.refit import model_outputs, train_best_model


class Here:
    """Runs trainings with a trainer, on the threads of this process."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer

    @property
    def n_cores(self) -> int:
        """Trainings that run side by side."""
        return n_usable_cores()

    def train(self, work: Work, trainings: Sequence[Training], reporter: Reporter) -> None:
        """Run the trainings; see `Executor.train`."""
        self._trainer.train(work.network, trainings, work.rows, reporter)

    def best_model(self, work: Work, leader: Leader, signal: StopSignal) -> BestModel | None:
        """Train the leader on all rows; see `Executor.best_model`."""
        return train_best_model(leader, work.network, work.rows, self._trainer, signal)

    def predict(self, content: bytes, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what a saved model says of raw rows; see `Executor.predict`."""
        return model_outputs(content, features)
