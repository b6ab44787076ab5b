"""Hands each network to the trainer that `tuning.training.choice` names for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tuning.execution.jobs import Job
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
from tuning.training.stacked.trainer import StackedTrainer


class Engine:
    """Trains dense networks in stacks, convolutional ones as graphs, any other with Keras.

    Parameters
    ----------
    keras_only : bool
        Whether to train everything with `keras.Model.fit`, to compare with.
    """

    def __init__(self, *, keras_only: bool = False) -> None:
        self._keras_only = keras_only
        self._keras = KerasTrainer()
        self._stacked = StackedTrainer()
        self._others: dict[str, Trainer] = {STACKED: self._stacked, GRAPH: GraphTrainer()}

    def train(
        self,
        network: Network,
        trainings: Sequence[Training],
        folds: FoldSource,
        reporter: Reporter,
    ) -> None:
        """Run the trainings; see `Trainer.train`."""
        self._way(network).train(network, trainings, folds, reporter)

    def run(self, network: Network, job: Job, folds: FoldSource, reporter: Reporter) -> None:
        """Run a job on this thread."""
        if job.stack is not None:
            self._stacked.train_stack(network, job.stack, folds, reporter)
            return
        trainer = self._way(network)
        for training in job.trainings:
            if not reporter.stopping([training]).all():
                data = folds(*training.part)
                trainer.fit(network, training, data, reporter)

    def fit(
        self, network: Network, training: Training, data: FoldData, reporter: Reporter
    ) -> Any:  # noqa: ANN401 (see `Trainer.fit`)
        """Run one training and return its Keras model; see `Trainer.fit`."""
        return self._way(network).fit(network, training, data, reporter)

    def _way(self, network: Network) -> Trainer:
        name = trainer_of(network.model, keras_only=self._keras_only)
        return self._others.get(name, self._keras)
