"""The one database: opened, migrated, and shared with Optuna.

SQLite runs in write-ahead mode: readers never wait for the writer, nor the writer for them.
"""

from __future__ import annotations

import contextlib
import functools
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from storage.errors import NewerDatabaseError, UnsupportedDatabaseError
from storage.settings import settings

_LOCK_TIMEOUT_S = 60  # a longer wait for the writer means it hangs
_MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True)
class Database:
    """An open, migrated database."""

    url: str
    engine: Engine

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a connection to read from; sees one consistent state."""
        with self.engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                # Without it each statement would see what was written since the last one.
                connection.exec_driver_sql("BEGIN")
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """Open one transaction: all of it is written, or nothing."""
        with self.engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                # Take the write lock now: a transaction that reads first and then writes
                # fails at once, without waiting, when another one wrote in between.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    def close(self) -> None:
        """Close every connection of the pool."""
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Open the database at `url`, creating and migrating its tables where needed.

    Raises
    ------
    UnsupportedDatabaseError
        If the address is not that of a SQLite file.
    NewerDatabaseError
        If a newer version of Tuneboard has written it.
    """
    engine = _make_engine(url)
    Path(str(engine.url.database)).parent.mkdir(parents=True, exist_ok=True)
    with _alone(url):
        _migrate(engine)
    return Database(url, engine)


@functools.lru_cache(maxsize=1)
def database() -> Database:
    """Open the database named by the settings, once per process."""
    settings().home.mkdir(parents=True, exist_ok=True)
    return open_database(settings().url)


def optuna_storage(db: Database) -> optuna.storages.BaseStorage:
    """Open Optuna's tables in the same database; creates them at first use."""
    engine_kwargs = {
        "connect_args": {"timeout": _LOCK_TIMEOUT_S},
        "poolclass": NullPool,  # nobody closes Optuna's engine; so no connection stays open
    }
    with _alone(db.url):
        storage = optuna.storages.RDBStorage(db.url, engine_kwargs=engine_kwargs)
    return optuna.storages.get_storage(storage)


@contextlib.contextmanager
def _alone(url: str) -> Iterator[None]:
    """Hold a lock that only one process at a time gets, to set tables up.

    Neither SQLite's switch to write-ahead mode nor Optuna's creation of its tables waits for
    another process that does the same. The lock is that of an empty SQLite file.
    """
    path = f"{make_url(url).database}.lock"
    lock = sqlite3.connect(path, timeout=_LOCK_TIMEOUT_S, isolation_level=None)
    with contextlib.closing(lock):
        lock.execute("BEGIN EXCLUSIVE")
        yield


def _make_engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise UnsupportedDatabaseError(url) from error
    is_sqlite = parsed.drivername in {"sqlite", "sqlite+pysqlite"}
    if not is_sqlite or parsed.database in {None, "", ":memory:"}:
        shown = url if parsed.password is None else parsed.render_as_string()
        raise UnsupportedDatabaseError(shown)
    engine = create_engine(url, connect_args={"timeout": _LOCK_TIMEOUT_S})
    event.listen(engine, "connect", _set_up_sqlite)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, _record: Any) -> None:  # noqa: ANN401 (SQLAlchemy's record type is private)
    connection.isolation_level = None  # transactions are begun by SQLAlchemy, not by sqlite3
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _migrate(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    head = ScriptDirectory.from_config(config).get_current_head()
    with engine.connect() as connection:
        if _revision(connection) == head:
            return
    with engine.begin() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        revision = _revision(connection)  # another process may have migrated meanwhile
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise NewerDatabaseError(str(revision)) from error


def _revision(connection: Connection) -> str | None:
    if not has_table(connection, "tuneboard_version"):
        return None
    row = connection.exec_driver_sql("SELECT version_num FROM tuneboard_version").first()
    return None if row is None else str(row[0])


def has_table(connection: Connection, name: str) -> bool:
    """Tell whether the database has a table of this name."""
    return connection.dialect.has_table(connection, name)
