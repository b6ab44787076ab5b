"""Who may take a study: told without clocks, which differ between machines and are set back.

A lease is over when its owner has let go of it, when its process is gone from this machine, or
when whoever looks has not seen it renewed for `LEASE_S` seconds of its own steady clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select

from storage.database import Database
from storage.processes import is_gone
from storage.schema import study
from storage.studies import ACTIVE_STATES, LEASE_S, Claim

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


def _queue(db: Database) -> list[Lease]:
    query = (
        select(study.c.id, study.c.lease_owner, study.c.lease_until, study.c.fence)
        .where(study.c.state.in_(ACTIVE_STATES))
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
