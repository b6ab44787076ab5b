"""Small made-up tasks, trainings on them, and two ways to train: stacked, and Keras' own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_class_weight

from tuning.datasets.info import DatasetInfo, Task
from tuning.models.build import make_model
from tuning.models.size import hidden_layers
from tuning.parameters import Value, defaults_of
from tuning.spec import EarlyStoppingSpec
from tuning.training.interface import FitResult, FoldData, Network, Readout, Rows, Training
from tuning.training.plan import Stack
from tuning.training.seeds import epoch_order, fit_seed
from tuning.training.stacked.program import Epoch, program_for
from tuning.training.stacked.slots import (
    Orders,
    make_fits,
    make_layout,
    make_rows,
    make_state,
    parts_of,
    weights_of,
)

N_INPUTS = 5
N_TRAIN, N_SCORE, N_WATCH = 203, 50, 30  # 203 in batches of 16: the last has 11
CLASSES: Mapping[Task, tuple[str, ...]] = {
    "binary": ("no", "yes"),
    "multiclass": ("a", "b", "c"),
    "regression": (),
}


def make_network(task: Task, stopping: EarlyStoppingSpec | None = None) -> Network:
    info = DatasetInfo(
        id="made-up",
        title="Made up",
        task=task,
        source="bundled",
        n_rows=N_TRAIN + N_SCORE + N_WATCH,
        n_inputs=N_INPUTS,
        target="target",
        about="",
        class_names=CLASSES[task],
    )
    return Network("dense", info, stopping)


def make_fold(
    task: Task, fold: int = 0, n_train: int = N_TRAIN, *, rare: bool = False
) -> FoldData:
    """Make rows whose targets follow from three sums of the inputs, and some noise.

    Parameters
    ----------
    rare : bool
        Whether the first class has most of the rows.
    """
    rng = np.random.default_rng(fold)
    features = rng.normal(size=(n_train + N_SCORE + N_WATCH, N_INPUTS)).astype(np.float32)
    sums = features @ np.random.default_rng(99).normal(size=(N_INPUTS, 3))
    sums += rng.normal(scale=0.5, size=sums.shape)
    sums[:, 0] -= 2.0 * rare if task == "binary" else -2.0 * rare
    targets = {"binary": sums[:, 0] > 0, "multiclass": sums.argmax(1), "regression": sums[:, 0]}
    numbers = targets[task].astype(np.float32)
    cuts = (
        slice(0, n_train),
        slice(n_train, n_train + N_SCORE),
        slice(n_train + N_SCORE, None),
    )
    return FoldData(*(Rows(features[cut], numbers[cut]) for cut in cuts))


def make_trainings(
    settings: Sequence[Mapping[str, Value]],
    n_folds: int = 1,
    epochs: Sequence[int] = (4,),
) -> list[Training]:
    """Make the trainings of some trials; each is read at every one of `epochs`."""
    trainings = []
    for place, changes in enumerate(settings):
        params: dict[str, Value] = {**defaults_of("dense"), "batch_size": 16, **changes}
        del params["epochs"]
        first = place * len(epochs)
        readouts = tuple(Readout(first + i, n) for i, n in enumerate(epochs))
        for fold in range(n_folds):
            trainings.append(Training(params, 0, fold, fit_seed(3, params, 0, fold), readouts))
    return trainings


def make_stack(trainings: Sequence[Training], n_slots: int | None = None) -> Stack:
    layers = [hidden_layers(training.params) for training in trainings]
    widths = tuple(max(units) for units in zip(*layers, strict=True))
    return Stack(tuple(trainings), widths, n_slots or len(trainings), 0.0, 0.0)


def train_stack(
    network: Network, stack: Stack, folds: Mapping[int, FoldData], n_epochs: int
) -> tuple[list[list[NDArray[np.float32]]], list[Epoch]]:
    """Train a stack and return the weights of each training, and what each epoch told."""
    parts = {key: folds[key[1]] for key in parts_of(stack)}
    layout = make_layout(network, stack, parts)
    program, fits = program_for(layout), make_fits(network, stack, parts)
    rows, state = make_rows(list(parts.values())), make_state(layout, stack)
    orders, told = Orders(stack, fits, layout), []
    for epoch in range(n_epochs):
        state, news = program.epoch(rows, fits, state, orders(epoch))
        told.append(news)
    weights = [
        weights_of(state, slot, training, N_INPUTS)
        for slot, training in enumerate(stack.trainings)
    ]
    return weights, told


def keras_class_weight(
    network: Network, training: Training, targets: NDArray[np.float32]
) -> dict[int, float] | None:
    """Return what Keras takes as `class_weight`, by scikit-learn's own numbers."""
    if training.params["class_weight"] is None or network.info.task == "regression":
        return None
    classes = np.unique(targets)
    weights = compute_class_weight("balanced", classes=classes, y=targets)
    return dict(zip(classes.astype(int).tolist(), weights.tolist(), strict=True))


def train_by_keras(
    network: Network, training: Training, data: FoldData, n_epochs: int
) -> keras.Model:
    """Train with `train_on_batch`, from the same weights and the same rows."""
    model = make_model(network.model, training.params, network.info, training.seed)
    batch_size = int(str(training.params["batch_size"]))
    weights = keras_class_weight(network, training, data.train.targets)
    for epoch in range(n_epochs):
        order = epoch_order(training.seed, epoch, len(data.train))
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            model.train_on_batch(
                data.train.features[rows], data.train.targets[rows, None], class_weight=weights
            )
    return model


def relative_gap(ours: Sequence[NDArray[Any]], theirs: Sequence[NDArray[Any]]) -> float:
    """Return the length of the difference over the length of theirs, of the worst array."""
    gaps = [
        float(np.linalg.norm(own - other)) / max(float(np.linalg.norm(other)), 1e-3)
        for own, other in zip(ours, theirs, strict=True)
    ]
    return max(gaps)


@dataclass
class Record:
    """A reporter that keeps all it is told, and ends trainings where a test says so.

    Attributes
    ----------
    stop_after : dict
        Epochs after which a training (by its key) is to end.
    """

    stop_after: dict[tuple[int, int, int], int] = field(default_factory=dict)
    curves: dict[tuple[int, int, int], list[NDArray[np.float32]]] = field(default_factory=dict)
    results: dict[tuple[int, int], FitResult] = field(default_factory=dict)

    def epoch(
        self, trainings: Sequence[Training], epoch: int, values: NDArray[np.float32]
    ) -> None:
        for training, own in zip(trainings, values, strict=True):
            curve = self.curves.setdefault(training.key, [])
            assert epoch == len(curve)
            curve.append(own.copy())

    def result(self, training: Training, readout: Readout, result: FitResult) -> None:
        assert (readout.number, training.fold) not in self.results
        self.results[readout.number, training.fold] = result

    def stopping(self, trainings: Sequence[Training]) -> NDArray[np.bool_]:
        return np.array(
            [
                len(self.curves.get(t.key, ())) >= self.stop_after.get(t.key, 10**9)
                for t in trainings
            ]
        )
