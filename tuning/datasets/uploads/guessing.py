"""A good first guess of what a person wants with a table; every part of it can be changed."""

from __future__ import annotations

import re

import numpy as np

from tuning.datasets.files.options import ColumnType
from tuning.datasets.info import Task
from tuning.datasets.uploads.choices import Choices, ColumnChoice, Treatment
from tuning.datasets.uploads.summary import Summary, summarise
from tuning.datasets.uploads.table import TypedTable

MOST_CLASSES = 20
MOST_IMAGE_CLASSES = 100
_TARGET_NAMES = ("target", "label", "class", "outcome", "y")
_ID_NAME = re.compile(r"(.*[^a-z])?(id|uuid|guid|key|index|rownum)\d*", re.IGNORECASE)
_ID_END = re.compile(r".*[a-z]I[dD]")
_NO_NAME = re.compile(r"(unnamed: 0|column 1)", re.IGNORECASE)
_MANY_WORDS = 50
_TREATMENTS: dict[ColumnType, Treatment] = {
    "number": "number",
    "yes or no": "number",
    "text": "choice",
    "date": "date parts",
}


def guess_choices(
    table: TypedTable, target: str | None = None, task: Task | None = None
) -> Choices:
    """Guess what to do with a table.

    Columns that number or name the rows, that never change, or that hold a text of their own in
    most rows are left out; dates go in as their parts; numbers with gaps get an indicator.

    Parameters
    ----------
    target, task : optional
        What a person has said already. A target that is not in the table is kept, and refused
        by `tuning.datasets.uploads.checks.check_choices`.
    """
    target = target or guess_target(table)
    if task is None:
        task = recognise_task(table, target) if target in table.names else "regression"
    columns = tuple(_guess_column(table, name) for name in table.names if name != target)
    return Choices(target, task, columns)


def guess_target(table: TypedTable) -> str:
    """Return the column a person most likely wants to predict: one named so, or the last."""
    names = {name.lower(): name for name in table.names}
    found = next((names[word] for word in _TARGET_NAMES if word in names), None)
    return found or table.names[-1]


def recognise_task(table: TypedTable, target: str) -> Task:
    """Tell what predicting a column means.

    Two values are binary; words, or at most 20 different whole numbers, are multiclass;
    anything else is regression.
    """
    summary = summarise(table, target)
    if summary.distinct == 2:
        return "binary"
    if summary.type == "text":
        return "multiclass"
    values = table.numbers(target)
    whole = bool(np.all(values[~np.isnan(values)] % 1 == 0))
    is_few = summary.distinct <= MOST_CLASSES and summary.type != "date"
    return "multiclass" if whole and is_few else "regression"


def sensible_tasks(table: TypedTable, target: str) -> list[Task]:
    """Return what predicting a column can mean; first what its values look like."""
    tasks = [recognise_task(table, target)]
    if table.type_of(target) == "number":
        few = 2 < summarise(table, target).distinct <= MOST_CLASSES
        others: list[Task] = ["multiclass", "regression"] if few else ["regression"]
        tasks += [task for task in others if task not in tasks]
    return tasks


def _guess_column(table: TypedTable, name: str) -> ColumnChoice:
    summary = summarise(table, name)
    is_out = (
        table.images is not None
        or summary.distinct < 2
        or names_rows(summary)
        or has_many_words(summary)
    )
    return ColumnChoice(
        name,
        role="out" if is_out else "in",
        treatment=_TREATMENTS[summary.type],
        indicator=summary.missing > 0 and summary.type in ("number", "yes or no"),
    )


def is_id_name(name: str) -> bool:
    """Tell whether a column is named as what tells rows, or people, apart."""
    return any(pattern.fullmatch(name) for pattern in (_ID_NAME, _ID_END))


def names_rows(summary: Summary) -> bool:
    """Tell whether a column names rows instead of describing them.

    It is different in every row, and text, or numbers whose name says so; without a name they
    must count the rows. Numbers whose name says so may be different in most rows alone: rows
    may be there twice.
    """
    if summary.type in ("date", "yes or no") or summary.n_present < 2:
        return False
    if summary.distinct < summary.n_present:
        is_most = 2 * summary.distinct > summary.n_present
        return summary.type == "number" and is_most and is_id_name(summary.name)
    return summary.type == "text" or is_id_name(summary.name) or _counts_rows(summary)


def _counts_rows(summary: Summary) -> bool:
    if summary.spread is None or not _NO_NAME.fullmatch(summary.name):
        return False
    first, last = summary.spread.minimum, summary.spread.maximum
    return first in (0, 1) and last - first + 1 == summary.distinct


def has_many_words(summary: Summary) -> bool:
    """Tell whether most values of a text stand in a row of their own, as in remarks."""
    n_words = summary.distinct if summary.type == "text" else 0
    return n_words > _MANY_WORDS and 2 * n_words > summary.n_present
