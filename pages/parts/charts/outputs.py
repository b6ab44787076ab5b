"""What a model says of sealed rows, as Plotly figures; drawn once, never polled."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from pages.parts.charts.colors import LEADER, NEUTRAL, SECOND
from pages.parts.charts.plots import titled
from tuning.analysis.outputs import Curve

_MOST_DOTS = 1_000  # more are drawn fainter
_SHARE_AXIS = {"range": [-0.02, 1.02], "tickformat": ".0%"}


def roc_line(curve: Curve, title: str) -> go.Figure:
    """Draw rows found over false alarms, with the threshold 0.5 and guessing."""
    figure = _curve(curve, "false alarms %{x:.1%}, found %{y:.1%}")
    _guessing(figure, [0, 1], [0, 1])
    figure.update_xaxes(title="false alarms, share of the other rows", **_SHARE_AXIS)
    figure.update_yaxes(title="found, share of its rows", **_SHARE_AXIS)
    return titled(figure, title)


def precision_recall_line(curve: Curve, title: str) -> go.Figure:
    """Draw how often a yes is right over rows found, with the threshold 0.5 and guessing."""
    figure = _curve(curve, "found %{x:.1%}, right %{y:.1%}")
    _guessing(figure, [0, 1], [curve.chance, curve.chance])
    figure.update_xaxes(title="found, share of its rows", **_SHARE_AXIS)
    figure.update_yaxes(title="right, share of what is said", **_SHARE_AXIS)
    return titled(figure, title)


def _curve(curve: Curve, words: str) -> go.Figure:
    table = curve.table
    figure = go.Figure()
    figure.add_scatter(
        x=table["x"],
        y=table["y"],
        mode="lines",
        line={"color": LEADER, "width": 3},
        customdata=table["threshold"],
        hovertemplate=words + ", threshold %{customdata:.2f}<extra></extra>",
    )
    figure.add_scatter(
        x=[curve.at_half[0]],
        y=[curve.at_half[1]],
        mode="markers+text",
        marker={"color": SECOND, "size": 12, "symbol": "diamond"},
        text=["threshold 0.5"],
        textposition="bottom left" if curve.at_half[0] > 0.5 else "bottom right",
        hovertemplate=words + ", threshold 0.5<extra></extra>",
    )
    return figure


def _guessing(figure: go.Figure, x: list[float], y: list[float]) -> None:
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines",
        line={"color": NEUTRAL, "width": 2, "dash": "dash"},
        hovertemplate="guessing<extra></extra>",
    )


def calibration_dots(table: pd.DataFrame, title: str) -> go.Figure:
    """Draw how often it is the class over what the model says, with the line of both alike.

    Parameters
    ----------
    table : DataFrame
        Columns said, found, low, high and n_rows.
    """
    figure = go.Figure()
    _guessing(figure, [0, 1], [0, 1])
    figure.data[0].hovertemplate = "said is found<extra></extra>"
    figure.add_scatter(
        x=table["said"],
        y=table["found"],
        mode="lines+markers",
        line={"color": LEADER, "width": 2},
        marker={"size": 10},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": table["high"] - table["found"],
            "arrayminus": table["found"] - table["low"],
            "color": NEUTRAL,
            "thickness": 2,
        },
        customdata=table["n_rows"],
        hovertemplate="said %{x:.1%}, found %{y:.1%} of %{customdata:,} rows<extra></extra>",
    )
    figure.update_xaxes(title="said, mean share", **_SHARE_AXIS)
    figure.update_yaxes(title="found, share of rows", **_SHARE_AXIS)
    return titled(figure, title)


def predicted_dots(table: pd.DataFrame, title: str, value: str) -> go.Figure:
    """Draw predicted over actual values, with the line of both alike.

    Parameters
    ----------
    table : DataFrame
        Columns actual and predicted.
    value : str
        What is predicted, with its unit.
    """
    ends = [
        float(table[["actual", "predicted"]].min().min()),
        float(table[["actual", "predicted"]].max().max()),
    ]
    figure = go.Figure(_rows(table, "actual", "predicted"))
    figure.add_scatter(
        x=ends, y=ends, mode="lines", line={"color": SECOND, "width": 2, "dash": "dash"},
        hovertemplate="predicted is actual<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title=f"actual {value}")
    figure.update_yaxes(title=f"predicted {value}")
    return titled(figure, title)


def residual_dots(table: pd.DataFrame, title: str, value: str) -> go.Figure:
    """Draw actual less predicted values over predicted ones.

    Parameters
    ----------
    table : DataFrame
        Columns predicted and residual.
    """
    ends = [float(table["predicted"].min()), float(table["predicted"].max())]
    figure = go.Figure(_rows(table, "predicted", "residual"))
    figure.add_scatter(
        x=ends, y=[0, 0], mode="lines", line={"color": SECOND, "width": 2, "dash": "dash"},
        hovertemplate="no error<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title=f"predicted {value}")
    figure.update_yaxes(title="actual less predicted")
    return titled(figure, title)


def _rows(table: pd.DataFrame, x: str, y: str) -> go.Scattergl:
    return go.Scattergl(
        x=table[x],
        y=table[y],
        mode="markers",
        marker={
            "color": LEADER,
            "size": 6,
            "opacity": 0.5 if len(table) < _MOST_DOTS else 0.25,
        },
        hovertemplate=f"{x} %{{x:.4g}}, {y} %{{y:.4g}}<extra></extra>",
    )
