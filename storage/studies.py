"""Studies: created by a page, claimed by one worker at a time, listed on the home page.

The database is the only contract between page and worker. A page writes a wish; the worker
that holds the lease does it. Each claim has a fence, one higher than the last: a worker that
lost its lease can no longer write.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping, select

from storage.database import Database, insert_into
from storage.errors import LostLeaseError, StudyBusyError, UnknownStudyError
from storage.schema import curve, event, fit, study, trial

WAITING = "waiting"
PREPARING = "preparing"
TRAINING = "training"
PAUSED = "paused"
FINISHED = "finished"
STOPPED = "stopped"
FAILED = "failed"
ACTIVE_STATES = (WAITING, PREPARING, TRAINING)
FINAL_STATES = (FINISHED, STOPPED, FAILED)

LEASE_S = 15.0  # a worker that is silent for this long has lost its study


@dataclass(frozen=True)
class StudyRow:
    """A study as lists and headers show it; the spec is JSON text."""

    id: str
    name: str
    spec: str
    dataset: str
    sampler: str
    score_name: str
    direction: str
    state: str
    phase: str
    message: str
    wish: str
    version: int
    n_trials_planned: int
    n_trials_done: int
    n_trials_failed: int
    n_fits_planned: int
    n_fits_done: int
    seconds_left: float | None
    best_number: int | None
    best_score: float | None
    best_spread: float | None
    created_at: float
    started_at: float | None
    finished_at: float | None
    updated_at: float
    lease_until: float
    priority: int
    planned_cores: int | None

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen unless a person asks for it."""
        return self.state in FINAL_STATES

    @property
    def seconds(self) -> float | None:
        """Seconds from the first fit to the end, or until now."""
        if self.started_at is None:
            return None
        return (self.finished_at or time.time()) - self.started_at


@dataclass(frozen=True)
class NewStudy:
    """What a page or the command line hands in to create a study."""

    name: str
    spec: str
    dataset: str
    sampler: str
    score_name: str
    direction: str
    n_trials_planned: int
    n_fits_planned: int


@dataclass(frozen=True)
class Claim:
    """One worker's right to write a study, until its lease runs out."""

    study_id: str
    owner: str
    fence: int


_COLUMNS = [study.c[name] for name in StudyRow.__dataclass_fields__]


def create_study(
    db: Database, new: NewStudy, token: str | None = None, *, owner: str = ""
) -> str:
    """Write a study that waits for a worker, and return its id.

    Parameters
    ----------
    token : str or None
        Two calls with the same token create one study: the second gets the first's id.
    owner : str
        Who claims the study as it is created (`first_claim`); empty: whoever comes first.
    """
    token = token or secrets.token_hex(16)
    now = time.time()
    with db.write() as connection:
        study_id = _free_id(connection, new.name)
        statement = insert_into(connection, study)
        statement = statement.on_conflict_do_nothing(index_elements=["token"])
        created = connection.scalar(
            statement.returning(study.c.id).values(
                id=study_id,
                token=token,
                state=WAITING,
                created_at=now,
                updated_at=now,
                lease_owner=owner,
                lease_until=now + LEASE_S if owner else 0.0,
                fence=1 if owner else 0,
                **new.__dict__,
            )
        )
        if created is None:
            return str(connection.scalar(select(study.c.id).where(study.c.token == token)))
        _add_event(connection, study_id, "created", f"Created with {new.n_fits_planned} fits.")
    return study_id


def first_claim(study_id: str, owner: str) -> Claim:
    """Return the claim of whoever created a study for itself."""
    return Claim(study_id, owner, fence=1)


