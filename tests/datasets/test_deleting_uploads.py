"""An upload goes with its file or stays with it, whatever happens at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from storage.database import Database, database
from storage.datasets import DatasetRow, delete_dataset, get_dataset, list_datasets
from storage.errors import DatasetInUseError, UnknownDatasetRowError
from storage.settings import settings
from storage.studies import NewStudy, count_studies, create_study, delete_study, list_studies
from tests.upload_files import save_upload
from tuning import launch as launching
from tuning.datasets.uploads import keeping
from tuning.datasets.uploads.keeping import delete_upload
from tuning.datasets.uploads.places import table_path, upload_path
from tuning.errors import UnknownDatasetError
from tuning.launch import launch
from tuning.spec import StudySpec

TABLE = "a,b,kind\n" + "".join(f"{i},{i * i},{'yes' if i % 3 else 'no'}\n" for i in range(60))
N_ROUNDS = 15


@pytest.fixture
def db(empty_url: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Give the database that datasets are looked up in, of each kind, with a data folder."""
    monkeypatch.setenv("TUNEBOARD_DATABASE_URL", empty_url)
    settings.cache_clear()
    opened = database()
    yield opened
    opened.close()


def save(db: Database, target: str = "kind") -> DatasetRow:
    return get_dataset(db, save_upload(db, TABLE.encode(), "own.csv", target).id)


def spec_of(dataset_id: str) -> StudySpec:
    space = {"epochs": {"kind": "list", "values": [2, 4]}}
    return StudySpec.parse({"name": "own", "data": {"dataset": dataset_id}, "space": space})


def use(db: Database, dataset_id: str) -> str:
    new = NewStudy("own", "{}", dataset_id, "grid", "accuracy", "maximize", 1, 1)
    return create_study(db, new)


def together(*calls: Callable[[], object]) -> list[BaseException | None]:
    """Make calls at the same moment, and return what went wrong in each."""
    gate = threading.Barrier(len(calls))
    errors: list[BaseException | None] = [None] * len(calls)

    def run(place: int) -> None:
        gate.wait()
        try:
            calls[place]()
        except (DatasetInUseError, UnknownDatasetRowError, UnknownDatasetError) as error:
            errors[place] = error

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_the_file_goes_with_the_last_upload_of_its_content(db: Database) -> None:
    one, other = save(db, "kind"), save(db, "b")
    assert one.id != other.id

    delete_upload(db, one.id)
    assert upload_path(other).read_bytes() == TABLE.encode()
    delete_upload(db, other.id)

    assert list(upload_path(other).parent.iterdir()) == []


def test_the_typed_table_goes_with_the_last_upload_that_is_read_the_same_way(
    db: Database,
) -> None:
    one, other = save(db, "kind"), save(db, "b")
    path = table_path(one)
    assert path == table_path(other)
    assert path.is_file()

    delete_upload(db, one.id)
    assert path.is_file()
    delete_upload(db, other.id)

    assert list(path.parent.iterdir()) == []


def test_an_upload_whose_file_was_lost_can_be_deleted(db: Database) -> None:
    row = save(db)
    upload_path(row).unlink()

    delete_upload(db, row.id)

    assert list_datasets(db) == []


def test_an_upload_that_a_study_uses_keeps_its_row_and_its_file(db: Database) -> None:
    row = save(db)
    study_id = use(db, row.id)

    with pytest.raises(DatasetInUseError, match="Dataset 'own' is used by 1 study, so it"):
        delete_upload(db, row.id)

    assert upload_path(row).is_file()
    delete_study(db, study_id)
    delete_upload(db, row.id)
    assert not upload_path(row).exists()


def test_an_upload_that_a_study_began_to_use_meanwhile_is_put_back(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = save(db)

    def delete_and_be_overtaken(db: Database, dataset_id: str) -> DatasetRow:
        deleted = delete_dataset(db, dataset_id)
        use(db, dataset_id)
        return deleted

    monkeypatch.setattr(keeping, "delete_dataset", delete_and_be_overtaken)

    with pytest.raises(DatasetInUseError):
        delete_upload(db, row.id)

    again = get_dataset(db, row.id)
    assert (again.name, again.profile, again.n_studies) == (row.name, row.profile, 1)
    assert (again.version, again.choices) == (row.version, row.choices)
    assert upload_path(again).is_file()


def test_a_study_whose_upload_is_deleted_while_it_is_launched_is_taken_back(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = save(db)

    def create_too_late(
        db: Database, new: NewStudy, token: str | None = None, *, owner: str = ""
    ) -> str:
        delete_upload(db, row.id)
        return create_study(db, new, token, owner=owner)

    monkeypatch.setattr(launching, "create_study", create_too_late)

    with pytest.raises(UnknownDatasetError, match=f"There is no dataset '{row.id}'"):
        launch(db, spec_of(row.id))

    assert count_studies(db) == 0


def test_launching_and_deleting_at_once_never_leave_a_study_without_its_data(
    db: Database,
) -> None:
    outcomes = set()
    for _ in range(N_ROUNDS):
        row = save(db)

        launched, deleted = together(
            partial(launch, db, spec_of(row.id)), partial(delete_upload, db, row.id)
        )

        rows, studies = list_datasets(db), list_studies(db)
        assert bool(rows) == upload_path(row).is_file()
        assert not studies or rows
        assert bool(studies) == (launched is None)
        assert bool(rows) == (deleted is not None)
        outcomes.add((launched is None, deleted is None))
        for study in studies:
            delete_study(db, study.id)
    assert (False, True) in outcomes or (True, False) in outcomes


def test_keeping_and_deleting_the_same_file_at_once_never_leave_a_row_without_it(
    db: Database,
) -> None:
    for _ in range(N_ROUNDS):
        row = save(db, "kind")

        together(partial(save, db, "b"), partial(delete_upload, db, row.id))

        [other] = list_datasets(db)
        folder = upload_path(other).parent
        assert [path.name for path in folder.iterdir()] == [other.sha256]
        delete_upload(db, other.id)
        assert list(folder.iterdir()) == []
