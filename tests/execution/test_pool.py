"""Training processes that are killed, hang or run out of memory; and a cluster of others."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.database import Database, open_database
from storage.results import read_fits, read_pieces
from storage.studies import get_study
from storage.wishes import ask_to_stop, set_priority
from tests.bounded import FULL
from tests.execution.conftest import (
    PATIENCE_S,
    dask,
    drive,
    make_spec,
    n_workers,
    run,
    scores,
    training_processes,
    trials,
    wait_until,
    wanted,
)
from tuning.errors import ClusterError
from tuning.execution import remote
from tuning.execution.cluster import Cluster
from tuning.execution.pool import Pool
from tuning.execution.remote import Word
from tuning.export.files import best_model_path
from tuning.launch import launch
from tuning.spec import StudySpec
from tuning.worker import load_engine

pytestmark = pytest.mark.slow

LONG = make_spec(n_epochs=150)
TOO_BIG = (
    "Out of memory: this trial needs more than the 1.4 GB a training process may hold. "
    + "Lower dense_layer_sizes (now 4096-4096-4096), or give the machine more memory."
)


def disturb_after(db: Database, study_id: str, n_epochs: int, number: signal.Signals) -> None:
    """Signal the training process once so many epochs of a study are written."""

    def n_written() -> int:
        pieces, _ = read_pieces(db, study_id)
        return max((piece.first_epoch + len(piece.values) for piece in pieces), default=0)

    wait_until(lambda: n_written() >= n_epochs)
    training_processes()[0].send_signal(number)


def assert_every_epoch_is_there_once(db: Database, study_id: str) -> None:
    told: dict[tuple[int, int, int], list[int]] = {}
    for piece in read_pieces(db, study_id)[0]:
        epochs = range(piece.first_epoch, piece.first_epoch + len(piece.values))
        told.setdefault((piece.number, piece.repeat, piece.fold), []).extend(epochs)
    fits = read_fits(db, study_id)
    assert len(told) == len(fits)
    assert all(told[f.number, f.repeat, f.fold] == [*range(f.n_epochs)] for f in fits)


@pytest.fixture(scope="module")
def undisturbed(
    pool: Pool, tmp_path_factory: pytest.TempPathFactory
) -> dict[int, float | None]:
    """Give the scores of `LONG` where nothing happens to it."""
    db = open_database(f"sqlite:///{tmp_path_factory.mktemp('undisturbed') / 'db.sqlite3'}")
    found = scores(db, run(db, LONG, pool).id)
    db.close()
    return found


def test_processes_train_what_this_process_trains(stored: Database, pool: Pool) -> None:
    spec = make_spec()

    there, here = run(stored, spec, pool), run(stored, spec, load_engine())

    assert (there.state, here.state) == ("finished", "finished")
    assert scores(stored, there.id) == scores(stored, here.id)
    assert_every_epoch_is_there_once(stored, there.id)
    assert best_model_path(pool_home(), there.id) is not None


def pool_home() -> Path:
    return Path(os.environ["TUNEBOARD_HOME"])


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.soak)]
)
def test_a_process_that_dies_or_hangs_costs_only_what_it_had_in_flight(
    stored: Database,
    pool: Pool,
    undisturbed: dict[int, float | None],
    number: signal.Signals,
) -> None:
    study_id = launch(stored, LONG)
    driver = threading.Thread(target=drive, args=(stored, study_id, pool))

    driver.start()
    disturb_after(stored, study_id, 20, number)
    driver.join()

    assert get_study(stored, study_id).state == "finished"
    assert scores(stored, study_id) == undisturbed
    assert_every_epoch_is_there_once(stored, study_id)


def test_a_process_that_takes_long_to_come_back_is_waited_for(
    stored: Database, pool: Pool, undisturbed: dict[int, float | None]
) -> None:
    cluster = pool._cluster
    study_id = launch(stored, LONG)
    driver = threading.Thread(target=drive, args=(stored, study_id, pool), daemon=True)

    driver.start()
    before = set(training_processes())
    disturb_after(stored, study_id, 20, signal.SIGKILL)
    wait_until(lambda: bool(set(training_processes()) - before))
    [next_process] = set(training_processes()) - before
    next_process.suspend()
    time.sleep(18.0)  # Dask's own patience is 15 s
    next_process.resume()
    driver.join(PATIENCE_S)

    assert get_study(stored, study_id).state == "finished"
    assert scores(stored, study_id) == undisturbed
    assert pool._cluster is cluster
    assert next_process in training_processes()


def test_a_restart_that_was_lost_is_asked_for_again(
    stored: Database,
    pool: Pool,
    undisturbed: dict[int, float | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, restart = [], pool._cluster.restart

    def lose_the_first(process: str) -> None:
        asked.append(process)
        if len(asked) > 1:
            restart(process)

    monkeypatch.setattr(pool._cluster, "restart", lose_the_first)
    study_id = launch(stored, LONG)
    driver = threading.Thread(target=drive, args=(stored, study_id, pool), daemon=True)

    driver.start()
    disturb_after(stored, study_id, 20, signal.SIGSTOP)
    driver.join(PATIENCE_S)

    assert get_study(stored, study_id).state == "finished"
    assert scores(stored, study_id) == undisturbed
    assert len(asked) > 1


@pytest.mark.parametrize("is_late", [True, False])
def test_a_word_that_does_not_know_of_a_job_loses_nothing_of_it(
    stored: Database, pool: Pool, undisturbed: dict[int, float | None], *, is_late: bool
) -> None:
    study_id = launch(stored, LONG)
    driver = threading.Thread(target=drive, args=(stored, study_id, pool))

    driver.start()
    wait_until(lambda: bool(read_pieces(stored, study_id)[0]))
    newest = -1 if is_late else 10**9
    word = Word(pool._id, newest, alive=set(), unwanted={})
    pool._cluster.client.run(remote.hear, word)
    driver.join()

    assert get_study(stored, study_id).state == "finished"
    assert scores(stored, study_id) == undisturbed
    assert_every_epoch_is_there_once(stored, study_id)


def test_two_studies_share_the_cores_and_one_stops_without_the_other(
    stored: Database, pool: Pool
) -> None:
    long, short = launch(stored, make_spec("long", 10_000)), launch(stored, make_spec("short"))
    drivers = [
        threading.Thread(target=drive, args=(stored, study_id, pool))
        for study_id in (long, short)
    ]

    drivers[0].start()
    wait_until(lambda: bool(read_pieces(stored, long)[0]))
    drivers[1].start()
    drivers[1].join()
    assert get_study(stored, short).state == "finished"
    assert get_study(stored, long).state == "training"
    ask_to_stop(stored, long)
    drivers[0].join()

    assert get_study(stored, long).state == "stopped"


def test_a_study_that_trains_gets_free_cores_first_once_somebody_wants_that(
    stored: Database, pool: Pool
) -> None:
    optimizers = ["sgd", "rmsprop", "adagrad", "adadelta", "adam", "adamax", "nadam"]
    space = {
        "optimizer": {"kind": "list", "values": optimizers},  # a stack for each
        "activation": {"kind": "list", "values": ["relu", "tanh"]},
        "epochs": {"kind": "fixed", "value": 300},
    }
    older, newer = (launch(stored, make_spec(name, space=space)) for name in ("older", "newer"))
    drivers = [
        threading.Thread(target=drive, args=(stored, study_id, pool), daemon=True)
        for study_id in (older, newer)
    ]

    def jobs(study_id: str) -> tuple[int, int]:
        """Count the stacks of its search that are trained, and those that wait."""
        own = [r for r in list(pool._runs) if r.work.study_id == study_id and r.leader is None]
        return sum(len(run.flying) for run in own), sum(len(run.queue) for run in own)

    def goes_first() -> bool:
        """Tell whether all cores are the newer one's, though the older one has more to do."""
        n_trained, n_waiting = jobs(older)
        return n_trained == 1 and n_waiting > 0 and jobs(newer)[0] == pool.n_cores

    drivers[0].start()
    wait_until(lambda: bool(read_pieces(stored, older)[0]))
    drivers[1].start()
    wait_until(lambda: jobs(newer)[0] > 0)
    set_priority(stored, newer, 1)
    wait_until(goes_first)
    ask_to_stop(stored, older)
    for driver in drivers:
        driver.join(PATIENCE_S)

    assert get_study(stored, newer).state == "finished"
    assert get_study(stored, older).state == "stopped"


