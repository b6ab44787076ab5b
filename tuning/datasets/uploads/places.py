"""Where the files of uploads lie in the data folder; none is named by a person."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from storage.datasets import NewDataset
from storage.settings import settings
from tuning.datasets.files.limits import MEGABYTE, Limits

_READING_BYTES_PER_BYTE = 12  # of a text table: the file, its cells, and its columns


def originals() -> Path:
    """Return the folder of the files as people dropped them."""
    return settings().home / "datasets" / "uploads"


def dropped_folder() -> Path:
    """Return the folder of files that are looked at and not kept yet."""
    return settings().home / "datasets" / "dropped"


def kept_path(sha256: str) -> Path:
    """Return where a file of this content is kept, or would be.

    Files of before any kind was read end in ``.csv``.
    """
    path = originals() / sha256
    old = path.with_suffix(".csv")
    return old if not path.is_file() and old.is_file() else path


def upload_path(row: NewDataset) -> Path:
    """Return where the file of an upload is kept."""
    return kept_path(row.sha256)


def table_path(row: NewDataset) -> Path:
    """Return where the typed table of an upload lies: one for each way to read a file."""
    wanted = [row.sha256, row.options or row.id]
    key = hashlib.sha256(json.dumps(wanted).encode()).hexdigest()
    return settings().home / "datasets" / "tables" / f"{key[:32]}.parquet"


def upload_limits() -> Limits:
    """Return what a dropped file may cost, with the largest size that is set."""
    usual = Limits()
    n_bytes = settings().upload_limit_mb * MEGABYTE
    return Limits(
        file_bytes=n_bytes,
        unpacked_bytes=max(usual.unpacked_bytes, n_bytes),
        seconds=max(usual.seconds, usual.seconds * n_bytes / usual.file_bytes),
        memory_bytes=max(usual.memory_bytes, _READING_BYTES_PER_BYTE * n_bytes),
    )
