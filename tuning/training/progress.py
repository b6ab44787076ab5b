"""Where one training stands: what it has reached, what is to be read, when it ends and why.

Plain NumPy and no TensorFlow: any trainer holds one `Progress` a training, however many it
advances at once. Early stopping is that of `keras.callbacks.EarlyStopping`, to the float32.
"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuning.spec import EarlyStoppingSpec
from tuning.training.class_weights import is_balanced
from tuning.training.divergence import guessing_loss, not_finite, ran_away
from tuning.training.interface import (
    FitResult,
    FoldData,
    Network,
    Readout,
    Training,
)
from tuning.training.scores import scores

# Loss and metric: numbers, or arrays of one number a training.
Pair = tuple[Any, Any]


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

    def advance(self, values: NDArray[np.float32], outputs: NDArray[np.float32]) -> None:
        """Count the epoch with these `curve_values` and decide whether the training goes on.

        Parameters
        ----------
        values : ndarray of shape (5,)
        outputs : ndarray of shape (n_score or more, n_outputs)
            Of the rows that score; what is beyond them means nothing.
        """
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
        params, info = dict(self.training.params), self._network.info
        balanced = is_balanced(params, info)
        guessing = guessing_loss(info.task, self._data.train.targets, balanced=balanced)
        return ran_away(self._loss, guessing, largest_weight, params) or ""


def curve_values(
    network: Network, fit: Pair, val: Pair, watched: Pair | None = None
) -> NDArray[np.float32]:
    """Return the curve values of an epoch, of one training or of many.

    Parameters
    ----------
    fit, val : pair of float, or of arrays of shape (n_trainings,)
        Loss and metric of the rows to train with and of those that score, as Keras' History has
        them.
    watched : pair or None
        The same of the rows that early stopping watches, if any.

    Returns
    -------
    ndarray of shape (5,) or (n_trainings, 5)
        loss, metric, val_loss, val_metric, watched.
    """
    asked, value = network.early_stopping, np.full_like(fit[0], np.nan, np.float32)
    if asked is not None and watched is not None:
        better = -watched[1] if network.info.task == "regression" else watched[1]
        value = np.asarray(watched[0] if asked.monitor == "loss" else better)
    return np.stack([*fit, *val, value], axis=-1).astype(np.float32)