def slug(text: str) -> str:
    """Turn a name into the part of an id that a person recognises in a URL."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60].rstrip("-") or "study"


def _free_id(connection: Connection, name: str) -> str:
    alphabet = "23456789abcdefghjkmnpqrstuvwxyz"  # no characters that look alike
    while True:
        study_id = f"{slug(name)}-{''.join(secrets.choice(alphabet) for _ in range(4))}"
        if connection.scalar(select(study.c.id).where(study.c.id == study_id)) is None:
            return study_id


def get_study(db: Database, study_id: str) -> StudyRow:
    """Read one study.

    Raises
    ------
    UnknownStudyError
        If there is none with this id.
    """
    with db.read() as connection:
        row = (
            connection.execute(select(*_COLUMNS).where(study.c.id == study_id))
            .mappings()
            .first()
        )
    if row is None:
        raise UnknownStudyError(study_id)
    return _study_row(row)


def study_version(db: Database, study_id: str) -> int | None:
    """Read only the version, to see whether anything is new; None if the study is gone."""
    with db.read() as connection:
        version: int | None = connection.scalar(
            select(study.c.version).where(study.c.id == study_id)
        )
    return version


@dataclass(frozen=True)
class StudyFilter:
    """Which studies to list: part of a name, and states (all if empty)."""

    text: str = ""
    states: tuple[str, ...] = ()


def list_studies(
    db: Database, chosen: StudyFilter | None = None, *, limit: int = 20, offset: int = 0
) -> list[StudyRow]:
    """Read studies, newest first."""
    query = select(*_COLUMNS).where(*_conditions(chosen or StudyFilter()))
    query = query.order_by(study.c.created_at.desc(), study.c.id).limit(limit).offset(offset)
    with db.read() as connection:
        return [_study_row(row) for row in connection.execute(query).mappings()]


def count_studies(db: Database, chosen: StudyFilter | None = None) -> int:
    """Count the studies that `list_studies` would return without a limit."""
    query = (
        select(sa.func.count()).select_from(study).where(*_conditions(chosen or StudyFilter()))
    )
    with db.read() as connection:
        return int(connection.scalar(query) or 0)


def n_ahead(db: Database, row: StudyRow) -> int:
    """Count the studies that will be trained before this waiting one."""
    query = (
        select(sa.func.count())
        .select_from(study)
        .where(
            study.c.state.in_(ACTIVE_STATES),
            sa.or_(
                study.c.priority > row.priority,
                sa.and_(study.c.priority == row.priority, study.c.created_at < row.created_at),
            ),
        )
    )
    with db.read() as connection:
        return int(connection.scalar(query) or 0)


def _conditions(chosen: StudyFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if chosen.text:
        pattern = sa.func.lower(study.c.name + " " + study.c.id + " " + study.c.dataset)
        conditions.append(pattern.contains(chosen.text.lower(), autoescape=True))
    if chosen.states:
        conditions.append(study.c.state.in_(chosen.states))
    return conditions


def ask_to_stop(db: Database, study_id: str) -> None:
    """Wish that a study ends; one that no worker holds ends at once.

    Raises
    ------
    UnknownStudyError
        If there is none with this id.
    """
    now = time.time()
    with db.write() as connection:
        query = select(study.c.state, study.c.lease_until).where(study.c.id == study_id)
        row = connection.execute(query.with_for_update()).first()
        if row is None:
            raise UnknownStudyError(study_id)
        if row.state in FINAL_STATES:
            return
        changes: dict[str, Any] = {"wish": "stop"}
        if row.lease_until < now or row.state == PAUSED:
            changes |= {
                "state": STOPPED,
                "finished_at": now,
                "phase": "",
                "message": "Stopped by a person.",
                "seconds_left": None,
            }
        _change(connection, study_id, changes)
        if "state" in changes:
            _let_go_of_running(connection, study_id)
        _add_event(connection, study_id, "stop", "Somebody asked for it to stop.")


def ask_to_pause(db: Database, study_id: str) -> None:
    """Wish that a study lets go of the machine until it is resumed; finished trials stay.

    Raises
    ------
    UnknownStudyError
        If there is none with this id.
    """
    now = time.time()
    with db.write() as connection:
        row = _state(connection, study_id)
        if row.state in FINAL_STATES or row.state == PAUSED or row.wish == "stop":
            return
        changes: dict[str, Any] = {"wish": "pause"}
        if row.lease_until < now:
            message = "Paused by a person."
            changes = {"state": PAUSED, "phase": "", "message": message, "seconds_left": None}
        _change(connection, study_id, changes)
        if "state" in changes:
            _let_go_of_running(connection, study_id)
        _add_event(connection, study_id, "pause", "Somebody asked for a pause.")


def resume(db: Database, study_id: str) -> None:
    """Let a paused or stopped study, or one about to pause, go on with what is missing.

    Raises
    ------
    UnknownStudyError
        If there is none with this id.
    """
    with db.write() as connection:
        row = _state(connection, study_id)
        if row.state in {PAUSED, STOPPED}:
            _change(connection, study_id, dict(_WAITING_AGAIN))
        elif row.state in ACTIVE_STATES and row.wish == "pause":
            _change(connection, study_id, {"wish": ""})
        else:
            return
        _add_event(connection, study_id, "resume", "Somebody let it go on.")


def set_priority(db: Database, study_id: str, priority: int) -> None:
    """Move a study forward in the queue (above 0), or back to its place (0).

    Raises
    ------
    UnknownStudyError
        If there is none with this id.
    """
    with db.write() as connection:
        _state(connection, study_id)
        _change(connection, study_id, {"priority": priority})
        _add_event(
            connection, study_id, "priority", f"Somebody set its priority to {priority}."
        )


@dataclass(frozen=True)
class Extension:
    """More trials for a study that is not in training; texts are JSON."""

    spec: str
    stages: str
    n_trials_planned: int
    n_fits_planned: int


def extend_study(db: Database, row: StudyRow, extension: Extension) -> None:
    """Give a study more to do, and let it go on.

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
        _change(connection, row.id, {**_WAITING_AGAIN, **extension.__dict__})
        _add_event(
            connection, row.id, "extend", f"Extended to {extension.n_trials_planned} trials."
        )


