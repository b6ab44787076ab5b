"""Parquet, Feather and JSON lines: files that say themselves what type a column has."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import pyarrow as pa
import pyarrow.ipc
import pyarrow.json
import pyarrow.parquet

from tuning.datasets.files.borders import damaged_where_broken
from tuning.datasets.files.columns import convert
from tuning.datasets.files.encodings import guess_encoding, to_utf8
from tuning.datasets.files.errors import ColumnKindError, FileSizeError, RepeatedColumnError
from tuning.datasets.files.found import Found, check_most, check_names, check_width
from tuning.datasets.files.limits import Limits
from tuning.datasets.files.options import Options

_BATCH_ROWS = 65_536
_LARGEST_BLOCK = 2**31 - 1
_INDEX = "__index_level_"
_MIXED = re.compile(r"Column\(/(.*)\) changed from (\w+) to (\w+)")
_TWICE = re.compile(r"Column\(/(.*)\) was specified twice")


def read_parquet(data: bytes, file_name: str, options: Options, limits: Limits) -> Found:
    """Read a Parquet file in parts, so that it never unpacks beyond the limits.

    Raises
    ------
    RefusedFileError
        If it is damaged, too large, or holds columns that are no values.
    """
    with damaged_where_broken(file_name, "a Parquet file", pa.ArrowException):
        file = pa.parquet.ParquetFile(pa.BufferReader(data))
        _check_schema(file.schema_arrow, file_name, limits)
        check_most(file.metadata.num_rows, file.metadata.num_columns, file_name, limits)
        batches = file.iter_batches(_BATCH_ROWS, use_threads=False)
        table = _collect(batches, file.schema_arrow, file_name, limits)
    return _finish(table, options, file_name, limits)


def read_feather(data: bytes, file_name: str, options: Options, limits: Limits) -> Found:
    """Read a Feather file, which is an Arrow file.

    Raises
    ------
    RefusedFileError
        If it is damaged, too large, or holds columns that are no values.
    """
    with damaged_where_broken(file_name, "a Feather file", pa.ArrowException):
        file = pa.ipc.open_file(
            pa.BufferReader(data), options=pa.ipc.IpcReadOptions(use_threads=False)
        )
        _check_schema(file.schema, file_name, limits)
        batches = (file.get_batch(i) for i in range(file.num_record_batches))
        table = _collect(batches, file.schema, file_name, limits)
    return _finish(table, options, file_name, limits)


def _check_schema(schema: pa.Schema, file_name: str, limits: Limits) -> None:
    check_width(len(schema.names), file_name, limits)
    check_names(schema.names, file_name, limits)


def _collect(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, file_name: str, limits: Limits
) -> pa.Table:
    kept, n_rows, n_bytes = [], 0, 0
    for batch in batches:
        batch.validate(full=True)
        n_rows += batch.num_rows
        n_bytes += batch.nbytes
        check_most(n_rows, batch.num_columns, file_name, limits)
        if n_bytes > limits.unpacked_bytes:
            raise FileSizeError(file_name, "unpacks to", 0, limits.unpacked_bytes)
        kept.append(batch)
    return pa.Table.from_batches(kept, schema=schema)


def _finish(table: pa.Table, options: Options, file_name: str, limits: Limits) -> Found:
    """Leave out the index that pandas may have written along, and convert the rest."""
    index = [name for name in table.column_names if name.startswith(_INDEX)]
    found = convert(table.drop_columns(index), options, file_name, limits, is_text=False)
    note = "The row labels that pandas saved along were left out."
    return replace(found, notes=((note,) if index else ()) + found.notes)


def read_json_lines(data: bytes, file_name: str, options: Options, limits: Limits) -> Found:
    """Read JSON lines: an object a line, a column a key.

    Raises
    ------
    RefusedFileError
        If it is damaged, too large, or holds lists or objects.
    """
    text = to_utf8(data, guess_encoding(data), file_name)
    block = min(len(text) + 1, _LARGEST_BLOCK)
    with damaged_where_broken(file_name, "a JSON lines file", pa.ArrowException):
        try:
            table = pa.json.read_json(
                pa.BufferReader(text), pa.json.ReadOptions(use_threads=False, block_size=block)
            )
        except pa.ArrowInvalid as error:
            _refuse_columns(str(error), file_name)
            raise
        _check_schema(table.schema, file_name, limits)
    return _finish(table, options, file_name, limits)


def _refuse_columns(message: str, file_name: str) -> None:
    if mixed := _MIXED.search(message):
        column, first, then = mixed.groups()
        if column:
            raise ColumnKindError(file_name, column, f"both {first} and {then} values")
    if twice := _TWICE.search(message):
        raise RepeatedColumnError(file_name, twice[1])
