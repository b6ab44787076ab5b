"""Which rows of a dataset do what in a study: sealed, watched, trained on, scored on.

Decided once from the spec's seeds, so that every trial of a study has the same rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from tuning.datasets.info import Dataset, DatasetInfo, Task
from tuning.errors import SplitError
from tuning.spec import StudySpec

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Fold:
    """The rows of one fit.

    Attributes
    ----------
    train_rows : ndarray of shape (n_train,)
        Rows to train on, and to set rows for inner early stopping aside from.
    score_rows : ndarray of shape (n_score,)
        Rows that score the trial; of the dataset's own test part where `scores_published`.
    scores_published : bool
        Whether `score_rows` count in ``dataset.test_features``.
    """

    repeat: int
    fold: int
    train_rows: Rows
    score_rows: Rows
    scores_published: bool = False

    def score_part(self, dataset: Dataset) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return inputs and targets of the rows that score the trial."""
        return _part(dataset, self.score_rows, published=self.scores_published)


@dataclass(frozen=True)
class Split:
    """The rows of a study.

    Attributes
    ----------
    search_rows : ndarray
        Rows that folds are made of, in the order they are cut.
    test_rows : ndarray
        Rows no trial sees; of the dataset's own test part where `has_published_test`.
    watch_rows : ndarray
        Separate validation rows for early stopping; empty where each fold sets its own aside.
    folds : tuple of Fold
        Every fold of every repeat, repeat by repeat.
    """

    search_rows: Rows
    test_rows: Rows
    watch_rows: Rows
    has_published_test: bool
    folds: tuple[Fold, ...]

    def test_part(self, dataset: Dataset) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return inputs and targets of the test rows."""
        return _part(dataset, self.test_rows, published=self.has_published_test)


@dataclass(frozen=True)
class RowCounts:
    """How many rows do what, known without reading any.

    Attributes
    ----------
    search, test, watch : int
        As in `Split`.
    train, score : int
        Rows of the fold that trains on the fewest.
    """

    search: int
    test: int
    watch: int
    train: int
    score: int


def make_split(dataset: Dataset, spec: StudySpec, n_repeats: int | None = None) -> Split:
    """Decide the rows of a study.

    The test part is that of ``train_test_split(..., test_size=test_fraction,
    random_state=split_seed)``, stratified for classes; separate validation rows come from a
    second such split of the rest, as in the published California study. A dataset that brings
    test rows along keeps all its own rows for the search.

    Parameters
    ----------
    dataset : Dataset
        Its targets decide how rows are stratified.
    spec : StudySpec
        `data` and `evaluation` say what is split off, `seed` how folds are shuffled.
    n_repeats : int or None
        Repeats to make, if not those of the spec; further ones are always shuffled.

    Raises
    ------
    SplitError
        If a part would be empty, or would lack a class.
    """
    data, targets, task = spec.data, dataset.targets, dataset.info.task
    published = len(dataset.test_targets) > 0
    rows: Rows = np.arange(len(targets))
    test_rows: Rows = rows[:0]
    if published:
        test_rows = np.arange(len(dataset.test_targets))
    elif data.test_fraction:
        rows, test_rows = divide(rows, targets, data.test_fraction, data.split_seed, task)
    if data.sample_fraction < 1:
        rows = _sample(rows, targets, data.sample_fraction, data.split_seed, task)
    watch_rows: Rows = rows[:0]
    stopping = spec.evaluation.early_stopping
    if stopping is not None and stopping.rows == "separate":
        rows, watch_rows = divide(rows, targets, stopping.fraction, data.split_seed, task)
    n_repeats = n_repeats or spec.evaluation.repeats
    folds = tuple(
        fold
        for repeat in range(n_repeats)
        for fold in _make_folds(repeat, spec, dataset, rows, test_rows)
    )
    return Split(rows, test_rows, watch_rows, published, folds)


def count_rows(spec: StudySpec, info: DatasetInfo) -> RowCounts:
    """Count the rows that `make_split` would give each part."""
    data, evaluation = spec.data, spec.evaluation
    search, test = info.n_rows, info.n_test_rows
    if not test:
        test = math.ceil(search * data.test_fraction)
        search -= test
    if data.sample_fraction < 1:
        search = _n_sample(search, data.sample_fraction)
    stopping = evaluation.early_stopping
    watch = 0
    if stopping is not None and stopping.rows == "separate":
        watch = math.ceil(search * stopping.fraction)
        search -= watch
    if evaluation.method == "test":
        return RowCounts(search, test, watch, search, test)
    share = (
        1 / evaluation.folds if evaluation.method == "kfold" else evaluation.holdout_fraction
    )
    score = math.ceil(search * share)
    return RowCounts(search, test, watch, search - score, score)


def divide(
    rows: Rows, targets: NDArray[np.float32], fraction: float, seed: int, task: Task
) -> tuple[Rows, Rows]:
    """Split a share of the rows off, with the same mix of classes in both parts.

    Parameters
    ----------
    rows : ndarray of shape (n,)
        Row indices.
    targets : ndarray of shape (n_rows,)
        Of the whole dataset.
    fraction : float
        Share to split off, rounded up to whole rows.

    Returns
    -------
    kept, split_off : ndarray
        In the order scikit-learn shuffles them.

    Raises
    ------
    SplitError
        If a part would be empty, or would lack a class.
    """
    classes = None if task == "regression" else targets[rows]
    try:
        kept, split_off = train_test_split(
            rows, test_size=fraction, random_state=seed, stratify=classes
        )
    except ValueError as error:
        raise _cannot_divide(len(rows), fraction) from error
    return kept, split_off


def inner_split(
    train_rows: Rows, targets: NDArray[np.float32], fraction: float, seed: int, task: Task
) -> tuple[Rows, Rows]:
    """Set rows aside inside a fold, for early stopping to watch.

    Takes and raises what `divide` does.
    """
    return divide(train_rows, targets, fraction, seed, task)


def fold_seed(seed: int, repeat: int) -> int:
    """Return the seed that shuffles one repeat; neighbouring seeds share nothing."""
    return int(np.random.SeedSequence((seed, repeat)).generate_state(1)[0])


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


def _part(
    dataset: Dataset, rows: Rows, *, published: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    if published:
        return dataset.test_features[rows], dataset.test_targets[rows]
    return dataset.features[rows], dataset.targets[rows]


def _cannot_divide(n_rows: int, fraction: float) -> SplitError:
    return SplitError(
        f"{n_rows:,} rows cannot be divided {1 - fraction:.0%} to {fraction:.0%} with every "
        + "class in both parts. Use more rows or another fraction."
    )


def _n_sample(n_rows: int, fraction: float) -> int:
    return max(1, round(n_rows * fraction))


def _sample(
    rows: Rows, targets: NDArray[np.float32], fraction: float, seed: int, task: Task
) -> Rows:
    """Return a share of the rows, in the order they had."""
    n_sample = _n_sample(len(rows), fraction)
    if n_sample == len(rows):
        return rows
    classes = None if task == "regression" else targets[rows]
    try:
        sample, _ = train_test_split(
            rows, train_size=n_sample, random_state=seed, stratify=classes
        )
    except ValueError as error:
        raise _cannot_divide(len(rows), 1 - fraction) from error
    return rows[np.isin(rows, sample)]


def _make_folds(
    repeat: int, spec: StudySpec, dataset: Dataset, rows: Rows, test_rows: Rows
) -> Iterator[Fold]:
    if spec.evaluation.method == "test":
        yield _test_fold(repeat, dataset, rows, test_rows)
    elif spec.evaluation.method == "holdout":
        yield _holdout_fold(repeat, spec, dataset, rows)
    else:
        yield from _cross_validation(repeat, spec, dataset, rows)


def _is_shuffled(spec: StudySpec, repeat: int) -> bool:
    return spec.evaluation.shuffle or repeat >= spec.evaluation.repeats


def _test_fold(repeat: int, dataset: Dataset, rows: Rows, test_rows: Rows) -> Fold:
    if not len(test_rows):
        raise SplitError(
            f"{dataset.info.title} has no test rows to score on. "
            + "Set the test fraction to 0.2, for example, or use folds."
        )
    published = len(dataset.test_targets) > 0
    return Fold(repeat, 0, rows, test_rows, scores_published=published)


def _holdout_fold(repeat: int, spec: StudySpec, dataset: Dataset, rows: Rows) -> Fold:
    fraction = spec.evaluation.holdout_fraction
    if _is_shuffled(spec, repeat):
        seed = fold_seed(spec.seed, repeat)
        train, score = divide(rows, dataset.targets, fraction, seed, dataset.info.task)
    else:
        n_score = math.ceil(len(rows) * fraction)
        train, score = rows[:-n_score], rows[-n_score:]
    return Fold(repeat, 0, train, score)


def _cross_validation(
    repeat: int, spec: StudySpec, dataset: Dataset, rows: Rows
) -> Iterator[Fold]:
    n_folds, shuffle = spec.evaluation.folds, _is_shuffled(spec, repeat)
    targets, info = dataset.targets[rows], dataset.info
    _check_folds(targets, info, n_folds)
    make_folds = KFold if info.task == "regression" else StratifiedKFold
    seed = fold_seed(spec.seed, repeat) if shuffle else None
    folds = make_folds(n_folds, shuffle=shuffle, random_state=seed).split(rows, targets)
    for fold, (train, score) in enumerate(folds):
        yield Fold(repeat, fold, rows[train], rows[score])


def _check_folds(targets: NDArray[np.float32], info: DatasetInfo, n_folds: int) -> None:
    if len(targets) < n_folds:
        raise SplitError(
            f"{len(targets):,} rows cannot be cut into {n_folds} folds. "
            + "Use more rows or fewer folds."
        )
    if info.task == "regression":
        return
    counts = np.bincount(targets.astype(np.intp), minlength=len(info.class_names))
    problem = smallest_class_problem(info.class_names, counts.tolist(), n_folds)
    if problem is not None:
        raise SplitError(problem)
