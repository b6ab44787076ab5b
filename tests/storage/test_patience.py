"""An outage is waited out and nothing is lost or doubled; every other error goes through."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import sqlalchemy as sa

from storage.database import Database, open_database, optuna_storage
from storage.errors import UnreachableDatabaseError
from storage.patience import is_full, is_outage, patient
from storage.results import (
    Batch,
    CurvePiece,
    FitRow,
    TrialRow,
    read_fits,
    read_pieces,
    read_trials,
    write_batch,
)
from storage.schema import draft
from storage.studies import Claim, study_version
from tests.postgres import Server

sqlite_only = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
postgresql_only = pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)


class Impatient:
    """Writes to the SQLite file of a database without waiting for its lock."""

    def __init__(self, db: Database) -> None:
        self._path = str(db.engine.url.database)
        self.n_calls = 0

    def __call__(self) -> str:
        self.n_calls += 1
        connection = sqlite3.connect(self._path, timeout=0, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
        finally:
            connection.close()
        return "written"


@contextmanager
def locked(db: Database, seconds: float) -> Iterator[None]:
    """Hold the database's write lock from another thread for a while."""
    is_held = threading.Event()

    def hold() -> None:
        with db.write():
            is_held.set()
            time.sleep(seconds)

    thread = threading.Thread(target=hold)
    thread.start()
    is_held.wait()
    yield
    thread.join()


def make_batch(number: int) -> Batch:
    return Batch(
        trials=[TrialRow(number, "COMPLETE", {"units": number}, score=0.5)],
        fits=[FitRow(number, 0, 0, "COMPLETE", 0.5)],
        pieces=[CurvePiece(number, 0, 0, 0, np.full((2, 5), number, np.float32))],
    )


def break_off(db: Database) -> None:
    """Fail as a statement does whose server ends while it runs."""
    with db.write() as connection:
        connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")


def test_a_call_that_succeeds_is_made_once() -> None:
    calls: list[int] = []

    assert patient(lambda: calls.append(1) or "done") == "done"  # type: ignore[func-returns-value]
    assert calls == [1]


def test_an_error_that_is_no_outage_goes_through_at_once(db: Database) -> None:
    calls: list[int] = []

    def write_twice() -> None:
        calls.append(1)
        with db.write() as connection:
            rows = [{"id": "same", "content": "", "updated_at": 0.0}] * 2
            connection.execute(draft.insert(), rows)

    with pytest.raises(sa.exc.IntegrityError) as error:
        patient(write_twice)

    assert calls == [1]
    assert not is_outage(error.value)
    assert not is_full(error.value)


@sqlite_only
def test_a_locked_file_is_waited_for(db: Database) -> None:
    write = Impatient(db)
    waited: list[float] = []

    with locked(db, 0.5):
        answer = patient(write, on_wait=lambda seconds, _: waited.append(seconds))

    assert answer == "written"
    assert len(waited) == write.n_calls - 1 > 0
    assert waited == sorted(waited)


@sqlite_only
def test_patience_ends_after_the_time_that_was_given_with_the_last_error(db: Database) -> None:
    write = Impatient(db)

    with db.write(), pytest.raises(sqlite3.OperationalError, match="locked") as error:
        patient(write, give_up_after_s=0.3)

    assert write.n_calls > 1
    assert is_outage(error.value)


@sqlite_only
def test_who_is_told_of_the_waiting_may_end_it(db: Database) -> None:
    def tell(_: float, error: BaseException) -> None:
        raise InterruptedError from error

    with db.write(), pytest.raises(InterruptedError):
        patient(Impatient(db), on_wait=tell)


@pytest.mark.slow
@sqlite_only
def test_a_file_locked_for_longer_than_sqlites_own_five_seconds_goes_unnoticed(
    db: Database, claim: Claim
) -> None:
    with locked(db, 6.0):
        write_batch(db, claim, make_batch(0))

    assert [row.number for row in read_trials(db, claim.study_id)] == [0]


