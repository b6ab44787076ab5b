"""What training has cost on this machine, kept to estimate the next study."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Table, select

from storage.database import Database
from storage.results import StackTiming, Timing
from storage.schema import past_estimate, stack_timing, timing

_KEPT = 2000  # enough for every kind of model; older machines' habits fade out


@dataclass(frozen=True)
class PastEstimate:
    """What a study was estimated to take before it began, and what it took, in seconds.

    Attributes
    ----------
    low_s, high_s : float
        Ends of the 80 % interval as it would have been without past estimates.
    """

    low_s: float
    likely_s: float
    high_s: float
    seconds: float


def add_past_estimate(db: Database, past: PastEstimate) -> None:
    """Keep how an estimate turned out; the oldest beyond the last 2,000 go."""
    with db.write() as connection:
        _add(connection, past_estimate, [past])


def read_past_estimates(db: Database, limit: int = 50) -> list[PastEstimate]:
    """Read how the newest estimates turned out, newest first."""
    columns = [past_estimate.c[name] for name in PastEstimate.__dataclass_fields__]
    query = select(*columns).order_by(past_estimate.c.id.desc()).limit(limit)
    with db.read() as connection:
        return [PastEstimate(**row) for row in connection.execute(query).mappings()]


def add_timings(db: Database, timings: Sequence[Timing]) -> None:
    """Keep what trainings cost; the oldest beyond the last 2,000 go."""
    if timings:
        with db.write() as connection:
            _add(connection, timing, timings)


def add_stack_timings(db: Database, timings: Sequence[StackTiming]) -> None:
    """Keep what stacks cost; the oldest beyond the last 2,000 go."""
    if timings:
        with db.write() as connection:
            _add(connection, stack_timing, timings)


def read_timings(db: Database, model: str, trainer: str, limit: int = 300) -> list[Timing]:
    """Read the newest costs of one kind of model, newest first."""
    columns = [timing.c[name] for name in Timing.__dataclass_fields__]
    query = select(*columns).where(timing.c.model == model, timing.c.trainer == trainer)
    query = query.order_by(timing.c.id.desc()).limit(limit)
    with db.read() as connection:
        return [Timing(**row) for row in connection.execute(query).mappings()]


def read_stack_timings(db: Database, limit: int = 50) -> list[StackTiming]:
    """Read the newest costs of stacks, newest first."""
    columns = [stack_timing.c[name] for name in StackTiming.__dataclass_fields__]
    query = select(*columns).order_by(stack_timing.c.id.desc()).limit(limit)
    with db.read() as connection:
        return [StackTiming(**row) for row in connection.execute(query).mappings()]


def _add(
    connection: Connection,
    table: Table,
    timings: Sequence[Timing] | Sequence[StackTiming] | Sequence[PastEstimate],
) -> None:
    now = time.time()
    connection.execute(table.insert(), [t.__dict__ | {"created_at": now} for t in timings])
    newest = select(table.c.id).order_by(table.c.id.desc()).limit(1).offset(_KEPT)
    oldest_kept = connection.scalar(newest)
    if oldest_kept is not None:
        connection.execute(table.delete().where(table.c.id <= oldest_kept))
