"""Live charts, as ECharts options: learning curves and the best score so far.

The options hold no state of their own, because each update replaces them whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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
from pages.parts.charts.titles import broken
from tuning.analysis.curves import Array, CurveBook, Measure, best_epoch, smooth, thin

Option = dict[str, Any]
Epochs = NDArray[np.intp]

ALL_AS_LINES = 12  # up to so many trials, each is a line; above, the grey area holds them
_MOST_LABELS = 8
_MOST_RUNNING = 4
_TOP = 5
_PLOT_PX = 230.0  # height of the plot inside its chart, about
_LABEL_PX = 14.0
_TINY = 1e-12
_LARGE = 10.0  # from here on three decimals are too many


@dataclass(frozen=True)
class Lines:
    """Which trials are drawn, each under its first role.

    Attributes
    ----------
    leader : int or None
        Thick, with the band over its folds.
    others : tuple of int
        The second first, then the rest of the best; grey.
    running : tuple of int
        Not finished yet.
    highlighted : tuple of int
        In the order chosen, which fixes their colours.
    n_trials : int
        All that have reached an epoch.
    sampled : tuple of int
        Those the grey area is made of; empty if it is made of all.
    """

    leader: int | None
    others: tuple[int, ...] = ()
    running: tuple[int, ...] = ()
    highlighted: tuple[int, ...] = ()
    n_trials: int = 0
    sampled: tuple[int, ...] = ()

    @property
    def shown(self) -> tuple[int, ...]:
        """Every trial that is a line."""
        first = () if self.leader is None else (self.leader,)
        return (*first, *self.highlighted, *self.running, *self.others)

    @property
    def has_area(self) -> bool:
        """Whether a grey area stands for the trials that are no lines."""
        return self.n_trials > ALL_AS_LINES


@dataclass(frozen=True)
class Display:
    """How curves are drawn; nothing here changes a score."""

    leader_only: bool = False
    smoothing: float = 0.0
    training: bool = False
    log_y: bool = False
    log_x: bool = False


def choose_lines(
    ranked: Sequence[int],
    reached: Iterable[int],
    highlighted: Sequence[int] = (),
    *,
    leader_only: bool = False,
) -> Lines:
    """Choose the trials to draw.

    Parameters
    ----------
    ranked : sequence of int
        Trials with a score, best first.
    reached : iterable of int
        Trials that have reached an epoch.
    highlighted : sequence of int
        Trials a person asked for.
    """
    known = frozenset(reached)
    few = len(known) <= ALL_AS_LINES
    best = [number for number in ranked if number in known]
    leader = best[0] if best else None
    chosen = [n for n in dict.fromkeys(highlighted) if n in known and n != leader]
    taken = {leader, *chosen}
    others = [n for n in (best if few else best[:_TOP]) if n not in taken]
    unranked = sorted(n for n in known.difference(ranked) if n not in taken)
    return Lines(
        leader,
        () if leader_only else tuple(others),
        tuple(unranked[-_MOST_RUNNING:]),
        tuple(chosen),
        len(known),
    )


def curve_table(
    book: CurveBook, measure: Measure, lines: Lines, display: Display
) -> pd.DataFrame:
    """Make the table behind a chart of learning curves, by epoch from 1.

    Returns
    -------
    DataFrame
        Column epoch; one for each line, "trial 10"; of the leader also its lowest and highest
        fold, the range between, and what smoothing was applied to; with an area also the
        middle 80 % of all trials.
    """
    means = {number: book.mean(number, measure) for number in lines.shown}
    keep = {len(mean) - 1 for mean in means.values()}
    keep |= {best_epoch(mean, measure) or 0 for mean in means.values()}
    area = book.band(measure, lines.sampled) if lines.has_area else None
    longest = max(
        [len(mean) for mean in means.values()]
        + ([] if area is None or area.empty else [int(area["epoch"].iloc[-1]) + 1]),
        default=0,
    )
    epochs = thin(longest, keep)
    columns: dict[str, Any] = {"epoch": epochs + 1}
    for number, mean in means.items():
        drawn = smooth(mean, display.smoothing) if display.smoothing else mean
        columns[f"trial {number}"] = _at(epochs, drawn)
    if lines.leader is not None:
        columns |= _leader_columns(book, measure, lines.leader, epochs, display)
    if area is not None and not area.empty:
        columns |= _area_columns(area, epochs)
    return pd.DataFrame(columns)


def _leader_columns(
    book: CurveBook, measure: Measure, leader: int, epochs: Epochs, display: Display
) -> dict[str, Any]:
    table = book.trial_table(leader, measure)
    lowest, highest = _at(epochs, table["lowest"]), _at(epochs, table["highest"])
    columns = {"lowest fold": lowest, "highest fold": highest, "fold range": highest - lowest}
    if display.smoothing:
        columns["not smoothed"] = _at(epochs, table["mean"])
    if display.training:
        columns["training rows"] = _at(epochs, table["training"])
    return columns


def _area_columns(area: pd.DataFrame, epochs: Epochs) -> dict[str, Any]:
    low, high = (
        np.interp(epochs, area["epoch"], area[name], right=np.nan) for name in ("low", "high")
    )
    return {"10 % are below": low, "middle 80 %": high - low, "90 % are below": high}


def _at(epochs: Epochs, values: Array | pd.Series[float]) -> Array:
    """Return the values at some epochs, NaN after their end."""
    longer = np.full(int(epochs[-1]) + 1 if len(epochs) else 0, np.nan)
    longer[: len(values)] = values
    at: Array = longer[epochs]
    return at


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
    """

    title: str
    value: str
    reference: tuple[str, float] | None = None
    last_epoch: int | None = None
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
    option["tooltip"]["valueFormatter"] = "%.3f" if abs(values[1]) < _LARGE else "%.1f"
    if not frame.display.log_y:
        option["yAxis"] |= {"min": values[0], "max": values[1], "interval": values[2]}
    option["dataset"] = {"source": table}
    option["series"] = series
    return option


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
    shifts = spread_labels(ends, values, log_y=frame.display.log_y)
    for one in series:
        if one["name"] in ends:
            one["endLabel"] = _end_label(one["name"], ends[one["name"]][1], shifts[one["name"]])
    return series


