"""Scores as they came, how they are spread, and what they cost, as Plotly figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.parts.charts.axes import scatter_kind
from pages.parts.charts.colors import BAD, CONTEXT, LEADER, NEUTRAL, PRUNED, SECOND
from pages.parts.charts.plots import OF_TRIALS, count_axis, titled

_LOG_FROM = 20  # trials; fewer are read more easily evenly
_MINUTES_FROM_S, _HOURS_FROM_S = 600.0, 14_400.0
_FEW = 500  # trials whose ends are marked large
# Those that most trials are come last, so that few do not hide them.
_STATES = {
    "FAIL": ("failed", BAD, "x"),
    "PRUNED": ("pruned", PRUNED, "line-ns-open"),
    "COMPLETE": ("complete", LEADER, "circle"),
}


def convergence_lines(table: pd.DataFrame, title: str, value: str) -> go.Figure:
    """Draw the best score so far, and that of so many of the trials in any order.

    Parameters
    ----------
    table : DataFrame
        Columns n_trials, best and any_order.
    value : str
        Name of the score.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=table["n_trials"],
        y=table["any_order"],
        mode="lines+markers" if len(table) == 1 else "lines",
        line={"color": SECOND, "width": 2, "dash": "dot"},
        name="in any order, on average",
        hovertemplate="%{x:,} trials in any order: %{y:.4g}<extra></extra>",
    )
    figure.add_scatter(
        x=table["n_trials"],
        y=table["best"],
        mode="lines+markers",
        line={"color": LEADER, "width": 3, "shape": "hv"},
        marker={"size": 5},
        name="best so far",
        hovertemplate="best of %{x:,} trials: %{y:.4g}<extra></extra>",
    )
    most = int(table["n_trials"].iloc[-1])
    count_axis(figure, most, "trials")
    if most >= _LOG_FROM:
        figure.update_xaxes(type="log", dtick="D2")
    figure.update_yaxes(title=value)
    return titled(figure, title, has_legend=True)


def history_dots(table: pd.DataFrame, title: str, value: str) -> go.Figure:
    """Draw the score of each trial in the order they finished, and the best so far.

    Parameters
    ----------
    table : DataFrame
        Columns finished, number, score and best.
    """
    figure = _trial_dots(table, "finished", "trial %{customdata}: %{y:.4g}<extra></extra>")
    figure.add_trace(
        scatter_kind(len(table))(
            x=table["finished"],
            y=table["best"],
            mode="lines",
            line={"color": LEADER, "width": 3, "shape": "hv"},
            hovertemplate="best of %{x:,}: %{y:.4g}<extra></extra>",
            name="best so far",
        )
    )
    count_axis(figure, len(table), "finished trials")
    figure.update_yaxes(title=value)
    return titled(figure, title, has_legend=True)


def edf_steps(table: pd.DataFrame, title: str, value: str) -> go.Figure:
    """Draw the share of the trials that score no more than each score.

    Parameters
    ----------
    table : DataFrame
        Columns score and share.
    """
    figure = go.Figure(
        scatter_kind(len(table))(
            x=table["score"],
            y=table["share"],
            mode="lines+markers" if len(table) == 1 else "lines",
            line={"color": LEADER, "width": 3, "shape": "hv"},
            hovertemplate="%{y:.1%} score at most %{x:.4g}<extra></extra>",
        )
    )
    figure.update_xaxes(title=value)
    figure.update_yaxes(title="share of the trials", range=[0, 1.02], tickformat=".0%")
    return titled(figure, title)


def cost_dots(table: pd.DataFrame, title: str, value: str) -> go.Figure:
    """Draw scores over seconds, with a line through the trials no other beats in both.

    Parameters
    ----------
    table : DataFrame
        Columns number, seconds, score and is_best.
    """
    hover = "trial %{customdata}: %{y:.4g} in %{x:.3g} s<extra></extra>"
    figure = _trial_dots(table, "seconds", hover)
    best = table[table["is_best"]].sort_values("seconds")
    figure.add_scatter(
        x=best["seconds"],
        y=best["score"],
        mode="lines+markers",
        line={"color": LEADER, "width": 2, "shape": "hv"},
        marker={"size": 9, "symbol": "diamond"},
        customdata=best["number"],
        meta=OF_TRIALS,
        hovertemplate="trial %{customdata}: %{y:.4g} in %{x:.3g} s<extra></extra>",
        name="no other is better and quicker",
    )
    figure.update_xaxes(title="training of the trial (s)", type="log", tickformat="~g")
    least, most = float(table["seconds"].min()), float(table["seconds"].max())
    if least == most:
        figure.update_xaxes(type="linear")
    elif most < 100 * least:
        figure.update_xaxes(dtick="D2")
    figure.update_yaxes(title=value)
    return titled(figure, title, has_legend=True)


def timeline_bars(table: pd.DataFrame, title: str) -> go.Figure:
    """Draw when each trial was trained: a bar a trial, its end marked by how it ended.

    Parameters
    ----------
    table : DataFrame
        Columns number, state, start and end, in seconds.
    """
    per, unit = _unit(float(table["end"].max()))
    figure = go.Figure()
    size = 6 if len(table) <= _FEW else 3
    for state, (word, color, symbol) in _STATES.items():
        own = table[table["state"] == state]
        if own.empty:
            continue
        gaps = np.full(len(own), np.nan)  # between one bar and the next
        x = np.stack([own["start"] / per, own["end"] / per, gaps], axis=1).ravel()
        y = np.stack([own["number"], own["number"], gaps], axis=1).ravel()
        kind = scatter_kind(len(table))
        figure.add_trace(
            kind(
                x=x, y=y, mode="lines", line={"color": color, "width": size - 1},
                opacity=0.5, hoverinfo="skip", showlegend=False,
            )
        )  # fmt: skip
        figure.add_trace(
            kind(
                x=own["end"] / per, y=own["number"], mode="markers", name=word,
                marker={
                    "color": color, "symbol": symbol, "size": size,
                    "line": {"width": 1, "color": color},
                },
                customdata=own["end"] - own["start"],
                hovertemplate="trial %{y}: %{customdata:.3g} s<extra>" + word + "</extra>",
            )
        )  # fmt: skip
    figure.update_xaxes(title=f"{unit} since the first trial began")
    count_axis_y(figure, len(table))
    return titled(figure, title, has_legend=True)


def count_axis_y(figure: go.Figure, n_trials: int) -> None:
    """Make the axis upwards count trials."""
    figure.update_yaxes(title="trial", tickformat=",d", gridcolor=CONTEXT, showgrid=False)
    if n_trials < 10:
        figure.update_yaxes(dtick=1)


def _unit(longest_s: float) -> tuple[float, str]:
    if longest_s >= _HOURS_FROM_S:
        return 3600.0, "hours"
    return (60.0, "minutes") if longest_s >= _MINUTES_FROM_S else (1.0, "seconds")


def _trial_dots(table: pd.DataFrame, over: str, hover: str) -> go.Figure:
    """Draw the score of each trial as a grey dot over a column."""
    return go.Figure(
        scatter_kind(len(table))(
            x=table[over],
            y=table["score"],
            mode="markers",
            marker={"color": NEUTRAL, "size": 6, "opacity": 0.6, "line": {"width": 0}},
            customdata=table["number"],
            meta=OF_TRIALS,
            hovertemplate=hover,
            name="trial",
        )
    )