def read_stages(db: Database, study_id: str) -> str:
    """Read what a study was asked for before it was extended, as JSON text."""
    with db.read() as connection:
        return str(connection.scalar(select(study.c.stages).where(study.c.id == study_id)))


_WAITING_AGAIN: dict[str, Any] = {
    "state": WAITING,
    "wish": "",
    "phase": "",
    "message": "",
    "finished_at": None,
    "lease_until": 0.0,
}


def _state(connection: Connection, study_id: str) -> sa.Row[Any, Any, Any, Any]:
    columns = (study.c.state, study.c.wish, study.c.lease_until, study.c.spec)
    query = select(*columns).where(study.c.id == study_id).with_for_update()
    row = connection.execute(query).first()
    if row is None:
        raise UnknownStudyError(study_id)
    return row


def delete_study(db: Database, study_id: str) -> None:
    """Delete a study with all its trials, fits and curves.

    What Optuna and the data folder hold of it is not touched: `tuning.housekeeping` deletes
    all of it.

    Raises
    ------
    UnknownStudyError
        If there is none with this id.
    """
    with db.write() as connection:
        _lock(connection, study_id)  # rows that its worker writes meanwhile would be missed
        for table in (curve, fit, trial, event):
            connection.execute(table.delete().where(table.c.study_id == study_id))
        gone = connection.execute(study.delete().where(study.c.id == study_id)).rowcount
    if not gone:
        raise UnknownStudyError(study_id)


