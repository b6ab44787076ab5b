"""Choices: written down and read back, changed by a person, refused in one sentence."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from tests.upload_files import table_of
from tuning.datasets.uploads.checks import check_choices
from tuning.datasets.uploads.choices import Choices
from tuning.datasets.uploads.guessing import guess_choices
from tuning.datasets.uploads.table import TypedTable
from tuning.errors import UploadError

N_ROWS = 60
SIZES = ("small", "medium", "large")


@pytest.fixture
def table() -> TypedTable:
    return table_of(
        {
            "size": [SIZES[i % 3] for i in range(N_ROWS)],
            "age": [20 + i % 7 for i in range(N_ROWS)],
            "day": [f"2024-01-{1 + i % 28:02d}" for i in range(N_ROWS)],
            "price": [1.5 * i for i in range(N_ROWS)],
        }
    )


def test_choices_survive_json(table: TypedTable) -> None:
    choices = replace(
        guess_choices(table).with_column("size", treatment="ordered choice", order=SIZES),
        duplicates="drop",
    )

    assert Choices.from_json(choices.to_json()) == choices


def test_a_person_writes_down_only_what_differs(table: TypedTable) -> None:
    guess = guess_choices(table)

    changed = guess.changed_by(
        '{"duplicates": "drop", "columns": [{"name": "age", "role": "out"}]}'
    )

    assert changed == replace(guess.with_column("age", role="out"), duplicates="drop")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "holds no JSON object of choices."),
        ("}", "is no JSON (Expecting value: line 1 column 1 (char 0))."),
        (
            '{"columns": [{"name": "age", "role": "inn"}]}',
            "cannot be used: columns.1.role: Input should be 'in', 'out', 'time' or 'group'.",
        ),
        ('{"colour": "red"}', "cannot be used: colour: Unexpected keyword argument."),
        ('{"columns": {}}', "cannot be used: columns: Input should be a valid array."),
    ],
)
def test_what_a_person_wrote_is_refused_in_one_sentence(
    text: str, reason: str, table: TypedTable
) -> None:
    with pytest.raises(UploadError) as error:
        guess_choices(table).changed_by(text, "mine.json")

    assert str(error.value) == f"'mine.json' {reason}"


@pytest.mark.parametrize(
    ("column", "changes", "reason"),
    [
        (
            "size",
            {"treatment": "number"},
            "cannot use 'size' as 'number'. Use it as 'choice' or 'ordered choice'.",
        ),
        (
            "size",
            {"treatment": "ordered choice", "order": ("small", "large")},
            "has 'medium' in 'size', which the order leaves out. "
            + "List every choice, the least first.",
        ),
        (
            "size",
            {"treatment": "ordered choice", "order": (*SIZES, "large")},
            "has a choice of 'size' twice in the order. List each once.",
        ),
        (
            "size",
            {"most_choices": 0},
            "cannot tell 0 choices of 'size' apart. Choose 1 to 1,000.",
        ),
        (
            "size",
            {"role": "time"},
            "has no time in 'size'. Order by a column of dates or numbers.",
        ),
    ],
)
def test_a_column_that_cannot_be_used_so_is_refused(
    column: str, changes: dict[str, object], reason: str, table: TypedTable
) -> None:
    choices = guess_choices(table).with_column(column, **changes)

    with pytest.raises(UploadError) as error:
        check_choices(table, choices, "own.csv")

    assert str(error.value) == f"'own.csv' {reason}"


def test_folds_are_made_by_one_column(table: TypedTable) -> None:
    choices = guess_choices(table).with_column("age", role="time")

    with pytest.raises(UploadError) as error:
        check_choices(table, choices.with_column("size", role="group"), "own.csv")

    assert str(error.value) == (
        "'own.csv' has 'age' and 'size' to make folds by. "
        + "Choose one column of time or of groups."
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"log_target": True}, "has 0 in 'price'; only positive numbers have a logarithm."),
        ({"class_weight": "balanced"}, "has numbers in 'price'; only classes can be weighted."),
        ({"target": "age"}, "cannot use 'age' twice. Choose one use of it."),
        ({"columns": ()}, "has a column 'size' that no choice is made for."),
    ],
)
def test_choices_of_the_whole_table_are_checked(
    changes: dict[str, object], reason: str, table: TypedTable
) -> None:
    choices = replace(guess_choices(table), **changes)  # type: ignore[arg-type]

    with pytest.raises(UploadError) as error:
        check_choices(table, choices, "own.csv")

    assert str(error.value) == f"'own.csv' {reason}"


def test_only_a_number_has_a_logarithm(table: TypedTable) -> None:
    choices = replace(guess_choices(table, "size"), log_target=True)

    with pytest.raises(UploadError) as error:
        check_choices(table, choices, "own.csv")

    assert str(error.value) == "'own.csv' has classes in 'size'; only numbers have a logarithm."


def test_dates_are_no_target() -> None:
    days = pd.date_range("2024-01-01", periods=N_ROWS)
    table = table_of(pd.DataFrame({"x": range(N_ROWS), "day": days}))

    with pytest.raises(UploadError) as error:
        check_choices(table, guess_choices(table), "own.csv")

    assert str(error.value) == (
        "'own.csv' has dates in 'day', which cannot be predicted as they are."
    )


def test_too_few_rows_may_be_left_without_copies() -> None:
    table = table_of({"x": [i % 2 for i in range(N_ROWS)], "y": [i % 2 for i in range(N_ROWS)]})

    with pytest.raises(UploadError) as error:
        check_choices(table, replace(guess_choices(table), duplicates="drop"), "own.csv")

    assert str(error.value) == (
        "'own.csv' has 2 different rows; at least 50 are needed for folds."
    )


def test_two_inputs_cannot_share_a_name() -> None:
    table = table_of(
        {
            "a": ["x" if i % 2 else "z" for i in range(N_ROWS)],
            "a: x": [i % 5 for i in range(N_ROWS)],
            "y": [i % 2 for i in range(N_ROWS)],
        }
    )

    with pytest.raises(UploadError) as error:
        check_choices(table, guess_choices(table), "own.csv")

    assert str(error.value) == ("'own.csv' has two inputs named 'a: x'. Rename one of them.")


@pytest.mark.parametrize(
    ("name", "values", "role"),
    [
        ("customer_id", [100 + i for i in range(N_ROWS)], "out"),
        ("PassengerId", [100 + i for i in range(N_ROWS)], "out"),
        ("paid", [100 + i for i in range(N_ROWS)], "in"),
        ("customer_id", [i % 9 for i in range(N_ROWS)], "in"),
        ("name", [f"Nr {i}" for i in range(N_ROWS)], "out"),
        ("same", [1] * N_ROWS, "out"),
        ("nothing", [None] * N_ROWS, "out"),
        ("colour", ["red", "blue"] * (N_ROWS // 2), "in"),
    ],
)
def test_columns_that_tell_nothing_are_left_out(
    name: str, values: list[object], role: str
) -> None:
    table = table_of({name: values, "y": [i % 2 for i in range(N_ROWS)]})

    assert guess_choices(table).column(name).role == role
