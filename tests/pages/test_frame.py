"""The frame: menu, running studies, worker, and errors as sentences."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages import VERSION
from pages.parts import running
from storage import processes, studies
from storage.database import Database, database
from storage.leases import claim_study, update_claimed
from storage.settings import settings
from tuning.launch import launch
from tuning.recipes import recipe

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("home")


def run_app() -> AppTest:
    return AppTest.from_file(str(ROOT / "pages" / "frame.py"), default_timeout=30).run()


def start(name: str = "pima-optimizer") -> str:
    return launch(database(), recipe(name).spec)


def sidebar_words(app: AppTest) -> list[str]:
    return [element.value for element in [*app.sidebar.markdown, *app.sidebar.caption]]


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION


def test_without_studies_the_menu_has_no_running_list() -> None:
    words = sidebar_words(run_app())
    assert "Running" not in words


def test_running_studies_are_listed_with_their_progress() -> None:
    study_id = start()
    claim = claim_study(database(), "test", study_id)
    assert claim is not None
    update_claimed(database(), claim, state=studies.TRAINING, n_fits_done=7)
    start("pima-init")

    links = [link.proto.label for link in run_app().sidebar.get("page_link")]

    assert links == [r"pima\-optimizer · 33%", r"pima\-init · wait"]  # 7 of 21 fits


def test_a_study_that_confirms_is_listed_with_that_word() -> None:
    claim = claim_study(database(), "test", start())
    assert claim is not None
    phase = "Confirming the best 5 with 2 repeats: 3 of 25 fits"
    update_claimed(database(), claim, state=studies.TRAINING, phase=phase, n_fits_done=21)

    links = [link.proto.label for link in run_app().sidebar.get("page_link")]

    assert links == [r"pima\-optimizer · confirming"]


def test_the_study_that_trains_is_listed_first_and_the_rest_is_counted(db: Database) -> None:
    ids = [launch(db, recipe("pima-optimizer").spec) for _ in range(5)]
    claim = claim_study(db, "test", ids[2])
    assert claim is not None
    update_claimed(db, claim, state=studies.TRAINING)

    found = running.running(db)

    assert [row.id for row in found.rows] == [ids[2], ids[0], ids[1]]
    assert found.n_more == 2


def test_an_offline_worker_is_red_and_says_what_that_means(db: Database) -> None:
    status = running.worker_status(db, "UTC")
    assert status.badge.word == "Worker offline"
    assert status.badge.color == "red"
    assert status.note == "Studies wait and start by themselves."


def test_a_worker_that_fell_silent_is_offline_since_its_last_beat(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes.register(db, kind="worker", state="ready")
    last_beat = processes.newest(db, "worker")
    assert last_beat is not None
    monkeypatch.setattr(running, "LIVE_S", 0.0)
    time.sleep(0.01)

    status = running.worker_status(db, "UTC")

    clock = time.strftime("%H:%M", time.gmtime(last_beat.heartbeat_at))
    assert status.badge.word == f"Worker offline since {clock}"


def test_a_ready_worker_tells_its_cores_and_free_memory(db: Database) -> None:
    processes.register(db, kind="worker", state="ready")
    row = processes.newest(db, "worker")
    assert row is not None

    status = running.worker_status(db, "UTC")

    assert status.badge.word == "Worker ready"
    cores = "1 core" if row.cores == 1 else f"{row.cores} cores"
    assert status.note == f"{cores} · {row.free_memory / 1e9:.1f} GB free"


def test_a_working_worker_tells_how_many_studies_wait(db: Database) -> None:
    worker = processes.register(db, kind="worker", state="ready")
    processes.beat(db, worker, state="working", study_id="any")
    launch(db, recipe("pima-optimizer").spec)
    launch(db, recipe("pima-init").spec)

    assert running.worker_status(db, "UTC").badge.word == "Working, 2 waiting"


def test_right_after_the_app_a_worker_is_said_to_be_starting(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNEBOARD_WORKERS", "1")
    settings.cache_clear()
    processes.register(db, kind="app", state="ready")

    status = running.worker_status(db, "UTC")

    assert status.badge.word == "Worker starting (about 10 s)"


def test_an_error_written_for_a_person_is_its_sentence_on_the_page() -> None:
    app = AppTest.from_file(str(ROOT / "pages" / "frame.py"), default_timeout=30)
    app.query_params["id"] = "nope"
    app.run().switch_page("datasets.py").run()

    [error] = app.error
    assert error.value.startswith("There is no dataset 'nope'")
    assert not app.exception
