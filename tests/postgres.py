"""A PostgreSQL server of the tests' own: made in a temporary folder, gone with them.

It listens on a socket in that folder alone. Files are not forced to the disk: the server may
crash, which tests let it do, but the machine may not.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
from psycopg import sql

_DEBIAN = Path("/usr/lib/postgresql")
_OPTIONS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "autovacuum": "off",
}
_DISCONNECT_OTHERS = sql.SQL(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    + "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_EMPTY = sql.SQL(
    "DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC"
)
GUARDED = "guarded"  # the one role that needs a password
PASSWORD = "sesame-7"


def find_programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, the newest of Debian's if none is in PATH."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    versions = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


class Server:
    """A running server.

    PostgreSQL refuses to run as root: for root it runs as the user of Debian's package.

    Parameters
    ----------
    programs : Path
        The folder of initdb and pg_ctl.
    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._user = "postgres" if os.geteuid() == 0 else None
        self._numbers = itertools.count()
        self._spare: list[str] = []
        # Not pytest's own folder: that one is closed to other users, and its path is too long
        # for a socket.
        self.folder = Path(tempfile.mkdtemp(prefix="tuneboard-pg-"))
        if self._user is not None:
            owner = pwd.getpwnam(self._user)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self._data = self.folder / "data"
        self._run(
            "initdb",
            f"--pgdata={self._data}",
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        )
        rules = self._data / "pg_hba.conf"
        rules.write_text(f"local all {GUARDED} scram-sha-256\n{rules.read_text()}")
        self.start()
        self.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                sql.Identifier(GUARDED), sql.Literal(PASSWORD)
            )
        )

    def start(self) -> None:
        """Start the server, and return when it answers."""
        options = _OPTIONS | {"unix_socket_directories": str(self.folder)}
        text = " ".join(f"-c {name}='{value}'" for name, value in options.items())
        self._run(
            "pg_ctl",
            "start",
            "--wait",
            f"--pgdata={self._data}",
            f"--log={self.folder / 'log'}",
            f"--options={text}",
        )

    def crash(self) -> None:
        """Stop the server as a power cut would: transactions in flight are lost."""
        self._run("pg_ctl", "stop", "--wait", "--mode=immediate", f"--pgdata={self._data}")

    def remove(self) -> None:
        """Stop the server and delete its folder."""
        if (self._data / "postmaster.pid").exists():
            self.crash()
        shutil.rmtree(self.folder)

    def url(self, name: str, user: str = "postgres") -> str:
        """Return the address of a database for a user, or for ``user:password``."""
        return f"postgresql://{user}@/{name}?host={self.folder}"

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """Lend the name of an empty database; who is connected afterwards is sent away."""
        name = self._spare.pop() if self._spare else self._make_database()
        yield name
        self.execute(_DISCONNECT_OTHERS, name)
        self.execute(_EMPTY, name)  # ten times as fast as a new database
        self._spare.append(name)

    def _make_database(self) -> str:
        name = f"test_{next(self._numbers)}"
        self.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return name

    def execute(self, statement: sql.SQL | sql.Composed, name: str = "postgres") -> None:
        """Run SQL in a database, outside of any transaction."""
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            connection.execute(statement)

    def _run(self, program: str, *arguments: str) -> None:
        command: Sequence[str | Path] = [self._programs / program, *arguments]
        ended = subprocess.run(
            command,
            cwd=self.folder,
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        if ended.returncode != 0:
            log = self.folder / "log"
            said = ended.stdout or (log.read_text() if log.exists() else "")
            message = f"{program} failed: {said}"
            raise RuntimeError(message)
