"""Parameters → a compiled Keras model, every draw in it seeded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import keras
import numpy as np

from tuning.datasets.info import DatasetInfo
from tuning.datasets.preparation import Arithmetic, Preparer
from tuning.models.size import hidden_layers, n_outputs
from tuning.parameters import Layers, Value
from tuning.training.seeds import part_seed

_OPTIMIZERS = {
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
    "adagrad": keras.optimizers.Adagrad,
    "adadelta": keras.optimizers.Adadelta,
    "adam": keras.optimizers.Adam,
    "adamax": keras.optimizers.Adamax,
    "nadam": keras.optimizers.Nadam,
}
_WITH_MOMENTUM = ("sgd", "rmsprop")


def make_model(
    model: str, params: Mapping[str, Value], info: DatasetInfo, seed: int
) -> keras.Model:
    """Build and compile one network.

    Parameters
    ----------
    model : {"dense", "convolutional"}
        The kind of network.
    params : mapping
        Every parameter of that kind; `epochs` and `batch_size` are not looked at.
    seed : int
        Decides the starting weights and what dropout drops.
    """
    build = _Builder(params, seed)
    layers = [keras.Input(info.image_shape or (info.n_inputs,))]
    if model == "convolutional":
        layers += build.convolutions()
    if info.image_shape is not None:
        layers.append(keras.layers.Flatten())
    layers += build.hidden()
    layers.append(build.head(n_outputs(model, info), info))
    network = keras.Sequential(layers)
    network.compile(
        optimizer=make_optimizer(params),
        loss=loss_name(model, info),
        metrics=[metric_name(model, info)],
        jit_compile=False,
    )
    return network


def make_optimizer(params: Mapping[str, Value]) -> keras.optimizers.Optimizer:
    """Build the optimizer; without a learning rate it keeps Keras' default."""
    name = str(params["optimizer"])
    settings: dict[str, float] = {}
    if params.get("learning_rate") is not None:
        settings["learning_rate"] = cast(float, params["learning_rate"])
    if name in _WITH_MOMENTUM:
        settings["momentum"] = cast(float, params.get("momentum", 0.0))
    return _OPTIMIZERS[name](**settings)


def loss_name(model: str, info: DatasetInfo) -> str:
    """Return Keras' name of the loss that fits the task and its head."""
    if info.task == "regression":
        return "mean_squared_error"
    if n_outputs(model, info) == 1:
        return "binary_crossentropy"
    return "sparse_categorical_crossentropy"


def metric_name(model: str, info: DatasetInfo) -> str:
    """Return Keras' name of the metric that is followed each epoch."""
    if info.task == "regression":
        return "mean_absolute_error"
    if n_outputs(model, info) == 1:
        return "binary_accuracy"
    return "sparse_categorical_accuracy"


def with_preparation(network: keras.Model, preparer: Preparer) -> keras.Model:
    """Put the preparation of a table in front, so that the model takes rows with their gaps.

    It is made of Keras' own operations, so that plain Keras loads the model. A network of
    images comes back as it is.
    """
    arithmetic = preparer.arithmetic
    if arithmetic is None:
        return network
    rows = keras.Input((preparer.n_columns,))
    return keras.Model(rows, network(_prepared(rows, arithmetic)))


def _prepared(rows: keras.KerasTensor, by: Arithmetic) -> keras.KerasTensor:
    """Compute the inputs in float64, as `Preparer` does, so that they are the same."""
    values = keras.ops.cast(keras.ops.take(rows, by.columns, axis=1), "float64")
    gaps = keras.ops.isnan(values)
    inputs = (keras.ops.where(gaps, by.fill, values) - by.center) / by.scale
    is_choice = ~np.isnan(by.code)
    if is_choice.any():
        chosen = keras.ops.cast(keras.ops.equal(values, by.code), "float64")
        inputs = keras.ops.where(is_choice, chosen, inputs)
    if by.is_missing.any():
        flags = keras.ops.cast(gaps, "float64")
        inputs = keras.ops.where(by.is_missing, flags, inputs)
    return keras.ops.cast(inputs, "float32")


class _Builder:
    """Makes the layers of one network, each with a seed of its own."""

    def __init__(self, params: Mapping[str, Value], seed: int) -> None:
        self._params = params
        self._seed = seed

    def convolutions(self) -> list[keras.layers.Layer]:
        kernel = cast(int, self._params["kernel_size"])
        layers = [
            keras.layers.Conv2D(
                filters,
                kernel,
                activation=self._params["activation"],
                kernel_initializer=self._initializer(f"conv{index}"),
            )
            for index, filters in enumerate(cast(Layers, self._params["filters"]))
        ]
        layers.append(keras.layers.MaxPooling2D(self._params["pool_size"]))
        return layers + self._dropout("conv_dropout_rate", "conv")

    def hidden(self) -> list[keras.layers.Layer]:
        limit = self._params.get("max_norm")
        layers: list[keras.layers.Layer] = []
        for index, units in enumerate(hidden_layers(self._params)):
            layers.append(
                keras.layers.Dense(
                    units,
                    activation=self._params["activation"],
                    kernel_initializer=self._initializer(f"dense{index}"),
                    kernel_constraint=keras.constraints.MaxNorm(limit) if limit else None,
                )
            )
            layers += self._dropout("dropout_rate", f"dense{index}")
        return layers

    def head(self, units: int, info: DatasetInfo) -> keras.layers.Layer:
        activation = "linear" if info.task == "regression" else "softmax"
        if info.task != "regression" and units == 1:
            activation = "sigmoid"
        return keras.layers.Dense(
            units, activation=activation, kernel_initializer=self._initializer("head")
        )

    def _initializer(self, part: str) -> keras.initializers.Initializer:
        name = str(self._params["kernel_initializer"])
        settings = {} if name == "zeros" else {"seed": part_seed(self._seed, part)}
        return keras.initializers.get({"class_name": name, "config": settings})

    def _dropout(self, name: str, part: str) -> list[keras.layers.Layer]:
        rate = cast(float, self._params[name])
        if rate == 0:
            return []
        return [keras.layers.Dropout(rate, seed=part_seed(self._seed, f"dropout-{part}"))]
