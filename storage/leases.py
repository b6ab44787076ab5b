"""Who may take a study, and who may write it: told without clocks, which are set back.

A lease is over when its owner has let go of it, when its process is gone from this machine, or
when whoever looks has not seen it renewed for `LEASE_S` seconds of its own steady clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from storage.database import Database
from storage.errors import LostLeaseError
from storage.processes import is_gone
from storage.schema import study
from storage.studies import (
    ACTIVE_STATES,
    FINAL_STATES,
    LEASE_S,
    PAUSED,
    Claim,
    add_event,
    change,
    lock,
)

_LOOKED_AT = 100  # studies of the head of the queue


@dataclass(frozen=True)
class Lease:
    """A study that is not finished, and who holds it; `until` is 0 where nobody does."""

    study_id: str
    owner: str
    until: float
    fence: int


class LeaseWatch:
    """Takes the first study of the queue whose lease is over.

    Parameters
    ----------
    clock : callable
        Seconds that never go back.
    """

    def __init__(self, db: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._db, self._clock = db, clock
        self._seen: dict[str, tuple[Lease, float]] = {}

    def take(self, owner: str) -> Claim | None:
        """Claim a study for `owner`; None if there is none to be had."""
        leases = _queue(self._db)
        self._seen = {lease.study_id: self._since(lease) for lease in leases}
        for lease in leases:
            if self._is_over(lease):
                claim = _claim(self._db, owner, lease)
                if claim is not None:
                    return claim
        return None

    def _since(self, lease: Lease) -> tuple[Lease, float]:
        known = self._seen.get(lease.study_id)
        return known if known is not None and known[0] == lease else (lease, self._clock())

    def _is_over(self, lease: Lease) -> bool:
        if lease.until == 0.0:
            return True
        if self._clock() - self._seen[lease.study_id][1] >= LEASE_S:
            return True
        return is_gone(self._db, lease.owner)


def claim_study(db: Database, owner: str, study_id: str | None = None) -> Claim | None:
    """Claim the first study of the queue that nobody holds, or a certain one.

    Parameters
    ----------
    owner : str
        Names the worker.
    study_id : str or None
        Take this one or none.
    """
    for lease in _queue(db, study_id):
        if lease.until == 0.0 or is_gone(db, lease.owner):
            claim = _claim(db, owner, lease)
            if claim is not None:
                return claim
    return None


def renew(db: Database, claim: Claim) -> str:
    """Keep the lease, and return what people wish for: "", "pause" or "stop".

    A lease that its owner has let go of stays so.

    Raises
    ------
    LostLeaseError
        If another worker has claimed the study since.
    """
    with db.write() as connection:
        check_fence(connection, claim)
        connection.execute(
            study.update()
            .where(study.c.id == claim.study_id, study.c.lease_until > 0.0)
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
        change(connection, claim.study_id, changes)
        if note:
            add_event(connection, claim.study_id, str(changes.get("state", "note")), note)


def check_fence(connection: Connection, claim: Claim) -> None:
    """Raise LostLeaseError if another worker has claimed the study since.

    Until the transaction ends, nobody else can claim or change the study.
    """
    if lock(connection, claim.study_id) != claim.fence:
        raise LostLeaseError(claim.study_id)


def _queue(db: Database, study_id: str | None = None) -> list[Lease]:
    conditions: list[ColumnElement[bool]] = [study.c.state.in_(ACTIVE_STATES)]
    if study_id is not None:
        conditions.append(study.c.id == study_id)
    query = (
        select(study.c.id, study.c.lease_owner, study.c.lease_until, study.c.fence)
        .where(*conditions)
        .order_by(study.c.priority.desc(), study.c.created_at)
        .limit(_LOOKED_AT)
    )
    with db.read() as connection:
        return [Lease(*row) for row in connection.execute(query)]


def _claim(db: Database, owner: str, lease: Lease) -> Claim | None:
    """Take over a lease, unless somebody has changed it since it was read."""
    statement = (
        study.update()
        .where(
            study.c.id == lease.study_id,
            study.c.fence == lease.fence,
            study.c.lease_until == lease.until,
            study.c.state.in_(ACTIVE_STATES),
        )
        .values(
            lease_owner=owner,
            lease_until=time.time() + LEASE_S,
            fence=lease.fence + 1,
            version=study.c.version + 1,
            updated_at=time.time(),
        )
    )
    with db.write() as connection:
        if not connection.execute(statement).rowcount:
            return None
    return Claim(lease.study_id, owner, lease.fence + 1)
