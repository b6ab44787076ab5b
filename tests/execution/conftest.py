"""Studies small enough to be run again and again, and the processes that train them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from storage.database import Database, database
from storage.leases import claim_study
from storage.results import TrialRow, read_trials
from storage.settings import Settings, settings
from storage.studies import StudyRow, get_study
from tuning.driver import run_study
from tuning.errors import ClusterError
from tuning.execution.cluster import Cluster
from tuning.execution.interface import Executor
from tuning.execution.pool import Pool
from tuning.launch import launch
from tuning.spec import StudySpec

PATIENCE_S = 120  # what hangs fails; nothing here is measured


def make_spec(name: str = "small", n_epochs: int = 30, **changes: object) -> StudySpec:
    return StudySpec.parse(
        {
            "name": name,
            "data": {"dataset": "digits"},
            "space": {
                "batch_size": {"kind": "list", "values": [16, 32, 64, 128]},
                "activation": {"kind": "list", "values": ["relu", "tanh"]},
                "epochs": {"kind": "fixed", "value": n_epochs},
            },
            "evaluation": {"folds": 2},
        }
        | changes
    )


def run(db: Database, spec: StudySpec, executor: Executor) -> StudyRow:
    """Drive a new study to its end, and return its row."""
    study_id = launch(db, spec)
    drive(db, study_id, executor)
    return get_study(db, study_id)


def drive(db: Database, study_id: str, executor: Executor) -> None:
    claim = claim_study(db, "test", study_id)
    assert claim is not None
    run_study(db, claim, executor)


def scores(db: Database, study_id: str) -> dict[int, float | None]:
    return {trial.number: trial.score for trial in read_trials(db, study_id)}


def trials(db: Database, study_id: str) -> dict[int, TrialRow]:
    return {trial.number: trial for trial in read_trials(db, study_id)}


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def training_processes() -> list[psutil.Process]:
    """Return the processes that train for this one."""
    found = []
    for process in psutil.Process(os.getpid()).children(recursive=True):
        try:
            command = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if "spawn_main" in command:
            found.append(process)
    return found


@contextmanager
def dask(home: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "dask", *arguments],
        env=os.environ | {"TUNEBOARD_HOME": str(home), "PYTHONPATH": str(Path.cwd())},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()
        process.wait()


def n_workers(chosen: Settings) -> int:
    try:
        cluster = Cluster(chosen, connect_s=1.0)
    except ClusterError:
        return 0
    try:
        return len(cluster.threads())
    finally:
        cluster.close()


def wanted(home: Path, **changes: object) -> Settings:
    return settings().model_copy(update={"home": home, **changes})


@pytest.fixture
def stored(home: Path) -> Database:
    """Give the database of a data folder of its own."""
    return database()


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """Give a pool whose training processes are warm from test to test."""
    opened = Pool(wanted(tmp_path_factory.mktemp("pool")), silent_s=10.0)
    yield opened
    opened.close()
