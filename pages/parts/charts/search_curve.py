"""What so many trials would have found, as a Plotly figure."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from pages.parts.charts.colors import LEADER
from pages.parts.charts.plots import add_band, count_axis, ends_in_words, titled

_LOG_FROM = 20  # trials; fewer are read more easily evenly


def found_by_trials(table: pd.DataFrame, title: str, value: str) -> go.Figure:
    """Draw what the best of so many trials scores on new data, with its band.

    Parameters
    ----------
    table : DataFrame
        Columns n_trials, score, low, high.
    value : str
        Name of the score.
    """
    figure = go.Figure()
    add_band(figure, table["n_trials"], table["low"], table["high"])
    figure.add_scatter(
        x=table["n_trials"],
        y=table["score"],
        mode="lines+markers",
        line={"color": LEADER, "width": 3},
        marker={"size": 6},
        text=ends_in_words(table),
        hovertemplate="best of %{x:,}: %{text}<extra></extra>",
    )
    most = int(table["n_trials"].iloc[-1])
    count_axis(figure, most, "trials")
    if most >= _LOG_FROM:
        figure.update_xaxes(type="log", dtick="D2")
    figure.update_yaxes(title=value)
    return titled(figure, title)
