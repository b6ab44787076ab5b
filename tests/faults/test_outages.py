"""The database is locked, stopped, or has no disk left while a study trains."""

from __future__ import annotations

import contextlib
import importlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from storage.database import Database, database, open_database
from storage.leases import LeaseWatch, claim_study
from storage.schema import study
from storage.studies import LEASE_S, get_study
from storage.wishes import resume
from tests.browser.server import wait_until
from tests.faults.checks import OUTAGE_S, Scores, assert_whole, make_spec, scores
from tests.postgres import Server
from tuning.driver import run_study
from tuning.execution.interface import Executor
from tuning.launch import launch
from tuning.worker import load_engine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

_SPEC = make_spec(n_epochs=800)


@pytest.fixture(scope="module")
def engine() -> Executor:
    return load_engine()


@contextmanager
def driving(db: Database, study_id: str, engine: Executor) -> Iterator[threading.Thread]:
    """Drive a study on a thread of its own; once some of it is written, go on here."""
    claim = claim_study(db, "test", study_id)
    assert claim is not None
    driver = threading.Thread(target=run_study, args=(db, claim, engine))
    driver.start()
    over = threading.Event()
    rival = threading.Thread(target=look, args=(db, over))
    rival.start()
    wait_until(lambda: get_study(db, study_id).n_trials_done >= 1)
    assert driver.is_alive()
    yield driver
    driver.join()
    over.set()
    rival.join()
    with db.read() as connection:
        fence = connection.scalar(sa.select(study.c.fence).where(study.c.id == study_id))
    assert fence == claim.fence


def look(db: Database, over: threading.Event) -> None:
    """Look for studies all the while, as another worker does; there is none to be had."""
    watch = LeaseWatch(db)
    while not over.wait(0.3):
        with contextlib.suppress(SQLAlchemyError):
            watch.take("rival")


@pytest.fixture(autouse=True)
def _short_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make all waits shorter with the outage, so that leases would be over within it."""
    for name in (
        "storage.leases.LEASE_S",
        "storage.leases._GRACE_S",
        "storage.leases._HELD_UP_S",
        "storage.patience._LONGEST_WAIT_S",
        "tuning.keeper._LOOK_AT_DISK_S",
    ):
        module, _, constant = name.rpartition(".")
        seconds = getattr(importlib.import_module(module), constant)
        monkeypatch.setattr(name, seconds * min(OUTAGE_S / (2 * LEASE_S), 1.0))


@pytest.fixture(scope="module")
def expected(engine: Executor, tmp_path_factory: pytest.TempPathFactory) -> Scores:
    """Give the scores of the study where nothing happens to it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with contextlib.closing(open_database(f"sqlite:///{folder / 'db.sqlite3'}")) as db:
        study_id = launch(db, _SPEC)
        claim = claim_study(db, "test", study_id)
        assert claim is not None
        run_study(db, claim, engine)
        return scores(db, study_id)


def test_a_locked_database_is_waited_for(
    home: Path, engine: Executor, expected: Scores
) -> None:
    db = database()
    study_id = launch(db, _SPEC)

    with driving(db, study_id, engine):
        lock = sqlite3.connect(home / "tuneboard.sqlite3", isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
        time.sleep(OUTAGE_S)
        lock.execute("ROLLBACK")
        lock.close()

    assert_whole(db, study_id, expected)


def test_a_server_that_is_stopped_and_started_again_is_waited_for(
    home: Path, engine: Executor, expected: Scores, postgres: Server
) -> None:
    with (
        postgres.database() as name,
        contextlib.closing(open_database(postgres.url(name))) as db,
    ):
        study_id = launch(db, _SPEC)

        with driving(db, study_id, engine):
            postgres.crash()
            time.sleep(OUTAGE_S)
            postgres.start()

        assert_whole(db, study_id, expected)


def test_a_full_disk_pauses_the_study_and_nothing_finished_is_lost(
    home: Path, engine: Executor, expected: Scores
) -> None:
    db = database()
    study_id = launch(db, _SPEC)

    with driving(db, study_id, engine) as driver:
        free = fill_up(db)
        time.sleep(OUTAGE_S)
        assert driver.is_alive()
        free()
    row = get_study(db, study_id)
    kept = scores(db, study_id)

    assert row.state == "paused"
    assert row.message == "The disk was full. Free some space, then let the study go on."
    assert 1 <= row.n_trials_done < len(expected)
    resume(db, study_id)
    claim = claim_study(db, "test", study_id)
    assert claim is not None
    run_study(db, claim, engine)
    assert_whole(db, study_id, expected)
    assert {n: s for n, s in kept.items() if s is not None}.items() <= expected.items()


def fill_up(db: Database) -> Callable[[], None]:
    """Let the database grow no more, as on a full disk; return what undoes it.

    SQLite answers with the same error as for the disk itself.
    """
    full = True

    def bound(connection: sqlite3.Connection, *_: object) -> None:
        if full:
            connection.execute("PRAGMA max_page_count = 1")  # the least: what there is
        else:
            connection.execute("PRAGMA max_page_count = 1073741823")

    event.listen(db.engine, "checkout", bound)

    def free() -> None:
        nonlocal full
        full = False

    return free
