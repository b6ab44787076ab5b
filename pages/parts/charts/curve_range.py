"""The value axis of curves: where nearly all of them lie, so that none flattens the others.

A loss that starts at ten and ends at 0.6 would be a flat line for most of its epochs, and so
would all losses beside one that diverges. Only the worse end is cut off: what is far better
than the rest is what people look for. What lies beyond the axis is said above the plot.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pages.parts.charts.curve_labels import value_range
from tuning.analysis.curves import Array

_CURVES = ("trial ", "training rows")
_AREAS = {"lowest fold": "fold range", "10 % are below": "middle 80 %"}
_FOLDS = ("lowest fold", "fold range")  # with the lower end added, the upper end of the folds
_OUTER = 5.0  # per cent of the epochs of a curve, the worst ones, that may be cut off
_FEWEST_EPOCHS = 20  # of a curve, for that to be an epoch
_FEWEST_CURVES = 3  # to tell which is the odd one
_SHARE_OF_CURVES = 1 / 3  # that may be cut off
_FAR = 3.0  # times how long and how far apart curves are: what is farther is cut off
_WORTH = 1.5  # times as tall must curves become, or nothing is cut off
_REACH = 3.0  # times their extent may the axis grow to reach the reference line
_NEAR = 0.05  # of its value: so near, the reference line is reached by curves of any extent

Ends = tuple[float, float]


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
    table: pd.DataFrame,
    followed: Collection[int],
    reference: tuple[str, float] | None,
    *,
    higher_is_better: bool,
) -> CurveRange:
    """Return the range in which the curves can be told apart.

    Parameters
    ----------
    table : DataFrame
        Of `curve_table`.
    followed : collection of int
        Trials whose curves count however bad they are: the leader, and highlighted ones. So
        does the band of the leader's folds.
    reference : (str, float) or None
        A line that the axis reaches where that does not flatten the curves.
    """
    sign = -1.0 if higher_is_better else 1.0
    costs = {name: sign * values for name, values in _heights(table).items()}
    curves = {name: v for name, v in costs.items() if name.startswith(_CURVES)}
    if not curves:
        return whole_range(table, reference)
    names = [*(f"trial {number}" for number in followed), *_FOLDS]
    best = min(float(values.min()) for values in costs.values())
    worst = max(float(values.max()) for values in costs.values())
    most = _most(curves, [costs[name] for name in names if name in costs])
    if worst - best <= _WORTH * (most - best):
        most = worst
    inner = (best, most) if sign > 0 else (-most, -best)
    ends = inner if reference is None else _reaching(inner, reference[1])
    low, high, step = value_range(np.array(ends))
    has_reference = reference is not None and low <= reference[1] <= high
    beyond = []
    if most < worst and not low <= sign * worst <= high:
        beyond.append(f"some values lie {'higher' if sign > 0 else 'lower'}")
    if reference is not None and not has_reference:
        side = "below" if reference[1] < low else "above"
        beyond.append(f"{reference[0]} {reference[1]:.3f} lies {side}")
    words = "; ".join(beyond)
    return CurveRange(low, high, step, words[:1].upper() + words[1:], has_reference)


def _heights(table: pd.DataFrame) -> dict[str, Array]:
    """Return the values of all that is drawn, the upper ends of the two areas among them."""
    columns = table.drop(columns="epoch")
    for low, height in _AREAS.items():
        if height in columns:
            columns[height] += columns[low]
    values = {str(name): columns[name].to_numpy(np.float64) for name in columns}
    finite = {name: own[np.isfinite(own)] for name, own in values.items()}
    return {name: own for name, own in finite.items() if len(own)}


def _most(curves: Mapping[str, Array], followed: Sequence[Array]) -> float:
    """Return the cost that all but the worst epochs of all but the worst curves keep below."""
    tops = np.array([_top(values) for values in curves.values()])
    most = float(tops[_are_near(curves, tops)].max())
    return max([most, *(max(_top(values), float(values[-1])) for values in followed)])


def _top(values: Array) -> float:
    outer = _OUTER if len(values) >= _FEWEST_EPOCHS else 0.0
    return float(np.percentile(values, 100 - outer))


def _are_near(curves: Mapping[str, Array], tops: Array) -> NDArray[np.bool_]:
    """Tell which curves do not lie far above the others; all, where many do or few are."""
    lows = np.array([values.min() for values in curves.values()])
    middles = (lows + tops) / 2
    apart = float(np.median(np.abs(middles - np.median(middles))))
    long = float(np.sort(tops - lows)[-2:][0])  # the longest may be the odd one
    is_near: NDArray[np.bool_] = tops <= np.median(tops) + _FAR * max(apart, long)
    is_told = len(tops) >= _FEWEST_CURVES and (~is_near).mean() <= _SHARE_OF_CURVES
    return is_near if is_told else np.ones(len(tops), np.bool_)


def _reaching(inner: Ends, value: float) -> Ends:
    """Return the ends, moved to a value that is near enough."""
    low, high = min(inner[0], value), max(inner[1], value)
    is_near = high - low <= _REACH * max(inner[1] - inner[0], _NEAR * abs(value))
    return (low, high) if is_near else inner
