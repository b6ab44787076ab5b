"""The classes of a target, and the choices of a column: which there are, in which order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tuning.datasets.uploads.table import TypedTable


def count_classes(
    table: TypedTable, target: str, rows: NDArray[np.intp] | None = None
) -> list[tuple[str, int]]:
    """Return the classes in the order of their codes, and how many rows each has.

    Numbers are in ascending order, words in that of the alphabet.
    """
    counts = table.coded(target).counts(rows)
    there = np.flatnonzero(counts)
    names = table.words(target, there)
    found = list(zip(names, counts[there].tolist(), strict=True))
    return sorted(found) if table.type_of(target) == "text" else found


def most_frequent(
    table: TypedTable, name: str, rows: NDArray[np.intp], most: int
) -> tuple[tuple[str, ...], bool]:
    """Return the choices of a column that are told apart, and whether there are others.

    They are in the order of `count_classes`; of choices that are equally frequent those that
    come first in the file, or the smallest numbers, are taken.
    """
    counts = table.coded(name).counts(rows)
    places = np.sort(np.argsort(-counts, kind="stable")[:most])
    words = table.words(name, places[counts[places] > 0])
    is_text = table.type_of(name) == "text"
    return tuple(sorted(words)) if is_text else words, bool(np.count_nonzero(counts) > most)


def codes_of(table: TypedTable, name: str, levels: Sequence[str]) -> NDArray[np.float32]:
    """Return the code of each row's word among some; -1 for other words, NaN for none."""
    coded = table.coded(name)
    if isinstance(coded.values, pa.Array):
        found = pc.index_in(coded.values, value_set=pa.array(levels, pa.string()))
        of_values = pc.fill_null(found, -1).to_numpy(zero_copy_only=False)
    else:
        wanted = {word: code for code, word in enumerate(levels)}
        words = table.words(name, np.arange(coded.n_values))
        of_values = np.array([wanted.get(word, -1) for word in words])
    codes = np.append(of_values.astype(np.float32), np.float32(np.nan))
    return codes[coded.codes]  # -1, a missing value, is the last place