def label_ends(table: pd.DataFrame, numbers: Iterable[int]) -> dict[str, tuple[int, float]]:
    """Return where each line ends: its last epoch and the value there."""
    ends = {}
    epochs = table["epoch"].to_numpy()
    for name in (f"trial {number}" for number in numbers):
        values = table[name].to_numpy()
        reached = np.flatnonzero(~np.isnan(values))
        if len(reached):
            ends[name] = int(epochs[reached[-1]]), float(values[reached[-1]])
    return ends


def spread_labels(
    ends: Mapping[str, tuple[int, float]], values: tuple[float, float], *, log_y: bool = False
) -> dict[str, float]:
    """Return how far down each label moves, in pixels, so that none covers another.

    ECharts can move labels apart itself, but takes all for one column, wherever they stand.

    Parameters
    ----------
    ends : mapping
        Of `label_ends`.
    values : (float, float)
        Smallest and largest value of the axis, about.
    """
    low, high = np.log10(np.maximum(values, _TINY)) if log_y else np.array(values)
    scale = _PLOT_PX / max(high - low, _TINY)
    columns: dict[int, list[tuple[float, str]]] = {}
    for name, (epoch, value) in ends.items():
        height = np.log10(max(value, _TINY)) if log_y else value
        columns.setdefault(epoch, []).append((float((high - height) * scale), name))
    shifts = {}
    for labels in columns.values():
        labels.sort()
        wanted = [place for place, _ in labels]
        for (place, name), free in zip(labels, _apart(wanted), strict=True):
            shifts[name] = free - place
    return shifts


def _apart(places: Sequence[float]) -> list[float]:
    """Move rising places down until they are a label apart, then up off the x axis."""
    free: list[float] = []
    for place in places:
        free.append(max(place, free[-1] + _LABEL_PX) if free else place)
    lowest = _PLOT_PX
    for index in reversed(range(len(free))):
        free[index] = min(free[index], lowest)
        lowest = free[index] - _LABEL_PX
    return free


def value_range(values: Array) -> tuple[float, float, float]:
    """Return round ends of a value axis, and the round step between its lines.

    Returns
    -------
    low, high, step : float
        About five steps fit between the ends.
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0, 1.0, 0.2
    low, high = float(finite.min()), float(finite.max())
    step = _round_step((high - low or abs(high) or 1.0) / 5)
    ends = math.floor(low / step) * step, math.ceil(high / step) * step
    return _exact(ends[0]), _exact(ends[1]), _exact(step)


def _exact(number: float) -> float:
    """Take the rounding error off a round number: 0.7000000000000001 is 0.7."""
    return float(f"{number:.12g}")


def _round_step(step: float) -> float:
    power: float = 10.0 ** math.floor(math.log10(step))
    return min((1, 2, 2.5, 5, 10), key=lambda digit: abs(digit * power - step)) * power


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


def _end_label(name: str, value: float, shift: float) -> Option:
    return {
        "show": True,
        "formatter": f"{name.removeprefix('trial ')}  {_short(value)}",
        "distance": 6,
        "offset": [0, round(shift, 1)],
    }


def _short(value: float) -> str:
    """Write a value in about four digits: 0.741, 68.14, 5,194."""
    if abs(value) < _LARGE:
        return f"{value:.3f}"
    return f"{value:,.{max(3 - math.floor(math.log10(abs(value))), 0)}f}"


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
    return _common(frame.title) | {
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


def _common(title: str) -> Option:
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
    return _common(title) | {
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


def shown_sentence(lines: Lines) -> str:
    """Say how many trials the chart shows, and what the grey area is."""
    n_shown, n_sampled = len(lines.shown), len(lines.sampled)
    if not lines.has_area:
        return "The band around the leader spans its folds." if lines.leader is not None else ""
    of_sample = f" of {n_sampled:,} of them" if 0 < n_sampled < lines.n_trials else ""
    return (
        f"Showing {n_shown} of {lines.n_trials:,} trials; the grey area holds "
        + f"the middle 80 %{of_sample}. The band around the leader spans its folds."
    )
