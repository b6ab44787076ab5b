"""Heartbeats: who counts as live, who is forgotten."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from typing import Any

import pytest
from sqlalchemy import select, update

from storage import processes
from storage.database import Database
from storage.schema import process


def change(db: Database, process_id: str, **values: Any) -> None:
    with db.write() as connection:
        connection.execute(update(process).where(process.c.id == process_id).values(values))


def ids(db: Database) -> set[str]:
    with db.read() as connection:
        return set(connection.execute(select(process.c.id)).scalars())


def pid_of_an_ended_process() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_a_registered_process_is_live_and_describes_this_machine(db: Database) -> None:
    before = time.time()

    process_id = processes.register(db, kind="worker", state="starting")

    (row,) = processes.live(db, "worker", within_s=10)
    assert (row.id, row.kind, row.state, row.study_id) == (
        process_id,
        "worker",
        "starting",
        None,
    )
    assert (row.host, row.pid, row.cores) == (processes.here(), os.getpid(), os.cpu_count())
    assert row.is_here
    assert row.free_memory > 0
    assert before <= row.started_at == row.heartbeat_at <= time.time()


def test_a_beat_renews_the_heartbeat_and_says_what_is_trained(db: Database) -> None:
    process_id = processes.register(db, kind="worker", state="starting")
    change(db, process_id, started_at=1.0, heartbeat_at=1.0)

    processes.beat(db, process_id, state="working", study_id="pima-1")

    (row,) = processes.live(db, "worker", within_s=10)
    assert (row.state, row.study_id, row.started_at) == ("working", "pima-1", 1.0)
    processes.beat(db, process_id, state="ready")
    assert processes.live(db, "worker", within_s=10)[0].study_id is None


def test_an_old_heartbeat_is_not_live_but_still_the_newest(db: Database) -> None:
    process_id = processes.register(db, kind="worker", state="ready")
    change(db, process_id, heartbeat_at=time.time() - 11)

    newest = processes.newest(db, "worker")

    assert processes.live(db, "worker", within_s=10) == []
    assert newest is not None
    assert newest.id == process_id


def test_a_killed_process_of_this_machine_is_missed_at_once(db: Database) -> None:
    process_id = processes.register(db, kind="worker", state="ready")

    change(db, process_id, pid=pid_of_an_ended_process())

    assert processes.live(db, "worker", within_s=10) == []


@pytest.mark.parametrize(
    "host",
    ["another-machine", socket.gethostname(), f"{socket.gethostname()} 0123456789abcdef"],
)
def test_a_process_of_another_machine_is_believed_by_its_heartbeat(
    db: Database, host: str
) -> None:
    process_id = processes.register(db, kind="worker", state="ready")

    change(db, process_id, pid=pid_of_an_ended_process(), host=host)

    assert [row.id for row in processes.live(db, "worker", within_s=10)] == [process_id]


def test_other_processes_here_are_in_the_same_place() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "from storage.processes import here; print(here())"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )

    assert told.stdout == f"{processes.here()}\n"
    assert processes.here().startswith(f"{socket.gethostname()} ")


def test_kinds_are_kept_apart(db: Database) -> None:
    processes.register(db, kind="app", state="ready")

    assert processes.live(db, "worker", within_s=10) == []
    assert processes.newest(db, "worker") is None


def test_newest_is_the_one_that_beat_last(db: Database) -> None:
    first = processes.register(db, kind="worker", state="ready")
    second = processes.register(db, kind="worker", state="ready")
    change(db, second, heartbeat_at=time.time() - 5)

    newest = processes.newest(db, "worker")

    assert newest is not None
    assert newest.id == first


def test_a_removed_process_is_gone(db: Database) -> None:
    process_id = processes.register(db, kind="app", state="ready")

    processes.remove(db, process_id)

    assert processes.newest(db, "app") is None


def test_registering_forgets_what_last_beat_more_than_a_day_ago(db: Database) -> None:
    forgotten = processes.register(db, kind="worker", state="ready")
    remembered = processes.register(db, kind="worker", state="ready")
    change(db, forgotten, heartbeat_at=time.time() - 25 * 3600)
    change(db, remembered, heartbeat_at=time.time() - 23 * 3600)

    registered = processes.register(db, kind="app", state="ready")

    assert ids(db) == {remembered, registered}
