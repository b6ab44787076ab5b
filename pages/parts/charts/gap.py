"""How far trials are from the leader: above the grid of results, and in the report.

On the page it is an ECharts chart, as those of Live are: Plotly's script is four times as
large, the grid would wait for it, and the chart would be mounted anew whenever a row is ticked.
The report carries Plotly for all of its charts.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.parts.charts.colors import HIGHLIGHTS, LEADER, NEUTRAL, SECOND
from pages.parts.charts.curve_labels import value_range
from pages.parts.charts.curves import Option, chart_base
from pages.parts.charts.plots import titled
from tuning.digits import signed_between

_ROW_PX, _FRAME_PX = 24, 150
_SIZE = 11
_MARGIN = 0.06  # of the width, so that no interval ends in the frame
_STAR = "path://M12 1L15.1 8.6L23.3 9.2L17 14.5L19 22.5L12 18.1L5 22.5L7 14.5L0.7 9.2L8.9 8.6Z"
_OPEN = "-open"


def gap_option(
    table: pd.DataFrame, title: str, score_word: str, *, higher_is_better: bool
) -> Option:
    """Draw each trial's difference to the leader with its interval, as an ECharts option.

    Marks, colours and sides are those of `gap_intervals`.

    Parameters
    ----------
    table : DataFrame
        Of `tuning.analysis.gaps.gap_table`.
    """
    low, high, step = value_range(np.asarray(_ends(table)))
    axis_title = _axis_title(score_word)
    return chart_base(title) | {
        "grid": {"left": 4, "right": 24, "top": 52, "bottom": 4},
        "xAxis": {
            "type": "value",
            "name": axis_title,
            "nameLocation": "middle",
            "nameGap": 26,
            "min": low,
            "max": high,
            "interval": step,
            "inverse": not higher_is_better,
        },
        "yAxis": {
            "type": "category",
            "data": gap_labels(table),
            "inverse": True,  # the leader on top
            "axisTick": {"show": False},
            "splitLine": {"show": False},
        },
        "tooltip": {"trigger": "item", "formatter": "{@[1]}: {@[2]}<br/>{@[3]}"},
        "series": [_bars(table), _marks(table)],
    }


def _bars(table: pd.DataFrame) -> Option:
    """Draw the intervals; those of no length, the leader's, are left out."""
    ends = table[["low", "high"]].itertuples(index=False)
    rows = [
        {"coords": [[low, place], [high, place]]}
        for place, (low, high) in enumerate(ends)
        if low < high
    ]
    return {
        "type": "lines",
        "coordinateSystem": "cartesian2d",
        "silent": True,
        "lineStyle": {"color": NEUTRAL, "width": 2, "opacity": 1},
        "data": rows,
        "z": 2,
    }


def _marks(table: pd.DataFrame) -> Option:
    """Draw the differences, and the line at zero; each says what it is under the pointer."""
    rows = zip(
        gap_labels(table), table["tie"].tolist(), table["gap"].tolist(), _in_words(table),
        gap_symbols(table), gap_colors(table), strict=True,
    )  # fmt: skip
    return {
        "type": "scatter",
        "symbolSize": _SIZE,
        "cursor": "default",
        "z": 3,
        "data": [
            {
                "value": [gap, label, tie, text],
                "symbol": {"star": _STAR}.get(shape := symbol.removesuffix(_OPEN), shape),
                "symbolSize": _SIZE + 4 if shape == "star" else _SIZE,
                "itemStyle": {
                    "color": "transparent" if symbol.endswith(_OPEN) else color,
                    "borderColor": color,
                    "borderWidth": 2,
                },
            }
            for label, tie, gap, text, symbol, color in rows
        ],
        "markLine": {
            "symbol": "none",
            "silent": True,
            "data": [{"xAxis": 0}],
            "lineStyle": {"color": LEADER, "type": "solid", "width": 2},
            "label": {"show": False},
        },
    }


def gap_intervals(
    table: pd.DataFrame, title: str, score_word: str, *, higher_is_better: bool
) -> go.Figure:
    """Draw each trial's difference to the leader with its interval, as a Plotly figure.

    Worse is on the left. Hollow marks are tied with the leader, filled ones are worse; the
    default settings are a diamond, the leader is a star on the line at zero.

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
        customdata=list(zip(table["tie"], _in_words(table), strict=True)),
        hovertemplate="%{y}: %{customdata[0]}<br>%{customdata[1]}<extra></extra>",
    )
    figure.update_xaxes(
        title=_axis_title(score_word),
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
        symbols.append(f"{shape}{_OPEN}" if tie == "tied" else shape)
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


def _axis_title(score_word: str) -> str:
    return f"difference in {score_word} on the same folds"


def _in_words(table: pd.DataFrame) -> list[str]:
    """Write each difference with its interval; the leader has none to itself."""
    columns = table[["tie", "gap", "low", "high"]].itertuples(index=False)
    return [
        "all others are compared with it" if tie == "leader" else signed_between(gap, low, high)
        for tie, gap, low, high in columns
    ]


def _range(table: pd.DataFrame, *, higher_is_better: bool) -> list[float]:
    low, high = _ends(table)
    return [low, high] if higher_is_better else [high, low]


def _ends(table: pd.DataFrame) -> tuple[float, float]:
    """Return the least and the largest difference to draw, zero among them, with some room."""
    low, high = min(float(table["low"].min()), 0.0), max(float(table["high"].max()), 0.0)
    room = _MARGIN * (high - low) or 1.0
    return low - room, high + room
