"""Charts of the analysis, as Plotly figures; drawn from a snapshot, never polled."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from pages.parts.charts.colors import LEADER, NEUTRAL, SECOND, SEQUENTIAL
from pages.parts.charts.plots import OF_TRIALS, titled

_FEW_BARS = 5
_HARDLY = 0.1  # bars below this share are grey
_MOST_TEXT_CELLS = 120  # numbers in more cells than these would overlap
_WIDE = 50.0  # an axis from its least to its largest value; fewer powers of ten are too few
_WEBGL_FROM = 1_000  # points; a browser draws so many shapes slowly


def effect_bars(table: pd.DataFrame, title: str) -> go.Figure:
    """Draw two bars a parameter: alone, and, lighter, with all it acts together with.

    Parameters
    ----------
    table : DataFrame
        Columns label, main, total, total_low, total_high and is_grey, the largest first;
        totals are NaN where they are hidden.
    """
    shown = table.iloc[::-1]
    colors = [NEUTRAL if is_grey else LEADER for is_grey in shown["is_grey"]]
    labels = _with_doubt(shown)
    figure = go.Figure()
    if shown["total"].notna().any():
        figure.add_bar(
            x=shown["total"],
            y=labels,
            orientation="h",
            marker={"color": colors, "opacity": 0.45},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": shown["total_high"] - shown["total"],
                "arrayminus": shown["total"] - shown["total_low"],
                "color": NEUTRAL,
                "thickness": 2,
            },
            name="with what it acts with",
            customdata=shown[["total_low", "total_high"]],
            hovertemplate="with what it acts with: %{x:.0%} (%{customdata[0]:.0%} to "
            + "%{customdata[1]:.0%})<extra></extra>",
        )
    figure.add_bar(
        x=shown["main"],
        y=labels,
        orientation="h",
        marker_color=colors,
        text=[f"{share:.0%}" for share in shown["main"]],
        textposition="outside",
        cliponaxis=False,
        name="alone",
        hovertemplate="alone: %{x:.0%}<extra></extra>",
    )
    figure.update_layout(bargap=0.6 if len(table) < _FEW_BARS else 0.3)
    highest = max(1.0, float(shown[["main", "total_high"]].max().max()))
    figure.update_xaxes(
        title="share of the differences in scores", range=[0, 1.08 * highest], tickformat=".0%"
    )
    return titled(figure, title)


def _with_doubt(table: pd.DataFrame) -> list[str]:
    """Write the labels; a grey bar says in words that it may be nothing."""
    pairs = zip(table["label"], table["is_grey"], strict=True)
    return [f"{label}<br>(may be nothing)" if is_grey else label for label, is_grey in pairs]


def common_bars(table: pd.DataFrame, title: str) -> go.Figure:
    """Draw how far the best trials differ from all in each parameter, and what chance gives.

    Parameters
    ----------
    table : DataFrame
        Columns label, divergence, chance and is_grey, the largest first.
    """
    shown = table.iloc[::-1]
    labels = _with_doubt(shown)
    figure = go.Figure()
    figure.add_bar(
        x=shown["divergence"],
        y=labels,
        orientation="h",
        marker_color=[NEUTRAL if is_grey else LEADER for is_grey in shown["is_grey"]],
        name="best 10 %",
        hovertemplate="%{x:.2f}<extra></extra>",
    )
    figure.add_scatter(
        x=shown["chance"],
        y=labels,
        mode="markers",
        marker={"symbol": "line-ns-open", "size": 22, "color": SECOND, "line": {"width": 3}},
        name="by chance",
        hovertemplate="by chance %{x:.2f}<extra></extra>",
    )
    figure.update_layout(bargap=0.6 if len(table) < _FEW_BARS else 0.3)
    figure.update_xaxes(title="divergence of the best from all trials", rangemode="tozero")
    return titled(figure, title)


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
        meta=OF_TRIALS,
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
    if log_x:
        figure.update_xaxes(exponentformat="none", dtick=_log_ticks(table["value"]))
    figure.update_yaxes(title=labels[1])
    return titled(figure, title)


def _axis_type(values: pd.Series[float], *, log_x: bool) -> str:
    if not pd.api.types.is_numeric_dtype(values):
        return "category"
    return "log" if log_x else "linear"


def _log_ticks(values: pd.Series[float]) -> int | str:
    """Return a tick at each power of ten, or, where there are few, at 1, 2 and 5 of each."""
    return 1 if values.max() >= _WIDE * values.min() else "D2"


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
            texttemplate="%{z:.4g}" if has_text else None,
            hoverongaps=False,
            xgap=1,
            ygap=1,
            hovertemplate="%{x}, %{y}: %{z:.4g}, mean of %{customdata} trials<extra></extra>",
        )
    )
    figure.update_xaxes(title=labels[0], type="category", showgrid=False)
    figure.update_yaxes(title=labels[1], type="category", showgrid=False)
    return titled(figure, title)
