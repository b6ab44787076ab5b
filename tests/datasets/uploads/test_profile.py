"""The profile of a column, against pandas and hand-worked tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.upload_files import table_of
from tuning.datasets.uploads.guessing import guess_choices
from tuning.datasets.uploads.profile import TableProfile, profile_table
from tuning.datasets.uploads.relation import relate
from tuning.datasets.uploads.summary import summarise

N_ROWS = 400


def profile_of(columns: dict[str, list[object]] | pd.DataFrame, target: str) -> TableProfile:
    table = table_of(columns)
    return profile_table(table, guess_choices(table, target))


def test_the_spread_of_numbers_is_that_of_pandas() -> None:
    values = pd.Series(np.random.default_rng(3).lognormal(size=N_ROWS))
    values[::9] = np.nan

    found = summarise(table_of(pd.DataFrame({"x": values})), "x")

    expected = values.describe()
    assert (found.missing, found.distinct) == (values.isna().sum(), values.nunique())
    assert found.spread is not None
    assert [
        found.spread.mean,
        found.spread.minimum,
        found.spread.lower,
        found.spread.median,
        found.spread.upper,
        found.spread.maximum,
    ] == pytest.approx(expected[["mean", "min", "25%", "50%", "75%", "max"]].tolist())


def test_a_histogram_counts_every_row_in_at_most_twenty_bins() -> None:
    found = summarise(table_of({"x": [0, 1, 1, 2, 2, 2, None], "z": list(range(7))}), "x")
    wide = summarise(table_of(pd.DataFrame({"x": np.arange(100.0)})), "x")

    assert found.counts == (1, 2, 3)
    assert found.edges == pytest.approx((0, 2 / 3, 4 / 3, 2))
    assert wide.counts == (5,) * 20


def test_words_are_counted_the_most_frequent_first() -> None:
    words: list[object] = ["b", "a", "b", None, "c", "b", "a"]

    found = summarise(table_of({"x": words, "z": list(range(7))}), "x")

    assert (found.words, found.counts) == (("b", "a", "c"), (3, 2, 1))
    assert (found.missing, found.distinct, found.spread) == (1, 3, None)


def test_dates_spread_in_days() -> None:
    days = pd.date_range("1970-01-02", periods=11)

    found = summarise(table_of(pd.DataFrame({"x": days})), "x")

    assert found.type == "date"
    assert found.spread is not None
    assert (found.spread.minimum, found.spread.median, found.spread.maximum) == (1, 6, 11)


def test_a_column_that_is_the_target_foretells_it_and_noise_does_not() -> None:
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 2, N_ROWS)
    columns = pd.DataFrame(
        {
            "same": classes * 2.0 + 1,
            "word": np.where(classes, "spam", "ham"),
            "noise": rng.normal(size=N_ROWS),
            "noise words": rng.choice(["u", "v", "w"], N_ROWS),
            "y": classes,
        }
    )

    profile = profile_of(columns, "y")

    relation = {column.summary.name: column.relation for column in profile.columns}
    assert profile.relation_name == "area under ROC"
    assert relation["same"] == relation["word"] == 1
    assert relation["noise"] == pytest.approx(0.5, abs=0.1)  # spread of an area: 0.03
    assert relation["noise words"] == pytest.approx(0.5, abs=0.1)


def test_a_word_is_worth_what_the_mean_of_its_rows_says() -> None:
    rng = np.random.default_rng(1)
    place = rng.integers(0, 3, 3_000)
    columns = pd.DataFrame(
        {"city": np.array(["a", "b", "c"])[place], "y": place * 2.0 + rng.normal(size=3_000)}
    )

    profile = profile_of(columns, "y")

    # The means 0, 2, 4 have a variance of 8/3, the noise one of 1.
    assert profile.columns[0].relation == pytest.approx((8 / 3) / (8 / 3 + 1), abs=0.03)


def test_a_rising_curve_over_decades_is_known_by_its_ranks() -> None:
    x = np.random.default_rng(2).normal(size=N_ROWS) * 3

    profile = profile_of(pd.DataFrame({"x": x, "y": np.exp(x)}), "y")

    assert profile.columns[0].relation == pytest.approx(1)


def test_three_classes_are_told_apart_one_against_the_rest() -> None:
    kinds = ["a", "b", "c"] * 60

    profile = profile_of({"code": [ord(kind) for kind in kinds], "kind": [*kinds]}, "kind")

    assert profile.columns[0].relation == 1
    assert profile.class_names == ("a", "b", "c")
    assert profile.class_counts == (60, 60, 60)


def test_a_large_table_says_that_its_relations_are_of_a_sample() -> None:
    n_rows = 10_000
    table = table_of(pd.DataFrame({"x": np.arange(n_rows) % 7, "y": np.arange(n_rows) % 2}))
    choices = guess_choices(table)

    profile, again = profile_table(table, choices), profile_table(table, choices)

    assert profile.note == "The relation to y was computed from 3,000 of 10,000 rows."
    assert profile == again
    assert profile.columns[0].summary.n_rows == n_rows


def test_gaps_are_no_obstacle_and_an_empty_column_has_no_relation() -> None:
    x: list[object] = [i % 2 if i % 5 else None for i in range(N_ROWS)]
    table = table_of({"x": x, "empty": [None] * N_ROWS, "y": [i % 2 for i in range(N_ROWS)]})

    found = relate(table, "y", "binary", ["x", "empty"])

    assert set(found.values) == {"x"}
    assert 0.9 < found.values["x"] < 1  # a fifth of the rows says nothing


def test_a_class_too_rare_for_folds_is_no_obstacle() -> None:
    kinds = ["a"] * 100 + ["b"] * 99 + ["c"]

    found = relate(table_of({"x": [ord(k) for k in kinds], "k": [*kinds]}), "k",
                   "multiclass", ["x"])  # fmt: skip

    assert (found.n_rows, found.values) == (199, {"x": 1.0})
