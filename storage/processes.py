"""Who is running: a row for the app and one for each worker, kept young by heartbeats.

A row is only a claim. A process counts as live while its heartbeat is young and, when it is
on this machine, while its process id still exists: a killed worker is missed at once.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import socket
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil
from sqlalchemy import delete, insert, select, update

from storage.database import Database
from storage.schema import process

ProcessKind = Literal["app", "worker"]
ProcessState = Literal["starting", "ready", "working"]

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_OWN_PIDS = Path("/proc/self/ns/pid")
_FORGOTTEN_S = 24 * 3600  # rows of processes that were killed stay this long for inspection


@dataclass(frozen=True)
class ProcessRow:
    """One process as it last described itself; times in seconds since 1970, memory in bytes."""

    id: str
    kind: str
    host: str
    pid: int
    state: str
    study_id: str | None
    cores: int
    free_memory: float
    started_at: float
    heartbeat_at: float

    @property
    def is_here(self) -> bool:
        """Whether it runs in the place of `here`, so that its process id means something."""
        return self.host == here()


@functools.cache
def here() -> str:
    """Name the place in which a process id means something.

    Two machines, or two containers, may have one host name; and after a machine has started
    anew its process ids mean others. The name is therefore followed by a digest of what the
    kernel calls this start and this set of process ids, where it says so (Linux).
    """
    kernel = []
    with contextlib.suppress(OSError):
        kernel.append(_BOOT_ID.read_text("ascii"))
        kernel.append(str(_OWN_PIDS.readlink()))
    digest = hashlib.sha256("".join(kernel).encode()).hexdigest()[:16]
    return f"{socket.gethostname()} {digest}"


def register(db: Database, *, kind: ProcessKind, state: ProcessState) -> str:
    """Add a row for the calling process, forget long dead ones, and return the row's id."""
    now = time.time()
    process_id = f"{kind}-{uuid.uuid4().hex}"
    values = {
        "id": process_id,
        "kind": kind,
        "host": here(),
        "pid": os.getpid(),
        "state": state,
        "cores": os.cpu_count() or 1,
        "free_memory": _free_memory(),
        "started_at": now,
        "heartbeat_at": now,
    }
    with db.write() as connection:
        connection.execute(delete(process).where(process.c.heartbeat_at < now - _FORGOTTEN_S))
        connection.execute(insert(process).values(values))
    return process_id


def beat(
    db: Database, process_id: str, *, state: ProcessState, study_id: str | None = None
) -> None:
    """Say that the process is alive, and what it is doing."""
    values = {
        "state": state,
        "study_id": study_id,
        "free_memory": _free_memory(),
        "heartbeat_at": time.time(),
    }
    with db.write() as connection:
        connection.execute(update(process).where(process.c.id == process_id).values(values))


def live(db: Database, kind: ProcessKind, within_s: float) -> list[ProcessRow]:
    """Return the processes that beat within the last `within_s` seconds, oldest first."""
    query = (
        select(process)
        .where(process.c.kind == kind, process.c.heartbeat_at >= time.time() - within_s)
        .order_by(process.c.started_at)
    )
    with db.read() as connection:
        rows = [ProcessRow(**row) for row in connection.execute(query).mappings()]
    return [row for row in rows if _may_exist(row)]


def newest(db: Database, kind: ProcessKind) -> ProcessRow | None:
    """Return the process that beat last, dead or alive; None if there never was one."""
    query = (
        select(process)
        .where(process.c.kind == kind)
        .order_by(process.c.heartbeat_at.desc())
        .limit(1)
    )
    with db.read() as connection:
        row = connection.execute(query).mappings().first()
    return None if row is None else ProcessRow(**row)


def remove(db: Database, process_id: str) -> None:
    """Take a process that ends in order off the list."""
    with db.write() as connection:
        connection.execute(delete(process).where(process.c.id == process_id))


def is_gone(db: Database, process_id: str) -> bool:
    """Tell whether a process of this machine is known to have ended.

    False where it is not known: on another machine, or for an owner that is no process.
    """
    with db.read() as connection:
        query = select(process).where(process.c.id == process_id)
        row = connection.execute(query).mappings().first()
    return row is not None and not _may_exist(ProcessRow(**row))


def _may_exist(row: ProcessRow) -> bool:
    return not row.is_here or psutil.pid_exists(row.pid)


def _free_memory() -> float:
    return float(psutil.virtual_memory().available)
