"""Text files as people have them → tables: encoding, separator, header found out.

Says what is wrong with a file instead of guessing on.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tuning.errors import UploadError

FEWEST_ROWS = 50
MOST_COLUMNS = 1000
_SNIFFED_LINES = 50
_LARGEST = float(np.finfo(np.float32).max)  # networks take float32; more is no number to them
_MISSING_WORDS = frozenset({"", "?", "na", "n/a", "nan", "null", "none", "-"})


@dataclass(frozen=True)
class TableFormat:
    """How a text file is written."""

    encoding: str
    separator: str
    decimal: str
    has_header: bool


def detect_format(data: bytes, file_name: str) -> TableFormat:
    """Find out how a file is written: encoding, separator, decimal sign, header.

    Raises
    ------
    UploadError
        If it is empty or no text.
    """
    if b"\x00" in data[:4096]:
        raise UploadError(file_name, "is not a table. Save it as CSV and upload that.")
    encoding = _encoding(data)
    lines = [line for line in data.decode(encoding).splitlines() if line.strip()]
    if not lines:
        raise UploadError(
            file_name, f"is empty. Choose a file with {FEWEST_ROWS} rows or more."
        )
    sample = lines[:_SNIFFED_LINES]
    try:
        separator = _separator(sample)
        has_header = _has_header(sample, separator)
    except csv.Error as error:
        raise UploadError(file_name, f"cannot be read as a table ({error}).") from error
    text = "\n".join(sample)
    # Where a comma separates nothing, it may be the decimal sign.
    comma = separator != "," and re.search(r"\d,\d", text) and not re.search(r"\d\.\d", text)
    return TableFormat(encoding, separator, "," if comma else ".", has_header)


def _encoding(data: bytes) -> str:
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def _separator(sample: Sequence[str]) -> str:
    """Return the separator that cuts most lines into as many cells as the first."""

    def regularity(separator: str) -> tuple[int, int]:
        widths = [len(row) for row in csv.reader(sample, delimiter=separator)]
        return (widths.count(widths[0]), widths[0]) if widths[0] > 1 else (0, 0)

    return max(",;\t|", key=regularity)


def _has_header(sample: Sequence[str], separator: str) -> bool:
    """Tell whether the first line names the columns.

    It does if no cell in it is a number, or if some column has a word on top and only numbers
    below.
    """
    first, *others = csv.reader(sample, delimiter=separator)
    if not any(_is_number(cell) for cell in first):
        return True
    return any(
        not _is_missing(top)
        and not _is_number(top)
        and bool(below)
        and all(map(_is_number, below))
        for top, *below in zip(first, *others, strict=False)
    )


def _is_missing(cell: str) -> bool:
    return cell.strip().lower() in _MISSING_WORDS


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def read_table(data: bytes, file_name: str) -> pd.DataFrame:
    """Read a text table; without a header its columns are named c1, c2, ….

    Raises
    ------
    UploadError
        If it is empty, no table, ragged, or has too few rows or too many columns.
    """
    table_format = detect_format(data, file_name)
    text = data.decode(table_format.encoding)
    n_columns = _check_widths(text, table_format, file_name)
    names = None if table_format.has_header else [f"c{i + 1}" for i in range(n_columns)]
    try:
        table = pd.read_csv(
            io.StringIO(text),
            sep=table_format.separator,
            decimal=table_format.decimal,
            header=0 if table_format.has_header else None,
            names=names,
            na_values=["?", "-"],
            skipinitialspace=True,
            low_memory=False,  # a column is of one kind throughout
        )
    except (pd.errors.ParserError, ValueError) as error:
        raise UploadError(file_name, f"cannot be read as a table ({error}).") from error
    return _tidy(table, file_name)


def _tidy(table: pd.DataFrame, file_name: str) -> pd.DataFrame:
    """Strip the column names, and count numbers that float32 cannot hold as missing."""
    table.columns = pd.Index([str(name).strip() for name in table.columns])
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise UploadError(file_name, f"has two columns named {twice[0]!r}. Rename one of them.")
    numbers = table.select_dtypes("float")
    table[numbers.columns] = numbers.where(numbers.abs() <= _LARGEST)
    return table


def _check_widths(text: str, table_format: TableFormat, file_name: str) -> int:
    """Check that all lines have as many cells as the first, and return how many."""
    reader = csv.reader(io.StringIO(text), delimiter=table_format.separator)
    width, n_rows = 0, 0
    try:
        for row in filter(None, reader):
            width = width or len(row)
            n_rows += 1
            if len(row) != width:
                first = "header" if table_format.has_header else "first row"
                values = "1 value" if len(row) == 1 else f"{len(row)} values"
                raise UploadError(
                    file_name,
                    f"has {values} in line {reader.line_num}, but its {first} has "
                    + f"{width}. Check the separator.",
                )
    except csv.Error as error:
        raise UploadError(file_name, f"cannot be read as a table ({error}).") from error
    _check_size(width, n_rows - table_format.has_header, file_name)
    return width


def _check_size(n_columns: int, n_rows: int, file_name: str) -> None:
    if n_columns < 2:
        raise UploadError(
            file_name, "has a single column. Upload a table with inputs and a target."
        )
    if n_columns > MOST_COLUMNS:
        raise UploadError(
            file_name, f"has {n_columns:,} columns. Use at most {MOST_COLUMNS:,}."
        )
    if n_rows < FEWEST_ROWS:
        rows = "1 row" if n_rows == 1 else f"{n_rows} rows"
        raise UploadError(
            file_name, f"has {rows}; at least {FEWEST_ROWS} are needed for folds."
        )
