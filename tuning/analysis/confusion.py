"""Which classes a model takes for which others: rows counted by truth and by what was said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

MOST_CLASSES = 12  # that a matrix is readable with
MOST_PAIRS = 12


def confusion_table(counts: Sequence[Sequence[int]], names: Sequence[str]) -> pd.DataFrame:
    """Return the rows of each class (by row) and what was said of them (by column).

    Parameters
    ----------
    counts : sequence of shape (n_classes, n_classes)
        By the codes of the classes.
    names : sequence of str
        Of the classes, by code; a code without a name is its own.
    """
    labels = [names[code] if code < len(names) else str(code) for code in range(len(counts))]
    return pd.DataFrame(counts, index=labels, columns=labels, dtype=int)


def shares_of_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Return what share of each class was said to be what; NaN for a class without rows."""
    n_rows = table.sum(axis=1)
    return table.div(n_rows.where(n_rows > 0), axis=0)


def confused_pairs(table: pd.DataFrame, most: int = MOST_PAIRS) -> pd.DataFrame:
    """Return the pairs that were mistaken most often.

    Returns
    -------
    DataFrame
        Columns truth, said, count and share (of the rows of that truth); most often first,
        equally many in the order of the classes. Pairs that were never mistaken are left out.
    """
    counts = table.to_numpy().copy()
    np.fill_diagonal(counts, 0)
    truths, said = np.nonzero(counts)
    found = pd.DataFrame(
        {
            "truth": table.index[truths],
            "said": table.columns[said],
            "count": counts[truths, said],
            "share": counts[truths, said] / table.to_numpy().sum(axis=1)[truths],
        }
    )
    return found.sort_values("count", ascending=False, kind="stable").head(most)


def confusion_finding(table: pd.DataFrame) -> str:
    """Say in one sentence what a confusion shows.

    Of two classes, how many of the second were found; of several, what is mistaken most often.
    """
    counts = table.to_numpy()
    if np.trace(counts) == counts.sum():
        return f"All {counts.sum():,} sealed rows are said right"
    if len(table) == 2:
        name = table.index[1]
        return f"Said {name!r} to {counts[1, 1]:,} of {counts[1].sum():,} that are {name!r}"
    worst = confused_pairs(table, 1).iloc[0]
    n_rows = int(table.loc[worst["truth"]].sum())
    return (
        f"{worst['truth']!r} is taken for {worst['said']!r} most often: "
        + f"{worst['count']:,} of {n_rows:,}"
    )
