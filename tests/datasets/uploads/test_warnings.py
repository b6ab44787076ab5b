"""Each warning on a table that has what it is about, and none on tables that are clean."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from storage.settings import settings
from tests.upload_files import receive, table_of
from tuning.datasets.uploads.checks import check_choices
from tuning.datasets.uploads.choices import Choices
from tuning.datasets.uploads.guessing import guess_choices
from tuning.datasets.uploads.profile import profile_table
from tuning.datasets.uploads.table import TypedTable
from tuning.datasets.uploads.warning_rules import TableWarning, find_warnings

N_ROWS = 400
RNG = np.random.default_rng(7)
CLEAN = pd.DataFrame(
    {
        "height": RNG.normal(170, 8, N_ROWS),
        "plan": RNG.choice(["basic", "plus"], N_ROWS),
        "left": RNG.choice(["no", "yes"], N_ROWS),
    }
)


def warn(table: TypedTable, choices: Choices) -> dict[tuple[str, str], TableWarning]:
    check_choices(table, choices, "own.csv")
    found = find_warnings(table, profile_table(table, choices), choices)
    known: dict[tuple[str, str], TableWarning] = {
        (warning.rule, warning.column): warning for warning in found
    }
    assert len(known) == len(found)
    return known


def warn_of(
    target: str = "left", **columns: Any
) -> tuple[TypedTable, dict[tuple[str, str], TableWarning]]:
    """Warn of the clean table with other columns in it, and check that a click ends it."""
    table = table_of(CLEAN.assign(**columns)[[*columns, *CLEAN.columns.difference([*columns])]])
    found = warn(table, guess_choices(table, target))
    for key, warning in found.items():
        if warning.button not in ("", "Keep it"):
            assert key not in warn(table, warning.choices)
    return table, found


@pytest.mark.parametrize("load", [load_breast_cancer, load_diabetes])
def test_clean_tables_give_no_warning(load: object) -> None:
    table = table_of(load(as_frame=True).frame)  # type: ignore[operator]

    assert warn(table, guess_choices(table, "target")) == {}


def test_wine_has_fewer_rows_than_the_default_network_has_weights() -> None:
    table = table_of(load_wine(as_frame=True).frame)  # 178 rows, 13 inputs, 3 classes

    found = warn(table, guess_choices(table, "target"))

    assert set(found) == {("few rows", "")}
    assert "178 rows, but 13 inputs, which make 207 weights" in found["few rows", ""].sentence


def test_a_clean_table_of_few_choices_gives_no_warning() -> None:
    rng = np.random.default_rng(1)
    columns = {name: rng.choice(["u", "v", "w"], N_ROWS) for name in ("a", "b")}
    table = table_of(pd.DataFrame({**columns, "y": rng.choice(["no", "yes"], N_ROWS)}))

    assert warn(table, guess_choices(table)) == {}  # 400 rows of 18 sorts repeat by nature


def test_pima_has_zeros_that_mean_missing() -> None:
    folder = settings().datasets
    if folder is None:
        pytest.skip("TUNEBOARD_DATASETS names no folder with the published files")
    data = (Path(folder) / "pima-indians-diabetes.csv").read_bytes()
    table = receive(data, "pima.csv").table

    found = warn(table, guess_choices(table))

    # Glucose, blood pressure, skin, insulin and BMI; not pregnancies. The counts are those
    # that the literature gives for this file.
    assert list(found) == [("zeros", f"column {place}") for place in (2, 3, 4, 5, 6)]
    assert [warning.sentence.split(" rows")[0] for warning in found.values()] == [
        "column 2 is 0 in 5",
        "column 3 is 0 in 35",
        "column 4 is 0 in 227",
        "column 5 is 0 in 374",
        "column 6 is 0 in 11",
    ]
    changed = found["zeros", "column 2"].choices.column("column 2")
    assert (changed.zeros_missing, changed.indicator) == (True, True)


def test_a_known_name_says_whose_zeros_they_are() -> None:
    glucose = np.where(np.arange(N_ROWS) < 5, 0, RNG.integers(70, 200, N_ROWS))

    _, found = warn_of(glucose=glucose)

    assert found["zeros", "glucose"].sentence == (
        f"glucose is 0 in 5 rows, and all other values are {glucose[glucose > 0].min()} or "
        + "more: no living body has 0."
    )


@pytest.mark.parametrize(
    "values",
    [
        np.arange(N_ROWS) % 12,  # counts
        np.arange(N_ROWS) % 2,
        np.where(np.arange(N_ROWS) % 3, 0, 100 + np.arange(N_ROWS)),  # mostly zero
        np.where(np.arange(N_ROWS) % 9, RNG.exponential(10, N_ROWS), 0),  # amounts
        RNG.integers(0, 30, N_ROWS) * 10,
        RNG.normal(50, 5, N_ROWS),
    ],
)
def test_zeros_that_belong_are_left_alone(values: object) -> None:
    _, found = warn_of(x=values)

    assert ("zeros", "x") not in found


def test_a_column_that_gives_the_target_away_is_named_with_its_number() -> None:
    reasons = [("moved", "price")[i % 2] for i in range(N_ROWS)]
    _, found = warn_of(exit_reason=pd.Series(reasons).where(CLEAN["left"] == "yes"))

    leak = found["leak", "exit_reason"]
    assert leak.sentence == (
        "exit_reason predicts left almost perfectly (area under ROC 1.00). "
        + "Is it known beforehand?"
    )
    assert leak.button == "Leave out"
    assert leak.choices.column("exit_reason").role == "out"


def test_a_number_that_is_the_target_in_another_unit_is_a_leak() -> None:
    price = RNG.lognormal(3, 2, N_ROWS)

    _, found = warn_of("price", price_net=price / 1.19, price=price)

    assert ("leak", "price_net") in found


def test_columns_that_cannot_help_are_left_out_with_a_way_back() -> None:
    table, found = warn_of(
        customer_id=np.arange(N_ROWS) + 1000,
        country=["France"] * N_ROWS,
        remark=[f"note {i % 390}" for i in range(N_ROWS)],
    )

    sentences = {key: warning.sentence for key, warning in found.items()}
    end = "It cannot help and is left out."
    assert sentences == {
        ("id", "customer_id"): f"customer_id is different in every row. {end}",
        ("constant", "country"): f"country is the same in every row. {end}",
        ("words", "remark"): f"remark has 390 different values in 400 rows. {end}",
    }
    kept = warn(table, found["id", "customer_id"].choices)["id", "customer_id"]
    assert (kept.sentence, kept.button) == (
        "customer_id is different in every row. It cannot help.",
        "Leave out",
    )


def test_an_id_of_rows_that_are_there_twice_is_left_out() -> None:
    first = CLEAN.assign(customer_id=np.arange(N_ROWS) + 1000)
    table = table_of(pd.concat([first, first.iloc[:25]], ignore_index=True))
    choices = guess_choices(table, "left")

    found = warn(table, choices)

    assert choices.column("customer_id").role == "out"
    assert found["id", "customer_id"].sentence == (
        "customer_id has 400 different values in 425 rows. It cannot help and is left out."
    )


def test_a_column_of_gaps_is_named_with_their_share() -> None:
    _, found = warn_of(income=[i if i % 4 == 0 else None for i in range(N_ROWS)])

    assert found["missing", "income"].sentence == (
        "income is missing in 300 of 400 rows (75%)."
    )


def test_copies_of_rows_are_counted_and_dropped_by_a_click() -> None:
    table = table_of(pd.concat([CLEAN, CLEAN.head(37)]))

    warning = warn(table, guess_choices(table, "left"))["duplicates", ""]

    assert warning.sentence == (
        "37 rows repeat an earlier row. Copies can fall in both training and validation, and "
        + "make scores look better than they are."
    )
    assert check_choices(table, warning.choices, "own.csv").n_rows == N_ROWS
    assert ("duplicates", "") not in warn(table, warning.choices)


def test_imbalance_tells_what_guessing_is_worth() -> None:
    left = ["yes"] * 20 + ["no"] * 380

    _, found = warn_of(left=left)

    warning = found["imbalance", "left"]
    assert warning.sentence == (
        "5.0% of the rows say 'yes'. Always guessing 'no' has an accuracy of 0.950."
    )
    assert warning.choices.class_weight == "balanced"


def test_a_target_over_decades_is_offered_its_logarithm() -> None:
    _, found = warn_of("price", price=10 ** np.linspace(0, 4, N_ROWS))
    _, narrow = warn_of("price", price=np.linspace(50, 350, N_ROWS))
    _, negative = warn_of("price", price=10 ** np.linspace(0, 4, N_ROWS) - 5)

    warning = found["log", "price"]
    # 1 % and 99 % of the way from 10⁰ to 10⁴
    assert "98 % of its values lie between 1.096 and 9,120" in warning.sentence
    assert warning.choices.log_target
    assert ("log", "price") not in narrow
    assert ("log", "price") not in negative


def test_fewer_rows_than_inputs_are_told() -> None:
    rng = np.random.default_rng(0)
    columns: dict[str, object] = {f"x{i}": rng.normal(size=60) for i in range(55)}
    columns |= {"city": [f"c{i % 15}" for i in range(60)], "y": rng.normal(size=60)}
    table = table_of(pd.DataFrame(columns))

    warning = warn(table, guess_choices(table))["few rows", ""]

    assert warning.sentence == (  # 70 × 12 + 12 weights to the units, 12 + 1 to the output
        "60 rows, but 70 inputs, which make 865 weights in the default network. "
        + "It can learn such rows by heart."
    )
    assert warning.button == "Tell 3 choices a column apart"
    assert len(check_choices(table, warning.choices, "own.csv").columns) == 59


def test_fewer_rows_than_weights_offer_the_columns_that_tell_most() -> None:
    rng = np.random.default_rng(1)
    columns = {f"x{i}": rng.normal(size=60) for i in range(9)}
    y = columns["x4"] + 0.5 * columns["x7"] + 0.1 * rng.normal(size=60)
    table = table_of(pd.DataFrame({**columns, "y": y}))

    warning = warn(table, guess_choices(table))["few rows", ""]

    assert "60 rows, but 9 inputs, which make 133 weights" in warning.sentence
    assert warning.button == "Keep the 2 columns that tell most"  # 3 inputs make 61 weights
    assert {column.name for column in warning.choices.of_role("in")} == {"x4", "x7"}
    assert ("few rows", "") not in warn(table, warning.choices)


def test_a_date_offers_to_judge_on_the_latest_rows() -> None:
    _, found = warn_of(signup=pd.date_range("2024-01-01", periods=N_ROWS))

    warning = found["time", "signup"]
    assert warning.button == "Order by it"
    assert warning.choices.column("signup").role == "time"


def test_a_column_of_people_offers_to_keep_their_rows_together() -> None:
    _, found = warn_of(patient_id=[i % 80 for i in range(N_ROWS)])

    warning = found["group", "patient_id"]
    assert warning.sentence == (
        "patient_id has 80 values in 400 rows. If new rows will be of others than these, "
        + "keep the rows of each in one fold."
    )
    assert warning.choices.column("patient_id").role == "group"


def test_what_a_person_has_seen_to_is_not_warned_of_again() -> None:
    table = table_of(CLEAN.assign(left=["yes"] * 20 + ["no"] * 380))
    choices = replace(guess_choices(table, "left"), class_weight="balanced")

    assert warn(table, choices) == {}
