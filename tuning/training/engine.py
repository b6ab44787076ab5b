"""Hands each network to the trainer that `tuning.training.choice` names for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tuning.training.choice import GRAPH, STACKED, trainer_of
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
from tuning.training.stacked.trainer import Room, StackedTrainer


class Engine:
    """Trains dense networks in stacks, convolutional ones as graphs, any other with Keras.

    Parameters
    ----------
    keras_only : bool
        Whether to train everything with `keras.Model.fit`, to compare with.
    room : Room or None
        How much may be compiled; None sets no bound.
    """

    def __init__(self, *, keras_only: bool = False, room: Room | None = None) -> None:
        self._keras_only = keras_only
        self._keras = KerasTrainer()
        self._others: dict[str, Trainer] = {
            STACKED: StackedTrainer(room=room),
            GRAPH: GraphTrainer(),
        }

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
        name = trainer_of(network.model, keras_only=self._keras_only)
        return self._others.get(name, self._keras)
