"""Who may take a study, and who may write it: told without clocks, which are set back.

A lease is over when its owner has let go of it, when its process is gone from this machine, or
when whoever looks has not seen it renewed for `LEASE_S` seconds of its own steady clock. It has
to look all that time, and to have written for a while: when the database is away or locked, no
owner can renew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

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
_HELD_UP_S = 3.0  # between two looks, or until a write may begin: owners were held up, too
_GRACE_S = 6.0  # after a write of ours; by then an owner that waited has tried again


@dataclass(frozen=True)
class Lease:
    """A study that is not finished, and who holds it; `until` is 0 where nobody does."""

    study_id: str
    owner: str
    until: float
    fence: int


class Wanted(NamedTuple):
    """What people want of a study that is trained: "", "pause" or "stop", and how urgently."""

    wish: str
    priority: int


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
        self._wrote: dict[str, tuple[Lease, float]] = {}
        self._looked_at = clock()

    def take(
        self, owner: str, driven: Collection[str] = (), *, is_full: bool = False
    ) -> Claim | None:
        """Claim a study for `owner`; None if there is none to be had.

        Parameters
        ----------
        driven : collection of str
            Studies that `owner` holds and is busy with: never taken from itself.
        is_full : bool
            Whether `owner` can take none now: it only goes on watching who is silent.
        """
        leases = _queue(self._db)
        if self._clock() - self._looked_at > _HELD_UP_S:
            self._seen.clear()
            self._wrote.clear()
        self._looked_at = self._clock()
        self._seen = {lease.study_id: self._since(lease) for lease in leases}
        for lease in leases:
            if lease.study_id in driven:
                continue
            refuses = _never
            if lease.until != 0.0 and not is_gone(self._db, lease.owner):
                if not self._is_silent(lease):
                    continue
                refuses = self._is_held_up_since(self._clock())
            claim = None if is_full else _claim(self._db, owner, lease, refuses)
            if claim is not None:
                return claim
        return None

    def _since(self, lease: Lease) -> tuple[Lease, float]:
        known = self._seen.get(lease.study_id)
        return known if known is not None and known[0] == lease else (lease, self._clock())

    def _is_silent(self, lease: Lease) -> bool:
        """Tell whether an owner has not renewed for so long, though it could have."""
        silent_s = self._clock() - self._seen[lease.study_id][1]
        if silent_s < LEASE_S - _GRACE_S:
            return False
        if self._wrote.get(lease.study_id, (None,))[0] != lease:
            with self._db.write() as connection:
                lock(connection, lease.study_id)  # waits while nobody can write
            self._wrote[lease.study_id] = lease, self._clock()
        wrote_at = self._wrote[lease.study_id][1]
        return silent_s >= LEASE_S and self._clock() - wrote_at >= _GRACE_S

    def _is_held_up_since(self, start: float) -> Callable[[], bool]:
        """Return what tells, once a write has begun, that it had to wait for long."""

        def is_held_up() -> bool:
            return self._clock() - start > _HELD_UP_S

        return is_held_up


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


def renew(db: Database, claim: Claim) -> Wanted:
    """Keep the lease, and return what people want.

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
        query = select(study.c.wish, study.c.priority).where(study.c.id == claim.study_id)
        wish, priority = connection.execute(query).one()
        return Wanted(wish or "", priority)


def update_claimed(
    db: Database,
    claim: Claim,
    note: str = "",
    *,
    only_if: Mapping[str, Any] | None = None,
    **changes: Any,  # noqa: ANN401 (columns of many types)
) -> bool:
    """Change columns of a claimed study; `note` goes into its log.

    Parameters
    ----------
    only_if : mapping or None
        What columns must still hold: a person may have wished for something else since they
        were read.

    Returns
    -------
    bool
        Whether they do, and the study was changed.

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
        if only_if is not None and not _holds(connection, claim.study_id, only_if):
            return False
        change(connection, claim.study_id, changes)
        if note:
            add_event(connection, claim.study_id, str(changes.get("state", "note")), note)
    return True


def _holds(connection: Connection, study_id: str, wanted: Mapping[str, Any]) -> bool:
    query = select(*(study.c[name] for name in wanted)).where(study.c.id == study_id)
    row = connection.execute(query).mappings().one()
    return dict(row) == dict(wanted)


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


def _never() -> bool:
    return False


def _claim(
    db: Database, owner: str, lease: Lease, refuses: Callable[[], bool] = _never
) -> Claim | None:
    """Take over a lease, unless somebody has changed it since it was read.

    Parameters
    ----------
    refuses : callable
        Asked once nobody else can write; if it says so, the lease is left.
    """
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
        lock(connection, lease.study_id)
        if refuses() or not connection.execute(statement).rowcount:
            return None
    return Claim(lease.study_id, owner, lease.fence + 1)
