"""Uploads for tests that are about something else: read in this process, which is quick."""

from __future__ import annotations

import io

import pandas as pd
import pyarrow as pa

from storage.database import Database
from tuning.datasets.files.options import Options
from tuning.datasets.files.reading import read
from tuning.datasets.info import DatasetInfo, Task
from tuning.datasets.uploads.guessing import guess_choices
from tuning.datasets.uploads.keeping import save_upload as keep
from tuning.datasets.uploads.places import upload_limits
from tuning.datasets.uploads.receiving import Received, dropped_file, received
from tuning.datasets.uploads.table import TypedTable


def receive(data: bytes, file_name: str, options: Options | None = None) -> Received:
    """Put a file aside and read it without a process of its own."""
    with dropped_file(io.BytesIO(data), file_name) as stored:
        return received(stored, read(stored.path, stored.name, options, upload_limits()))


def save_upload(
    db: Database,
    data: bytes,
    file_name: str,
    target: str | None = None,
    name: str | None = None,
    task: Task | None = None,
) -> DatasetInfo:
    """Keep a file with the choices that are guessed."""
    file = receive(data, file_name)
    return keep(db, file, guess_choices(file.table, target, task), name)


def table_of(columns: dict[str, list[object]] | pd.DataFrame) -> TypedTable:
    """Make a table as a reader would: whole numbers become floats, dates have microseconds."""
    found = pa.Table.from_pandas(pd.DataFrame(columns), preserve_index=False)
    return TypedTable(found.cast(pa.schema([_typed(field) for field in found.schema])))


def _typed(field: pa.Field) -> pa.Field:
    kind = field.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind):
        kind = pa.float64()
    elif pa.types.is_large_string(kind) or pa.types.is_string(kind):
        kind = pa.string()
    elif pa.types.is_timestamp(kind):
        kind = pa.timestamp("us")
    return field.with_type(kind)
