"""The network of the saved model: its layers, its units, its weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from pages.parts.charts.network import network_drawing, weight_histogram, weight_map
from pages.parts.show import escape, plural
from pages.parts.study.model_plots import model_plot
from pages.parts.study.view import View
from pages.parts.words import HELP
from tuning.analysis.network_weights import (
    SavedLayer,
    input_names,
    layer_table,
    most_read,
    read_layers,
    weight_table,
)
from tuning.errors import UnreadableModelError

_MOST_MAPPED = 200  # inputs of a heat map that can be read
_MOST_NAMED = 10  # inputs whose names stand in the drawing
_MAP_PX = 380
_MOST_SHOWN = 2_000_000  # weights a table is sent of


def network_part(view: View, path: Path) -> None:
    """Draw the layers, the network, and, once somebody opens it, the weights."""
    try:
        layers = _layers(str(path), path.stat().st_mtime_ns)
    except UnreadableModelError as error:
        st.caption(escape(str(error)))
        return
    st.markdown("**Layers**")
    table = layer_table(layers)
    for name in ("norm", "largest"):
        table[name] = ["" if np.isnan(value) else f"{value:.3g}" for value in table[name]]
    st.dataframe(
        table, hide_index=True, height="content", alt="Layers of the saved model",
        column_config={
            "layer": "Layer",
            "kind": "Kind",
            "output": st.column_config.TextColumn("Output", help=HELP["layer_output"]),
            "activation": "Activation",
            "n_weights": st.column_config.NumberColumn("Weights", format="localized"),
            "norm": st.column_config.TextColumn("Norm", help=HELP["norm"]),
            "largest": "Largest weight",
        },
    )  # fmt: skip
    weighted = [layer for layer in layers if layer.kernel is not None]
    if not weighted:
        return
    _drawing(view, layers)
    opened = st.expander("Weights", icon=":material/grid_on:", key="best_weights",
                         on_change="rerun")  # fmt: skip
    if opened.open:
        with opened:
            _weights(view, weighted)


@st.cache_data(show_spinner=False, max_entries=8)
def _layers(path: str, _written_ns: int) -> tuple[SavedLayer, ...]:
    return read_layers(Path(path))


def _columns(view: View) -> Sequence[str]:
    return () if view.info is None else view.info.columns


def _drawing(view: View, layers: Sequence[SavedLayer]) -> None:
    """Draw the units of dense layers; of images, what their convolutions give is the input."""
    dense = [layer for layer in layers if layer.kind == "Dense" and layer.kernel is not None]
    if not dense or dense[0].kernel is None:
        return
    n_inputs = dense[0].kernel.shape[0]
    names = input_names(dense[0], _columns(view))
    sizes = [n_inputs, *(layer.output_shape[-1] for layer in dense)]
    first = plural(n_inputs, "input")
    labels = [first, *(f"{plural(n, 'unit')}<br>{layer.activation}"
                       for n, layer in zip(sizes[1:], dense, strict=True))]  # fmt: skip
    total = plural(sum(layer.n_weights for layer in layers), "weight")
    title = f"{total} in {plural(len(dense), 'dense layer')}"
    has_names = n_inputs <= _MOST_NAMED and len(_columns(view)) == n_inputs
    figure = network_drawing(sizes, labels, names if has_names else [], title)
    model_plot(view, figure, title, "drawing")
    caption = "Of each layer at most 10 units are drawn."
    if any(layer.kind == "Conv2D" for layer in layers):
        caption += " The inputs here are what the convolutions give."
    st.caption(caption)


def _weights(view: View, layers: Sequence[SavedLayer]) -> None:
    by_name = {layer.name: layer for layer in layers}
    chosen = st.selectbox("Layer", list(by_name), key="best_layer", width=280)
    layer = by_name[chosen]
    names = input_names(layer, _columns(view) if layer is layers[0] else ())
    table = weight_table(layer, names)
    is_first = layer is layers[0] and layer.kind == "Dense"
    if is_first and len(names) <= _MOST_MAPPED:
        title = f"The first layer reads {most_read(layer, names)} most"
        model_plot(view, weight_map(table, title), title, "map", _MAP_PX)
        st.caption("Inputs can be compared by their weights only where they were scaled alike.")
    if layer.kernel is None:
        return
    title = f"{layer.kernel.size:,} weights of {layer.name}"
    if layer.bias is not None:
        title += f", and {plural(len(layer.bias), 'bias', 'biases')}"
    model_plot(view, weight_histogram(layer.kernel, layer.bias, title), title, "histogram")
    st.download_button(
        "Download the weights (CSV)", data=lambda: table.to_csv(index=False).encode(),
        file_name=f"{view.id}-{layer.name}.csv", mime="text/csv",
        icon=":material/download:", key="best_weights_csv", on_click="ignore",
    )  # fmt: skip
    if table.size <= _MOST_SHOWN:
        st.dataframe(table, hide_index=True, height=300, alt=title)
