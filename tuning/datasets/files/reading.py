"""Bytes of a file → what was found, in this process and without its protection.

`tuning.datasets.files.reception` does the same in a process of its own; a file that somebody
has dropped belongs there.
"""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

from tuning.datasets.files.archives import open_zip, refuse_documents, ungzip, unzip_one
from tuning.datasets.files.errors import (
    EmptyFileError,
    FileSizeError,
    OtherKindError,
    ReaderMemoryError,
)
from tuning.datasets.files.found import Found
from tuning.datasets.files.images import are_arrays, are_images, read_arrays, read_folders
from tuning.datasets.files.kinds import is_gzip, is_zip, kind_of
from tuning.datasets.files.limits import Limits
from tuning.datasets.files.options import Kind, Options, Packing
from tuning.datasets.files.text import read_text
from tuning.datasets.files.typed import read_feather, read_json_lines, read_parquet
from tuning.datasets.files.workbooks import is_workbook, read_workbook

_TEXTS: tuple[Kind, ...] = ("text", "json lines")
_KIND_WORDS: dict[Kind, str] = {
    "text": "a text table",
    "excel": "an Excel workbook",
    "parquet": "a Parquet file",
    "feather": "a Feather file",
    "json lines": "JSON lines",
    "arrays": "a file of NumPy arrays",
    "image folders": "folders of images",
}


def read(content: Path, name: str, wanted: Options | None, limits: Limits) -> Found:
    """Read a file.

    Parameters
    ----------
    content : Path
        The file, wherever it is kept.
    name : str
        What the person calls it; only ever shown.
    wanted : Options or None
        How to read it; found out if None.

    Raises
    ------
    RefusedFileError
        If it holds no table that can be used.
    """
    if wanted:
        wanted.check(name)
    n_bytes = content.stat().st_size
    if n_bytes > limits.file_bytes:
        raise FileSizeError(name, "is", n_bytes, limits.file_bytes)
    if n_bytes == 0:
        raise EmptyFileError(name)
    try:
        return _read(_Held(content.read_bytes()), name, wanted, limits)
    except MemoryError as error:
        raise ReaderMemoryError(name, limits.memory_bytes) from error


class _Held:
    """Bytes that are given away: of a large file two copies in memory are one too many."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def take(self) -> bytes:
        """Return the bytes, and let go of them."""
        data, self.data = self.data, b""
        return data


def _read(held: _Held, name: str, wanted: Options | None, limits: Limits) -> Found:
    if is_zip(held.data):
        data = held.take()
        with open_zip(data, name, limits) as archive:
            return _read_zip(archive, data, name, wanted, limits)
    if is_gzip(held.data):
        plain = _Held(ungzip(held.take(), name, limits))
        return _read_plain(plain, "gzip", name, wanted, limits)
    return _read_plain(held, "", name, wanted, limits)


def _read_zip(
    archive: zipfile.ZipFile, data: bytes, name: str, wanted: Options | None, limits: Limits
) -> Found:
    if is_workbook(archive):
        _check_kind("excel", name, wanted)
        return read_workbook(data, name, wanted, limits)
    refuse_documents(archive, name)
    if are_arrays(archive):
        _check_kind("arrays", name, wanted)
        return read_arrays(archive, name, wanted or Options(kind="arrays"), limits)
    if are_images(archive):
        _check_kind("image folders", name, wanted)
        return read_folders(archive, name, wanted or Options(kind="image folders"), limits)
    return _read_plain(_Held(unzip_one(archive, name)), "zip", name, wanted, limits)


def _read_plain(
    held: _Held, packing: Packing, name: str, wanted: Options | None, limits: Limits
) -> Found:
    kind = kind_of(held.data, name)
    if wanted and wanted.kind in _TEXTS and kind in _TEXTS:
        kind = wanted.kind
    _check_kind(kind, name, wanted)
    if kind == "text":
        found = read_text(held.take(), name, wanted, limits)
        return replace(found, options=replace(found.options, packing=packing))
    options = replace(wanted or Options(kind=kind), packing=packing)
    if kind == "parquet":
        return read_parquet(held.data, name, options, limits)
    if kind == "feather":
        return read_feather(held.data, name, options, limits)
    return read_json_lines(held.data, name, options, limits)


def _check_kind(found: Kind, name: str, wanted: Options | None) -> None:
    if wanted and wanted.kind != found:
        raise OtherKindError(name, _KIND_WORDS[wanted.kind], _KIND_WORDS[found])
