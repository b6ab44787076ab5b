"""Excel workbooks (.xlsx): the cells of one sheet. No formula and no macro is ever run."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any

import pyarrow as pa

from tuning.datasets.files.archives import open_zip
from tuning.datasets.files.borders import damaged_where_broken
from tuning.datasets.files.columns import convert
from tuning.datasets.files.dialects import has_header
from tuning.datasets.files.errors import EmptySheetError, MacroError, OptionError
from tuning.datasets.files.found import Found, check_most, check_width
from tuning.datasets.files.limits import Limits
from tuning.datasets.files.options import Options

_HEADER_ROWS = 100
Cell = Any
Row = tuple[Cell, ...]


def is_workbook(archive: zipfile.ZipFile) -> bool:
    """Tell whether a zip archive is an Excel workbook, with or without macros."""
    names = set(archive.namelist())
    return "[Content_Types].xml" in names and "xl/workbook.xml" in names


def read_workbook(data: bytes, file_name: str, wanted: Options | None, limits: Limits) -> Found:
    """Read one sheet of a workbook: the first that is visible and has cells.

    Raises
    ------
    RefusedFileError
        If it has macros, is damaged, or its sheet is no usable table.
    """
    from defusedxml.common import DefusedXmlException

    with (
        warnings.catch_warnings(),
        damaged_where_broken(
            file_name, "an Excel workbook", DefusedXmlException, zipfile.BadZipFile
        ),
    ):
        warnings.simplefilter("ignore")  # of styles and extensions that have no cells
        with open_zip(data, file_name, limits) as archive:
            _refuse_macros(archive, file_name)
        sheets, sheet, rows = _read_rows(data, file_name, wanted, limits)
    header = wanted.header if wanted else has_header(_as_words(rows[:_HEADER_ROWS]))
    options = replace(wanted or Options(kind="excel"), sheet=sheet, header=header)
    names, body = _names(rows, header=header)
    columns, notes = _columns(names, body, options)
    found = convert(pa.table(columns, names=names), options, file_name, limits, is_text=False)
    notes = [*_sheet_notes(sheets, options, names), *notes, *found.notes]
    return replace(found, notes=tuple(notes), sheets=sheets)


def _refuse_macros(archive: zipfile.ZipFile, file_name: str) -> None:
    types = archive.read("[Content_Types].xml").lower()
    has_program = any(name.lower().endswith("vbaproject.bin") for name in archive.namelist())
    has_sheet = any("macrosheets/" in name.lower() for name in archive.namelist())
    if b"macroenabled" in types or has_program or has_sheet:
        raise MacroError(file_name)


def _read_rows(
    data: bytes, file_name: str, wanted: Options | None, limits: Limits
) -> tuple[tuple[str, ...], str, list[Row]]:
    """Return the names of all sheets, the one that is read, and its rows."""
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
    try:
        sheets = {sheet.title: sheet for sheet in book.worksheets}
        if wanted and wanted.sheet and wanted.sheet not in sheets:
            raise OptionError(
                file_name, "the sheet", wanted.sheet, [repr(name) for name in sheets]
            )
        visible = [name for name, sheet in sheets.items() if sheet.sheet_state == "visible"]
        candidates = [wanted.sheet] if wanted and wanted.sheet else visible or list(sheets)
        rows: list[Row] = []
        name = ""
        for name in candidates:
            sheets[name].reset_dimensions()  # what a sheet says of its size may be anything
            rows = _trimmed(sheets[name].iter_rows(values_only=True), file_name, limits)
            if rows:
                break
    finally:
        book.close()
    if not rows:
        raise EmptySheetError(file_name, name)
    return tuple(sheets), name, rows


def _trimmed(cells: Iterator[Row], file_name: str, limits: Limits) -> list[Row]:
    """Return rows of one width without the rows and columns that are empty."""
    rows: list[Row] = []
    width = 0
    for n_read, row in enumerate(cells, 1):
        check_most(n_read, 1, file_name, limits)
        if any(cell is not None for cell in row):
            width = max(width, len(row))
            rows.append(row)
            check_most(len(rows), width, file_name, limits)
    used = [i for i in range(width) if any(len(row) > i and row[i] is not None for row in rows)]
    if used:
        check_width(len(used), file_name, limits)
    return [tuple(row[i] if i < len(row) else None for i in used) for row in rows]


def _as_words(rows: Sequence[Row]) -> list[list[str]]:
    return [["" if cell is None else _text(cell) for cell in row] for row in rows]


def _text(cell: Cell) -> str:
    """Write a cell as a person would: 3, not 3.0; a day without its hours."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.isoformat(" ").removesuffix(" 00:00:00")
    return str(cell)


def _names(rows: list[Row], *, header: bool) -> tuple[list[str], list[Row]]:
    numbered = [f"column {i + 1}" for i in range(len(rows[0]))]
    if not header:
        return numbered, rows
    top = [cell.strip() for cell in _as_words(rows[:1])[0]]
    return [name or number for name, number in zip(top, numbered, strict=True)], rows[1:]


def _columns(
    names: Sequence[str], rows: Sequence[Row], options: Options
) -> tuple[list[pa.Array], list[str]]:
    columns, notes = [], []
    for name, cells in zip(names, zip(*rows, strict=True), strict=False):
        n_formulas = sum(isinstance(cell, str) and cell.startswith("=") for cell in cells)
        if n_formulas:
            formulas = "1 formula was" if n_formulas == 1 else f"{n_formulas:,} formulas were"
            notes.append(
                f"{name}: {formulas} kept as text. Paste them as values to use their results."
            )
        columns.append(_column(cells, options))
    return columns or [pa.nulls(0)] * len(names), notes


def _column(cells: Sequence[Cell], options: Options) -> pa.Array:
    """Return cells as the one type they all have, else as text."""
    missing = frozenset(options.missing)
    values = [
        None if isinstance(cell, str) and cell.strip() in missing else cell for cell in cells
    ]
    kinds = {_kind(value) for value in values if value is not None}
    if not kinds:
        return pa.nulls(len(values))
    if kinds == {"number"}:
        return _numbers(values)
    if kinds == {"bool"}:
        return pa.array(values, pa.bool_())
    if kinds == {"date"}:
        return pa.array(map(_moment, values), pa.timestamp("us"))
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _kind(value: Cell) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return "date" if isinstance(value, date) else "text"


def _numbers(values: Sequence[Cell]) -> pa.Array:
    return pa.array([None if value is None else float(value) for value in values], pa.float64())


def _moment(value: Cell) -> datetime | None:
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time())
    return value if isinstance(value, datetime) else None


def _sheet_notes(sheets: Sequence[str], options: Options, names: Sequence[str]) -> list[str]:
    notes = []
    if len(sheets) > 1:
        notes.append(f"The workbook has {len(sheets)} sheets; {options.sheet!r} was read.")
    if not options.header:
        notes.append(f"No header: columns were named column 1 to column {len(names)}.")
    return notes
