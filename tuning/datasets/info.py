"""What is known of a dataset without reading its rows, and the rows once they are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Task = Literal["binary", "multiclass", "regression"]


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
        Input names in order; empty for images.
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
        float32; images divided by their largest pixel value.
    targets : ndarray of shape (n_rows,)
        float32; class codes 0, 1, … or numbers in the unit of the target.
    test_features, test_targets : ndarray
        The dataset's own test part, in the same shapes; zero rows if it has none.
    """

    info: DatasetInfo
    features: NDArray[np.float32]
    targets: NDArray[np.float32]
    test_features: NDArray[np.float32] = field(repr=False)
    test_targets: NDArray[np.float32] = field(repr=False)
