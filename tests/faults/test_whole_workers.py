"""Database and disk fail under whole workers, with the leases and waits they have.

`tests/faults/test_outages.py` asks the same of a driver with shorter ones.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.database import Database, database, open_database
from storage.studies import get_study
from storage.wishes import resume
from tests.browser.server import wait_until
from tests.faults.checks import (
    OUTAGE_S,
    Scores,
    assert_whole,
    make_spec,
    owners,
    scores,
    times_taken,
    two_workers,
    wait_for_two_workers,
)
from tests.postgres import Server
from tests.test_worker import worker
from tuning.launch import launch
from tuning.spec import StudySpec

pytestmark = [pytest.mark.slow, pytest.mark.soak, pytest.mark.timeout(1800)]

_SPEC = make_spec(n_epochs=800)
_LONG = make_spec(n_epochs=4000)
_DISK_MB = 64
_ADMIN = () if os.geteuid() == 0 else ("sudo", "-n")


def are_final(db: Database, study_ids: Sequence[str]) -> bool:
    return all(get_study(db, study_id).is_final for study_id in study_ids)


def undisturbed(db: Database, spec: StudySpec) -> Scores:
    study_id = launch(db, spec)
    wait_until(lambda: are_final(db, [study_id]))
    return scores(db, study_id)


@contextmanager
def training(db: Database) -> Iterator[None]:
    """Launch three studies for two workers; go on once both have finished a trial."""
    wait_for_two_workers(db)
    expected = undisturbed(db, _SPEC)
    study_ids = [launch(db, _SPEC) for _ in range(3)]
    wait_until(lambda: len(owners(db, study_ids, n_trials_done=1)) == 2)
    yield
    wait_until(lambda: are_final(db, study_ids))
    for study_id in study_ids:
        assert_whole(db, study_id, expected)
        assert times_taken(db, study_id) == 1


def test_two_workers_wait_for_a_locked_database_and_each_keeps_its_studies(home: Path) -> None:
    db = database()
    with worker(home), worker(home), training(db):
        lock = sqlite3.connect(home / "tuneboard.sqlite3", isolation_level=None)
        wait_until(lambda: began_exclusive(lock))
        time.sleep(OUTAGE_S)
        lock.execute("ROLLBACK")
        lock.close()


def began_exclusive(lock: sqlite3.Connection) -> bool:
    with contextlib.suppress(sqlite3.OperationalError):  # others write
        lock.execute("BEGIN EXCLUSIVE")
    return lock.in_transaction


def test_two_workers_wait_for_a_server_that_crashed_and_each_keeps_its_studies(
    tmp_path: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with two_workers(postgres, tmp_path, monkeypatch) as db, training(db):
        postgres.crash()
        time.sleep(OUTAGE_S)
        postgres.start()


@pytest.fixture
def small_disk(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a data folder that is a small disk of its own; needs the right to mount."""
    monkeypatch.setenv("TUNEBOARD_MIN_FREE_MB", "0")  # else a study pauses long before
    folder = home / "disk"
    folder.mkdir()
    monkeypatch.setenv("TUNEBOARD_HOME", str(folder))
    options = f"size={_DISK_MB}m,mode=1777"
    mount = [*_ADMIN, "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    subprocess.run(mount, check=True)
    yield folder
    # Lazily: the processes of a killed worker go a moment after it.
    subprocess.run([*_ADMIN, "umount", "--lazy", str(folder)], check=True)


def test_a_worker_on_a_full_disk_pauses_its_study_and_goes_on_once_there_is_room(
    small_disk: Path,
) -> None:
    ballast = small_disk / "ballast"
    with (
        contextlib.closing(
            open_database(f"sqlite:///{small_disk / 'tuneboard.sqlite3'}")
        ) as db,
        worker(small_disk) as process,
    ):
        expected = undisturbed(db, _LONG)
        study_id = launch(db, _LONG)
        wait_until(lambda: get_study(db, study_id).n_trials_done >= 1)
        fill(ballast)
        time.sleep(OUTAGE_S)
        n_done = get_study(db, study_id).n_trials_done
        assert n_done < len(expected)
        assert process.poll() is None

        ballast.unlink()
        wait_until(lambda: get_study(db, study_id).state == "paused")
        row, kept = get_study(db, study_id), scores(db, study_id)
        resume(db, study_id)
        wait_until(lambda: are_final(db, [study_id]))

        assert row.message == "The disk was full. Free some space, then let the study go on."
        assert row.n_trials_done >= n_done
        assert {n: s for n, s in kept.items() if s is not None}.items() <= expected.items()
        assert_whole(db, study_id, expected)


def fill(path: Path) -> None:
    """Write until the disk takes no more."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
