"""The best score so far and the honest one beside it, as a Plotly figure."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from pages.parts.charts.colors import LEADER, NEUTRAL, SECOND
from pages.parts.charts.plots import add_band, count_axis, ends_in_words, titled


@dataclass(frozen=True)
class Levels:
    """Scores drawn as level lines; None where there is none.

    Attributes
    ----------
    luck : float or None
        What the best of equally good trials would show.
    default : float or None
        What the default settings scored.
    """

    luck: float | None = None
    default: float | None = None


def honest_lines(table: pd.DataFrame, title: str, value: str, levels: Levels) -> go.Figure:
    """Draw the best mean so far in grey, and the honest score with its band.

    Parameters
    ----------
    table : DataFrame
        Columns finished, shown, honest, low, high; the last three NaN where nothing is known.
    value : str
        Name of the score.
    """
    figure = go.Figure()
    is_known = table["honest"].notna()
    known = table[is_known]
    if not known.empty:
        add_band(figure, known["finished"], known["low"], known["high"])
    mode = "lines" if len(table) > 1 else "markers"
    figure.add_scatter(
        x=table["finished"],
        y=table["shown"],
        mode=mode,
        line={"color": NEUTRAL, "width": 2, "shape": "hv"},
        marker={"symbol": "diamond-open", "size": 10, "color": NEUTRAL},
        name="best so far",
        hovertemplate="best of %{x:,}: %{y:.4g}<extra></extra>",
    )
    if not known.empty:
        figure.add_scatter(
            x=known["finished"],
            y=known["honest"],
            mode=mode,
            line={"color": LEADER, "width": 3},
            marker={"size": 10, "color": LEADER},
            name="on new data",
            text=ends_in_words(known, "honest"),
            hovertemplate="on new data: %{text}<extra></extra>",
        )
    ends = table["finished"].iloc[[0, -1]].tolist()
    _level(figure, ends, levels.luck, ("best by luck alone", NEUTRAL, "dot"))
    _level(figure, ends, levels.default, ("default settings", SECOND, "dash"))
    count_axis(figure, ends[-1], "finished trials")
    figure.update_xaxes(rangemode="tozero")
    figure.update_yaxes(title=value)
    return titled(figure, title, has_legend=True)


def _level(
    figure: go.Figure, ends: list[int], score: float | None, look: tuple[str, str, str]
) -> None:
    if score is None:
        return
    name, color, dash = look
    figure.add_scatter(
        x=ends,
        y=[score, score],
        mode="lines",
        line={"color": color, "width": 2, "dash": dash},
        name=name,
        hovertemplate=f"{name}: %{{y:.4g}}<extra></extra>",
    )
