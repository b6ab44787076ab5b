"""Uploads: written once, counted by study, deleted only when unused."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import sqlalchemy as sa
from alembic import command

from storage.database import Database, migrations, open_database
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

WINE = NewDataset("wine-1", "wine", "a" * 64, "wine.csv", "quality", "regression", "{}", "", "")
N_AT_ONCE = 6


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


def test_a_name_that_is_there_already_gets_its_next_version(db: Database) -> None:
    for dataset_id, name in (("a", "wine"), ("b", "wine"), ("c", "tea"), ("d", "wine")):
        add_dataset(db, replace(WINE, id=dataset_id, name=name))

    assert {row.id: row.version for row in list_datasets(db)} == {
        "a": 1,
        "b": 2,
        "c": 1,
        "d": 3,
    }


def test_the_same_id_under_another_name_is_no_new_version(db: Database) -> None:
    add_dataset(db, WINE)
    add_dataset(db, replace(WINE, name="tea"))
    add_dataset(db, replace(WINE, id="tea-1", name="tea"))

    assert get_dataset(db, "tea-1").version == 1


def test_an_upload_is_put_back_as_the_version_it_was_unless_that_is_taken(db: Database) -> None:
    for dataset_id in ("a", "b"):
        add_dataset(db, replace(WINE, id=dataset_id))
    first = delete_dataset(db, "a")
    add_dataset(db, replace(WINE, id="a"), first.version)
    last = delete_dataset(db, "b")
    add_dataset(db, replace(WINE, id="c"))
    add_dataset(db, replace(WINE, id="b"), last.version)

    assert {row.id: row.version for row in list_datasets(db)} == {"a": 1, "c": 2, "b": 3}


def test_versions_of_one_name_are_counted_one_after_another(db: Database) -> None:
    gate = threading.Barrier(N_AT_ONCE)

    def add(place: int) -> None:
        gate.wait()
        add_dataset(db, replace(WINE, id=f"wine-{place}"))

    with ThreadPoolExecutor(N_AT_ONCE) as pool:
        list(pool.map(add, range(N_AT_ONCE)))

    assert sorted(row.version for row in list_datasets(db)) == [1, 2, 3, 4, 5, 6]


def test_names_given_twice_before_versions_are_versions_after_the_migration(
    empty_url: str,
) -> None:
    db = open_database(empty_url)
    config = migrations()
    with db.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0005")
        for place, name in enumerate(("wine", "tea", "wine", "wine")):
            connection.execute(
                sa.text("INSERT INTO dataset VALUES (:id, :name, '', '', '', '', '{}', :at)"),
                {"id": f"d{place}", "name": name, "at": 9.0 if place == 0 else float(place)},
            )
    db.close()

    db = open_database(empty_url)
    rows = {row.id: (row.version, row.options, row.choices) for row in list_datasets(db)}
    db.close()

    assert rows == {"d0": (3, "", ""), "d1": (1, "", ""), "d2": (1, "", ""), "d3": (2, "", "")}


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
