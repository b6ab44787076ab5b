"""What people wish of a study: an end, a pause, more trials, a better place in the queue.

A wish for a study that a worker holds is written down, and done by that worker; any other is
done at once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, select

from storage.database import Database
from storage.errors import StudyBusyError, UnfinishedError, UnknownStudyError
from storage.processes import is_gone
from storage.schema import fit, study, trial
from storage.studies import (
    ACTIVE_STATES,
    FAILED,
    FINAL_STATES,
    FINISHED,
    PAUSED,
    STOPPED,
    WAITING,
    StudyRow,
    add_event,
    change,
)

_WAITING_AGAIN: dict[str, Any] = {
    "state": WAITING,
    "wish": "",
    "phase": "",
    "message": "",
    "finished_at": None,
    "lease_until": 0.0,
}


def ask_to_stop(db: Database, study_id: str) -> None:
    """Wish that a study ends; one that no worker holds ends at once.

    Raises
    ------
    UnknownStudyError
        If there is none with this id.
    """
    with db.write() as connection:
        row = _state(connection, study_id)
        if row.state in FINAL_STATES:
            return
        if row.state == PAUSED or not _is_held(db, row):
            _end(connection, study_id, STOPPED, "Stopped by a person.", wish="stop")
        else:
            change(connection, study_id, {"wish": "stop"})
        add_event(connection, study_id, "stop", "Somebody asked for it to stop.")


def ask_to_pause(db: Database, study_id: str) -> None:
    """Wish that a study lets go of the machine until it is resumed; finished trials stay.

    Raises
    ------
    UnknownStudyError
        If there is none with this id.
    """
    with db.write() as connection:
        row = _state(connection, study_id)
        if row.state in {*FINAL_STATES, PAUSED} or row.wish == "stop":
            return
        if _is_held(db, row):
            change(connection, study_id, {"wish": "pause"})
        else:
            _end(connection, study_id, PAUSED, "Paused by a person.")
        add_event(connection, study_id, "pause", "Somebody asked for a pause.")


def resume(db: Database, study_id: str) -> None:
    """Let a paused, stopped or failed study, or one about to pause, go on with what is missing.

    Raises
    ------
    UnknownStudyError
        If there is none with this id.
    """
    with db.write() as connection:
        row = _state(connection, study_id)
        if row.state in {PAUSED, STOPPED, FAILED}:
            change(connection, study_id, dict(_WAITING_AGAIN))
        elif row.state in ACTIVE_STATES and row.wish == "pause":
            change(connection, study_id, {"wish": ""})
        else:
            return
        add_event(connection, study_id, "resume", "Somebody let it go on.")


def set_priority(db: Database, study_id: str, priority: int) -> None:
    """Move a study forward in the queue (above 0), or back to its place (0).

    Raises
    ------
    UnknownStudyError
        If there is none with this id.
    """
    with db.write() as connection:
        _state(connection, study_id)
        change(connection, study_id, {"priority": priority})
        add_event(connection, study_id, "priority", f"Somebody set its priority to {priority}.")


def ask_to_confirm(
    db: Database, study_id: str, numbers: Collection[int] = (), *, race: bool = False
) -> None:
    """Wish that trials are trained again on fresh repeats, once the search is over.

    A finished study goes on for it. A race that somebody skipped stays skipped unless one is
    asked for.

    Parameters
    ----------
    numbers : collection of int
        Trials to give as many repeats as a race has at most.
    race : bool
        Whether the leaders are to race, as they do in a study that confirms.

    Raises
    ------
    UnknownStudyError
        If there is none with this id.
    UnfinishedError
        If it was stopped, failed or is paused: it has to go on first.
    """

    def add(asked: dict[str, Any]) -> None:
        asked["numbers"] = sorted({*asked.get("numbers", []), *numbers})
        if race:
            asked.pop("no_race", None)
        elif asked.get("skip"):
            asked["no_race"] = True
        asked["race"] = asked.get("race", False) or race
        asked["skip"] = False

    # What was found of a finished study no longer holds.
    _ask(db, study_id, add, ("confirm", "Somebody asked for more repeats."), verdict="{}")


def ask_for_model(db: Database, study_id: str, number: int) -> None:
    """Wish that a trial is trained on all rows, and its model kept beside the leader's.

    A finished study goes on for it.

    Raises
    ------
    UnknownStudyError
        If there is none with this id.
    UnfinishedError
        If it was stopped, failed or is paused: it has to go on first.
    """

    def add(asked: dict[str, Any]) -> None:
        asked["models"] = sorted({*asked.get("models", []), number})

    _ask(db, study_id, add, ("model", f"Somebody asked for trial {number}'s model."))


def _ask(
    db: Database,
    study_id: str,
    add: Callable[[dict[str, Any]], None],
    event: tuple[str, str],
    **unsaid: str,
) -> None:
    """Add to what people asked of a study that runs or is finished; a finished one goes on.

    Parameters
    ----------
    unsaid : str
        Columns of a finished study that no longer hold.
    """
    with db.write() as connection:
        row = _state(connection, study_id)
        if row.state not in {*ACTIVE_STATES, FINISHED}:
            raise UnfinishedError(study_id, row.state)
        asked: dict[str, Any] = json.loads(row.asked)
        add(asked)
        again = {**_WAITING_AGAIN, **unsaid} if row.state == FINISHED else {}
        change(connection, study_id, {**again, "asked": json.dumps(asked)})
        add_event(connection, study_id, *event)


def ask_to_skip_confirming(db: Database, study_id: str) -> None:
    """Wish that a study ends without confirming its leaders, or with what is known of them.

    Raises
    ------
    UnknownStudyError
        If there is none with this id.
    """
    with db.write() as connection:
        row = _state(connection, study_id)
        if row.state in FINAL_STATES:
            return
        asked = json.loads(row.asked)
        change(connection, study_id, {"asked": json.dumps({**asked, "skip": True})})
        add_event(connection, study_id, "confirm", "Somebody asked to skip confirming.")


def open_test(db: Database, study_id: str) -> float:
    """Open a finished study's sealed test, and return when that was done: only once.

    Raises
    ------
    UnknownStudyError
        If there is none with this id.
    UnfinishedError
        If it is not finished.
    """
    with db.write() as connection:
        row = _state(connection, study_id)
        if row.test_opened_at is not None:
            return float(row.test_opened_at)
        if row.state != FINISHED:
            raise UnfinishedError(study_id, row.state)
        now = time.time()
        change(connection, study_id, {"test_opened_at": now})
        add_event(connection, study_id, "test", "Somebody opened the sealed test.")
    return now


@dataclass(frozen=True)
class Extension:
    """More trials for a study that is not in training; texts are JSON."""

    spec: str
    stages: str
    n_trials_planned: int
    n_fits_planned: int


def extend_study(db: Database, row: StudyRow, extension: Extension) -> None:
    """Give a study more to do, and let it go on.

    It is judged anew, and its leaders race anew; what their last race has found is said until
    a worker has begun with the new trials.

    Raises
    ------
    UnknownStudyError
        If there is none with this id.
    StudyBusyError
        If it is in training, or somebody else has changed it since `row` was read.
    """
    with db.write() as connection:
        now = _state(connection, row.id)
        if now.state in ACTIVE_STATES or now.spec != row.spec:
            raise StudyBusyError(row.id)
        asked = _nothing_skipped(now.asked)
        unsaid = {"verdict": "{}", "asked": asked}
        change(connection, row.id, {**_WAITING_AGAIN, **unsaid, **extension.__dict__})
        add_event(
            connection, row.id, "extend", f"Extended to {extension.n_trials_planned} trials."
        )


def enter_by_hand(db: Database, row: StudyRow, extension: Extension) -> bool:
    """Give a study one more trial, which somebody entered; a finished study goes on for it.

    Its worker looks for such trials when those before are through.

    Parameters
    ----------
    row : StudyRow
        As it was read before the trial was added to its spec.

    Returns
    -------
    bool
        Whether it was entered; not where the spec has changed since.

    Raises
    ------
    UnknownStudyError
        If there is none with this id.
    UnfinishedError
        If it was stopped, failed or is paused: it has to go on first.
    """
    with db.write() as connection:
        now = _state(connection, row.id)
        if now.state not in {*ACTIVE_STATES, FINISHED}:
            raise UnfinishedError(row.id, now.state)
        if now.spec != row.spec:
            return False
        changes: dict[str, Any] = dict(extension.__dict__)
        if now.state == FINISHED:  # it is judged anew
            asked = _nothing_skipped(now.asked)
            changes |= {**_WAITING_AGAIN, "verdict": "{}", "asked": asked}
        change(connection, row.id, changes)
        number = extension.n_trials_planned - 1
        add_event(connection, row.id, "hand", f"Somebody entered trial {number} by hand.")
    return True


def _nothing_skipped(asked: str) -> str:
    """Return wishes of people without that to skip confirming: leaders race anew."""
    kept = {name: wish for name, wish in json.loads(asked).items() if name != "no_race"}
    return json.dumps({**kept, "skip": False})


def read_stages(db: Database, study_id: str) -> str:
    """Read what a study was asked for before it was extended, as JSON text."""
    with db.read() as connection:
        return str(connection.scalar(select(study.c.stages).where(study.c.id == study_id)))


def _state(connection: Connection, study_id: str) -> sa.Row[Any]:
    names = (
        "state", "wish", "spec", "asked", "test_opened_at", "lease_owner", "lease_until",
    )  # fmt: skip
    columns = [study.c[name] for name in names]
    query = select(*columns).where(study.c.id == study_id).with_for_update()
    row = connection.execute(query).first()
    if row is None:
        raise UnknownStudyError(study_id)
    return row


def _is_held(db: Database, row: sa.Row[Any]) -> bool:
    return row.lease_until != 0.0 and not is_gone(db, row.lease_owner)


def _end(
    connection: Connection, study_id: str, state: str, message: str, wish: str = ""
) -> None:
    """End a study that no worker holds; what its last one left unfinished waits again."""
    changes: dict[str, Any] = {"state": state, "message": message, "wish": wish, "phase": ""}
    if state in FINAL_STATES:
        changes["finished_at"] = time.time()
    change(connection, study_id, {**changes, "seconds_left": None, "lease_until": 0.0})
    version = connection.scalar(select(study.c.version).where(study.c.id == study_id))
    for table in (trial, fit):
        connection.execute(
            table.update()
            .where(table.c.study_id == study_id, table.c.state == "RUNNING")
            .values(state="WAITING", version=version)
        )