@pytest.mark.soak
def test_a_trial_too_big_for_memory_fails_and_its_neighbours_finish(
    stored: Database, tmp_path: Path
) -> None:
    sizes = {"kind": "list", "values": [[8], [4096, 4096, 4096]]}
    spec = StudySpec.parse(
        {
            "name": "too big",
            "data": {"dataset": "pima"},
            "space": {
                "dense_layer_sizes": sizes,
                "epochs": {"kind": "fixed", "value": 2},
            },
            "evaluation": {"folds": 2} if FULL else {"method": "holdout"},
        }
    )
    small = Pool(wanted(tmp_path, memory_limit_mb=1400))
    try:
        row = run(stored, spec, small)
    finally:
        small.close()

    assert row.state == "finished"
    found = trials(stored, row.id).values()
    failed = [
        trial for trial in found if trial.params["dense_layer_sizes"] == [4096, 4096, 4096]
    ]
    assert [t.state for t in found if t not in failed] == ["COMPLETE"]
    assert [trial.state for trial in failed] == ["FAIL"]
    assert {trial.message for trial in failed} == {TOO_BIG}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


@contextmanager
def cluster_at(home: Path, port: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start a scheduler and two workers by hand; yield the three processes."""
    start = ("--host", "127.0.0.1", "--no-dashboard")
    address = f"tcp://127.0.0.1:{port}"
    work = ("worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny")
    with (
        dask(home, "scheduler", "--port", str(port), *start) as scheduler,
        dask(home, *work) as first,
        dask(home, *work) as second,
    ):
        wait_until(lambda: n_workers(wanted(home, cluster=address)) == 2)
        yield [scheduler, first, second]


def test_a_scheduler_elsewhere_gives_the_same_scores_and_loses_nothing_with_a_worker(
    stored: Database, undisturbed: dict[int, float | None], home: Path
) -> None:
    port = free_port()
    with cluster_at(home, port) as (_, worker, _):
        away = Pool(wanted(home, cluster=f"tcp://127.0.0.1:{port}"))
        try:
            quiet = run(stored, LONG, away)
            study_id = launch(stored, LONG)
            driver = threading.Thread(target=drive, args=(stored, study_id, away), daemon=True)
            driver.start()
            wait_until(lambda: len(read_pieces(stored, study_id)[0]) > 8)
            worker.kill()
            driver.join(PATIENCE_S)
        finally:
            away.close()

    assert scores(stored, quiet.id) == undisturbed
    assert get_study(stored, study_id).state == "finished"
    assert scores(stored, study_id) == undisturbed
    assert None not in undisturbed.values()


def test_a_study_goes_on_when_a_scheduler_that_died_is_back(
    stored: Database, undisturbed: dict[int, float | None], home: Path
) -> None:
    port, study_id = free_port(), launch(stored, LONG)
    with cluster_at(home, port) as (scheduler, _, _):
        away = Pool(wanted(home, cluster=f"tcp://127.0.0.1:{port}"))
        driver = threading.Thread(target=drive, args=(stored, study_id, away), daemon=True)
        driver.start()
        wait_until(lambda: len(read_pieces(stored, study_id)[0]) > 8)
        scheduler.kill()
    assert get_study(stored, study_id).state == "training"
    try:
        with cluster_at(home, port):
            driver.join(PATIENCE_S)
    finally:
        away.close()

    assert get_study(stored, study_id).state == "finished"
    assert scores(stored, study_id) == undisturbed
    assert_every_epoch_is_there_once(stored, study_id)


def test_a_scheduler_that_is_not_there_is_told_with_its_address(home: Path) -> None:
    port = free_port()

    with pytest.raises(ClusterError, match=f"No scheduler answers at 'tcp://127.0.0.1:{port}'"):
        Cluster(wanted(home, cluster=f"tcp://127.0.0.1:{port}"), connect_s=1.0)
