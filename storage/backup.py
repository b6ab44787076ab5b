"""A consistent copy of the SQLite database, made while others write.

SQLite's own backup reads one state of the database from beginning to end; in write-ahead mode
neither that nor the writers wait for each other.
"""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
from pathlib import Path

from sqlalchemy import make_url

from storage.errors import BackupError, BackupExistsError, BackupKindError

_TIMEOUT_S = 60


def database_path(url: str, target: Path) -> Path:
    """Return the file of the database at `url`.

    Raises
    ------
    BackupKindError
        If it is on a server; `target` is named in the way that is shown instead.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        address = parsed.set(drivername=parsed.get_backend_name())
        raise BackupKindError(address.render_as_string(hide_password=True), str(target))
    return Path(str(parsed.database))


def back_up(url: str, target: Path, *, force: bool = False) -> int:
    """Write one consistent copy of the database, checked, or nothing.

    The database is neither migrated nor changed: its version may be older or newer than ours.

    Parameters
    ----------
    url : str
        Address of the database.
    target : Path
        The copy, which needs no other file beside it.
    force : bool
        Whether to write over a file that is there.

    Returns
    -------
    int
        Size of the copy in bytes.

    Raises
    ------
    BackupKindError
        If the database is on a server.
    BackupExistsError
        If there is a file of this name.
    BackupError
        If there is no database, or it cannot be copied there.
    """
    source = database_path(url, target)
    if not source.is_file():
        raise BackupError(str(target), f"there is no database at {str(source)!r}")
    if target.exists() and target.samefile(source):
        raise BackupError(str(target), "that is the database itself")
    if target.exists() and not force:
        raise BackupExistsError(str(target))
    if not target.absolute().parent.is_dir():
        raise BackupError(str(target), "its folder does not exist")
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        found = _copy(source, partial)
        if found != "ok":
            raise BackupError(str(target), f"the database is damaged ({found})")
        size = partial.stat().st_size
        partial.replace(target)
    except (sqlite3.Error, OSError) as error:
        raise BackupError(str(target), _reason(error)) from error
    finally:
        partial.unlink(missing_ok=True)
    return size


def _copy(source: Path, partial: Path) -> str:
    """Copy a database, and return what SQLite finds wrong with the copy, or "ok"."""
    with (
        contextlib.closing(sqlite3.connect(source, timeout=_TIMEOUT_S)) as original,
        contextlib.closing(sqlite3.connect(partial)) as copy,
    ):
        original.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # then it is one file, with no log beside it
        return str(copy.execute("PRAGMA quick_check(1)").fetchone()[0])


def _reason(error: sqlite3.Error | OSError) -> str:
    return (getattr(error, "strerror", None) or str(error)).rstrip(".")
