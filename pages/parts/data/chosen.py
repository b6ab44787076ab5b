"""What a person has chosen for a dropped file, kept for the session; nothing here draws.

Choices are kept whole, and change by themselves only as far as the table makes them: read
otherwise, or with another target, a column keeps what a person chose for it where that still
makes sense.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from pages.parts.state import recall, remember
from tuning.datasets.info import Task
from tuning.datasets.uploads.checks import treatments_of
from tuning.datasets.uploads.choices import Choices, ColumnChoice
from tuning.datasets.uploads.guessing import guess_choices, sensible_tasks
from tuning.datasets.uploads.summary import summarise
from tuning.datasets.uploads.table import TypedTable
from tuning.datasets.uploads.warning_rules import TableWarning

_KEY = "ds_chosen"
_OF_ALL = ("log_target", "duplicates", "class_weight")
_MOST_ORDERED = 1_000


@dataclass(frozen=True)
class Taken:
    """A warning whose click was taken, and the choices on both sides of it."""

    warning: TableWarning
    before: Choices

    @property
    def is_in_force(self) -> bool:
        """Whether the choices of now still are as the click made them."""
        now = current().choices
        changed = _changes(self.before, self.warning.choices)
        return all(_part(now, key) == _part(self.warning.choices, key) for key in changed)

    def undone(self, choices: Choices) -> Choices:
        """Return choices with what the click changed as it was before."""
        for key in _changes(self.before, self.warning.choices):
            choices = _with_part(choices, key, _part(self.before, key))
        return choices


@dataclass(frozen=True)
class Chosen:
    """What is chosen for one way to read one file.

    Attributes
    ----------
    file : tuple of str
        What tells it from other files, and from the same file read otherwise.
    guess, choices : Choices
        As they were guessed, and as they are now.
    taken : tuple of Taken
        Warnings that were acted on, the first one first.
    shown : Choices
        What the editor of the columns began with; what is typed into it comes on top.
    n_shown : int
        How often the editor has begun anew.
    """

    file: tuple[str, str]
    guess: Choices
    choices: Choices
    shown: Choices
    taken: tuple[Taken, ...] = ()
    n_shown: int = 0

    def with_choices(self, choices: Choices) -> Chosen:
        """Return it with other choices, made elsewhere than in the editor of the columns."""
        return replace(self, choices=choices, shown=choices, n_shown=self.n_shown + 1)


def names_key(names: Iterable[str]) -> str:
    """Return the end of a key that changes with the columns it offers.

    What is no longer among them then cannot stay chosen.
    """
    return hashlib.sha256(json.dumps(list(names)).encode()).hexdigest()[:8]


def current() -> Chosen:
    """Return what is chosen for the dropped file."""
    chosen: Chosen = recall(_KEY)
    return chosen


def keep(chosen: Chosen) -> None:
    """Take something as what is chosen from now on."""
    remember(_KEY, chosen)


def settle(file: tuple[str, str], table: TypedTable, wanted: Choices | None) -> Chosen:
    """Return what is chosen for a file: as before, carried over to its new table, or guessed.

    Parameters
    ----------
    wanted : Choices or None
        What was chosen when the file was a dataset before.
    """
    known: Chosen | None = recall(_KEY)
    if known is not None and known.file == file and wanted is None:
        return known
    if wanted is not None:
        guess = guess_choices(table, wanted.target, wanted.task)
        choices = carried_over(table, guess, wanted, guess)
    elif known is not None and known.file[0] == file[0]:
        target = known.choices.target
        guess = _guess(table, target if target in table.names else None, known.choices.task)
        choices = carried_over(table, guess, known.choices, known.guess)
    else:
        guess = choices = guess_choices(table)
    n_shown = 0 if known is None else known.n_shown + 1
    keep(Chosen(file, guess, choices, choices, n_shown=n_shown))
    return current()


def predict(table: TypedTable, target: str, task: Task) -> Chosen:
    """Return what is chosen, with another target or task."""
    known = current()
    if (known.choices.target, known.choices.task) != (target, task):
        guess = guess_choices(table, target, task)
        choices = carried_over(table, guess, known.choices, known.guess)
        keep(replace(known, guess=guess, taken=()).with_choices(choices))
    return current()


def _guess(table: TypedTable, target: str | None, task: Task) -> Choices:
    if target is not None and task in sensible_tasks(table, target):
        return guess_choices(table, target, task)
    return guess_choices(table, target)


def carried_over(
    table: TypedTable, guess: Choices, before: Choices, guess_before: Choices
) -> Choices:
    """Return a guess with what a person had chosen otherwise than guessed, if it makes sense.

    Parameters
    ----------
    guess : Choices
        For the table, target and task of now.
    before, guess_before : Choices
        What was chosen, and what had been guessed, for those of before.
    """
    old = {column.name: column for column in before.columns}
    guessed = {column.name: column for column in guess_before.columns}
    columns = tuple(
        old[column.name]
        if old.get(column.name, column) not in (column, guessed.get(column.name))
        and _makes_sense(table, old[column.name])
        else column
        for column in guess.columns
    )
    is_number = guess.task == "regression"
    is_same = guess.target == before.target
    return replace(
        guess,
        columns=columns,
        duplicates=before.duplicates,
        log_target=before.log_target and is_same and has_logarithm(table, guess),
        class_weight=before.class_weight if is_same and not is_number else None,
    )


def _makes_sense(table: TypedTable, column: ColumnChoice) -> bool:
    if column.role == "time" and table.type_of(column.name) not in ("date", "number"):
        return False
    return column.treatment in treatments_of(table, column.name)


def has_logarithm(table: TypedTable, choices: Choices) -> bool:
    """Tell whether the logarithm of the target can be predicted."""
    spread = summarise(table, choices.target).spread
    return choices.task == "regression" and spread is not None and spread.minimum > 0


def with_orders(table: TypedTable) -> Chosen:
    """Return what is chosen; an ordered choice without an order gets that of its values."""
    known = current()
    missing = [
        column
        for column in known.choices.of_role("in")
        if column.treatment == "ordered choice"
        and not column.order
        and "ordered choice" in treatments_of(table, column.name)
    ]
    choices = known.choices
    for column in missing:
        choices = choices.with_column(column.name, order=usual_order(table, column.name))
    if missing:
        keep(replace(known, choices=choices))
    return current()


def usual_order(table: TypedTable, name: str) -> tuple[str, ...]:
    """Return the values of a column in their order: numbers by size, words by the alphabet.

    Empty where there are too many to put in order.
    """
    coded = table.coded(name)
    if coded.n_values > _MOST_ORDERED:
        return ()
    words = table.words(name, np.arange(coded.n_values))
    return tuple(sorted(words)) if table.type_of(name) == "text" else words


def change_column(name: str, **changes: object) -> None:
    """Treat one column otherwise."""
    known = current()
    keep(known.with_choices(known.choices.with_column(name, **changes)))


def change(**changes: Any) -> None:  # noqa: ANN401 (as the fields of Choices)
    """Choose otherwise for the whole table."""
    known = current()
    keep(known.with_choices(replace(known.choices, **changes)))


def with_typed(typed: Mapping[int, Mapping[str, str]]) -> Chosen:
    """Return what is chosen with what stands in the editor of the columns.

    Parameters
    ----------
    typed : dict
        By the place of the column, and then by "role" or "treatment".
    """
    known = current()
    choices = known.shown
    for place, changes in typed.items():
        choices = choices.with_column(choices.columns[place].name, **changes)
    for column in known.choices.columns:
        if column.order != choices.column(column.name).order:
            choices = choices.with_column(column.name, order=column.order)
    keep(replace(known, choices=choices))
    return current()


def take_warning(warning: TableWarning) -> None:
    """Do what a warning offers."""
    known = current()
    done = Taken(warning, known.choices)
    keep(replace(known.with_choices(warning.choices), taken=(*known.taken, done)))


def undo(place: int) -> None:
    """Undo what was done for a warning."""
    known = current()
    done = known.taken[place]
    rest = tuple(other for other in known.taken if other is not done)
    keep(replace(known.with_choices(done.undone(known.choices)), taken=rest))


def _changes(before: Choices, after: Choices) -> list[str | int]:
    """Return what differs: names of fields, and places of columns."""
    whole = [name for name in _OF_ALL if getattr(before, name) != getattr(after, name)]
    pairs = zip(before.columns, after.columns, strict=True)
    return [*whole, *(place for place, (old, new) in enumerate(pairs) if old != new)]


def _part(choices: Choices, key: str | int) -> object:
    return getattr(choices, key) if isinstance(key, str) else choices.columns[key]


def _with_part(choices: Choices, key: str | int, value: object) -> Choices:
    if isinstance(key, str):
        wanted: dict[str, Any] = {key: value}
        return replace(choices, **wanted)
    old = choices.columns[key]
    names = [field.name for field in fields(old) if field.name != "name"]
    changes = {name: getattr(value, name) for name in names}
    return choices.with_column(old.name, **changes)
