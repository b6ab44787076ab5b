"""Hostile archives, workbooks, typed tables and images, each beside its sentence."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from tests.datasets.files.bad_texts import BadFile, body, tar
from tests.datasets.files.make_files import (
    N_ROWS,
    feather,
    folder_files,
    frame,
    grid,
    image,
    mixed,
    npz,
    parquet,
    pixels,
    sizes,
    text,
    workbook,
    zipped,
)
from tuning.datasets.files.limits import Limits

SMALL = Limits(file_bytes=200_000, unpacked_bytes=1_500_000, ratio=50, ratio_from_bytes=100_000)
ARRAYS = "Save x, a row or an image each, and y, one value each."


def archives() -> Iterable[BadFile]:
    content = text(mixed()).encode()
    bomb = gzip.compress(bytes(2_000_000))
    reason = "unpacks to more than 50 times its size, as a trap would. "
    reason += "Unpack it yourself and upload what is inside."
    yield BadFile("gzip-bomb", bomb, reason, limits=SMALL)
    yield BadFile("zip-bomb", zipped({"a.csv": bytes(900_000)}), reason, limits=SMALL)
    noise = np.random.default_rng(0).integers(0, 4, 1_200_000, np.uint8).tobytes()
    reason = "unpacks to more than 1 MB; the most is 1 MB. Upload fewer rows."
    wide = Limits(unpacked_bytes=1_000_000)
    yield BadFile("gzip-too-large", gzip.compress(noise), reason, limits=wide)
    yield BadFile("zip-too-large", zipped({"a.csv": noise}), reason, limits=wide)
    yield BadFile("zip-overlapping", overlapping(), reason, limits=wide)
    damaged = "is a gzip archive that is damaged. Save it again."
    yield BadFile("gzip-cut", gzip.compress(content)[:-30], damaged)
    broken = bytearray(gzip.compress(content))
    broken[-6] ^= 255
    yield BadFile("gzip-changed", bytes(broken), damaged)
    damaged = "is a zip archive that is damaged. Save it again."
    yield BadFile("zip-cut", zipped({"a.csv": content})[:-30], damaged)
    changed = bytearray(zipped({"a.csv": content}, zipfile.ZIP_STORED))
    changed[100] ^= 255
    yield BadFile("zip-changed", bytes(changed), damaged)
    for name, inner in {
        "zip-in-zip": zipped({"a.csv": content}),
        "gzip-in-zip": gzip.compress(content),
        "tar-in-zip": tar({"a.csv": content}),
        "excel-in-zip": workbook({"A": grid(mixed())}),
    }.items():
        reason = "holds another archive, 'inner'. Unpack it and upload what is inside."
        yield BadFile(name, zipped({"inner": inner}), reason)
    reason = "holds another archive, 'bad.file'. Unpack it and upload what is inside."
    yield BadFile("gzip-in-gzip", gzip.compress(gzip.compress(content)), reason)
    yield BadFile("tar-in-gzip", gzip.compress(tar({"a.csv": content})), reason)
    pack = "Pack one table, or one folder of images a class."
    two = zipped({"a.csv": content, "b.csv": content})
    yield BadFile("zip-of-two", two, f"holds 2 files ('a.csv', 'b.csv'). {pack}")
    yield BadFile("zip-of-none", zipped({}), f"holds no file. {pack}")
    reason = "has 4 files in it. Use at most 3."
    four = zipped({f"{i}.csv": b"" for i in range(4)})
    yield BadFile("zip-of-many", four, reason, limits=Limits(members=3))
    locked = bytearray(zipped({"a.csv": content}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(mark) + offset] |= 1
    yield BadFile(
        "zip-with-password",
        bytes(locked),
        "is protected by a password. Save it without one.",
    )
    word = zipped({"[Content_Types].xml": b"", "word/document.xml": b"<w/>"})
    reason = "is a Word document. Save the table as .xlsx or CSV and upload that."
    yield BadFile("word", word, reason)
    reason = "is an OpenDocument file. Save the table as .xlsx or CSV and upload that."
    yield BadFile("open-document", zipped({"content.xml": b"<o/>", "mimetype": b"o"}), reason)


def overlapping() -> bytes:
    """Make a zip whose many entries all point at the same packed content."""
    content = np.random.default_rng(0).integers(0, 4, 100_000, np.uint8).tobytes()
    packed = zipped({"a": content})
    start = packed.index(b"PK\x01\x02")
    end = packed.index(b"PK\x05\x06")
    entry, n_entries = packed[start:end], 20
    directory = b"".join(entry[:-1] + bytes([97 + i]) for i in range(n_entries))
    tail = struct.pack(
        "<4s4H2LH", b"PK\x05\x06", 0, 0, n_entries, n_entries, len(directory), start, 0
    )
    return packed[:start] + directory + tail


def paths() -> Iterable[BadFile]:
    for name, path in {
        "path-up": "../../etc/cron.d/x.csv",
        "path-absolute": "/etc/passwd",
        "path-drive": "C:/x.csv",
        "path-backslash": "..\\x.csv",
    }.items():
        reason = f"holds {path!r}, which leads out of the archive. Pack the files again."
        yield BadFile(name, zipped({path: body()}), reason)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("link.csv")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    reason = "holds 'link.csv', which leads out of the archive. Pack the files again."
    yield BadFile("path-link", out.getvalue(), reason)


def edited(book: bytes, path: str, old: bytes, new: bytes) -> bytes:
    """Replace bytes in one part of a workbook, or add a part."""
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[path] = parts[path].replace(old, new) if path in parts else new
    return zipped(parts)


def broken_stream(book: bytes, path: str) -> bytes:
    """Begin the packed content of a part with a block whose lengths contradict each other."""
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        member = archive.getinfo(path)
    start = member.header_offset + 30 + len(path)
    return book[:start] + b"\x01\x00\x00\x00\x00" + book[start + 5 :]


def workbooks() -> Iterable[BadFile]:
    book = workbook({"A": grid(mixed())})
    reason = "is a workbook with macros. Save it as .xlsx, which has none."
    yield BadFile("macros", edited(book, "xl/vbaProject.bin", b"", b"\xd0\xcf"), reason)
    named = edited(book, "[Content_Types].xml", b"sheet.main", b"sheet.macroEnabled.main")
    yield BadFile("macros-by-type", named, reason)
    yield BadFile("macro-sheet", edited(book, "xl/macrosheets/a.xml", b"", b"<m/>"), reason)
    reason = "is a binary workbook (.xlsb). Save the table as .xlsx or CSV and upload that."
    yield BadFile("binary-workbook", zipped({"xl/workbook.bin": b"\0"}), reason)
    reason = "has no values in the sheet 'A'. Choose another sheet."
    yield BadFile("empty-sheet", workbook({"A": []}), reason)
    damaged = "is an Excel workbook that is damaged. Save it again."
    cut = edited(book, "xl/worksheets/sheet1.xml", b"</row>", b"")
    yield BadFile("sheet-cut", cut, damaged)
    yield BadFile("part-broken", broken_stream(book, "docProps/core.xml"), damaged)
    yield BadFile("types-broken", broken_stream(book, "[Content_Types].xml"), damaged)
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    sheet = "xl/worksheets/sheet1.xml"
    yield BadFile(
        "entities", edited(book, sheet, b"<worksheet", laughs + b"<worksheet"), damaged
    )
    gone = edited(book, "xl/workbook.xml", b"rId", b"nothing")
    yield BadFile("sheet-gone", gone, damaged)
    far = edited(book, sheet, b'r="D61"', b'r="ZZZ61"')
    reason = "has 1,114,958 cells. Use at most 1,000,000."
    yield BadFile("far-cell", far, reason, limits=Limits(cells=1_000_000))
    reason = "has 61 rows. Use at most 60."
    yield BadFile("excel-many-rows", book, reason, limits=Limits(rows=60))


def typed() -> Iterable[BadFile]:
    table = frame(mixed())
    damaged = "is a Parquet file that is damaged. Save it again."
    content = parquet(table)
    yield BadFile("parquet-cut", content[:-100], damaged)
    yield BadFile("parquet-empty-inside", b"PAR1" + bytes(900) + b"PAR1", damaged)
    yield BadFile(
        "parquet-encrypted",
        b"PARE" + bytes(90) + b"PARE",
        "is an encrypted Parquet file. Save it without encryption.",
    )
    damaged = "is a Feather file that is damaged. Save it again."
    yield BadFile("feather-cut", feather(table)[:900], damaged)
    yield BadFile(
        "feather-old",
        b"FEA1" + bytes(90),
        "is a Feather file of version 1. Save it again with a pandas of 2020 or later.",
    )
    advice = "Use numbers, text, true or false, or dates."
    lists = pa.table({"a": [[1]] * N_ROWS, "b": sizes()})
    reason = f"holds lists or objects in the column 'a'. {advice}"
    yield BadFile("parquet-lists", parquet(lists), reason)
    raw = pa.table({"a": [b"x"] * N_ROWS, "b": sizes()})
    yield BadFile("feather-bytes", feather(raw), f"holds bytes in the column 'a'. {advice}")
    repeated = pa.table({"a": [1.0] * 2_000_000, "b": [1.0] * 2_000_000})
    reason = "unpacks to more than 1.5 MB; the most is 1.5 MB. Upload fewer rows."
    yield BadFile("parquet-bomb", parquet(repeated), reason, limits=SMALL)
    yield BadFile("feather-bomb", feather(repeated, compression="zstd"), reason, limits=SMALL)
    nested = b'{"a": {"b": 1}, "c": 2}\n' * N_ROWS
    reason = f"holds lists or objects in the column 'a'. {advice}"
    yield BadFile("json-nested", nested, reason)
    reason = f"holds both number and string values in the column 'a'. {advice}"
    yield BadFile("json-both", b'{"a": 1, "b": 2}\n{"a": "x", "b": 2}\n' * 50, reason)
    reason = "has two columns named 'a'. Rename one of them."
    yield BadFile("json-twice", b'{"a": 1, "a": 2}\n' * N_ROWS, reason)
    damaged = "is a JSON lines file that is damaged. Save it again."
    yield BadFile("json-cut", b'{"a": 1, "b": 2}\n' * N_ROWS + b'{"a": ', damaged)


def arrays() -> Iterable[BadFile]:
    images, labels = pixels(N_ROWS, 4, 4), np.arange(N_ROWS) % 3
    objects = np.array([{"a": 1}] * N_ROWS, dtype=object)
    reason = "holds Python objects in 'y', which could run a program when read. "
    reason += "Save it as an array of numbers or of text."
    yield BadFile("npz-pickle", npz(x=images, y=objects), reason)
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "npz-names": (
            {"x_train": images, "y_train": labels},
            "holds the arrays 'x_train', 'y_train'",
        ),
        "npz-length": ({"x": images, "y": labels[1:]}, "has 60 rows in x and 59 in y"),
        "npz-one-hot": ({"x": images, "y": np.eye(N_ROWS)}, "has y in the shape 60 × 60"),
        "npz-flat": ({"x": labels, "y": labels}, "has x in the shape 60 of int64"),
        "npz-five": (
            {"x": pixels(60, 2, 2, 2, 2), "y": labels},
            "has x in the shape 60 × 2 × 2 × 2 × 2 of uint8",
        ),
        "npz-channels": (
            {"x": pixels(60, 4, 4, 7), "y": labels},
            "has x in the shape 60 × 4 × 4 × 7",
        ),
        "npz-complex": ({"x": images * 1j, "y": labels}, "holds complex128 in x"),
    }
    for name, (named, problem) in cases.items():
        yield BadFile(name, npz(**named), f"{problem}. {ARRAYS}")
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        out, {"descr": "|u1", "fortran_order": False, "shape": (10**6, 10**6)}
    )
    huge = zipped({"x.npy": out.getvalue(), "y.npy": out.getvalue()})
    yield BadFile(
        "npz-huge", huge, "has 1,000,000,000,000 values in x. Use at most 250,000,000."
    )
    damaged = "is a file of NumPy arrays that is damaged. Save it again."
    yield BadFile("npz-broken", zipped({"x.npy": b"\x93NUMPY", "y.npy": b""}), damaged)


def png_of(width: int, height: int) -> bytes:
    """Make a PNG that only says it is large."""
    header = struct.pack(">2L5B", width, height, 8, 0, 0, 0, 0)
    parts = [b"\x89PNG\r\n\x1a\n"]
    for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0")), (b"IEND", b"")):
        crc = zlib.crc32(kind + data)
        parts.append(struct.pack(">L", len(data)) + kind + data + struct.pack(">L", crc))
    return b"".join(parts)


def folders() -> Iterable[BadFile]:
    files = folder_files(pixels(N_ROWS, 4, 4))
    other = {"cats/other.png": image(pixels(5, 6))}
    yield BadFile(
        "folders-sizes",
        zipped(files | other),
        "holds images of 2 sizes; 60 of 61 are 4 × 4. Bring all to one size.",
    )
    yield BadFile(
        "folders-no-class",
        zipped(files | {"lost.png": image(pixels(4, 4))}),
        "holds 'lost.png', which is not in a folder of its class. "
        + "Pack one folder of images a class.",
    )
    reason = "holds 'cats/a.gif', which is neither a PNG nor a JPEG image. "
    reason += "Leave it out or save it as PNG."
    gif = {"cats/a.gif": image(pixels(4, 4), "GIF")}
    yield BadFile("folders-gif", zipped(files | gif), reason)
    yield BadFile(
        "folders-text",
        zipped(files | {"cats/a.png": b"a,b\n"}),
        reason.replace("a.gif", "a.png"),
    )
    cut = {"cats/a.png": image(pixels(4, 4))[:-30]}
    yield BadFile(
        "folders-cut",
        zipped(files | cut),
        "is an archive with an image ('cats/a.png') that is damaged. Save it again.",
    )
    yield BadFile(
        "folders-pixels",
        zipped(files | {"cats/a.png": png_of(5_000, 5_000)}),
        "has 25,000,000 pixels in 'cats/a.png'. Use at most 16,000,000.",
    )
    yield BadFile(
        "folders-bomb",
        zipped(files | {"cats/a.png": png_of(60_000, 60_000)}),
        "holds 'cats/a.png', which has too many pixels. Make it smaller.",
    )
    yield BadFile(
        "folders-deep",
        zipped(files | {"cats/a.png": image(pixels(4, 4).astype(np.uint16))}),
        "holds 'cats/a.png' with pixels of the kind I;16. Save it with 8 bits a channel.",
    )
    yield BadFile(
        "folders-few",
        zipped(dict(list(files.items())[:9])),
        "has 9 rows; at least 50 are needed for folds.",
    )
    yield BadFile(
        "folders-many-pixels",
        zipped(files),
        "has 960 pixels in all images. Use at most 900.",
        limits=Limits(pixels=900),
    )
    yield BadFile(
        "folders-many-classes",
        zipped({f"{i}/a.png": image(pixels(2, 2)) for i in range(60)}),
        "has 60 folders. Use at most 50.",
        limits=Limits(classes=50),
    )
