"""What a training costs on this machine: the prior figures of `tuning.analysis.estimate`.

``python -m benchmarks.fit_cost`` trains small networks of several sizes and fits seconds per
training, epoch, step and 10⁹ multiply-adds to what they took.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from storage.results import Timing
from tuning.analysis.estimate import measured_pace, training_cost
from tuning.datasets.catalogue import load_dataset
from tuning.spec import StudySpec
from tuning.worker import prepare_tensorflow

prepare_tensorflow()

from tuning.samplers import all_params  # noqa: E402
from tuning.training.interface import FitResult, Network, Readout, Training  # noqa: E402
from tuning.training.keras_trainer import KerasTrainer  # noqa: E402
from tuning.training.rows import StudyRows  # noqa: E402


class _Silent:
    """A reporter that wants nothing."""

    def epoch(
        self, trainings: Sequence[Training], epoch: int, values: NDArray[np.float32]
    ) -> None:
        """Ignore an epoch."""

    def result(self, training: Training, readout: Readout, result: FitResult) -> None:
        """Ignore a result."""

    def stopping(self, trainings: Sequence[Training]) -> NDArray[np.bool_]:
        """Never stop."""
        return np.zeros(len(trainings), bool)


def _spec(model: str, dataset: str) -> StudySpec:
    return StudySpec.parse(
        {
            "name": "cost",
            "model": model,
            "data": {"dataset": dataset},
            "evaluation": {"folds": 3},
        }
    )


def measure(model: str, dataset: str) -> list[Timing]:
    """Time trainings of one kind of model over batch sizes, epochs and widths."""
    spec = _spec(model, dataset)
    rows = StudyRows(spec, load_dataset(dataset))
    info = load_dataset(dataset).info
    network = Network(spec.model, info, None)
    timings = []
    for batch, epochs, units in itertools.product((10, 100), (10, 60), (8, 128)):
        params = all_params(spec, {"batch_size": batch, "n_neurons": units})
        training = Training(params, 0, 0, 1, (Readout(0, epochs),))
        started = time.perf_counter()
        KerasTrainer().train(network, [training], rows, _Silent())
        seconds = time.perf_counter() - started
        cost = training_cost(spec, info, params, epochs)
        timings.append(Timing(model, "keras", cost.n_steps, epochs, cost.work, seconds))
    return timings


def main() -> None:
    """Measure and print the figures of each kind of model."""
    for model, dataset in (("dense", "breast-cancer"), ("convolutional", "digits")):
        measure(model, dataset)  # the first round pays for loading
        pace = measured_pace(model, measure(model, dataset))
        words = ("a training", "an epoch", "a step", "10⁹ multiply-adds")
        for word, figure in zip(words, pace.figures, strict=True):
            print(f"{model}: {figure:.6f} s {word}")
        print(f"{model}: measured within a factor of {pace.spread:.2f}")


if __name__ == "__main__":
    main()
