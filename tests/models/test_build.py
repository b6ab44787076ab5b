"""Networks: what the parameters say is what Keras builds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from tuning.datasets.catalogue import dataset_info
from tuning.datasets.scaling import Scaler
from tuning.models.build import make_model, with_scaling
from tuning.models.size import layer_sizes, n_weights
from tuning.parameters import (
    ACTIVATIONS,
    INITIALIZERS,
    OPTIMIZERS,
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


def test_scaling_in_front_gives_raw_rows_the_same_outputs() -> None:
    rng = np.random.default_rng(3)
    raw = rng.normal([5, -100, 0, 1e4, 7, 0.1, 2, 3], [1, 30, 2, 1e3, 1, 0.01, 1, 1], (50, 8))
    raw[:, 6] = 2.0  # a constant column
    rows = raw.astype(np.float32)
    network = make_model("dense", defaults_of("dense"), dataset_info("pima"), seed=0)

    outputs = with_scaling(network, Scaler.fit(rows)).predict(rows, verbose=0)

    scaled = StandardScaler().fit_transform(raw)
    np.testing.assert_allclose(outputs, network.predict(scaled, verbose=0), atol=1e-5)
