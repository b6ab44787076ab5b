"""The home page, through the frame: empty, with studies, and its actions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from pages.parts import offer
from pages.parts.home.studies_grid import studies_table
from storage import studies
from storage.database import Database, database
from storage.leases import claim_study, update_claimed
from storage.settings import settings
from tuning.datasets import download
from tuning.launch import launch
from tuning.recipes import EXAMPLE, RECIPES, recipe
from tuning.spec import StudySpec

FRAME = str(Path(__file__).resolve().parents[2] / "pages" / "frame.py")
pytestmark = pytest.mark.usefixtures("home")


def run_app(**query: str) -> AppTest:
    app = AppTest.from_file(FRAME, default_timeout=30)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def start(name: str = "pima-optimizer", **changes: Any) -> str:
    """Write a study, as a worker would have left it."""
    study_id = launch(database(), recipe(name).spec)
    if changes:
        claim = claim_study(database(), "test", study_id)
        assert claim is not None
        update_claimed(database(), claim, **changes)
    return study_id


def titles(app: AppTest) -> list[str]:
    assert not app.exception
    return [element.value for element in app.title]


@pytest.fixture
def pima_is_here(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a file where the data of the example is looked for; launching reads no rows."""
    folder = home / "files"
    folder.mkdir()
    (folder / download.PIMA_FILE.name).write_text("")
    monkeypatch.setenv("TUNEBOARD_DATASETS", str(folder))
    settings.cache_clear()


