"""Fill, scale and encode the inputs of a table with what the training rows alone say.

All of it is scikit-learn's; here is only which column goes through what, and in which order
the inputs come out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler

from tuning.datasets.info import Column, DatasetInfo
from tuning.parameters import Value

_SCALERS = {"standard": StandardScaler, "robust": RobustScaler, "minmax": MinMaxScaler}


class Preparation(NamedTuple):
    """How the columns of a table become inputs, as a trial sets it.

    Attributes
    ----------
    scaling : {"standard", "robust", "minmax"} or None
        Of numbers and ordered choices; None leaves them as they are.
    imputation : {"median", "mean", "most_frequent"}
        What stands in for a missing number or ordered choice.
    """

    scaling: str | None = "standard"
    imputation: str = "median"


AS_THEY_ARE = Preparation(None)


def preparation_of(params: Mapping[str, Value]) -> Preparation:
    """Return the preparation among a trial's parameters; networks of images have none."""
    return Preparation(
        cast("str | None", params.get("scaling")), str(params.get("imputation", "median"))
    )


@dataclass(frozen=True)
class Arithmetic:
    """A fitted preparation as plain numbers, one for each input.

    An input is 1 or 0 where it has a `code` or tells what `is_missing`; any other is
    ``(value - center) / scale`` with gaps filled before.

    Attributes
    ----------
    columns : ndarray of shape (n_inputs,)
        Column of the table that the input comes from.
    fill, center, scale : ndarray of shape (n_inputs,)
        In the units of the column.
    code : ndarray of shape (n_inputs,)
        Of the choice that the input stands for; NaN for other inputs.
    is_missing : ndarray of shape (n_inputs,)
        Whether the input tells where the column has a gap.
    """

    columns: NDArray[np.intp]
    fill: NDArray[np.float64]
    center: NDArray[np.float64]
    scale: NDArray[np.float64]
    code: NDArray[np.float64]
    is_missing: NDArray[np.bool_]


