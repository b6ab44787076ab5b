"""A backup is whole, checked and alone, also while another process writes without a pause."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage.backup import back_up, database_path
from storage.database import Database, open_database
from storage.errors import BackupError, BackupExistsError, BackupKindError
from storage.schema import curve, fit, trial
from storage.studies import NewStudy, count_studies, create_study, list_studies

ROOT = Path(__file__).resolve().parents[2]
WRITER = """
import sys
import numpy as np
from storage.database import open_database
from storage.results import Batch, CurvePiece, FitRow, TrialRow, write_batch
from storage.leases import claim_study
from storage.studies import NewStudy, create_study

db = open_database(sys.argv[1])
values = np.zeros((50, 5), dtype=np.float32)
while True:
    new = NewStudy("pima", "{}", "pima", "grid", "accuracy", "maximize", 20, 60)
    claim = claim_study(db, "writer", create_study(db, new))
    for number in range(20):
        fits = [FitRow(number, 0, fold, "COMPLETE", 0.7) for fold in range(3)]
        pieces = [CurvePiece(number, 0, fold, 0, values) for fold in range(3)]
        done = {"n_trials_done": number + 1, "n_fits_done": 3 * (number + 1)}
        write_batch(db, claim, Batch([TrialRow(number, "COMPLETE", {})], fits, pieces, done))
"""


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    """Give the only kind of database that we copy."""
    opened = open_database(f"sqlite:///{tmp_path / 'tuneboard.sqlite3'}")
    yield opened
    opened.close()


@pytest.fixture
def writer(db: Database) -> Iterator[subprocess.Popen[bytes]]:
    """Give a process that writes studies, one after the other, until the test is over."""
    with subprocess.Popen([sys.executable, "-c", WRITER, db.url], cwd=ROOT) as process:
        yield process
        process.kill()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.slow
def test_a_backup_made_while_a_process_writes_holds_whole_studies(
    db: Database, writer: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    deadline = time.monotonic() + 60
    while count_studies(db) < 5:
        assert writer.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)

    for number in range(5):
        back_up(db.url, tmp_path / f"copy-{number}.sqlite3")
    n_studies = count_studies(db)
    while count_studies(db) <= n_studies:  # the backups did not hold the writer up for good
        assert writer.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)

    for number in range(5):
        path = tmp_path / f"copy-{number}.sqlite3"
        with sqlite3.connect(path) as plain:
            assert plain.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        plain.close()
        copy = open_database(f"sqlite:///{path}")
        studies = list_studies(copy, limit=10_000)
        assert len(studies) >= 5
        for table, n_done in (
            (trial, "n_trials_done"),
            (fit, "n_fits_done"),
            (curve, "n_fits_done"),
        ):
            query = sa.select(table.c.study_id, sa.func.count()).group_by(table.c.study_id)
            with copy.read() as connection:
                counts = {row[0]: row[1] for row in connection.execute(query)}
            assert counts == {s.id: getattr(s, n_done) for s in studies if s.n_trials_done}
        copy.close()


def test_a_backup_is_one_file_with_what_is_still_in_the_log_of_the_database(
    db: Database, new_study: NewStudy, tmp_path: Path
) -> None:
    study_id = create_study(db, new_study)
    assert (tmp_path / "tuneboard.sqlite3-wal").stat().st_size > 0
    target = tmp_path / "backups" / "monday.sqlite3"
    target.parent.mkdir()

    size = back_up(db.url, target)

    assert names(target.parent) == {"monday.sqlite3"}
    assert size == target.stat().st_size
    target.chmod(0o400)
    with sqlite3.connect(f"file:{target}?mode=ro&immutable=1", uri=True) as plain:
        assert plain.execute("SELECT id FROM study").fetchall() == [(study_id,)]
        assert plain.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    plain.close()


def test_a_backup_put_in_place_is_the_database_again(
    db: Database, new_study: NewStudy, tmp_path: Path
) -> None:
    kept = create_study(db, new_study)
    back_up(db.url, tmp_path / "copy")
    create_study(db, new_study)
    db.close()

    for ending in ("-wal", "-shm"):
        (tmp_path / f"tuneboard.sqlite3{ending}").unlink(missing_ok=True)
    (tmp_path / "copy").replace(tmp_path / "tuneboard.sqlite3")

    again = open_database(db.url)
    assert [row.id for row in list_studies(again)] == [kept]
    again.close()


def test_a_file_that_is_there_is_written_over_only_when_asked(
    db: Database, new_study: NewStudy, tmp_path: Path
) -> None:
    create_study(db, new_study)
    target = tmp_path / "copy.sqlite3"
    target.write_text("precious")

    with pytest.raises(BackupExistsError) as error:
        back_up(db.url, target)

    assert str(error.value) == (
        f"{str(target)!r} is there already. Choose another name, or write over it with --force."
    )
    assert target.read_text() == "precious"
    back_up(db.url, target, force=True)
    copy = open_database(f"sqlite:///{target}")
    assert count_studies(copy) == 1
    copy.close()


@pytest.mark.parametrize("force", [False, True])
def test_the_database_is_never_written_over_by_its_backup(
    db: Database, tmp_path: Path, force: bool
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "tuneboard.sqlite3")

    with pytest.raises(BackupError) as error:
        back_up(db.url, tmp_path / "link", force=force)

    assert str(error.value) == (
        f"No backup was written to {str(tmp_path / 'link')!r}: that is the database itself."
    )


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r": there is no database at '.*/nothing'\.$"):
        back_up(f"sqlite:///{tmp_path / 'nothing'}", tmp_path / "copy")

    assert names(tmp_path) == set()


def test_a_folder_that_is_not_there_is_told(db: Database, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r": its folder does not exist\.$"):
        back_up(db.url, tmp_path / "not" / "there")


def test_a_backup_onto_a_folder_is_refused_and_leaves_nothing_behind(
    db: Database, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    before = names(tmp_path)

    with pytest.raises(BackupError, match=r": Is a directory\.$"):
        back_up(db.url, tmp_path / "folder", force=True)

    assert names(tmp_path) == before


def test_a_damaged_database_leaves_the_last_backup_as_it_was(
    db: Database, new_study: NewStudy, tmp_path: Path
) -> None:
    for _ in range(50):
        create_study(db, new_study)
    with db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'study'"
        page = connection.exec_driver_sql(query).scalar_one()
    db.close()
    path, target = tmp_path / "tuneboard.sqlite3", tmp_path / "copy"
    back_up(db.url, target)
    good = target.read_bytes()
    content = bytearray(path.read_bytes())
    content[4096 * (page - 1) : 4096 * page] = b"\xff" * 4096
    path.write_bytes(content)
    before = names(tmp_path)

    with pytest.raises(BackupError, match=r"the database is damaged \("):
        back_up(db.url, target, force=True)

    assert target.read_bytes() == good
    assert names(tmp_path) == before


def test_a_server_is_copied_by_its_own_program() -> None:
    url = "postgresql+psycopg://me:secret@host/tuneboard"

    with pytest.raises(BackupKindError) as error:
        back_up(url, Path("monday.dump"))

    address = "postgresql://me:***@host/tuneboard"
    assert str(error.value) == (
        f"The database {address} is not a SQLite file. Let PostgreSQL's own program copy "
        + f"it: pg_dump --format=custom --file=monday.dump {address}"
    )


def test_the_file_of_a_database_is_named() -> None:
    assert database_path("sqlite:////data/x.sqlite3", Path("y")) == Path("/data/x.sqlite3")