@pytest.fixture
def offline(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No dataset files, and a proxy at which nobody answers."""
    monkeypatch.setenv("TUNEBOARD_DATASETS", str(home / "nothing"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()


def test_an_empty_install_offers_the_example_and_every_recipe() -> None:
    app = run_app()
    assert titles(app) == ["Find settings that are really better"]
    assert app.button(key="example_run").label == "Run the example"
    for name in RECIPES:
        assert app.button(key=f"recipe_open_{name}").label == "Look and run"


@pytest.mark.usefixtures("pima_is_here")
def test_the_example_starts_with_one_click_and_opens_its_study() -> None:
    app = run_app()
    app.button(key="example_run").click().run()

    [row] = studies.list_studies(database())
    assert row.name == EXAMPLE
    assert app.query_params["id"] == row.id
    spec = StudySpec.parse(row.spec)
    assert (spec.data.test_fraction, spec.include_default, spec.confirm) == (0.2, True, True)


@pytest.mark.usefixtures("offline")
def test_offline_the_example_offers_the_cousin_and_takes_it_only_by_a_click() -> None:
    app = run_app()
    app.button(key="example_run").click().run()
    [error] = app.error
    assert error.value.startswith("Pima diabetes could not be fetched")
    assert studies.count_studies(database()) == 0

    app.button(key="offer_cousin").click().run()

    [row] = studies.list_studies(database())
    assert (row.name, row.dataset) == (f"{EXAMPLE}-breast-cancer", "breast-cancer")


def test_a_study_on_the_cousin_is_the_same_search_and_no_longer_the_recipe() -> None:
    spec = recipe(EXAMPLE).spec
    moved = offer.on_cousin(spec, "breast-cancer")
    assert moved.recipe is None
    assert (moved.space, moved.evaluation) == (spec.space, spec.evaluation)


def test_recipes_can_be_narrowed_to_a_group() -> None:
    app = run_app()
    app.button_group(key="recipe_group").set_value("California housing").run()

    shown = [b.key for b in app.button if b.key and b.key.startswith("recipe_open_")]
    assert shown == ["recipe_open_california-random"]


def test_a_recipe_opens_new_study() -> None:
    app = run_app()
    app.button(key="recipe_open_pima-dropout").click().run()
    assert titles(app) == ["New study"]


def test_a_study_is_a_row_in_the_words_of_the_page() -> None:
    start(
        state=studies.STOPPED,
        started_at=1.0,
        n_trials_done=5,
        best_number=2,
        best_score=0.7163,
        best_half_width=0.0162,
    )
    [row] = studies.list_studies(database())
    row = replace(row, started_at=100.0, finished_at=112.4, rests_since=112.4)

    [line] = studies_table([row]).to_dict("records")

    assert line["name"] == "pima-optimizer"
    assert line["state"] == ["Stopped"]
    assert line["dataset"] == "Pima diabetes"
    assert line["sampler"] == "Grid"
    assert line["trials"] == "5 of 7"
    assert line["best"] == "0.716 ± 0.016"
    assert line["took"] == 12


def test_search_and_state_come_from_the_address() -> None:
    start("pima-optimizer", state=studies.FINISHED)
    start("pima-init", state=studies.FAILED)
    start("pima-sgd", state=studies.FINISHED)

    app = run_app(q="pima-", state="Failed")

    assert list(app.dataframe[0].value["name"]) == ["pima-init"]


def test_a_search_without_a_match_says_so_and_can_be_cleared() -> None:
    start(state=studies.FINISHED)
    app = run_app(q="adam")
    assert [info.value for info in app.info] == ["No study matches 'adam'."]

    app.button(key="studies_clear").click().run()

    assert not app.info
    assert list(app.dataframe[0].value["name"]) == ["pima-optimizer"]


def test_twenty_studies_make_a_page() -> None:
    for _ in range(21):
        start("pima-init", state=studies.FINISHED)

    app = run_app()

    assert len(app.dataframe[0].value) == 20
    assert "1–20 of 21" in [caption.value for caption in app.caption]


def test_a_running_study_has_a_card_with_progress_and_best_so_far() -> None:
    start(
        state=studies.TRAINING,
        n_fits_done=7,
        seconds_left=4.2,
        best_number=2,
        best_score=0.7413,
        best_half_width=0.0181,
    )

    app = run_app()

    [bar] = app.get("progress")
    assert bar.proto.text == "33% of 21 fits · about 4 s (3–6 s) left"
    assert "Best so far: 0.741 ± 0.018, trial 2" in [caption.value for caption in app.caption]


def test_a_study_that_confirms_says_so_on_its_card() -> None:
    phase = "Confirming the best 5 with 4 repeats: 20 of 50 fits"
    start(
        state=studies.TRAINING,
        phase=phase,
        n_fits_done=21,
        best_number=2,
        best_score=0.7413,
        best_half_width=0.0181,
    )

    app = run_app()

    [bar] = app.get("progress")
    assert (bar.proto.text.replace("\\", ""), bar.proto.value) == (phase, 40)
    captions = [caption.value for caption in app.caption]
    assert "Best of the search: 0.741 ± 0.018, trial 2" in captions
    assert app.dataframe[0].value["state"].tolist() == [["Confirming"]]


def test_the_home_page_asks_as_often_for_many_studies_as_for_one(db: Database) -> None:
    verdict = '{"kind": "tied", "tied": [0, 1, 2, 3]}'

    def n_statements() -> int:
        sent: list[str] = []

        def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
            sent.append(statement)

        sa.event.listen(database().engine, "before_cursor_execute", note)
        app = run_app()
        sa.event.remove(database().engine, "before_cursor_execute", note)
        assert set(app.dataframe[0].value["verdict"]) == {"tied with 3"}
        return len(sent)

    start("pima-init", state=studies.FINISHED, verdict=verdict)
    alone = n_statements()
    for _ in range(2):
        start("pima-init", state=studies.FINISHED, verdict=verdict)

    assert n_statements() == alone


def test_cancel_ends_a_waiting_study_without_a_question() -> None:
    study_id = start()
    app = run_app()
    app.button(key=f"home_cancel_{study_id}").click().run()

    assert studies.get_study(database(), study_id).state == studies.STOPPED
    assert [toast.value for toast in app.toast] == ["Cancelled."]


def test_stop_asks_first_and_then_wishes_the_end() -> None:
    study_id = start(state=studies.TRAINING, n_fits_done=7)
    app = run_app()
    app.button(key=f"home_stop_{study_id}").click().run()
    words = r"pima\-optimizer: 7 of 21 fits done. Finished trials are kept."
    assert words in [element.value for element in app.markdown]
    assert studies.get_study(database(), study_id).wish == ""

    app.button(key="stop_confirm").click().run()

    assert studies.get_study(database(), study_id).wish == "stop"


def choose_all(app: AppTest) -> AppTest:
    """Choose every row of the table, as AppTest cannot: through the session's state."""
    key = app.dataframe[0].proto.id.rsplit("-", 1)[-1]
    rows = list(range(len(app.dataframe[0].value)))
    app.session_state[key] = {"selection": {"rows": rows, "columns": [], "cells": []}}
    return app.run()


def test_chosen_studies_are_deleted_after_a_question() -> None:
    for name in ("pima-optimizer", "pima-init"):
        start(name, state=studies.FINISHED, n_trials_done=4)
    app = choose_all(run_app())
    app.button(key="studies_delete").click().run()
    question = "Delete 2 studies and their 8 trials? This cannot be undone."
    assert question in [element.value for element in app.markdown]

    app.button(key="delete_confirm").click().run()

    assert studies.count_studies(database()) == 0
    assert [toast.value for toast in app.toast] == ["Deleted 2 studies."]


def test_losing_many_trials_asks_for_the_name() -> None:
    start("pima-dropout", state=studies.STOPPED, n_trials_done=101)
    app = choose_all(run_app())
    app.button(key="studies_delete").click().run()
    assert app.text_input(key="delete_word").label == r"Type pima\-dropout to confirm"
    assert app.button(key="delete_confirm").disabled


def test_a_study_that_runs_is_not_deleted() -> None:
    start(state=studies.TRAINING)
    app = choose_all(run_app())
    app.button(key="studies_delete").click().run()
    words = r"pima\-optimizer is not finished. Stop it first, then delete it."
    assert words in [element.value for element in app.markdown]


@pytest.mark.parametrize(("n_studies", "shown"), [(1, True), (3, True), (4, False)])
def test_recipes_stay_open_while_there_are_few_studies(n_studies: int, shown: bool) -> None:
    for _ in range(n_studies):
        start(state=studies.FINISHED)

    app = run_app()

    cards = [b for b in app.button if b.key and b.key.startswith("recipe_open_")]
    assert bool(cards) == shown


def test_names_are_never_markdown(db: Database) -> None:
    spec = recipe("pima-init").spec.model_copy(update={"name": "[x](http://e.x) **b**"})
    study_id = launch(database(), spec)

    app = run_app()

    shown = [element.value for element in app.markdown]
    assert "**\\[x\\]\\(http\\://\u2060e\\.x\\) \\*\\*b\\*\\***" in shown
    assert study_id.startswith("x-http")
