"""Training processes come and go: full of memory, missing, or behind TLS; nothing is lost."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from distributed.security import Security

from storage.database import Database
from storage.results import read_pieces
from storage.settings import Settings
from storage.studies import get_study
from tests.execution.conftest import (
    dask,
    drive,
    make_spec,
    n_workers,
    run,
    scores,
    training_processes,
    wait_until,
    wanted,
)
from tuning.errors import ClusterError
from tuning.execution.cluster import Cluster
from tuning.execution.pool import Pool
from tuning.launch import launch

pytestmark = [pytest.mark.slow, pytest.mark.soak]


def pids() -> set[int]:
    return {process.pid for process in training_processes()}


def test_a_process_that_holds_too_much_memory_is_started_anew_between_jobs(
    stored: Database, pool: Pool, tmp_path: Path
) -> None:
    spec = make_spec()
    roomy, others = run(stored, spec, pool), pids()
    tight = Pool(wanted(tmp_path, memory_limit_mb=1250))  # TensorFlow alone takes 0.7 of it
    try:
        used = pids() - others
        first = run(stored, spec, tight)
        wait_until(lambda: not used & pids())
        second = run(stored, spec, tight)
    finally:
        tight.close()

    assert used
    assert (first.state, second.state) == ("finished", "finished")
    assert scores(stored, first.id) == scores(stored, second.id) == scores(stored, roomy.id)


def test_a_process_that_does_not_come_back_is_missed_and_everything_begins_anew(
    stored: Database, pool: Pool, tmp_path: Path
) -> None:
    spec = make_spec(n_epochs=400)
    undisturbed = run(stored, spec, pool)
    others = pids()
    hurried = Pool(wanted(tmp_path), missing_s=2.0)
    try:
        first = hurried._cluster
        study_id = launch(stored, spec)
        driver = threading.Thread(target=drive, args=(stored, study_id, hurried))
        driver.start()
        wait_until(lambda: bool(read_pieces(stored, study_id)[0]))
        assert first._local is not None
        for nanny in first._local.workers.values():
            nanny.auto_restart = False
        for process in training_processes():
            if process.pid not in others:
                process.kill()
        driver.join()
        begun_anew = hurried._cluster is not first
    finally:
        hurried.close()

    assert begun_anew
    assert get_study(stored, study_id).state == "finished"
    assert scores(stored, study_id) == scores(stored, undisturbed.id)


@pytest.fixture
def certified(home: Path) -> Iterator[Callable[..., Settings]]:
    """Give the settings for a scheduler with a worker that speaks TLS alone."""
    own, other = Security.temporary(), Security.temporary()
    files = {}
    for name, security in (("own", own), ("other", other)):
        for part in ("tls_ca_file", "tls_client_cert", "tls_client_key"):
            path = home / f"{name}-{part}.pem"
            path.write_text(getattr(security, part))
            files[name, part] = path
    tls = [
        f"--tls-ca-file={files['own', 'tls_ca_file']}",
        f"--tls-cert={files['own', 'tls_client_cert']}",
        f"--tls-key={files['own', 'tls_client_key']}",
    ]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"tls://127.0.0.1:{port}"
    start = ("--host", "127.0.0.1", "--protocol", "tls", "--no-dashboard")
    work = ("--nthreads", "1", "--no-dashboard", "--no-nanny")

    def chosen(name: str = "own") -> Settings:
        return wanted(
            home,
            cluster=address,
            cluster_ca=files[name, "tls_ca_file"],
            cluster_cert=files[name, "tls_client_cert"],
            cluster_key=files[name, "tls_client_key"],
        )

    with (
        dask(home, "scheduler", "--port", str(port), *start, *tls),
        dask(home, "worker", address, *work, *tls),
    ):
        wait_until(lambda: n_workers(chosen()) == 1)
        yield chosen


def test_a_cluster_behind_tls_takes_who_has_its_certificates_and_nobody_else(
    stored: Database, pool: Pool, certified: Callable[..., Settings]
) -> None:
    spec = make_spec()
    at_home = run(stored, spec, pool)
    away = Pool(certified())
    try:
        there = run(stored, spec, away)
    finally:
        away.close()

    assert there.state == "finished"
    assert scores(stored, there.id) == scores(stored, at_home.id)
    with pytest.raises(ClusterError):
        Cluster(certified("other"), connect_s=2.0)
