"""Axes of parameters: logarithmic where they were searched so, lists in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from pages.parts.charts.plots import OF_TRIALS
from tuning.analysis.encoding import Axis
from tuning.analysis.points import Points, value_at, words_of

WEBGL_FROM = 1_000  # points; a browser draws so many shapes slowly
_WIDE = 50.0  # an axis from its least to its largest value; fewer powers of ten are too few
_PLACES = (0.0, 0.5, 1.0)
_LONG = 14  # letters of a label that is broken


def scatter_kind(n_points: int) -> Any:  # noqa: ANN401 (a class of Plotly, which has no types)
    """Return the kind of scatter that a browser draws so many points of quickly."""
    return go.Scattergl if n_points >= WEBGL_FROM else go.Scatter


def parameter_axis(axis: Axis) -> dict[str, Any]:
    """Return how Plotly is to draw a parameter's axis."""
    words = words_of(axis)
    if words:
        ordered = {"categoryorder": "array", "categoryarray": words}
        return {"title": axis.label, "type": "category", **ordered}
    if axis.scale == "linear":
        return {"title": axis.label, "type": "linear"}
    low, high = (float(str(value)) for value in axis.values)
    dtick = 1 if high >= _WIDE * low else "D2"
    return {"title": axis.label, "type": "log", "tickformat": "~g", "dtick": dtick}


def place_ticks(axis: Axis, most: int = 6) -> tuple[list[float], list[str]]:
    """Return places of an axis from 0 to 1, as `Points` has them, and what stands there."""
    words = words_of(axis)
    if not words:
        return list(_PLACES), [f"{value_at(axis, place):.2g}" for place in _PLACES]
    step = -(-len(words) // most)
    kept = range(0, len(words), step)
    return [(place + 0.5) / len(words) for place in kept], [words[place] for place in kept]


def short_label(label: str) -> str:
    """Break a long label once, near its middle."""
    if len(label) <= _LONG or " " not in label:
        return label
    gaps = [place for place, letter in enumerate(label) if letter == " "]
    middle = min(gaps, key=lambda place: abs(place - len(label) / 2))
    return f"{label[:middle]}<br>{label[middle + 1 :]}"


def of_trials(points: Points) -> dict[str, Any]:
    """Return what dots say under the pointer: trial 12: 0.7123."""
    return {
        "meta": OF_TRIALS,
        "customdata": points.table[["number", "score"]].to_numpy(np.float64),
        "hovertemplate": "trial %{customdata[0]}: %{customdata[1]:.4g}<extra></extra>",
    }


def better_is_strong(colors: Sequence[str], *, higher_is_better: bool) -> list[str]:
    """Return a scale whose strong end is the better one."""
    return list(colors if higher_is_better else colors[::-1])
