"""Networks: what the parameters say is what Keras builds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from tuning.datasets.catalogue import dataset_info
from tuning.datasets.info import Column, DatasetInfo
from tuning.datasets.preparation import Preparation, Preparer
from tuning.models.build import make_model, with_preparation
from tuning.models.size import layer_sizes, n_weights
from tuning.parameters import (
    ACTIVATIONS,
    IMPUTATIONS,
    INITIALIZERS,
    OPTIMIZERS,
    SCALINGS,
    Value,
    defaults_of,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("model", "dataset", "changes"),
    [
        ("dense", "pima", {}),
        ("dense", "pima", {"n_hidden": 0}),
        ("dense", "pima", {"dense_layer_sizes": (5, 7, 3), "dropout_rate": 0.5}),
        ("dense", "california", {"n_hidden": 3, "n_neurons": 43}),
        ("dense", "mnist", {}),
        ("convolutional", "mnist", {"filters": (4, 8), "dense_layer_sizes": (16,)}),
        ("convolutional", "digits", {"filters": (3,), "kernel_size": 2, "pool_size": 3}),
    ],
)
def test_weights_are_counted_as_keras_counts_them(
    model: str, dataset: str, changes: Mapping[str, Value]
) -> None:
    params, info = {**defaults_of(model), **changes}, dataset_info(dataset)

    network = make_model(model, params, info, seed=0)

    with_weights = [layer for layer in network.layers if layer.count_params()]
    sizes = layer_sizes(model, params, info)
    assert n_weights(model, params, info) == network.count_params()
    assert [size.n_weights for size in sizes] == [x.count_params() for x in with_weights]
    assert [size.output_shape for size in sizes] == [x.output.shape[1:] for x in with_weights]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_is_keras_own_with_its_default_rate(optimizer: str) -> None:
    params = {**defaults_of("dense"), "optimizer": optimizer}

    network = make_model("dense", params, dataset_info("pima"), seed=0)

    expected = 0.01 if optimizer == "sgd" else 0.001
    assert network.optimizer.__class__.__name__.lower() == optimizer
    assert float(network.optimizer.learning_rate.numpy()) == pytest.approx(expected)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_reaches_the_hidden_layer(activation: str) -> None:
    params = {**defaults_of("dense"), "activation": activation}

    network = make_model("dense", params, dataset_info("pima"), seed=0)

    assert network.layers[0].activation.__name__ == activation
    assert network.layers[-1].activation.__name__ == "sigmoid"


@pytest.mark.parametrize("initializer", INITIALIZERS)
def test_starting_weights_follow_the_seed_and_differ_between_layers(initializer: str) -> None:
    params = {
        **defaults_of("dense"),
        "kernel_initializer": initializer,
        "dense_layer_sizes": (8, 8),
    }
    info = dataset_info("pima")

    first, again, other = (
        make_model("dense", params, info, seed).get_weights() for seed in (1, 1, 2)
    )

    for weights, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(weights, same)
    if initializer != "zeros":
        assert not np.allclose(first[0], other[0])
        assert not np.allclose(first[0], first[2])


def test_heads_and_losses_follow_the_task() -> None:
    heads = {}
    for model, dataset in [
        ("dense", "pima"),
        ("dense", "california"),
        ("convolutional", "mnist"),
    ]:
        network = make_model(model, defaults_of(model), dataset_info(dataset), seed=0)
        head = network.layers[-1]
        heads[model, dataset] = (head.units, head.activation.__name__, network.loss)

    assert heads == {
        ("dense", "pima"): (1, "sigmoid", "binary_crossentropy"),
        ("dense", "california"): (1, "linear", "mean_squared_error"),
        ("convolutional", "mnist"): (2, "softmax", "sparse_categorical_crossentropy"),
    }


def random_table(seed: int) -> tuple[DatasetInfo, NDArray[np.float32]]:
    """Make a table of numbers and choices with gaps, in any order."""
    rng = np.random.default_rng(seed)
    kinds = [
        Column("steady"),
        Column("year", indicator=True),
        Column("town", ("a", "b", "c"), others=True, indicator=True),
        Column("size", ("s", "m", "l"), ordered=True),
        Column("sex", ("f", "m")),
        Column("empty"),
        Column("small"),
    ]
    table = tuple(kinds[place] for place in rng.permutation(len(kinds)))
    numbers = {
        "steady": np.full(80, 2.0),
        "year": rng.integers(1990, 2020, 80),
        "empty": np.full(80, np.nan),
        "small": rng.lognormal(-5, 1, 80),
    }
    columns = [
        rng.integers(column.n_codes, size=80) if column.levels else numbers[column.name]
        for column in table
    ]
    rows = np.column_stack(columns).astype(np.float32)
    rows[rng.random(rows.shape) < 0.15] = np.nan
    inputs = tuple(name for column in table for name in column.inputs)
    info = replace(
        dataset_info("pima"), n_inputs=len(inputs), columns=inputs, table=table, n_rows=80
    )
    return info, rows


@pytest.mark.parametrize("seed", range(12))
def test_preparation_in_front_gives_rows_with_gaps_the_same_inputs(
    seed: int, tmp_path: Path
) -> None:
    info, rows = random_table(seed)
    scaling = [*SCALINGS, None][seed % 4]
    preparer = Preparer.fit(rows[:50], info, Preparation(scaling, IMPUTATIONS[seed % 3]))
    nothing = keras.Sequential([keras.Input((info.n_inputs,)), keras.layers.Identity()])

    with_preparation(nothing, preparer).save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")

    inputs = model.predict(rows, verbose=0)
    assert inputs.dtype == np.float32
    np.testing.assert_allclose(inputs, preparer.transform(rows), rtol=1e-6, atol=1e-6)


def test_a_prepared_network_says_of_raw_rows_what_it_says_of_scaled_ones() -> None:
    rng = np.random.default_rng(3)
    raw = rng.normal([5, -100, 0, 1e4, 7, 0.1, 2, 3], [1, 30, 2, 1e3, 1, 0.01, 1, 1], (50, 8))
    raw[:, 6] = 2.0  # a constant column
    rows, info = raw.astype(np.float32), dataset_info("pima")
    network = make_model("dense", defaults_of("dense"), info, seed=0)

    preparer = Preparer.fit(rows, info, Preparation())
    outputs = with_preparation(network, preparer).predict(rows, verbose=0)

    scaled = StandardScaler().fit_transform(raw)
    np.testing.assert_allclose(outputs, network.predict(scaled, verbose=0), atol=1e-5)


def test_networks_of_images_take_them_as_they_are() -> None:
    info = dataset_info("digits")
    network = make_model("convolutional", defaults_of("convolutional"), info, seed=0)
    images = np.zeros((3, 8, 8, 1), np.float32)

    assert with_preparation(network, Preparer.fit(images, info, Preparation())) is network
