"""Trials, fits and curves: written in batches by the worker, read in pieces by pages."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy import Connection, RowMapping, select

from storage.database import Database, insert_into
from storage.leases import check_fence
from storage.schema import curve, fit, study, trial
from storage.studies import Claim

ENDED_STATES = ("COMPLETE", "PRUNED", "FAIL")  # of trials
CURVE_COLUMNS = ("loss", "metric", "val_loss", "val_metric", "watched")

_TRIAL_KEY = ("study_id", "number")
_FIT_KEY = (*_TRIAL_KEY, "repeat", "fold")
_PIECE_KEY = (*_FIT_KEY, "first_epoch")


@dataclass(frozen=True)
class TrialRow:
    """One trial; `params` holds the searched parameters only.

    Attributes
    ----------
    state : str
        Name of a member of `optuna.trial.TrialState`.
    score, spread : float or None
        Mean and standard deviation over the fits.
    n_epochs : float or None
        Mean over the fits.
    """

    number: int
    state: str
    params: dict[str, Any]
    score: float | None = None
    spread: float | None = None
    n_epochs: float | None = None
    duration_s: float | None = None
    n_weights: int | None = None
    message: str = ""
    finished_at: float | None = None


@dataclass(frozen=True)
class FitRow:
    """One trial trained on one fold of one repeat; `metrics` has every score by name."""

    number: int
    repeat: int
    fold: int
    state: str
    score: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    n_epochs: int = 0
    best_epoch: int | None = None
    duration_s: float | None = None
    trainer: str = ""
    message: str = ""


@dataclass(frozen=True)
class CurvePiece:
    """Some epochs of one fit.

    Attributes
    ----------
    first_epoch : int
        Epoch of the first row, from 0.
    values : ndarray of shape (n_epochs, 5)
        float32, in the order of `CURVE_COLUMNS`; NaN where there is no such value.
    """

    number: int
    repeat: int
    fold: int
    first_epoch: int
    values: NDArray[np.float32]


@dataclass(frozen=True)
class Timing:
    """What one training cost on this machine."""

    model: str
    trainer: str
    n_steps: int
    n_epochs: int
    work: float
    seconds: float


@dataclass(frozen=True)
class StackTiming:
    """What stacks that were trained in one go took on this machine.

    Attributes
    ----------
    epochs_s, compile_s : float
        Seconds that their plan foretold: of their epochs, and of compiling them.
    seconds : float
        What they took, whether they were compiled or had been before.
    """

    epochs_s: float
    compile_s: float
    seconds: float


@dataclass
class Batch:
    """What happened since the last write; written in one transaction."""

    trials: list[TrialRow] = field(default_factory=list)
    fits: list[FitRow] = field(default_factory=list)
    pieces: list[CurvePiece] = field(default_factory=list)
    study: dict[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.trials or self.fits or self.pieces or self.study)


def write_batch(db: Database, claim: Claim, batch: Batch) -> None:
    """Write a batch, all of it or nothing, as the study's next version.

    Writing the same batch again changes nothing but the version.

    Raises
    ------
    LostLeaseError
        If another worker has claimed the study since.
    """
    study_id = claim.study_id
    with db.write() as connection:
        check_fence(connection, claim)
        connection.execute(
            study.update()
            .where(study.c.id == study_id)
            .values(version=study.c.version + 1, updated_at=time.time(), **batch.study)
        )
        version = connection.scalar(select(study.c.version).where(study.c.id == study_id))
        common = {"study_id": study_id, "version": version}
        trials = [_trial_values(row) | common for row in batch.trials]
        fits = [_fit_values(row) | common for row in batch.fits]
        pieces = [_piece_values(piece, study_id) for piece in batch.pieces]
        _upsert(connection, trial, _TRIAL_KEY, trials)
        _upsert(connection, fit, _FIT_KEY, fits)
        _upsert(connection, curve, _PIECE_KEY, pieces)


def forget_unfinished(db: Database, claim: Claim, numbers: Iterable[int]) -> None:
    """Delete fits and curves of trials that were in flight when their worker went down."""
    numbers = sorted(numbers)
    with db.write() as connection:
        check_fence(connection, claim)
        for start in range(0, len(numbers), 500):  # SQLite bounds the variables of a statement
            part = numbers[start : start + 500]
            for table in (curve, fit):
                connection.execute(
                    table.delete().where(
                        table.c.study_id == claim.study_id, table.c.number.in_(part)
                    )
                )


def read_trials(
    db: Database, study_id: str, *, after_version: int = -1, states: Sequence[str] = ()
) -> list[TrialRow]:
    """Read the trials written after a version of the study, by number."""
    conditions = [trial.c.study_id == study_id, trial.c.version > after_version]
    if states:
        conditions.append(trial.c.state.in_(states))
    columns = [trial.c[name] for name in TrialRow.__dataclass_fields__]
    query = select(*columns).where(*conditions).order_by(trial.c.number)
    with db.read() as connection:
        return [_trial_row(row) for row in connection.execute(query).mappings()]


def read_fits(
    db: Database,
    study_id: str,
    *,
    numbers: Sequence[int] | None = None,
    after_version: int = -1,
) -> list[FitRow]:
    """Read fits, of all trials or of some, by number, repeat and fold."""
    conditions = [fit.c.study_id == study_id, fit.c.version > after_version]
    if numbers is not None:
        conditions.append(fit.c.number.in_(numbers))
    columns = [fit.c[name] for name in FitRow.__dataclass_fields__]
    query = select(*columns).where(*conditions).order_by(fit.c.number, fit.c.repeat, fit.c.fold)
    with db.read() as connection:
        return [_fit_row(row) for row in connection.execute(query).mappings()]


def read_pieces(
    db: Database, study_id: str, *, numbers: Sequence[int] | None = None, after_id: int = 0
) -> tuple[list[CurvePiece], int]:
    """Read the curve pieces written after one, of all trials or of some.

    Returns
    -------
    pieces : list of CurvePiece
        In the order they were written.
    last_id : int
        Hand it in as `after_id` to read only what is newer.
    """
    conditions = [curve.c.study_id == study_id]
    if after_id:
        conditions.append(curve.c.id > after_id)
    if numbers is not None:
        conditions.append(curve.c.number.in_(numbers))
    query = select(curve).where(*conditions)
    with db.read() as connection:
        # Asked for ids or for their order, SQLite would go through all pieces of the study.
        rows = sorted(connection.execute(query).mappings(), key=lambda row: int(row["id"]))
    return [_piece(row) for row in rows], int(rows[-1]["id"]) if rows else after_id


def last_piece_id(db: Database, study_id: str) -> int:
    """Return the id of the study's newest curve piece, 0 if it has none."""
    query = select(sa.func.max(curve.c.id)).where(curve.c.study_id == study_id)
    with db.read() as connection:
        return int(connection.scalar(query) or 0)


