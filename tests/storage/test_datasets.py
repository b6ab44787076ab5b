"""Uploads: written once, counted by study, deleted only when unused."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from storage.database import Database
from storage.datasets import (
    NewDataset,
    add_dataset,
    delete_dataset,
    get_dataset,
    list_datasets,
    studies_by_dataset,
)
from storage.errors import DatasetInUseError, UnknownDatasetRowError
from storage.schema import dataset
from storage.studies import NewStudy, create_study, delete_study

WINE = NewDataset("wine-1", "wine", "a" * 64, "wine.csv", "quality", "regression", "{}")


def test_an_upload_comes_back_as_it_was_written(db: Database) -> None:
    add_dataset(db, WINE)

    row = get_dataset(db, "wine-1")

    assert {name: getattr(row, name) for name in WINE.__dict__} == WINE.__dict__
    assert row.n_studies == 0


def test_writing_the_same_id_again_changes_nothing(db: Database) -> None:
    add_dataset(db, WINE)
    before = get_dataset(db, "wine-1")

    add_dataset(db, replace(WINE, name="other"))

    assert list_datasets(db) == [before]


def test_uploads_are_listed_newest_first(db: Database) -> None:
    for age, name in enumerate(("wine-1", "wine-2", "wine-3")):
        add_dataset(db, replace(WINE, id=name))
        with db.write() as connection:
            changed = dataset.update().where(dataset.c.id == name).values(created_at=age)
            connection.execute(changed)

    assert [row.id for row in list_datasets(db)] == ["wine-3", "wine-2", "wine-1"]


def test_an_upload_that_is_not_there_is_named(db: Database) -> None:
    with pytest.raises(UnknownDatasetRowError) as error:
        get_dataset(db, "wine-9")

    assert (
        str(error.value) == "There is no uploaded dataset 'wine-9'. It may have been deleted."
    )
    with pytest.raises(UnknownDatasetRowError):
        delete_dataset(db, "wine-9")


def test_an_upload_that_studies_use_stays(db: Database, new_study: NewStudy) -> None:
    add_dataset(db, WINE)
    ids = [create_study(db, replace(new_study, dataset="wine-1")) for _ in range(2)]
    create_study(db, new_study)

    with pytest.raises(DatasetInUseError) as error:
        delete_dataset(db, "wine-1")
    assert str(error.value) == (
        "Dataset 'wine' is used by 2 studies, so it stays. Delete those first."
    )
    assert studies_by_dataset(db) == {"wine-1": 2, "pima": 1}
    delete_study(db, ids[0])
    with pytest.raises(DatasetInUseError, match="used by 1 study, so"):
        delete_dataset(db, "wine-1")


def test_deleting_an_unused_upload_returns_what_it_was(db: Database) -> None:
    add_dataset(db, WINE)

    row = delete_dataset(db, "wine-1")

    assert (row.id, row.sha256) == ("wine-1", WINE.sha256)
    with db.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(dataset)) == 0
