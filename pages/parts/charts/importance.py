"""Charts of the analysis, as Plotly figures; drawn from a snapshot, never polled."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from pages.parts.charts.colors import LEADER, NEUTRAL, SECOND, SEQUENTIAL
from pages.parts.charts.titles import broken

_FEW_BARS = 5
_HARDLY = 0.1  # bars below this share are grey
_MOST_TEXT_CELLS = 120  # numbers in more cells than these would overlap
_WEBGL_FROM = 1_000  # points; a browser draws so many shapes slowly


def importance_bars(table: pd.DataFrame, title: str) -> go.Figure:
    """Draw each parameter's share as a bar, the most important on top.

    Parameters
    ----------
    table : DataFrame
        Columns label and share, most important first.
    """
    shown = table.iloc[::-1]
    bars = go.Bar(
        x=shown["share"],
        y=shown["label"],
        orientation="h",
        marker_color=[LEADER if share >= _HARDLY else NEUTRAL for share in shown["share"]],
        text=[f"{share:.0%}" for share in shown["share"]],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:.1%}<extra></extra>",
    )
    figure = go.Figure(bars)
    figure.update_layout(bargap=0.6 if len(table) < _FEW_BARS else 0.3)
    figure.update_xaxes(title="share of importance", range=[0, 1.08], tickformat=".0%")
    return _titled(figure, title)


def one_parameter_dots(
    table: pd.DataFrame,
    means: pd.DataFrame,
    *,
    title: str,
    labels: tuple[str, str],
    log_x: bool,
) -> go.Figure:
    """Draw the score of each trial over one parameter's value.

    Parameters
    ----------
    table : DataFrame
        Columns number, value, score.
    means : DataFrame
        Columns value and score: the mean of each listed value; may be empty.
    labels : (str, str)
        Names of the parameter and of the score.
    """
    scatter = go.Scattergl if len(table) >= _WEBGL_FROM else go.Scatter
    dots = scatter(
        x=table["value"],
        y=table["score"],
        mode="markers",
        marker={"color": LEADER, "size": 8, "opacity": 0.6},
        customdata=table["number"],
        hovertemplate="trial %{customdata}<br>%{x}: %{y:.4g}<extra></extra>",
        name="trial",
    )
    figure = go.Figure(dots)
    if not means.empty:
        figure.add_scatter(
            x=means["value"],
            y=means["score"],
            mode="lines+markers",
            line={"color": SECOND, "width": 2},
            marker={"symbol": "line-ew-open", "size": 16, "line": {"width": 3}},
            hovertemplate="mean at %{x}: %{y:.4g}<extra></extra>",
            name="mean",
        )
    figure.update_xaxes(title=labels[0], type=_axis_type(table["value"], log_x=log_x))
    figure.update_yaxes(title=labels[1])
    figure.update_layout(showlegend=False)
    return _titled(figure, title)


def _axis_type(values: pd.Series[float], *, log_x: bool) -> str:
    if not pd.api.types.is_numeric_dtype(values):
        return "category"
    return "log" if log_x else "linear"


def two_parameter_map(
    scores: pd.DataFrame,
    counts: pd.DataFrame,
    *,
    title: str,
    labels: tuple[str, str, str],
    higher_is_better: bool,
) -> go.Figure:
    """Draw the mean score of each combination; better is the strong end of the colours.

    Parameters
    ----------
    scores, counts : DataFrame
        By value of one parameter (rows) and of the other (columns).
    labels : (str, str, str)
        Names of the parameter of the columns, of that of the rows, and of the score.
    """
    colors = SEQUENTIAL if higher_is_better else SEQUENTIAL[::-1]
    has_text = scores.size <= _MOST_TEXT_CELLS
    figure = go.Figure(
        go.Heatmap(
            x=scores.columns,
            y=scores.index,
            z=scores.to_numpy(),
            customdata=counts.to_numpy(),
            colorscale=list(colors),
            colorbar={"title": labels[2], "thickness": 14},
            texttemplate="%{z:.3f}" if has_text else None,
            hoverongaps=False,
            xgap=1,
            ygap=1,
            hovertemplate="%{x}, %{y}: %{z:.4g}, mean of %{customdata} trials<extra></extra>",
        )
    )
    figure.update_xaxes(title=labels[0], type="category", showgrid=False)
    figure.update_yaxes(title=labels[1], type="category", showgrid=False)
    return _titled(figure, title)


def _titled(figure: go.Figure, title: str) -> go.Figure:
    figure.update_layout(
        title={"text": broken(title, "<br>"), "font": {"size": 15}, "x": 0, "xanchor": "left"},
        margin={"l": 8, "r": 24, "t": 80, "b": 48},
    )
    figure.update_yaxes(automargin=True)
    return figure