def _upsert(
    connection: Connection, table: sa.Table, key: Sequence[str], rows: list[dict[str, Any]]
) -> None:
    if not rows:
        return
    statement = insert_into(connection, table)
    updates = {name: statement.excluded[name] for name in rows[0] if name not in key}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=updates), rows)


def _trial_values(row: TrialRow) -> dict[str, Any]:
    return row.__dict__ | {"params": json.dumps(row.params)}


def _fit_values(row: FitRow) -> dict[str, Any]:
    return row.__dict__ | {"metrics": json.dumps(row.metrics)}


def _piece_values(piece: CurvePiece, study_id: str) -> dict[str, Any]:
    values = np.ascontiguousarray(piece.values, dtype="<f4").tobytes()
    return piece.__dict__ | {"study_id": study_id, "values": values}


def _trial_row(row: RowMapping) -> TrialRow:
    return TrialRow(**(dict(row) | {"params": json.loads(row["params"])}))


def _fit_row(row: RowMapping) -> FitRow:
    return FitRow(**(dict(row) | {"metrics": json.loads(row["metrics"])}))


def _piece(row: RowMapping) -> CurvePiece:
    values = np.frombuffer(row["values"], dtype="<f4").reshape(-1, len(CURVE_COLUMNS))
    return CurvePiece(row["number"], row["repeat"], row["fold"], row["first_epoch"], values)
