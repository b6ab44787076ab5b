"""The finished trials as points of the search space, for the plots of a search.

A row a trial in the order they finished, with its score in its own units, its values as a
person reads them, and its place on each axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tuning.analysis.effects import finished_rows
from tuning.analysis.encoding import Axis, make_axes, places_of
from tuning.analysis.tables import in_words
from tuning.analysis.tried import Tried
from tuning.spec import StudySpec

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Points:
    """The finished trials inside the search space.

    Attributes
    ----------
    axes : tuple of Axis
        The searched parameters.
    table : DataFrame
        Columns number, order (1, 2, … as they finished), score, and one for each parameter
        under its name: numbers of a range, otherwise words.
    places : ndarray of shape (n_trials, n_axes)
        From 0 to 1. The values of a list, and categories, lie in the middles of equal parts.
    """

    axes: tuple[Axis, ...]
    table: pd.DataFrame
    places: Array

    def __len__(self) -> int:
        return len(self.table)

    def axis(self, name: str) -> Axis:
        """Return the axis of a parameter."""
        return next(axis for axis in self.axes if axis.name == name)

    def place(self, name: str) -> Array:
        """Return where the trials lie on the axis of a parameter."""
        place: Array = self.places[:, [axis.name for axis in self.axes].index(name)]
        return place

    def words(self, name: str) -> list[str]:
        """Return the values of a list in its order; none for a range."""
        return words_of(self.axis(name))

    def at(self, rows: NDArray[np.intp]) -> Points:
        """Return some of the trials."""
        table = self.table.iloc[rows].reset_index(drop=True)
        return replace(self, table=table, places=self.places[rows])


def make_points(spec: StudySpec, tried: Tried, sign: int) -> Points:
    """Put the finished trials into the search space.

    Parameters
    ----------
    sign : int
        -1 where a smaller score is better: `Tried` has it negated.
    """
    kept = finished_rows(tried.scores, tried.states)
    settings = [tried.settings[row] for row in kept]
    axes = make_axes(spec, settings)
    columns: dict[str, Sequence[object]] = {
        "number": tried.numbers[kept].tolist(),
        "order": list(range(1, len(kept) + 1)),
        "score": (sign * tried.scores[kept].mean(axis=(1, 2))).tolist(),
    }
    for axis in axes:
        values = [chosen[axis.name] for chosen in settings]
        columns[axis.name] = values if _is_range(axis) else in_words(axis.name, values)
    return Points(axes, pd.DataFrame(columns), even_places(axes, places_of(axes, settings)))


def even_places(axes: Sequence[Axis], places: Array) -> Array:
    """Give each value of a list, and each category, an equal part of 0 to 1.

    Parameters
    ----------
    places : ndarray of shape (n_trials, n_axes)
        Of `places_of`.
    """
    found = places.copy()
    for column, axis in enumerate(axes):
        n_values = len(axis.values)
        if axis.is_category:
            found[:, column] = (places[:, column] + 0.5) / n_values
        elif axis.scale == "list":
            found[:, column] = (places[:, column] * (n_values - 1) + 0.5) / n_values
    return found


def words_of(axis: Axis) -> list[str]:
    """Return the values of a list, or the categories, as a person reads them."""
    return [] if _is_range(axis) else in_words(axis.name, _own(axis))


def _own(axis: Axis) -> list[object]:
    """Return the values of an axis, whole numbers whole: it keeps those of a list as floats."""
    return [
        int(value)
        if axis.scale == "list" and isinstance(value, float) and value.is_integer()
        else value
        for value in axis.values
    ]


def value_at(axis: Axis, place: float) -> float:
    """Return the number at a place of a range."""
    low, high = (float(str(value)) for value in axis.values)
    if axis.scale == "log":
        return float(low * (high / low) ** place)
    return low + place * (high - low)


def _is_range(axis: Axis) -> bool:
    return axis.scale in {"linear", "log"}


def thin_rows(scores: Array, most: int, sign: int) -> NDArray[np.intp]:
    """Choose trials to draw where there are too many: evenly in time, and the best one.

    Parameters
    ----------
    sign : int
        -1 where a smaller score is better.
    """
    if len(scores) <= most:
        return np.arange(len(scores))
    even = np.linspace(0, len(scores) - 1, most).round().astype(np.intp)
    return np.union1d(even, [int((sign * scores).argmax())])


def best_rows(scores: Array, share: float, sign: int) -> NDArray[np.intp]:
    """Return the best trials, at least one, the best first."""
    n_best = max(int(np.ceil(share * len(scores) - 1e-9)), 1)
    return np.argsort(-sign * scores, kind="stable")[:n_best].astype(np.intp)
