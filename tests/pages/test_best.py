"""The Best model tab and the sealed test, opened through the frame on real databases."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.parts.charts.confusion import confused_pairs_bars, confusion_map
from pages.parts.show import since
from pages.parts.study.sealed import _named, _poll_s
from pages.parts.study.view import open_view
from storage.database import Database, database
from storage.leases import update_claimed
from storage.processes import register
from storage.results import Batch, FitRow, TrialRow, write_batch
from storage.schema import study as study_table
from storage.schema import trial
from storage.studies import STOPPED, get_study, keep_test
from storage.wishes import open_test
from tests.judged_scores import make_race
from tests.pages.written_study import WrittenStudy, fold_score, grid_spec
from tuning.analysis.confusion import confused_pairs, confusion_table
from tuning.confirming import Asked
from tuning.datasets.info import Task
from tuning.execution.interface import BestModel
from tuning.export.files import save_trial_model
from tuning.export.script import leader_of
from tuning.sealed import sealed_document
from tuning.spec import StudySpec

FRAME = Path(__file__).resolve().parents[2] / "pages" / "frame.py"
PAGE = FRAME.with_name("study.py")
N_ROWS = 114


@pytest.fixture
def db(home: Path) -> Database:
    """Give the database that pages open, in a data folder of its own."""
    assert home.is_dir()
    st.cache_data.clear()
    st.cache_resource.clear()
    return database()


def written(db: Database, spec: StudySpec | None = None, n_trials: int = 6) -> WrittenStudy:
    """Write a study in training."""
    study = WrittenStudy.waiting(db, spec)
    study.train()
    for number in range(n_trials):
        study.complete(number)
    return study


@pytest.fixture
def finished(db: Database, home: Path) -> WrittenStudy:
    """Give a finished study whose model is that of trial 0."""
    study = written(db)
    save_model(home, study.id)
    study.end()
    return study


def save_model(home: Path, study_id: str, trial: int = 0) -> None:
    folder = home / "models" / study_id
    folder.mkdir(parents=True)
    (folder / "model.keras").write_bytes(b"weights")
    (folder / "model.json").write_text(json.dumps({"trial": trial}))


def keep_scores(study: WrittenStudy, trial: int = 0, task: Task = "binary") -> None:
    """Write scores as a worker does: 102 of 114 rows are right, 64 of the 72 benign ones."""
    targets = np.repeat([0, 1], [42, 72]).astype(np.float32)
    outputs = np.where(np.arange(N_ROWS) % 9 == 8, 1 - targets, targets)
    shares = (0.1 + 0.8 * outputs[:, np.newaxis]).astype(np.float32)
    document = sealed_document(task, targets, shares)
    keep_test(study.db, study.id, json.dumps(document | {"trial": trial, "promised": 0.9}))


def opened(study_id: str, **query: str) -> AppTest:
    page = AppTest.from_file(str(FRAME), default_timeout=30)
    page.switch_page(str(PAGE))
    page.query_params["id"] = study_id
    page.query_params["tab"] = "Best model"
    for name, value in query.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def texts(page: AppTest) -> str:
    parts = [*page.markdown, *page.caption, *page.error, *page.info, *page.warning]
    return "\n".join(str(part.value) for part in parts).replace("\\", "")


def keys(page: AppTest) -> set[str | None]:
    return {button.key for button in page.button}


def setting(page: AppTest, name: str) -> Any:
    table = next(t.value for t in page.dataframe if "Setting" in t.value.columns)
    return table.set_index("Setting")["Value"][name]


# Which trial.


def test_the_leader_stands_with_what_to_expect_of_it(finished: WrittenStudy) -> None:
    text = texts(opened(finished.id))

    # 3 folds are too few for an honest score, and ± is known from the rows: 0.0453.
    assert "Trial 0 leads with accuracy 0.90 ± 0.05" in text
    assert (
        "What to expect on new data cannot be told: "
        + "3 fits a trial: an honest score takes 4."
    ) in text


def test_what_to_expect_stands_beside_what_the_search_showed(db: Database, home: Path) -> None:
    spec = grid_spec().model_dump(mode="json")
    spec["evaluation"]["repeats"] = 2
    study = written(db, StudySpec.parse(spec), n_trials=0)
    study.complete(0)
    assert study.claim is not None
    fits = [FitRow(0, 1, fold, "COMPLETE", fold_score(0, fold)) for fold in range(3)]
    write_batch(db, study.claim, Batch(fits=fits))
    save_model(home, study.id)
    study.end()

    text = texts(opened(study.id))

    # 0.89, 0.90, 0.91 twice: ± is t(0.975, 5) * sqrt((1/6 + 1/2) * 0.00008) = 0.0188.
    assert "Expected on new data 0.900 ± 0.019 (search showed 0.900; 0.000 is" in text
    assert "The search promises 0.900 ± 0.019." in text


def test_any_trial_may_be_chosen(finished: WrittenStudy) -> None:
    page = opened(finished.id)

    page.button_group(key="best_pick").set_value("other").run()
    page.selectbox(key="best_trial").set_value(3).run()

    assert "Trial 3: accuracy 0.87 ± 0.05, worse than the leader" in texts(page)
    assert setting(page, "Batch size") == "20"
    assert setting(page, "Epochs") == "20"
    assert '"batch_size": 20' in page.code[-1].value
    assert "fold 0: 0.86 · fold 1: 0.87 · fold 2: 0.88" in texts(page)


def test_the_cheapest_of_those_tied_may_be_chosen(db: Database, home: Path) -> None:
    study = written(db)
    assert study.claim is not None
    race = json.dumps(make_race([0, 2], [0, 2]).to_dict())
    update_claimed(db, study.claim, confirm=race)
    with db.write() as connection:
        connection.execute(trial.update().where(trial.c.number == 2).values(n_weights=9))
    save_model(home, study.id)
    study.end()

    page = opened(study.id)
    options = page.button_group(key="best_pick").options
    page.button_group(key="best_pick").set_value("cheapest").run()

    assert options == ["Leader: trial 0", "Cheapest tie: trial 2", "Trial…"]
    assert "Trial 2: accuracy 0.88 ± 0.05, tied with the leader" in texts(page)


def test_no_cheaper_trial_is_offered_where_there_is_none(finished: WrittenStudy) -> None:
    options = opened(finished.id).button_group(key="best_pick").options

    assert options == ["Leader: trial 0", "Trial…"]


def test_who_won_the_race_is_the_leader_here_too(db: Database, home: Path) -> None:
    study = written(db)
    assert study.claim is not None
    update_claimed(db, study.claim, confirm=json.dumps(make_race([1], [0, 1]).to_dict()))
    save_model(home, study.id, trial=1)
    study.end()

    page = opened(study.id)

    assert "Trial 1 leads with accuracy 0.89 ± 0.05" in texts(page)
    assert setting(page, "Epochs") == "20"


def test_a_study_without_a_score_has_no_best_model(db: Database) -> None:
    study = written(db, n_trials=0)
    running = texts(opened(study.id))
    study.end(STOPPED)

    assert "The best model: after the first trial." in running
    assert "No trial has a score." in texts(opened(study.id))


# The file.


def choose(page: AppTest, number: int) -> None:
    page.button_group(key="best_pick").set_value("other").run()
    page.selectbox(key="best_trial").set_value(number).run()


def files(page: AppTest) -> set[str]:
    return {str(button.key) for button in page.get("download_button")}


def test_the_model_of_another_trial_is_made_when_it_is_asked_for(
    finished: WrittenStudy,
) -> None:
    page = opened(finished.id)
    assert "best_model" in files(page)

    choose(page, 3)

    assert "best_model" not in files(page)
    assert "No model of trial 3 yet: only the leader's is made without asking." in texts(page)
    page.button(key="best_train_model").click().run()
    row = get_study(finished.db, finished.id)
    assert row.state == "waiting"
    assert Asked.parse(row.asked).models == (3,)


def test_the_model_of_another_trial_is_offered_once_it_is_kept(
    finished: WrittenStudy, home: Path
) -> None:
    save_trial_model(home, finished.id, 3, BestModel(b"other weights", {"trial": 3}))
    page = opened(finished.id)

    choose(page, 3)

    assert "best_model" in files(page)
    assert "best_train_model" not in keys(page)


def test_a_link_that_only_watches_cannot_have_a_model_trained(finished: WrittenStudy) -> None:
    page = opened(finished.id, watch="1")

    choose(page, 3)

    assert "No model of trial 3 yet" in texts(page)
    assert "best_train_model" not in keys(page)


def test_a_leader_whose_model_is_not_the_one_kept_can_be_trained(
    db: Database, home: Path
) -> None:
    study = written(db)
    save_model(home, study.id, trial=4)
    study.end()

    page = opened(study.id)

    assert "No model was saved: its training on all rows failed or was stopped." in texts(page)
    assert "best_train_model" in keys(page)


# The sealed test: closed.


def test_sealed_rows_are_counted_and_can_be_opened(finished: WrittenStudy) -> None:
    page = opened(finished.id)

    assert "114 rows nobody has used yet. The search shows 0.90 ± 0.05." in texts(page)
    assert not page.button(key="test_open").disabled
    assert _poll_s(open_view(finished.id)) == 1.0


def test_a_link_that_only_watches_shows_the_card_without_its_button(
    finished: WrittenStudy,
) -> None:
    page = opened(finished.id, watch="1")

    assert "114 rows nobody has used yet." in texts(page)
    assert "test_open" not in keys(page)


def test_a_study_that_runs_has_to_finish_first(db: Database) -> None:
    study = written(db)

    page = opened(study.id)

    assert "Wait until the study is finished." in texts(page)
    assert page.button(key="test_open").disabled
    assert _poll_s(open_view(study.id)) is None


def test_a_study_that_was_stopped_has_no_model_to_test(db: Database) -> None:
    study = written(db)
    study.end(STOPPED, "Stopped by a person.")

    page = opened(study.id)

    assert "Only a finished study has a model to test; this one did not finish." in texts(page)
    assert "test_open" not in keys(page)


def test_a_study_whose_model_was_not_saved_says_so(db: Database) -> None:
    study = written(db)
    study.end()

    page = opened(study.id)

    assert "No model was saved, so there is none to test." in texts(page)
    assert "test_open" not in keys(page)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"data": {"dataset": "breast-cancer", "test_fraction": 0.0}},
            "This study sealed no rows.",
        ),
        (
            {"evaluation": {"method": "test", "score": "accuracy"}},
            "Every trial is scored on the test rows, so none are sealed.",
        ),
    ],
)
def test_a_study_that_sealed_no_rows_says_so_and_leads_on(
    db: Database, home: Path, changes: dict[str, Any], sentence: str
) -> None:
    spec = StudySpec.parse(grid_spec().model_dump(mode="json") | changes)
    study = WrittenStudy.waiting(db, spec)
    study.train()
    assert study.claim is not None
    batch = Batch(
        trials=[TrialRow(0, "COMPLETE", dict(study.params(0)), 0.9)],
        fits=[FitRow(0, 0, fold, "COMPLETE", 0.9) for fold in range(spec.n_fits_per_trial)],
    )
    write_batch(db, study.claim, batch)
    save_model(home, study.id)
    study.end()

    page = opened(study.id)

    assert sentence in texts(page)
    assert "test_open" not in keys(page)
    labels = [node.proto.label for node in page.get("page_link")]
    assert "Clone it to seal rows" in labels
    assert _poll_s(open_view(study.id)) is None


# The sealed test: opened.


def test_opening_asks_first_in_the_words_of_the_plan(finished: WrittenStudy) -> None:
    page = opened(finished.id)

    page.button(key="test_open").click().run()

    assert (
        "This can be done once for this study. After it, changing settings and looking again "
        + "would no longer be a fair test."
    ) in texts(page)
    assert get_study(finished.db, finished.id).test_opened_at is None
    page.button(key="test_keep").click().run()
    assert get_study(finished.db, finished.id).test_opened_at is None


def test_a_test_is_opened_and_waits_for_its_worker(finished: WrittenStudy) -> None:
    register(finished.db, kind="worker", state="ready")
    page = opened(finished.id)

    page.button(key="test_open").click().run()
    page.button(key="test_confirm").click().run()
    page.run()

    assert get_study(finished.db, finished.id).test_opened_at is not None
    assert "Opening…" in texts(page)
    assert "test_open" not in keys(page)
    assert _poll_s(open_view(finished.id)) == 0.5


def test_without_a_worker_it_says_that_it_waits(finished: WrittenStudy) -> None:
    open_test(finished.db, finished.id)

    assert (
        "Opening… The worker is offline; the rows are scored as soon as it is back."
    ) in texts(opened(finished.id))


def test_the_score_stands_beside_what_was_promised_for_everybody(
    finished: WrittenStudy,
) -> None:
    viewer = opened(finished.id, watch="1")
    at = open_test(finished.db, finished.id)
    keep_scores(finished)

    viewer.run()

    # Wilson's interval of 102 of 114 rows
    assert (
        "Accuracy 0.89 on 114 sealed rows (95 % interval 0.82 to 0.94). "
        + "The search promised 0.90."
    ) in texts(viewer)
    assert f"Opened {since(at, 'UTC')}." in texts(viewer)
    assert _poll_s(open_view(finished.id)) is None


def test_a_test_is_opened_once(finished: WrittenStudy) -> None:
    open_test(finished.db, finished.id)
    keep_scores(finished)

    page = opened(finished.id)

    assert "test_open" not in keys(page)


def test_the_confusion_of_the_opened_test_is_drawn(finished: WrittenStudy) -> None:
    assert not opened(finished.id).get("plotly_chart")
    open_test(finished.db, finished.id)
    keep_scores(finished)

    page = opened(finished.id)

    figure = json.loads(page.get("plotly_chart")[0].proto.spec)
    assert figure["layout"]["title"]["text"].startswith("Said 'benign' to 64 of 72")
    assert figure["data"][0]["text"] == [["38", "4"], ["8", "64"]]
    page.button_group(key="best_cells").set_value("Share").run()
    figure = json.loads(page.get("plotly_chart")[0].proto.spec)
    assert figure["data"][0]["text"] == [["90%", "10%"], ["11%", "89%"]]


def test_other_studies_that_opened_the_same_rows_are_named(
    finished: WrittenStudy, home: Path
) -> None:
    other = written(finished.db, grid_spec("an *earlier* one"))
    other.end()
    with finished.db.write() as connection:
        chosen = study_table.update().where(study_table.c.id == other.id)
        connection.execute(chosen.values(test_opened_at=1_700_650_000.0))

    closed = texts(opened(finished.id))
    open_test(finished.db, finished.id)
    keep_scores(finished)
    scored = texts(opened(finished.id))

    assert "114 rows no trial of this study has seen." in closed
    assert (
        "an *earlier* one on 22 November opened these rows; "
        + "a second look is a little less independent."
    ) in closed
    assert "Also opened by an *earlier* one on 22 November." in scored
    assert "(97.5 % interval 0.81 to 0.94; opened 2 times)" in scored


def test_what_the_test_found_stands_with_the_trial_whose_model_it_scored(
    finished: WrittenStudy,
) -> None:
    open_test(finished.db, finished.id)
    keep_scores(finished, trial=leader_of(finished.db, finished.id))
    page = opened(finished.id)
    assert page.get("plotly_chart")

    page.button_group(key="best_pick").set_value("other").run()
    page.selectbox(key="best_trial").set_value(3).run()

    assert not page.get("plotly_chart")
    assert "It scored the model of the leader, trial" in texts(page)


def test_a_later_opening_by_another_study_does_not_widen_the_interval(
    finished: WrittenStudy,
) -> None:
    open_test(finished.db, finished.id)
    keep_scores(finished)
    other = written(finished.db, grid_spec("later"))
    other.end()
    open_test(finished.db, other.id)

    text = texts(opened(finished.id))

    assert "(95 % interval 0.82 to 0.94)" in text
    assert "Also opened by later on" in text


def test_trials_that_came_after_the_opening_are_counted(
    finished: WrittenStudy, home: Path
) -> None:
    open_test(finished.db, finished.id)
    keep_scores(finished, trial=3)
    with finished.db.write() as connection:
        late = trial.update().where(trial.c.number.in_([4, 5]))
        connection.execute(late.values(finished_at=5e9))

    text = texts(opened(finished.id))

    assert "2 trials were finished after the test was opened." in text
    assert "It scored the model of trial 3, which led then." in text


def test_an_opened_test_that_can_never_be_scored_says_why(db: Database) -> None:
    study = written(db)
    study.end()
    open_test(db, study.id)

    page = opened(study.id)

    assert "It cannot be scored: no model was saved." in texts(page)
    assert _poll_s(open_view(study.id)) is None


def test_what_was_scored_stays_when_the_dataset_is_deleted(finished: WrittenStudy) -> None:
    open_test(finished.db, finished.id)
    keep_scores(finished)
    forget_dataset(finished)

    page = opened(finished.id)

    assert "Accuracy 0.89 on 114 sealed rows" in texts(page)
    assert "The dataset was deleted, so the layers cannot be shown." in texts(page)
    assert len(page.get("plotly_chart")) == 1


def test_sealed_rows_go_with_the_dataset(finished: WrittenStudy) -> None:
    forget_dataset(finished)

    page = opened(finished.id)

    assert "The dataset was deleted, and the sealed rows with it." in texts(page)
    assert "test_open" not in keys(page)


def forget_dataset(study: WrittenStudy) -> None:
    """Let a study have a dataset that is not there any more."""
    spec = json.loads(get_study(study.db, study.id).spec)
    spec["data"]["dataset"] = "deleted-long-ago"
    with study.db.write() as connection:
        connection.execute(
            study_table.update().values(
                spec=json.dumps(spec), version=study_table.c.version + 1
            )
        )


# What needs no screen.


@dataclass(frozen=True)
class Other:
    """What is named of another study."""

    name: str
    test_opened_at: float


def test_many_other_studies_are_counted() -> None:
    day = 86_400.0
    others: list[Any] = [Other(f"study {n}", 1_700_000_000 + n * day) for n in range(5)]

    assert _named(others[:1]) == "study 0 on 14 November"
    assert _named(others[:2]) == "study 0 on 14 November and study 1 on 15 November"
    assert _named(others) == (
        "study 0 on 14 November, study 1 on 15 November, study 2 on 16 November and 2 more"
    )


def test_a_confusion_map_has_a_cell_for_each_pair() -> None:
    table = confusion_table([[80, 12], [19, 43]], ("no", "yes"))

    cells = confusion_map(table, "Said 'yes' to 43 of 62", as_shares=False).data[0]

    assert np.array(cells.customdata).tolist() == [[80, 12], [19, 43]]
    assert np.array(cells.z)[1] == pytest.approx([19 / 62, 43 / 62])
    assert list(cells.x) == list(cells.y) == ["no", "yes"]


def test_a_class_without_rows_has_no_shares() -> None:
    table = confusion_table([[1200, 0], [0, 0]], ("no", "yes"))

    shares, counts = (
        confusion_map(table, "", as_shares=is_share).data[0] for is_share in (True, False)
    )

    assert np.array(shares.text).tolist() == [["100%", "0%"], ["", ""]]
    assert np.array(counts.text).tolist() == [["1,200", "0"], ["0", "0"]]


def test_confused_pairs_have_a_bar_each_the_most_frequent_on_top() -> None:
    table = confusion_table([[8, 2, 0], [3, 6, 1], [0, 0, 5]], ("two", "three", "seven"))

    bars = confused_pairs_bars(confused_pairs(table), "title").data[0]

    assert list(bars.y) == ["three → seven", "two → three", "three → two"]
    assert list(bars.x) == [1, 2, 3]


def test_many_classes_are_drawn_as_their_most_confused_pairs(finished: WrittenStudy) -> None:
    counts = np.eye(13, dtype=int) * 5
    counts[4, 9] = 3
    open_test(finished.db, finished.id)
    stored = {"n_rows": 68, "scores": {"accuracy": 65 / 68}, "confusion": counts.tolist()}
    keep_test(finished.db, finished.id, json.dumps(stored))

    figure = json.loads(opened(finished.id).get("plotly_chart")[0].proto.spec)

    assert figure["data"][0]["type"] == "bar"
    assert figure["data"][0]["y"] == ["4 → 9"]
