"""Good archives, workbooks, typed tables and images, each beside what it was made from."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Iterable
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet

from tests.datasets.files.make_files import (
    N_ROWS,
    Columns,
    GoodFile,
    days,
    feather,
    folder_files,
    frame,
    grid,
    large,
    mixed,
    no_header,
    npz,
    numbered,
    parquet,
    pixels,
    plans,
    rows_of,
    sizes,
    text,
    words,
    workbook,
    zipped,
)


def packed() -> Iterable[GoodFile]:
    table, content = mixed(), text(mixed()).encode()
    yield GoodFile("gzip", gzip.compress(content), table, {"packing": "gzip"}, name="t.csv.gz")
    half = len(content) // 2
    parts = gzip.compress(content[:half]) + gzip.compress(content[half:])
    yield GoodFile("gzip-parts", parts, table, {"packing": "gzip"})
    german = text(table, delimiter=";").encode("utf-16")
    yield GoodFile("gzip-utf16", gzip.compress(german), table, {"encoding": "utf-16"})
    yield GoodFile("zip", zipped({"team.csv": content}), table, {"packing": "zip"})
    plain = zipped({"data/team.tsv": text(table, delimiter="\t").encode()}, zipfile.ZIP_STORED)
    yield GoodFile("zip-stored", plain, table, {"packing": "zip", "separator": "\t"})
    mac = zipped({"team.csv": content, "__MACOSX/._team.csv": b"\0", ".DS_Store": b"\0"})
    yield GoodFile("zip-mac", mac, table, {"packing": "zip"})


def workbooks() -> Iterable[GoodFile]:
    table = mixed()
    yield GoodFile(
        "excel", workbook({"Team": grid(table)}), table, {"kind": "excel", "sheet": "Team"}
    )
    two = workbook({"Empty": [], "Cover": grid(table), "Other": [[1, 2]]})
    note = "The workbook has 3 sheets; 'Cover' was read."
    yield GoodFile("excel-sheets", two, table, {"sheet": "Cover"}, (note,))
    hidden = workbook({"Old": [[1, 2]] * 90, "New": grid(table)}, Old="hidden")
    note = "The workbook has 2 sheets; 'New' was read."
    yield GoodFile("excel-hidden-sheet", hidden, table, {"sheet": "New"}, (note,))
    numbers: Columns = {"a": sizes(), "b": large()}
    yield GoodFile(
        "excel-no-header",
        workbook({"S": rows_of(numbers)}),
        numbered(numbers),
        {"header": False},
        no_header(numbers),
    )
    moved = workbook({"S": [[], [], *([None, None, *row] for row in grid(table))]})
    yield GoodFile("excel-moved", moved, table)
    formulas: Columns = {"size": sizes(), "sum": [f"=A{i + 2}*2" for i in range(N_ROWS)]}
    note = "sum: 60 formulas were kept as text. Paste them as values to use their results."
    yield GoodFile("excel-formulas", workbook({"S": grid(formulas)}), formulas, {}, (note,))
    gaps: Columns = {"size": [None if i % 9 == 0 else i * 0.5 for i in range(N_ROWS)]}
    gaps["plan"] = plans()
    marked = [[("NA" if value is None else value) for value in row] for row in grid(gaps)]
    yield GoodFile("excel-missing-words", workbook({"S": marked}), gaps)
    both: Columns = {"code": [i if i % 2 else f"A{i}" for i in range(N_ROWS)], "y": sizes()}
    wanted: Columns = both | {"code": [str(value) for value in both["code"]]}
    yield GoodFile("excel-mixed-column", workbook({"S": grid(both)}), wanted)


def typed() -> Iterable[GoodFile]:
    table = mixed()
    arrow = frame(table)
    for method in ("snappy", "zstd", "gzip", "none"):
        content = parquet(arrow, compression=method)
        yield GoodFile(f"parquet-{method}", content, table, {"kind": "parquet"})
    for method in ("lz4", "zstd", "uncompressed"):
        content = feather(arrow, compression=method)
        yield GoodFile(f"feather-{method}", content, table, {"kind": "feather"})
    numbers: Columns = {
        "int8": [*range(N_ROWS)],
        "decimal": [Decimal(i) / 4 for i in range(N_ROWS)],
        "float32": [*map(np.float32, sizes())],
    }
    wanted: Columns = {name: [*map(float, column)] for name, column in numbers.items()}
    yield GoodFile("parquet-numbers", parquet(frame(numbers)), wanted)
    coded = pa.table({"plan": pa.array(plans()).dictionary_encode(), "size": sizes()})
    yield GoodFile("parquet-categories", parquet(coded), {"plan": plans(), "size": sizes()})
    ids = pa.table({"id": [2**60 + i for i in range(N_ROWS)], "size": sizes()})
    note = "id has whole numbers of more than 15 digits, so it was read as text."
    expected: Columns = {"id": [str(2**60 + i) for i in range(N_ROWS)], "size": sizes()}
    yield GoodFile("parquet-long-ids", parquet(ids), expected, {}, (note,))
    labelled = pd.DataFrame({"size": sizes(), "y": large()}, index=list(range(5, N_ROWS + 5)))
    labelled.index = labelled.index.astype("str")
    out = io.BytesIO()
    labelled.to_parquet(out)
    note = "The row labels that pandas saved along were left out."
    both: Columns = {"size": sizes(), "y": large()}
    yield GoodFile("parquet-pandas", out.getvalue(), both, {}, (note,))
    frame_of = pd.DataFrame({**table, "since": [day.isoformat() for day in days()]})
    content = frame_of.to_json(orient="records", lines=True).encode()
    yield GoodFile("json-lines", content, table, {"kind": "json lines"})
    packed_json = gzip.compress(content)
    yield GoodFile("json-lines-gzip", packed_json, table, {"packing": "gzip"})
    objects = [{"a": i} | ({"b": f"0{i}"} if i % 2 else {}) for i in range(N_ROWS)]
    keys = "\n".join(map(json.dumps, objects))
    sparse: Columns = {
        "a": [*map(float, range(60))],
        "b": [f"0{i}" if i % 2 else None for i in range(60)],
    }
    yield GoodFile("json-lines-sparse", keys.encode(), sparse)


def arrays() -> Iterable[GoodFile]:
    labels = np.arange(N_ROWS) % 10
    wanted: Columns = {"class": labels.astype(float).tolist()}
    gray = pixels(N_ROWS, 8, 8)
    yield GoodFile(
        "arrays-gray", npz(x=gray, y=labels), wanted, {"kind": "arrays"}, (), gray[..., None]
    )
    colour = (pixels(N_ROWS, 6, 5, 3) / 255).astype(np.float32)
    yield GoodFile("arrays-colour", npz(x=colour, y=labels[:, None]), wanted, images=colour)
    names = np.array(words("cat", "dog"))
    yield GoodFile(
        "arrays-names", npz(x=gray, y=names), {"class": names.tolist()}, images=gray[..., None]
    )
    table = np.random.default_rng(1).normal(size=(N_ROWS, 3))
    columns: Columns = {f"x{i + 1}": table[:, i].tolist() for i in range(3)}
    yield GoodFile("arrays-table", npz(x=table, y=labels), columns | {"y": wanted["class"]})


def folders() -> Iterable[GoodFile]:
    colour = pixels(N_ROWS, 7, 9, 3)
    uniform = np.repeat(pixels(N_ROWS, 1, 1), 64, axis=1).reshape(N_ROWS, 8, 8)
    cases = [
        ("folders-colour", colour, "PNG", ""),
        ("folders-gray", pixels(N_ROWS, 4, 4), "PNG", ""),
        ("folders-in-folder", colour, "PNG", "pets/"),
        ("folders-jpeg", uniform, "JPEG", ""),  # one grey all over survives JPEG exactly
    ]
    for name, images, kind, root in cases:
        files = folder_files(images, kind, root)
        paths = sorted(files)
        order = [int(path.rpartition("/")[2].partition(".")[0]) for path in paths]
        table: Columns = {"file": paths, "class": [path.split("/")[-2] for path in paths]}
        sorted_images = images[order]
        shaped = sorted_images if images.ndim == 4 else sorted_images[..., None]
        yield GoodFile(
            name, zipped(files), table, {"kind": "image folders"}, (), shaped, name="pets.zip"
        )
