"""Rows as numbers and codes, each on a table worked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.upload_files import table_of
from tuning.datasets.info import Column
from tuning.datasets.uploads.choices import Choices
from tuning.datasets.uploads.encoding import encode_features, encode_target
from tuning.datasets.uploads.guessing import guess_choices
from tuning.datasets.uploads.learning import Learned, Rows, groups_of, learn, rows_kept
from tuning.datasets.uploads.table import TypedTable

SMALL: dict[str, list[object]] = {
    "plan": ["b", "a", None, "c", "b", "a"],
    "n": [0, 1.5, None, 3, 0, 5],
    "y": [1, 10, 100, None, 1, 1000],
}


def encode(
    table: TypedTable, choices: Choices
) -> tuple[Learned, Rows, list[list[float]], list[float]]:
    learned, rows = learn(table, choices), rows_kept(table, choices)
    features = encode_features(table, learned, rows)
    targets = encode_target(table, choices, learned, rows)
    assert features.dtype == targets.dtype == np.float32
    return learned, rows, features.tolist(), targets.tolist()


def same(found: list[list[float]], expected: list[list[float]]) -> bool:
    return np.array_equal(found, expected, equal_nan=True)


nan = float("nan")


def regression(table: TypedTable) -> Choices:
    return guess_choices(table, "y", "regression")


def test_choices_become_codes_and_gaps_stay_gaps() -> None:
    table = table_of(SMALL)

    learned, rows, features, targets = encode(table, regression(table))

    assert rows.tolist() == [0, 1, 2, 4, 5]  # the fourth row has no target
    assert (learned.n_rows, learned.n_without_target, learned.n_repeated) == (5, 1, 0)
    assert list(learned.inputs) == [
        Column("plan", ("a", "b")),
        Column("n", indicator=True),
    ]
    assert same(features, [[1, 0], [0, 1.5], [nan, nan], [1, 0], [0, 5]])
    assert targets == [1, 10, 100, 1, 1000]


def test_rare_choices_are_others() -> None:
    words = [*"aaabbc", "d", None]
    table = table_of({"w": [*words], "y": list(range(8))})
    choices = regression(table).with_column("w", most_choices=2)

    learned, _, features, _ = encode(table, choices)

    assert learned.columns == ("w: a", "w: b", "w: other")
    assert same(features, [[0], [0], [0], [1], [1], [2], [2], [nan]])


def test_numbers_can_be_choices_named_as_in_the_file() -> None:
    table = table_of({"n": [10, 2, 2, 2.5, None, 10], "y": list(range(6))})
    choices = regression(table).with_column("n", treatment="choice")

    learned, _, features, _ = encode(table, choices)

    assert learned.inputs[0].levels == ("2", "2.5", "10")
    assert same(features, [[2], [0], [0], [1], [nan], [2]])


def test_an_ordered_choice_is_one_input() -> None:
    table = table_of(SMALL)
    choices = regression(table).with_column(
        "plan", treatment="ordered choice", order=("c", "b", "a")
    )

    learned, _, features, _ = encode(table, choices)

    assert learned.columns[0] == "plan"
    assert same([row[:1] for row in features], [[1], [2], [nan], [1], [2]])


def test_zeros_can_be_gaps() -> None:
    table = table_of(SMALL)
    choices = regression(table).with_column("n", zeros_missing=True)

    _, _, features, _ = encode(table, choices)

    assert same([row[1:] for row in features], [[nan], [1.5], [nan], [nan], [5]])


def test_yes_and_no_are_one_and_zero() -> None:
    table = table_of({"ok": [True, False, True], "y": [1, 2, 3]})

    _, _, features, _ = encode(table, regression(table))

    assert features == [[1], [0], [1]]


def test_the_logarithm_of_a_target_is_natural() -> None:
    table = table_of(SMALL)

    _, _, _, targets = encode(table, replace(regression(table), log_target=True))

    assert targets == pytest.approx([0, 2.302585, 4.605170, 0, 6.907755])


def test_a_row_that_repeats_an_earlier_one_is_dropped() -> None:
    table = table_of(SMALL)

    learned, rows, _, _ = encode(table, replace(regression(table), duplicates="drop"))

    assert rows.tolist() == [0, 1, 2, 5]
    assert learned.notes == (
        "1 row has no target and will be left out.",
        "1 row that repeats an earlier row will be left out.",
    )


def test_copies_are_found_as_pandas_finds_them() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "a": rng.integers(0, 9, 500),
            "b": rng.choice(np.array(["x", "y", None], object), 500),
            "y": rng.normal(size=500).round(1),
        }
    )
    table = table_of(frame)

    rows = rows_kept(table, replace(regression(table), duplicates="drop"))

    assert rows.tolist() == np.flatnonzero(~frame.duplicated()).tolist()


def test_a_date_becomes_the_parts_that_vary() -> None:
    # 28 February 2024 was a Wednesday; the third row has no date.
    days = pd.to_datetime(["2024-02-28", "2024-02-29", "NaT", "2024-03-01"])
    table = table_of(pd.DataFrame({"day": days, "y": range(4)}))
    choices = regression(table).with_column("day", indicator=True)

    learned, _, features, _ = encode(table, choices)

    assert learned.columns == (
        "day: month",
        "day: month is missing",
        "day: day",
        "day: weekday",
    )
    assert same(features, [[2, 28, 2], [2, 29, 3], [nan, nan, nan], [3, 1, 4]])


def test_hours_and_years_are_parts_too() -> None:
    times = pd.to_datetime(["2023-01-01 05:30", "2024-01-01 17:45"])
    table = table_of(pd.DataFrame({"at": times, "y": range(2)}))

    learned, _, features, _ = encode(table, regression(table))

    assert learned.columns == ("at: year", "at: weekday", "at: hour")
    assert features == [[2023, 6, 5], [2024, 0, 17]]


def test_rows_stand_in_the_order_of_time_and_those_without_come_last() -> None:
    table = table_of({"t": [3, None, 1, 2, 1], "x": list(range(5)), "y": list(range(5))})

    _, rows, features, _ = encode(table, regression(table).with_column("t", role="time"))

    assert rows.tolist() == [2, 4, 3, 0, 1]
    assert [row[0] for row in features] == [2, 4, 3, 0, 1]


def test_groups_are_numbered_and_a_row_without_one_is_alone() -> None:
    table = table_of({"who": ["b", "a", None, "b", None], "x": [0] * 5, "y": list(range(5))})
    choices = regression(table).with_column("who", role="group")

    groups = groups_of(table, choices, np.arange(5))

    assert groups is not None
    assert groups[0] == groups[3]
    assert len(set(groups.tolist())) == 4
    assert groups_of(table, regression(table), np.arange(5)) is None


@pytest.mark.parametrize(
    ("values", "names", "codes"),
    [
        (["no", "yes", "no"], ("no", "yes"), [0, 1, 0]),
        ([10, 9, 10], ("9", "10"), [1, 0, 1]),
        ([True, False, True], ("no", "yes"), [1, 0, 1]),
        (["b", "c", "a"], ("a", "b", "c"), [1, 2, 0]),
    ],
)
def test_classes_are_codes_in_their_order(
    values: list[object], names: tuple[str, ...], codes: list[float]
) -> None:
    table = table_of({"x": [1, 2, 3], "y": values})

    learned, _, _, targets = encode(table, guess_choices(table, "y"))

    assert learned.class_names == names
    assert targets == codes


@pytest.mark.parametrize(
    ("images", "largest"),
    [
        (np.array([[[[0], [128]]], [[[3], [5]]]], np.uint8), 255),
        (np.array([[[[0], [128]]], [[[3], [5]]]], np.float32), 255),
        (np.array([[[[0], [0.5]]], [[[0.25], [1]]]], np.float32), 1),
        (np.array([[[[0], [4096]]], [[[3], [5]]]], np.float32), 4096),
    ],
)
def test_pixels_are_divided_by_their_largest_possible_value(
    images: np.ndarray, largest: float
) -> None:
    table = replace(table_of({"class": ["cat", "dog"]}), images=images)

    learned, _, features, targets = encode(table, guess_choices(table))

    assert learned.image_shape == (1, 2, 1)
    assert np.allclose(features, images / largest)
    assert targets == [0, 1]


def test_an_image_that_is_there_twice_is_dropped() -> None:
    images = np.arange(12, dtype=np.uint8).reshape(3, 2, 2, 1)
    images[2] = images[0]
    table = replace(table_of({"class": ["cat", "dog", "cat"]}), images=images)

    rows = rows_kept(table, replace(guess_choices(table), duplicates="drop"))

    assert rows.tolist() == [0, 1]
