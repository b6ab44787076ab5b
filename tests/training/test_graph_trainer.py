"""The graph trainer: every number it reports is the one the Keras trainer reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, NamedTuple

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

from tests.bounded import FULL
from tests.training.conftest import Notes
from tuning.datasets.info import DatasetInfo, Task
from tuning.datasets.preparation import Preparation
from tuning.parameters import ACTIVATIONS, INITIALIZERS, OPTIMIZERS, defaults_of
from tuning.spec import EarlyStoppingSpec
from tuning.training import graph_trainer
from tuning.training.graph_trainer import GRAPHS, Graph, GraphTrainer, shape_of
from tuning.training.interface import (
    FitResult,
    FoldData,
    Network,
    Readout,
    Rows,
    Training,
)
from tuning.training.keras_trainer import KerasTrainer

pytestmark = pytest.mark.slow

SEED = 11
NAMES = {"multiclass": tuple("0123456789"), "binary": ("no", "yes"), "regression": ()}
RATES = {"sgd": 0.1, "adagrad": 0.05, "adadelta": 1.0}  # others learn at their default
Model = Literal["dense", "convolutional"]


class Case(NamedTuple):
    """A network and the rows of one fold."""

    network: Network
    data: FoldData

    def __call__(self, repeat: int, fold: int, _preparation: Preparation) -> FoldData:
        """Give other training rows to each fold, so that folds can be told apart."""
        rows = self.data.train
        skipped = 5 * (repeat + fold)
        cut = Rows(rows.features[skipped:], rows.targets[skipped:])
        return FoldData(cut, self.data.score, self.data.watch)


def make_case(
    task: Task = "multiclass",
    model: Model = "convolutional",
    stopping: EarlyStoppingSpec | None = None,
) -> Case:
    """Cut 8 × 8 digits: 210 rows to train with, 300 to score by, 60 to watch."""
    images, codes = load_digits(return_X_y=True)
    features = (images / 16).reshape(-1, 8, 8, 1).astype(np.float32)
    targets = {"multiclass": codes, "binary": codes % 2, "regression": codes / 10}[task]
    info = DatasetInfo(
        id="digits",
        title="Digits",
        task=task,
        source="bundled",
        n_rows=len(codes),
        n_inputs=64,
        target="digit",
        about="",
        image_shape=(8, 8, 1),
        class_names=NAMES[task],
        class_counts=(100,) * len(NAMES[task]),
    )
    numbers = targets.astype(np.float32)
    parts = (slice(0, 210), slice(210, 510), slice(510, 570))
    rows = [Rows(features[part], numbers[part]) for part in parts]
    return Case(Network(model, info, stopping), FoldData(*rows))


def make_training(*epochs: int, fold: int = 0, **changes: Any) -> Training:
    params = {
        **defaults_of("convolutional"),
        "filters": (3, 4),
        "dense_layer_sizes": (8,),
        "batch_size": 20,
        **changes,
    }
    del params["epochs"]
    readouts = tuple(Readout(10 * fold + i, n) for i, n in enumerate(epochs or (5,)))
    return Training(params, 0, fold, SEED + fold, readouts)


def both(
    case: Case, training: Training
) -> tuple[tuple[keras.Model, Notes], tuple[keras.Model, Notes]]:
    """Train with the graph trainer and with Keras' own loop."""
    pairs = []
    for trainer in (GraphTrainer(), KerasTrainer()):
        notes = Notes()
        pairs.append((trainer.fit(case.network, training, case.data, notes), notes))
    return pairs[0], pairs[1]


def assert_same(case: Case, training: Training) -> None:
    (model, notes), (expected, their_notes) = both(case, training)

    weights, others = model.get_weights(), expected.get_weights()
    assert [array.shape for array in weights] == [array.shape for array in others]
    for own, other in zip(weights, others, strict=True):
        assert np.linalg.norm(own - other) <= 1e-4 * np.linalg.norm(other)
    curves, their_curves = notes.curves[0, 0], their_notes.curves[0, 0]
    np.testing.assert_allclose(curves, their_curves, rtol=1e-3, atol=1e-5)
    assert sorted(notes.results) == sorted(their_notes.results)
    for number, result in notes.results.items():
        assert_same_result(result, their_notes.results[number])


