"""Where one training stands: what it has reached, what is to be read, when it ends and why.

Plain NumPy and no TensorFlow: any trainer holds one `Progress` a training, however many it
advances at once. Early stopping is that of `keras.callbacks.EarlyStopping`, to the float32.
"""

from __future__ import annotations

import math
import time

import numpy as np
from numpy.typing import NDArray

from tuning.datasets.info import Task
from tuning.spec import EarlyStoppingSpec
from tuning.training.divergence import guessing_loss, not_finite, ran_away
from tuning.training.interface import (
    N_CURVES,
    FitResult,
    FoldData,
    Network,
    Readout,
    Rows,
    Training,
)
from tuning.training.scores import scores

_CLIP = np.float32(1e-7)  # keras.config.epsilon()


class Patience:
    """What `keras.callbacks.EarlyStopping` remembers between epochs.

    Attributes
    ----------
    best_epoch : int
        Epoch (from 0) of the best value so far; 0 before any.
    """

    def __init__(self, asked: EarlyStoppingSpec) -> None:
        self._asked = asked
        self._sign = 1.0 if asked.monitor == "loss" else -1.0
        self._best: float | None = None
        self._wait = 0
        self.best_epoch = 0

    def take(self, epoch: int, watched: float) -> bool:
        """Take the watched value of an epoch (from 0); return whether training ends here."""
        self._wait += 1
        if self._improves(watched):
            self._best, self.best_epoch, self._wait = watched, epoch, 0
            return False
        return self._wait >= self._asked.patience and epoch > 0

    def _improves(self, watched: float) -> bool:
        if self._best is None:
            return True  # even NaN, which nothing then improves on
        # Keras subtracts in Python's floats and compares in float32.
        reached = np.float32(self._sign * watched + self._asked.min_delta)
        return bool(reached < np.float32(self._sign * self._best))