@dataclass(frozen=True)
class Preparer:
    """Turns rows of a dataset into inputs, by what the training rows of one fold say.

    Rows the model is later judged on would leak into training and make the score look better
    than it is [1]_. Images pass through: their pixels are already between 0 and 1.

    References
    ----------
    .. [1] Hastie, Tibshirani and Friedman, *The Elements of Statistical Learning*,
       2nd ed. (2009), section 7.10.2.
    """

    _kinds: _Kinds
    _transformer: ColumnTransformer | None

    @classmethod
    def fit(
        cls, features: NDArray[np.float32], info: DatasetInfo, preparation: Preparation
    ) -> Preparer:
        """Learn from the training rows.

        Parameters
        ----------
        features : ndarray of shape (n_train, n_columns) or (n_train, height, width, channels)
            The training rows of a fold, as the dataset holds them.
        info : DatasetInfo
            Its `table` tells what the columns are.
        """
        if features.ndim > 2:
            return cls(_Kinds(()), None)
        table = info.table or tuple(Column(str(i)) for i in range(features.shape[1]))
        kinds = _Kinds(table)
        transformer = ColumnTransformer(kinds.parts(preparation), sparse_threshold=0.0)
        # In float32 a year between 2000 and 2020 would lose two digits on its way to 0 … 1.
        return cls(kinds, transformer.fit(features.astype(np.float64)))

    def transform(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Prepare any rows of the dataset; images come back as they are.

        Returns
        -------
        ndarray of shape (n_rows, n_inputs)
            float32, without gaps; the inputs in the order of `DatasetInfo.columns`.
        """
        if self._transformer is None:
            return features
        places = self._kinds.places
        if not len(features):
            return np.empty((0, len(places)), np.float32)
        prepared = self._transformer.transform(features.astype(np.float64))
        return np.ascontiguousarray(prepared[:, places], dtype=np.float32)

    @property
    def n_columns(self) -> int:
        """Columns of the table; 0 for images."""
        return len(self._kinds.table)

    @property
    def arithmetic(self) -> Arithmetic | None:
        """What it does to a row, as plain numbers; None for images."""
        if self._transformer is None:
            return None
        kinds = self._kinds
        fill, center, scale = self._learned()
        blank, n_flags = np.full(len(fill), np.nan), len(kinds.flagged)
        codes = [np.arange(kinds.table[column].n_codes) for column in kinds.choices]
        widths = [len(own) for own in codes]
        n_others = sum(widths) + n_flags
        places = kinds.places
        return Arithmetic(
            columns=np.concatenate(
                [kinds.numbers, np.repeat(kinds.choices, widths), kinds.flagged]
            ).astype(np.intp)[places],
            fill=np.concatenate([fill, np.zeros(n_others)])[places],
            center=np.concatenate([center, np.zeros(n_others)])[places],
            scale=np.concatenate([scale, np.ones(n_others)])[places],
            code=np.concatenate([blank, *codes, np.full(n_flags, np.nan)])[places],
            is_missing=(np.arange(len(places)) >= len(fill) + sum(widths))[places],
        )

    def _learned(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return fill, center and scale of each number and ordered choice."""
        if self._transformer is None or not self._kinds.numbers:
            return np.empty(0), np.empty(0), np.empty(0)
        imputer, *scalers = self._transformer.named_transformers_["numbers"]
        fill = np.asarray(imputer.statistics_, np.float64)
        if not scalers:
            return fill, np.zeros_like(fill), np.ones_like(fill)
        (scaler,) = scalers
        if isinstance(scaler, StandardScaler):
            return fill, scaler.mean_, scaler.scale_
        if isinstance(scaler, RobustScaler):
            return fill, scaler.center_, scaler.scale_
        return fill, scaler.data_min_, 1.0 / scaler.scale_


class _Kinds:
    """Which columns go through what, and where their inputs come out."""

    def __init__(self, table: Sequence[Column]) -> None:
        self.table = tuple(table)
        is_choice = [bool(column.levels) and not column.ordered for column in table]
        self.numbers = [place for place, choice in enumerate(is_choice) if not choice]
        self.choices = [place for place, choice in enumerate(is_choice) if choice]
        self.flagged = [place for place, column in enumerate(table) if column.indicator]
        self.places = self._places()

    def parts(self, preparation: Preparation) -> list[tuple[str, Any, list[int] | slice]]:
        """Return the parts of the `ColumnTransformer`."""
        sizes = [self.table[place].n_codes for place in self.choices]
        # The codes are fixed, so that every fold has the same inputs; a gap is none of them.
        encoder = OneHotEncoder(
            categories=[np.arange(size, dtype=np.float64) for size in sizes],
            handle_unknown="ignore",
            sparse_output=False,
        )
        parts: list[tuple[str, Any, list[int]]] = [
            ("numbers", _of_numbers(preparation), self.numbers),
            ("choices", encoder, self.choices),
            ("gaps", MissingIndicator(features="all"), self.flagged),
        ]
        needed = [part for part in parts if part[2]]
        if len(needed) == 1 and self.numbers:
            whole = slice(0, len(self.table))  # a view, where a list is a copy
            return [("numbers", needed[0][1], whole)]
        return [*needed]

    def _places(self) -> NDArray[np.intp]:
        """Return where each input stands among what the `ColumnTransformer` gives."""
        widths = [self.table[place].n_codes for place in self.choices]
        ends = np.cumsum([len(self.numbers), *widths]).tolist()
        of_column = {place: [number] for number, place in enumerate(self.numbers)}
        for place, start, width in zip(self.choices, ends, widths, strict=False):
            of_column[place] = list(range(start, start + width))
        for number, place in enumerate(self.flagged):
            of_column[place].append(ends[-1] + number)
        order = [own for place in range(len(self.table)) for own in of_column[place]]
        return np.array(order, np.intp)


def _of_numbers(preparation: Preparation) -> Pipeline:
    # Both may write into what they are given: it was copied for them. A column without any
    # value becomes 0 throughout.
    strategy = _median if preparation.imputation == "median" else preparation.imputation
    imputer = SimpleImputer(strategy=strategy, keep_empty_features=True, copy=False)
    if preparation.scaling is None:
        return make_pipeline(imputer)
    return make_pipeline(imputer, _SCALERS[preparation.scaling](copy=False))


def _median(values: NDArray[np.float64]) -> float:
    """Return the median; the imputer's own sorts masked arrays, at ten times the price."""
    return float(np.median(values)) if len(values) else 0.0
