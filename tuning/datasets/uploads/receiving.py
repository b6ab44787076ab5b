"""A file on its way in: put aside, read, and looked at before it is a dataset."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from storage.settings import settings
from tuning.datasets.files.errors import RefusedFileError
from tuning.datasets.files.found import Found
from tuning.datasets.files.options import Options
from tuning.datasets.files.reception import find
from tuning.datasets.files.storing import StoredFile, kept_unless_refused
from tuning.datasets.uploads.places import dropped_folder, upload_limits
from tuning.datasets.uploads.table import TypedTable
from tuning.disk import check_room

_KEPT_S = 24 * 3600.0


@dataclass(frozen=True)
class Received:
    """A file that was read and can be kept.

    Attributes
    ----------
    stored : StoredFile
        Where it lies until then, and what it is called.
    options : Options
        How it was read; change some and call `read_dropped` again.
    table : TypedTable
        What it holds.
    notes : tuple of str
        What a person should know of how it was read.
    sheets : tuple of str
        Sheets of a workbook to choose from; empty otherwise.
    """

    stored: StoredFile
    options: Options
    table: TypedTable
    notes: tuple[str, ...] = ()
    sheets: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What a person calls the file."""
        return self.stored.name


def receive(source: BinaryIO, name: str, options: Options | None = None) -> Received:
    """Put a file aside and read it; a refused file leaves nothing behind.

    What lies aside and was not kept within a day is removed by the next file that comes.

    Parameters
    ----------
    source : BinaryIO
        Its content, read in parts.
    name : str
        What the person calls it.
    options : Options, optional
        How to read it; found out if left out.

    Raises
    ------
    RefusedFileError
        If it holds no table that can be used.
    DiskSpaceError
        If too little of the disk is free.
    """
    with dropped_file(source, name) as stored:
        return read_dropped(stored, options)


@contextmanager
def dropped_file(source: BinaryIO, name: str) -> Iterator[StoredFile]:
    """Put a file aside while it is read, and until it is kept unless it is refused.

    Raises
    ------
    FileSizeError
        If it is too large; nothing is kept then.
    DiskSpaceError
        If too little of the disk is free.
    """
    _forget_old()
    source.seek(0, 2)
    check_room(settings().home, source.tell(), "this table")
    source.seek(0)
    with kept_unless_refused(source, name, dropped_folder(), upload_limits()) as stored:
        yield stored


def read_dropped(stored: StoredFile, options: Options | None = None) -> Received:
    """Read a file that was put aside, in a process of its own; raises as `receive`."""
    found = find(stored.path, stored.name, options, upload_limits())
    return received(stored, found)


@dataclass(frozen=True)
class Changes:
    """What a person says of how a file is read; everything else is found out.

    Attributes
    ----------
    options : tuple of (str, object)
        Fields of `Options` and their values.
    types : tuple of (str, str)
        Types of some columns by their names.
    """

    options: tuple[tuple[str, object], ...] = ()
    types: tuple[tuple[str, str], ...] = ()


def read_changed(stored: StoredFile, changes: Changes) -> Received:
    """Read a file that was put aside, with some options changed; raises as `receive`."""
    if not changes.options and not changes.types:
        return read_dropped(stored)
    try:
        found = read_dropped(stored).options
    except RefusedFileError:  # the options may be what is missing to read it
        found = Options()
    wanted = found.changed(**dict(changes.options)) if changes.options else found
    types = dict(wanted.types) | dict(changes.types)
    return read_dropped(stored, replace(wanted, types=tuple(types.items())))  # type: ignore[arg-type]


def received(stored: StoredFile, found: Found) -> Received:
    """Return what was found in a file as what can be kept."""
    table = TypedTable(found.table, found.images)
    return Received(stored, found.options, table, found.notes, found.sheets)


def _forget_old() -> None:
    """Remove what was put aside more than a day ago and never kept."""
    folder = dropped_folder()
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if _age_s(path) > _KEPT_S:
            path.unlink(missing_ok=True)


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:  # somebody else removes it at this moment
        return 0.0
