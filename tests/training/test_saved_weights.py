"""Weights read without TensorFlow are those of the model that Keras has saved."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from tuning.analysis.network_weights import read_layers

pytestmark = pytest.mark.slow


def image_network() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(3, 3, activation="relu"),
            keras.layers.Conv2D(2, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Dropout(0.2),
            keras.layers.Flatten(),
            keras.layers.Dense(5, activation="relu"),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )


def table_network() -> keras.Model:
    """Return a dense network with a preparation in front, as a refit has it."""
    inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4), keras.layers.Dense(1)])
    rows = keras.Input((3,))
    kept = keras.ops.take(rows, [0, 2], axis=1)
    return keras.Model(rows, inner((kept - 1.5) / 2.0))


@pytest.mark.parametrize("make", [image_network, table_network])
def test_layers_and_weights_are_those_of_the_model(tmp_path: Path, make: object) -> None:
    model: keras.Model = make()  # type: ignore[operator]
    model.compile("adam", "mse")
    model.save(tmp_path / "model.keras")

    layers = read_layers(tmp_path / "model.keras")

    inner = next((part for part in model.layers if isinstance(part, keras.Sequential)), model)
    known = [part for part in inner.layers if not isinstance(part, keras.layers.InputLayer)]
    assert [layer.name for layer in layers] == [part.name for part in known]
    assert [layer.output_shape for layer in layers] == [part.output.shape[1:] for part in known]
    found = [w for layer in layers for w in (layer.kernel, layer.bias) if w is not None]
    for one, other in zip(found, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
