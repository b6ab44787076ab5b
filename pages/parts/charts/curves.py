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
    line_text,
    spread_labels,
)
from pages.parts.charts.curve_lines import Display, Lines
from pages.parts.charts.curve_range import CurveRange, curve_range, whole_range
from pages.parts.charts.titles import broken
from tuning.digits import DIGITS_ALONE

Option = dict[str, Any]

_MOST_LABELS = 8
_FONT = '"Source Sans", sans-serif'  # of the theme, which ECharts does not give to graphics
_MARGIN_PX = 96  # for the labels at the ends of lines
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
        A dotted line with its name, drawn where the axis reaches it.
    last_epoch : int or None
        Where the x axis ends; None lets it end with the data.
    n_digits : int
        Decimals of values below ten.
    higher_is_better : bool
        Of the values; only what is bad may lie beyond the axis.
    """

    title: str
    value: str
    reference: tuple[str, float] | None = None
    last_epoch: int | None = None
    n_digits: int = DIGITS_ALONE
    display: Display = field(default_factory=Display)
    higher_is_better: bool = False


def learning_curves(table: pd.DataFrame, lines: Lines, frame: Frame) -> Option:
    """Draw learning curves: the leader thick, the others thin, all of them as a grey area."""
    followed = [n for n in (lines.leader, *lines.highlighted) if n is not None]
    values = (
        whole_range(table, frame.reference)
        if frame.display.log_y
        else curve_range(
            table, followed, frame.reference, higher_is_better=frame.higher_is_better
        )
    )
    series: list[Option] = []
    if "middle 80 %" in table:
        series += _stacked("all trials", "10 % are below", "middle 80 %", BAND)
    band_is_drawable = "fold range" in table and not frame.display.log_y
    if band_is_drawable and np.nanmax(table["fold range"], initial=0) > 0:
        series += _stacked("folds", "lowest fold", "fold range", LEADER_BAND)
    series += _labelled(table, lines, frame, values)
    option = _axes(frame)
    option["tooltip"]["valueFormatter"] = _written(frame, values.high)
    if not frame.display.log_y:
        option["yAxis"] |= {"min": values.low, "max": values.high, "interval": values.step}
    if values.beyond:
        option["graphic"] = _note(values.beyond)
    option["dataset"] = {"source": table}
    option["series"] = series
    return option


def _written(frame: Frame, most: float) -> str:
    return f"%.{frame.n_digits if abs(most) < _LARGE else 1}f"


def _lines(table: pd.DataFrame, lines: Lines) -> list[Option]:
    """Draw the curves, the leader last and so on top."""
    series: list[Option] = []
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
    return series


def _labelled(
    table: pd.DataFrame, lines: Lines, frame: Frame, values: CurveRange
) -> list[Option]:
    """Draw the curves and the reference line, each with its name and value at its end."""
    series, display = _lines(table, lines), frame.display
    last_epoch = frame.last_epoch or int(table["epoch"].max() if len(table) else 1)
    ends, texts = _labels(table, lines, frame, values)
    if frame.reference is not None and values.has_reference:
        name, value = frame.reference
        series.insert(0, _reference_line(name, value, max(last_epoch, 2)))
        ends[name], texts[name] = (last_epoch, value), f"{name} {value:.3f}"
    shifts = spread_labels(
        ends, (values.low, values.high), last_epoch, log_x=display.log_x, log_y=display.log_y
    )
    for one in series:
        if one["name"] in ends:
            one["endLabel"] = end_label(texts[one["name"]], shifts[one["name"]])
    return series


def _labels(
    table: pd.DataFrame, lines: Lines, frame: Frame, values: CurveRange
) -> tuple[dict[str, tuple[int, float]], dict[str, str]]:
    """Return where the lines end that end on the chart, and what stands there."""
    ends = {
        name: (epoch, value)
        for name, (epoch, value) in label_ends(table, lines.shown[:_MOST_LABELS]).items()
        if frame.display.log_y or values.low <= value <= values.high
    }
    texts = {name: line_text(name, end[1], frame.n_digits) for name, end in ends.items()}
    return ends, texts


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


def _reference_line(name: str, value: float, last_epoch: int) -> Option:
    """Draw a dotted line across the chart."""
    return _plain(name, NEUTRAL, 1.5, dash="dotted") | {
        "data": [[1, value], [last_epoch, value]],
        "encode": {"x": 0, "y": 1},
        "emphasis": {"disabled": True},
        "silent": True,
        "tooltip": {"show": False},
    }


def _note(text: str) -> list[Option]:
    """Say above the plot, at its right, what lies beyond its axis."""
    style = {"text": text, "fill": NEUTRAL, "fontSize": 12, "fontFamily": _FONT}
    return [{"type": "text", "right": _MARGIN_PX, "top": 42, "style": style, "silent": True}]


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
        "grid": {"left": 4, "right": _MARGIN_PX, "top": 58, "bottom": 4},
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
        "grid": {"left": 4, "right": 72, "top": 52, "bottom": 4},
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