def assert_same_result(result: FitResult, expected: FitResult) -> None:
    assert result.trainer == "graph"
    assert result.error == expected.error
    assert (result.n_epochs, result.best_epoch) == (expected.n_epochs, expected.best_epoch)
    assert result.metrics == pytest.approx(expected.metrics, rel=1e-3)


@pytest.mark.parametrize(
    ("index", "activation"), list(enumerate(ACTIVATIONS))[:: 1 if FULL else 2]
)
def test_fifty_five_steps_with_short_batches_and_dropout_are_those_of_keras(
    index: int, activation: str
) -> None:
    optimizer = OPTIMIZERS[index % len(OPTIMIZERS)]
    training = make_training(
        optimizer=optimizer,
        learning_rate=RATES.get(optimizer),
        activation=activation,
        kernel_initializer=INITIALIZERS[index % len(INITIALIZERS)],
        conv_dropout_rate=0.25,
        dropout_rate=0.3,
    )

    assert_same(make_case(), training)


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "sgd", "learning_rate": 0.05, "momentum": 0.9},
        {"optimizer": "rmsprop", "momentum": 0.5, "max_norm": 1.0},
        {"filters": (6,), "kernel_size": 5, "pool_size": 1, "dense_layer_sizes": (12, 6)},
        {"filters": (2, 2, 4), "kernel_size": 2, "pool_size": 3},  # pooling leaves pixels out
        {"filters": (3,), "kernel_size": 1, "conv_dropout_rate": 0.4, "dropout_rate": 0.0},
        {"batch_size": 500},
        {"dense_layer_sizes": (), "optimizer": "nadam"},
    ],
    ids=str,
)
def test_other_layouts_and_settings_are_those_of_keras(changes: dict[str, Any]) -> None:
    assert_same(make_case(), make_training(**changes))


@pytest.mark.parametrize(
    ("task", "model"),
    [("binary", "convolutional"), ("regression", "convolutional"), ("binary", "dense")],
)
def test_every_head_is_that_of_keras(task: Task, model: Model) -> None:
    assert_same(make_case(task, model), make_training(dropout_rate=0.2))


@pytest.mark.parametrize("task", ["multiclass", "binary", "regression"])
def test_weighted_classes_are_those_of_keras(task: Task) -> None:
    case = make_case(task)
    data = case.data.train
    rare = np.flatnonzero((data.targets != data.targets[0]) | (np.arange(len(data)) % 5 == 0))
    train = Rows(data.features[rare], data.targets[rare])
    case = Case(case.network, FoldData(train, case.data.score))

    assert_same(case, make_training(class_weight="balanced", dropout_rate=0.2))


@pytest.mark.parametrize("monitor", ["loss", "metric"])
@pytest.mark.parametrize("restore", [True, False])
def test_early_stopping_and_readouts_on_the_way_are_those_of_keras(
    monitor: Any, restore: bool
) -> None:
    stopping = EarlyStoppingSpec(
        patience=2, min_delta=0.01, monitor=monitor, restore_best_weights=restore
    )
    case = make_case(stopping=stopping)
    training = make_training(2, 40, learning_rate=0.03)

    assert_same(case, training)

    notes = Notes()
    GraphTrainer().fit(case.network, training, case.data, notes)
    assert 2 < notes.results[1].n_epochs < 40


@pytest.mark.parametrize(
    ("task", "changes"),
    [
        ("regression", {"optimizer": "sgd", "learning_rate": 1e6}),
        ("binary", {"optimizer": "adam", "learning_rate": 1e6}),
    ],
)
def test_a_training_that_runs_away_is_told_the_same_as_by_keras(
    task: Task, changes: dict[str, Any]
) -> None:
    case, training = make_case(task), make_training(2, **changes)

    (_, notes), (_, their_notes) = both(case, training)

    # Weights of 1e5 are written into the sentence, and differ in their last digits.
    error, expected = notes.results[0].error, their_notes.results[0].error
    assert error.split("(")[0][:30] == expected.split("(")[0][:30] != ""
    assert error.endswith("Learning rate 1000000 is probably too high.")
    assert notes.results[0].n_epochs == their_notes.results[0].n_epochs


