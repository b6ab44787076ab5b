"""What a page shows of a table before it is kept: each column, and the target."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tuning.datasets.info import Task
from tuning.datasets.uploads.choices import Choices
from tuning.datasets.uploads.classes import count_classes
from tuning.datasets.uploads.guessing import MOST_IMAGE_CLASSES
from tuning.datasets.uploads.relation import relate
from tuning.datasets.uploads.summary import Summary, summarise
from tuning.datasets.uploads.table import TypedTable


@dataclass(frozen=True)
class ColumnProfile:
    """A column and how well it alone foretells the target.

    Attributes
    ----------
    relation : float or None
        From 0 to 1, what `TableProfile.relation_name` says; None where there is no telling.
    """

    summary: Summary
    relation: float | None


@dataclass(frozen=True)
class TableProfile:
    """What is known of a table and the target a person chose.

    Attributes
    ----------
    n_rows : int
        Rows of the file.
    columns : tuple of ColumnProfile
        Every column but the target, in the order of the file.
    relation_name : {"area under ROC", "R²"}
        What the relations are.
    n_rows_related : int
        Rows they were computed from: a sample where it is less than the rows with a target.
    class_names, class_counts : tuple
        In the order of the class codes; empty for regression, and where there are too many.
    """

    n_rows: int
    target: Summary
    task: Task
    columns: tuple[ColumnProfile, ...]
    relation_name: str
    n_rows_related: int
    class_names: tuple[str, ...]
    class_counts: tuple[int, ...]

    @property
    def n_without_target(self) -> int:
        """Rows that cannot be learned from."""
        return self.target.missing

    @property
    def note(self) -> str:
        """Say that the relations come from a sample; empty where they do not."""
        if self.n_rows_related >= self.target.n_present or not self.n_rows_related:
            return ""
        return (
            f"The relation to {self.target.name} was computed from {self.n_rows_related:,} of "
            + f"{self.n_rows:,} rows."
        )

    def column(self, name: str) -> ColumnProfile:
        """Return what is known of one column."""
        return next(column for column in self.columns if column.summary.name == name)

    def document(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        return asdict(self)


def profile_table(table: TypedTable, choices: Choices) -> TableProfile:
    """Describe a table; only target and task of the choices count.

    Every row counts in what is known of a column by itself; its relation to the target comes
    from at most 3,000 rows, drawn with a fixed seed.
    """
    names = [name for name in table.names if name != choices.target]
    relations = relate(table, choices.target, choices.task, names)
    target = summarise(table, choices.target)
    has_classes = choices.task != "regression" and target.distinct <= MOST_IMAGE_CLASSES
    classes = dict(count_classes(table, choices.target)) if has_classes else {}
    return TableProfile(
        table.n_rows,
        target,
        choices.task,
        tuple(
            ColumnProfile(summarise(table, name), relations.values.get(name)) for name in names
        ),
        relations.name,
        relations.n_rows,
        tuple(classes),
        tuple(classes.values()),
    )
