"""Arrow columns of any type → numbers, text, true or false, and dates.

A column of text becomes what all its values are; a person may ask for another type, and then
values that are not of it count as missing and are counted aloud.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tuning.datasets.files.dates import as_dates, looks_like_dates
from tuning.datasets.files.errors import ColumnKindError, LongValueError, shortened
from tuning.datasets.files.found import Found, check_length, check_names, check_width
from tuning.datasets.files.limits import Limits
from tuning.datasets.files.numbers import number_pattern
from tuning.datasets.files.options import ColumnType, Options

_LARGEST = float(np.finfo(np.float32).max)  # networks take float32; more is no number to them
_MOST_EXACT = 2**53  # whole numbers beyond it are rounded in float64
_EXACT_DIGITS = 15
_COLUMNS_AT_ONCE = 2  # more take more memory
_MOSTLY = 0.9
_WITH_SIGNS = r"^[($€£¥%\s]*[+-]?\d[\d.,'\s]*\s*[)$€£¥%]+$|^[($€£¥]+\s*[+-]?\d[\d.,'\s]*$"
_TRUE, _FALSE = ("true", "yes", "y", "t", "1", "1.0"), ("false", "no", "n", "f", "0", "0.0")
_NUMBER, _TEXT, _BOOL, _DATE = pa.float64(), pa.string(), pa.bool_(), pa.timestamp("us")
_TYPES: dict[ColumnType, pa.DataType] = {
    "number": _NUMBER,
    "text": _TEXT,
    "yes or no": _BOOL,
    "date": _DATE,
}

Column: TypeAlias = pa.ChunkedArray


def convert(
    table: pa.Table, options: Options, file_name: str, limits: Limits, *, is_text: bool
) -> Found:
    """Give every column one of the four types.

    Parameters
    ----------
    table : pa.Table
        As read from the file; for `is_text`, all strings in which numbers may hide.

    Raises
    ------
    RefusedFileError
        If the table is too large or small, or a column holds what is no value.
    """
    check_width(table.num_columns, file_name, limits)
    return convert_rows(table, options, file_name, limits, is_text=is_text)


def convert_rows(
    table: pa.Table, options: Options, file_name: str, limits: Limits, *, is_text: bool
) -> Found:
    """Give every column one of the four types, however few they are; see `convert`."""
    check_length(table.num_rows, table.num_columns, file_name, limits)
    names = [str(name).strip() for name in table.column_names]
    names = [name or f"column {i + 1}" for i, name in enumerate(names)]
    check_names(names, file_name, limits)
    wanted = dict(options.types)
    converters = [_Converter(name, options, file_name, limits) for name in names]

    def converted(converter: _Converter, column: Column) -> Column:
        return converter.convert(column, wanted.get(converter.name), is_text=is_text)

    with ThreadPoolExecutor(_COLUMNS_AT_ONCE) as pool:  # Arrow's functions run side by side
        columns = list(pool.map(converted, converters, table.columns))
    notes = [note for converter in converters for note in converter.notes]
    types = tuple((n, type_of(column)) for n, column in zip(names, columns, strict=True))
    return Found(
        pa.table(columns, names=names), replace(options, types=types), notes=tuple(notes)
    )


def type_of(column: Column) -> ColumnType:
    """Return what a person calls the type of a converted column."""
    return next(name for name, kind in _TYPES.items() if kind == column.type)


class _Converter:
    """One column on its way to one of the four types; `notes` say what happened to it."""

    def __init__(self, name: str, options: Options, file_name: str, limits: Limits) -> None:
        self.name = name
        self.options = options
        self.file_name = file_name
        self.limits = limits
        self.notes: list[str] = []

    def convert(self, column: Column, wanted: ColumnType | None, *, is_text: bool) -> Column:
        column = self._plain(column)
        if column.type == _TEXT:
            self._check_lengths(column)
            column = self._without_missing(column) if is_text or wanted else column
            kind = wanted or (self._guess(column) if is_text else self._guess_typed(column))
            column = self._from_text(column, kind)
        elif wanted is not None and wanted != type_of(column):
            column = self._from_text(self._as_text(column), wanted)
        return self._finite(column) if column.type == _NUMBER else column

    def _plain(self, column: Column) -> Column:
        """Turn the types of a file into the four."""
        is_a, kind = pa.types, column.type
        if is_a.is_dictionary(kind):
            return self._plain(column.cast(kind.value_type))
        if is_a.is_integer(kind):
            return self._whole(column)
        if is_a.is_null(kind) or is_a.is_floating(kind) or is_a.is_decimal(kind):
            return column.cast(_NUMBER, safe=False)
        if is_a.is_string(kind) or is_a.is_large_string(kind) or is_a.is_string_view(kind):
            return column.cast(_TEXT)
        if is_a.is_date(kind) or is_a.is_timestamp(kind):
            return column.cast(_DATE, safe=False)
        if not is_a.is_boolean(kind):
            raise ColumnKindError(self.file_name, self.name, _kind_words(kind))
        return column

    def _whole(self, column: Column) -> Column:
        ends = pc.min_max(column).as_py()
        if ends["min"] is not None and max(-ends["min"], ends["max"]) > _MOST_EXACT:
            self._note_long()
            return column.cast(_TEXT)
        return column.cast(_NUMBER)

    def _note_long(self) -> None:
        self.notes.append(
            f"{self.name} has whole numbers of more than {_EXACT_DIGITS} digits, "
            + "so it was read as text."
        )

    def _check_lengths(self, column: Column) -> None:
        most = self.limits.cell_characters
        longest = pc.max(pc.binary_length(column)).as_py() or 0
        if longest > most and (length := pc.max(pc.utf8_length(column)).as_py()) > most:
            raise LongValueError(self.file_name, f"a value in {self.name!r}", length, most)

    def _without_missing(self, column: Column) -> Column:
        column = pc.utf8_trim_whitespace(column)
        words = pa.array(self.options.missing, pa.string())
        return pc.if_else(pc.is_in(column, value_set=words), pa.scalar(None, _TEXT), column)

    def _as_text(self, column: Column) -> Column:
        """Write numbers as they stood in the file: 1, not 1.0."""
        if column.type != _NUMBER:
            return column.cast(_TEXT)
        return pc.replace_substring_regex(column.cast(_TEXT), r"\.0$", "")

    def _guess(self, column: Column) -> ColumnType:
        values = column.drop_null()
        if len(values) == 0:
            return "number"
        if self._numbers(values) is not None:
            return "text" if self._is_code(values) else "number"
        head = pc.utf8_lower(values.slice(0, 100))
        words = pc.is_in(head, value_set=pa.array(["true", "false"]))
        if pc.all(words).as_py() and self._truths(values, ("true",), ("false",)) is not None:
            return "yes or no"
        if self._are_dates(values):
            return "date"
        self._note_nearly(values)
        return "text"

    def _guess_typed(self, column: Column) -> ColumnType:
        """Tell text from dates in a file that says itself what is a number."""
        values = column.drop_null()
        return "date" if len(values) and self._are_dates(values) else "text"

    def _are_dates(self, values: Column) -> bool:
        if not looks_like_dates(pc.utf8_lower(values.slice(0, 100)).to_pylist()):
            return False
        dates = as_dates(values, day_first=self.options.day_first)
        if dates.null_count:
            return False
        self._note_day_first(values, dates)
        return True

    def _is_code(self, values: Column) -> bool:
        """Tell codes from numbers: zeros in front, or more digits than a number can keep."""
        zero = values.filter(pc.starts_with(values, "0"))
        if pc.any(pc.match_substring_regex(zero, r"^0\d")).as_py():
            self.notes.append(f"{self.name} has zeros in front, so it was read as text.")
            return True
        long = values.filter(pc.greater(pc.binary_length(values), _EXACT_DIGITS))
        if pc.any(pc.match_substring_regex(long, r"^[+-]?\d{16,}$")).as_py():
            self._note_long()
            return True
        return False

    def _note_day_first(self, values: Column, dates: Column) -> None:
        first, other = ("day", "month") if self.options.day_first else ("month", "day")
        turned = as_dates(values, day_first=not self.options.day_first)
        if turned.null_count == 0 and not turned.equals(dates):
            self.notes.append(
                f"{self.name}: dates such as {values[0].as_py()} were read with the {first} "
                + f"first; the {other} could stand first as well."
            )

    def _note_nearly(self, values: Column) -> None:
        others = values.filter(pc.invert(self._are_numbers(values)))
        signed = pc.sum(pc.match_substring_regex(others, _WITH_SIGNS)).as_py() or 0
        if signed and signed + len(values) - len(others) >= _MOSTLY * len(values):
            self.notes.append(
                f"{self.name} was read as text: values such as {shortened(others[0].as_py())} "
                + "are more than a number. Take signs such as % and € away to use it as one."
            )
            return
        if 0 < len(others) <= (1 - _MOSTLY) * len(values):
            are = "1 value is no number" if len(others) == 1 else f"{len(others):,} are not"
            self.notes.append(
                f"{self.name} was read as text: of {len(values):,} values "
                + f"{are}, such as {shortened(others[0].as_py())}."
            )

    def _are_numbers(self, values: Column) -> Column:
        pattern = number_pattern(self.options.decimal, self.options.thousands)
        return pc.match_substring_regex(values, f"^(?:{pattern})$")

    def _numbers(self, values: Column) -> Column | None:
        """Return text as numbers, or None if not all of it is."""
        if self.options.decimal == "." and (plain := _cast(values)) is not None:
            return plain
        if not pc.all(self._are_numbers(values), min_count=0).as_py():
            return None
        if self.options.thousands:
            values = pc.replace_substring(values, self.options.thousands, "")
        return _cast(pc.replace_substring(values, self.options.decimal, "."))

    def _truths(
        self, column: Column, true: tuple[str, ...], false: tuple[str, ...]
    ) -> Column | None:
        """Return words as true and false, or None if some are neither."""
        words = pc.utf8_lower(column)
        is_true = pc.is_in(words, value_set=pa.array(true))
        known = pc.or_(is_true, pc.is_in(words, value_set=pa.array(false)))
        if pc.sum(known, min_count=0).as_py() != len(column) - column.null_count:
            return None
        return pc.if_else(known, is_true, pa.scalar(None, _BOOL))

    def _from_text(self, column: Column, kind: ColumnType) -> Column:
        convert: dict[ColumnType, Callable[[Column], Column]] = {
            "number": self._to_numbers,
            "text": lambda column: column,
            "yes or no": self._to_truths,
            "date": lambda column: as_dates(column, day_first=self.options.day_first),
        }
        converted = convert[kind](column)
        n_lost = converted.null_count - column.null_count
        if n_lost:
            values = "1 value is" if n_lost == 1 else f"{n_lost:,} values are"
            what = {"number": "number", "yes or no": "yes or no", "date": "date"}[kind]
            self.notes.append(f"{self.name}: {values} no {what} and counted as missing.")
        return converted

    def _to_numbers(self, column: Column) -> Column:
        if (numbers := self._numbers(column)) is not None:
            return numbers
        known = pc.if_else(self._are_numbers(column), column, pa.scalar(None, _TEXT))
        return self._numbers(known)

    def _to_truths(self, column: Column) -> Column:
        known = pc.is_in(pc.utf8_lower(column), value_set=pa.array(_TRUE + _FALSE))
        return self._truths(pc.if_else(known, column, pa.scalar(None, _TEXT)), _TRUE, _FALSE)

    def _finite(self, column: Column) -> Column:
        fits = pc.less_equal(pc.abs(column), _LARGEST)
        n_numbers = len(column) - column.null_count - (pc.sum(pc.is_nan(column)).as_py() or 0)
        n_lost = n_numbers - (pc.sum(fits).as_py() or 0)
        if n_lost:
            values = "1 number is" if n_lost == 1 else f"{n_lost:,} numbers are"
            self.notes.append(f"{self.name}: {values} too large and counted as missing.")
        return pc.if_else(fits, column, pa.scalar(None, _NUMBER))


def _cast(values: Column) -> Column | None:
    try:
        return values.cast(_NUMBER)
    except pa.ArrowInvalid:
        return None


def _kind_words(kind: pa.DataType) -> str:
    """Say what Arrow's type is in a person's words."""
    if pa.types.is_nested(kind):
        return "lists or objects"
    if pa.types.is_time(kind) or pa.types.is_duration(kind) or pa.types.is_interval(kind):
        return "times of day or durations"
    return "bytes"
