"""The study page, opened through the frame on a study in a real database."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.parts.study.facts import (
    as_python,
    guessing,
    in_a_crowd,
    offline_sentence,
    poll_every,
    status_sentence,
)
from pages.parts.study.live import longest_epochs
from pages.parts.study.reader import study_reader
from storage.database import Database, database
from storage.leases import update_claimed
from storage.studies import FAILED, StudyRow, get_study
from tests.pages.study_page import charts, notes, opened, texts, tiles
from tests.pages.written_study import WrittenStudy, grid_spec
from tuning.datasets.catalogue import dataset_info
from tuning.export.mlflow_runs import TRACKING_URI
from tuning.launch import launch
from tuning.recipes import RECIPES
from tuning.setting import Choices
from tuning.spec import StudySpec


@pytest.fixture
def db(home: Path) -> Database:
    """Give the database that pages open, in a data folder of its own."""
    assert home.is_dir()
    st.cache_data.clear()
    st.cache_resource.clear()
    return database()


@pytest.fixture
def finished(db: Database) -> WrittenStudy:
    """Give a finished study of twelve trials, the last of which failed."""
    written = WrittenStudy.waiting(db)
    written.train()
    for number in range(11):
        written.complete(number)
    written.fail(11, "Loss became NaN at epoch 4.")
    written.end()
    return written


def grid(page: AppTest) -> pd.DataFrame:
    """Return the grid of results."""
    table: pd.DataFrame = page.dataframe[0].value
    return table


def test_an_unknown_study_is_a_sentence_with_a_way_back(db: Database) -> None:
    page = opened("pima-9x2k")

    assert page.error[0].value == "There is no study 'pima-9x2k'. It may have been deleted."
    assert page.get("page_link")[0].proto.label == "Back to Studies"


def test_an_address_without_a_study_says_so(db: Database) -> None:
    assert opened().error[0].value == "This address names no study."


def test_a_waiting_study_shows_its_name_and_what_it_waits_for(db: Database) -> None:
    written = WrittenStudy.waiting(db)

    page = opened(written.id)

    assert page.subheader[0].value == "pima grid"
    assert "Waiting for the worker" in texts(page)
    assert "No trial has a score yet." in texts(page)
    assert "The worker is offline. The study starts by itself when it is back." in texts(page)
    assert len(page.get("skeleton")) == 2


def test_a_study_in_preparation_says_its_phase(db: Database) -> None:
    written = WrittenStudy.waiting(db)
    written.prepare()

    assert "Reading data" in texts(opened(written.id))


def test_a_trial_in_training_is_drawn_before_it_is_finished(db: Database) -> None:
    written = WrittenStudy.waiting(db)
    written.train()
    written.run(0, n_epochs=3)

    page = opened(written.id)

    drawn = {one["name"] for one in charts(page)[0]["series"]}
    assert "trial 0" in drawn
    assert "Trial 0 · batch size 10 · epochs 10 · fold 0 · epoch 3 of 10" in texts(page)


def test_new_epochs_are_on_the_page_at_its_next_run(db: Database) -> None:
    written = WrittenStudy.waiting(db)
    written.train()
    written.run(0, n_epochs=3)
    page = opened(written.id)

    written.complete(0)
    page.run()

    # p = .8982 on 455 rows, v = .000519, nu = 12: 2.179 * sqrt(.8333 * .000519) = .045
    score = "accuracy 0.90 ± 0.05"
    assert f"Too early to call: trial 0 leads with {score}." in texts(page)
    assert charts(page)[0]["title"]["text"] == f"Trial 0 leads: {score}"
    assert tiles(page)["Best so far"] == "0.90 ± 0.05"
    assert notes(page)["Failed"] == "1 of 12 trials done"


def test_frozen_charts_keep_their_picture_and_count_what_is_newer(db: Database) -> None:
    written = WrittenStudy.waiting(db)
    written.train()
    written.complete(0)
    page = opened(written.id)

    page.toggle(key="live_freeze").set_value(True).run()
    before = charts(page)[0]["series"]
    written.complete(1)
    page.run()

    assert charts(page)[0]["series"] == before
    assert "20 newer epochs" in texts(page)
    page.toggle(key="live_freeze").set_value(False).run()
    assert charts(page)[0]["series"] != before


def test_stopping_asks_first_and_writes_the_wish(db: Database) -> None:
    written = WrittenStudy.waiting(db)
    written.train()
    written.complete(0)
    page = opened(written.id)

    page.button(key="study_stop").click().run()
    assert "3 of 36 fits are done. Finished trials are kept." in texts(page)
    page.button(key="stop_confirm").click().run()

    assert get_study(db, written.id).wish == "stop"
    page.run()
    assert page.button(key="study_stop").disabled
    assert "Stopping after the current epoch" in texts(page)


def test_a_study_pauses_with_one_click_and_goes_on_with_another(db: Database) -> None:
    written = WrittenStudy.waiting(db)
    written.train()
    page = opened(written.id)

    page.button(key="study_pause").click().run()
    assert get_study(db, written.id).wish == "pause"
    assert page.button(key="study_pause").disabled
    assert "Pausing after the current epoch" in texts(page)
    assert written.claim is not None
    update_claimed(db, written.claim, state="paused", message="Paused by a person.")
    page.run()
    assert "Paused by a person. 0 of 36 fits are done." in texts(page)
    page.button(key="study_resume").click().run()

    assert get_study(db, written.id).state == "waiting"
    assert page.toast[0].value == "It goes on as soon as there is a core for it."


@pytest.mark.parametrize("state", ["waiting", "training"])
def test_an_active_study_is_moved_to_the_head_of_the_queue_and_back(
    db: Database, state: str
) -> None:
    written = WrittenStudy.waiting(db)
    if state == "training":
        written.train()
    page = opened(written.id)

    page.button(key="study_first").click().run()
    said = {"waiting": "It is next in line.", "training": "It gets the next core that is free."}
    assert page.toast[0].value == said[state]
    assert get_study(db, written.id).priority == 1
    assert "study_first" not in {button.key for button in page.button}

    page.button(key="study_not_first").click().run()
    assert get_study(db, written.id).priority == 0


def test_a_finished_study_takes_more_values_and_goes_on(finished: WrittenStudy) -> None:
    db, study_id = finished.db, finished.id
    page = opened(study_id)
    name, setting = next(iter(StudySpec.parse(get_study(db, study_id).spec).searched.items()))
    assert isinstance(setting, Choices)

    page.button(key="study_extend").click().run()
    assert page.button(key="extend_confirm").disabled
    shown = ", ".join(str(value) for value in (*setting.values, 250))
    page.session_state[f"extend_{name}"] = shown  # typed; the test's app forgets open dialogs
    page.button(key="study_extend").click().run()
    page.button(key="extend_confirm").click().run()

    row = get_study(db, study_id)
    assert row.state == "waiting"
    assert StudySpec.parse(row.spec).searched[name] == Choices(values=(*setting.values, 250))


def test_a_finished_study_tries_exactly_what_is_typed(finished: WrittenStudy) -> None:
    db, study_id = finished.db, finished.id
    page = opened(study_id)
    spec = StudySpec.parse(get_study(db, study_id).spec)

    page.button(key="study_try").click().run()
    assert page.text_input(key="try_batch_size").value == "10"  # that of the leader
    page.session_state["try_batch_size"] = "77"  # typed; the test's app forgets open dialogs
    page.button(key="study_try").click().run()
    page.button(key="try_confirm").click().run()

    row = get_study(db, study_id)
    (entered,) = StudySpec.parse(row.spec).by_hand
    assert row.state == "waiting"
    assert (entered.number, entered.settings["batch_size"]) == (spec.n_trials, 77)
    assert f"Trial {spec.n_trials} is trained when a core is free." in page.toast[0].value
    assert "lies outside the search space" in page.toast[0].value


def test_settings_that_were_tried_are_refused_and_stay_typed(finished: WrittenStudy) -> None:
    page = opened(finished.id)

    page.button(key="study_try").click().run()
    page.button(key="try_confirm").click().run()

    assert "has these settings. Ask for more repeats of it instead." in texts(page)
    assert StudySpec.parse(get_study(finished.db, finished.id).spec).by_hand == ()


def test_what_is_no_value_is_told_and_cannot_be_tried(finished: WrittenStudy) -> None:
    page = opened(finished.id)

    page.session_state["try_batch_size"] = "ten"
    page.button(key="study_try").click().run()

    assert "Batch size" in texts(page)
    assert "'ten' is not a number" in texts(page)
    assert page.button(key="try_confirm").disabled


def test_a_study_that_was_stopped_tries_nothing_by_hand(db: Database) -> None:
    written = WrittenStudy.waiting(db)
    written.train()
    written.complete(0)
    assert "study_try" in {button.key for button in opened(written.id).button}

    written.end("stopped")

    assert "study_try" not in {button.key for button in opened(written.id).button}


def test_mlflow_is_offered_where_an_address_is_set(
    finished: WrittenStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TRACKING_URI, raising=False)
    assert "study_mlflow" not in {button.key for button in opened(finished.id).button}
    monkeypatch.setenv(TRACKING_URI, "http://localhost:1")
    monkeypatch.setitem(sys.modules, "mlflow", None)

    page = opened(finished.id)
    page.button(key="study_mlflow").click().run()

    assert not page.exception
    assert "MLflow is not installed." in texts(page)


def test_cancelling_a_waiting_study_does_not_ask(db: Database) -> None:
    written = WrittenStudy.waiting(db)
    page = opened(written.id)

    page.button(key="study_stop").click().run()

    assert get_study(db, written.id).state == "stopped"
    assert page.toast[0].value == "Cancelled. Clone it to let it run later."


def test_the_end_is_told_once_and_the_tab_stays(db: Database) -> None:
    written = WrittenStudy.waiting(db)
    written.train()
    written.complete(0)
    page = opened(written.id)

    written.end()
    page.run()

    assert page.toast[0].value.startswith("pima grid finished")
    assert charts(page)
    page.run()
    assert not page.toast


def test_a_finished_study_opens_on_its_results(finished: WrittenStudy) -> None:
    page = opened(finished.id)

    table = grid(page)
    assert table["number"].tolist()[:3] == ["0", "1", "2"]
    assert table["score"].iloc[0] == pytest.approx(0.90)
    assert table.loc[table.index[0], ["fold 0", "fold 1", "fold 2"]].tolist() == [
        pytest.approx(0.89),
        pytest.approx(0.90),
        pytest.approx(0.91),
    ]
    assert table["message"].iloc[-1] == "Loss became NaN at epoch 4."
    assert {"batch_size", "epochs", "n_epochs", "duration_s"} <= set(table.columns)
    assert tiles(page)["Failed"] == "1"


def test_how_trials_were_trained_is_told_of_the_study_and_of_each(db: Database) -> None:
    written = WrittenStudy.waiting(db)
    written.train()
    before = opened(written.id)
    written.complete(0)
    written.complete(1, trainer="keras")
    written.run(2, n_epochs=1)
    written.end()

    page = opened(written.id)

    assert "trainer:" not in texts(before)
    assert "trainer: many fits at once, Model.fit" in texts(page)
    assert grid(page)["trained_by"].tolist() == ["many fits at once", "Model.fit", ""]
    assert "Trainer: Model.fit" in texts(opened(written.id, trial="1"))
    assert "Trainer: many fits at once" in texts(opened(written.id, tab="Best model"))


def test_the_results_are_sorted_and_filtered_over_all_trials(finished: WrittenStudy) -> None:
    page = opened(finished.id, sort="Batch size")
    page.toggle(key="results_reverse").set_value(True).run()
    assert grid(page)["batch_size"].iloc[0] == 300

    page.multiselect(key="filter_batch_size").set_value([20]).run()
    assert set(grid(page)["batch_size"]) == {20}

    page.text_input(key="results_search").set_value("no such thing").run()
    assert "No trial matches." in texts(page)
    page.button(key="results_clear").click().run()
    assert len(grid(page)) == 12


def test_an_open_grid_waits_with_new_trials(db: Database) -> None:
    written = WrittenStudy.waiting(db)
    written.train()
    written.complete(0)
    page = opened(written.id, tab="Results")

    written.complete(1)
    page.run()
    assert len(grid(page)) == 1
    assert "1 new trial" in texts(page)

    page.button(key="results_show").click().run()
    assert len(grid(page)) == 2


def test_highlighted_trials_come_from_the_address(finished: WrittenStudy) -> None:
    page = opened(finished.id, tab="Live", trials=["3", "5"], metric="Loss")

    assert page.multiselect(key="trials").value == ["3", "5"]
    colors = {one["name"]: one["lineStyle"].get("color") for one in charts(page)[0]["series"]}
    assert colors["trial 3"] != colors["trial 5"]
    assert charts(page)[0]["yAxis"]["name"] == "loss on validation rows"


def test_a_highlighted_trial_that_does_not_exist_is_told_and_removed(
    finished: WrittenStudy,
) -> None:
    page = opened(finished.id, trials=["3", "99"])

    assert page.multiselect(key="trials").value == ["3"]
    assert page.toast[0].value == "There is no trial 99 in this study."


def test_a_link_to_a_trial_opens_its_drawer(finished: WrittenStudy) -> None:
    page = opened(finished.id, trial="2")

    # p = .8783 on 455 rows, v = .000604, nu = 12: 2.179 * sqrt(.8333 * .000604) = .049
    assert "accuracy 0.88 ± 0.05 over 3 fits" in texts(page)
    assert "fold 0: 0.87 · fold 1: 0.88 · fold 2: 0.89" in texts(page)
    assert '"batch_size": 20' in page.code[-1].value


def test_the_drawer_of_a_failed_trial_says_why(finished: WrittenStudy) -> None:
    page = opened(finished.id, trial="11")

    assert "Failed: Loss became NaN at epoch 4." in texts(page)


def test_the_best_model_shows_network_settings_and_why_there_is_no_file(
    finished: WrittenStudy,
) -> None:
    page = opened(finished.id, tab="Best model")

    assert "30 → 12 → 1 · 385 weights" in texts(page)
    assert "No model was saved: its training on all rows failed or was stopped." in texts(page)
    assert '"epochs": 10' in page.code[-1].value


def test_a_saved_model_can_be_downloaded(finished: WrittenStudy, home: Path) -> None:
    folder = home / "models" / finished.id
    folder.mkdir(parents=True)
    (folder / "model.keras").write_bytes(b"weights")

    page = opened(finished.id, tab="Best model")

    assert "Download the model (.keras)" in [
        node.proto.label for node in page.get("download_button")
    ]


def test_the_log_lists_events_and_failed_trials(finished: WrittenStudy) -> None:
    page = opened(finished.id, tab="Log")
    assert "Created with 36 fits." in page.dataframe[0].value["What"].tolist()

    page.button_group(key="log_kind").set_value("Failed trials").run()

    assert page.dataframe[0].value["What went wrong"].tolist() == [
        "Loss became NaN at epoch 4."
    ]


def test_a_study_that_failed_altogether_says_why_in_its_head(db: Database) -> None:
    written = WrittenStudy.waiting(db)
    written.train()
    written.fail(0, "Loss became NaN.")
    written.end(FAILED, "All 1 trials failed, first: Loss became NaN.")

    page = opened(written.id, tab="Live")

    assert page.button(key="study_resume").label == "Try again"
    assert "All 1 trials failed, first: Loss became NaN." in page.error[0].value.replace(
        "\\", ""
    )
    assert "No trial has a score." in texts(page)
    assert "No epoch was reached. The Log says why." in texts(page)


def test_a_link_that_only_watches_has_no_buttons(db: Database) -> None:
    written = WrittenStudy.waiting(db)
    written.train()

    page = opened(written.id, watch="1")

    assert "study_stop" not in [button.key for button in page.button]


def test_a_name_is_shown_letter_by_letter(db: Database) -> None:
    written = WrittenStudy.waiting(db, grid_spec("a *bold* <b>name</b>"))

    assert opened(written.id).subheader[0].value == r"a \*bold\* \<b\>name\</b\>"


def test_deleting_asks_first_and_leads_home(finished: WrittenStudy) -> None:
    page = opened(finished.id)

    page.button(key="study_delete").click().run()

    assert "Delete 'pima grid' and its 12 trials? This cannot be undone." in texts(page)


# What needs no screen.


def row(db: Database, **changes: Any) -> StudyRow:
    stored = get_study(db, WrittenStudy.waiting(db).id)
    return StudyRow(**(stored.__dict__ | changes))


def test_looks_are_frequent_at_first_and_end_with_the_study(db: Database) -> None:
    waiting = row(db, created_at=0.0)
    training = row(db, state="training", started_at=1000.0)

    assert poll_every(waiting, now=10.0) == 0.8
    assert poll_every(waiting, now=100.0) == 5.0
    assert poll_every(training, now=1059.0) == 0.8
    assert poll_every(training, now=1061.0) == 0.8
    assert poll_every(row(db, state="finished"), now=0.0) is None


def test_a_study_is_looked_at_less_often_by_a_crowd() -> None:
    assert in_a_crowd(0.8, n_watching=6) == 0.8
    assert in_a_crowd(0.8, n_watching=7) == 1.6
    assert in_a_crowd(0.8, n_watching=20) == 3.2
    assert in_a_crowd(5.0, n_watching=20) == 5.0


def test_a_page_that_joins_a_crowd_takes_its_pace(db: Database) -> None:
    def page(study_id: str) -> None:
        import streamlit as st

        from pages.parts.study.view import open_view

        st.text(str(open_view(study_id).poll_s))

    study_id = launch(db, grid_spec())
    app = AppTest.from_function(page, args=(study_id,))

    assert app.run().text[0].value == "0.8"
    for n in range(6):
        study_reader(study_id).n_watching(f"another session {n}")
    assert app.run().text[0].value == "1.6"


def test_a_published_search_shows_what_its_source_printed(db: Database) -> None:
    printed = launch(db, RECIPES["pima-batch-epochs"].spec)
    silent = launch(db, RECIPES["bayes-dense"].spec)

    shown = "Its source printed accuracy 0.686 with batch size 20 and 100 epochs."
    assert shown in texts(opened(printed)).replace("\\", "")
    assert "Its source printed" not in texts(opened(silent))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"state": "waiting"}, "Waiting, 2 ahead"),
        (
            {"state": "training", "n_fits_done": 31, "seconds_left": 4.0},
            "31 of 36 fits · about 4 s (3–6 s) left",
        ),
        (
            {"state": "training", "phase": "Training", "seconds_left": None},
            "0 of 36 fits · time left: after the first epoch",
        ),
        ({"state": "training", "wish": "stop"}, "Stopping after the current epoch"),
        (
            {"state": "finished", "started_at": 0.0, "finished_at": 9.0},
            "Finished in 9 s at 00:00:09.",
        ),
        (
            {"state": "stopped", "message": "Stopped by a person.", "n_fits_done": 31},
            "Stopped by a person, after 31 of 36 fits. What is finished is kept.",
        ),
        (
            {"state": "failed", "message": "No file.", "n_fits_done": 0},
            "Failed: No file.",
        ),
    ],
)
def test_the_head_says_what_is_happening(
    db: Database, changes: dict[str, Any], sentence: str
) -> None:
    assert status_sentence(row(db, **changes), 2, "UTC") == sentence


def test_a_missing_worker_is_told_with_what_is_safe(db: Database) -> None:
    training = row(db, state="training", n_fits_done=31)

    assert offline_sentence(training, "14:02") == (
        "Worker offline since 14:02. The study continues by itself when it is back; "
        + "31 fits are safe."
    )


def test_guessing_is_the_share_of_the_most_common_class() -> None:
    assert guessing(dataset_info("breast-cancer")) == pytest.approx(357 / 569)
    assert guessing(dataset_info("diabetes")) is None


def test_settings_are_copied_as_python() -> None:
    text = as_python({"dense_layer_sizes": (8, 4), "max_norm": None, "activation": "relu"})

    read: dict[str, object] = {}
    exec(text, {}, read)  # the text is meant to be run
    assert read["params"] == {
        "dense_layer_sizes": [8, 4],
        "max_norm": None,
        "activation": "relu",
    }


def test_the_epoch_axis_ends_at_the_longest_trial_unless_it_may_stop_early() -> None:
    spec = grid_spec()
    stopping = spec.model_dump() | {
        "evaluation": spec.evaluation.model_dump() | {"early_stopping": {"patience": 2}}
    }

    assert longest_epochs(spec) == 20
    assert longest_epochs(StudySpec.parse(stopping)) is None
