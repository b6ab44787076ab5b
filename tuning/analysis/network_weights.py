"""The layers of a saved model with their weights, read without TensorFlow.

A ``.keras`` file is a zip of a description in JSON and of weights in HDF5; h5py is imported
where it is needed.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tuning.errors import UnreadableModelError

Array = NDArray[np.float32]

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_MODELS = ("Functional", "Sequential", "Model")


@dataclass(frozen=True)
class SavedLayer:
    """One layer of a saved model.

    Attributes
    ----------
    name, kind : str
        Keras' name of the layer, and of its class.
    output_shape : tuple of int
        Without the batch axis; empty where the file does not tell.
    activation : str
        Empty where it has none.
    kernel : ndarray or None
        Shape (inputs, units) of a dense layer, (height, width, channels, filters) of a
        convolution; None for a layer without weights.
    bias : ndarray of shape (units,) or None
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    activation: str
    kernel: Array | None
    bias: Array | None

    @property
    def n_weights(self) -> int:
        """Numbers that training can change."""
        return sum(part.size for part in (self.kernel, self.bias) if part is not None)


def read_layers(path: Path) -> tuple[SavedLayer, ...]:
    """Read the layers of a saved network, in order; those of its preparation are left out.

    Raises
    ------
    UnreadableModelError
        If the file is no model that Keras has written.
    """
    import h5py  # slow, and one tab needs it

    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read(_CONFIG))
            with h5py.File(io.BytesIO(archive.read(_WEIGHTS)), "r") as stored:
                network, where = _network(config, "layers")
                return tuple(_read(network, stored, where))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise UnreadableModelError(path.name) from error


def _network(config: dict[str, Any], where: str) -> tuple[dict[str, Any], str]:
    """Return the model that has the weights, and its place: preparation is put around it."""
    for layer, stored_as in _stored(config["config"]["layers"]):
        if layer["class_name"] in _MODELS:
            return _network(layer, f"{where}/{stored_as}/layers")
    return config, where


def _stored(layers: Sequence[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield layers with the names they are stored under: their kind, counted."""
    counts: Counter[str] = Counter()
    for layer in layers:
        kind = _snake(layer["class_name"])
        yield layer, f"{kind}_{counts[kind]}" if counts[kind] else kind
        counts[kind] += 1


def _snake(name: str) -> str:
    """Write a name as Keras does when it stores layers: Conv2D is conv2d."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _read(config: dict[str, Any], stored: Any, where: str) -> Iterator[SavedLayer]:  # noqa: ANN401 (h5py has no types)
    shape: tuple[int, ...] = ()
    for layer, stored_as in _stored(config["config"]["layers"]):
        if layer["class_name"] == "InputLayer":
            shape = tuple(layer["config"].get("batch_shape", ())[1:])
            continue
        shape = _output_shape(layer, shape)
        own = stored.get(f"{where}/{stored_as}/vars")
        has_weights = layer["class_name"] in {"Dense", "Conv2D"}
        parts = [np.asarray(own[key]) for key in sorted(own)] if has_weights else []
        yield SavedLayer(
            name=layer["config"]["name"],
            kind=layer["class_name"],
            output_shape=shape,
            activation=_activation(layer["config"]),
            kernel=parts[0] if parts else None,
            bias=parts[1] if len(parts) > 1 else None,
        )


def _activation(config: dict[str, Any]) -> str:
    found = config.get("activation", "")
    return found if isinstance(found, str) else str(found.get("config", ""))


def _output_shape(layer: dict[str, Any], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of what a layer gives for one row, from that of what it takes."""
    config = layer["config"]
    if layer["class_name"] == "Dense":
        return (*shape[:-1], int(config["units"]))
    if layer["class_name"] == "Conv2D" and len(shape) == 3:
        sides = zip(shape, config["kernel_size"], strict=False)
        return (*(edge - kernel + 1 for edge, kernel in sides), int(config["filters"]))
    if layer["class_name"] == "MaxPooling2D" and len(shape) == 3:
        sides = zip(shape, config["pool_size"], strict=False)
        return (*(edge // pool for edge, pool in sides), shape[2])
    if layer["class_name"] == "Flatten":
        return (int(np.prod(shape)),) if shape else ()
    return shape


def layer_table(layers: Sequence[SavedLayer]) -> pd.DataFrame:
    """List layers with their shapes and how large their weights are.

    Returns
    -------
    DataFrame
        Columns layer, kind, output, activation, n_weights, norm (root of the sum of squares
        of its weights, without biases) and largest (size of the largest weight).
    """
    return pd.DataFrame(
        {
            "layer": [layer.name for layer in layers],
            "kind": [layer.kind for layer in layers],
            "output": [" × ".join(map(str, layer.output_shape)) for layer in layers],
            "activation": [layer.activation for layer in layers],
            "n_weights": [layer.n_weights for layer in layers],
            "norm": [_of(layer, lambda k: float(np.linalg.norm(k))) for layer in layers],
            "largest": [_of(layer, lambda k: float(np.abs(k).max())) for layer in layers],
        }
    )


def _of(layer: SavedLayer, measure: Any) -> float:  # noqa: ANN401 (a function of a kernel)
    return np.nan if layer.kernel is None else measure(layer.kernel)


def input_names(layer: SavedLayer, columns: Sequence[str]) -> list[str]:
    """Name what a dense layer takes: the dataset's inputs, or units of the layer before."""
    n_inputs = 0 if layer.kernel is None else layer.kernel.shape[-2]
    if len(columns) == n_inputs:
        return list(columns)
    return [f"unit {unit}" for unit in range(n_inputs)]


def weight_table(layer: SavedLayer, names: Sequence[str]) -> pd.DataFrame:
    """List the weights of a layer: a row an input and one for the biases, a column a unit.

    Of a convolution a row is a place in the kernel and a channel.

    Parameters
    ----------
    names : sequence of str
        Of the inputs of a dense layer.
    """
    kernel = layer.kernel
    if kernel is None:
        return pd.DataFrame()
    if kernel.ndim > 2:
        places = [" ".join(map(str, place)) for place in np.ndindex(*kernel.shape[:-1])]
        names = [f"row, column, channel {place}" for place in places]
    flat = kernel.reshape(-1, kernel.shape[-1])
    units = [f"unit {unit}" for unit in range(flat.shape[1])]
    table = pd.DataFrame(flat, index=list(names), columns=units)
    if layer.bias is not None:
        table.loc["bias"] = layer.bias
    return table.rename_axis("input").reset_index()


def most_read(layer: SavedLayer, names: Sequence[str]) -> str:
    """Return the input whose weights are largest together, by their root mean square."""
    if layer.kernel is None:
        return ""
    return str(names[int((layer.kernel**2).mean(axis=-1).argmax())])
