"""Where dropped files are kept: under the hash of their content, never under their name."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from tuning.datasets.files.errors import FileSizeError, RefusedFileError
from tuning.datasets.files.limits import Limits

_CHUNK = 1 << 20
_LONGEST_NAME = 200


@dataclass(frozen=True)
class StoredFile:
    """A dropped file that is kept.

    Attributes
    ----------
    path : Path
        Where; its name is the hash alone.
    sha256 : str
        Hash of the content.
    name : str
        What the person calls it, to be shown and never to be opened.
    is_new : bool
        Whether its content was not here before.
    """

    path: Path
    sha256: str
    name: str
    n_bytes: int
    is_new: bool


def shown_name(name: str) -> str:
    """Return what a file may be called on a screen: no folders, nothing invisible, not long."""
    last = PurePosixPath(name.replace("\\", "/")).name
    visible = "".join(letter for letter in last if letter.isprintable()).strip()
    return visible[:_LONGEST_NAME] if visible.strip(".") else "file"


def store(
    source: BinaryIO, name: str, folder: Path, limits: Limits | None = None
) -> StoredFile:
    """Keep what somebody has dropped.

    Parameters
    ----------
    source : BinaryIO
        The content; read in parts, no further than the limits.
    folder : Path
        Where files are kept; made if it is not there.

    Raises
    ------
    FileSizeError
        If it is too large; nothing is kept then.
    """
    limits = limits or Limits()
    name = shown_name(name)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as partial:
        path = Path(partial.name)
        try:
            sha256 = _copy(source, partial.file, name, limits)
        except BaseException:
            path.unlink()
            raise
    n_bytes = path.stat().st_size
    kept = folder / sha256
    is_new = not kept.exists()
    path.replace(kept)
    return StoredFile(kept, sha256, name, n_bytes, is_new)


def _copy(source: BinaryIO, target: IO[bytes], name: str, limits: Limits) -> str:
    """Copy a file and return the hash of its content."""
    digest, n_bytes = hashlib.sha256(), 0
    while part := source.read(_CHUNK):
        n_bytes += len(part)
        if n_bytes > limits.file_bytes:
            raise FileSizeError(name, "is", 0, limits.file_bytes)
        digest.update(part)
        target.write(part)
    return digest.hexdigest()


@contextmanager
def kept_unless_refused(
    source: BinaryIO, name: str, folder: Path, limits: Limits | None = None
) -> Iterator[StoredFile]:
    """Keep a dropped file while it is read, and for good unless it is refused.

    A file whose content was here before stays, whatever comes of this reading.

    Raises
    ------
    FileSizeError
        If it is too large; nothing is kept then.
    """
    stored = store(source, name, folder, limits)
    try:
        yield stored
    except RefusedFileError:
        if stored.is_new:
            stored.path.unlink(missing_ok=True)
        raise
