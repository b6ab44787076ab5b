"""Cuts rows in two or into folds as they belong together: in groups, in time, or not at all.

Rows that belong to nothing keep the mix of classes in every part. Of groups whole ones go into
a part, so that sizes and mix are only as near to what is asked for as they allow. What stands
in the order of time is judged by later rows than it learns from.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
    train_test_split,
)

from tuning.datasets.info import Dataset
from tuning.errors import SplitError

Rows = NDArray[np.intp]

_FINEST = 20  # parts that groups are dealt into, of which some are split off


def divide(dataset: Dataset, rows: Rows, fraction: float, seed: int) -> tuple[Rows, Rows]:
    """Split a share of some rows off.

    Parameters
    ----------
    rows : ndarray of shape (n,)
        Row indices.
    fraction : float
        Share to split off, rounded up to whole rows; of groups the nearest share that can be
        had of at most 20 parts of whole groups.

    Returns
    -------
    kept, split_off : ndarray
        In the order scikit-learn shuffles them. Of rows in the order of time, the last are
        split off, and order stays; of groups it stays as well.

    Raises
    ------
    SplitError
        If a part would be empty, or, where rows belong to nothing, would lack a class.
    """
    if dataset.info.belonging == "time":
        n_last = math.ceil(len(rows) * fraction)
        if n_last >= len(rows):
            raise _cannot_divide(len(rows), fraction)
        return rows[:-n_last], rows[-n_last:]
    if dataset.info.belonging == "groups":
        return _divide_groups(dataset, rows, fraction, seed)
    try:
        kept, split_off = train_test_split(
            rows, test_size=fraction, random_state=seed, stratify=_classes(dataset, rows)
        )
    except ValueError as error:
        raise _cannot_divide(len(rows), fraction) from error
    return kept, split_off


def sample(dataset: Dataset, rows: Rows, fraction: float, seed: int) -> Rows:
    """Return a share of the rows, in the order they had; of time the last.

    Raises
    ------
    SplitError
        If it would lack a class.
    """
    n_rows = n_sample(len(rows), fraction)
    if n_rows == len(rows):
        return rows
    if dataset.info.belonging == "time":
        return rows[-n_rows:]
    try:
        chosen, _ = train_test_split(
            rows, train_size=n_rows, random_state=seed, stratify=_classes(dataset, rows)
        )
    except ValueError as error:
        raise _cannot_divide(len(rows), 1 - fraction) from error
    return rows[np.isin(rows, chosen)]


def n_sample(n_rows: int, fraction: float) -> int:
    """Return how many rows a sample of a share has."""
    return max(1, round(n_rows * fraction))


def cut_folds(
    dataset: Dataset, rows: Rows, n_folds: int, seed: int | None
) -> Iterator[tuple[Rows, Rows]]:
    """Yield the rows to train on and those that score, fold by fold.

    Parameters
    ----------
    seed : int or None
        Shuffles rows or groups before they are cut; None leaves their order, as time does.

    Raises
    ------
    SplitError
        If there are too few rows or groups, or too few of a class.
    """
    info, targets = dataset.info, dataset.targets[rows]
    _check_folds(dataset, rows, n_folds)
    is_regression, shuffle = info.task == "regression", seed is not None
    groups = None
    if info.belonging == "time":
        splitter = TimeSeriesSplit(n_folds)
    elif info.belonging == "groups":
        groups = _groups(dataset, rows)
        make = GroupKFold if is_regression else StratifiedGroupKFold
        splitter = make(n_folds, shuffle=shuffle, random_state=seed)
    else:
        make = KFold if is_regression else StratifiedKFold
        splitter = make(n_folds, shuffle=shuffle, random_state=seed)
    for train, score in splitter.split(rows, targets, groups):
        yield rows[train], rows[score]


def smallest_class_problem(
    names: Sequence[str], counts: Sequence[int], folds: int
) -> str | None:
    """Return what is wrong where a class has fewer rows than there are folds, else None."""
    count, name = min(zip(counts, names, strict=True))
    if count >= folds:
        return None
    rows = "1 row says" if count == 1 else f"{count:,} rows say"
    if count < 2:
        return f"Only {rows} {name!r}. Folds need at least 2: add rows, or drop that class."
    return f"Only {rows} {name!r}. Use at most {count} folds."


def groups_problem(n_groups: int, n_folds: int) -> str | None:
    """Return what is wrong where there are fewer groups than folds, else None."""
    if n_groups >= n_folds:
        return None
    groups = "1 group" if n_groups == 1 else f"{n_groups:,} groups"
    if n_groups < 2:
        return f"The rows are in {groups}. Folds need at least 2: choose another group column."
    return f"The rows are in {groups}. Use at most {n_groups} folds."


def nearest_parts(fraction: float, n_groups: int) -> tuple[int, int]:
    """Return how many of how many parts of whole groups come nearest to a share of the rows."""
    most = min(n_groups, _FINEST)
    nearest = Fraction(fraction).limit_denominator(most)
    if not nearest:
        return 1, most
    return nearest.numerator, nearest.denominator


def _divide_groups(
    dataset: Dataset, rows: Rows, fraction: float, seed: int
) -> tuple[Rows, Rows]:
    groups = _groups(dataset, rows)
    n_groups = len(np.unique(groups))
    problem = groups_problem(n_groups, 2)
    if problem is not None:
        raise SplitError(problem)
    n_parts, of_parts = nearest_parts(fraction, n_groups)
    make = GroupKFold if dataset.info.task == "regression" else StratifiedGroupKFold
    splitter = make(of_parts, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class with fewer rows than parts is no fault here: a part need not have every class.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        try:
            parts = [part for _, part in splitter.split(rows, dataset.targets[rows], groups)]
        except ValueError as error:
            raise _cannot_divide(len(rows), fraction) from error
    wanted = len(rows) * fraction / n_parts
    parts.sort(key=lambda part: abs(len(part) - wanted))  # one huge group stays where it is
    is_off = np.zeros(len(rows), np.bool_)
    is_off[np.concatenate(parts[:n_parts])] = True
    if is_off.all() or not is_off.any():
        raise _cannot_divide(len(rows), fraction)
    return rows[~is_off], rows[is_off]


def _classes(dataset: Dataset, rows: Rows) -> NDArray[np.float32] | None:
    return None if dataset.info.task == "regression" else dataset.targets[rows]


def _groups(dataset: Dataset, rows: Rows) -> NDArray[np.intp]:
    if dataset.groups is None:
        raise SplitError(
            f"{dataset.info.title} does not say which group a row belongs to. "
            + "Upload it again."
        )
    return dataset.groups[rows]


def _cannot_divide(n_rows: int, fraction: float) -> SplitError:
    return SplitError(
        f"{n_rows:,} rows cannot be divided {1 - fraction:.0%} to {fraction:.0%} with every "
        + "class in both parts. Use more rows or another fraction."
    )


def _check_folds(dataset: Dataset, rows: Rows, n_folds: int) -> None:
    info = dataset.info
    n_parts = n_folds + (info.belonging == "time")  # the first only trains
    if len(rows) < n_parts:
        raise SplitError(
            f"{len(rows):,} rows cannot be cut into {n_folds} folds. "
            + "Use more rows or fewer folds."
        )
    problem = None
    if info.belonging == "groups":
        problem = groups_problem(len(np.unique(_groups(dataset, rows))), n_folds)
    if problem is None and info.belonging != "time" and info.task != "regression":
        codes = dataset.targets[rows].astype(np.intp)
        counts = np.bincount(codes, minlength=len(info.class_names)).tolist()
        problem = smallest_class_problem(info.class_names, counts, n_folds)
    if problem is not None:
        raise SplitError(problem)
