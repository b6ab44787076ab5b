"""What must hold of a study after anything was killed, and how long the suite goes on.

`make soak` sets the two numbers to their full size; CI runs a bounded form.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import optuna
import pytest
import sqlalchemy as sa

from storage.database import Database, open_database, optuna_storage
from storage.processes import live
from storage.results import read_fits, read_pieces, read_trials
from storage.schema import study
from storage.studies import TRAINING, get_study
from tests.browser.server import wait_until
from tests.postgres import Server
from tests.test_worker import worker
from tuning.spec import StudySpec

N_KILLS = int(os.environ.get("TUNEBOARD_TEST_KILLS", "50"))
OUTAGE_S = float(os.environ.get("TUNEBOARD_TEST_OUTAGE_S", "6"))

Scores = dict[int, float | None]


def make_spec(kind: str = "grid", n_epochs: int = 200, seed: int = 7) -> StudySpec:
    """Return a search of 12 trials, some of which are finished long before others."""
    sampler = {"kind": kind} | ({"n_trials": 12} if kind == "random" else {})
    rates = (
        {"kind": "list", "values": [0.001, 0.01, 0.1]}
        if kind == "grid"
        else {"kind": "log_range", "low": 1e-4, "high": 1e-1}
    )
    return StudySpec.parse(
        {
            "name": kind,
            "data": {"dataset": "digits"},
            "space": {
                "learning_rate": rates,
                "activation": {"kind": "list", "values": ["relu", "tanh"]},
                "epochs": {"kind": "list", "values": [n_epochs // 20, n_epochs]},
            },
            "sampler": sampler,
            "evaluation": {"folds": 2},
            "seed": seed,
        }
    )


def scores(db: Database, study_id: str) -> Scores:
    """Return the score of each trial."""
    return {trial.number: trial.score for trial in read_trials(db, study_id)}


def times_taken(db: Database, study_id: str) -> int:
    """Return how many owners a study has had."""
    with db.read() as connection:
        query = sa.select(study.c.fence).where(study.c.id == study_id)
        return int(connection.execute(query).scalar_one())


def owners(db: Database, study_ids: Sequence[str], n_trials_done: int = 0) -> set[str]:
    """Return who trains these studies; only those with as many finished trials count."""
    query = sa.select(study.c.lease_owner).where(
        study.c.id.in_(study_ids),
        study.c.state == TRAINING,
        study.c.n_trials_done >= n_trials_done,
    )
    with db.read() as connection:
        return set(connection.execute(query).scalars())


@contextmanager
def two_workers(
    postgres: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Database]:
    """Run two workers, each with a data folder of its own, on a database of one server."""
    with (
        postgres.database() as name,
        contextlib.closing(open_database(postgres.url(name))) as db,
    ):
        monkeypatch.setenv("TUNEBOARD_DATABASE_URL", postgres.url(name))
        with worker(folder / "one"), worker(folder / "two"):
            wait_for_two_workers(db)
            yield db


def wait_for_two_workers(db: Database) -> None:
    """Wait until two workers are there and have nothing to do."""
    wait_until(lambda: [row.state for row in live(db, "worker", within_s=60)] == ["ready"] * 2)


def assert_whole(db: Database, study_id: str, expected: Scores) -> None:
    """Check that a study ended by itself, and that nothing is lost, doubled or left over."""
    row = get_study(db, study_id)
    assert (row.state, row.message) == ("finished", "")
    trials = read_trials(db, study_id)
    unfinished = [(t.number, t.state, t.message) for t in trials if t.state != "COMPLETE"]
    assert unfinished == []
    assert len(trials) == len(expected)
    assert scores(db, study_id) == expected
    assert row.n_trials_done == len(expected)
    _assert_epochs_once(db, study_id)
    _assert_copied_once(db, study_id, expected)


def _assert_epochs_once(db: Database, study_id: str) -> None:
    told: dict[tuple[int, int, int], list[int]] = {}
    for piece in read_pieces(db, study_id)[0]:
        epochs = range(piece.first_epoch, piece.first_epoch + len(piece.values))
        told.setdefault((piece.number, piece.repeat, piece.fold), []).extend(epochs)
    fits = read_fits(db, study_id)
    assert {fit.state for fit in fits} == {"COMPLETE"}
    assert len(told) == len(fits)
    wrong = [f for f in fits if told[f.number, f.repeat, f.fold] != [*range(f.n_epochs)]]
    assert not wrong


def _assert_copied_once(db: Database, study_id: str, expected: Scores) -> None:
    trials = optuna.load_study(study_name=study_id, storage=optuna_storage(db)).trials
    assert {trial.state for trial in trials} == {optuna.trial.TrialState.COMPLETE}
    copied: Sequence[tuple[int, float | None]] = [
        (trial.user_attrs["number"], trial.value) for trial in trials
    ]
    assert len(copied) == len(expected)
    assert dict(copied) == expected
