"""What is inside gzip and zip, unpacked in memory and never further than the limits.

Nothing is ever written to a path that an archive names.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from tuning.datasets.files.errors import (
    ArchiveContentError,
    CountError,
    DamagedFileError,
    EncryptedFileError,
    FileSizeError,
    MemberPathError,
    NestedArchiveError,
    RatioError,
    UnsupportedKindError,
)
from tuning.datasets.files.kinds import is_gzip, is_other_archive, is_zip
from tuning.datasets.files.limits import Limits

_CHUNK = 1 << 20
_ENCRYPTED = 0x1
_DIRECTORY_MARKS = ("__MACOSX/", "Thumbs.db", "desktop.ini", ".DS_Store")
_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, struct.error),
    *(NotImplementedError, ValueError, RuntimeError),
)
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


def ungzip(data: bytes, file_name: str, limits: Limits) -> bytes:
    """Return what gzip has packed, one or several parts after each other.

    Raises
    ------
    FileSizeError, RatioError, DamagedFileError, NestedArchiveError
        If it unpacks to too much, is cut, or holds another archive.
    """
    parts: list[bytes] = []
    n_bytes, rest = 0, data
    try:
        while rest.startswith(b"\x1f\x8b"):
            unpacker = zlib.decompressobj(_GZIP_WINDOW)
            while not unpacker.eof:
                part = unpacker.decompress(rest, _CHUNK)
                rest = unpacker.unconsumed_tail
                if not part and not rest and not unpacker.eof:
                    raise DamagedFileError(file_name, "a gzip archive")
                n_bytes += len(part)
                _check_unpacked(n_bytes, len(data), file_name, limits)
                parts.append(part)
            rest = unpacker.unused_data
    except zlib.error as error:
        raise DamagedFileError(file_name, "a gzip archive") from error
    content = b"".join(parts)
    if is_gzip(content) or is_zip(content) or is_other_archive(content):
        raise NestedArchiveError(file_name, file_name.removesuffix(".gz"))
    return content


def _check_unpacked(n_bytes: int, n_packed: int, file_name: str, limits: Limits) -> None:
    if n_bytes > limits.unpacked_bytes:
        raise FileSizeError(file_name, "unpacks to", 0, limits.unpacked_bytes)
    if n_bytes > max(limits.ratio_from_bytes, limits.ratio * n_packed):
        raise RatioError(file_name, limits.ratio)


@contextmanager
def open_zip(data: bytes, file_name: str, limits: Limits) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive whose list of members has been checked.

    Raises
    ------
    DamagedFileError, EncryptedFileError, CountError, FileSizeError, RatioError, MemberPathError
        If it, or one of its members, is not as it should be.
    """
    try:
        opened = zipfile.ZipFile(io.BytesIO(data))
    except _BROKEN as error:
        raise DamagedFileError(file_name, "a zip archive") from error
    with opened as archive:
        members = archive.infolist()
        if len(members) > limits.members:
            raise CountError(file_name, len(members), limits.members, "files in it")
        for member in members:
            _check_member(member, file_name)
        # zipfile hands out no more of a member than its entry says.
        _check_unpacked(
            sum(member.file_size for member in members), len(data), file_name, limits
        )
        yield archive


def _check_member(member: zipfile.ZipInfo, file_name: str) -> None:
    path = member.orig_filename
    parts = path.replace("\\", "/").split("/")
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    if path.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or is_link:
        raise MemberPathError(file_name, path)
    if "\x00" in path:
        raise MemberPathError(file_name, path)
    if member.flag_bits & _ENCRYPTED:
        raise EncryptedFileError(file_name)


def read_member(archive: zipfile.ZipFile, path: str, file_name: str) -> bytes:
    """Return the content of one member.

    Raises
    ------
    DamagedFileError
        If it cannot be unpacked.
    """
    try:
        return archive.read(path)
    except (*_BROKEN, KeyError) as error:
        raise DamagedFileError(file_name, "a zip archive") from error


def own_files(archive: zipfile.ZipFile) -> list[str]:
    """Return the paths of the files that a person has put in, without those of a system."""
    return [
        member.filename
        for member in archive.infolist()
        if not member.is_dir()
        and not any(mark in member.filename for mark in _DIRECTORY_MARKS)
        and not member.filename.rpartition("/")[2].startswith(".")
    ]


def unzip_one(archive: zipfile.ZipFile, file_name: str) -> bytes:
    """Return the only file of an archive.

    Raises
    ------
    ArchiveContentError, NestedArchiveError
        If there is none or another, or if it is an archive itself.
    """
    paths = own_files(archive)
    if len(paths) != 1:
        raise ArchiveContentError(file_name, paths)
    content = read_member(archive, paths[0], file_name)
    if is_gzip(content) or is_zip(content) or is_other_archive(content):
        raise NestedArchiveError(file_name, paths[0])
    return content


def refuse_documents(archive: zipfile.ZipFile, file_name: str) -> None:
    """Refuse documents that happen to be zip archives: text, slides, OpenDocument.

    Raises
    ------
    UnsupportedKindError
        If it is one of them.
    """
    names = set(archive.namelist())
    found = {
        "word/document.xml": "a Word document",
        "ppt/presentation.xml": "a PowerPoint document",
        "xl/workbook.bin": "a binary workbook (.xlsb)",
        "content.xml": "an OpenDocument file",
        "META-INF/MANIFEST.MF": "a Java program",
    }
    for path, kind in found.items():
        if path in names:
            raise UnsupportedKindError(
                file_name, kind, "Save the table as .xlsx or CSV and upload that."
            )
