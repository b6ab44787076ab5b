"""Two parameters at once: ranks, a surface, and what trees foretell, as Plotly figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from pages.parts.charts.axes import (
    better_is_strong,
    of_trials,
    parameter_axis,
    scatter_kind,
)
from pages.parts.charts.colors import LEADER, NEUTRAL, SEQUENTIAL, STRONGER
from pages.parts.charts.plots import add_band, ends_in_words, titled
from tuning.analysis.points import Points, value_at
from tuning.analysis.space_plots import cell_places

_THICK_PX = 14  # of a colour bar


def rank_dots(
    points: Points, shares: NDArray[np.float64], names: tuple[str, str], title: str
) -> go.Figure:
    """Draw the trials over two parameters, the stronger the better they rank.

    Parameters
    ----------
    shares : ndarray of shape (n_trials,)
        Of the other trials that each is better than.
    """
    rising = np.argsort(shares, kind="stable")  # the best lie on top
    on_top = points.at(rising.astype(np.intp))
    table = on_top.table
    x, y = names
    figure = go.Figure(
        scatter_kind(len(points))(
            x=table[x], y=table[y], mode="markers", **of_trials(on_top),
            marker={
                "color": shares[rising], "colorscale": list(STRONGER), "cmin": 0, "cmax": 1,
                "size": 5 + 5 * shares[rising], "opacity": 0.85, "line": {"width": 0},
                "colorbar": {
                    "title": "better than", "tickformat": ".0%", "thickness": _THICK_PX,
                },
            },
        )
    )  # fmt: skip
    figure.update_xaxes(**parameter_axis(points.axis(x)))
    figure.update_yaxes(**parameter_axis(points.axis(y)))
    return titled(figure, title)


def contour_map(
    points: Points,
    means: NDArray[np.float64],
    names: tuple[str, str],
    *,
    title: str,
    value: str,
    higher_is_better: bool,
) -> go.Figure:
    """Draw the mean score of the trials near each place, with the trials on top.

    Parameters
    ----------
    points : Points
        The trials that are drawn as dots.
    means : ndarray of shape (n_cells, n_cells)
        By place on the second parameter and on the first; NaN where too few are near.
    """
    x, y = names
    side = cell_places()
    figure = go.Figure(
        _surface(
            np.array([value_at(points.axis(x), float(place)) for place in side]),
            np.array([value_at(points.axis(y), float(place)) for place in side]),
            means, value, higher_is_better=higher_is_better,
        )
    )  # fmt: skip
    figure.add_trace(
        scatter_kind(len(points))(
            x=points.table[x], y=points.table[y], mode="markers", **of_trials(points),
            marker={
                "color": "#FFFFFF", "size": 4, "opacity": 0.8,
                "line": {"color": NEUTRAL, "width": 1},
            },
        )
    )  # fmt: skip
    figure.update_xaxes(**parameter_axis(points.axis(x)))
    figure.update_yaxes(**parameter_axis(points.axis(y)))
    return titled(figure, title)


def _surface(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    z: NDArray[np.float64],
    value: str,
    *,
    higher_is_better: bool,
) -> go.Contour:
    colors = better_is_strong(SEQUENTIAL, higher_is_better=higher_is_better)
    return go.Contour(
        x=x, y=y, z=z, colorscale=colors,
        colorbar={"title": value, "thickness": _THICK_PX}, connectgaps=False,
        line={"width": 0.5}, ncontours=12, hovertemplate="near here: %{z:.4g}<extra></extra>",
    )  # fmt: skip


def dependence_line(
    table: pd.DataFrame, look: dict[str, Any], title: str, value: str
) -> go.Figure:
    """Draw what is foretold over one parameter, and how far tried settings lie apart.

    Parameters
    ----------
    table : DataFrame
        Columns value, score, low and high.
    look : dict
        Of the parameter's axis, as `parameter_axis`.
    """
    figure = go.Figure()
    is_list = look["type"] == "category"
    if not is_list:
        add_band(figure, table["value"], table["low"], table["high"])
    figure.add_scatter(
        x=table["value"], y=table["score"], mode="markers" if is_list else "lines",
        line={"color": LEADER, "width": 3}, marker={"color": LEADER, "size": 12},
        error_y={
            "type": "data", "symmetric": False, "visible": is_list, "color": NEUTRAL,
            "array": table["high"] - table["score"],
            "arrayminus": table["score"] - table["low"],
        },
        text=ends_in_words(table), hovertemplate="%{x}: %{text}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(**look)
    figure.update_yaxes(title=f"foretold {value}")
    return titled(figure, title)


def dependence_map(
    table: pd.DataFrame,
    looks: tuple[dict[str, Any], dict[str, Any]],
    *,
    title: str,
    value: str,
    higher_is_better: bool,
) -> go.Figure:
    """Draw what is foretold over two parameters.

    Parameters
    ----------
    table : DataFrame
        By value of one parameter (rows) and of the other (columns).
    looks : (dict, dict)
        Of the axes of the columns and of the rows, as `parameter_axis`.
    """
    is_surface = all(look["type"] != "category" for look in looks)
    figure = go.Figure()
    if is_surface:
        figure.add_trace(
            _surface(
                table.columns.to_numpy(), table.index.to_numpy(), table.to_numpy(), value,
                higher_is_better=higher_is_better,
            )
        )  # fmt: skip
        figure.update_xaxes(**looks[0])
        figure.update_yaxes(**looks[1])
    else:
        x, y = (_words(ends) for ends in (table.columns, table.index))
        figure.add_heatmap(
            x=x, y=y, z=table.to_numpy(), xgap=1, ygap=1,
            colorscale=better_is_strong(SEQUENTIAL, higher_is_better=higher_is_better),
            colorbar={"title": value, "thickness": _THICK_PX},
            hovertemplate="%{x}, %{y}: %{z:.4g}<extra></extra>",
        )  # fmt: skip
        figure.update_xaxes(title=looks[0]["title"], type="category", showgrid=False)
        figure.update_yaxes(title=looks[1]["title"], type="category", showgrid=False)
    return titled(figure, title)


def _words(values: pd.Index) -> list[str]:
    return [value if isinstance(value, str) else f"{value:.2g}" for value in values]