@sqlite_only
def test_a_full_disk_is_no_outage(db: Database) -> None:
    def fill() -> None:
        with db.write() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 1}")
            row = {"id": "big", "content": "x" * 100_000, "updated_at": 0.0}
            connection.execute(draft.insert(), row)

    with pytest.raises(sa.exc.OperationalError, match="disk is full") as error:
        patient(fill)

    assert is_full(error.value)
    assert not is_outage(error.value)


@pytest.mark.parametrize(
    ("sqlstate", "outage", "full"),
    [
        ("57P01", True, False),
        ("57P02", True, False),
        ("57P03", True, False),
        ("08006", True, False),
        ("53300", True, False),
        ("55P03", True, False),
        ("40P01", True, False),
        ("40001", True, False),
        ("53100", False, True),
        ("57P04", False, False),
        ("57014", False, False),
        ("42501", False, False),
        ("XX000", False, False),
    ],
)
@postgresql_only
def test_what_the_server_answers_tells_outages_from_full_disks_and_mistakes(
    db: Database, sqlstate: str, outage: bool, full: bool
) -> None:
    statement = f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{sqlstate}'; END $$"

    with pytest.raises(sa.exc.DBAPIError) as error, db.write() as connection:
        connection.exec_driver_sql(statement)

    assert (is_outage(error.value), is_full(error.value)) == (outage, full)


@postgresql_only
def test_a_line_that_breaks_is_an_outage(db: Database) -> None:
    with pytest.raises(sa.exc.OperationalError) as error:
        break_off(db)

    assert is_outage(error.value)


@postgresql_only
def test_a_batch_whose_commit_got_no_answer_is_written_again_and_stands_once(
    db: Database, claim: Claim
) -> None:
    calls: list[int] = []

    def write() -> None:
        calls.append(1)
        write_batch(db, claim, make_batch(0))
        if len(calls) == 1:
            break_off(db)

    patient(write)

    pieces, _ = read_pieces(db, claim.study_id)
    assert len(calls) == 2
    assert [row.number for row in read_trials(db, claim.study_id)] == [0]
    assert [row.number for row in read_fits(db, claim.study_id)] == [0]
    assert [piece.number for piece in pieces] == [0]


@postgresql_only
def test_a_server_that_is_down_is_an_outage_for_whoever_asks(
    db: Database, postgres: Server
) -> None:
    postgres.crash()
    try:
        with pytest.raises(sa.exc.OperationalError) as reading:
            study_version(db, "s")
        with pytest.raises(UnreachableDatabaseError) as opening:
            open_database(db.url)
        with pytest.raises(sa.exc.OperationalError) as optuna:
            optuna_storage(db)
    finally:
        postgres.start()

    assert [is_outage(error.value) for error in (reading, opening, optuna)] == [True] * 3
    assert study_version(db, "s") is None


@pytest.mark.slow
@postgresql_only
def test_a_server_that_crashes_while_batches_are_written_loses_and_doubles_nothing(
    db: Database, claim: Claim, postgres: Server
) -> None:
    waited: list[float] = []
    is_back = threading.Event()

    def crash_and_start() -> None:
        time.sleep(0.3)
        postgres.crash()
        time.sleep(3.0)
        postgres.start()
        is_back.set()

    def write(number: int) -> None:
        patient(
            lambda: write_batch(db, claim, make_batch(number)),
            on_wait=lambda seconds, _: waited.append(seconds),
        )

    thread = threading.Thread(target=crash_and_start)
    thread.start()
    n_written = 0
    while not is_back.is_set() or n_written < 50:
        write(n_written)
        n_written += 1
    thread.join()

    expected = list(range(n_written))
    pieces, _ = read_pieces(db, claim.study_id)
    assert waited
    assert [row.number for row in read_trials(db, claim.study_id)] == expected
    assert [row.number for row in read_fits(db, claim.study_id)] == expected
    assert [piece.number for piece in pieces] == expected
    assert [piece.values[0, 0] for piece in pieces] == expected