def claim_next(db: Database, owner: str, study_id: str | None = None) -> Claim | None:
    """Take the oldest study that waits, or whose worker has fallen silent.

    Parameters
    ----------
    owner : str
        Names the worker.
    study_id : str or None
        Take this one or none.
    """
    now = time.time()
    free = sa.and_(study.c.state.in_(ACTIVE_STATES), study.c.lease_until < now)
    if study_id is not None:
        free = sa.and_(free, study.c.id == study_id)
    with db.write() as connection:
        query = (
            select(study.c.id, study.c.fence).where(free).order_by(study.c.created_at).limit(1)
        )
        # What another worker is just taking is passed over, unless it is this one or none.
        query = query.with_for_update(skip_locked=study_id is None)
        row = connection.execute(query).first()
        if row is None:
            return None
        claim = Claim(str(row.id), owner, int(row.fence) + 1)
        _change(
            connection,
            claim.study_id,
            {"lease_owner": owner, "lease_until": now + LEASE_S, "fence": claim.fence},
        )
    return claim


def renew(db: Database, claim: Claim) -> str:
    """Keep the lease, and return what people wish for: "", "pause" or "stop".

    Raises
    ------
    LostLeaseError
        If another worker has claimed the study since.
    """
    with db.write() as connection:
        check_fence(connection, claim)
        connection.execute(
            study.update()
            .where(study.c.id == claim.study_id)
            .values(lease_until=time.time() + LEASE_S)
        )
        return str(
            connection.scalar(select(study.c.wish).where(study.c.id == claim.study_id)) or ""
        )


def update_claimed(db: Database, claim: Claim, note: str = "", **changes: Any) -> None:  # noqa: ANN401 (columns of many types)
    """Change columns of a claimed study; `note` goes into its log.

    Raises
    ------
    LostLeaseError
        If another worker has claimed the study since.
    """
    if changes.get("state") in FINAL_STATES:
        changes |= {"finished_at": time.time(), "lease_until": 0.0, "seconds_left": None}
    elif changes.get("state") == PAUSED:
        changes |= {"lease_until": 0.0, "seconds_left": None, "wish": ""}
    with db.write() as connection:
        check_fence(connection, claim)
        _change(connection, claim.study_id, changes)
        if note:
            _add_event(connection, claim.study_id, str(changes.get("state", "note")), note)


def check_fence(connection: Connection, claim: Claim) -> None:
    """Raise LostLeaseError if another worker has claimed the study since.

    Until the transaction ends, nobody else can claim or change the study.
    """
    if _lock(connection, claim.study_id) != claim.fence:
        raise LostLeaseError(claim.study_id)


def events(db: Database, study_id: str, limit: int = 500) -> Sequence[RowMapping]:
    """Read a study's log, newest last: mappings with `at`, `kind`, `text`."""
    newest = (
        select(event.c.id, event.c.at, event.c.kind, event.c.text)
        .where(event.c.study_id == study_id)
        .order_by(event.c.id.desc())
        .limit(limit)
    )
    with db.read() as connection:
        return list(reversed(connection.execute(newest).mappings().all()))


def _lock(connection: Connection, study_id: str) -> int | None:
    """Lock a study's row until the transaction ends, and return its fence.

    SQLite has no such lock and needs none: there is one writer.
    """
    query = select(study.c.fence).where(study.c.id == study_id).with_for_update()
    fence: int | None = connection.scalar(query)
    return fence


def _change(connection: Connection, study_id: str, changes: dict[str, Any]) -> None:
    connection.execute(
        study.update()
        .where(study.c.id == study_id)
        .values(version=study.c.version + 1, updated_at=time.time(), **changes)
    )


def _let_go_of_running(connection: Connection, study_id: str) -> None:
    """Mark trials and fits whose worker went down as not finished."""
    version = connection.scalar(select(study.c.version).where(study.c.id == study_id))
    for table in (trial, fit):
        connection.execute(
            table.update()
            .where(table.c.study_id == study_id, table.c.state == "RUNNING")
            .values(state="WAITING", version=version)
        )


def _add_event(connection: Connection, study_id: str, kind: str, text: str) -> None:
    connection.execute(
        event.insert().values(study_id=study_id, at=time.time(), kind=kind, text=text)
    )


def _study_row(row: RowMapping) -> StudyRow:
    return StudyRow(**row)
