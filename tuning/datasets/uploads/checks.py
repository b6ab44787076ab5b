"""Choices that cannot be used with a table, each refused with one sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from tuning.datasets.files.options import ColumnType
from tuning.datasets.uploads.choices import Choices, ColumnChoice, Treatment
from tuning.datasets.uploads.guessing import MOST_CLASSES, MOST_IMAGE_CLASSES
from tuning.datasets.uploads.learning import Learned, learn
from tuning.datasets.uploads.summary import Summary, summarise
from tuning.datasets.uploads.table import TypedTable
from tuning.errors import UploadError

FEWEST_ROWS = 50
MOST_INPUTS = 1_000
_MOST_TOLD_APART = 1_000
_SHOWN = 10
_POSSIBLE: Mapping[ColumnType, tuple[Treatment, ...]] = {
    "number": ("number", "choice", "ordered choice"),
    "yes or no": ("number", "choice", "ordered choice"),
    "text": ("choice", "ordered choice"),
    "date": ("date parts",),
}


def check_choices(table: TypedTable, choices: Choices, file_name: str) -> Learned:
    """Check choices against a table, and return what was learned with them.

    Raises
    ------
    UploadError
        If the target, a column, or what becomes of all together cannot be used.
    """
    _check_names(table, choices, file_name)
    check_target(table, choices, file_name)
    _check_belonging(choices, file_name)
    for column in choices.columns:
        _check_column(table, column, file_name)
    learned = learn(table, choices)
    if learned.n_rows < FEWEST_ROWS:
        raise UploadError(
            file_name,
            f"has {learned.n_rows} different rows; at least {FEWEST_ROWS} are needed for "
            + "folds.",
        )
    _check_inputs(table, learned, choices, file_name)
    return learned


def treatments_of(table: TypedTable, name: str) -> tuple[Treatment, ...]:
    """Return as what a column can go in."""
    return _POSSIBLE[table.type_of(name)]


def _check_names(table: TypedTable, choices: Choices, file_name: str) -> None:
    known = ", ".join(table.names[:_SHOWN])
    chosen = [choices.target, *(column.name for column in choices.columns)]
    for name in chosen:
        if name not in table.names:
            raise UploadError(file_name, f"has no column {name!r}. Its columns are: {known}.")
    name, count = Counter(chosen).most_common(1)[0]
    if count > 1:
        raise UploadError(file_name, f"cannot use {name!r} twice. Choose one use of it.")
    for name in table.names:
        if name not in chosen:
            raise UploadError(file_name, f"has a column {name!r} that no choice is made for.")


def check_target(table: TypedTable, choices: Choices, file_name: str) -> None:
    """Check what is to be predicted, whatever the columns are for.

    Raises
    ------
    UploadError
        If it cannot be predicted as the task says.
    """
    target = summarise(table, choices.target)
    if target.n_present < FEWEST_ROWS:
        raise UploadError(
            file_name,
            f"has a target in {target.n_present} rows; at least {FEWEST_ROWS} are needed for "
            + "folds.",
        )
    if target.type == "date":
        raise UploadError(
            file_name, f"has dates in {target.name!r}, which cannot be predicted as they are."
        )
    if target.distinct == 1:
        value = table.words(target.name, [0])[0]
        raise UploadError(
            file_name, f"has always {value!r} in {target.name!r}; there is nothing to learn."
        )
    if choices.task == "regression":
        _check_number(target, choices, file_name)
    else:
        most = MOST_CLASSES if table.images is None else MOST_IMAGE_CLASSES
        _check_classes(target, choices, most, file_name)


def _check_number(target: Summary, choices: Choices, file_name: str) -> None:
    if target.type == "text":
        raise UploadError(
            file_name,
            f"has words in {target.name!r}, so it is not a number. Choose classes.",
        )
    if choices.class_weight:
        raise UploadError(
            file_name, f"has numbers in {target.name!r}; only classes can be weighted."
        )
    least = target.spread.minimum if target.spread else 0.0
    if choices.log_target and least <= 0:
        raise UploadError(
            file_name,
            f"has {least:g} in {target.name!r}; only positive numbers have a logarithm.",
        )


def _check_classes(target: Summary, choices: Choices, most: int, file_name: str) -> None:
    if target.distinct > most:
        way_out = "another" if target.type == "text" else "'number', or another"
        raise UploadError(
            file_name,
            f"has {target.distinct:,} different values in {target.name!r}; classes are at most "
            + f"{most}. Choose {way_out} column.",
        )
    if choices.task == "binary" and target.distinct != 2:
        raise UploadError(
            file_name,
            f"has {target.distinct} different values in {target.name!r}, so it is not yes or "
            + "no. Choose 'one of several'.",
        )
    if choices.log_target:
        raise UploadError(
            file_name, f"has classes in {target.name!r}; only numbers have a logarithm."
        )


def _check_belonging(choices: Choices, file_name: str) -> None:
    columns = (*choices.of_role("time"), *choices.of_role("group"))
    if len(columns) > 1:
        names = " and ".join(repr(column.name) for column in columns[:2])
        raise UploadError(
            file_name, f"has {names} to make folds by. Choose one column of time or of groups."
        )


def _check_column(table: TypedTable, column: ColumnChoice, file_name: str) -> None:
    name, kind = column.name, table.type_of(column.name)
    if column.role == "time" and kind not in ("date", "number"):
        raise UploadError(
            file_name, f"has no time in {name!r}. Order by a column of dates or numbers."
        )
    if column.role != "in":
        return
    if column.treatment not in _POSSIBLE[kind]:
        ways = " or ".join(repr(way) for way in _POSSIBLE[kind])
        raise UploadError(
            file_name, f"cannot use {name!r} as {column.treatment!r}. Use it as {ways}."
        )
    if not 1 <= column.most_choices <= _MOST_TOLD_APART:
        raise UploadError(
            file_name,
            f"cannot tell {column.most_choices:,} choices of {name!r} apart. "
            + f"Choose 1 to {_MOST_TOLD_APART:,}.",
        )
    if column.treatment == "ordered choice":
        _check_order(table, column, file_name)


def _check_order(table: TypedTable, column: ColumnChoice, file_name: str) -> None:
    coded = table.coded(column.name)
    if coded.n_values > MOST_INPUTS:
        raise UploadError(
            file_name,
            f"has {coded.n_values:,} different values in {column.name!r}, too many to put in "
            + "order.",
        )
    words = set(table.words(column.name, np.arange(coded.n_values)))
    left_out = sorted(words.difference(column.order))
    if left_out:
        raise UploadError(
            file_name,
            f"has {left_out[0]!r} in {column.name!r}, which the order leaves out. "
            + "List every choice, the least first.",
        )
    if len(set(column.order)) < len(column.order):
        raise UploadError(
            file_name, f"has a choice of {column.name!r} twice in the order. List each once."
        )


def _check_inputs(
    table: TypedTable, learned: Learned, choices: Choices, file_name: str
) -> None:
    if learned.image_shape:
        return
    names = learned.columns
    if not names:
        reason = f"has no column that could help to predict {choices.target!r}."
        raise UploadError(file_name, reason + _about_texts(table, choices))
    if len(names) > MOST_INPUTS:
        raise UploadError(
            file_name,
            f"becomes {len(names):,} inputs, one for each choice of a column. Use at most "
            + f"{MOST_INPUTS:,}: leave out columns with many choices.",
        )
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise UploadError(file_name, f"has two inputs named {name!r}. Rename one of them.")


def _about_texts(table: TypedTable, choices: Choices) -> str:
    """Say that text cannot be used as it is, where that is why nothing is left."""
    texts = [
        column.name
        for column in choices.of_role("out")
        if column.name in table.names
        and (summary := summarise(table, column.name)).type == "text"
        and summary.distinct > 1
    ]
    if not texts:
        return ""
    names = ", ".join(repr(name) for name in texts[:_SHOWN])
    verb = "holds" if len(texts) == 1 else "hold"
    return (
        f" {names} {verb} a text of its own in most rows, which a network here cannot read: "
        + "turn it into numbers or into few different words, and upload the file again."
    )
