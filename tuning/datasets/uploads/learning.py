"""What is written down of a table once, when it is kept: classes, inputs, choices told apart.

A dataset then means the same in every study that uses it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import TypeAdapter

from tuning.datasets.info import Column, DatePart
from tuning.datasets.uploads.choices import Choices, ColumnChoice
from tuning.datasets.uploads.classes import count_classes, most_frequent
from tuning.datasets.uploads.table import TypedTable

Rows = NDArray[np.intp]
PARTS: tuple[DatePart, ...] = ("year", "month", "day", "weekday", "hour")
_PANDAS_NAMES: Mapping[DatePart, str] = {"weekday": "day_of_week"}


@dataclass(frozen=True)
class Learned:
    """What was learned of a table.

    Attributes
    ----------
    n_rows : int
        Rows of the dataset.
    n_without_target, n_repeated : int
        Rows left out since they have no target, or since they repeat an earlier row.
    class_names, class_counts : tuple
        In the order of the class codes; empty for regression.
    inputs : tuple of Column
        In the order of the file; empty for images.
    n_groups : int
        Different groups; 0 where rows belong to none.
    image_shape : tuple of int or None
        Height, width, channels.
    """

    n_rows: int
    n_without_target: int
    n_repeated: int
    class_names: tuple[str, ...]
    class_counts: tuple[int, ...]
    inputs: tuple[Column, ...]
    n_groups: int = 0
    image_shape: tuple[int, int, int] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all inputs after preparation, in order."""
        return tuple(name for column in self.inputs for name in column.inputs)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of rows that are left out."""
        found = []
        if self.n_without_target:
            found.append(f"{_rows(self.n_without_target)} no target and will be left out.")
        if self.n_repeated:
            verb = "repeats" if self.n_repeated == 1 else "repeat"
            rows = "1 row" if self.n_repeated == 1 else f"{self.n_repeated:,} rows"
            found.append(f"{rows} that {verb} an earlier row will be left out.")
        return tuple(found)

    def to_json(self) -> str:
        """Write it as JSON; `from_json` reads it back to an equal one."""
        return _ADAPTER.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> Learned:
        """Read what `to_json` wrote."""
        return _ADAPTER.validate_json(text)


_ADAPTER = TypeAdapter(Learned)


def _rows(count: int) -> str:
    return "1 row has" if count == 1 else f"{count:,} rows have"


def learn(table: TypedTable, choices: Choices) -> Learned:
    """Learn what a table means with choices that `check_choices` has let through."""
    rows = rows_kept(table, choices)
    there = int(np.count_nonzero(table.is_there(choices.target)))
    classes = (
        {} if choices.task == "regression" else dict(count_classes(table, choices.target, rows))
    )
    shape = None if table.images is None else table.images.shape[1:]
    return Learned(
        len(rows),
        table.n_rows - there,
        there - len(rows),
        tuple(classes),
        tuple(classes.values()),
        tuple(
            given
            for column in choices.of_role("in")
            if shape is None
            for given in _inputs(table, column, rows)
        ),
        _count_groups(table, choices, rows),
        None if shape is None else (shape[0], shape[1], shape[2]),
    )


def rows_kept(table: TypedTable, choices: Choices) -> Rows:
    """Return the rows of the dataset: with a target, once each if wanted, in order of time.

    Rows without a time come last, as they stand in the file.
    """
    rows = np.flatnonzero(table.is_there(choices.target))
    if choices.duplicates == "drop":
        rows = rows[~repeated(table, choices)[rows]]
    for column in choices.of_role("time"):
        rows = rows[np.argsort(table.numbers(column.name)[rows], kind="stable")]
    return rows


def repeated(table: TypedTable, choices: Choices) -> NDArray[np.bool_]:
    """Tell which rows with a target repeat an earlier one, in everything but what is left out.

    Rows are compared by a hash of 64 bits: that two of 2 million differ and are taken for
    equal happens once in 9 million tables.
    """
    names = [column.name for column in choices.columns if column.role != "out"]
    parts = {name: _comparable(table, name) for name in (*names, choices.target)}
    hashes = pd.util.hash_pandas_object(pd.DataFrame(parts, copy=False), index=False).to_numpy()
    if table.images is not None:
        hashes = hashes ^ np.array([_image_hash(image) for image in table.images], np.uint64)
    there = table.is_there(choices.target)
    again = np.zeros(table.n_rows, np.bool_)
    again[there] = pd.Series(hashes[there]).duplicated().to_numpy()
    return again


def _comparable(table: TypedTable, name: str) -> NDArray[np.generic]:
    return table.coded(name).codes if table.type_of(name) == "text" else table.numbers(name)


def _image_hash(image: NDArray[np.generic]) -> int:
    return int.from_bytes(hashlib.blake2b(image.tobytes(), digest_size=8).digest())


def groups_of(table: TypedTable, choices: Choices, rows: Rows) -> Rows | None:
    """Return the number of the group of some rows, or None where there are no groups.

    A row whose group is missing is a group of its own.
    """
    for column in choices.of_role("group"):
        codes = table.coded(column.name).codes[rows].astype(np.intp)
        alone = np.flatnonzero(codes < 0)
        codes[alone] = codes.max(initial=-1) + 1 + np.arange(len(alone))
        return codes
    return None


def _count_groups(table: TypedTable, choices: Choices, rows: Rows) -> int:
    groups = groups_of(table, choices, rows)
    return 0 if groups is None else len(np.unique(groups))


def _inputs(table: TypedTable, column: ColumnChoice, rows: Rows) -> Iterator[Column]:
    name, indicator = column.name, column.indicator
    if column.treatment == "date parts":
        yield from _date_inputs(table, column, rows)
    elif column.treatment == "number":
        yield Column(name, indicator=indicator, zeros_missing=column.zeros_missing)
    elif column.treatment == "ordered choice":
        yield Column(name, column.order, ordered=True, indicator=indicator)
    else:
        levels, others = most_frequent(table, name, rows, column.most_choices)
        yield Column(name, levels, others, indicator=indicator)


def _date_inputs(table: TypedTable, column: ColumnChoice, rows: Rows) -> Iterator[Column]:
    """Yield the parts of a date that are not the same in all rows."""
    name, indicator = column.name, column.indicator
    for part in PARTS:
        values = date_part(table, name, part)[rows]
        if np.nanmin(values, initial=np.inf) < np.nanmax(values, initial=-np.inf):
            yield Column(f"{name}: {part}", indicator=indicator, source=name, date_part=part)
            indicator = False  # all parts are missing in the same rows


def date_part(table: TypedTable, name: str, part: DatePart) -> NDArray[np.float32]:
    """Return one part of a column of dates; NaN where there is none."""
    dates = pd.Series(table.arrow.column(name).to_numpy()).dt
    values: pd.Series[float] = getattr(dates, _PANDAS_NAMES.get(part, part))
    return values.to_numpy(dtype=np.float32, na_value=np.nan)