class Progress:
    """One training from its first epoch to its last readout.

    After each epoch a trainer calls `values` and hands them to its reporter, calls `advance`,
    and if anything is `due`, `read`. It keeps the weights of an epoch where `improved` says so
    and puts the last kept ones back at the end, if `restores`.

    Attributes
    ----------
    epochs_done : int
    ended : bool
        Whether no more epochs are wanted.
    improved : bool
        Whether the last epoch is the best so far; always False without early stopping.
    """

    def __init__(
        self, network: Network, training: Training, data: FoldData, trainer: str
    ) -> None:
        self.training = training
        self.epochs_done = 0
        self.ended = False
        self.improved = False
        self._network, self._data, self._trainer = network, data, trainer
        self._started = time.perf_counter()
        self._left = list(training.readouts)
        asked = network.early_stopping
        self._patience = None if asked is None else Patience(asked)
        self._loss = float("nan")
        self._error = ""
        self._outputs: NDArray[np.float32] = np.empty((0, 1), np.float32)
        self._best_outputs = self._outputs

    @property
    def restores(self) -> bool:
        """Whether the training is left with the weights of its best epoch."""
        asked = self._network.early_stopping
        return asked is not None and asked.restore_best_weights

    @property
    def failed(self) -> bool:
        """Whether the loss is no number any more."""
        return bool(self._error)

    @property
    def due(self) -> bool:
        """Whether a trial wants to know now how the training stands."""
        return bool(self._left) and (self.ended or self._left[0].n_epochs == self.epochs_done)

    def values(
        self,
        fit: tuple[float, float],
        outputs: NDArray[np.float32],
        watched: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Return the curve values of the epoch that just ended.

        Parameters
        ----------
        fit : tuple of float
            Loss and metric of the training rows, as Keras' History has them.
        outputs : ndarray of shape (n_score, n_outputs)
            Of the rows that score.
        watched : ndarray of shape (n_watch, n_outputs)
            Of the rows to watch for early stopping, if any.

        Returns
        -------
        ndarray of shape (5,)
            loss, metric, val_loss, val_metric, watched.
        """
        task = self._network.info.task
        self._outputs = outputs
        val = loss_and_metric(task, self._data.score, outputs)
        values = np.full(N_CURVES, np.nan, np.float32)
        values[:4] = (*fit, *val)
        rows, asked = self._data.watch, self._network.early_stopping
        if rows is not None and asked is not None and watched is not None:
            loss, metric = loss_and_metric(task, rows, watched)
            better = -metric if task == "regression" else metric
            values[4] = loss if asked.monitor == "loss" else better
        return values

    def advance(
        self, values: NDArray[np.float32], outputs: NDArray[np.float32] | None = None
    ) -> None:
        """Count the epoch with these `values` and decide whether the training goes on.

        Parameters
        ----------
        outputs : ndarray of shape (n_score or more, n_outputs)
            Of the rows that score, from a trainer that has not called `values`; what is beyond
            the rows means nothing.
        """
        if outputs is not None:
            self._outputs = outputs[: len(self._data.score)]
        epoch = self.epochs_done
        self.epochs_done += 1
        self._loss = float(values[0])
        self.ended = self.epochs_done == self.training.n_epochs
        if not (math.isfinite(values[0]) and math.isfinite(values[2])):
            params = self.training.params
            self._error = not_finite(epoch, params.get("learning_rate"), params["optimizer"])
            self.ended = True
        if self._patience is not None:
            self.ended |= self._patience.take(epoch, float(values[4]))
            self.improved = self._patience.best_epoch == epoch
        if self.improved:
            # A copy: a stack's outputs are one large array, and this is a small part of it.
            self._best_outputs = self._outputs.copy()

    def interrupt(self) -> None:
        """End without any further result."""
        self.ended = True
        self._left = []

    def read(
        self, largest_weight: float, duration_s: float | None = None
    ) -> list[tuple[Readout, FitResult]]:
        """Return the results of all readouts that are `due`, each once.

        Parameters
        ----------
        largest_weight : float
            Largest absolute value of any weight after the last epoch.
        duration_s : float or None
            What the training has taken; None counts from its beginning.
        """
        if duration_s is None:
            duration_s = time.perf_counter() - self._started
        results: list[tuple[Readout, FitResult]] = []
        while self.due:
            results.append((self._left.pop(0), self._result(largest_weight, duration_s)))
        return results

    def _result(self, largest_weight: float, duration_s: float) -> FitResult:
        error = self._error or self._ran_away(largest_weight)
        return FitResult(
            metrics={} if error else self._scores(),
            n_epochs=self.epochs_done,
            best_epoch=None if self._patience is None else self._patience.best_epoch,
            duration_s=duration_s,
            trainer=self._trainer,
            error=error,
        )

    def _scores(self) -> dict[str, float]:
        outputs = self._best_outputs if self.restores else self._outputs
        return scores(self._network.info.task, self._data.score.targets, outputs)

    def _ran_away(self, largest_weight: float) -> str:
        guessing = guessing_loss(self._network.info.task, self._data.train.targets)
        return ran_away(self._loss, guessing, largest_weight, dict(self.training.params)) or ""


def loss_and_metric(
    task: Task, rows: Rows, outputs: NDArray[np.float32]
) -> tuple[float, float]:
    """Return what Keras' loss and metric of the task say of outputs.

    Parameters
    ----------
    outputs : ndarray of shape (n_rows, n_outputs)
        One probability, one a class, or a number.
    """
    if task == "regression":
        errors = outputs[:, 0] - rows.targets
        return float(np.mean(np.square(errors))), float(np.mean(np.abs(errors)))
    if outputs.shape[1] == 1:
        return _one_probability(rows.targets, outputs[:, 0])
    chances = np.clip(outputs, _CLIP, 1 - _CLIP)
    codes = rows.targets.astype(np.intp)
    losses = np.log(chances.sum(axis=1)) - np.log(chances[np.arange(len(codes)), codes])
    return float(np.mean(losses)), float(np.mean(outputs.argmax(axis=1) == codes))


def _one_probability(
    targets: NDArray[np.float32], outputs: NDArray[np.float32]
) -> tuple[float, float]:
    chances = np.clip(outputs, _CLIP, 1 - _CLIP)
    loss = float(np.mean(-np.log(np.where(targets == 1, chances, 1 - chances))))
    return loss, float(np.mean((outputs > 0.5) == targets))
