"""Studies that are not finished, and who trains them: what the menu and the home page show."""

from __future__ import annotations

import time
from dataclasses import dataclass

from pages.parts.show import Badge, plural, since, state_badge
from pages.parts.study.facts import confirming_share, is_confirming
from storage import processes, studies
from storage.database import Database
from storage.processes import ProcessRow
from storage.settings import settings
from storage.studies import WAITING, StudyFilter, StudyRow

MOST_SHOWN = 3
CONFIRMING = Badge("Confirming", ":material/fact_check:", "blue")
LIVE_S = 10.0  # a worker that has not beaten for this long is offline
_START_S = 20.0  # from the start of the app to the first heartbeat of its worker
_TRAINED = StudyFilter(states=(studies.PREPARING, studies.TRAINING))
_WAITING = StudyFilter(states=(studies.WAITING,))
_ACTIVE = StudyFilter(states=studies.ACTIVE_STATES)


@dataclass(frozen=True)
class Running:
    """The studies in training, then those that wait; `n_more` are not among `rows`."""

    rows: tuple[StudyRow, ...]
    n_more: int


@dataclass(frozen=True)
class WorkerStatus:
    """What the workers do, in words: a badge and a line below it."""

    badge: Badge
    note: str


def running(db: Database, limit: int = MOST_SHOWN) -> Running:
    """Read the first studies that are not finished, and count the others."""
    rows = studies.list_studies(db, _TRAINED, limit=limit)
    room, n_waiting = limit - len(rows), studies.count_studies(db, _WAITING)
    if room and n_waiting:
        offset = max(n_waiting - room, 0)  # the oldest come last, and start first
        rows += reversed(studies.list_studies(db, _WAITING, limit=room, offset=offset))
    return Running(tuple(rows), max(studies.count_studies(db, _ACTIVE) - len(rows), 0))


def study_badge(row: StudyRow) -> Badge:
    """Return the badge of a study: its state, what it is about to do, or that it confirms."""
    return (
        CONFIRMING if is_confirming(row) and not row.wish else state_badge(row.state, row.wish)
    )


def progress(row: StudyRow) -> float:
    """Return the share of fits that are done, from 0 to 1; while confirming, of its round."""
    if is_confirming(row):
        return confirming_share(row)
    return min(row.n_fits_done / row.n_fits_planned, 1.0) if row.n_fits_planned else 0.0


def progress_word(row: StudyRow) -> str:
    """Say in a word how far a study is."""
    if row.state == WAITING:
        return "wait"
    return "confirming" if is_confirming(row) else f"{progress(row):.0%}"


def worker_status(db: Database, timezone: str) -> WorkerStatus:
    """Say what the workers do; without one, since when and what that means."""
    live = processes.live(db, "worker", LIVE_S)
    if live:
        return WorkerStatus(_busy_badge(db, {row.state for row in live}), _machine(live[0]))
    if _will_start(db):
        return WorkerStatus(_STARTING, "")
    last = processes.newest(db, "worker")
    word = "Worker offline"
    if last is not None:
        word += f" since {since(last.heartbeat_at, timezone)}"
    return WorkerStatus(
        Badge(word, ":material/cloud_off:", "red"), "Studies wait and start by themselves."
    )


def worker_is_offline(db: Database) -> bool:
    """Tell whether a study that starts now has to wait for a worker."""
    return not processes.live(db, "worker", LIVE_S) and not _will_start(db)


_STARTING = Badge("Worker starting (about 10 s)", ":material/hourglass_top:", "orange")


def _busy_badge(db: Database, states: set[str]) -> Badge:
    if "working" in states:
        n_waiting = studies.count_studies(db, _WAITING)
        word = f"Working, {n_waiting} waiting" if n_waiting else "Working"
        return Badge(word, ":material/play_arrow:", "blue")
    if "ready" in states:
        return Badge("Worker ready", ":material/check_circle:", "green")
    return _STARTING


def _machine(row: ProcessRow) -> str:
    return f"{plural(row.cores, 'core')} · {row.free_memory / 1e9:.1f} GB free"


def _will_start(db: Database) -> bool:
    """Tell whether the app has only just started and its first worker is on its way."""
    young = time.time() - _START_S
    apps = processes.live(db, "app", LIVE_S)
    return settings().workers > 0 and any(row.started_at > young for row in apps)
