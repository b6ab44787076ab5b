"""The page that puts studies and trials side by side, opened through the frame."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from storage.database import Database, database
from tests.pages.study_page import FRAME, buttons, opened, texts
from tests.pages.written_study import WrittenStudy, grid_spec
from tuning.spec import StudySpec

PAGE = FRAME.with_name("compare.py")
TIP = "Choose two or more. Tip: tick rows on Studies, or highlight trials in a study."


@pytest.fixture
def db(home: Path) -> Database:
    return database()


def compared(*items: str) -> AppTest:
    page = AppTest.from_file(str(FRAME), default_timeout=60)
    page.switch_page(str(PAGE))
    page.query_params["items"] = list(items)
    page.run()
    assert not page.exception
    return page


def written(db: Database, name: str, n_trials: int = 4, **changes: Any) -> WrittenStudy:
    """Write a finished study."""
    document = grid_spec(name).model_dump(mode="json")
    for part, values in changes.items():
        document[part] |= values
    study = WrittenStudy.waiting(db, StudySpec.parse(document))
    study.train()
    for number in range(n_trials):
        study.complete(number)
    study.end()
    return study


def figures(page: AppTest) -> list[dict[str, Any]]:
    return [json.loads(node.proto.spec) for node in page.get("plotly_chart")]


def frame_of(page: AppTest, column: str) -> Any:
    return next(f.value for f in page.dataframe if column in f.value.columns)


def test_fewer_than_two_are_told_how_to_go_on(db: Database) -> None:
    assert TIP in texts(compared())
    assert TIP in texts(compared(written(db, "one").id))


def test_what_is_gone_is_left_out_and_named(db: Database) -> None:
    a, b = written(db, "one"), written(db, "two")

    page = compared(a.id, "gone-1234", f"{a.id}:77", f"{a.id}:x", b.id)

    assert [warning.value.replace("\\", "") for warning in page.warning] == [
        "'gone-1234' no longer exists and was left out.",
        f"'{a.id}:77' no longer exists and was left out.",
        f"'{a.id}:x' is no study and no trial, and was left out. Write study:trial.",
    ]
    assert frame_of(page, "Compared")["Compared"].tolist() == ["one trial 0", "two trial 0"]


def test_a_study_without_a_score_is_named(db: Database) -> None:
    waiting = WrittenStudy.waiting(db, grid_spec("waits"))
    page = compared(written(db, "one").id, waiting.id)
    assert f"'{waiting.id}' has no score yet and was left out." in texts(page)
    assert TIP in texts(page)


def test_studies_on_the_same_folds_have_a_verdict_gaps_folds_and_curves(db: Database) -> None:
    folds = {"folds": 3, "repeats": 1}
    a, b = written(db, "one", evaluation=folds), written(db, "two", 2, evaluation=folds)

    page = compared(a.id, f"{b.id}:1")

    # Three fits of each are too few for a verdict, and the page says so.
    assert (
        "two trial 1 and one trial 0 cannot be told apart. Fits in common: 3, and it takes 5."
        in texts(page)
    )
    titles = [figure["layout"]["title"]["text"] for figure in figures(page)]
    assert titles[0].replace("<br>", " ") == (
        "After 1.0 s all have found the same best score, 0.900"
    )
    assert titles[1:] == ["Accuracy fold by fold", "Accuracy on validation rows by epoch"]
    assert {trace["name"] for trace in figures(page)[0]["data"]} == {"one", "two"}
    assert "compare_swap" in buttons(page)


def test_trials_of_one_study_have_one_line_of_search_and_a_table_of_what_differs(
    db: Database,
) -> None:
    study = written(db, "one")

    page = compared(f"{study.id}:0", f"{study.id}:2")

    assert [trace["name"] for trace in figures(page)[0]["data"]] == ["one"]
    table = frame_of(page, "Setting")
    assert table["Setting"].tolist() == ["Batch size"]
    assert table.iloc[0].tolist() == ["Batch size", "10", "20"]

    page.toggle(key="compare_same").set_value(True).run()

    shown = frame_of(page, "Setting")
    assert {"Dataset", "Epochs", "Seed"} < set(shown["Setting"])


def test_studies_on_other_rows_stand_side_by_side_without_a_verdict(db: Database) -> None:
    a, b = written(db, "one"), written(db, "two", data={"test_fraction": 0.1})

    page = compared(a.id, b.id)

    words = "These studies use different rows, so no verdict: scores stand side by side only."
    assert words in texts(page)
    assert "compare_swap" not in buttons(page)
    assert len(figures(page)) == 2
    assert frame_of(page, "Compared")["Compared"].tolist() == ["one trial 0", "two trial 0"]


def test_studies_by_other_scores_need_a_metric_both_have(db: Database) -> None:
    a = written(db, "one")
    b = written(db, "two", evaluation={"score": "log_loss"})

    page = compared(a.id, b.id)

    assert "One is judged by accuracy, one by log loss. Choose a metric both have." in texts(
        page
    )
    assert not figures(page)
    assert "Judged by" in frame_of(page, "Setting")["Setting"].tolist()

    page.selectbox(key="compare_metric_open").set_value("accuracy").run()

    assert not page.exception
    assert figures(page)
    assert "Accuracy" in frame_of(page, "Compared").columns


def test_classes_and_numbers_have_nothing_in_common(db: Database) -> None:
    a = written(db, "one")
    small = {"batch_size": {"kind": "list", "values": [10, 20, 40]}}
    b = written(
        db, "two", space=small, data={"dataset": "diabetes"}, evaluation={"score": "rmse"}
    )

    page = compared(a.id, b.id)

    assert "they have no metric in common, so no verdict." in texts(page)
    assert "Dataset" in frame_of(page, "Setting")["Setting"].tolist()


def test_a_running_study_can_be_read_anew(db: Database) -> None:
    a, running = written(db, "one"), WrittenStudy.waiting(db, grid_spec("two"))
    running.train()
    running.complete(0)
    page = compared(a.id, running.id)
    assert "two is still running." in texts(page)
    assert frame_of(page, "Compared")["Trials"].tolist() == ["4", "1"]

    running.complete(1)
    page.button(key="compare_update").click().run()

    assert frame_of(page, "Compared")["Trials"].tolist() == ["4", "2"]


def test_swap_makes_the_next_one_the_first(db: Database) -> None:
    a, b = written(db, "one"), written(db, "two")
    page = compared(a.id, b.id)

    page.button(key="compare_swap").click().run()

    assert frame_of(page, "Compared")["Compared"].tolist() == ["two trial 0", "one trial 0"]


def test_searches_are_drawn_against_trials_on_request(db: Database) -> None:
    a, b = written(db, "one"), written(db, "two", 2)
    page = compared(a.id, b.id)

    page.button_group(key="compare_by").set_value("Trials").run()

    title = figures(page)[0]["layout"]["title"]["text"].replace("<br>", " ")
    assert title == "After 2 trials all have found the same best score, 0.900"
    assert figures(page)[0]["layout"]["xaxis"]["title"]["text"] == "finished trials"


def test_two_studies_of_one_name_are_told_apart(db: Database) -> None:
    a, b = written(db, "same"), written(db, "same")
    page = compared(a.id, b.id)
    labels = frame_of(page, "Compared")["Compared"].tolist()
    assert labels == [f"same {a.id[-4:]} trial 0", f"same {b.id[-4:]} trial 0"]


def test_highlighted_trials_lead_to_their_comparison(db: Database) -> None:
    study = written(db, "one")
    page = opened(study.id, trials=["0", "2"])

    page.button(key="study_compare").click().run()

    assert not page.exception
    assert page.query_params["items"] == [f"{study.id}:0", f"{study.id}:2"]
