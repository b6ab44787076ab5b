"""Rows of a table → numbers and codes, as `tuning.datasets.info.Column` says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tuning.datasets.info import Column
from tuning.datasets.uploads.choices import Choices
from tuning.datasets.uploads.classes import codes_of
from tuning.datasets.uploads.learning import Learned, Rows, date_part
from tuning.datasets.uploads.table import TypedTable

_LARGEST_BYTE = 255


def encode_features(table: TypedTable, learned: Learned, rows: Rows) -> NDArray[np.float32]:
    """Return the inputs of some rows.

    Returns
    -------
    ndarray of shape (n_rows, n_columns) or (n_rows, height, width, channels)
        NaN where a value is missing; pixels divided by their largest possible value.
    """
    if table.images is not None:
        return _pixels(table.images[rows])
    features = np.empty((len(rows), len(learned.inputs)), dtype=np.float32)
    for place, column in enumerate(learned.inputs):
        features[:, place] = _encode(table, column)[rows]
    return features


def _encode(table: TypedTable, column: Column) -> NDArray[np.floating]:
    name = column.source or column.name
    if column.date_part:
        return date_part(table, name, column.date_part)
    if not column.levels:
        numbers = table.numbers(name)
        return np.where(numbers == 0, np.nan, numbers) if column.zeros_missing else numbers
    codes = codes_of(table, name, column.levels)
    return np.where(codes < 0, len(column.levels) if column.others else np.nan, codes)


def _pixels(images: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide pixels by their largest possible value: 255 for bytes, also saved as floats."""
    pixels = images.astype(np.float32)
    largest = float(pixels.max(initial=0.0))
    if images.dtype == np.uint8:
        return pixels / np.float32(_LARGEST_BYTE)
    if largest <= 1:
        return pixels
    return pixels / np.float32(_LARGEST_BYTE if largest <= _LARGEST_BYTE else largest)


def encode_target(
    table: TypedTable, choices: Choices, learned: Learned, rows: Rows
) -> NDArray[np.float32]:
    """Return the class codes of some rows, or their targets, as logarithms if so chosen."""
    if choices.task != "regression":
        return codes_of(table, choices.target, learned.class_names)[rows]
    numbers = table.numbers(choices.target)[rows]
    return (np.log(numbers) if choices.log_target else numbers).astype(np.float32)
