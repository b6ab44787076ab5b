"""Content → what kind of file it is. Names are never asked: anybody can rename a file."""

from __future__ import annotations

import re

from tuning.datasets.files.errors import (
    DamagedFileError,
    EmptyFileError,
    EncryptedFileError,
    UnsupportedKindError,
)
from tuning.datasets.files.options import Kind

_AS_CSV = "Save the table as CSV and upload that."
_AS_ZIP = "Pack the file with zip or gzip instead."
_AS_FOLDERS = "Upload a zip with one folder of images a class."
_AS_TABLE = "Save the table as CSV or Parquet and upload that."
_BINARY_HEADS: dict[bytes, tuple[str, str]] = {
    b"\x89PNG\r\n\x1a\n": ("a single PNG image", _AS_FOLDERS),
    b"\xff\xd8\xff": ("a single JPEG image", _AS_FOLDERS),
    b"GIF8": ("a GIF image", _AS_FOLDERS),
    b"\x93NUMPY": ("a single NumPy array", "Save x and y with numpy.savez and upload that."),
    b"\x89HDF\r\n\x1a\n": ("an HDF5 file", _AS_TABLE),
    b"SQLite format 3\x00": ("a SQLite database", _AS_TABLE),
    b"PARE": ("an encrypted Parquet file", "Save it without encryption."),
    b"FEA1": ("a Feather file of version 1", "Save it again with a pandas of 2020 or later."),
    b"ORC": ("an ORC file", _AS_TABLE),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", _AS_ZIP),
    b"Rar!": ("a RAR archive", _AS_ZIP),
    b"BZh": ("a bzip2 archive", _AS_ZIP),
    b"\xfd7zXZ": ("an xz archive", _AS_ZIP),
    b"\x28\xb5\x2f\xfd": ("a Zstandard archive", _AS_ZIP),
    b"\x7fELF": ("a program", _AS_CSV),
    b"MZ\x90\x00": ("a program", _AS_CSV),
}
_TEXT_HEADS: dict[bytes, tuple[str, str]] = {
    b"%pdf-": ("a PDF document", _AS_CSV),
    b"{\\rtf": ("a text document (RTF)", _AS_CSV),
    b"@relation": ("an ARFF file", _AS_CSV),
    b"<?xml": ("an XML document", _AS_CSV),
    b"<!doctype": ("a web page", _AS_CSV),
    b"<html": ("a web page", _AS_CSV),
}
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_PICKLE = re.compile(rb"\x80[\x02-\x05].*\.\Z", re.DOTALL)
_JSON_ARRAY = re.compile(rb"\s*\[\s*[\[{\]]")
_JSON_OBJECT = re.compile(rb"\s*\{\s*[\"}]")
_TEXT_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\x1a\x1b"))
_LOOKED_AT = 4096
_MOST_CONTROLS = 0.02
_MOST_ZEROS_UTF16 = 0.2
_TAR_MARK = slice(257, 262)


def is_zip(data: bytes) -> bool:
    """Tell whether content is a zip archive, also of a workbook or of arrays."""
    return data.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"))


def is_gzip(data: bytes) -> bool:
    """Tell whether content is packed with gzip."""
    return data.startswith(b"\x1f\x8b")


def is_other_archive(data: bytes) -> bool:
    """Tell whether content is an archive that is never unpacked."""
    heads = (b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
    is_bzip2 = data.startswith(b"BZh") and data[4:10] == b"1AY&SY"
    return data.startswith(heads) or is_bzip2 or data[_TAR_MARK] == b"ustar"


def kind_of(data: bytes, file_name: str) -> Kind:
    """Return the kind of content that is no archive.

    Raises
    ------
    EmptyFileError, UnsupportedKindError, EncryptedFileError, DamagedFileError
        If it is none that holds a table.
    """
    if not data or data.isspace():
        raise EmptyFileError(file_name)
    is_text = _is_text(data)
    if data.startswith(b"PAR1") and not is_text:
        if not data.endswith(b"PAR1") or len(data) < len(b"PAR1") * 3:
            raise DamagedFileError(file_name, "a Parquet file")
        return "parquet"
    if data.startswith(b"ARROW1\x00\x00"):
        return "feather"
    _refuse_known(data, is_text, file_name)
    if _JSON_OBJECT.match(data.removeprefix(_TEXT_MARKS[0])[:_LOOKED_AT]):
        return "json lines"
    if not is_text:
        raise UnsupportedKindError(file_name, "not a table but binary data", _AS_CSV)
    return "text"


def _refuse_known(data: bytes, is_text: bool, file_name: str) -> None:
    if data.startswith(_OLD_OFFICE):
        if _ENCRYPTED_PACKAGE in data:
            raise EncryptedFileError(file_name)
        raise UnsupportedKindError(
            file_name, "an old Office file (.xls)", "Save it as .xlsx and upload that."
        )
    head = data.removeprefix(_TEXT_MARKS[0])[:_LOOKED_AT].lstrip()
    kinds = [found for known, found in _TEXT_HEADS.items() if head.lower().startswith(known)]
    kinds += [
        found
        for known, found in _BINARY_HEADS.items()
        if data.startswith(known) and (0 in known or not is_text)
    ]
    if kinds:
        raise UnsupportedKindError(file_name, *kinds[0])
    if data[_TAR_MARK] == b"ustar":
        raise UnsupportedKindError(file_name, "a tar archive", _AS_ZIP)
    if _PICKLE.match(data):
        raise UnsupportedKindError(
            file_name, "a Python pickle, which could run a program when read", _AS_CSV
        )
    if _JSON_ARRAY.match(head):
        raise UnsupportedKindError(
            file_name, "one JSON list", "Save it as JSON lines: one object a line."
        )


def _is_text(data: bytes) -> bool:
    """Tell text from binary data by its control characters; zeros are fine in UTF-16."""
    if data.startswith(_TEXT_MARKS):
        return True
    head = data[:_LOOKED_AT]
    zeros = head.count(0)
    if zeros > _MOST_ZEROS_UTF16 * len(head):
        return min(head[::2].count(0), head[1::2].count(0)) == 0
    controls = len(head) - len(head.translate(None, _CONTROLS))
    return zeros == 0 and controls <= _MOST_CONTROLS * len(head)
