"""An upload that was kept → what is known of it, its table, and its rows."""

from __future__ import annotations

import secrets
from math import prod
from pathlib import Path
from typing import TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from storage.datasets import DatasetRow
from tuning.datasets.files.exporting import write_csv
from tuning.datasets.files.options import Options
from tuning.datasets.files.reception import find
from tuning.datasets.info import Belonging, Column, Dataset, DatasetInfo
from tuning.datasets.uploads.choices import Choices
from tuning.datasets.uploads.encoding import encode_features, encode_target
from tuning.datasets.uploads.learning import Learned, groups_of, rows_kept
from tuning.datasets.uploads.old_rows import is_old, old_choices, old_learned, read_old
from tuning.datasets.uploads.places import table_path, upload_limits, upload_path
from tuning.datasets.uploads.table import TypedTable
from tuning.errors import UploadError

_COMPRESSION = "zstd"
_LOG_UNIT = "natural logarithm"


def upload_choices(row: DatasetRow) -> Choices:
    """Return what a person chose for an upload."""
    return old_choices(row) if is_old(row) else Choices.from_json(row.choices)


def upload_learned(row: DatasetRow) -> Learned:
    """Return what was learned of an upload when it was kept."""
    return old_learned(row) if is_old(row) else Learned.from_json(row.profile)


def upload_info(row: DatasetRow) -> DatasetInfo:
    """Return what is known of an upload, without reading its file."""
    choices, learned = upload_choices(row), upload_learned(row)
    shape = learned.image_shape
    are_plain = all(column == Column(column.name) for column in learned.inputs)
    return DatasetInfo(
        id=row.id,
        title=row.name if row.version == 1 else f"{row.name} (version {row.version})",
        task=choices.task,
        source="upload",
        n_rows=learned.n_rows,
        n_inputs=prod(shape) if shape else len(learned.columns),
        target=choices.target,
        about=f"Uploaded as {row.file_name}.",
        unit=_LOG_UNIT if choices.log_target else "",
        image_shape=shape,
        class_names=learned.class_names,
        class_counts=learned.class_counts,
        columns=learned.columns,
        table=() if are_plain else learned.inputs,
        belonging=_belonging(choices),
        n_groups=learned.n_groups,
        log_target=choices.log_target,
    )


def _belonging(choices: Choices) -> Belonging:
    if choices.of_role("time"):
        return "time"
    return "groups" if choices.of_role("group") else "none"


def load_upload(row: DatasetRow) -> Dataset:
    """Read the rows of an upload.

    Missing values stay NaN: they are filled inside the fold, with what its training rows say.

    Raises
    ------
    UploadError
        If the file is no longer in the data folder.
    RefusedFileError
        If its table has to be read again and cannot be.
    """
    table, choices, learned = load_table(row), upload_choices(row), upload_learned(row)
    rows = rows_kept(table, choices)
    features = encode_features(table, learned, rows)
    targets = encode_target(table, choices, learned, rows)
    groups = groups_of(table, choices, rows)
    return Dataset(upload_info(row), features, targets, features[:0], targets[:0], groups)


def load_table(row: DatasetRow) -> TypedTable:
    """Return the typed table of an upload, from its original where it has to be read again.

    Images are always read from the original, which holds them packed.

    Raises
    ------
    UploadError, RefusedFileError
        As `load_upload`.
    """
    path = existing_path(row)
    table = None if upload_learned(row).image_shape else _read_table(table_path(row), row)
    if table is None:
        table = _read_original(row, path)
        write_table(table, table_path(row))
    return table


def existing_path(row: DatasetRow) -> Path:
    """Return where the file of an upload is.

    Raises
    ------
    UploadError
        If it is no longer in the data folder.
    """
    path = upload_path(row)
    if not path.is_file():
        raise UploadError(
            row.file_name, f"is no longer at {path}. Delete it and upload it again."
        )
    return path


def _read_original(row: DatasetRow, path: Path) -> TypedTable:
    limits = upload_limits()
    if is_old(row):
        return TypedTable(read_old(row, path, limits))
    found = find(path, row.file_name, Options.from_json(row.options), limits)
    return TypedTable(found.table, found.images)


def write_table(table: TypedTable, path: Path) -> None:
    """Keep a typed table as a whole, with a checksum for each of its pages."""
    if table.images is not None or path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{secrets.token_hex(4)}.partial")
    pq.write_table(table.arrow, partial, compression=_COMPRESSION, write_page_checksum=True)
    partial.replace(path)


def _read_table(path: Path, row: DatasetRow) -> TypedTable | None:
    """Read a typed table; None where it is gone, damaged, or not what was kept."""
    try:
        arrow = pq.read_table(path, page_checksum_verification=True)
        arrow.validate(full=True)
    except (OSError, pa.ArrowException):
        path.unlink(missing_ok=True)
        return None
    choices = upload_choices(row)
    names = {choices.target, *(column.name for column in choices.columns)}
    if set(arrow.column_names) != names:
        path.unlink(missing_ok=True)
        return None
    return TypedTable(arrow)


def write_upload(row: DatasetRow, target: TextIO) -> None:
    """Write the table of an upload as CSV, its formulas made harmless.

    Raises
    ------
    UploadError, RefusedFileError
        As `load_upload`.
    """
    write_csv(load_table(row).arrow, target)
