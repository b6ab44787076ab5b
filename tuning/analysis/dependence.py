"""What the trees of "What if" foretell over one parameter, or two, whatever the others are.

Partial dependence: the parameter is set to each of its values in tried settings, and what is
foretold is averaged over them. It is about the trees, not about trials nobody has run.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tuning.analysis.effects import in_sentence
from tuning.analysis.encoding import Axis, unit_columns
from tuning.analysis.points import Array, value_at, words_of
from tuning.analysis.what_if import WhatIf

_N_VALUES, _N_VALUES_OF_TWO = 25, 12  # of a range
_N_SETTINGS, _N_SETTINGS_OF_TWO = 100, 40  # tried settings the parameter is changed in
_MIDDLE = (0.1, 0.9)


def one_dependence(what_if: WhatIf, name: str, sign: int) -> pd.DataFrame:
    """Foretell scores over one parameter.

    Parameters
    ----------
    sign : int
        -1 where a smaller score is better.

    Returns
    -------
    DataFrame
        Columns value (a number, or words), score (mean over tried settings), low and high
        (between which 80 % of those settings lie).
    """
    axis, owned = _axis(what_if, name)
    places, values = axis_values(axis, _N_VALUES)
    rows = _settings(what_if, _N_SETTINGS)
    foretold = _foretell(what_if, rows, [(owned, _columns(axis, places))]) * sign
    low, high = np.quantile(foretold, _MIDDLE, axis=1)
    return pd.DataFrame(
        {"value": values, "score": foretold.mean(axis=1), "low": low, "high": high}
    )


def two_dependence(what_if: WhatIf, x: str, y: str, sign: int) -> pd.DataFrame:
    """Foretell mean scores over two parameters.

    Returns
    -------
    DataFrame
        By value of `y` (rows) and of `x` (columns).
    """
    (x_axis, x_owned), (y_axis, y_owned) = _axis(what_if, x), _axis(what_if, y)
    x_places, x_values = axis_values(x_axis, _N_VALUES_OF_TWO)
    y_places, y_values = axis_values(y_axis, _N_VALUES_OF_TWO)
    pairs = list(itertools.product(y_places, x_places))
    ups, acrosses = (np.array(places) for places in zip(*pairs, strict=True))
    rows = _settings(what_if, _N_SETTINGS_OF_TWO)
    changes = [(y_owned, _columns(y_axis, ups)), (x_owned, _columns(x_axis, acrosses))]
    means = sign * _foretell(what_if, rows, changes).mean(axis=1)
    shaped = means.reshape(len(y_places), len(x_places))
    return pd.DataFrame(shaped, index=y_values, columns=x_values)


def axis_values(axis: Axis, n_values: int) -> tuple[Array, list[Any]]:
    """Return places on an axis, as `Axis.places` has them, and the values there."""
    if axis.is_category:
        return np.arange(len(axis.values), dtype=np.float64), words_of(axis)
    if axis.scale == "list":
        return np.linspace(0.0, 1.0, len(axis.values)), words_of(axis)
    places = np.linspace(0.0, 1.0, n_values)
    return places, [value_at(axis, float(place)) for place in places]


def _axis(what_if: WhatIf, name: str) -> tuple[Axis, NDArray[np.intp]]:
    """Return a parameter's axis, and the columns of the trees that it owns."""
    _, owners = unit_columns(what_if.axes, np.zeros((1, len(what_if.axes))))
    number = [axis.name for axis in what_if.axes].index(name)
    return what_if.axes[number], np.flatnonzero(owners == number)


def _columns(axis: Axis, places: Array) -> Array:
    return unit_columns([axis], places[:, None])[0]


def _settings(what_if: WhatIf, most: int) -> Array:
    """Return some of the tried settings, as the trees take them."""
    rows = np.random.default_rng(0).permutation(len(what_if.columns))[:most]
    return what_if.columns[rows]


def _foretell(
    what_if: WhatIf, settings: Array, changes: Sequence[tuple[NDArray[np.intp], Array]]
) -> Array:
    """Foretell each setting with each change.

    Parameters
    ----------
    changes : sequence of (ndarray, ndarray)
        Columns, and what stands in them: a row a change.

    Returns
    -------
    ndarray of shape (n_changes, n_settings)
        Larger is better.
    """
    n_changes = len(changes[0][1])
    versions = np.repeat(settings[None], n_changes, axis=0)
    for owned, values in changes:
        versions[:, :, owned] = values[:, None, :]
    leaves = versions.reshape(-1, settings.shape[1]).astype(np.float32)
    total = np.zeros(len(leaves))
    for tree in what_if.trees:
        total += tree.predict(leaves, check_input=False)
    return (total / len(what_if.trees)).reshape(n_changes, -1)


def one_dependence_finding(table: pd.DataFrame, label: str, direction: str) -> str:
    """Say where the foretold score is best, and what it gains.

    Parameters
    ----------
    table : DataFrame
        Of `one_dependence`.
    """
    scores = table["score"].to_numpy()
    best = int(scores.argmax() if direction == "maximize" else scores.argmin())
    gain = float(np.ptp(scores))
    value = table["value"].iloc[best]
    text = value if isinstance(value, str) else f"{value:.2g}"
    return f"Foretold best at {in_sentence(label)} {text}: {gain:.2g} from the worst value"


def two_dependence_finding(table: pd.DataFrame, labels: tuple[str, str], direction: str) -> str:
    """Say at which two values the foretold score is best.

    Parameters
    ----------
    table : DataFrame
        Of `two_dependence`.
    labels : (str, str)
        Of the parameter of the columns, and of that of the rows.
    """
    values = table.to_numpy()
    place = int(values.argmax() if direction == "maximize" else values.argmin())
    row, column = divmod(place, values.shape[1])
    at = [
        v if isinstance(v, str) else f"{v:.2g}"
        for v in (table.columns[column], table.index[row])
    ]
    first, second = (in_sentence(label) for label in labels)
    return f"Foretold best at {first} {at[0]} and {second} {at[1]}"
