"""The one database: opened, migrated, and shared with Optuna.

A file of SQLite, or PostgreSQL. SQLite runs in write-ahead mode: readers never wait for the
writer, nor the writer for them. PostgreSQL lets several write, and a row's lock decides: who
changes a study locks its row first.
"""

from __future__ import annotations

import contextlib
import functools
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, OperationalError, ProgrammingError
from sqlalchemy.pool import NullPool

from storage.errors import (
    DatabaseRightsError,
    NewerDatabaseError,
    UnreachableDatabaseError,
    UnsupportedDatabaseError,
)
from storage.settings import settings

_LOCK_TIMEOUT_S = 60  # a longer wait for the writer means it hangs
_MIGRATIONS = Path(__file__).parent / "migrations"
_SQLITE = {"sqlite", "sqlite+pysqlite"}
_POSTGRESQL = {"postgresql", "postgresql+psycopg"}
_SET_UP_LOCK = 0x74756E65  # names our advisory lock among those of other programs: "tune"
_NO_RIGHTS = (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidSchemaName)
_N_KEPT, _N_MORE = 3, 9  # connections of a process: kept open, and at most on top

# A line that went dead without a word is noticed after a minute, on either side: otherwise the
# server would keep the locks of a machine that lost its power for hours.
_KEEPALIVE_S, _KEEPALIVE_EVERY_S, _N_KEEPALIVES = 30, 10, 3
_CLIENT_OPTIONS = {
    "application_name": "tuneboard",
    "connect_timeout": 10,
    "keepalives_idle": _KEEPALIVE_S,
    "keepalives_interval": _KEEPALIVE_EVERY_S,
    "keepalives_count": _N_KEEPALIVES,
    "tcp_user_timeout": 1000 * (_KEEPALIVE_S + _KEEPALIVE_EVERY_S * _N_KEEPALIVES),  # ms
}
_SERVER_OPTIONS = {
    "lock_timeout": f"{_LOCK_TIMEOUT_S}s",
    "idle_in_transaction_session_timeout": f"{_LOCK_TIMEOUT_S}s",
    "tcp_keepalives_idle": f"{_KEEPALIVE_S}s",
    "tcp_keepalives_interval": f"{_KEEPALIVE_EVERY_S}s",
    "tcp_keepalives_count": f"{_N_KEEPALIVES}",
}


@dataclass(frozen=True)
class Database:
    """An open, migrated database.

    Attributes
    ----------
    url : str
        Its address as Optuna takes it, with the password; never to be shown.
    """

    url: str = field(repr=False)
    engine: Engine

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a connection to read from; sees one consistent state."""
        with self.engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                # Without it each statement would see what was written since the last one.
                connection.exec_driver_sql("BEGIN")
            else:
                connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
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
        If the address is neither that of a SQLite file nor that of a PostgreSQL database.
    UnreachableDatabaseError
        If its server does not answer, or does not let us in.
    DatabaseRightsError
        If its user may not create tables.
    NewerDatabaseError
        If a newer version of Tuneboard has written it.
    """
    parsed = _parse(url)
    if parsed.drivername in _SQLITE:
        Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
        db = Database(url, _sqlite_engine(parsed))
    else:
        parsed = parsed.set(drivername="postgresql+psycopg")
        db = Database(parsed.render_as_string(hide_password=False), _server_engine(parsed))
    try:
        if parsed.drivername not in _SQLITE:
            _check_reachable(db, _without_password(url))
        with _alone(db):
            _migrate(db, _without_password(url))
    except BaseException:
        db.close()
        raise
    return db


@functools.lru_cache(maxsize=1)
def database() -> Database:
    """Open the database named by the settings, once per process."""
    settings().home.mkdir(parents=True, exist_ok=True)
    return open_database(settings().url)


def optuna_storage(db: Database) -> optuna.storages.BaseStorage:
    """Open Optuna's tables in the same database; creates them at first use."""
    is_sqlite = db.engine.dialect.name == "sqlite"
    options = {"timeout": _LOCK_TIMEOUT_S} if is_sqlite else _client_options(db.engine.url)
    engine_kwargs = {
        "connect_args": options,
        "poolclass": NullPool,  # nobody closes Optuna's engine; so no connection stays open
    }
    with _alone(db):
        storage = optuna.storages.RDBStorage(db.url, engine_kwargs=engine_kwargs)
    return optuna.storages.get_storage(storage)


