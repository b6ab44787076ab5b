"""The Datasets page, through the frame: list, one dataset, and the way of an upload."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.parts.data.detail import facts_of, rows_table, target_word
from pages.parts.data.listing import datasets_table
from pages.parts.data.shares import shares_table
from storage.database import database
from storage.datasets import list_datasets
from storage.settings import settings
from tests.upload_files import save_upload, table_of
from tuning.datasets.catalogue import catalogue
from tuning.datasets.info import Column
from tuning.datasets.uploads.guessing import sensible_tasks
from tuning.launch import launch
from tuning.recipes import recipe

FRAME = str(Path(__file__).resolve().parents[2] / "pages" / "frame.py")
CHURN = "age,plan,left\n" + "".join(
    f"{20 + i},{'basic' if i % 3 else 'plus'},{'yes' if i % 4 == 0 else 'no'}\n"
    for i in range(60)
)
pytestmark = pytest.mark.usefixtures("home")


def open_page(dataset_id: str = "") -> AppTest:
    app = AppTest.from_file(FRAME, default_timeout=30)
    app.run()
    app.switch_page("datasets.py")
    if dataset_id:
        app.query_params["id"] = dataset_id
    app.run()
    assert not app.exception
    return app


def drop(app: AppTest, text: str, name: str = "churn_2024.csv") -> AppTest:
    app.file_uploader(key="datasets_upload").upload(name, text.encode()).run()
    assert not app.exception
    return app


def words(app: AppTest) -> list[str]:
    return [element.value for element in app.markdown]


def test_the_catalogue_is_listed_in_the_words_of_the_page() -> None:
    table = datasets_table(list(catalogue().values()), {"pima": 6, "mnist": 1})
    pima, mnist, california = table.head(3).to_dict("records")
    assert pima == {
        "name": "Pima diabetes",
        "rows": 768,
        "inputs": 8,
        "target": "diabetes",
        "task": "yes / no",
        "source": "download",
        "used": "6 studies",
    }
    assert mnist["used"] == "1 study"
    assert (california["task"], california["used"]) == ("number", "–")


def test_the_page_lists_every_dataset() -> None:
    [table] = open_page().dataframe
    assert list(table.value["name"]) == [info.title for info in catalogue().values()]


def test_a_bundled_dataset_shows_its_facts_classes_and_first_rows() -> None:
    app = open_page("breast-cancer")
    shares, rows = (table.value for table in app.dataframe)
    assert "**569**" in words(app)
    assert list(shares["rows"]) == [212, 357]
    assert len(rows) == 10
    assert rows.iloc[0]["tumor (target)"] == "malignant"
    assert rows.iloc[0]["mean radius"] == pytest.approx(17.99)


def test_zeros_of_a_published_table_are_told_and_a_copy_can_treat_them_as_missing() -> None:
    app = open_page("pima")
    told = [each.value for each in app.markdown if " is 0 in " in each.value]
    assert len(told) == 5  # glucose, blood pressure, skin, insulin, body mass

    app.button(key="ds_copy").click().run()

    assert not app.exception
    assert "768 rows" in " ".join(each.value for each in app.caption)
    offered = {b.key for b in app.button if b.key and b.key.startswith("ds_warn_zeros")}
    assert len(offered) == 5


def test_pictures_are_shown_as_pictures() -> None:
    app = open_page("digits")
    assert len(app.get("image")) == 10


def test_a_dataset_that_is_not_here_can_be_fetched_and_says_how_large_it_is(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNEBOARD_DATASETS", str(home / "nothing"))
    settings.cache_clear()

    app = open_page("mnist")

    assert "MNIST is fetched on first use (11 MB)." in words(app)
    assert app.button(key="ds_fetch").label == "Fetch it now"


def test_an_unknown_dataset_leads_back_to_the_list() -> None:
    app = open_page("nope")
    [error] = app.error
    assert error.value.startswith("There is no dataset 'nope'")
    assert app.button(key="ds_back").label == "Datasets"


def test_shares_are_of_all_rows() -> None:
    table = shares_table(("no", "yes"), (500, 268))
    assert list(table["share"].round(1)) == [65.1, 34.9]


def test_facts_name_the_unit_of_a_number_and_the_size_of_a_picture() -> None:
    assert facts_of(catalogue()["california"])["Target"] == "house value ($100,000)"
    assert facts_of(catalogue()["mnist"])["Inputs"] == "28 × 28 pixels"


def test_a_target_is_shown_as_its_class_or_its_number() -> None:
    assert target_word(catalogue()["pima"], 1.0) == "yes"
    assert target_word(catalogue()["california"], 4.526) == "4.526"


def test_choices_are_shown_by_their_names() -> None:
    plan = Column("plan", ("basic", "plus"), others=True)
    info = replace(catalogue()["pima"], columns=(), table=(Column("age"), plan))
    features = np.array([[30, 1], [np.nan, 2], [40, np.nan]], np.float32)

    table = rows_table(info, features)

    assert table["plan"].tolist()[:2] == ["plus", "other"]
    assert table.isna().to_numpy().tolist() == [[False, False], [True, False], [False, True]]


@pytest.mark.parametrize(
    ("values", "tasks"),
    [
        (["a", "b", "a"], ["binary"]),
        ([0, 1, 1], ["binary", "regression"]),
        ([1, 2, 3], ["multiclass", "regression"]),
        ([0.5, 1.5, 2.25], ["regression", "multiclass"]),
        (["a", "b", "c"], ["multiclass"]),
    ],
)
def test_only_tasks_that_make_sense_are_offered(values: list[object], tasks: list[str]) -> None:
    assert sensible_tasks(table_of({"y": values}), "y") == tasks


def test_a_dropped_table_becomes_a_dataset_and_opens_new_study() -> None:
    app = drop(open_page(), CHURN)
    assert app.text_input(key="ds_name").value == "churn_2024"

    app.button(key="ds_use").click().run()

    [row] = list_datasets(database())
    assert (row.name, row.target, row.task) == ("churn_2024", "left", "binary")
    assert [title.value for title in app.title] == ["New study"]


def test_a_target_that_cannot_be_learned_is_refused_with_its_reason() -> None:
    same = "age,left\n" + "".join(f"{i},no\n" for i in range(60))
    app = drop(open_page(), same)
    [error] = app.error
    assert "there is nothing to learn" in error.value
    assert app.button(key="ds_use").disabled


def test_a_file_that_is_no_table_is_refused_below_the_drop_zone() -> None:
    app = drop(open_page(), "word\n" * 60, name="note.txt")
    [error] = app.error
    assert error.value.startswith(r"'note\.txt' has a single column")
    assert [table.value.columns[0] for table in app.dataframe] == ["name"]


def test_the_same_table_again_is_recognised() -> None:
    save_upload(database(), CHURN.encode(), "old.csv", "left", "Churn of old")
    app = drop(open_page(), CHURN)
    assert "This table is already here as 'Churn of old'." in words(app)


def test_column_names_are_never_markdown() -> None:
    table = CHURN.replace("age,plan", "age,[x](http://e.x)").replace("plus", "basic")
    app = drop(open_page(), table)
    [note] = [text for text in words(app) if "same in every row" in text]
    assert "\\[x\\]\\(http\\://\u2060e\\.x\\)" in note


def test_an_unused_upload_is_deleted_after_a_question() -> None:
    info = save_upload(database(), CHURN.encode(), "churn.csv", "left")
    app = open_page(info.id)
    app.button(key="ds_delete").click().run()
    assert "Delete 'churn'? This cannot be undone." in words(app)
    assert list_datasets(database())

    app.button(key="ds_delete_confirm").click().run()

    assert not list_datasets(database())


def test_an_upload_that_a_study_uses_stays() -> None:
    info = save_upload(database(), CHURN.encode(), "churn.csv", "left")
    spec = recipe("pima-init").spec
    data = spec.data.model_copy(update={"dataset": info.id})
    launch(database(), spec.model_copy(update={"data": data}))

    button = open_page(info.id).button(key="ds_delete")

    assert button.disabled
    assert button.help == "Used by 1 study, so it stays. Delete those first."
