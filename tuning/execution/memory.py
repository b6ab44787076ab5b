"""What a trial was too big by, in a sentence that names what to lower."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import cast

from tuning.models.size import hidden_layers, n_outputs
from tuning.parameters import Value, show_value
from tuning.training.interface import Network

_NUMBER = 4  # bytes


def too_big(network: Network, params: Mapping[str, Value], limit: int) -> str:
    """Say that a training needed more memory than its process may have, and what to lower.

    Parameters
    ----------
    limit : int
        Bytes one training process may hold; 0 if that is not known.
    """
    allowed = f"more than the {limit / 1e9:.1f} GB" if limit else "more memory than what"
    return (
        f"Out of memory: this trial needs {allowed} a training process may hold. "
        + f"Lower {_largest(network, params)}, or give the machine more memory."
    )


def _largest(network: Network, params: Mapping[str, Value]) -> str:
    """Name the parameter that takes most: the layers, or the rows of a batch."""
    layers = "dense_layer_sizes" if "dense_layer_sizes" in params else "n_neurons"
    batch = f"batch_size (now {params['batch_size']})"
    widths = hidden_layers(params)
    if network.model == "convolutional" or not widths:
        return batch
    outputs = n_outputs(network.model, network.info)
    edges = pairwise((network.info.n_inputs, *widths, outputs))
    weights = sum(inputs * units for inputs, units in edges)
    rows = cast(int, params["batch_size"]) * (network.info.n_inputs + sum(widths))
    if rows > weights:
        return batch
    shown = show_value(params[layers]) if layers in params else str(max(widths))
    return f"{layers} (now {shown})"
