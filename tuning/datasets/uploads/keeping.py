"""Uploads as datasets: kept under the hash of their content, named, versioned, deleted."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from pathlib import Path

from storage.database import Database
from storage.datasets import (
    DatasetRow,
    NewDataset,
    add_dataset,
    delete_dataset,
    get_dataset,
    list_datasets,
    studies_by_dataset,
)
from storage.errors import DatasetInUseError
from storage.settings import settings
from tuning.datasets.info import DatasetInfo
from tuning.datasets.uploads.checks import check_choices
from tuning.datasets.uploads.choices import Choices
from tuning.datasets.uploads.loading import upload_info, write_table
from tuning.datasets.uploads.places import kept_path, originals, table_path, upload_path
from tuning.datasets.uploads.receiving import Received
from tuning.disk import check_room
from tuning.errors import UploadError

LONGEST_NAME = 120
_NEW_FIELDS = tuple(NewDataset.__dataclass_fields__)


def save_upload(
    db: Database, received: Received, choices: Choices, name: str | None = None
) -> DatasetInfo:
    """Keep a file that was read and what it is for; the same again is the same dataset.

    A name that is there already gets its next version.

    Parameters
    ----------
    name : str, optional
        What the dataset is called; the name of the file if left out.

    Raises
    ------
    UploadError
        If the choices cannot be used with the table.
    DiskSpaceError
        If it would leave too little of the disk free.
    """
    learned = check_choices(received.table, choices, received.name)
    sha256, options = received.stored.sha256, received.options.to_json()
    key = hashlib.sha256(json.dumps([sha256, options, choices.to_json()]).encode()).hexdigest()
    new = NewDataset(
        id=f"upload-{key[:12]}",
        name=(name or Path(received.name).stem)[:LONGEST_NAME] or "Upload",
        sha256=sha256,
        file_name=received.name,
        target=choices.target,
        task=choices.task,
        profile=learned.to_json(),
        options=options,
        choices=choices.to_json(),
    )
    if not kept_path(sha256).is_file():
        check_room(settings().home, received.stored.n_bytes, "this table")
        _keep(received)
    write_table(received.table, table_path(new))
    add_dataset(db, new)
    if not kept_path(sha256).is_file():  # somebody deleted the last other upload just now
        _keep(received)
    return upload_info(get_dataset(db, new.id))


def _keep(received: Received) -> None:
    """Copy a file from where it was put aside to where it is kept, as a whole."""
    source, target = received.stored.path, originals() / received.stored.sha256
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(f".{secrets.token_hex(4)}.partial")
    try:
        shutil.copyfile(source, partial)
    except FileNotFoundError as error:
        partial.unlink(missing_ok=True)
        raise UploadError(
            received.name, "is no longer here, since it was not kept in time. Drop it again."
        ) from error
    partial.replace(target)


def delete_upload(db: Database, dataset_id: str) -> None:
    """Delete an upload that no study uses, and of its files what no other upload shares.

    Raises
    ------
    DatasetInUseError
        If a study uses it.
    UnknownDatasetRowError
        If there is none with this id.
    """
    row = delete_dataset(db, dataset_id)
    n_studies = studies_by_dataset(db).get(dataset_id, 0)
    if n_studies:  # launched while it was deleted; `launch` looks for the dataset once more
        new = NewDataset(**{name: getattr(row, name) for name in _NEW_FIELDS})
        add_dataset(db, new, row.version)
        raise DatasetInUseError(row.name, n_studies)
    if not any(table_path(other) == table_path(row) for other in list_datasets(db)):
        table_path(row).unlink(missing_ok=True)  # it is made anew should somebody miss it
    for _ in range(2):  # once under the name of today, once under that of before
        _delete_file(db, row)


def _delete_file(db: Database, row: DatasetRow) -> None:
    """Delete the file of a deleted upload, unless another upload has the same content.

    It is put aside first: somebody may be keeping the same file again at this moment, and
    either finds it gone after adding its row, or its row is found here.
    """
    if _is_shared(db, row.sha256):
        return
    path = upload_path(row)
    aside = path.with_suffix(f".{secrets.token_hex(4)}.deleted")
    try:
        path.replace(aside)
    except FileNotFoundError:
        return
    if _is_shared(db, row.sha256):
        aside.replace(path)
    else:
        aside.unlink()


def _is_shared(db: Database, sha256: str) -> bool:
    return any(row.sha256 == sha256 for row in list_datasets(db))


def uploaded(db: Database) -> list[DatasetInfo]:
    """Return what is known of every upload, newest first."""
    return [upload_info(row) for row in list_datasets(db)]
