"""Uploaded datasets: what a person said of a file; the file itself lies in the data folder."""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping, select

from storage.database import Database, insert_into
from storage.errors import DatasetInUseError, UnknownDatasetRowError
from storage.schema import dataset, study


@dataclass(frozen=True)
class NewDataset:
    """An upload as it is first written.

    Attributes
    ----------
    options, choices, profile : str
        How the file is read, what a person chose, and what was learned of the rows then, all
        JSON text; the first two are empty in rows of before versions.
    """

    id: str
    name: str
    sha256: str
    file_name: str
    target: str
    task: str
    profile: str
    options: str
    choices: str


@dataclass(frozen=True)
class DatasetRow(NewDataset):
    """An upload, its version among those of its name, and how many studies use it."""

    version: int
    created_at: float
    n_studies: int


def add_dataset(db: Database, new: NewDataset, version: int | None = None) -> None:
    """Write an upload; writing the same id again changes nothing.

    Parameters
    ----------
    version : int or None
        The version it had before it was deleted, if it is free; else the one after the last
        of its name.
    """
    with db.write() as connection:
        if connection.dialect.name != "sqlite":  # nobody else counts versions meanwhile
            connection.exec_driver_sql("LOCK TABLE dataset IN SHARE ROW EXCLUSIVE MODE")
        of_name = select(dataset.c.version).where(dataset.c.name == new.name)
        taken = set(connection.scalars(of_name))
        if version is None or version in taken:
            version = max(taken, default=0) + 1
        statement = insert_into(connection, dataset).on_conflict_do_nothing(
            index_elements=[dataset.c.id]
        )
        connection.execute(
            statement.values(created_at=time.time(), version=version, **new.__dict__)
        )


def get_dataset(db: Database, dataset_id: str) -> DatasetRow:
    """Read one upload.

    Raises
    ------
    UnknownDatasetRowError
        If there is none with this id.
    """
    with db.read() as connection:
        return _find(connection, dataset_id)


def list_datasets(db: Database) -> list[DatasetRow]:
    """Read all uploads, newest first."""
    with db.read() as connection:
        query = _query().order_by(dataset.c.created_at.desc())
        return [_row(row) for row in connection.execute(query).mappings()]


def studies_by_dataset(db: Database) -> dict[str, int]:
    """Count the studies of every dataset that has any, catalogue datasets included."""
    query = select(study.c.dataset, sa.func.count()).group_by(study.c.dataset)
    with db.read() as connection:
        return {str(name): int(count) for name, count in connection.execute(query)}


def delete_dataset(db: Database, dataset_id: str) -> DatasetRow:
    """Delete an upload that no study uses, and return what it was.

    Raises
    ------
    UnknownDatasetRowError
        If there is none with this id.
    DatasetInUseError
        If a study uses it.
    """
    with db.write() as connection:
        row = _find(connection, dataset_id)
        if row.n_studies:
            raise DatasetInUseError(row.name, row.n_studies)
        connection.execute(dataset.delete().where(dataset.c.id == dataset_id))
    return row


def _find(connection: Connection, dataset_id: str) -> DatasetRow:
    row = connection.execute(_query().where(dataset.c.id == dataset_id)).mappings().first()
    if row is None:
        raise UnknownDatasetRowError(dataset_id)
    return _row(row)


def _query() -> sa.Select[tuple[object, ...]]:
    n_studies = select(sa.func.count()).where(study.c.dataset == dataset.c.id).scalar_subquery()
    return select(*dataset.c, n_studies.label("n_studies"))


def _row(row: RowMapping) -> DatasetRow:
    return DatasetRow(**row)
