"""The network of the best model and what it says of opened sealed rows, through the frame."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from storage.database import Database, database
from storage.studies import keep_test
from storage.wishes import open_test
from tests.analysis.test_outputs import written as write_model
from tests.pages.test_best import opened, texts
from tests.pages.written_study import WrittenStudy, grid_spec
from tuning.execution.interface import BestModel
from tuning.export.files import save_trial_model
from tuning.sealed import sealed_document
from tuning.sealed_outputs import make_outputs, outputs_path, save_outputs
from tuning.spec import StudySpec


@pytest.fixture
def db(home: Path) -> Database:
    """Give the database that pages open, in a data folder of its own."""
    assert home.is_dir()
    st.cache_data.clear()
    st.cache_resource.clear()
    return database()


def finished(db: Database, home: Path, spec: StudySpec | None = None) -> tuple[str, Path]:
    """Write a finished study whose model is that of trial 0."""
    study = WrittenStudy.waiting(db, spec or grid_spec())
    study.train()
    for number in range(4):
        study.complete(number)
    folder = home / "models" / study.id
    folder.mkdir(parents=True)
    path = write_model(folder / "model.keras")
    (folder / "model.json").write_text(json.dumps({"trial": 0}))
    study.end()
    return study.id, path


def score(db: Database, study_id: str, path: Path, *, keeps: bool = True) -> None:
    """Open the test and score it as a worker does."""
    open_test(db, study_id)
    targets = np.repeat([0, 1], [40, 70]).astype(np.float32)
    is_wrong = np.arange(110) % 9 == 8
    said = np.where(is_wrong, 1 - targets, targets)
    outputs = (0.8 * said[:, None] + 0.1).astype(np.float32)
    document = sealed_document("binary", targets, outputs)
    keep_test(db, study_id, json.dumps(document | {"trial": 0, "promised": 0.9}))
    if keeps:
        save_outputs(path, make_outputs("binary", outputs, targets, outputs))


def plots(page: AppTest) -> dict[str, str]:
    """Return the titles of the figures, by their keys."""
    found = {}
    for node in page.get("plotly_chart"):
        name = node.proto.id.rsplit("-", 1)[-1]
        text = json.loads(node.proto.spec)["layout"]["title"]["text"]
        found[name] = text.replace("<br>", " ").replace("\u00a0", " ")
    return found


def table(page: AppTest, column: str) -> Any:
    return next(t.value for t in page.dataframe if column in t.value.columns)


def test_layers_stand_with_shapes_and_counts_and_the_network_is_drawn(
    db: Database, home: Path
) -> None:
    study_id, _ = finished(db, home)

    page = opened(study_id)

    layers = table(page, "n_weights")
    assert layers["n_weights"].tolist() == [9, 4]
    assert "13 weights in 2 dense layers" in plots(page).values()


def test_curves_of_the_fits_are_drawn(db: Database, home: Path) -> None:
    study_id, _ = finished(db, home)

    page = opened(study_id)

    options = [json.loads(node.proto.spec) for node in page.get("echarts_chart")]
    titles = [option["title"]["text"].replace("\n", " ") for option in options]
    assert "Accuracy by epoch" in titles
    assert len(titles) == 2


def test_nothing_is_told_of_sealed_rows_before_somebody_opens_them(
    db: Database, home: Path
) -> None:
    study_id, path = finished(db, home)
    rows = np.zeros((9, 1), np.float32)
    save_outputs(path, make_outputs("binary", rows, rows[:, 0], rows))  # left by accident

    page = opened(study_id)

    assert "every score" not in texts(page)
    assert not any("ROC" in title for title in plots(page).values())


def test_an_opened_test_has_every_score_and_its_curves(db: Database, home: Path) -> None:
    study_id, path = finished(db, home)
    score(db, study_id, path)

    page = opened(study_id)

    scores = table(page, "Interval").set_index("Score")["Value"]
    wrong = len(range(8, 110, 9))
    assert scores["accuracy"] == f"{1 - wrong / 110:.2f}"  # ± 0.06
    found = [title for title in plots(page).values() if title.startswith("Area under ROC")]
    # All rows have one of two shares: the area is the mean of sensitivity and specificity.
    of_no = sum(row % 9 == 8 for row in range(40)) / 40
    of_yes = sum(row % 9 == 8 for row in range(40, 110)) / 70
    area = 1 - (of_no + of_yes) / 2
    assert found[0].startswith(f"Area under ROC {area:.2f} (")
    assert any("Average precision" in title for title in plots(page).values())


def test_a_second_look_at_the_same_rows_has_the_wider_level_of_the_sealed_card(
    db: Database, home: Path
) -> None:
    first, path = finished(db, home)
    score(db, first, path)
    second, path = finished(db, home)
    score(db, second, path)

    levels = [
        table(opened(study_id), "Interval").set_index("Score")["Level"]["accuracy"]
        for study_id in (first, second)
    ]

    # Bonferroni over the looks at the rows: half of 5 % is left for the second one.
    assert levels == ["95 %", "97.5 %"]
    assert "97.5 % interval" in texts(opened(second))


def test_a_test_opened_before_outputs_were_kept_says_so(db: Database, home: Path) -> None:
    study_id, path = finished(db, home)
    score(db, study_id, path, keeps=False)

    page = opened(study_id)

    assert not outputs_path(path).exists()
    assert "This test was opened before outputs were kept" in texts(page)


def test_the_kept_model_of_another_trial_is_drawn_without_sealed_scores(
    db: Database, home: Path
) -> None:
    study_id, path = finished(db, home)
    score(db, study_id, path)
    save_trial_model(home, study_id, 2, BestModel(path.read_bytes(), {"trial": 2}))
    page = opened(study_id)
    assert "every score" in texts(page)

    page.button_group(key="best_pick").set_value("other").run()
    page.selectbox(key="best_trial").set_value(2).run()

    assert table(page, "n_weights")["n_weights"].tolist() == [9, 4]
    assert "every score" not in texts(page)


def test_a_trial_without_a_kept_model_has_no_layers(db: Database, home: Path) -> None:
    study_id, _ = finished(db, home)
    page = opened(study_id)

    page.button_group(key="best_pick").set_value("other").run()
    page.selectbox(key="best_trial").set_value(1).run()

    assert not any("n_weights" in drawn.value.columns for drawn in page.dataframe)


def test_a_file_that_is_no_model_is_told(db: Database, home: Path) -> None:
    study_id, path = finished(db, home)
    path.write_bytes(b"nothing")

    assert "The saved model 'model.keras' is not a file that Keras has written." in texts(
        opened(study_id)
    )
