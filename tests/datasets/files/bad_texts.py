"""Bad tables and files of other kinds, each beside the sentence with which it is refused."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from tests.datasets.files.make_files import (
    N_ROWS,
    grid,
    image,
    mixed,
    numbered,
    pixels,
    text,
    workbook,
)
from tuning.datasets.files.limits import Limits
from tuning.datasets.files.options import Options

FOLDERS = "Upload a zip with one folder of images a class."
AS_CSV = "Save the table as CSV and upload that."
AS_TABLE = "Save the table as CSV or Parquet and upload that."
AS_ZIP = "Pack the file with zip or gzip instead."


@dataclass(frozen=True)
class BadFile:
    """A file, and what is said of it after its name."""

    id: str
    content: bytes
    reason: str
    wanted: Options | None = None
    limits: Limits = field(default_factory=Limits)


def body(n_rows: int = N_ROWS, row: str = "1,2") -> bytes:
    return ("a,b\n" + f"{row}\n" * n_rows).encode()


def tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def empty() -> Iterable[BadFile]:
    reason = "is empty. Choose a file with rows in it."
    yield BadFile("empty", b"", reason)
    yield BadFile("blank", b" \n\n\t\n", reason)
    yield BadFile("only-a-mark", b"\xef\xbb\xbf\n", reason)
    yield BadFile("gzip-of-nothing", gzip.compress(b""), reason)
    yield BadFile("only-comments", b"# a\n# b\n" * 60, reason, Options(comment="#"))


def other_kinds() -> Iterable[BadFile]:
    kinds: dict[str, tuple[bytes, str]] = {
        "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\x00", f"is a PDF document. {AS_CSV}"),
        "rtf": (b"{\\rtf1\\ansi hello}", f"is a text document (RTF). {AS_CSV}"),
        "png": (image(pixels(4, 4)), f"is a single PNG image. {FOLDERS}"),
        "jpeg": (image(pixels(4, 4), "JPEG"), f"is a single JPEG image. {FOLDERS}"),
        "gif": (image(pixels(4, 4), "GIF"), f"is a GIF image. {FOLDERS}"),
        "html": (b"<!DOCTYPE html><html></html>", f"is a web page. {AS_CSV}"),
        "xml": (b"<?xml version='1.0'?><a/>", f"is an XML document. {AS_CSV}"),
        "arff": (b"@RELATION iris\n@DATA\n1,2\n", f"is an ARFF file. {AS_CSV}"),
        "sqlite": (
            b"SQLite format 3\x00" + b"\x10\x00" * 50,
            f"is a SQLite database. {AS_TABLE}",
        ),
        "7z": (b"7z\xbc\xaf\x27\x1c\x00\x04" * 9, f"is a 7z archive. {AS_ZIP}"),
        "rar": (b"Rar!\x1a\x07\x01\x00" * 9, f"is a RAR archive. {AS_ZIP}"),
        "xz": (b"\xfd7zXZ\x00\x00\x04" * 9, f"is an xz archive. {AS_ZIP}"),
        "program": (b"\x7fELF\x02\x01\x01" + bytes(90), f"is a program. {AS_CSV}"),
        "binary": (bytes(range(256)) * 9, f"is not a table but binary data. {AS_CSV}"),
        "pickle": (
            pickle.dumps({"a": [1, 2]}),
            f"is a Python pickle, which could run a program when read. {AS_CSV}",
        ),
        "json-list": (
            b'[{"a": 1}, {"a": 2}]',
            "is one JSON list. Save it as JSON lines: one object a line.",
        ),
        "old-excel": (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
            "is an old Office file (.xls). Save it as .xlsx and upload that.",
        ),
        "excel-with-password": (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            "is protected by a password. Save it without one.",
        ),
        "tar": (tar({"a.csv": body()}), f"is a tar archive. {AS_ZIP}"),
    }
    for name, (content, reason) in kinds.items():
        yield BadFile(name, content, reason)
    array = io.BytesIO()
    np.save(array, np.zeros((3, 3)))
    reason = "is a single NumPy array. Save x and y with numpy.savez and upload that."
    yield BadFile("npy", array.getvalue(), reason)


def tables() -> Iterable[BadFile]:
    yield BadFile("few-rows", body(31), "has 31 rows; at least 50 are needed for folds.")
    yield BadFile("one-row", body(1), "has 1 row; at least 50 are needed for folds.")
    reason = "has a single column. Upload a table with inputs and a target."
    yield BadFile("one-column", b"one\n" * N_ROWS, reason)
    yield BadFile(
        "long-row",
        body() + b"1,2,3\n",
        "has 3 values in row 62, but its header has 2. Check the separator.",
    )
    yield BadFile(
        "short-row",
        text(numbered(mixed()), header=False).encode() + b"1\n",
        "has 1 value in row 61, but its first row has 4. Check the separator.",
    )
    yield BadFile(
        "same-names",
        b"a,b,a \n" + b"1,2,3\n" * N_ROWS,
        "has two columns named 'a'. Rename one of them.",
    )
    yield BadFile(
        "open-quote",
        body(row='"x, y",2') + b'1,"2\n' + b"3,4\n" * N_ROWS,
        'opens a quote (") that is never closed. Close it or remove it.',
    )
    yield BadFile(
        "long-name",
        b"x" * 201 + b",b\n" + b"1,2\n" * N_ROWS,
        "has a column name of 201 characters. Use at most 200, or check the quotes.",
    )
    long = b"a,b\n" + b"x" * 100_001 + b",1\n" + b"y,2\n" * N_ROWS
    yield BadFile(
        "long-value",
        long,
        "has a value in 'a' of 100,001 characters. Use at most 100,000, or check the quotes.",
    )


def too_large() -> Iterable[BadFile]:
    yield BadFile(
        "many-bytes",
        body(30_000, "1.25,2.5"),
        "is 0.3 MB; the most is 0.2 MB. Upload fewer rows.",
        limits=Limits(file_bytes=200_000),
    )
    wide = ",".join(f"x{i}" for i in range(1001)) + "\n"
    wide += (",".join(["1"] * 1001) + "\n") * 3
    yield BadFile("many-columns", wide.encode(), "has 1,001 columns. Use at most 1,000.")
    reason = "has 500 rows. Use at most 400."
    yield BadFile("many-rows", body(500), reason, limits=Limits(rows=400))
    reason = "has 1,000 cells. Use at most 999."
    yield BadFile("many-cells", body(500), reason, limits=Limits(cells=999))


def asked_for() -> Iterable[BadFile]:
    cases: list[tuple[str, Options, str]] = [
        (
            "separator",
            Options(separator="::"),
            "separator '::'. Choose one of: ',', ';', '\\t', '|', ' '.",
        ),
        ("quote", Options(quote="x"), "quote 'x'. Choose one of: '\"', \"'\"."),
        ("decimal", Options(decimal="5"), "decimal '5'. Choose one of: '.', ','."),
        ("comment", Options(comment="\n"), "comment '\\n'. Choose one of: '', '#', '%'."),
        (
            "marks-alike",
            Options(decimal=",", thousands=","),
            "thousands ','. Choose another mark.",
        ),
        ("skipped", Options(skipped=-1), "skipped lines -1. Choose 0 to 1,000."),
        (
            "missing",
            Options(missing=("x",) * 201),
            "missing words 201. Choose at most 200.",
        ),
        (
            "type",
            Options(types=(("a", "colour"),)),  # type: ignore[arg-type]
            "type 'colour'. Choose one of: 'number', 'text', 'yes or no', 'date'.",
        ),
    ]
    for name, wanted, reason in cases:
        yield BadFile(f"asked-{name}", body(), f"cannot be read with {reason}", wanted)
    reason = (
        "is not an Excel workbook but a text table. Let the kind be found from the content."
    )
    yield BadFile("asked-kind", body(), reason, Options(kind="excel"))
    reason = "is not UTF-8 text at byte 4. Choose another encoding."
    yield BadFile("asked-utf8", "a,b\né,1\n".encode("latin-1") * 60, reason, Options())
    reason = "has a single column. Upload a table with inputs and a target."
    yield BadFile("asked-semicolon", body(), reason, Options(separator=";"))
    reason = "cannot be read with the sheet 'Z'. Choose 'A'."
    book = workbook({"A": grid(mixed())})
    yield BadFile("asked-sheet", book, reason, Options(kind="excel", sheet="Z"))
