"""It is Keras: the weights of a stack are those of `train_on_batch`, whatever is combined.

Every optimizer meets every activation (a seventh of the pairs in CI); what else a network can
have is drawn for each pair, so that each value meets many others.
"""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
import pytest

from tests.bounded import pairs
from tests.training.stacked.small import (
    CLASSES,
    keras_class_weight,
    make_fold,
    make_network,
    make_stack,
    make_trainings,
    relative_gap,
    train_by_keras,
    train_stack,
)
from tuning.datasets.info import Task
from tuning.parameters import ACTIVATIONS, INITIALIZERS, OPTIMIZERS

pytestmark = pytest.mark.slow  # loads TensorFlow

N_EPOCHS = 4  # of 13 steps: 52
PAIRS = list(itertools.product(OPTIMIZERS, ACTIVATIONS))
TASKS: list[Task] = list(CLASSES)
SOFTMAX = {"activation": "softmax", "n_hidden": 2}


def drawn(place: int) -> tuple[Task, list[dict[str, Any]]]:
    """Draw a task, and two trials that share a stack but little else."""
    rng = np.random.default_rng(place)
    optimizer, activation = PAIRS[place]
    depth = int(rng.integers(1, 3))
    settings = []
    for trial in range(2):
        settings.append(
            {
                "optimizer": optimizer,
                "activation": activation,
                # all initializers come round, and each trial has another one
                "kernel_initializer": INITIALIZERS[(2 * place + trial) % len(INITIALIZERS)],
                "dense_layer_sizes": tuple(rng.integers(2, 9, depth).tolist()),
                "learning_rate": [None, 0.02][int(rng.integers(2))],
                "momentum": float(rng.choice([0.0, 0.6])),
                "dropout_rate": float(rng.choice([0.0, 0.3])),
                "max_norm": [None, 0.8][int(rng.integers(2))],
                "batch_size": int(rng.choice([16, 29])),
                "class_weight": [None, "balanced"][(place // 2 + trial) % 2],
            }
        )
    return TASKS[place % len(TASKS)], settings


@pytest.mark.parametrize(("optimizer", "activation"), pairs(OPTIMIZERS, ACTIVATIONS, share=7))
def test_fifty_steps_end_at_the_weights_of_train_on_batch(
    optimizer: str, activation: str
) -> None:
    place = PAIRS.index((optimizer, activation))
    task, settings = drawn(place)
    network, folds = make_network(task), {0: make_fold(task)}
    trainings = make_trainings(settings)

    ours, told = train_stack(network, make_stack(trainings), folds, N_EPOCHS)

    score = folds[0].score
    for slot, training in enumerate(trainings):
        model = train_by_keras(network, training, folds[0], N_EPOCHS)
        assert relative_gap(ours[slot], model.get_weights()) < 1e-4
        loss, metric = model.evaluate(score.features, score.targets[:, None], verbose=0)
        assert float(told[-1].val_loss[slot]) == pytest.approx(loss, rel=1e-3)
        assert float(told[-1].val_metric[slot]) == pytest.approx(metric, rel=1e-3)
    # Zeros alone would leave most weights as they are, where an activation of 0 is 0.
    assert {t.params["kernel_initializer"] for t in trainings} != {"zeros"}
    keras.backend.clear_session()


@pytest.mark.parametrize(("optimizer", "activation"), pairs(OPTIMIZERS, ACTIVATIONS, share=7))
def test_a_fit_is_the_same_alone_in_a_stack_of_3_and_in_a_stack_of_150(
    optimizer: str, activation: str
) -> None:
    task, settings = drawn(PAIRS.index((optimizer, activation)))
    network, folds = make_network(task), {0: make_fold(task)}
    rates = np.geomspace(1e-4, 0.05, 75)
    trainings = make_trainings(
        [chosen | {"learning_rate": float(rate)} for rate in rates for chosen in settings]
    )

    many, told = train_stack(network, make_stack(trainings), folds, N_EPOCHS)

    first, middle, last = 1, 76, 149
    alone, own = train_stack(network, make_stack([trainings[last]]), folds, N_EPOCHS)
    three = [trainings[slot] for slot in (first, middle, last)]
    few, others = train_stack(network, make_stack(three), folds, N_EPOCHS)
    assert relative_gap(alone[0], many[last]) < 1e-4
    for place, slot in enumerate((first, middle, last)):
        assert relative_gap(few[place], many[slot]) < 1e-4
        losses = [float(epoch.val_loss[place]) for epoch in others]
        assert losses == pytest.approx([float(e.val_loss[slot]) for e in told], rel=1e-4)
    losses = [float(epoch.loss[0]) for epoch in own]
    assert losses == pytest.approx([float(epoch.loss[last]) for epoch in told], rel=1e-4)
    keras.backend.clear_session()


@pytest.mark.parametrize(
    ("task", "settings"),
    [
        ("binary", [{"dropout_rate": 0.4, "max_norm": 0.7}, {"n_neurons": 5}]),
        ("regression", [{"optimizer": "sgd", "n_hidden": 0}]),
        ("multiclass", [SOFTMAX, SOFTMAX | {"n_neurons": 3, "batch_size": 40}]),
    ],
)
def test_one_epoch_ends_at_the_weights_of_train_on_batch(
    task: Task, settings: list[dict[str, Any]]
) -> None:
    network, folds = make_network(task), {0: make_fold(task)}
    trainings = make_trainings(settings)

    ours, _ = train_stack(network, make_stack(trainings), folds, 1)

    for slot, training in enumerate(trainings):
        model = train_by_keras(network, training, folds[0], 1)
        assert relative_gap(ours[slot], model.get_weights()) < 1e-5


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_weighted_classes_end_at_the_weights_of_train_on_batch(task: Task) -> None:
    network, folds = make_network(task), {0: make_fold(task, rare=True)}
    settings: list[dict[str, Any]] = [{"class_weight": "balanced"}, {"batch_size": 40}]
    trainings = make_trainings(settings)

    ours, told = train_stack(network, make_stack(trainings), folds, 2)

    for slot, training in enumerate(trainings):
        model = train_by_keras(network, training, folds[0], 2)
        assert relative_gap(ours[slot], model.get_weights()) < 1e-5
        score = folds[0].score
        loss, _ = model.evaluate(score.features, score.targets[:, None], verbose=0)
        assert float(told[-1].val_loss[slot]) == pytest.approx(loss, rel=1e-4)
    (unweighted,) = make_trainings([{"class_weight": None}])
    model = train_by_keras(network, unweighted, folds[0], 2)
    assert relative_gap(ours[0], model.get_weights()) > 1e-2


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_the_loss_of_weighted_classes_is_keras_history(task: Task) -> None:
    network, data = make_network(task), make_fold(task, rare=True)
    settings: dict[str, Any] = {"batch_size": len(data.train), "class_weight": "balanced"}
    (training,) = make_trainings([settings])

    _, told = train_stack(network, make_stack([training]), {0: data}, 3)

    model = train_by_keras(network, training, data, 0)
    history = model.fit(
        data.train.features,
        data.train.targets[:, None],
        validation_data=(data.score.features, data.score.targets[:, None]),
        class_weight=keras_class_weight(network, training, data.train.targets),
        batch_size=len(data.train),
        epochs=3,
        verbose=0,
    ).history
    assert [float(t.loss[0]) for t in told] == pytest.approx(history["loss"], rel=1e-5)
    assert [float(t.val_loss[0]) for t in told] == pytest.approx(history["val_loss"], rel=1e-5)


@pytest.mark.parametrize("task", TASKS)
def test_what_an_epoch_tells_is_keras_history(task: Task) -> None:
    network, data = make_network(task), make_fold(task)
    settings = {"batch_size": len(data.train)}  # one batch: the order of rows does not matter
    (training,) = make_trainings([settings])

    _, told = train_stack(network, make_stack([training]), {0: data}, 5)

    model = train_by_keras(network, training, data, 0)
    history = model.fit(
        data.train.features,
        data.train.targets[:, None],
        validation_data=(data.score.features, data.score.targets[:, None]),
        batch_size=len(data.train),
        epochs=5,
        verbose=0,
    ).history
    assert [float(t.loss[0]) for t in told] == pytest.approx(history["loss"], rel=1e-5)
    assert [float(t.val_loss[0]) for t in told] == pytest.approx(history["val_loss"], rel=1e-5)
    (metric,) = (name for name in history if name != "loss" and not name.startswith("val_"))
    assert [float(t.metric[0]) for t in told] == pytest.approx(history[metric], rel=1e-5)
    val_metric = pytest.approx(history[f"val_{metric}"], rel=1e-5)
    assert [float(t.val_metric[0]) for t in told] == val_metric


@pytest.mark.parametrize("task", TASKS)
def test_a_short_last_batch_counts_by_its_rows_in_the_epoch_s_loss(task: Task) -> None:
    network, data = make_network(task), make_fold(task)
    (training,) = make_trainings([{"optimizer": "sgd", "learning_rate": 1e-9}])

    _, told = train_stack(network, make_stack([training]), {0: data}, 1)

    model = train_by_keras(network, training, data, 0)
    # Steps this small leave the weights as they were, so the epoch's mean is the rows' mean.
    loss, metric = model.evaluate(data.train.features, data.train.targets[:, None], verbose=0)
    assert float(told[0].loss[0]) == pytest.approx(loss, rel=1e-5)
    assert float(told[0].metric[0]) == pytest.approx(metric, rel=1e-5)
