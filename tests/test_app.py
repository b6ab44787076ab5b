"""The server: workers kept and adopted, readiness, headers, and what it says when it cannot."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from starlette.requests import Request
from streamlit import config

import app
from storage import processes
from storage.database import Database, database, open_database
from storage.errors import UnsupportedDatabaseError
from storage.settings import settings
from tuning.launch import launch
from tuning.recipes import RECIPES

ROOT = Path(__file__).resolve().parent.parent
SMALL_WORKER = """
import time
from storage import processes
from storage.database import database

process_id = processes.register(database(), kind="worker", state="starting")
while True:
    processes.beat(database(), process_id, state="ready")
    time.sleep(0.1)
"""
RUN_APP = [sys.executable, "-m", "streamlit", "run", "app.py"]
MakeKeeper = Callable[..., app.WorkerKeeper]


@pytest.fixture
def db(home: Path) -> Database:
    """Return the database that this process, and every process it starts, finds by itself."""
    return database()


@pytest.fixture
def make_keeper(db: Database, tmp_path: Path) -> Iterator[MakeKeeper]:
    """Make keepers whose workers only beat; end those workers afterwards."""
    keepers: list[app.WorkerKeeper] = []

    def make(wanted: int, script: str = SMALL_WORKER) -> app.WorkerKeeper:
        command = (sys.executable, "-c", script)
        keepers.append(app.WorkerKeeper(db, wanted, tmp_path / "logs" / "worker.log", command))
        return keepers[-1]

    yield make
    for child in [child for keeper in keepers for child in keeper._children]:
        child.kill()
        child.wait()


def wait_until(is_so: Callable[[], bool], timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def worker_pids(db: Database) -> set[int]:
    return {row.pid for row in processes.live(db, "worker", within_s=10)}


def test_missing_workers_are_started_once(db: Database, make_keeper: MakeKeeper) -> None:
    keeper = make_keeper(2)

    keeper.tend()
    keeper.tend()
    assert keeper.state() == "starting"
    wait_until(lambda: len(worker_pids(db)) == 2 and keeper.state() == "ready")
    keeper.tend()

    assert {child.pid for child in keeper._children} == worker_pids(db)


def test_workers_of_an_earlier_app_are_adopted(db: Database, make_keeper: MakeKeeper) -> None:
    earlier, later = make_keeper(1), make_keeper(1)
    earlier.tend()
    wait_until(lambda: earlier.state() == "ready")

    later.tend()

    assert later._children == {}
    assert later.state() == "ready"


def test_a_worker_that_was_killed_is_replaced(
    db: Database, make_keeper: MakeKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_QUICK_DEATH_S", 0.0)
    keeper = make_keeper(1)
    keeper.tend()
    wait_until(lambda: keeper.state() == "ready")
    (killed,) = keeper._children
    killed.kill()
    killed.wait()

    keeper.tend()

    (replacement,) = keeper._children
    wait_until(lambda: worker_pids(db) == {replacement.pid})


def test_a_broken_worker_is_not_started_again_at_once(
    make_keeper: MakeKeeper, tmp_path: Path
) -> None:
    keeper = make_keeper(1, "raise SystemExit('no TensorFlow here')")
    keeper.tend()
    (broken,) = keeper._children
    broken.wait()

    keeper.tend()

    assert keeper._children == {}
    assert keeper.state() == "offline"
    assert (tmp_path / "logs" / "worker.log").read_text() == "no TensorFlow here\n"


def test_no_worker_is_started_where_none_is_wanted(make_keeper: MakeKeeper) -> None:
    keeper = make_keeper(0)

    keeper.tend()

    assert keeper._children == {}
    assert keeper.state() == "offline"


def test_a_long_log_is_put_aside(
    make_keeper: MakeKeeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_LARGEST_LOG", 3)
    log_path = tmp_path / "logs" / "worker.log"
    log_path.parent.mkdir()
    log_path.write_text("long")

    make_keeper(1, "").tend()

    assert (tmp_path / "logs" / "worker.old.log").read_text() == "long"
    assert log_path.read_text() == ""


def test_ready_tells_of_database_and_worker(make_keeper: MakeKeeper) -> None:
    app.app.state["keeper"] = make_keeper(0)

    response = asyncio.run(app.ready(Request({"type": "http"})))

    assert response.status_code == 200
    assert json.loads(bytes(response.body)) == {"database": "ok", "worker": "offline"}


def test_ready_is_503_when_the_database_does_not_answer(tmp_path: Path) -> None:
    (tmp_path / "lost").mkdir()
    lost = open_database(f"sqlite:///{tmp_path / 'lost' / 'tuneboard.sqlite3'}")
    lost.close()
    shutil.rmtree(tmp_path / "lost")
    app.app.state["keeper"] = app.WorkerKeeper(lost, 0, tmp_path / "worker.log")

    response = asyncio.run(app.ready(Request({"type": "http"})))

    assert response.status_code == 503
    assert json.loads(bytes(response.body)) == {"database": "offline", "worker": "unknown"}


def test_while_it_runs_the_app_beats_and_limits_uploads(
    db: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TUNEBOARD_UPLOAD_LIMIT_MB", "7")
    monkeypatch.setenv("TUNEBOARD_WORKERS", "0")
    monkeypatch.setenv("TUNEBOARD_PUBLIC_URL", "https://tune.example.org")
    settings.cache_clear()
    limit_before = config.get_option("server.maxUploadSize")

    async def visit() -> None:
        async with app.lifespan(app.app):
            assert len(processes.live(db, "app", within_s=10)) == 1
            assert config.get_option("server.maxUploadSize") == 7

    asyncio.run(visit())
    gc.unfreeze()
    config.set_option("server.maxUploadSize", limit_before)

    assert processes.newest(db, "app") is None
    assert capsys.readouterr().out == "Tuneboard is at https://tune.example.org\n"


@pytest.mark.parametrize(
    ("n_studies", "n_workers", "said"),
    [
        (1, 1, "1 study goes on without the app. "),
        (2, 1, "2 studies go on without the app. "),
        (0, 1, ""),
        (1, 0, ""),
    ],
)
def test_the_app_says_what_goes_on_after_it(
    db: Database,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    n_studies: int,
    n_workers: int,
    said: str,
) -> None:
    monkeypatch.setenv("TUNEBOARD_WORKERS", "0")
    settings.cache_clear()
    for _ in range(n_studies):
        launch(db, RECIPES["pima-neurons"].spec)
    for _ in range(n_workers):
        processes.register(db, kind="worker", state="working")

    async def visit() -> None:
        async with app.lifespan(app.app):
            capsys.readouterr()

    asyncio.run(visit())
    gc.unfreeze()

    ending = capsys.readouterr().out
    assert ending.startswith(said)
    assert ending.endswith("End: python -m tuning stop STUDY, or pause.\n" if said else "")
    assert bool(ending) == bool(said)


@contextlib.contextmanager
def serving(n_workers: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the app as a person would, on a free port; yield the process and its address."""
    with subprocess.Popen(
        [*RUN_APP, "--server.port=0"],
        cwd=ROOT,
        env={**os.environ, "TUNEBOARD_WORKERS": str(n_workers)},
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            yield server, announced_address(server)
        finally:
            server.terminate()


def announced_address(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    for line in server.stdout:
        if found := re.fullmatch(r"Tuneboard is at (\S+)\n", line):
            return found[1]
    pytest.fail("The server ended without a word about its address.")


def readiness(address: str) -> dict[str, str]:
    with urllib.request.urlopen(f"{address}/api/ready", timeout=10) as answer:
        body: dict[str, str] = json.load(answer)
    return body


@pytest.mark.slow
def test_the_server_sends_security_headers_and_leaves_no_row_behind(db: Database) -> None:
    with serving(n_workers=0) as (server, address):
        with urllib.request.urlopen(address, timeout=10) as answer:
            headers = answer.headers
        assert readiness(address) == {"database": "ok", "worker": "offline"}
        assert len(processes.live(db, "app", within_s=10)) == 1
        server.terminate()
        server.wait(timeout=20)

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in headers["Content-Security-Policy"]
    assert processes.newest(db, "app") is None


@pytest.mark.slow
def test_what_keeps_the_server_from_starting_is_said_in_one_line() -> None:
    ended = subprocess.run(
        [*RUN_APP, "--server.port=0"],
        cwd=ROOT,
        env={**os.environ, "TUNEBOARD_DATABASE_URL": "oracle://x"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode != 0
    assert ended.stderr == f"Tuneboard cannot start: {UnsupportedDatabaseError('oracle://x')}\n"


@pytest.mark.slow
def test_a_worker_outlives_a_killed_app_and_is_adopted_by_the_next(db: Database) -> None:
    with serving(n_workers=1) as (server, _):
        wait_until(lambda: len(worker_pids(db)) == 1)
        (worker,) = worker_pids(db)
        server.kill()
        server.wait()

    try:
        with serving(n_workers=1) as (_, address):
            wait_until(lambda: readiness(address)["worker"] == "ready", timeout_s=120)
            assert worker_pids(db) == {worker}
    finally:
        psutil.Process(worker).kill()
