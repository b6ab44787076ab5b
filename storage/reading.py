"""What pages read of a study that may hold many thousands of trials.

Of every trial one line is read, once; of fits and curves only those that are shown. Each
reading takes up where the last one ended.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, select

from storage.database import Database
from storage.results import CURVE_COLUMNS, FitRow, TrialRow
from storage.schema import curve, fit, trial

_FIELDS = tuple(TrialRow.__dataclass_fields__)
_PARAMS = _FIELDS.index("params")
_STATE = _FIELDS.index("state")
_EPOCH_BYTES = 4 * len(CURVE_COLUMNS)

Line = tuple[Any, ...]


class Trials(Mapping[int, TrialRow]):
    """A study's trials by number, kept as the lines of their table.

    A line is a plain tuple, with the settings as JSON text, and becomes a `TrialRow` when it is
    asked for: ten thousand rows with their dictionaries would be looked through by every
    collection of garbage.
    """

    def __init__(self, lines: Iterable[Line] = ()) -> None:
        self._lines: dict[int, Line] = {}
        self._ordered: list[Line] | None = None
        self.take(lines)

    def take(self, lines: Iterable[Line]) -> None:
        """Take in lines that are new or have changed."""
        for line in lines:
            self._lines[line[0]] = line
        self._ordered = None

    def copy(self) -> Trials:
        """Return the trials as they stand now."""
        return Trials(self._by_number())

    def __getitem__(self, number: int) -> TrialRow:
        return _trial_row(self._lines[number])

    def __iter__(self) -> Iterator[int]:
        return (line[0] for line in self._by_number())

    def __len__(self) -> int:
        return len(self._lines)

    def __contains__(self, number: object) -> bool:
        return number in self._lines

    def column(self, name: str) -> list[Any]:
        """Return one field of every trial, by number; settings as JSON text."""
        place = _FIELDS.index(name)
        return [line[place] for line in self._by_number()]

    def in_state(self, *states: str) -> list[TrialRow]:
        """Return the trials in some states, by number."""
        return [_trial_row(line) for line in self._by_number() if line[_STATE] in states]

    def _by_number(self) -> list[Line]:
        if self._ordered is None:
            self._ordered = [self._lines[number] for number in sorted(self._lines)]
        return self._ordered


def _trial_row(line: Line) -> TrialRow:
    fields = list(line)
    fields[_PARAMS] = json.loads(line[_PARAMS])
    return TrialRow(*fields)


@dataclass(frozen=True)
class News:
    """What was written to a study since it was last read.

    Attributes
    ----------
    lines : sequence of tuple
        Trials that are new or have changed, for `Trials.take`.
    trainers : sequence of (str, int)
        Of fits that are new or have changed, each with the first trial it trained.
    moved : frozenset of int
        Trials with new epochs.
    last_piece : int
        Id of the newest piece of a curve.
    """

    lines: Sequence[Line]
    trainers: Sequence[tuple[str, int]]
    moved: frozenset[int]
    last_piece: int


def read_news(
    db: Database, study_id: str, *, after_version: int = -1, after_piece: int = 0
) -> News:
    """Read what was written to a study after a version and after a piece of a curve."""
    with db.read() as connection:
        return News(
            _read_lines(connection, study_id, after_version),
            _read_trainers(connection, study_id, after_version),
            *_read_moved(connection, study_id, after_piece),
        )


def _read_lines(connection: Connection, study_id: str, after: int) -> list[Line]:
    query = select(*(trial.c[name] for name in _FIELDS)).where(
        trial.c.study_id == study_id, trial.c.version > after
    )
    return [tuple(row) for row in connection.execute(query)]


def _read_trainers(connection: Connection, study_id: str, after: int) -> list[tuple[str, int]]:
    first = sa.func.min(fit.c.number)
    query = (
        select(fit.c.trainer, first)
        .where(fit.c.study_id == study_id, fit.c.version > after, fit.c.trainer != "")
        .group_by(fit.c.trainer)
        .order_by(first, fit.c.trainer)
    )
    return [(str(name), int(number)) for name, number in connection.execute(query)]


def _read_moved(
    connection: Connection, study_id: str, after: int
) -> tuple[frozenset[int], int]:
    newest = select(sa.func.max(curve.c.id)).where(curve.c.study_id == study_id)
    last = int(connection.scalar(newest) or 0)
    query = select(curve.c.number).where(curve.c.study_id == study_id)
    # Each is what lets SQLite choose the index that is short for it: by fit, or by id.
    query = query.where(curve.c.id > after).order_by(curve.c.id) if after else query.distinct()
    return frozenset(connection.scalars(query)), max(last, after)


def count_epochs(db: Database, study_id: str, *, after_piece: int) -> int:
    """Count the epochs trained after a piece; of a trial, those of its longest fit."""
    n_bytes = sa.func.length(curve.c["values"], type_=sa.Integer)
    n_epochs = sa.func.sum(n_bytes // _EPOCH_BYTES)
    of_fits = (
        select(curve.c.number, n_epochs.label("n_epochs"))
        .where(curve.c.study_id == study_id, curve.c.id > after_piece)
        .group_by(curve.c.number, curve.c.repeat, curve.c.fold)
        .subquery()
    )
    of_trials = (
        select(sa.func.max(of_fits.c.n_epochs).label("n_epochs"))
        .group_by(of_fits.c.number)
        .subquery()
    )
    with db.read() as connection:
        return int(connection.scalar(select(sa.func.sum(of_trials.c.n_epochs))) or 0)


def read_in_training(db: Database, study_id: str, limit: int) -> tuple[list[FitRow], int]:
    """Read the first fits in training of trials in training, the latest trial first.

    Returns
    -------
    fits : list of FitRow
        At most `limit`; by trial, repeat and fold.
    n_fits : int
        All there are.
    """
    in_training = select(trial.c.number).where(
        trial.c.study_id == study_id, trial.c.state == "RUNNING"
    )
    conditions = (
        fit.c.study_id == study_id,
        fit.c.number.in_(in_training),
        fit.c.state == "RUNNING",
    )
    columns = (fit.c.number, fit.c.repeat, fit.c.fold, fit.c.state)
    first = (
        select(*columns)
        .where(*conditions)
        .order_by(fit.c.number.desc(), fit.c.repeat, fit.c.fold)
        .limit(limit)
    )
    count = select(sa.func.count()).select_from(fit).where(*conditions)
    with db.read() as connection:
        fits = [FitRow(*row) for row in connection.execute(first)]
        return fits, int(connection.scalar(count) or 0)


def read_fit_lines(
    db: Database, study_id: str, after_version: int = -1
) -> list[tuple[int, int, int, float | None]]:
    """Read trial, repeat, fold and score of the fits written after a version of the study."""
    query = select(fit.c.number, fit.c.repeat, fit.c.fold, fit.c.score).where(
        fit.c.study_id == study_id,
        fit.c.version > after_version,
        fit.c.state.in_(("COMPLETE", "FAIL")),
    )
    with db.read() as connection:
        return [(row[0], row[1], row[2], row[3]) for row in connection.execute(query)]


@dataclass(frozen=True)
class FitScore:
    """The score of a fit, and how it was trained."""

    number: int
    repeat: int
    fold: int
    score: float | None
    trainer: str


def read_fit_scores(db: Database, study_id: str, numbers: Collection[int]) -> list[FitScore]:
    """Read the scores of the fits of some trials, by number, repeat and fold."""
    columns = [fit.c[name] for name in FitScore.__dataclass_fields__]
    query = (
        select(*columns)
        .where(fit.c.study_id == study_id, fit.c.number.in_(sorted(numbers)))
        .order_by(fit.c.number, fit.c.repeat, fit.c.fold)
    )
    with db.read() as connection:
        return [FitScore(*row) for row in connection.execute(query)]
