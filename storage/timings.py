"""What trainings cost on this machine, kept to estimate the next study."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sqlalchemy import select

from storage.database import Database
from storage.results import Timing
from storage.schema import timing

_KEPT = 2000  # enough for every kind of model; older machines' habits fade out


def add_timings(db: Database, timings: Sequence[Timing]) -> None:
    """Keep measured costs; the oldest beyond the last 2,000 go."""
    if not timings:
        return
    now = time.time()
    with db.write() as connection:
        connection.execute(timing.insert(), [t.__dict__ | {"created_at": now} for t in timings])
        newest = select(timing.c.id).order_by(timing.c.id.desc()).limit(1).offset(_KEPT)
        oldest_kept = connection.scalar(newest)
        if oldest_kept is not None:
            connection.execute(timing.delete().where(timing.c.id <= oldest_kept))


def read_timings(db: Database, model: str, trainer: str, limit: int = 300) -> list[Timing]:
    """Read the newest costs of one kind of model, newest first."""
    columns = [timing.c[name] for name in Timing.__dataclass_fields__]
    query = select(*columns).where(timing.c.model == model, timing.c.trainer == trainer)
    query = query.order_by(timing.c.id.desc()).limit(limit)
    with db.read() as connection:
        return [Timing(**row) for row in connection.execute(query).mappings()]
