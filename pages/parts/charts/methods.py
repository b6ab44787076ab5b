"""Importance by three methods side by side, as a Plotly figure."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from pages.parts.charts.colors import LEADER, NEUTRAL, SECOND
from pages.parts.charts.plots import titled

NAMES = {
    "fanova": ("fANOVA", LEADER),
    "ped_anova": ("PED-ANOVA, best 10 %", SECOND),
    "effect": ("effect alone, less chance", NEUTRAL),
}


def method_bars(table: pd.DataFrame, title: str) -> go.Figure:
    """Draw three bars a parameter, the most important on top.

    Parameters
    ----------
    table : DataFrame
        Columns label, fanova, ped_anova and effect, the largest first.
    """
    shown = table.iloc[::-1]
    figure = go.Figure()
    for column, (name, color) in reversed(NAMES.items()):
        figure.add_bar(
            x=shown[column],
            y=shown["label"],
            orientation="h",
            name=name,
            marker_color=color,
            hovertemplate="%{y}: %{x:.0%}<extra>" + name + "</extra>",
        )
    figure.update_layout(barmode="group", bargap=0.25)
    figure.update_xaxes(title="share of the method's total", tickformat=".0%")
    figure.update_xaxes(rangemode="tozero")
    titled(figure, title, has_legend=True)
    return figure.update_layout(legend={"traceorder": "reversed"})
