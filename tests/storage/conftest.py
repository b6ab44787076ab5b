"""Databases of both kinds, a study that waits there, and one that a worker holds."""

from __future__ import annotations

import pytest

from storage.database import Database
from storage.leases import claim_study
from storage.studies import Claim, NewStudy, create_study


@pytest.fixture
def db(each_db: Database) -> Database:
    """Run every test of this folder over SQLite and over PostgreSQL."""
    return each_db


@pytest.fixture
def new_study() -> NewStudy:
    """Give what a page hands in."""
    return NewStudy(
        name="Pima: batch size",
        spec="{}",
        dataset="pima",
        sampler="grid",
        score_name="accuracy",
        direction="maximize",
        n_trials_planned=18,
        n_fits_planned=54,
    )


@pytest.fixture
def study_id(db: Database, new_study: NewStudy) -> str:
    """Give the id of a study that waits."""
    return create_study(db, new_study)


@pytest.fixture
def claim(db: Database, study_id: str) -> Claim:
    """Give a worker's right to write that study."""
    taken = claim_study(db, "worker-1", study_id)
    assert taken is not None
    return taken
