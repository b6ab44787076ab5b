"""Chooses how each network is trained: the only place where that is decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tuning.training.graph_trainer import GraphTrainer
from tuning.training.interface import (
    FoldData,
    FoldSource,
    Network,
    Reporter,
    Trainer,
    Training,
)
from tuning.training.keras_trainer import KerasTrainer
from tuning.training.stacked.trainer import StackedTrainer


class Engine:
    """Trains dense networks in stacks, convolutional ones as graphs, any other with Keras.

    Parameters
    ----------
    keras_only : bool
        Whether to train everything with `keras.Model.fit`, to compare with.
    """

    def __init__(self, *, keras_only: bool = False) -> None:
        self._keras = KerasTrainer()
        self._ways: dict[str, Trainer] = {}
        if not keras_only:
            self._ways = {"dense": StackedTrainer(), "convolutional": GraphTrainer()}

    def train(
        self,
        network: Network,
        trainings: Sequence[Training],
        folds: FoldSource,
        reporter: Reporter,
    ) -> None:
        """Run the trainings; see `Trainer.train`."""
        self._way(network).train(network, trainings, folds, reporter)

    def fit(
        self, network: Network, training: Training, data: FoldData, reporter: Reporter
    ) -> Any:  # noqa: ANN401 (see `Trainer.fit`)
        """Run one training and return its Keras model; see `Trainer.fit`."""
        return self._way(network).fit(network, training, data, reporter)

    def _way(self, network: Network) -> Trainer:
        return self._ways.get(network.model, self._keras)
