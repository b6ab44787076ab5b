"""What a reader has found, before it becomes a DataFrame; it can cross to another process."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tuning.datasets.files.errors import (
    CountError,
    FewRowsError,
    LongValueError,
    RepeatedColumnError,
    SingleColumnError,
)
from tuning.datasets.files.limits import Limits
from tuning.datasets.files.options import Options, Recognised

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


@dataclass(frozen=True)
class Found:
    """A table of Arrow columns: float64, string, bool and timestamp[us], and what goes with it.

    The other attributes are those of `Recognised`.
    """

    table: pa.Table
    options: Options
    notes: tuple[str, ...] = ()
    sheets: tuple[str, ...] = ()
    images: NDArray[np.uint8] | NDArray[np.float32] | None = None

    def recognised(self) -> Recognised:
        """Return it with the table as pandas has it."""
        return Recognised(self.options, frame(self.table), self.notes, self.sheets, self.images)


def frame(table: pa.Table) -> pd.DataFrame:
    """Return a table as pandas has it, in the types that `Recognised` names."""
    import pandas as pd

    columns: dict[str, pd.Series[Any]] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = str(column.type)
        if kind == "string":
            values = pd.Series(column.to_numpy(), dtype=object)
        elif kind == "bool" and column.null_count:
            values = column.to_pandas(types_mapper={column.type: pd.BooleanDtype()}.get)
        else:
            values = pd.Series(column.to_numpy())
        columns[name] = values
    return pd.DataFrame(columns, copy=False)


def check_width(n_columns: int, file_name: str, limits: Limits) -> None:
    """Check the number of columns.

    Raises
    ------
    SingleColumnError, CountError
        If there are too few or too many.
    """
    if n_columns < 2:
        raise SingleColumnError(file_name)
    if n_columns > limits.columns:
        raise CountError(file_name, n_columns, limits.columns, "columns")


def check_length(n_rows: int, n_columns: int, file_name: str, limits: Limits) -> None:
    """Check the number of rows and of cells.

    Raises
    ------
    FewRowsError, CountError
        If there are too few or too many.
    """
    if n_rows < limits.fewest_rows:
        raise FewRowsError(file_name, n_rows, limits.fewest_rows)
    check_most(n_rows, n_columns, file_name, limits)


def check_most(n_rows: int, n_columns: int, file_name: str, limits: Limits) -> None:
    """Check rows and cells while a file is still being read.

    Raises
    ------
    CountError
        If there are too many.
    """
    if n_rows > limits.rows:
        raise CountError(file_name, n_rows, limits.rows, "rows")
    if n_rows * n_columns > limits.cells:
        raise CountError(file_name, n_rows * n_columns, limits.cells, "cells")


def check_names(names: Iterable[str], file_name: str, limits: Limits) -> None:
    """Check the names of columns.

    Raises
    ------
    LongValueError, RepeatedColumnError
        If one is too long, or there twice.
    """
    seen: set[str] = set()
    for name in names:
        if len(name) > limits.name_characters:
            raise LongValueError(file_name, "a column name", len(name), limits.name_characters)
        if name in seen:
            raise RepeatedColumnError(file_name, name)
        seen.add(name)
