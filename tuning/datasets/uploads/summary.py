"""One column at a time: its type, its gaps, its spread and its shape."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from tuning.datasets.files.options import ColumnType
from tuning.datasets.uploads.table import TypedTable

MOST_BINS = 20
_QUARTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
_known: WeakKeyDictionary[TypedTable, dict[str, Summary]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Spread:
    """Where the values of a column lie; dates count in days since 1970.

    Attributes
    ----------
    minimum, lower, median, upper, maximum : float
        Quartiles, the ends included.
    """

    minimum: float
    lower: float
    median: float
    upper: float
    maximum: float
    mean: float


@dataclass(frozen=True)
class Summary:
    """What is known of a column by itself.

    Attributes
    ----------
    missing, distinct : int
        Empty cells, and different values in the others.
    spread : Spread or None
        None for text, and where there is no value.
    edges : tuple of float
        Ends of the bins, one more than there are; empty for text.
    words : tuple of str
        The most frequent choices of text, the most frequent first.
    counts : tuple of int
        Rows of each bin, or of each of the words.
    """

    name: str
    type: ColumnType
    n_rows: int
    missing: int
    distinct: int
    spread: Spread | None = None
    edges: tuple[float, ...] = ()
    words: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()

    @property
    def n_present(self) -> int:
        """Rows that have a value."""
        return self.n_rows - self.missing


def summarise(table: TypedTable, name: str) -> Summary:
    """Describe one column, all its rows; computed once for a table."""
    known = _known.setdefault(table, {})
    if name not in known:
        known[name] = _summarise(table, name)
    return known[name]


def _summarise(table: TypedTable, name: str) -> Summary:
    kind = table.type_of(name)
    if kind == "text":
        return _of_words(table, name)
    numbers = table.numbers(name)
    present = np.sort(numbers[~np.isnan(numbers)])
    missing = table.n_rows - len(present)
    if not len(present):
        return Summary(name, kind, table.n_rows, missing, 0)
    distinct = 1 + int(np.count_nonzero(np.diff(present)))
    counts, edges = np.histogram(present, bins=min(MOST_BINS, distinct))
    return Summary(
        name,
        kind,
        table.n_rows,
        missing,
        distinct,
        spread=_spread(present),
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
    )


def _spread(present: NDArray[np.float64]) -> Spread:
    minimum, lower, median, upper, maximum = np.quantile(present, _QUARTILES).tolist()
    return Spread(minimum, lower, median, upper, maximum, float(present.mean()))


def _of_words(table: TypedTable, name: str) -> Summary:
    coded = table.coded(name)
    counts = coded.counts()
    frequent = np.argsort(-counts, kind="stable")[:MOST_BINS]
    return Summary(
        name,
        "text",
        table.n_rows,
        missing=table.n_rows - int(counts.sum()),
        distinct=coded.n_values,
        words=coded.words(frequent),
        counts=tuple(counts[frequent].tolist()),
    )
