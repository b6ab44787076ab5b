"""What a trainer is given and what it tells: the same for every way of training.

A *training* is one network on one fold of one repeat. Trials that differ only in `epochs`
share it: it runs to the largest number and is read (a *readout*) at each of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from tuning.datasets.info import DatasetInfo
from tuning.datasets.preparation import Preparation, preparation_of
from tuning.parameters import Value
from tuning.spec import EarlyStoppingSpec

Part = tuple[int, int, Preparation]  # repeat, fold, and how its rows are prepared

N_CURVES = 5  # loss, metric, val_loss, val_metric, watched: storage.results.CURVE_COLUMNS


@dataclass(frozen=True)
class Rows:
    """Some rows, prepared and ready to train with or to judge by.

    Attributes
    ----------
    features : ndarray of shape (n_rows, ...)
        float32.
    targets : ndarray of shape (n_rows,)
        float32; class codes or numbers.
    """

    features: NDArray[np.float32]
    targets: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class FoldData:
    """The rows of one fold: to train with, to score by, and to watch for early stopping."""

    train: Rows
    score: Rows
    watch: Rows | None = None


@dataclass(frozen=True)
class Readout:
    """A trial that wants the training's state after `n_epochs` epochs."""

    number: int
    n_epochs: int


@dataclass(frozen=True)
class Training:
    """One network on one fold of one repeat.

    Attributes
    ----------
    params : mapping
        Every parameter of the model but `epochs`.
    readouts : tuple of Readout
        By rising `n_epochs`.
    """

    params: Mapping[str, Value]
    repeat: int
    fold: int
    seed: int
    readouts: tuple[Readout, ...]

    @property
    def key(self) -> tuple[int, int, int]:
        """First trial, repeat and fold: what tells it from others of its study."""
        return self.readouts[0].number, self.repeat, self.fold

    @property
    def part(self) -> Part:
        """The rows it needs: what a `FoldSource` is asked for."""
        return self.repeat, self.fold, preparation_of(self.params)

    @property
    def n_epochs(self) -> int:
        """Epochs it runs at most."""
        return self.readouts[-1].n_epochs


@dataclass(frozen=True)
class Network:
    """What all trainings of a study share."""

    model: Literal["dense", "convolutional"]
    info: DatasetInfo
    early_stopping: EarlyStoppingSpec | None


@dataclass(frozen=True)
class FitResult:
    """What one trial gets from one training.

    Attributes
    ----------
    metrics : dict
        Every score by name, of the last or restored epoch, on the rows that score.
    n_epochs : int
        Epochs trained, early stopping included.
    best_epoch : int or None
        Epoch (from 0) that early stopping found best; None without it.
    error : str
        Why it failed, a sentence; empty if it did not.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    n_epochs: int = 0
    best_epoch: int | None = None
    duration_s: float = 0.0
    trainer: str = ""
    error: str = ""


class Reporter(Protocol):
    """What a trainer calls while it trains, from any thread; never blocks for long."""

    def epoch(
        self, trainings: Sequence[Training], epoch: int, values: NDArray[np.float32]
    ) -> None:
        """Take the curve values (shape (n_trainings, 5)) of an epoch, from 0."""

    def result(self, training: Training, readout: Readout, result: FitResult) -> None:
        """Take the result of one readout."""

    def stopping(self, trainings: Sequence[Training]) -> NDArray[np.bool_]:
        """Tell which trainings should end now, without a result; shape (n_trainings,)."""


class FoldSource(Protocol):
    """Gives the rows of a fold; may keep some of them."""

    def __call__(self, repeat: int, fold: int, preparation: Preparation, /) -> FoldData:
        """Return the rows of one fold, prepared by what its training rows say."""


class Trainer(Protocol):
    """A way of training."""

    def train(
        self,
        network: Network,
        trainings: Sequence[Training],
        folds: FoldSource,
        reporter: Reporter,
    ) -> None:
        """Run the trainings, telling the reporter about each epoch and result.

        A training that fails tells so in its results; the others go on.
        """

    def fit(
        self, network: Network, training: Training, data: FoldData, reporter: Reporter
    ) -> Any:  # noqa: ANN401 (a Keras model; pages import this module, and never Keras)
        """Run one training and return its Keras model, as it was left by the last readout."""
