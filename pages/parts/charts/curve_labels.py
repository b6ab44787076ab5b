"""The labels at the ends of curves, and round ends for their value axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tuning.analysis.curves import Array
from tuning.digits import DIGITS_ALONE

_PLOT_PX = 230.0  # height of the plot inside its chart, about
_LABEL_PX = 14.0
_LABEL_SHARE = 0.12  # of the width of the plot
_TINY = 1e-12
_LARGE = 10.0  # from here on three decimals are too many


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
    ends: Mapping[str, tuple[int, float]],
    values: tuple[float, float],
    last_epoch: int,
    *,
    log_x: bool = False,
    log_y: bool = False,
) -> dict[str, float]:
    """Return how far down each label moves, in pixels, so that none covers another.

    ECharts can move labels apart itself, but takes all for one column, wherever they stand.

    Parameters
    ----------
    ends : mapping
        Of `label_ends`.
    values : (float, float)
        Smallest and largest value of the axis, about.
    last_epoch : int
        Where the axis of epochs ends; it begins at 1.
    """
    across, down = _share(1, last_epoch, is_log=log_x), _share(*values, is_log=log_y)
    places = {
        name: (across(epoch), _PLOT_PX * (1 - down(value)))
        for name, (epoch, value) in ends.items()
    }
    shifts: dict[str, float] = {}
    for names in _columns({name: x for name, (x, _) in places.items()}):
        names.sort(key=lambda name: (places[name][1], name))
        free = _apart([places[name][1] for name in names])
        shifts |= {
            name: place - places[name][1] for name, place in zip(names, free, strict=True)
        }
    return shifts


def _share(low: float, high: float, *, is_log: bool) -> Callable[[float], float]:
    """Return how to find the place of a value on an axis, from 0 to 1."""

    def height(value: float) -> float:
        return math.log10(max(value, _TINY)) if is_log else value

    start, length = height(low), max(height(high) - height(low), _TINY)
    return lambda value: (height(value) - start) / length


def _columns(across: Mapping[str, float]) -> list[list[str]]:
    """Group the labels that stand so near each other that one may cover the next."""
    columns: list[list[str]] = []
    for name in sorted(across, key=lambda name: across[name]):
        if columns and across[name] - across[columns[-1][-1]] < _LABEL_SHARE:
            columns[-1].append(name)
        else:
            columns.append([name])
    return columns


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


def line_text(name: str, value: float, n_digits: int = DIGITS_ALONE) -> str:
    """Return what stands at the end of a trial's line: its number, and the value there."""
    return f"{name.removeprefix('trial ')}  {_short(value, n_digits)}"


def end_label(text: str, shift: float) -> dict[str, Any]:
    """Return the label of a line, moved down by some pixels."""
    return {"show": True, "formatter": text, "distance": 6, "offset": [0, round(shift, 1)]}


def _short(value: float, n_digits: int) -> str:
    """Write a value in the decimals it is worth, a large one in four digits: 0.74, 5,194."""
    if abs(value) < _LARGE:
        return f"{value:.{n_digits}f}"
    return f"{value:,.{max(3 - math.floor(math.log10(abs(value))), 0)}f}"


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
