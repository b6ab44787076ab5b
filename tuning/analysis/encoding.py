"""Settings as points in a unit space, for the statistics that need distances or splits.

Numbers go from 0 to 1, on a log scale where they were searched on one, by their place in the
list where they were listed. Everything else is a category, as far from any other as 0 from 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tuning.parameters import PARAMETERS, Value
from tuning.setting import Choices, LogRange, Setting, grid_values
from tuning.spec import StudySpec

Array = NDArray[np.float64]
Settings = Mapping[str, Value]

_UNKNOWN = -1.0  # place of a category that the axis does not have
_ROUNDING = 1e-9  # of a range: a sampler adds up steps, and may end a little past the last


@dataclass(frozen=True)
class Axis:
    """One searched parameter.

    Attributes
    ----------
    scale : {"linear", "log", "list", "category"}
        How a value becomes a place.
    values : tuple
        The listed numbers, rising, or the categories; the two ends of a range.
    """

    name: str
    label: str
    scale: Literal["linear", "log", "list", "category"]
    values: tuple[Value, ...]

    @property
    def is_category(self) -> bool:
        """Whether the values have no order."""
        return self.scale == "category"

    def places(self, values: Sequence[Value]) -> Array:
        """Return where values lie.

        Returns
        -------
        ndarray of shape (n_values,)
            From 0 to 1 for numbers; the place in `values` for categories, -1 where it is
            none of them.
        """
        if self.is_category:
            known = {value: float(place) for place, value in enumerate(self.values)}
            return np.array([known.get(value, _UNKNOWN) for value in values], np.float64)
        numbers = np.array(values, dtype=np.float64)
        known_numbers = np.array(self.values, dtype=np.float64)
        if self.scale == "list":
            even = np.linspace(0.0, 1.0, len(known_numbers))
            return np.asarray(np.interp(numbers, known_numbers, even), dtype=np.float64)
        if self.scale == "log":
            numbers, known_numbers = np.log(numbers), np.log(known_numbers)
        low, high = known_numbers
        return (numbers - low) / (high - low) if high > low else np.zeros(len(numbers))


def make_axes(spec: StudySpec, settings: Sequence[Settings]) -> tuple[Axis, ...]:
    """Make an axis for each searched parameter of a study.

    Parameters
    ----------
    settings : sequence of mapping
        What was tried. It may lie outside the space, where a study was refined or extended.
    """
    return tuple(
        _axis(name, setting, [chosen[name] for chosen in settings])
        for name, setting in spec.searched.items()
    )


def _axis(name: str, setting: Setting, tried: Iterable[Value]) -> Axis:
    parameter = PARAMETERS[name]
    is_list = isinstance(setting, Choices)
    listed = (grid_values(name, setting) or ()) if is_list else (setting.low, setting.high)  # type: ignore[union-attr]
    values = tuple(dict.fromkeys([*listed, *tried]))
    if parameter.kind not in {"int", "float"} or None in values:
        return Axis(name, parameter.label, "category", values)
    numbers = sorted(float(value) for value in values)
    if is_list:
        return Axis(name, parameter.label, "list", tuple(numbers))
    log = isinstance(setting, LogRange) and numbers[0] > 0
    scale: Literal["linear", "log"] = "log" if log else "linear"
    return Axis(name, parameter.label, scale, (numbers[0], numbers[-1]))


def inside(spec: StudySpec, settings: Sequence[Settings]) -> NDArray[np.bool_]:
    """Tell of each setting whether all its searched values lie in the search space.

    Default settings need not: a list may lack them, and none is no number of a range.
    """
    found = np.ones(len(settings), dtype=np.bool_)
    for name, setting in spec.searched.items():
        found &= _inside(setting, [chosen[name] for chosen in settings])
    return found


def _inside(setting: Setting, values: Sequence[Value]) -> NDArray[np.bool_]:
    if isinstance(setting, Choices):
        listed = set(setting.values)
        return np.array([value in listed for value in values], dtype=np.bool_)
    numbers = np.array(values, dtype=np.float64)  # none becomes NaN, which is nowhere
    low, high = setting.low, setting.high  # type: ignore[union-attr]  # a range
    rounding = _ROUNDING * (high - low)
    return (numbers >= low - rounding) & (numbers <= high + rounding)


def places_of(axes: Sequence[Axis], settings: Sequence[Settings]) -> Array:
    """Return the place of each setting on each axis.

    Returns
    -------
    ndarray of shape (n_settings, n_axes)
        As `Axis.places`.
    """
    columns = [axis.places([chosen[axis.name] for chosen in settings]) for axis in axes]
    return np.column_stack(columns) if columns else np.empty((len(settings), 0))


def unit_columns(axes: Sequence[Axis], places: Array) -> tuple[Array, NDArray[np.intp]]:
    """Turn places into columns that can be subtracted: a column a category, one a number.

    Parameters
    ----------
    places : ndarray of shape (n_settings, n_axes)
        Of `places_of`.

    Returns
    -------
    columns : ndarray of shape (n_settings, n_columns)
        Two settings that differ in one category alone have the distance 1.
    owners : ndarray of shape (n_columns,)
        The axis each column belongs to.
    """
    blocks, owners = [], []
    for number, axis in enumerate(axes):
        column = places[:, number : number + 1]
        if axis.is_category:
            column = (column == np.arange(len(axis.values))) * math.sqrt(0.5)
        blocks.append(column)
        owners += [number] * column.shape[1]
    columns = np.hstack(blocks) if blocks else np.empty((len(places), 0))
    return columns, np.array(owners, dtype=np.intp)
