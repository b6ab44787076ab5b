"""Live charts, as ECharts options: learning curves and the best score so far.

The options hold no state of their own, because each update replaces them whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pages.parts.charts.colors import (
    BAND,
    CONTEXT,
    HIGHLIGHTS,
    LEADER,
    LEADER_BAND,
    NEUTRAL,
    RUNNING,
    SECOND,
)
from pages.parts.charts.curve_labels import (
    end_label,
    label_ends,
    spread_labels,
    value_range,
)
from pages.parts.charts.curve_lines import Display, Lines
from pages.parts.charts.titles import broken
from tuning.analysis.curves import Array
from tuning.digits import DIGITS_ALONE

Option = dict[str, Any]

_MOST_LABELS = 8
_LARGE = 10.0  # from here on three decimals are too many


@dataclass(frozen=True)
class Frame:
    """What surrounds the curves of a chart.

    Attributes
    ----------
    title : str
        The finding.
    value : str
        What the y axis shows.
    reference : (str, float) or None
        A dashed line with its name.
    last_epoch : int or None
        Where the x axis ends; None lets it end with the data.
    n_digits : int
        Decimals of values below ten.
    """

    title: str
    value: str
    reference: tuple[str, float] | None = None
    last_epoch: int | None = None
    n_digits: int = DIGITS_ALONE
    display: Display = field(default_factory=Display)


def learning_curves(table: pd.DataFrame, lines: Lines, frame: Frame) -> Option:
    """Draw learning curves: the leader thick, the others thin, all of them as a grey area."""
    table = table.copy()
    series: list[Option] = []
    if "middle 80 %" in table:
        series += _stacked("all trials", "10 % are below", "middle 80 %", BAND)
    band_is_drawable = "fold range" in table and not frame.display.log_y
    if band_is_drawable and np.nanmax(table["fold range"], initial=0) > 0:
        series += _stacked("folds", "lowest fold", "fold range", LEADER_BAND)
    if frame.reference is not None:
        name, value = frame.reference
        table[name] = value
        series.append(_reference_line(name, value))
    values = value_range(_drawn(table))
    series += _lines(table, lines, frame, values[:2])
    option = _axes(frame)
    option["tooltip"]["valueFormatter"] = _written(frame, values[1])
    if not frame.display.log_y:
        option["yAxis"] |= {"min": values[0], "max": values[1], "interval": values[2]}
    option["dataset"] = {"source": table}
    option["series"] = series
    return option


def _written(frame: Frame, most: float) -> str:
    return f"%.{frame.n_digits if abs(most) < _LARGE else 1}f"


def _drawn(table: pd.DataFrame) -> Array:
    """Return every value that is drawn at its own height: not epochs, not distances."""
    heights = table.drop(columns=["epoch", "fold range", "middle 80 %"], errors="ignore")
    values: Array = heights.to_numpy(dtype=np.float64).ravel()
    return values


def _lines(
    table: pd.DataFrame, lines: Lines, frame: Frame, values: tuple[float, float]
) -> list[Option]:
    series = []
    for rank, number in enumerate(reversed(lines.others)):
        second = rank == len(lines.others) - 1
        series.append(_line(number, SECOND if second else CONTEXT, 1.5))
    series += [_line(number, RUNNING, 2.0) for number in lines.running]
    for number, color in zip(lines.highlighted, _cycled(HIGHLIGHTS), strict=False):
        series.append(_line(number, color, 2.0))
    if lines.leader is not None:
        if "not smoothed" in table:
            series.append(_plain("not smoothed", LEADER, 1.0, opacity=0.35))
        if "training rows" in table:
            series.append(_plain("training rows", LEADER, 1.5, dash="dashed"))
        series.append(_line(lines.leader, LEADER, 3.0))
    ends = label_ends(table, lines.shown[:_MOST_LABELS])
    last_epoch = frame.last_epoch or int(table["epoch"].max() if len(table) else 1)
    display = frame.display
    shifts = spread_labels(ends, values, last_epoch, log_x=display.log_x, log_y=display.log_y)
    for one in series:
        if one["name"] in ends:
            one["endLabel"] = end_label(
                one["name"], ends[one["name"]][1], shifts[one["name"]], frame.n_digits
            )
    return series


def _cycled(colors: Sequence[str]) -> Iterable[str]:
    while True:
        yield from colors


def _line(number: int, color: str, width: float) -> Option:
    return _plain(f"trial {number}", color, width)


def _plain(
    column: str, color: str, width: float, *, dash: str = "solid", opacity: float = 1.0
) -> Option:
    return {
        "type": "line",
        "name": column,
        "encode": {"x": "epoch", "y": column, "tooltip": [column]},
        "showSymbol": False,
        "symbol": "circle",
        "lineStyle": {"color": color, "width": width, "type": dash, "opacity": opacity},
        "itemStyle": {"color": color},
        "emphasis": {"focus": "series"},
        "cursor": "default",
    }


def _stacked(name: str, low: str, height: str, color: str) -> list[Option]:
    """Fill between two curves: the lower one invisible, the distance stacked on it."""
    common: Option = {
        "type": "line",
        "name": name,
        "stack": name,
        "stackStrategy": "all",
        "showSymbol": False,
        "silent": True,
        "lineStyle": {"opacity": 0},
        "itemStyle": {"color": color},
        "tooltip": {"show": False},
        "z": 1,
    }
    bottom = common | {"encode": {"x": "epoch", "y": low}}
    top = common | {
        "encode": {"x": "epoch", "y": height},
        "areaStyle": {"color": color, "opacity": 1},
    }
    return [bottom, top]


def _reference_line(name: str, value: float) -> Option:
    """Draw a dashed line across the chart; its points only make the axis reach it."""
    return _plain(name, NEUTRAL, 0.0, opacity=0.0) | {
        "emphasis": {"disabled": True},
        "silent": True,
        "tooltip": {"show": False},
        "markLine": {
            "symbol": "none",
            "silent": True,
            "precision": 6,  # else ECharts draws the line at two decimals
            "data": [{"yAxis": value}],
            "lineStyle": {"color": NEUTRAL, "type": "dotted", "width": 1.5},
            "label": {
                "formatter": f"{name} {value:.3f}",
                "position": "insideEndTop",
                "color": NEUTRAL,
            },
        },
    }


def _axes(frame: Frame) -> Option:
    x_axis: Option = {
        "type": "log" if frame.display.log_x else "value",
        "name": "epoch",
        "nameLocation": "middle",
        "nameGap": 26,
        "min": 1,
        "minInterval": 1,
        "splitLine": {"show": False},
        "axisPointer": {"label": {"precision": 0, "formatter": "epoch {value}"}},
    }
    if frame.last_epoch is not None and frame.last_epoch > 1:
        x_axis["max"] = frame.last_epoch
    else:
        x_axis["max"] = "dataMax"
    return chart_base(frame.title) | {
        "grid": {"left": 4, "right": 84, "top": 58, "bottom": 4},
        "xAxis": x_axis,
        "yAxis": {
            "type": "log" if frame.display.log_y else "value",
            "name": frame.value,
            "nameLocation": "middle",
            "nameGap": 42,
            "scale": True,
        },
        "tooltip": {"trigger": "axis", "order": "valueDesc"},
    }


def chart_base(title: str) -> Option:
    """Return what all ECharts charts have: their title, and no animation or legend."""
    return {
        "animation": False,
        "title": {
            "text": broken(title),
            "left": 0,
            "top": 0,
            "textStyle": {"fontSize": 15, "fontWeight": 600, "lineHeight": 20},
        },
        "legend": {"show": False},
    }


def best_so_far(table: pd.DataFrame, title: str, value: str) -> Option:
    """Draw finished trials as dots, and the best score so far as a step line.

    Parameters
    ----------
    table : DataFrame
        Of `tuning.analysis.tables.history`, whole or thinned.
    """
    n_finished = int(table["finished"].iloc[-1])
    axis = "finished trials"
    if len(table) < n_finished:
        axis += f", {len(table):,} of {n_finished:,} as dots"
    dots: Option = {
        "type": "scatter",
        "name": "score",
        "encode": {"x": "finished", "y": "score", "tooltip": ["number", "score"]},
        "symbolSize": 6,
        "itemStyle": {"color": NEUTRAL, "opacity": 0.7},
        "large": False,
        "cursor": "default",
    }
    line = _plain("best so far", LEADER, 2.5) | {
        "encode": {"x": "finished", "y": "best", "tooltip": ["best", "leader"]},
        "step": "end",
    }
    return chart_base(title) | {
        "grid": {"left": 4, "right": 24, "top": 52, "bottom": 4},
        "xAxis": {
            "type": "value",
            "name": axis,
            "nameLocation": "middle",
            "nameGap": 26,
            "min": 1,
            "max": max(n_finished, 2),
            "minInterval": 1,
            "splitLine": {"show": False},
            "axisPointer": {"label": {"precision": 0, "formatter": "after {value} trials"}},
        },
        "yAxis": {
            "type": "value",
            "name": value,
            "nameLocation": "middle",
            "nameGap": 42,
            "scale": True,
        },
        "tooltip": {"trigger": "axis", "valueFormatter": "%.4g"},
        "dataset": {"source": table},
        "series": [dots, line],
    }
