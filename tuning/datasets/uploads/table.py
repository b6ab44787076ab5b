"""The typed table of an upload: Arrow columns, turned into NumPy arrays one at a time.

Text stays in Arrow and is handled as codes, so that two million rows take megabytes and not
gigabytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tuning.datasets.files.columns import type_of
from tuning.datasets.files.found import frame
from tuning.datasets.files.options import ColumnType

if TYPE_CHECKING:
    import pandas as pd

Images: TypeAlias = NDArray[np.uint8] | NDArray[np.float32]
NO, YES = "no", "yes"
_DAY_US = 24 * 3600 * 1_000_000


@dataclass(frozen=True)
class Coded:
    """A column as codes of its different values.

    Attributes
    ----------
    codes : ndarray of shape (n_rows,)
        int32; -1 where the value is missing.
    values : ndarray or pa.Array
        Numbers in ascending order, or text as it appears.
    """

    codes: NDArray[np.int32]
    values: NDArray[np.float64] | pa.StringArray

    @property
    def n_values(self) -> int:
        """Different values."""
        return len(self.values)

    def words(self, places: Sequence[int] | NDArray[np.intp]) -> tuple[str, ...]:
        """Name the values at some places as they stand in the file."""
        if isinstance(self.values, pa.Array):
            return tuple(self.values.take(pa.array(places, pa.int64())).to_pylist())
        return tuple(label(float(self.values[place])) for place in places)

    def counts(self, rows: NDArray[np.intp] | None = None) -> NDArray[np.intp]:
        """Count how often each value is there, in all rows or in some."""
        codes = self.codes if rows is None else self.codes[rows]
        return np.bincount(codes[codes >= 0], minlength=self.n_values)


@dataclass(frozen=True, eq=False)
class TypedTable:
    """The table of an upload.

    Attributes
    ----------
    arrow : pa.Table
        Columns of float64, string, bool and timestamp[us].
    images : ndarray of shape (n_rows, height, width, channels) or None
        Pixels that belong to the rows.
    """

    arrow: pa.Table = field(repr=False)
    images: Images | None = field(default=None, repr=False)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in the order of the file."""
        return tuple(self.arrow.column_names)

    @property
    def n_rows(self) -> int:
        """Rows of the file."""
        return int(self.arrow.num_rows)

    def type_of(self, name: str) -> ColumnType:
        """Return what a person calls the type of a column."""
        return type_of(self.arrow.column(name))

    def is_there(self, name: str) -> NDArray[np.bool_]:
        """Tell in which rows a column has a value."""
        valid = self.arrow.column(name).is_valid().to_numpy()
        return np.asarray(valid, dtype=np.bool_)

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a column of numbers, of yes and no as 1 and 0, or of dates as days since 1970.

        NaN where a value is missing.
        """
        column = self.arrow.column(name)
        if self.type_of(name) == "date":
            stamps = column.cast(pa.int64()).cast(pa.float64(), safe=False)
            return np.asarray(stamps.to_numpy()) / _DAY_US
        return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)

    def coded(self, name: str) -> Coded:
        """Return a column of text or numbers as codes."""
        if name not in self._coded:
            self._coded[name] = self._encode(name)
        return self._coded[name]

    @cached_property
    def _coded(self) -> dict[str, Coded]:
        return {}

    def _encode(self, name: str) -> Coded:
        if self.type_of(name) == "text":
            coded = self.arrow.column(name).combine_chunks().dictionary_encode()
            codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
            return Coded(codes.astype(np.int32), coded.dictionary)
        numbers = self.numbers(name)
        codes = np.full(self.n_rows, -1, np.int32)
        there = ~np.isnan(numbers)
        values, codes[there] = np.unique(numbers[there], return_inverse=True)
        return Coded(codes, values)

    def words(self, name: str, places: Sequence[int] | NDArray[np.intp]) -> tuple[str, ...]:
        """Name different values of a column: 1, not 1.0; yes, not True."""
        coded = self.coded(name)
        if self.type_of(name) == "yes or no":
            values = np.asarray(coded.values)
            return tuple(YES if values[place] else NO for place in places)
        return coded.words(places)

    def frame(self, n_rows: int | None = None) -> pd.DataFrame:
        """Return the first rows, or all, as pandas has them."""
        return frame(self.arrow if n_rows is None else self.arrow.slice(0, n_rows))


def label(value: float) -> str:
    """Name a number as it stands in the file: 1, not 1.0, also where a gap made it a float."""
    return str(int(value)) if value.is_integer() else str(value)
