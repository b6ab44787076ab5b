"""What is known of a dataset without reading its rows, and the rows once they are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Task = Literal["binary", "multiclass", "regression"]
Belonging = Literal["none", "time", "groups"]
DatePart = Literal["", "year", "month", "day", "weekday", "hour"]


@dataclass(frozen=True)
class Column:
    """One column of a table as the rows of a dataset hold it, before it is prepared.

    Attributes
    ----------
    levels : tuple of str
        Choices in the order of their codes 0, 1, …; empty for numbers.
    others : bool
        Whether the code ``len(levels)`` stands for every other choice.
    ordered : bool
        Whether a choice is one input, its code, and not an input for each choice.
    indicator : bool
        Whether an input more tells where the value is missing.
    source : str
        The column of the file that it comes from, where that is called otherwise.
    date_part : {"", "year", "month", "day", "weekday", "hour"}
        What it is of a date; weekdays count from 0, Monday.
    zeros_missing : bool
        Whether 0 stood for no value in the file.
    """

    name: str
    levels: tuple[str, ...] = ()
    others: bool = False
    ordered: bool = False
    indicator: bool = False
    source: str = ""
    date_part: DatePart = ""
    zeros_missing: bool = False

    @property
    def n_codes(self) -> int:
        """Different codes of a choice; 0 for numbers."""
        return len(self.levels) + self.others

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs it becomes, in order."""
        names: tuple[str, ...] = (self.name,)
        if self.levels and not self.ordered:
            words = (*self.levels, "other") if self.others else self.levels
            names = tuple(f"{self.name}: {word}" for word in words)
        return (*names, f"{self.name} is missing") if self.indicator else names


@dataclass(frozen=True)
class DatasetInfo:
    """What pages and checks need to know of a dataset.

    Attributes
    ----------
    id, title : str
        Short name in specs and URLs; name a person reads.
    task : {"binary", "multiclass", "regression"}
        What is predicted.
    source : {"bundled", "download", "upload"}
        Carried by scikit-learn, fetched on first use, or a person's own file.
    n_rows : int
        Rows to search with and to seal from; published test rows are not counted.
    n_test_rows : int
        Rows of a test part the dataset brings along; 0 if it has none.
    n_inputs : int
        Columns, or pixels of an image.
    image_shape : tuple of int or None
        Height, width, channels; None for tables.
    target : str
        What is predicted, in a person's words.
    unit : str
        Unit of a regression target; empty for classes.
    class_names : tuple of str
        In the order of the class codes 0, 1, …; empty for regression.
    class_counts : tuple of int
        Rows of each class.
    columns : tuple of str
        Input names in order, after preparation; empty for images.
    table : tuple of Column
        Columns as the rows hold them; empty where each is a number and an input as it is.
    belonging : {"none", "time", "groups"}
        Whether rows stand in the order of time, or belong to groups that no fold may divide.
    n_groups : int
        Different groups; 0 where rows belong to none.
    log_target : bool
        Whether the natural logarithm of what the file holds is predicted.
    digits : tuple of int
        Digits that may be chosen; empty where there is nothing to choose.
    cousin : str
        Id of the bundled dataset to use instead when offline; empty if none.
    about : str
        One sentence.
    """

    id: str
    title: str
    task: Task
    source: Literal["bundled", "download", "upload"]
    n_rows: int
    n_inputs: int
    target: str
    about: str
    n_test_rows: int = 0
    image_shape: tuple[int, int, int] | None = None
    unit: str = ""
    class_names: tuple[str, ...] = ()
    class_counts: tuple[int, ...] = ()
    columns: tuple[str, ...] = ()
    table: tuple[Column, ...] = ()
    belonging: Belonging = "none"
    n_groups: int = 0
    log_target: bool = False
    digits: tuple[int, ...] = ()
    cousin: str = ""

    @property
    def n_outputs(self) -> int:
        """Units of the output layer: one, or one a class."""
        return len(self.class_names) if self.task == "multiclass" else 1


@dataclass(frozen=True)
class Dataset:
    """The rows of a dataset.

    Attributes
    ----------
    features : ndarray of shape (n_rows, n_columns) or (n_rows, height, width, channels)
        float32; images divided by their largest pixel value. The codes of choices where the
        dataset's `table` has some; NaN where a value is missing.
    targets : ndarray of shape (n_rows,)
        float32; class codes 0, 1, … or numbers in the unit of the target.
    test_features, test_targets : ndarray
        The dataset's own test part, in the same shapes; zero rows if it has none.
    groups : ndarray of shape (n_rows,) or None
        Number of the group a row belongs to; None where rows belong to none.
    """

    info: DatasetInfo
    features: NDArray[np.float32]
    targets: NDArray[np.float32]
    test_features: NDArray[np.float32] = field(repr=False)
    test_targets: NDArray[np.float32] = field(repr=False)
    groups: NDArray[np.intp] | None = field(default=None, repr=False)