def insert_into(connection: Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Make an INSERT that can say ON CONFLICT, in the words of the connected database."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def has_table(connection: Connection, name: str) -> bool:
    """Tell whether the database has a table of this name."""
    return connection.dialect.has_table(connection, name)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:  # the second for a port that is no number
        raise UnsupportedDatabaseError(_without_password(url)) from error
    is_file = parsed.drivername in _SQLITE and parsed.database not in {None, "", ":memory:"}
    if not is_file and parsed.drivername not in _POSTGRESQL:
        raise UnsupportedDatabaseError(_without_password(url))
    return parsed


def _without_password(url: str) -> str:
    """Hide the password of an address, also of one that cannot be parsed."""
    hidden = re.sub(r":(?!//).*@", ":***@", url)
    return re.sub(r"(password\s*=\s*)[^&\s]*", r"\1***", hidden, flags=re.IGNORECASE)


def _sqlite_engine(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _LOCK_TIMEOUT_S})
    event.listen(engine, "connect", _set_up_sqlite)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, _record: Any) -> None:  # noqa: ANN401 (SQLAlchemy's record type is private)
    connection.isolation_level = None  # transactions are begun by SQLAlchemy, not by sqlite3
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _server_engine(url: URL) -> Engine:
    engine = create_engine(
        url,
        connect_args=_client_options(url),
        isolation_level="READ COMMITTED",  # who waited for a row's lock sees what it changed to
        pool_pre_ping=True,  # the server may have been restarted since
        pool_size=_N_KEPT,
        max_overflow=_N_MORE,
    )
    event.listen(engine, "connect", _set_up_server)
    return engine


def _client_options(url: URL) -> dict[str, Any]:
    return {name: value for name, value in _CLIENT_OPTIONS.items() if name not in url.query}


def _set_up_server(connection: psycopg.Connection[Any], _record: Any) -> None:  # noqa: ANN401 (as above)
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany("SELECT set_config(%s, %s, false)", _SERVER_OPTIONS.items())


def _check_reachable(db: Database, address: str) -> None:
    try:
        db.engine.connect().close()
    except OperationalError as error:
        raise UnreachableDatabaseError(address, _reason(error.orig)) from error


def _reason(error: BaseException | None) -> str:
    """Return what a driver's message says last in its first line, in the server's language."""
    line = next(iter(str(error).splitlines()), "")
    return line.rpartition("failed: ")[2].rpartition("FATAL: ")[2].strip().rstrip(".")


@contextlib.contextmanager
def _alone(db: Database) -> Iterator[None]:
    """Hold a lock that only one process at a time gets, to set tables up.

    Neither SQLite's switch to write-ahead mode nor Optuna's creation of its tables waits for
    another process that does the same. For SQLite the lock is that of an empty file.
    """
    if db.engine.dialect.name == "sqlite":
        path = f"{db.engine.url.database}.lock"
        lock = sqlite3.connect(path, timeout=_LOCK_TIMEOUT_S, isolation_level=None)
        with contextlib.closing(lock):
            lock.execute("BEGIN EXCLUSIVE")
            yield
        return
    with db.write() as connection:
        # It does nothing but hold the lock, however long setting up takes.
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SET_UP_LOCK)))
        yield


def migrations() -> Config:
    """Return where Alembic finds the migrations."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


def _migrate(db: Database, address: str) -> None:
    config = migrations()
    head = ScriptDirectory.from_config(config).get_current_head()
    with db.read() as connection:
        revision = _revision(connection)
        if revision == head:
            return
    try:
        with db.write() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise NewerDatabaseError(str(revision)) from error
    except ProgrammingError as error:
        if not isinstance(error.orig, _NO_RIGHTS):
            raise
        raise DatabaseRightsError(address, _reason(error.orig)) from error


def _revision(connection: Connection) -> str | None:
    if not has_table(connection, "tuneboard_version"):
        return None
    row = connection.exec_driver_sql("SELECT version_num FROM tuneboard_version").first()
    return None if row is None else str(row[0])
