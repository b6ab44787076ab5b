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

from storage import notes
from storage.database import Database, insert_into
from storage.errors import UnknownStudyError
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
_RESTING = (*FINAL_STATES, PAUSED)

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
    best_half_width: float | None
    created_at: float
    started_at: float | None
    finished_at: float | None
    rests_since: float | None
    rested_s: float
    updated_at: float
    lease_until: float
    priority: int
    planned_cores: int | None
    asked: str
    confirm: str
    verdict: str
    test_opened_at: float | None
    test: str
    is_extended: bool

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen unless a person asks for it."""
        return self.state in FINAL_STATES

    @property
    def is_judged(self) -> bool:
        """Whether its verdict holds, also while something else of it is trained."""
        return self.verdict != "{}"

    @property
    def seconds(self) -> float | None:
        """Seconds from the first fit to the end, or until now, without those it rested."""
        if self.started_at is None:
            return None
        end = self.rests_since or self.finished_at or time.time()
        return max(end - self.started_at - self.rested_s, 0.0)


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


_COLUMNS: list[sa.ColumnElement[Any]] = [
    (study.c.stages != "[]").label(name) if name == "is_extended" else study.c[name]
    for name in StudyRow.__dataclass_fields__
]


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
        add_event(connection, study_id, "created", f"Created with {new.n_fits_planned} fits.")
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
    """Which studies to list; a trial's note, tags and star count for its study as well.

    `text` is part of a name, an id, a dataset, a tag or a note. What is empty lets all pass.
    """

    text: str = ""
    states: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    is_starred: bool = False


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
        named = pattern.contains(chosen.text.lower(), autoescape=True)
        conditions.append(sa.or_(named, notes.says(chosen.text)))
    if chosen.states:
        conditions.append(study.c.state.in_(chosen.states))
    conditions += [notes.has_tag(tag) for tag in chosen.tags]
    if chosen.is_starred:
        conditions.append(notes.has_star())
    return conditions


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
        lock(connection, study_id)  # rows that its worker writes meanwhile would be missed
        for table in (curve, fit, trial, event):
            connection.execute(table.delete().where(table.c.study_id == study_id))
        gone = connection.execute(study.delete().where(study.c.id == study_id)).rowcount
    if not gone:
        raise UnknownStudyError(study_id)


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


def opened_unscored(db: Database) -> list[str]:
    """Return the studies whose sealed test was opened and has no scores yet."""
    query = select(study.c.id).where(study.c.test_opened_at.is_not(None), study.c.test == "{}")
    with db.read() as connection:
        return [str(study_id) for study_id in connection.scalars(query)]


def opened_tests(db: Database, dataset: str) -> list[StudyRow]:
    """Return the studies of a dataset whose sealed test was opened, the first opening first."""
    query = select(*_COLUMNS).where(
        study.c.dataset == dataset, study.c.test_opened_at.is_not(None)
    )
    query = query.order_by(study.c.test_opened_at, study.c.id)
    with db.read() as connection:
        return [_study_row(row) for row in connection.execute(query).mappings()]


def keep_test(db: Database, study_id: str, document: str) -> None:
    """Write the scores of an opened test; they are written once."""
    with db.write() as connection:
        query = select(study.c.test).where(study.c.id == study_id).with_for_update()
        if connection.scalar(query) == "{}":
            change(connection, study_id, {"test": document})


def lock(connection: Connection, study_id: str) -> int | None:
    """Lock a study's row until the transaction ends, and return its fence.

    SQLite has no such lock and needs none: there is one writer.
    """
    query = select(study.c.fence).where(study.c.id == study_id).with_for_update()
    fence: int | None = connection.scalar(query)
    return fence


def change(connection: Connection, study_id: str, changes: dict[str, Any]) -> None:
    """Change columns of a study; everybody who watches it sees a new version."""
    if "state" in changes:
        changes = {**changes, **_rest(connection, study_id, changes["state"])}
    connection.execute(
        study.update()
        .where(study.c.id == study_id)
        .values(version=study.c.version + 1, updated_at=time.time(), **changes)
    )


def _rest(connection: Connection, study_id: str, state: str) -> dict[str, float | None]:
    """Return what a new state changes of the time a study has rested."""
    query = select(study.c.rests_since, study.c.rested_s).where(study.c.id == study_id)
    row = connection.execute(query).one_or_none()
    if row is None or (state in _RESTING) == (row.rests_since is not None):
        return {}
    now = time.time()
    if state in _RESTING:
        return {"rests_since": now}
    rested_s = max(now - row.rests_since, 0.0)  # a clock may have been set back
    return {"rests_since": None, "rested_s": row.rested_s + rested_s}


def add_event(connection: Connection, study_id: str, kind: str, text: str) -> None:
    """Add a sentence to a study's log."""
    connection.execute(
        event.insert().values(study_id=study_id, at=time.time(), kind=kind, text=text)
    )


def _study_row(row: RowMapping) -> StudyRow:
    return StudyRow(**row)
