"""A network and its weights, as Plotly figures; drawn once, never polled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from pages.parts.charts.colors import CONTEXT, LEADER, NEUTRAL, SECOND
from pages.parts.charts.plots import titled

_MOST_UNITS = 10  # drawn of a layer; the others are three dots
_MOST_NAMED = 20  # letters of an input's name
_DIVERGING = (
    "#8A3B06", "#B55A12", "#D98038", "#EFAE78", "#F9DDC4",
    "#CFE0F5", "#93B8E8", "#5A8DD6", "#2F65B8", "#173F86",
)  # fmt: skip
_BINS = 40


def weight_map(table: pd.DataFrame, title: str) -> go.Figure:
    """Draw weights as cells, inputs by units: orange below 0, blue above.

    Parameters
    ----------
    table : DataFrame
        Column input, and one for each unit.
    """
    values = table.drop(columns="input").to_numpy(np.float64)
    largest = float(np.abs(values).max()) or 1.0
    figure = go.Figure(
        go.Heatmap(
            x=list(table.columns[1:]), y=[_short(name) for name in table["input"]], z=values,
            zmin=-largest, zmax=largest, colorscale=list(_DIVERGING),
            colorbar={"title": "weight", "thickness": 14}, xgap=1, ygap=1,
            hovertemplate="%{y} → %{x}: %{z:.4f}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_xaxes(title="units of the first layer", showgrid=False, type="category")
    figure.update_yaxes(title="inputs", showgrid=False, type="category", autorange="reversed")
    return titled(figure, title)


def _short(name: str) -> str:
    return name if len(name) <= _MOST_NAMED else f"{name[: _MOST_NAMED - 1]}…"


def weight_histogram(
    weights: NDArray[np.float32], biases: NDArray[np.float32] | None, title: str
) -> go.Figure:
    """Draw how the weights and the biases of a layer are spread."""
    figure = go.Figure()
    counts, edges = np.histogram(weights, _BINS)
    figure.add_bar(
        x=(edges[:-1] + edges[1:]) / 2, y=counts, width=np.diff(edges), marker_color=LEADER,
        name="weights", hovertemplate="%{y:,} weights near %{x:.3f}<extra></extra>",
    )  # fmt: skip
    if biases is not None:
        figure.add_scatter(
            x=biases, y=np.zeros(len(biases)), mode="markers", name="biases", cliponaxis=False,
            marker={
                "color": SECOND, "symbol": "line-ns-open", "size": 14, "line": {"width": 2},
            },
            hovertemplate="bias %{x:.4f}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title="value")
    figure.update_yaxes(title="weights", rangemode="tozero")
    return titled(figure, title, has_legend=True)


def network_drawing(
    sizes: Sequence[int], labels: Sequence[str], inputs: Sequence[str], title: str
) -> go.Figure:
    """Draw a column of units for each layer, joined by lines; long columns have a gap.

    Parameters
    ----------
    sizes : sequence of int
        Units of the inputs and of each layer.
    labels : sequence of str
        What stands below each column.
    inputs : sequence of str
        Names of the inputs; none where there are too many to write.
    """
    columns = [_heights(size) for size in sizes]
    figure = go.Figure()
    for place in range(len(columns) - 1):
        pairs = [(a, b) for a in columns[place] for b in columns[place + 1]]
        x = np.tile([place, place + 1, np.nan], len(pairs))
        y = np.array([[a, b, np.nan] for a, b in pairs]).ravel()
        figure.add_scatter(
            x=x, y=y, mode="lines", line={"color": CONTEXT, "width": 0.6}, hoverinfo="skip"
        )
    for place, (size, heights) in enumerate(zip(sizes, columns, strict=True)):
        color = NEUTRAL if place == 0 else SECOND if place == len(sizes) - 1 else LEADER
        names = (
            [_short(n) for n in inputs] if place == 0 and len(inputs) == len(heights) else []
        )
        figure.add_scatter(
            x=[place] * len(heights), y=heights, mode="markers+text" if names else "markers",
            marker={"color": color, "size": 14}, text=names or None, textposition="middle left",
            hovertemplate=f"{labels[place].replace('<br>', ', ')}<extra></extra>",
            cliponaxis=False,
        )  # fmt: skip
        if size > len(heights):
            figure.add_annotation(x=place, y=0, text="⋮", showarrow=False, font={"size": 20})
    figure.update_xaxes(
        tickvals=list(range(len(sizes))), ticktext=list(labels), showgrid=False, zeroline=False,
        range=[-0.8 if len(inputs) == len(columns[0]) else -0.3, len(sizes) - 0.7],
    )  # fmt: skip
    figure.update_yaxes(visible=False)
    return titled(figure, title)


def _heights(n_units: int) -> list[float]:
    """Return where units stand, the first on top; a gap in the middle stands for the rest."""
    if n_units <= _MOST_UNITS:
        return [(n_units - 1) / 2 - unit for unit in range(n_units)]
    half = _MOST_UNITS // 2
    return [
        *(half + 0.5 - unit for unit in range(half)),
        *(-1.5 - unit for unit in range(half)),
    ]
