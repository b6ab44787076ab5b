"""A study from its creation to its deletion, and who may write it meanwhile."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from storage.database import Database
from storage.errors import LostLeaseError, UnknownStudyError
from storage.leases import check_fence, claim_study, renew, update_claimed
from storage.results import Batch, CurvePiece, FitRow, TrialRow, read_trials, write_batch
from storage.schema import curve, event, fit, study, trial
from storage.studies import (
    FAILED,
    FINAL_STATES,
    FINISHED,
    LEASE_S,
    STOPPED,
    TRAINING,
    WAITING,
    Claim,
    NewStudy,
    StudyFilter,
    count_studies,
    create_study,
    delete_study,
    events,
    first_claim,
    get_study,
    list_studies,
    n_ahead,
    slug,
    study_version,
)
from storage.wishes import ask_to_stop, set_priority


def change(db: Database, study_id: str, **values: Any) -> None:
    with db.write() as connection:
        connection.execute(study.update().where(study.c.id == study_id).values(values))


ROOT = Path(__file__).resolve().parents[2]
CLAIM = """
claim = claim_study(db, f"worker-{os.getpid()}")
print(claim.study_id if claim else "")
"""
CREATE = """
print(create_study(db, NewStudy("a", "{}", "pima", "grid", "f1", "maximize", 1, 1), "click"))
"""
READY = """
import os
import sys
from storage.database import open_database
from storage.leases import claim_study
from storage.studies import NewStudy, create_study

