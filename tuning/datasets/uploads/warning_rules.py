"""Warnings that save a person's day: what looks wrong, the evidence, and one click to act."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from tuning.datasets.uploads.choices import Choices, ColumnChoice
from tuning.datasets.uploads.guessing import has_many_words, is_id_name, names_rows
from tuning.datasets.uploads.learning import Learned, learn, repeated
from tuning.datasets.uploads.profile import ColumnProfile, TableProfile
from tuning.datasets.uploads.summary import Summary
from tuning.datasets.uploads.table import TypedTable
from tuning.datasets.uploads.zeros import zeros_note
from tuning.parameters import defaults_of

Rule = Literal[
    "leak", "id", "constant", "words", "missing", "zeros", "time", "group",
    "duplicates", "imbalance", "log", "few rows",
]  # fmt: skip
LEAK_FROM = 0.99
_MOSTLY = 0.5
_RARE = 0.2  # of an equal share: one row in ten where there are two classes
_DECADES = 2
_TAILS = (0.01, 0.99)
_FEWEST_A_GROUP = 2
_FEWEST_GROUPS = 5
_TIME_NAME = re.compile(r"(.*[^a-z])?(date|datetime|time|timestamp|year|month|week)", re.I)
_GROUP_NAME = re.compile(
    r"(.*[^a-z])?(patient|subject|customer|client|user|person|household|family|session|"
    + r"group|school|site|machine|device|store)([^a-z]?(id|no|nr|number))?",
    re.IGNORECASE,
)
_FEWER_CHOICES = 3
_SLACK = 10
_DEFAULTS = defaults_of("dense")


@dataclass(frozen=True)
class TableWarning:
    """Something a person should know before the table is kept.

    Attributes
    ----------
    rule : str
        Which of the rules speaks.
    column : str
        The column it speaks of; empty where it is the whole table.
    sentence : str
        What is there, with the numbers that show it; plain text, names as in the file.
    button : str
        What one click does; empty where nothing can be done by a click.
    choices : Choices
        The choices after that click.
    """

    rule: Rule
    column: str
    sentence: str
    button: str
    choices: Choices


def find_warnings(
    table: TypedTable, profile: TableProfile, choices: Choices
) -> tuple[TableWarning, ...]:
    """Look for what could spoil a study of a table.

    Parameters
    ----------
    profile : TableProfile
        Of the same table, target and task.
    choices : Choices
        As `check_choices` has let them through; what they have seen to is not warned of again.
    """
    by_column = [
        warning
        for column in choices.columns
        if table.images is None
        for warning in _of_column(table, profile.column(column.name), column, profile, choices)
    ]
    return (*by_column, *_of_table(table, profile, choices))


def _of_column(
    table: TypedTable,
    known: ColumnProfile,
    column: ColumnChoice,
    profile: TableProfile,
    choices: Choices,
) -> Iterator[TableWarning]:
    summary = known.summary
    useless = _useless(summary, column, choices)
    if useless is not None:
        yield useless
        return
    if column.role != "in":
        return
    if known.relation is not None and known.relation >= LEAK_FROM:
        yield _leave_out(
            "leak",
            column.name,
            f"{column.name} predicts {choices.target} almost perfectly "
            + f"({profile.relation_name} {known.relation:.2f}). Is it known beforehand?",
            choices,
        )
    if summary.missing > _MOSTLY * summary.n_rows:
        yield _leave_out(
            "missing",
            column.name,
            f"{column.name} is missing in {summary.missing:,} of {summary.n_rows:,} rows "
            + f"({summary.missing / summary.n_rows:.0%}).",
            choices,
        )
    yield from _zeros(table, column, choices)
    yield from _belonging(summary, choices)


def _leave_out(rule: Rule, name: str, sentence: str, choices: Choices) -> TableWarning:
    return TableWarning(
        rule, name, sentence, "Leave out", choices.with_column(name, role="out")
    )


def _useless(summary: Summary, column: ColumnChoice, choices: Choices) -> TableWarning | None:
    """Warn of a column that cannot help, whether it is in or left out."""
    if column.role in ("time", "group"):
        return None
    rule, fact = _why_useless(summary)
    if rule is None:
        return None
    if column.role == "in":
        return _leave_out(rule, column.name, f"{fact} It cannot help.", choices)
    kept = choices.with_column(column.name, role="in")
    return TableWarning(
        rule, column.name, f"{fact} It cannot help and is left out.", "Keep it", kept
    )


def _why_useless(summary: Summary) -> tuple[Rule | None, str]:
    name, present = summary.name, summary.n_present
    if summary.distinct == 0:
        return "constant", f"{name} has no value in any row."
    if summary.distinct == 1:
        where = "every row" if summary.missing == 0 else "every row that has a value"
        return "constant", f"{name} is the same in {where}."
    if names_rows(summary) and summary.distinct == present:
        return "id", f"{name} is different in every row."
    many = f"{name} has {summary.distinct:,} different values in {present:,} rows."
    if names_rows(summary):
        return "id", many
    if has_many_words(summary):
        return "words", many
    return None, ""


def _zeros(table: TypedTable, column: ColumnChoice, choices: Choices) -> Iterator[TableWarning]:
    if column.treatment != "number" or column.zeros_missing:
        return
    if note := zeros_note(table, column.name):
        changed = choices.with_column(column.name, zeros_missing=True, indicator=True)
        yield TableWarning("zeros", column.name, note, "Treat as missing", changed)


def _belonging(summary: Summary, choices: Choices) -> Iterator[TableWarning]:
    """Offer folds by time or by groups, unless a column for that is chosen."""
    name = summary.name
    if choices.of_role("time") or choices.of_role("group"):
        return
    is_group = bool(_GROUP_NAME.fullmatch(name)) or is_id_name(name)
    if summary.type == "date" or (
        summary.type == "number" and _TIME_NAME.fullmatch(name) and summary.distinct > 1
    ):
        sentence = (
            f"{name} tells when a row was. If new rows will come later than these, "
            + "judge on the latest rows."
        )
        changed = choices.with_column(name, role="time")
        yield TableWarning("time", name, sentence, "Order by it", changed)
    elif is_group and _FEWEST_GROUPS <= summary.distinct <= summary.n_present / _FEWEST_A_GROUP:
        sentence = (
            f"{name} has {summary.distinct:,} values in {summary.n_present:,} rows. If new "
            + "rows will be of others than these, keep the rows of each in one fold."
        )
        changed = choices.with_column(name, role="group")
        yield TableWarning("group", name, sentence, "Keep together", changed)


def _of_table(
    table: TypedTable, profile: TableProfile, choices: Choices
) -> Iterator[TableWarning]:
    yield from _duplicates(table, choices)
    if choices.task == "regression":
        yield from _log(table, choices)
    else:
        yield from _imbalance(profile, choices)
    yield from _few_rows(learn(table, choices), profile, choices)


def _duplicates(table: TypedTable, choices: Choices) -> Iterator[TableWarning]:
    if choices.duplicates == "drop":
        return
    again = repeated(table, choices)
    count = int(again.sum())
    if count == 0 or count <= _chance_repeats(table, choices, ~again):
        return
    rows = "1 row repeats" if count == 1 else f"{count:,} rows repeat"
    sentence = (
        f"{rows} an earlier row. Copies can fall in both training and validation, and make "
        + "scores look better than they are."
    )
    yield TableWarning(
        "duplicates", "", sentence, "Drop them", replace(choices, duplicates="drop")
    )


def _chance_repeats(table: TypedTable, choices: Choices, is_first: NDArray[np.bool_]) -> float:
    """Return how many rows of few different values repeat without being copies.

    With independent columns n rows hold n²/2 · Π q equal pairs, q being the share of pairs of
    different rows that agree in a column; columns that go together make more, so ten times as
    many are let pass.
    """
    if table.images is not None:
        return 0.0
    rows = np.flatnonzero(is_first)
    names = [column.name for column in choices.columns if column.role != "out"]
    chance = _SLACK * table.n_rows**2 / 2
    for name in (*names, choices.target):
        counts = table.coded(name).counts(rows)
        chance *= float((counts * (counts - 1)).sum() / max(len(rows) * (len(rows) - 1), 1))
        if chance < 1:
            return chance
    return chance


def _imbalance(profile: TableProfile, choices: Choices) -> Iterator[TableWarning]:
    counts = profile.class_counts
    if choices.class_weight or len(counts) < 2:
        return
    total = sum(counts)
    if min(counts) >= _RARE * total / len(counts):
        return
    most, least = int(np.argmax(counts)), int(np.argmin(counts))
    sentence = (
        f"{counts[least] / total:.1%} of the rows say {profile.class_names[least]!r}. Always "
        + f"guessing {profile.class_names[most]!r} has an accuracy of "
        + f"{counts[most] / total:.3f}."
    )
    changed = replace(choices, class_weight="balanced")
    yield TableWarning("imbalance", choices.target, sentence, "Weight the classes", changed)


def _log(table: TypedTable, choices: Choices) -> Iterator[TableWarning]:
    if choices.log_target:
        return
    values = table.numbers(choices.target)
    values = values[~np.isnan(values)]
    if values.min() <= 0:
        return
    low, high = np.quantile(values, _TAILS)
    if np.log10(high / low) < _DECADES:
        return
    sentence = (
        f"{choices.target} is spread over decades: 98 % of its values lie between {low:,.4g} "
        + f"and {high:,.4g}. The largest alone would decide the score."
    )
    changed = replace(choices, log_target=True)
    yield TableWarning("log", choices.target, sentence, "Predict its logarithm", changed)


def _few_rows(
    learned: Learned, profile: TableProfile, choices: Choices
) -> Iterator[TableWarning]:
    n_inputs, n_classes = len(learned.columns), len(learned.class_names)
    n_outputs = n_classes if n_classes > 2 else 1
    n_weights = _default_weights(n_inputs, n_outputs)
    if learned.image_shape or learned.n_rows >= n_weights:
        return
    sentence = (
        f"{learned.n_rows:,} rows, but {n_inputs:,} inputs, which make {n_weights:,} weights "
        + "in the default network. It can learn such rows by heart."
    )
    button, changed = _fewer_choices(choices)
    if not button:
        button, changed = _fewer_columns(learned.n_rows, n_outputs, profile, choices)
    yield TableWarning("few rows", "", sentence, button, changed)


def _default_weights(n_inputs: int, n_outputs: int) -> int:
    """Count the weights of the network that a study begins with."""
    n_hidden, n_units = (cast(int, _DEFAULTS[name]) for name in ("n_hidden", "n_neurons"))
    sizes = [n_inputs, *[n_units] * n_hidden, n_outputs]
    return sum((before + 1) * after for before, after in pairwise(sizes))


def _fewer_choices(choices: Choices) -> tuple[str, Choices]:
    changed, button = choices, ""
    for column in choices.of_role("in"):
        if column.treatment == "choice" and column.most_choices > _FEWER_CHOICES:
            changed = changed.with_column(column.name, most_choices=_FEWER_CHOICES)
            button = f"Tell {_FEWER_CHOICES} choices a column apart"
    return button, changed


def _fewer_columns(
    n_rows: int, n_outputs: int, profile: TableProfile, choices: Choices
) -> tuple[str, Choices]:
    """Keep as many columns, the most telling ones, as the rows have weights for."""
    columns = choices.of_role("in")
    fitting = [n for n in range(1, len(columns)) if _default_weights(n, n_outputs) <= n_rows]
    n_kept = max(fitting, default=1)
    if n_kept >= len(columns):
        return "", choices
    told = {column.name: profile.column(column.name).relation or 0.0 for column in columns}
    changed = choices
    for name in sorted(told, key=told.__getitem__, reverse=True)[n_kept:]:
        changed = changed.with_column(name, role="out")
    noun = "column that tells" if n_kept == 1 else f"{n_kept} columns that tell"
    return f"Keep the {noun} most", changed
