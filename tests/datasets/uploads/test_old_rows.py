"""Uploads of before any kind of file was read: the same rows, names and classes as then."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from storage.database import Database
from storage.datasets import NewDataset, add_dataset, get_dataset
from tuning.datasets.catalogue import dataset_info, is_available, load_dataset
from tuning.datasets.uploads.keeping import delete_upload
from tuning.datasets.uploads.places import table_path
from tuning.errors import UploadError

N_ROWS = 60
PLANS = ("yes", "no", "maybe")
pytestmark = pytest.mark.slow  # each reads its file in a process of its own, twice


def add_old(
    db: Database, home: Path, text: str, columns: list[dict[str, object]], **profile: object
) -> str:
    """Write a row and its file as they were written then."""
    folder = home / "datasets" / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ("a" * 64)).with_suffix(".csv").write_text(text)
    plain = {"missing": 0, "distinct": 3, "levels": [], "used": True}
    document = {
        "n_rows": N_ROWS,
        "target": "left",
        "task": "binary",
        "class_names": [],
        "class_counts": [],
        "columns": [plain | column for column in columns],
        "notes": [],
    } | profile
    text = json.dumps(document)
    row = NewDataset("upload-old", "old", "a" * 64, "old.csv", str(document["target"]),
                     str(document["task"]), text, "", "")  # fmt: skip
    add_dataset(db, row)
    return row.id


def test_numbers_choices_and_truths_are_what_they_were(db: Database, home: Path) -> None:
    lines = [
        f"{i if i % 10 else ''},{PLANS[i % 3]},00{i % 7},{i % 2 == 0},c{i},{i % 4 == 0}"
        for i in range(N_ROWS)
    ]
    dataset_id = add_old(
        db,
        home,
        "\n".join(["tenure,plan,code,paid,who,left", *lines]),
        [
            {"name": "tenure", "kind": "number", "missing": 6},
            {"name": "plan", "kind": "choice", "levels": ["maybe", "yes"]},
            {"name": "code", "kind": "number"},
            {"name": "paid", "kind": "number"},
            {"name": "who", "kind": "choice", "used": False},
        ],
        class_names=["False", "True"],
        class_counts=[45, 15],
    )

    info, dataset = dataset_info(dataset_id), load_dataset(dataset_id)

    assert is_available(dataset_id)
    assert (info.title, info.n_rows, info.n_inputs) == ("old", N_ROWS, 5)
    assert info.columns == ("tenure", "plan: maybe", "plan: yes", "code", "paid")
    assert (info.class_names, info.class_counts) == (("False", "True"), (45, 15))
    tenure, plan, code, paid = dataset.features.T
    assert np.isnan(tenure[::10]).all()
    assert tenure[1:4].tolist() == [1, 2, 3]
    assert plan[[0, 2]].tolist() == [1, 0]
    assert np.isnan(plan[1])  # "no" was not told apart: it was a row of zeros
    assert code[:3].tolist() == [0, 1, 2]
    assert paid[:3].tolist() == [1, 0, 1]
    assert dataset.targets.tolist() == [float(i % 4 == 0) for i in range(N_ROWS)]


def test_a_file_without_a_header_keeps_its_old_names(db: Database, home: Path) -> None:
    text = "\n".join(f"{i},{'ab'[i % 2]},{i % 3 + 1}" for i in range(N_ROWS))
    dataset_id = add_old(
        db,
        home,
        text,
        [
            {"name": "c1", "kind": "number"},
            {"name": "c2", "kind": "choice", "levels": ["a", "b"]},
        ],
        target="c3",
        task="multiclass",
        class_names=["1", "2", "3"],
        class_counts=[20, 20, 20],
    )

    dataset = load_dataset(dataset_id)

    assert dataset.info.columns == ("c1", "c2: a", "c2: b")
    assert dataset.features[:3].tolist() == [[0, 0], [1, 1], [2, 0]]
    assert dataset.targets[:4].tolist() == [0, 1, 2, 0]


def test_a_first_row_that_was_taken_for_a_header_still_is_one(db: Database, home: Path) -> None:
    lines = [f"{i},{i % 3},{'True' if i % 2 else 'False'}" for i in range(N_ROWS)]
    dataset_id = add_old(
        db,
        home,
        "\n".join(["7,8,False", *lines]),
        [{"name": "7", "kind": "number"}, {"name": "8", "kind": "number"}],
        target="False",
        class_names=["False", "True"],
        class_counts=[30, 30],
    )

    dataset = load_dataset(dataset_id)

    assert dataset.info.columns == ("7", "8")
    assert dataset.features[:2].tolist() == [[0, 0], [1, 1]]
    assert dataset.targets[:2].tolist() == [0, 1]


def test_a_column_that_is_no_longer_found_is_named(db: Database, home: Path) -> None:
    text = "a,left\n" + "".join(f"{i},{i * 1.5}\n" for i in range(N_ROWS))
    columns: list[dict[str, object]] = [{"name": "b", "kind": "number"}]
    dataset_id = add_old(db, home, text, columns, task="regression")

    with pytest.raises(UploadError) as error:
        load_dataset(dataset_id)

    assert str(error.value) == (
        "'old.csv' is read in another way today and has no column 'b'. Upload it again."
    )


def test_an_old_upload_is_deleted_with_its_file(db: Database, home: Path) -> None:
    text = "a,left\n" + "".join(f"{i},{i * 1.5}\n" for i in range(N_ROWS))
    columns: list[dict[str, object]] = [{"name": "a", "kind": "number"}]
    dataset_id = add_old(db, home, text, columns, task="regression")
    path = table_path(get_dataset(db, dataset_id))
    assert load_dataset(dataset_id).targets[:3].tolist() == [0, 1.5, 3]
    assert path.is_file()

    delete_upload(db, dataset_id)

    assert not path.exists()
    assert list((home / "datasets" / "uploads").iterdir()) == []
