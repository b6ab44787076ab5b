"""What a training that is not stacked costs: the prior figures of `tuning.analysis.estimate`.

``python -m benchmarks.fit_cost`` trains small networks of several sizes, each way in which
networks are trained one by one, and fits seconds per training, epoch, step and 10⁹
multiply-adds to what they took. Stacks have `benchmarks.stack_cost`.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.results import Timing
from tuning.analysis.estimate import at_once, measured_pace, training_cost
from tuning.cores import n_usable_cores
from tuning.datasets.catalogue import load_dataset
from tuning.spec import StudySpec
from tuning.training.choice import GRAPH, KERAS
from tuning.worker import prepare_tensorflow

prepare_tensorflow()

from tuning.samplers import all_params  # noqa: E402
from tuning.training.graph_trainer import GraphTrainer  # noqa: E402
from tuning.training.interface import (  # noqa: E402
    FitResult,
    Network,
    Readout,
    Trainer,
    Training,
)
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


@dataclass(frozen=True)
class Part:
    """Rows to train on, and for how many epochs.

    Small images cost their steps, large ones their arithmetic; both are needed to tell the two
    apart.
    """

    data: dict[str, Any]
    epochs: tuple[int, int]


_DIGITS = Part({"dataset": "digits"}, (10, 60))
_MNIST = Part({"dataset": "mnist", "digits": [2, 7], "sample_fraction": 0.1}, (2, 10))
_TABLE = Part({"dataset": "breast-cancer"}, (10, 60))
WAYS: tuple[tuple[str, str, tuple[Part, ...]], ...] = (
    ("convolutional", GRAPH, (_DIGITS, _MNIST)),
    ("convolutional", KERAS, (_DIGITS, _MNIST)),
    ("dense", KERAS, (_TABLE,)),
)


def measure(model: str, trainer: str, part: Part) -> list[Timing]:
    """Time trainings over batch sizes, epochs and widths.

    As many run side by side as in a study, so each has what is then its share of the machine.
    """
    document = {"name": "cost", "model": model, "data": part.data, "evaluation": {"folds": 3}}
    spec = StudySpec.parse(document)
    dataset = load_dataset(spec.data.dataset, spec.data.digits)
    rows, network = StudyRows(spec, dataset), Network(spec.model, dataset.info, None)
    way: Trainer = GraphTrainer() if trainer == GRAPH else KerasTrainer()
    n_at_once = at_once(trainer, n_usable_cores(), n_usable_cores())
    timings = []
    for batch, epochs, units in itertools.product((10, 100), part.epochs, (8, 128)):
        params = all_params(spec, {"batch_size": batch, "n_neurons": units})
        readouts = (Readout(0, epochs),)
        trainings = [Training(params, 0, n % 3, n, readouts) for n in range(n_at_once)]
        started = time.perf_counter()
        way.train(network, trainings, rows, _Silent())
        seconds = time.perf_counter() - started
        cost = training_cost(spec, dataset.info, params, epochs)
        figures = (cost.n_steps, epochs, cost.work, seconds)
        timings.append(Timing(model, trainer, *figures))
    return timings


def main() -> None:
    """Measure and print the figures of each way."""
    for model, trainer, parts in WAYS:
        measure(model, trainer, parts[0])  # the first round pays for loading
        timings = [timing for part in parts for timing in measure(model, trainer, part)]
        pace = measured_pace(model, trainer, timings)
        words = ("a training", "an epoch", "a step", "10⁹ multiply-adds")
        for word, figure in zip(words, pace.figures, strict=True):
            print(f"{trainer}, {model}: {figure:.6f} s {word}")
        print(f"{trainer}, {model}: within a factor of {pace.spread:.2f}", flush=True)


if __name__ == "__main__":
    main()
