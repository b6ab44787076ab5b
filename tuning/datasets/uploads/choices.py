"""What a person chose to do with a table: what to predict, and from which columns.

Frozen, so that each change is a new set of choices; checked against the table by
`tuning.datasets.uploads.checks`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from tuning.datasets.info import Task
from tuning.errors import UploadError

Role = Literal["in", "out", "time", "group"]
Treatment = Literal["number", "choice", "ordered choice", "date parts"]
MOST_CHOICES = 20


@dataclass(frozen=True)
class ColumnChoice:
    """What becomes of one column.

    Attributes
    ----------
    role : {"in", "out", "time", "group"}
        An input, left out, what the rows are ordered by, or what no fold may divide.
    treatment : {"number", "choice", "ordered choice", "date parts"}
        As what it goes in.
    order : tuple of str
        Every choice of an ordered one, the least first.
    indicator : bool
        Whether an input more tells where the value is missing.
    most_choices : int
        Choices told apart, the most frequent; the others are one more, "other".
    zeros_missing : bool
        Whether 0 stands for no value.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str
    role: Role = "in"
    treatment: Treatment = "number"
    order: tuple[str, ...] = ()
    indicator: bool = False
    most_choices: int = MOST_CHOICES
    zeros_missing: bool = False


@dataclass(frozen=True)
class Choices:
    """What to predict, from what, and from which rows.

    Attributes
    ----------
    columns : tuple of ColumnChoice
        Every column but the target.
    log_target : bool
        Whether the natural logarithm of the target is predicted.
    duplicates : {"keep", "drop"}
        What becomes of rows that repeat an earlier one.
    class_weight : {"balanced"} or None
        What a study with this dataset begins with.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    target: str
    task: Task
    columns: tuple[ColumnChoice, ...]
    log_target: bool = False
    duplicates: Literal["keep", "drop"] = "keep"
    class_weight: Literal["balanced"] | None = None

    def column(self, name: str) -> ColumnChoice:
        """Return what becomes of a column."""
        return next(column for column in self.columns if column.name == name)

    def with_column(self, name: str, **changes: object) -> Choices:
        """Return choices with one column treated otherwise."""
        wanted: dict[str, Any] = dict(changes)
        columns = tuple(
            replace(column, **wanted) if column.name == name else column
            for column in self.columns
        )
        return replace(self, columns=columns)

    def of_role(self, role: Role) -> tuple[ColumnChoice, ...]:
        """Return the columns of one role, in order."""
        return tuple(column for column in self.columns if column.role == role)

    def to_json(self) -> str:
        """Write the choices as JSON; `from_json` reads them back to equal ones."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str, file_name: str = "choices.json") -> Choices:
        """Read choices that `to_json`, or a person, wrote.

        Parameters
        ----------
        file_name : str
            What the text is called in the sentence that refuses it.

        Raises
        ------
        UploadError
            If they cannot be used, with the first reason.
        """
        try:
            return _ADAPTER.validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the whole"
            reason = f"cannot be used: {place}: {first['msg']}."
            raise UploadError(file_name, reason) from error

    def changed_by(self, text: str, file_name: str = "choices.json") -> Choices:
        """Return these choices with those that a person wrote down in place of them.

        Columns are found by their names; what is not written down stays.

        Raises
        ------
        UploadError
            If the text is no JSON object, or a choice in it cannot be used.
        """
        wanted = choices_document(text, file_name)
        document = asdict(self) | wanted
        document["columns"] = _changed_columns(self.columns, wanted.get("columns", []))
        return Choices.from_json(json.dumps(document), file_name)


def choices_document(text: str, file_name: str) -> dict[str, Any]:
    """Read what a person wrote down of choices.

    Raises
    ------
    UploadError
        If it is no JSON object.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise UploadError(file_name, f"is no JSON ({error}).") from error
    if not isinstance(document, dict):
        raise UploadError(file_name, "holds no JSON object of choices.")
    return document


def _changed_columns(columns: tuple[ColumnChoice, ...], wanted: object) -> object:
    if not isinstance(wanted, list) or not all(
        isinstance(column, Mapping) and "name" in column for column in wanted
    ):
        return wanted
    merged = {column.name: asdict(column) for column in columns}
    for column in wanted:
        name = str(column["name"])
        merged[name] = merged.get(name, {}) | dict(column)
    return list(merged.values())


_ADAPTER = TypeAdapter(Choices)