@pytest.mark.parametrize("n_threads", [1, 3])
def test_a_training_does_not_know_its_neighbours(n_threads: int) -> None:
    case = make_case()
    trainings = [make_training(3, fold=fold, dropout_rate=0.2) for fold in range(4)]
    together = Notes()

    GraphTrainer(n_threads).train(case.network, trainings[::-1], case, together)

    for training in trainings:
        alone = Notes()
        data = case(*training.part)
        GraphTrainer(1).fit(case.network, training, data, alone)
        np.testing.assert_allclose(
            together.curves[0, training.fold], alone.curves[0, training.fold], rtol=1e-5
        )
    assert sorted(together.results) == [0, 10, 20, 30]


def test_a_wish_to_stop_ends_after_the_epoch_without_a_result() -> None:
    case, notes = make_case(), Notes(stop_after=2)
    trainings = [make_training(50, fold=fold) for fold in range(3)]

    GraphTrainer(2).train(case.network, trainings, case, notes)

    assert [len(curve) for curve in notes.curves.values()] == [2, 2, 2]
    assert notes.results == {}


def test_a_training_stopped_before_it_begins_is_not_begun() -> None:
    case, notes = make_case(), Notes(stop_after=0)

    GraphTrainer().train(case.network, [make_training(5)], case, notes)

    assert notes.curves == {}


def test_the_model_to_take_home_loads_in_plain_keras_and_scores_the_same(
    tmp_path: Path,
) -> None:
    case, notes = make_case(), Notes()
    model = GraphTrainer().fit(case.network, make_training(dropout_rate=0.3), case.data, notes)

    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")

    score = case.data.score
    loss, accuracy = loaded.evaluate(score.features, score.targets[:, None], verbose=0)
    assert notes.curves[0, 0][-1][2] == pytest.approx(loss, rel=1e-5)
    assert notes.results[0].metrics["accuracy"] == pytest.approx(accuracy, rel=1e-6)


def test_rows_are_judged_alike_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    case, whole, pieces = make_case(), Notes(), Notes()
    GraphTrainer().fit(case.network, make_training(2), case.data, whole)
    monkeypatch.setattr(graph_trainer, "_CHUNK", 70)

    GraphTrainer().fit(case.network, make_training(2), case.data, pieces)

    np.testing.assert_allclose(pieces.curves[0, 0], whole.curves[0, 0], rtol=1e-5)


def test_trainings_that_differ_in_numbers_only_share_one_traced_graph() -> None:
    case = make_case()
    trainer, notes = GraphTrainer(), Reporting()
    common = {"dropout_rate": 0.2, "max_norm": 1.0, "dense_layer_sizes": (9,)}
    variants: list[dict[str, Any]] = [
        {},
        {"learning_rate": 0.01, "batch_size": 32, "max_norm": 2.0},
        {"dropout_rate": 0.5, "kernel_initializer": "he_normal"},
    ]

    for fold, changes in enumerate(variants):
        training = make_training(2, fold=fold, **{**common, **changes})
        model = trainer.fit(case.network, training, case(*training.part), notes)

    graph = GRAPHS.get(shape_of(case.network, training, model))
    assert graph.train.experimental_get_tracing_count() == 1
    assert graph.judge.experimental_get_tracing_count() == 1


def test_the_graphs_used_longest_ago_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_trainer, "_KEPT", 2)
    graphs = graph_trainer._Graphs()
    case = make_case()
    shapes = []
    for units in (3, 4, 5):
        training = make_training(dense_layer_sizes=(units,))
        model = KerasTrainer().fit(case.network, training, case.data, Reporting())
        shapes.append(shape_of(case.network, training, model))
    first, second = graphs.get(shapes[0]), graphs.get(shapes[1])
    assert graphs.get(shapes[0]) is first

    graphs.get(shapes[2])

    assert len(graphs) == 2
    assert graphs.get(shapes[0]) is first
    assert graphs.get(shapes[1]) is not second
    assert isinstance(second, Graph)


class Reporting(Notes):
    """Notes that do not mind the same fold trained twice."""

    def epoch(self, *_: Any) -> None:
        """Keep nothing."""
