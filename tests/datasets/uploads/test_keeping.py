"""Uploads kept for good: versions, the typed table beside the file, downloads, images."""

from __future__ import annotations

import io
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from storage.database import Database
from storage.datasets import DatasetRow, get_dataset
from tests.datasets.files.make_files import npz
from tests.upload_files import receive, save_upload
from tuning.datasets.catalogue import load_dataset
from tuning.datasets.files.errors import RefusedFileError
from tuning.datasets.uploads import loading
from tuning.datasets.uploads.guessing import guess_choices
from tuning.datasets.uploads.keeping import delete_upload
from tuning.datasets.uploads.keeping import save_upload as keep
from tuning.datasets.uploads.loading import (
    load_table,
    upload_choices,
    upload_info,
    write_upload,
)
from tuning.datasets.uploads.places import dropped_folder, table_path, upload_path
from tuning.datasets.uploads.receiving import receive as receive_for_real
from tuning.errors import UploadError

N_ROWS = 60
CSV = ("when,size,cost\n" + "".join(
    f"2024-01-{1 + i % 28:02d},{('s', 'm', '=1+1')[i % 3]},{i * 1.5}\n" for i in range(N_ROWS)
)).encode()  # fmt: skip


def row_of(db: Database, data: bytes = CSV, name: str | None = None) -> DatasetRow:
    return get_dataset(db, save_upload(db, data, "shop.csv", "cost", name).id)


def test_the_same_name_again_is_the_next_version(db: Database) -> None:
    first = row_of(db)
    second = row_of(db, CSV + b"2024-03-01,s,7\n")

    assert (first.version, second.version) == (1, 2)
    assert (upload_info(first).title, upload_info(second).title) == (
        "shop",
        "shop (version 2)",
    )


def test_the_same_file_with_other_choices_is_another_dataset(db: Database) -> None:
    file = receive(CSV, "shop.csv")
    choices = guess_choices(file.table)

    one, same = keep(db, file, choices), keep(db, file, choices, "Other name")
    other = keep(db, file, choices.with_column("size", role="out"))

    assert one == same
    assert (other.title, other.columns) == ("shop (version 2)", ("when: day", "when: weekday"))
    assert upload_choices(get_dataset(db, other.id)).column("size").role == "out"


def test_a_study_reads_the_typed_table_and_not_the_file(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = row_of(db)

    def never(*_: object) -> None:
        pytest.fail("the file was read again")

    monkeypatch.setattr(loading, "find", never)

    assert load_table(row).frame().equals(receive(CSV, "shop.csv").table.frame())
    assert load_dataset(row.id).targets.tolist() == [i * 1.5 for i in range(N_ROWS)]


@pytest.mark.parametrize("harm", ["gone", "cut short", "one byte changed"])
def test_a_typed_table_that_is_gone_or_damaged_is_made_again(harm: str, db: Database) -> None:
    row = row_of(db)
    before, path = load_dataset(row.id), table_path(row)
    content = path.read_bytes()
    if harm == "gone":
        path.unlink()
    elif harm == "cut short":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.write_bytes(content[:200] + bytes([content[200] ^ 1]) + content[201:])

    again = load_dataset(row.id)

    assert np.array_equal(again.features, before.features, equal_nan=True)
    assert path.read_bytes() == content


def test_an_upload_comes_back_byte_for_byte_and_as_harmless_csv(db: Database) -> None:
    row = row_of(db)
    text = io.StringIO()

    write_upload(row, text)

    assert upload_path(row).read_bytes() == CSV
    table = pd.read_csv(io.StringIO(text.getvalue()))
    assert table["size"].tolist() == [("s", "m", "'=1+1")[i % 3] for i in range(N_ROWS)]
    assert table["cost"].tolist() == [i * 1.5 for i in range(N_ROWS)]
    assert table["when"][0] == "2024-01-01"


def test_images_are_kept_with_their_classes(db: Database) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (N_ROWS, 4, 5), dtype=np.uint8)
    data = npz(x=images, y=np.array(["cat", "dog"])[np.arange(N_ROWS) % 2])
    file = receive(data, "pets.npz")

    info = keep(db, file, guess_choices(file.table))

    dataset = load_dataset(info.id)
    assert (info.image_shape, info.n_inputs, info.columns) == ((4, 5, 1), 20, ())
    assert (info.class_names, info.class_counts) == (("cat", "dog"), (30, 30))
    assert np.array_equal(dataset.features, images[..., None].astype(np.float32) / 255)
    assert dataset.targets.tolist() == [i % 2 for i in range(N_ROWS)]


def test_order_and_groups_are_known_to_those_who_make_folds(db: Database) -> None:
    file = receive(CSV, "shop.csv")
    choices = guess_choices(file.table)

    ordered = keep(db, file, choices.with_column("when", role="time"))
    grouped = keep(db, file, choices.with_column("size", role="group"))

    assert (ordered.belonging, grouped.belonging) == ("time", "groups")
    assert (ordered.n_groups, grouped.n_groups) == (0, 3)
    assert load_dataset(ordered.id).groups is None
    groups = load_dataset(grouped.id).groups
    assert groups is not None
    assert groups[:6].tolist() == [0, 1, 2, 0, 1, 2]


def test_a_logarithm_is_told_as_the_unit(db: Database) -> None:
    data = CSV.replace(b"01,s,0.0", b"01,s,1.0")
    file = receive(data, "shop.csv")

    info = keep(db, file, replace(guess_choices(file.table), log_target=True))

    assert info.log_target
    assert load_dataset(info.id).targets[1] == pytest.approx(np.log(1.5))


def test_a_refused_file_leaves_nothing_behind(home: Path) -> None:
    with pytest.raises(RefusedFileError, match="has a single column"):
        receive(b"one\n" * 60, "one.csv")

    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_a_file_that_was_not_kept_within_a_day_is_removed(home: Path, db: Database) -> None:
    file = receive(CSV, "shop.csv")
    yesterday = time.time() - 25 * 3600
    os.utime(file.stored.path, (yesterday, yesterday))

    other = receive(CSV + b"2024-03-01,s,7\n", "shop.csv")

    assert list(dropped_folder().iterdir()) == [other.stored.path]
    with pytest.raises(UploadError) as error:
        keep(db, file, guess_choices(file.table))
    assert str(error.value) == (
        "'shop.csv' is no longer here, since it was not kept in time. Drop it again."
    )


@pytest.mark.slow
def test_a_file_is_read_in_a_process_of_its_own_on_its_way_in(db: Database) -> None:
    file = receive_for_real(io.BytesIO(CSV), "folder/shop.csv")

    info = keep(db, file, guess_choices(file.table))
    table_path(get_dataset(db, info.id)).unlink()

    assert file.name == "shop.csv"
    assert load_dataset(info.id).features.shape == (N_ROWS, 3)
    delete_upload(db, info.id)
