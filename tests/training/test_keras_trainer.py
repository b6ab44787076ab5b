"""The Keras trainer: what it reports is what plain Keras does with the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import keras
import numpy as np
import pytest

from tests.training.conftest import Notes
from tuning.datasets.info import DatasetInfo
from tuning.models.build import make_model
from tuning.parameters import defaults_of
from tuning.spec import EarlyStoppingSpec
from tuning.training.interface import FoldData, Network, Readout, Training
from tuning.training.keras_trainer import KerasTrainer
from tuning.training.seeds import epoch_order

pytestmark = pytest.mark.slow

SEED = 11
Case = tuple[DatasetInfo, FoldData]


def make_training(n_epochs: int = 3, **changes: Any) -> Training:
    params = {**defaults_of("dense"), "batch_size": 64, **changes}
    del params["epochs"]
    return Training(params, 0, 0, SEED, (Readout(0, n_epochs),))


def make_network(
    case: Case,
    stopping: EarlyStoppingSpec | None = None,
    model: Literal["dense", "convolutional"] = "dense",
) -> Network:
    return Network(model, case[0], stopping)


def train(case: Case, training: Training, **network: Any) -> tuple[keras.Model, Notes]:
    notes = Notes()
    model = KerasTrainer().fit(make_network(case, **network), training, case[1], notes)
    return model, notes


def train_by_hand(case: Case, training: Training) -> tuple[keras.Model, list[float]]:
    """Train step by step with plain Keras, from the same weights and the same rows."""
    info, data = case
    keras.utils.set_random_seed(SEED)
    model = make_model("dense", training.params, info, SEED)
    batch, losses = int(str(training.params["batch_size"])), []
    counts = np.bincount(data.train.targets.astype(int))
    balanced = {code: len(data.train) / (2 * n) for code, n in enumerate(counts.tolist())}
    weights = balanced if training.params["class_weight"] else None
    for epoch in range(training.n_epochs):
        order = epoch_order(SEED, epoch, len(data.train))
        summed = 0.0
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            model.reset_metrics()
            loss, _ = model.train_on_batch(
                data.train.features[rows], data.train.targets[rows, None], class_weight=weights
            )
            summed += float(loss) * len(rows)
        losses.append(summed / len(order))
    return model, losses


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.9},
        {"optimizer": "rmsprop", "max_norm": 1.0},
        {"dropout_rate": 0.4, "n_hidden": 2},
        {"dense_layer_sizes": (8, 4), "kernel_initializer": "he_normal"},
        {"class_weight": "balanced"},
    ],
)
def test_training_equals_steps_by_hand_in_plain_keras(
    cancer: Case, changes: Mapping[str, Any]
) -> None:
    training = make_training(**changes)

    model, notes = train(cancer, training)

    expected, losses = train_by_hand(cancer, training)
    for weights, others in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(weights, others, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose([v[0] for v in notes.curves[0, 0]], losses, rtol=1e-4)


def test_curves_on_the_scoring_rows_are_those_of_evaluate(cancer: Case) -> None:
    model, notes = train(cancer, make_training())

    score = cancer[1].score
    loss, metric = model.evaluate(score.features, score.targets[:, None], verbose=0)
    _, _, val_loss, val_metric, watched = notes.curves[0, 0][-1]
    assert val_loss == pytest.approx(loss, rel=1e-5)
    assert val_metric == pytest.approx(metric, rel=1e-6)
    assert np.isnan(watched)
    assert notes.results[0].metrics["accuracy"] == pytest.approx(metric, rel=1e-6)
    assert notes.results[0].metrics["log_loss"] == pytest.approx(loss, rel=1e-5)


def test_regression_scores_are_those_of_evaluate(progression: Case) -> None:
    model, notes = train(progression, make_training(learning_rate=0.01))

    score = progression[1].score
    loss, metric = model.evaluate(score.features, score.targets[:, None], verbose=0)
    scores = notes.results[0].metrics
    assert scores["mse"] == pytest.approx(loss, rel=1e-5)
    assert scores["rmse"] == pytest.approx(loss**0.5, rel=1e-5)
    assert scores["mae"] == pytest.approx(metric, rel=1e-5)


def test_the_same_seed_gives_the_same_curves_and_another_does_not(cancer: Case) -> None:
    training = make_training(dropout_rate=0.3)
    other = Training(training.params, 0, 0, SEED + 1, training.readouts)

    curves = [train(cancer, t)[1].curves[0, 0] for t in (training, training, other)]

    np.testing.assert_array_equal(curves[0], curves[1])
    assert not np.allclose(curves[0][-1][:4], curves[2][-1][:4])


def test_a_training_read_at_two_epochs_equals_two_trainings(cancer: Case) -> None:
    short, long = make_training(2), make_training(5)
    shared = Training(short.params, 0, 0, SEED, (Readout(0, 2), Readout(1, 5)))

    _, notes = train(cancer, shared)

    for number, alone in enumerate((short, long)):
        expected = train(cancer, alone)[1].results[0]
        assert notes.results[number].metrics == expected.metrics
        assert notes.results[number].n_epochs == alone.n_epochs


@pytest.mark.parametrize("restore", [True, False])
def test_early_stopping_ends_and_restores_as_plain_keras_does(
    cancer: Case, restore: bool
) -> None:
    stopping = EarlyStoppingSpec(patience=2, min_delta=0.001, restore_best_weights=restore)
    training = make_training(200, learning_rate=0.05, n_neurons=30)

    model, notes = train(cancer, training, stopping=stopping)

    expected, epochs = _early_stopped_by_hand(cancer, training, restore)
    assert notes.results[0].n_epochs == epochs < 200
    for weights, others in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(weights, others, rtol=1e-3, atol=1e-5)
    outputs = expected.predict(cancer[1].score.features, verbose=0)[:, 0]
    accuracy = float(np.mean((outputs > 0.5) == cancer[1].score.targets))
    assert notes.results[0].metrics["accuracy"] == pytest.approx(accuracy)


def _early_stopped_by_hand(
    case: Case, training: Training, restore: bool
) -> tuple[keras.Model, int]:
    """Fit epoch by epoch under Keras' own callback, which watches Keras' own val_loss."""
    info, data = case
    assert data.watch is not None
    keras.utils.set_random_seed(SEED)
    model = make_model("dense", training.params, info, SEED)
    callback = keras.callbacks.EarlyStopping(
        monitor="val_loss", patience=2, min_delta=0.001, restore_best_weights=restore
    )
    callback.set_model(model)
    callback.on_train_begin()
    model.stop_training = False
    for epoch in range(training.n_epochs):
        order = epoch_order(SEED, epoch, len(data.train))
        for start in range(0, len(order), 64):
            rows = order[start : start + 64]
            model.train_on_batch(data.train.features[rows], data.train.targets[rows, None])
        watch = data.watch
        loss, _ = model.evaluate(watch.features, watch.targets[:, None], verbose=0)
        callback.on_epoch_end(epoch, {"val_loss": loss})
        if model.stop_training:
            break
    callback.on_train_end()
    return model, epoch + 1


def test_a_loss_that_becomes_nan_fails_with_the_epoch_and_the_learning_rate(
    progression: Case,
) -> None:
    training = make_training(20, optimizer="sgd", learning_rate=1e6)

    _, notes = train(progression, training)

    result = notes.results[0]
    assert result.error == (
        "Loss became NaN at epoch 1. Learning rate 1000000 is probably too high."
    )
    assert result.metrics == {}
    assert len(notes.curves[0, 0]) == 1


def test_a_clipped_loss_that_ran_away_fails_too(cancer: Case) -> None:
    training = make_training(2, learning_rate=1e6)

    _, notes = train(cancer, training)

    assert notes.results[0].error.startswith("Training diverged: weights grew to ")
    assert notes.results[0].error.endswith("Learning rate 1000000 is probably too high.")


def test_a_wish_to_stop_ends_after_the_epoch_without_a_result(cancer: Case) -> None:
    notes = Notes(stop_after=2)

    KerasTrainer().fit(make_network(cancer), make_training(50), cancer[1], notes)

    assert len(notes.curves[0, 0]) == 2
    assert notes.results == {}
