"""Confusions of classes, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tuning.analysis.confusion import (
    confused_pairs,
    confusion_finding,
    confusion_table,
    shares_of_rows,
)

DIGITS = [[8, 2, 0], [3, 6, 1], [0, 0, 5]]
NAMES = ("two", "three", "seven")


def test_a_table_has_the_classes_as_rows_and_what_was_said_as_columns() -> None:
    table = confusion_table(DIGITS, NAMES)

    assert table.index.tolist() == table.columns.tolist() == list(NAMES)
    assert table.to_numpy().tolist() == DIGITS


def test_a_class_without_a_name_is_its_code() -> None:
    assert confusion_table(DIGITS, ("two",)).index.tolist() == ["two", "1", "2"]


def test_shares_are_those_of_the_rows_of_a_class() -> None:
    shares = shares_of_rows(confusion_table([[8, 2], [0, 0]], ("no", "yes"))).to_numpy(float)

    assert shares[0].tolist() == [0.8, 0.2]
    assert np.isnan(shares[1]).all()


def test_what_is_mistaken_most_often_comes_first() -> None:
    pairs = confused_pairs(confusion_table(DIGITS, NAMES))

    assert pairs[["truth", "said", "count"]].to_numpy().tolist() == [
        ["three", "two", 3],
        ["two", "three", 2],
        ["three", "seven", 1],
    ]
    assert pairs["share"].tolist() == pytest.approx([0.3, 0.2, 0.1])
    assert len(confused_pairs(confusion_table(DIGITS, NAMES), 1)) == 1


@pytest.mark.parametrize(
    ("counts", "names", "finding"),
    [
        ([[80, 12], [19, 43]], ("no", "yes"), "Said 'yes' to 43 of 62 that are 'yes'"),
        (DIGITS, NAMES, "'three' is taken for 'two' most often: 3 of 10"),
        ([[1200, 0], [0, 43]], ("no", "yes"), "All 1,243 sealed rows are said right"),
    ],
)
def test_a_confusion_is_told_in_a_sentence(
    counts: list[list[int]], names: tuple[str, ...], finding: str
) -> None:
    assert confusion_finding(confusion_table(counts, names)) == finding
