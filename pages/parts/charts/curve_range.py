"""The value axis of curves: where nearly all of them lie, so that none flattens the others.

A loss that starts at ten and ends at 0.6 would be a flat line for most of its epochs, and so
would all losses beside one that diverges. What lies beyond the axis is said above the plot.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pages.parts.charts.curve_labels import value_range
from tuning.analysis.curves import Array

_CURVES = ("trial ", "training rows")
_AREAS = {"lowest fold": "fold range", "10 % are below": "middle 80 %"}
_OUTER = 5.0  # per cent of the epochs of a curve that may lie beyond either end
_FAR = 3.0  # times the middle extent of all curves: a curve beyond that is not followed
_WORTH = 1.5  # times as tall must curves become, or nothing is cut off at that end
_REACH = 3.0  # times their extent may the axis grow to reach the reference line


@dataclass(frozen=True)
class CurveRange:
    """Round ends of the value axis, the step between its lines, and what lies beyond.

    Attributes
    ----------
    beyond : str
        In words; empty where everything is inside.
    has_reference : bool
        Whether the reference line is inside.
    """

    low: float
    high: float
    step: float
    beyond: str = ""
    has_reference: bool = False


def whole_range(table: pd.DataFrame, reference: tuple[str, float] | None) -> CurveRange:
    """Return the range of everything that is drawn, the reference line as well."""
    values = [*_heights(table).values()]
    if reference is not None:
        values.append(np.array([reference[1]]))
    ends = value_range(np.concatenate(values) if values else np.array([]))
    return CurveRange(*ends, has_reference=reference is not None)


def curve_range(
    table: pd.DataFrame, followed: Collection[int], reference: tuple[str, float] | None
) -> CurveRange:
    """Return the range in which the curves can be told apart.

    Parameters
    ----------
    table : DataFrame
        Of `curve_table`.
    followed : collection of int
        Trials whose curves count however far they lie: the leader, and highlighted ones.
    reference : (str, float) or None
        A line that the axis reaches where that does not flatten the curves.
    """
    heights = {name: v[np.isfinite(v)] for name, v in _heights(table).items()}
    curves = {name: v for name, v in heights.items() if name.startswith(_CURVES) and len(v)}
    if not curves:
        return whole_range(table, reference)
    everything = np.concatenate([*heights.values()])
    raw = float(everything.min()), float(everything.max())
    inner = _worth_cutting(raw, _inner_ends(curves, {f"trial {number}" for number in followed}))
    is_near = reference is not None and _is_near(inner, reference[1])
    ends = [*inner, reference[1]] if reference is not None and is_near else inner
    low, high, step = value_range(np.array(ends))
    beyond = []
    if raw[0] < low or raw[1] > high:
        beyond.append(f"some values lie {_where(raw, (low, high))}")
    if reference is not None and not is_near:
        side = "below" if reference[1] < low else "above"
        beyond.append(f"{reference[0]} {reference[1]:.3f} lies {side}")
    words = "; ".join(beyond)
    return CurveRange(low, high, step, words[:1].upper() + words[1:], is_near)


def _heights(table: pd.DataFrame) -> dict[str, Array]:
    """Return all that is drawn as curves, the upper ends of the two areas among them."""
    columns = table.drop(columns="epoch")
    for low, height in _AREAS.items():
        if height in columns:
            columns[height] += columns[low]
    return {str(name): columns[name].to_numpy(np.float64) for name in columns}


def _inner_ends(heights: dict[str, Array], followed: Collection[str]) -> tuple[float, float]:
    """Return where all but the outermost epochs lie, of all but the outermost curves."""
    ends = {name: np.percentile(v, [_OUTER, 100 - _OUTER]) for name, v in heights.items()}
    lows, highs = np.array([*ends.values()]).T
    middle = float(np.median(lows)), float(np.median(highs))
    far = _FAR * (middle[1] - middle[0])
    low = float(lows[lows >= middle[0] - far].min())
    high = float(highs[highs <= middle[1] + far].max())
    for name in followed & ends.keys():
        low = min(low, float(ends[name][0]), float(heights[name][-1]))
        high = max(high, float(ends[name][1]), float(heights[name][-1]))
    return low, high


def _worth_cutting(raw: tuple[float, float], inner: tuple[float, float]) -> tuple[float, float]:
    """Return the inner ends, but the outer one where cutting it off gains little."""
    low, high = inner
    extent = _WORTH * (high - low)
    return (
        raw[0] if high - raw[0] <= extent else low,
        raw[1] if raw[1] - low <= extent else high,
    )


def _is_near(inner: tuple[float, float], value: float) -> bool:
    extent = max(inner[1], value) - min(inner[0], value)
    return inner[1] == inner[0] or extent <= _REACH * (inner[1] - inner[0])


def _where(raw: tuple[float, float], inner: tuple[float, float]) -> str:
    if raw[0] < inner[0] and raw[1] > inner[1]:
        return "beyond"
    return "lower" if raw[0] < inner[0] else "higher"
