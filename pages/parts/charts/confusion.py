"""Which classes are taken for which others, as a Plotly figure; drawn once, never polled."""

from __future__ import annotations

import math

import pandas as pd
import plotly.graph_objects as go

from pages.parts.charts.colors import SECOND, SEQUENTIAL
from pages.parts.charts.plots import titled
from tuning.analysis.confusion import shares_of_rows


def confusion_map(table: pd.DataFrame, title: str, *, as_shares: bool) -> go.Figure:
    """Draw a confusion as cells that are stronger the more rows of their class they hold.

    Parameters
    ----------
    table : DataFrame
        Rows of each class (by row) and what was said of them (by column).
    as_shares : bool
        Whether cells are labelled with the share of their row, not with counts.
    """
    shares = shares_of_rows(table)
    if as_shares:
        words = [
            ["" if math.isnan(s) else f"{s:.0%}" for s in row] for row in shares.to_numpy()
        ]
    else:
        words = [[f"{count:,}" for count in row] for row in table.to_numpy()]
    figure = go.Figure(
        go.Heatmap(
            x=table.columns,
            y=table.index,
            z=shares.to_numpy(),
            customdata=table.to_numpy(),
            zmin=0,
            zmax=1,
            colorscale=list(SEQUENTIAL),
            showscale=False,
            xgap=1,
            ygap=1,
            text=words,
            texttemplate="%{text}",
            textfont={"size": 14},
            hovertemplate="%{y}, said %{x}: %{customdata:,} rows, %{z:.1%}<extra></extra>",
        )
    )
    figure.update_xaxes(title="said", type="category", showgrid=False)
    figure.update_yaxes(title="truth", type="category", showgrid=False, autorange="reversed")
    return titled(figure, title)


def confused_pairs_bars(table: pd.DataFrame, title: str) -> go.Figure:
    """Draw the pairs of classes that are mistaken most often, the most frequent on top.

    Parameters
    ----------
    table : DataFrame
        Columns truth, said, count and share.
    """
    shown = table.iloc[::-1]
    bars = go.Bar(
        x=shown["count"],
        y=[
            f"{truth} → {said}"
            for truth, said in zip(shown["truth"], shown["said"], strict=True)
        ],
        orientation="h",
        marker_color=SECOND,
        text=[f"{count:,}" for count in shown["count"]],
        textposition="outside",
        cliponaxis=False,
        customdata=shown["share"],
        hovertemplate="%{y}: %{x:,} rows, %{customdata:.1%}<extra></extra>",
    )
    figure = go.Figure(bars)
    figure.update_xaxes(title="sealed rows", rangemode="tozero")
    figure.update_yaxes(type="category")
    return titled(figure, title)