db = open_database(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
"""


def at_the_same_moment(script: str, url: str) -> list[str]:
    """Run a script in two processes that have opened the database, and return their answers."""
    command = [sys.executable, "-c", READY + script, url]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    processes = [subprocess.Popen(command, cwd=ROOT, text=True, **pipes) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    return answers


def let_lease_run_out(db: Database, study_id: str) -> None:
    change(db, study_id, lease_until=0.0)


def test_a_new_study_waits_with_what_was_handed_in(db: Database, new_study: NewStudy) -> None:
    before = time.time()

    row = get_study(db, create_study(db, new_study))

    assert {name: getattr(row, name) for name in new_study.__dict__} == new_study.__dict__
    assert (row.state, row.wish, row.n_trials_done, row.best_score) == (WAITING, "", 0, None)
    assert before <= row.created_at <= time.time()
    assert not row.is_final
    assert row.seconds is None
    assert [entry["text"] for entry in events(db, row.id)] == ["Created with 54 fits."]


def test_an_id_is_the_name_and_four_characters_that_are_told_apart(
    db: Database, new_study: NewStudy
) -> None:
    ids = {create_study(db, new_study) for _ in range(20)}

    assert len(ids) == 20
    for study_id in ids:
        name, _, tail = study_id.rpartition("-")
        assert name == "pima-batch-size"
        assert len(tail) == 4
        assert not set(tail) & set("01ilo")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Größe × 2", "gr-e-2"),
        ("日本", "study"),
        ("a" * 70, "a" * 60),
        ("b" * 59 + " c", "b" * 59),
    ],
)
def test_a_slug_holds_only_what_urls_like(name: str, expected: str) -> None:
    assert slug(name) == expected


def test_the_same_token_creates_one_study(db: Database, new_study: NewStudy) -> None:
    first = create_study(db, new_study, "click-1")

    assert create_study(db, replace(new_study, name="other"), "click-1") == first
    assert create_study(db, new_study, "click-2") != first
    assert count_studies(db) == 2


def test_the_same_token_from_many_threads_creates_one_study(
    db: Database, new_study: NewStudy
) -> None:
    barrier = threading.Barrier(6)

    def create(_: int) -> str:
        barrier.wait()
        return create_study(db, new_study, "double-click")

    with ThreadPoolExecutor(6) as pool:
        ids = set(pool.map(create, range(6)))

    assert len(ids) == 1
    assert count_studies(db) == 1


def test_a_study_that_is_not_there_is_named(db: Database) -> None:
    with pytest.raises(UnknownStudyError) as error:
        get_study(db, "pima-9999")

    assert str(error.value) == "There is no study 'pima-9999'. It may have been deleted."
    assert study_version(db, "pima-9999") is None


def test_exactly_one_of_many_claimers_wins(db: Database, study_id: str) -> None:
    barrier = threading.Barrier(6)

    def claim_as(number: int) -> Claim | None:
        barrier.wait()
        return claim_study(db, f"worker-{number}")

    with ThreadPoolExecutor(6) as pool:
        claims = [claim for claim in pool.map(claim_as, range(6)) if claim is not None]

    assert len(claims) == 1
    assert (claims[0].study_id, claims[0].fence) == (study_id, 1)


@pytest.mark.slow
def test_exactly_one_of_two_processes_gets_a_study(db: Database, study_id: str) -> None:
    answers = at_the_same_moment(CLAIM, db.url)

    assert sorted(answers) == ["", study_id]
    assert get_study(db, study_id).version == 1


@pytest.mark.slow
def test_the_same_token_from_two_processes_creates_one_study(db: Database) -> None:
    first, second = at_the_same_moment(CREATE, db.url)

    assert first == second
    assert [row.id for row in list_studies(db)] == [first]
    assert len(events(db, first)) == 1


def test_a_claim_waits_for_a_write_of_the_worker_that_is_about_to_lose_the_study(
    db: Database, claim: Claim
) -> None:
    let_lease_run_out(db, claim.study_id)
    order: list[str] = []

    def take_over() -> Claim | None:
        second = claim_study(db, "worker-2", claim.study_id)
        order.append("second")
        return second

    with ThreadPoolExecutor(1) as pool:
        with db.write() as connection:
            check_fence(connection, claim)
            taking = pool.submit(take_over)
            time.sleep(0.2)
            order.append("first")
        second = taking.result()

    assert order == ["first", "second"]
    assert second == Claim(claim.study_id, "worker-2", claim.fence + 1)


def test_deleting_waits_for_a_write_and_leaves_nothing_of_it(
    db: Database, claim: Claim
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with db.write() as connection:
            check_fence(connection, claim)
            deleting = pool.submit(delete_study, db, claim.study_id)
            time.sleep(0.2)
            row = {"number": 0, "state": "RUNNING", "params": "{}", "version": 1}
            connection.execute(trial.insert().values(study_id=claim.study_id, **row))
        deleting.result()

    with db.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(trial)) == 0


def test_the_oldest_study_is_claimed_first(db: Database, new_study: NewStudy) -> None:
    first, second = create_study(db, new_study), create_study(db, new_study)
    change(db, first, created_at=200.0)
    change(db, second, created_at=100.0)

    claims = [claim_study(db, "worker") for _ in range(3)]

    assert [claim.study_id if claim else None for claim in claims] == [second, first, None]


def test_a_certain_study_is_claimed_or_none(db: Database, study_id: str) -> None:
    assert claim_study(db, "worker", "pima-9999") is None
    claim = claim_study(db, "worker", study_id)
    assert claim is not None
    assert claim_study(db, "other", study_id) is None


@pytest.mark.parametrize("state", FINAL_STATES)
def test_a_study_that_has_ended_is_not_claimed(db: Database, study_id: str, state: str) -> None:
    change(db, study_id, state=state)

    assert claim_study(db, "worker") is None


def test_a_lease_that_ran_out_is_taken_over_and_the_old_owner_can_change_nothing(
    db: Database, claim: Claim
) -> None:
    let_lease_run_out(db, claim.study_id)
    second = claim_study(db, "worker-2")
    assert second is not None
    version = study_version(db, claim.study_id)

    with pytest.raises(LostLeaseError) as error:
        update_claimed(db, claim, "I was here.", phase="mine")
    with pytest.raises(LostLeaseError):
        renew(db, claim)
    with pytest.raises(LostLeaseError):
        write_batch(db, claim, Batch(trials=[TrialRow(0, "RUNNING", {})]))

    assert str(error.value) == (
        f"Study {claim.study_id!r} is trained by another worker now; this one lets go of it."
    )
    assert second.fence == claim.fence + 1
    assert study_version(db, claim.study_id) == version
    assert get_study(db, claim.study_id).phase == ""
    assert read_trials(db, claim.study_id) == []
    assert "I was here." not in [entry["text"] for entry in events(db, claim.study_id)]
    update_claimed(db, second, phase="its own")
    assert get_study(db, claim.study_id).phase == "its own"


def test_renewing_keeps_the_lease_and_brings_the_wish_without_a_new_version(
    db: Database, claim: Claim
) -> None:
    update_claimed(db, claim, lease_until=1.0)  # as good as run out
    version = study_version(db, claim.study_id)

    assert renew(db, claim) == ("", 0)

    left = get_study(db, claim.study_id).lease_until - time.time()
    assert LEASE_S - 5 < left <= LEASE_S
    assert study_version(db, claim.study_id) == version
    ask_to_stop(db, claim.study_id)
    set_priority(db, claim.study_id, 1)
    assert renew(db, claim) == ("stop", 1)


def test_a_lease_that_its_owner_let_go_of_is_not_renewed(db: Database, claim: Claim) -> None:
    update_claimed(db, claim, lease_until=0.0)

    renew(db, claim)

    assert claim_study(db, "worker-2") is not None


def test_a_study_that_waits_stops_at_once(db: Database, study_id: str) -> None:
    ask_to_stop(db, study_id)

    row = get_study(db, study_id)
    assert (row.state, row.wish, row.message) == (STOPPED, "stop", "Stopped by a person.")
    assert row.finished_at is not None
    assert claim_study(db, "worker") is None


@pytest.mark.parametrize("state", [WAITING, TRAINING])
def test_a_study_that_a_worker_holds_is_left_for_it_to_stop(
    db: Database, claim: Claim, state: str
) -> None:
    update_claimed(db, claim, state=state)

    ask_to_stop(db, claim.study_id)

    row = get_study(db, claim.study_id)
    assert (row.state, row.wish, row.finished_at) == (state, "stop", None)


def test_a_study_whose_worker_went_down_stops_at_once_with_nothing_left_running(
    db: Database, claim: Claim
) -> None:
    update_claimed(db, claim, state=TRAINING)
    trials = [TrialRow(0, "COMPLETE", {}, score=0.7), TrialRow(1, "RUNNING", {})]
    write_batch(db, claim, Batch(trials=trials))
    seen = study_version(db, claim.study_id) or 0
    let_lease_run_out(db, claim.study_id)

    ask_to_stop(db, claim.study_id)

    changed = read_trials(db, claim.study_id, after_version=seen)
    assert get_study(db, claim.study_id).state == STOPPED
    assert [(row.number, row.state) for row in changed] == [(1, "WAITING")]


@pytest.mark.parametrize("state", FINAL_STATES)
def test_stopping_what_has_ended_changes_nothing(
    db: Database, claim: Claim, state: str
) -> None:
    update_claimed(db, claim, state=state)
    before = get_study(db, claim.study_id)

    ask_to_stop(db, claim.study_id)

    assert get_study(db, claim.study_id) == before


def test_stopping_what_is_not_there_says_so(db: Database) -> None:
    with pytest.raises(UnknownStudyError):
        ask_to_stop(db, "pima-9999")


@pytest.mark.parametrize("state", [FINISHED, FAILED])
def test_an_end_sets_the_time_and_frees_the_lease(
    db: Database, claim: Claim, state: str
) -> None:
    update_claimed(db, claim, started_at=time.time() - 10, seconds_left=7.0)

    update_claimed(db, claim, "It is over.", state=state)

    row = get_study(db, claim.study_id)
    assert row.is_final
    assert (row.lease_until, row.seconds_left) == (0.0, None)
    assert row.seconds == pytest.approx(10, abs=5)
    last = events(db, claim.study_id)[-1]
    assert (last["kind"], last["text"]) == (state, "It is over.")


def test_each_change_makes_a_new_version(db: Database, claim: Claim) -> None:
    versions = [study_version(db, claim.study_id)]
    update_claimed(db, claim, phase="Reading data")
    versions.append(study_version(db, claim.study_id))
    write_batch(db, claim, Batch(study={"n_trials_done": 1}))
    versions.append(study_version(db, claim.study_id))
    ask_to_stop(db, claim.study_id)
    versions.append(study_version(db, claim.study_id))

    assert versions == sorted({version for version in versions if version is not None})
    assert len(versions) == 4


def test_the_log_keeps_the_newest_entries_in_order(db: Database, claim: Claim) -> None:
    for number in range(4):
        update_claimed(db, claim, f"note {number}")

    texts = [entry["text"] for entry in events(db, claim.study_id, limit=2)]

    assert texts == ["note 2", "note 3"]


def test_studies_are_listed_newest_first_page_by_page(
    db: Database, new_study: NewStudy
) -> None:
    ids = [create_study(db, new_study) for _ in range(5)]
    for age, study_id in enumerate(ids):
        change(db, study_id, created_at=1000.0 + age)

    first = [row.id for row in list_studies(db, limit=2)]
    rest = [row.id for row in list_studies(db, limit=10, offset=2)]

    assert first + rest == ids[::-1]


def test_studies_are_found_by_name_dataset_and_state(db: Database, new_study: NewStudy) -> None:
    pima = create_study(db, new_study)
    house = create_study(db, replace(new_study, name="100% houses", dataset="california"))
    change(db, house, state=FINISHED)

    def found(text: str = "", *states: str) -> list[str]:
        chosen = StudyFilter(text, states)
        rows = [row.id for row in list_studies(db, chosen)]
        assert count_studies(db, chosen) == len(rows)
        return rows

    assert found("BATCH") == [pima]
    assert found("calif") == [house]
    assert found("0%") == [house]
    assert found("_") == []
    assert found("", WAITING) == [pima]
    assert set(found()) == {pima, house}


def test_a_study_waits_behind_older_ones_that_have_not_ended(
    db: Database, new_study: NewStudy
) -> None:
    ids = [create_study(db, new_study) for _ in range(4)]
    for age, study_id in enumerate(ids):
        change(db, study_id, created_at=1000.0 + age)
    change(db, ids[0], state=FINISHED)
    change(db, ids[1], state=TRAINING)

    assert n_ahead(db, get_study(db, ids[2])) == 1
    assert n_ahead(db, get_study(db, ids[3])) == 2


def test_deleting_a_study_deletes_all_its_rows_and_no_others(
    db: Database, new_study: NewStudy
) -> None:
    ids = [create_study(db, new_study) for _ in range(2)]
    for study_id in ids:
        claim = claim_study(db, "worker", study_id)
        assert claim is not None
        values = np.zeros((1, 5), np.float32)
        batch = Batch(
            trials=[TrialRow(0, "RUNNING", {})],
            fits=[FitRow(0, 0, 0, "RUNNING")],
            pieces=[CurvePiece(0, 0, 0, 0, values)],
        )
        write_batch(db, claim, batch)

    delete_study(db, ids[0])

    with db.read() as connection:
        for table in (trial, fit, curve, event):
            owners = set(connection.scalars(sa.select(table.c.study_id)))
            assert owners == {ids[1]}
        assert list(connection.scalars(sa.select(study.c.id))) == [ids[1]]
    with pytest.raises(UnknownStudyError):
        delete_study(db, ids[0])


def test_a_worker_whose_study_is_deleted_loses_it(db: Database, claim: Claim) -> None:
    delete_study(db, claim.study_id)

    with pytest.raises(LostLeaseError):
        write_batch(db, claim, Batch(trials=[TrialRow(0, "RUNNING", {})]))


def test_a_study_created_for_oneself_is_nobody_elses_while_the_lease_runs(
    db: Database, new_study: NewStudy
) -> None:
    study_id = create_study(db, new_study, owner="me")

    others = claim_study(db, "worker")
    update_claimed(db, first_claim(study_id, "me"), phase="Mine")
    let_lease_run_out(db, study_id)
    later = claim_study(db, "worker")

    assert others is None
    assert get_study(db, study_id).phase == "Mine"
    assert later is not None
    assert later.fence == 2
