"""How far trials are from the leader: the chart above the grid of results."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import plotly.graph_objects as go

from pages.parts.charts.colors import HIGHLIGHTS, LEADER, NEUTRAL, SECOND
from pages.parts.charts.plots import titled
from tuning.digits import signed_between

_ROW_PX, _FRAME_PX = 24, 150
_SIZE = 11
_MARGIN = 0.06  # of the width, so that no interval ends in the frame
_WORDS = {"leader": "leader", "tied": "tied", "worse": "worse"}


def gap_intervals(
    table: pd.DataFrame, title: str, score_word: str, *, higher_is_better: bool
) -> go.Figure:
    """Draw each trial's difference to the leader with its interval; worse is on the left.

    Hollow marks are tied with the leader, filled ones are worse; the default settings are a
    diamond, the leader is a star on the line at zero.

    Parameters
    ----------
    table : DataFrame
        Of `tuning.analysis.gaps.gap_table`.
    """
    labels = gap_labels(table)
    colors = gap_colors(table)
    figure = go.Figure()
    figure.add_vline(x=0, line={"color": LEADER, "width": 2})
    figure.add_scatter(
        x=table["gap"],
        y=labels,
        mode="markers",
        marker={
            "symbol": gap_symbols(table),
            "size": _SIZE,
            "color": colors,
            "line": {"width": 2, "color": colors},
        },
        error_x={
            "type": "data",
            "symmetric": False,
            "array": table["high"] - table["gap"],
            "arrayminus": table["gap"] - table["low"],
            "color": NEUTRAL,
            "thickness": 2,
            "width": 4,
        },
        customdata=[
            (_WORDS[tie], signed_between(gap, low, high))
            for tie, gap, low, high in table[["tie", "gap", "low", "high"]].itertuples(
                index=False
            )
        ],
        hovertemplate="%{y}: %{customdata[0]}<br>%{customdata[1]}<extra></extra>",
    )
    figure.update_xaxes(
        title=f"difference in {score_word} on the same folds",
        range=_range(table, higher_is_better=higher_is_better),
        tickformat=".3~f",
        zeroline=False,
        nticks=6,
    )
    figure.update_yaxes(categoryorder="array", categoryarray=labels[::-1], showgrid=False)
    return titled(figure, title)


def gap_px(table: pd.DataFrame) -> int:
    """Return the height that gives each trial a line of its own."""
    return _FRAME_PX + _ROW_PX * len(table)


def gap_labels(table: pd.DataFrame) -> list[str]:
    """Name each trial, the leader and the default settings by what they are."""
    return [
        f"trial {number}"
        + (", leader" if tie == "leader" else "")
        + (", default" if is_default else "")
        for number, tie, is_default in _told(table, "number")
    ]


def gap_symbols(table: pd.DataFrame) -> list[str]:
    """Return a mark for each trial: what it is, and hollow where it may be as good."""
    symbols = []
    for _, tie, is_default in _told(table, "number"):
        shape = "diamond" if is_default else "star" if tie == "leader" else "circle"
        symbols.append(f"{shape}-open" if tie == "tied" else shape)
    return symbols


def gap_colors(table: pd.DataFrame) -> list[str]:
    """Return the colour of each trial; those highlighted the one they have in Live."""
    colors: list[str] = []
    for place, tie, is_default in _told(table, "highlight"):
        if tie == "leader":
            colors.append(LEADER)
        elif place >= 0:
            colors.append(HIGHLIGHTS[place % len(HIGHLIGHTS)])
        else:
            colors.append(SECOND if is_default else NEUTRAL)
    return colors


def _told(table: pd.DataFrame, name: str) -> Iterator[tuple[int, str, bool]]:
    """Yield a number, the tie, and whether it is the default settings, of each row."""
    columns = (table[name].tolist(), table["tie"].tolist(), table["is_default"].tolist())
    return zip(*columns, strict=True)


def _range(table: pd.DataFrame, *, higher_is_better: bool) -> list[float]:
    low, high = min(float(table["low"].min()), 0.0), max(float(table["high"].max()), 0.0)
    room = _MARGIN * (high - low) or 1.0
    ends = [low - room, high + room]
    return ends if higher_is_better else ends[::-1]
