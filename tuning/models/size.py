"""How large a network is, in closed form, so that pages can say so without TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from tuning.datasets.info import DatasetInfo
from tuning.parameters import Layers, Value


@dataclass(frozen=True)
class LayerSize:
    """One layer with weights.

    Attributes
    ----------
    name : str
        "Conv2D" or "Dense".
    output_shape : tuple of int
        Without the batch axis.
    n_weights : int
        Kernel and bias.
    n_products : int
        Multiply-adds for one row, forwards.
    """

    name: str
    output_shape: tuple[int, ...]
    n_weights: int
    n_products: int


def hidden_layers(params: Mapping[str, Value]) -> Layers:
    """Return the units of every hidden dense layer."""
    sizes = params.get("dense_layer_sizes")
    if sizes is not None:
        return cast(Layers, sizes)
    return (_whole(params, "n_neurons"),) * _whole(params, "n_hidden")


def n_outputs(model: str, info: DatasetInfo) -> int:
    """Return the units of the output layer.

    Two classes are one sigmoid unit in a dense network and two softmax units in a
    convolutional one, as in the published experiments.
    """
    if info.task == "regression":
        return 1
    if info.task == "binary" and model == "dense":
        return 1
    return len(info.class_names)


def layer_sizes(model: str, params: Mapping[str, Value], info: DatasetInfo) -> list[LayerSize]:
    """Return the layers with weights, from the inputs to the output."""
    layers: list[LayerSize] = []
    n_inputs = info.n_inputs
    if model == "convolutional":
        layers, n_inputs = _convolutions(params, info)
    for units in (*hidden_layers(params), n_outputs(model, info)):
        products = n_inputs * units
        layers.append(LayerSize("Dense", (units,), products + units, products))
        n_inputs = units
    return layers


def n_weights(model: str, params: Mapping[str, Value], info: DatasetInfo) -> int:
    """Count the numbers training can change."""
    return sum(layer.n_weights for layer in layer_sizes(model, params, info))


def n_products(model: str, params: Mapping[str, Value], info: DatasetInfo) -> int:
    """Count the multiply-adds of one row, forwards."""
    return sum(layer.n_products for layer in layer_sizes(model, params, info))


def layer_text(model: str, params: Mapping[str, Value], info: DatasetInfo) -> str:
    """Write the sizes from input to output: 8 → 12 → 1."""
    first = str(info.n_inputs)
    if model == "convolutional" and info.image_shape is not None:
        first = "×".join(str(edge) for edge in info.image_shape[:2])
    shapes = [layer.output_shape for layer in layer_sizes(model, params, info)]
    sizes = ["×".join(str(edge) for edge in shape) for shape in shapes]
    return " → ".join([first, *sizes])


def pooled_shape(params: Mapping[str, Value], info: DatasetInfo) -> tuple[int, int]:
    """Return height and width after convolutions and pooling; below 1 if nothing is left."""
    height, width, _ = info.image_shape or (1, 1, 1)
    loss = (_whole(params, "kernel_size") - 1) * len(cast(Layers, params["filters"]))
    pool = _whole(params, "pool_size")
    return (height - loss) // pool, (width - loss) // pool


def _convolutions(
    params: Mapping[str, Value], info: DatasetInfo
) -> tuple[list[LayerSize], int]:
    height, width, channels = info.image_shape or (1, 1, 1)
    kernel = _whole(params, "kernel_size")
    layers = []
    for filters in cast(Layers, params["filters"]):
        height, width = height - kernel + 1, width - kernel + 1
        kernel_weights = kernel * kernel * channels * filters
        layers.append(
            LayerSize(
                "Conv2D",
                (height, width, filters),
                kernel_weights + filters,
                kernel_weights * height * width,
            )
        )
        channels = filters
    return layers, math.prod(pooled_shape(params, info)) * channels


def _whole(params: Mapping[str, Value], name: str) -> int:
    return int(cast(int, params[name]))
