"""From a dropped file to a dataset, through the frame: every step, and the way back."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from pages.parts.data import chosen
from pages.parts.data.columns import columns_table, values_text
from pages.parts.data.pictures import drawable, shown_rows
from pages.parts.data.read_as import changed_options
from pages.parts.data.warned import warning_keys
from storage.database import database
from storage.datasets import list_datasets
from storage.settings import settings
from tests.upload_files import save_upload, table_of
from tuning.datasets.catalogue import catalogue
from tuning.datasets.files.options import Options
from tuning.datasets.uploads.choices import Choices, ColumnChoice
from tuning.datasets.uploads.guessing import guess_choices
from tuning.datasets.uploads.loading import upload_choices, upload_info
from tuning.datasets.uploads.profile import profile_table
from tuning.datasets.uploads.summary import summarise
from tuning.datasets.uploads.warning_rules import Rule, TableWarning

FRAME = str(Path(__file__).resolve().parents[2] / "pages" / "frame.py")
N = 80
pytestmark = pytest.mark.usefixtures("home")


def team() -> pd.DataFrame:
    """Make a table with a name for each row, gaps, a column that gives the target away."""
    rng = np.random.default_rng(7)
    left = np.where(np.arange(N) % 4 == 0, "yes", "no")
    tenure = rng.integers(0, 60, N).astype(float)
    tenure[:6] = np.nan
    return pd.DataFrame(
        {
            "customer_id": [f"C-{number:04d}" for number in rng.permutation(N)],
            "tenure": tenure,
            "plan": rng.choice(["basic", "plus", "max"], N),
            "exit_code": np.where(left == "yes", 7.5, 1.25) + rng.random(N),
            "left": left,
        }
    )


def written(table: pd.DataFrame, **options: str) -> bytes:
    text = table.to_csv(index=False, **options)  # type: ignore[call-overload]
    return str(text).encode()


def drop(data: bytes, name: str = "team.csv") -> AppTest:
    app = AppTest.from_file(FRAME, default_timeout=60)
    app.run()
    app.switch_page("datasets.py").run()
    app.file_uploader(key="datasets_upload").upload(name, data).run()
    assert not app.exception
    return app


def sentences(app: AppTest) -> list[str]:
    return [element.value for element in app.markdown]


def choices_of(app: AppTest) -> Choices:
    found: chosen.Chosen = app.session_state["ds_chosen"]
    return found.choices


def type_into_columns(app: AppTest, row: int, **cells: str) -> AppTest:
    """Type into the table of columns, as a browser tells it, and let the callback take it."""
    key = f"ds_columns_{app.session_state['ds_chosen'].n_shown}"
    app.session_state[key] = {
        "edited_rows": {row: dict(cells)},
        "added_rows": [],
        "deleted_rows": [],
    }
    app.run()
    assert not app.exception
    return app


def test_a_click_on_a_warning_acts_and_is_undone() -> None:
    app = drop(written(team()))
    app.button(key="ds_warn_leak_exit_code").click().run()

    assert choices_of(app).column("exit_code").role == "out"
    assert "ds_warn_leak_exit_code" not in [button.key for button in app.button]
    assert ":green[:material/check:] exit\\_code\\: left out\\." in sentences(app)

    app.button(key="ds_undo_0").click().run()

    assert choices_of(app).column("exit_code").role == "in"
    assert "ds_warn_leak_exit_code" in [button.key for button in app.button]


def test_undo_brings_back_only_what_the_click_changed() -> None:
    app = drop(written(team()))
    app.button(key="ds_warn_leak_exit_code").click().run()
    app.button(key="ds_warn_id_customer_id").click().run()

    app.button(key="ds_undo_0").click().run()

    assert choices_of(app).column("exit_code").role == "in"
    assert choices_of(app).column("customer_id").role == "in"  # was left out, and kept since


def test_the_choices_are_kept_with_the_dataset() -> None:
    app = drop(written(team()))
    app.button(key="ds_warn_leak_exit_code").click().run()
    app.text_input(key="ds_name").set_value("Leavers").run()
    app.button(key="ds_use").click().run()

    [row] = list_datasets(database())
    assert row.name == "Leavers"
    assert upload_choices(row).column("exit_code").role == "out"
    assert upload_info(row).columns == (
        *("tenure", "tenure is missing"),
        *("plan: basic", "plan: max", "plan: plus"),
    )
    assert [title.value for title in app.title] == ["New study"]


def test_a_taken_name_says_which_version_comes_next() -> None:
    save_upload(database(), written(team()), "team.csv", "left")
    app = drop(written(team().iloc[:70]))

    captions = [caption.value for caption in app.caption]
    assert r"The name is taken\: this will be version 2 of 'team'\." in captions
    app.button(key="ds_use").click().run()

    assert sorted(row.version for row in list_datasets(database())) == [1, 2]


def test_what_is_typed_into_the_table_of_columns_is_taken() -> None:
    app = drop(written(team()))
    type_into_columns(app, 2, use="out")

    assert [column.role for column in choices_of(app).columns] == ["out", "in", "out", "in"]
    assert not app.button(key="ds_use").disabled


def test_what_no_cell_offers_is_not_taken() -> None:
    app = drop(written(team()))
    before = choices_of(app)
    type_into_columns(app, 2, use="everything", missing="3")

    assert choices_of(app) == before


def test_a_treatment_that_a_column_cannot_have_is_refused_and_can_be_put_right() -> None:
    app = drop(written(team()))
    type_into_columns(app, 2, treatment="number")

    [error] = app.error
    assert "cannot use 'plan' as 'number'" in error.value
    assert app.button(key="ds_use").disabled

    type_into_columns(app, 2, treatment="choice")
    assert not app.error
    assert not app.button(key="ds_use").disabled


def test_an_ordered_choice_begins_in_the_order_of_the_alphabet_and_is_put_in_another() -> None:
    app = drop(written(team()))
    type_into_columns(app, 2, treatment="ordered choice")
    assert choices_of(app).column("plan").order == ("basic", "max", "plus")

    [names] = [box for box in app.selectbox if box.label == "Column"]
    names.set_value("plan").run()
    app.text_area(key="ds_one_order").set_value("basic\nplus\nmax").run()

    assert choices_of(app).column("plan").order == ("basic", "plus", "max")
    assert not app.error
    app.text_area(key="ds_one_order").set_value("basic\nplus").run()
    [error] = app.error
    assert "has 'max' in 'plan', which the order leaves out" in error.value


def test_details_of_one_column_are_chosen_below_the_table() -> None:
    app = drop(written(team()))
    [names] = [box for box in app.selectbox if box.label == "Column"]
    names.set_value("tenure").run()
    assert app.toggle(key="ds_one_indicator").value  # it has gaps

    app.toggle(key="ds_one_indicator").set_value(False).run()
    app.toggle(key="ds_one_zeros_missing").set_value(True).run()

    tenure = choices_of(app).column("tenure")
    assert (tenure.indicator, tenure.zeros_missing) == (False, True)


def test_a_target_with_another_task_keeps_what_was_chosen_for_columns() -> None:
    app = drop(written(team()))
    app.button(key="ds_warn_leak_exit_code").click().run()

    [predict] = [box for box in app.selectbox if box.label == "Predict"]
    predict.set_value("tenure").run()

    found = choices_of(app)
    assert (found.target, found.task) == ("tenure", "regression")
    assert found.column("exit_code").role == "out"
    assert found.column("left").role == "in"


def test_the_logarithm_is_offered_for_positive_numbers_alone() -> None:
    app = drop(written(team()))
    assert "ds_all_log_target" not in [toggle.key for toggle in app.toggle]
    [predict] = [box for box in app.selectbox if box.label == "Predict"]

    predict.set_value("exit_code").run()
    app.toggle(key="ds_all_log_target").set_value(True).run()

    assert choices_of(app).log_target


def test_another_separator_is_refused_and_the_file_stays_as_it_was() -> None:
    app = drop(written(team(), sep=";"))
    app.selectbox(key="ds_read_separator").set_value(",").run()

    [error] = app.error
    assert "has a single column" in error.value
    assert app.selectbox(key="ds_read_separator").value == ";"
    assert not app.button(key="ds_use").disabled


def test_a_file_is_read_otherwise_and_keeps_the_other_choices() -> None:
    app = drop(written(team()))
    app.button(key="ds_warn_leak_exit_code").click().run()

    missing = app.multiselect(key="ds_read_missing")
    missing.set_value([*missing.value, "plus"]).run()

    assert n_without_plan(app) == int((team()["plan"] == "plus").sum())
    assert choices_of(app).column("exit_code").role == "out"


def n_without_plan(app: AppTest) -> int:
    """Return how many values of plan are missing, as the table of columns says."""
    tables = [table.value for table in app.dataframe if "use" in table.value.columns]
    [found] = tables
    return int(dict(zip(found["column"], found["missing"], strict=True))["plan"])


def test_the_type_of_a_column_is_changed_and_stays_so() -> None:
    table = team()
    table["code"] = np.arange(N) % 3
    app = drop(written(table[["tenure", "plan", "code", "left"]]))
    [name] = [box for box in app.selectbox if box.label == "Type of column"]
    name.set_value("code").run()
    app.selectbox(key="ds_read_type").set_value("text").run()
    assert choices_of(app).column("code").treatment == "choice"

    app.toggle(key="ds_read_day_first").set_value(False).run()
    assert choices_of(app).column("code").treatment == "choice"  # other options keep it

    [name] = [box for box in app.selectbox if box.label == "Type of column"]
    name.set_value("plan").run()
    app.selectbox(key="ds_read_type").set_value("number").run()
    note = r"plan\: 80 values are no number and counted as missing\."
    assert any(note in text for text in sentences(app))
    assert choices_of(app).column("code").treatment == "choice"
    assert choices_of(app).column("plan").role == "out"  # nothing is left of it


def test_one_sign_is_never_both_decimal_and_thousands() -> None:
    options = Options(decimal=".", thousands=",")
    assert changed_options(options, "decimal", ",").thousands == ""
    assert changed_options(options, "thousands", ".").decimal == ","
    assert changed_options(options, "skipped", 2) == options.changed(skipped=2)


def test_formulas_and_markdown_of_a_file_are_shown_letter_by_letter() -> None:
    table = team()
    table.loc[0, "plan"] = "=1+1"
    table = table.rename(columns={"exit_code": "**exit** $x$"})
    app = drop(written(table))

    preview = app.dataframe[0].value
    assert preview.loc[0, "plan"] == "=1+1"
    [leak] = [text for text in sentences(app) if "almost perfectly" in text]
    assert "\\*\\*exit\\*\\* \\$x\\$" in leak


def test_pima_as_published_is_warned_of_its_zeros() -> None:
    path = settings().datasets
    if path is None:
        pytest.skip("needs the file of Pima diabetes")
    names = ["times", "glucose", "blood pressure", "skin", "insulin", "bmi", "pedigree", "age"]
    app = drop((path / "pima-indians-diabetes.csv").read_bytes(), "pima.csv")
    by_number = [key for key in keys(app) if key.startswith("ds_warn_zeros")]
    assert by_number == [f"ds_warn_zeros_column_{number}" for number in range(2, 7)]

    head = ",".join([*names, "diabetes"]).encode() + b"\n"
    named = drop(head + (path / "pima-indians-diabetes.csv").read_bytes(), "pima.csv")
    assert [key for key in keys(named) if key.startswith("ds_warn_zeros")] == [
        "ds_warn_zeros_glucose",
        "ds_warn_zeros_blood_pressure",
        "ds_warn_zeros_skin",
        "ds_warn_zeros_insulin",
        "ds_warn_zeros_bmi",
    ]
    named.button(key="ds_warn_zeros_insulin").click().run()
    insulin = choices_of(named).column("insulin")
    assert (insulin.zeros_missing, insulin.indicator) == (True, True)


def keys(app: AppTest) -> list[str]:
    return [str(button.key) for button in app.button]


def test_class_weights_that_were_chosen_arrive_in_the_new_study() -> None:
    table = team()
    table["left"] = np.where(np.arange(N) < 6, "yes", "no")
    app = drop(written(table))
    app.button(key="ds_warn_imbalance_left").click().run()
    assert choices_of(app).class_weight == "balanced"

    app.button(key="ds_use").click().run()

    assert app.session_state["new_draft"].fields["class_weight.fixed"] == "balanced"


def test_rows_in_time_are_told_in_the_evaluation_of_the_new_study() -> None:
    table = team()
    table["joined"] = pd.date_range("2024-01-01", periods=N).strftime("%Y-%m-%d")
    app = drop(written(table[["tenure", "plan", "joined", "left"]]))
    app.button(key="ds_warn_time_joined").click().run()
    app.button(key="ds_use").click().run()

    captions = [caption.value for caption in app.caption]
    assert any(text.startswith("Rows stand in the order of time") for text in captions)


def test_images_show_pictures_and_classes_but_no_columns() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (60, 8, 8), np.uint8)
    target = io.BytesIO()
    np.savez(target, x=pixels, y=np.arange(60) % 3)
    app = drop(target.getvalue(), "shapes.npz")

    assert len(app.get("image")) == 12
    assert not [table for table in app.dataframe if "use" in table.value.columns]
    app.button(key="ds_use").click().run()
    [row] = list_datasets(database())
    assert upload_info(row).image_shape == (8, 8, 1)


def test_pictures_are_of_as_many_classes_as_there_are() -> None:
    table = table_of(pd.DataFrame({"class": ["a"] * 20 + ["b", "c", "b"]}))
    rows = shown_rows(table, "class")
    assert rows.tolist() == [*range(9), 20, 21, 22]


def test_pixels_are_drawn_as_bytes() -> None:
    shares = np.array([[[0.0], [1.0]]], np.float32)
    assert drawable(shares, shares.dtype).tolist() == [[0, 255]]
    wide = np.array([[[0.0], [510.0]]], np.float32)
    assert drawable(wide, wide.dtype).tolist() == [[0, 255]]
    colours = np.full((2, 2, 3), 7, np.uint8)
    assert drawable(colours, colours.dtype).shape == (2, 2, 3)


def test_warnings_have_different_keys_whatever_the_columns_are_called() -> None:
    choices = Choices("y", "binary", ())
    rule: Rule = "leak"
    names = ["a b", "a_b", "A-B", "?", "!", "a_b__2"]
    made = warning_keys([TableWarning(rule, name, "", "", choices) for name in names])
    assert made[:3] == ["ds_warn_leak_a_b", "ds_warn_leak_a_b__2", "ds_warn_leak_a_b__3"]
    assert len(set(made)) == len(names)


def test_values_are_told_by_their_ends_or_the_most_frequent() -> None:
    dates = pd.to_datetime(["2024-02-29", "2023-12-31", "2024-01-01"])
    table = table_of(
        pd.DataFrame(
            {
                "n": [0.5, 1234567.0, 3.0],
                "one": [4.0, 4.0, 4.0],
                "day": dates,
                "word": ["a", "b", "b"],
                "flag": [True, False, True],
                "none": [None, None, None],
            }
        )
    )
    told = {name: values_text(summarise(table, name)) for name in table.names}
    assert told == {
        "n": "0.5 … 1.23457e+06",
        "one": "4",
        "day": "2023-12-31 … 2024-02-29",
        "word": "b, a",
        "flag": "no … yes",
        "none": "",
    }


def test_columns_are_a_table_with_use_and_treatment() -> None:
    table = table_of(team())
    choices = guess_choices(table, "left")
    rows = columns_table(profile_table(table, choices), choices).to_dict("records")
    found = {str(row["column"]): row for row in rows}
    tenure = found["tenure"]
    assert (tenure["use"], tenure["treatment"], tenure["kind"]) == ("in", "number", "number")
    assert (tenure["missing"], sum(tenure["shape"])) == (6, N - 6)
    assert found["customer_id"]["use"] == "out"
    assert found["exit_code"]["relation"] == pytest.approx(1.0)


def test_choices_that_no_longer_fit_the_table_are_guessed_anew() -> None:
    before = table_of({"a": [1, 2, 3] * 20, "b": [4, 5] * 30, "y": ["n", "m"] * 30})
    guess = guess_choices(before, "y")
    wanted = guess.with_column("a", role="time").with_column("b", role="group")
    after = table_of({"a": ["1", "2", "x"] * 20, "b": [4, 5] * 30, "y": ["n", "m"] * 30})

    found = chosen.carried_over(after, guess_choices(after, "y"), wanted, guess)

    assert found.columns == (
        ColumnChoice("a", treatment="choice"),
        ColumnChoice("b", role="group"),
    )


def test_a_kept_dataset_shows_columns_versions_and_opens_its_file_again() -> None:
    save_upload(database(), written(team().iloc[:70]), "team.csv", "left")
    info = save_upload(database(), written(team()), "team.csv", "left")
    app = AppTest.from_file(FRAME, default_timeout=60)
    app.run()
    app.switch_page("datasets.py")
    app.query_params["id"] = info.id
    app.run()
    assert not app.exception
    [columns] = [table.value for table in app.dataframe if "use" in table.value.columns]
    assert columns["column"].tolist() == ["customer_id", "tenure", "plan", "exit_code"]
    assert app.button(key="ds_version_1").label == "Version 1"

    app.button(key="ds_again").click().run()

    assert not app.exception
    assert app.text_input(key="ds_name").value == "team"
    app.button(key="ds_warn_leak_exit_code").click().run()
    app.button(key="ds_use").click().run()
    assert sorted(row.version for row in list_datasets(database())) == [1, 2, 3]


def test_only_own_datasets_have_a_file_to_download() -> None:
    app = AppTest.from_file(FRAME, default_timeout=60)
    app.run()
    app.switch_page("datasets.py")
    app.query_params["id"] = "breast-cancer"
    app.run()
    assert catalogue()["breast-cancer"].source == "bundled"
    assert not app.get("download_button")
