"""Two workers or two apps started at once: a study has one owner throughout.

Clocks that are set back are tried where leases are: `tests/storage/test_leases.py`.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from storage.database import database
from storage.studies import get_study
from tests.browser.server import Server, free_port, wait_until
from tests.faults.checks import (
    assert_whole,
    make_spec,
    owners,
    scores,
    times_taken,
    two_workers,
)
from tests.postgres import Server as Postgres
from tests.test_worker import worker
from tuning.launch import launch

pytestmark = pytest.mark.slow


@pytest.mark.soak  # two on PostgreSQL are always tried
def test_two_workers_started_at_once_never_train_the_same_study(home: Path) -> None:
    db = database()

    with worker(home), worker(home):
        study_ids = [launch(db, make_spec()) for _ in range(3)]
        wait_until(lambda: all(get_study(db, id_).is_final for id_ in study_ids))

    expected = scores(db, study_ids[0])
    for study_id in study_ids:
        assert_whole(db, study_id, expected)
        assert times_taken(db, study_id) == 1


def test_workers_of_two_machines_share_the_studies_of_one_postgresql_server(
    tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    with two_workers(postgres, tmp_path, monkeypatch) as db:
        study_ids = [launch(db, make_spec()) for _ in range(3)]
        wait_until(lambda: len(owners(db, study_ids)) == 2)
        wait_until(lambda: all(get_study(db, id_).is_final for id_ in study_ids))

        expected = scores(db, study_ids[0])
        for study_id in study_ids:
            assert_whole(db, study_id, expected)
            assert times_taken(db, study_id) == 1


@pytest.mark.soak  # the keeper of tests/test_app.py is asked the same
def test_an_app_started_twice_keeps_one_worker(home: Path) -> None:
    first, second = (Server(home, free_port()) for _ in range(2))
    first.start()
    try:
        wait_until(lambda: len(first.workers()) == 1)
        second.start()
        study_id = launch(first.db, make_spec())
        wait_until(lambda: get_study(first.db, study_id).is_final)
        time.sleep(5)  # two rounds of either keeper
        workers = first.workers()
    finally:
        second.kill()
        first.stop()

    assert len(workers) == 1
    assert times_taken(first.db, study_id) == 1
