"""What the files of the tests are made with: columns, and writers of every format."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
from numpy.typing import NDArray
from PIL import Image

Columns = dict[str, list[Any]]
N_ROWS = 60
MISSING = (None, "", "?", "NA", "NaN", "null")


@dataclass(frozen=True)
class GoodFile:
    """A file, the table it was made from, and what must have been recognised."""

    id: str
    content: bytes
    table: Columns
    options: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    images: NDArray[Any] | None = None
    name: str = "team.csv"


def sizes() -> list[float]:
    return [i * 0.25 - 3 for i in range(N_ROWS)]


def large() -> list[float]:
    return [1234567.5 + 1000 * i for i in range(N_ROWS)]


def plans() -> list[str | None]:
    return [("basic", "plus", "max")[i % 3] if i % 7 else None for i in range(N_ROWS)]


def truths() -> list[bool]:
    return [i % 3 == 0 for i in range(N_ROWS)]


def days() -> list[datetime]:
    return [datetime(2024, 1, 20) + timedelta(days=i) for i in range(N_ROWS)]


def mixed() -> Columns:
    """Make a column of each type."""
    return {"size": sizes(), "plan": plans(), "paid": truths(), "since": days()}


def words(*values: str) -> list[str]:
    return [values[i % len(values)] for i in range(N_ROWS)]


def cell(value: object) -> str:
    """Write a value the plain way."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d")
    return str(value)


def text(
    table: Columns, *, header: bool = True, line_end: str = "\n", write: Any = cell, **how: Any
) -> str:
    """Write a table with Python's own csv module."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=line_end, **how)
    if header:
        writer.writerow(table)
    writer.writerows([write(value) for value in row] for row in rows_of(table))
    return out.getvalue()


def rows_of(table: Columns) -> list[tuple[Any, ...]]:
    return list(zip(*table.values(), strict=True))


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return out.getvalue()


def numbered(table: Columns) -> Columns:
    return {f"column {i + 1}": values for i, values in enumerate(table.values())}


def no_header(table: Columns) -> tuple[str, ...]:
    return (f"No header: columns were named column 1 to column {len(table)}.",)


def grid(table: Columns) -> list[Sequence[object]]:
    return [list(table), *rows_of(table)]


def frame(table: Columns) -> pa.Table:
    return pa.table({name: pa.array(column) for name, column in table.items()})


def parquet(table: pa.Table, **how: Any) -> bytes:
    out = io.BytesIO()
    pa.parquet.write_table(table, out, **how)
    return out.getvalue()


def feather(table: pa.Table, **how: Any) -> bytes:
    out = io.BytesIO()
    pa.feather.write_feather(table, out, **how)
    return out.getvalue()


def npz(**named: Any) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **named)
    return out.getvalue()


def pixels(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def image(array: NDArray[np.uint8], kind: str = "PNG", **how: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, kind, **how)
    return out.getvalue()


def folder_files(
    images: NDArray[np.uint8], kind: str = "PNG", root: str = ""
) -> dict[str, bytes]:
    return {
        f"{root}{'cats' if i % 2 else 'dogs'}/{i:02d}.{kind.lower()}": image(
            array, kind, **({"quality": 100} if kind == "JPEG" else {})
        )
        for i, array in enumerate(images)
    }


def workbook(sheets: dict[str, Sequence[Sequence[object]]], **hidden: str) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
        sheet.sheet_state = hidden.get(title, "visible")
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
