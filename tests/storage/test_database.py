"""Consistent readers, whole writes; tables as the schema says, whoever makes them first."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from storage.database import (
    Database,
    database,
    has_table,
    migrations,
    open_database,
    optuna_storage,
)
from storage.errors import (
    DatabaseRightsError,
    NewerDatabaseError,
    UnreachableDatabaseError,
    UnsupportedDatabaseError,
)
from storage.schema import curve, draft, metadata, study
from tests.postgres import GUARDED, PASSWORD, Server

ROOT = Path(__file__).resolve().parents[2]
sqlite_only = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
postgresql_only = pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
STUDY = {
    "id": "s",
    "token": "t",
    "name": "Sizes",
    "spec": "{}",
    "dataset": "pima",
    "sampler": "grid",
    "score_name": "accuracy",
    "direction": "maximize",
    "state": "training",
    "created_at": 0.0,
    "updated_at": 0.0,
}
OPEN_AT_THE_SAME_MOMENT = """
import sys
from storage.database import open_database, optuna_storage

print("ready", flush=True)
sys.stdin.readline()
optuna_storage(open_database(sys.argv[1]))
"""


def add_draft(connection: sa.Connection, name: str) -> None:
    connection.execute(draft.insert().values(id=name, content="{}", updated_at=0.0))


def drafts(db: Database) -> list[str]:
    with db.read() as connection:
        return list(connection.scalars(sa.select(draft.c.id).order_by(draft.c.id)))


def table_words(connection: sa.Connection) -> dict[str, list[str]]:
    """Return what each table was created with, whatever its order, spacing and quotes."""
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
    rows = connection.exec_driver_sql(query).all()
    return {name: sorted(re.sub(r'[\s()"]', "", sql).split(",")) for name, sql in rows}


@sqlite_only
def test_the_database_is_in_write_ahead_mode_and_keeps_its_references(db: Database) -> None:
    with db.read() as connection:
        journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
        references = connection.exec_driver_sql("PRAGMA foreign_keys").scalar()

    assert (journal, references) == ("wal", 1)


def test_a_reader_does_not_wait_for_an_open_write_and_does_not_see_it(db: Database) -> None:
    with db.write() as connection:
        add_draft(connection, "new")
        seen_meanwhile = drafts(db)  # a reader that waited would wait for itself

    assert seen_meanwhile == []
    assert drafts(db) == ["new"]


def test_a_reader_sees_one_state_until_it_is_done(db: Database) -> None:
    count = sa.select(sa.func.count()).select_from(draft)
    with db.read() as reader:
        before = reader.scalar(count)
        with db.write() as writer:
            add_draft(writer, "new")
        after = reader.scalar(count)

    assert (before, after) == (0, 0)
    assert drafts(db) == ["new"]


@sqlite_only
def test_a_second_writer_waits_for_the_first(db: Database) -> None:
    order: list[str] = []

    def write_second() -> None:
        with db.write() as connection:
            order.append("second")
            add_draft(connection, "second")

    with db.write() as connection:
        thread = threading.Thread(target=write_second)
        thread.start()
        time.sleep(0.2)
        add_draft(connection, "first")
        order.append("first")
    thread.join()

    assert order == ["first", "second"]
    assert drafts(db) == ["first", "second"]


def test_a_write_that_fails_leaves_nothing(db: Database) -> None:
    def write_twice() -> None:
        with db.write() as connection:
            add_draft(connection, "same")
            add_draft(connection, "same")

    with pytest.raises(sa.exc.IntegrityError):
        write_twice()

    assert drafts(db) == []


def test_migrating_an_empty_database_creates_what_the_schema_says(db: Database) -> None:
    options = {"compare_type": True, "version_table": "tuneboard_version"}
    with db.read() as connection:
        context = MigrationContext.configure(connection, opts=options)
        differences = compare_metadata(context, metadata)

    assert differences == []


@sqlite_only
def test_migrated_tables_are_word_for_word_those_of_the_schema(
    db: Database, tmp_path: Path
) -> None:
    plain = sa.create_engine(f"sqlite:///{tmp_path / 'plain.sqlite3'}")
    with plain.begin() as connection:
        metadata.create_all(connection)
        expected = table_words(connection)
    plain.dispose()

    with db.read() as connection:
        migrated = table_words(connection)

    assert {name: migrated[name] for name in expected} == expected


def test_opening_again_keeps_what_is_there(db: Database) -> None:
    with db.write() as connection:
        add_draft(connection, "kept")

    again = open_database(db.url)

    assert drafts(again) == ["kept"]
    again.close()


@pytest.mark.slow
def test_processes_may_open_a_new_database_at_the_same_moment(empty_url: str) -> None:
    command = [sys.executable, "-c", OPEN_AT_THE_SAME_MOMENT, empty_url]
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    processes = [subprocess.Popen(command, cwd=ROOT, text=True, **pipes) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outcomes = [process.communicate(timeout=60) for process in processes]

    failed = [process.returncode != 0 for process in processes]
    assert not any(failed), "\n".join(errors for _, errors in outcomes)
    opened = open_database(empty_url)
    with opened.read() as connection:
        assert has_table(connection, "study")
        assert has_table(connection, "studies")
    opened.close()


def test_a_database_from_the_future_is_refused_and_left_alone(db: Database) -> None:
    with db.write() as connection:
        connection.exec_driver_sql("UPDATE tuneboard_version SET version_num = '9999'")

    with pytest.raises(NewerDatabaseError) as error:
        open_database(db.url)

    assert str(error.value) == (
        "The database is at revision '9999', which this Tuneboard does not know. "
        + "Update Tuneboard, or point TUNEBOARD_DATABASE_URL at another database."
    )
    with db.read() as connection:
        query = "SELECT version_num FROM tuneboard_version"
        assert connection.exec_driver_sql(query).scalar() == "9999"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mysql://me:secret@host/tuneboard", "mysql://me:***@host/tuneboard"),
        ("mysql://host/x?user=me&password=a", "mysql://host/x?user=me&password=***"),
        ("postgresql+psycopg2://me:s@host/x", "postgresql+psycopg2://me:***@host/x"),
        ("postgresql://me:s/@:t@host:port/x", "postgresql://me:***@host:port/x"),
        ("host=db user=me password=secret", "host=db user=me password=***"),
        ("me:secret@host/x", "me:***@host/x"),
        ("sqlite+aiosqlite:///a.sqlite3", "sqlite+aiosqlite:///a.sqlite3"),
        ("sqlite://", "sqlite://"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("a.sqlite3", "a.sqlite3"),
    ],
)
def test_an_address_of_another_kind_is_refused_without_its_password(
    url: str, shown: str
) -> None:
    with pytest.raises(UnsupportedDatabaseError) as error:
        open_database(url)

    assert str(error.value) == (
        f"TUNEBOARD_DATABASE_URL is {shown!r}, but only SQLite files and PostgreSQL are "
        + "supported. Use for example sqlite:////data/tuneboard.sqlite3 or "
        + "postgresql://user:password@host/tuneboard."
    )


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        host = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UnreachableDatabaseError) as error:
            open_database(f"postgresql://me:secret@{host}/tuneboard")

    assert str(error.value) == (
        f"The database postgresql://me:***@{host}/tuneboard cannot be reached: "
        + "Connection refused. Start it, or correct TUNEBOARD_DATABASE_URL."
    )


@pytest.mark.parametrize(
    ("user", "name", "reason"),
    [
        ("postgres", "nowhere", 'database "nowhere" does not exist'),
        ("nobody", "postgres", 'role "nobody" does not exist'),
        (
            f"{GUARDED}:wr0ng",
            "postgres",
            f'password authentication failed for user "{GUARDED}"',
        ),
    ],
)
def test_a_server_that_does_not_let_us_in_says_why(
    postgres: Server, user: str, name: str, reason: str
) -> None:
    with pytest.raises(UnreachableDatabaseError) as error:
        open_database(postgres.url(name, user))

    assert f" cannot be reached: {reason}. " in str(error.value)
    assert "wr0ng" not in "".join(traceback.format_exception(error.value))


def test_a_user_who_may_not_create_tables_is_told_so(postgres: Server) -> None:
    with postgres.database() as name, pytest.raises(DatabaseRightsError) as error:
        open_database(postgres.url(name, f"{GUARDED}:{PASSWORD}"))

    shown = postgres.url(name, f"{GUARDED}:***")
    assert str(error.value) == (
        f"The tables of {shown} cannot be set up: permission denied for schema public. "
        + "Make the user of that address the owner of the database."
    )


@postgresql_only
def test_both_spellings_of_postgresql_open_the_same_database(
    db: Database, empty_url: str
) -> None:
    with db.write() as connection:
        add_draft(connection, "kept")

    again = open_database(empty_url.replace("postgresql:", "postgresql+psycopg:"))

    assert drafts(again) == ["kept"]
    assert again.url == db.url
    again.close()


def test_a_database_that_is_printed_shows_no_password() -> None:
    url = "postgresql+psycopg://me:secret@host/tuneboard"

    assert "secret" not in repr(Database(url, sa.create_engine(url)))


@postgresql_only
def test_who_reads_cannot_write(db: Database) -> None:
    with db.read() as connection, pytest.raises(sa.exc.InternalError, match="read-only"):
        add_draft(connection, "new")


@postgresql_only
def test_an_idle_transaction_does_not_keep_its_locks(db: Database) -> None:
    with db.write() as connection:
        limits = {
            name: connection.exec_driver_sql(f"SHOW {name}").scalar()
            for name in ("lock_timeout", "idle_in_transaction_session_timeout")
        }

    assert limits == {
        "lock_timeout": "1min",
        "idle_in_transaction_session_timeout": "1min",
    }


def test_curve_pieces_that_were_there_twice_are_there_once_after_the_migration(
    db: Database,
) -> None:
    piece = {"number": 1, "repeat": 0, "fold": 0, "first_epoch": 0}
    config = migrations()
    with db.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0003")
        connection.execute(study.insert().values(**STUDY))
        for values in (b"old", b"new"):
            connection.execute(curve.insert().values(study_id="s", values=values, **piece))
        connection.execute(
            curve.insert().values(study_id="s", values=b"other", **{**piece, "fold": 1})
        )

    open_database(db.url).close()

    with db.read() as connection:
        kept = list(connection.scalars(sa.select(curve.c["values"]).order_by(curve.c.id)))
        index = [i for i in sa.inspect(connection).get_indexes("curve") if i["unique"]]
    assert kept == [b"new", b"other"]
    assert [i["name"] for i in index] == ["curve_by_fit"]


def test_folders_on_the_way_to_the_database_are_made(tmp_path: Path) -> None:
    path = tmp_path / "not" / "there" / "tuneboard.sqlite3"

    open_database(f"sqlite:///{path}").close()

    assert path.is_file()


def test_the_database_of_the_settings_is_opened_once(home: Path) -> None:
    assert database() is database()
    assert (home / "tuneboard.sqlite3").is_file()


def test_optuna_keeps_its_tables_in_the_same_database(db: Database) -> None:
    storage = optuna_storage(db)

    with db.read() as connection:
        assert has_table(connection, "trial_values")
    assert storage.get_all_studies() == []
