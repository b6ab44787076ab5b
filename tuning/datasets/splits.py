"""Which rows of a dataset do what in a study: sealed, watched, trained on, scored on.

Decided once from the spec's seeds, so that every trial of a study has the same rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuning.datasets.dividing import Rows, cut_folds, divide, n_sample, sample
from tuning.datasets.info import Dataset, DatasetInfo
from tuning.errors import SplitError
from tuning.spec import StudySpec


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
    most : int
        Rows of the fold that trains on the most, as far as folds differ by more than one.
    """

    search: int
    test: int
    watch: int
    train: int
    score: int
    most: int


def make_split(dataset: Dataset, spec: StudySpec, n_repeats: int | None = None) -> Split:
    """Decide the rows of a study.

    The test part is that of ``train_test_split(..., test_size=test_fraction,
    random_state=split_seed)``, stratified for classes; separate validation rows come from a
    second such split of the rest, as in the published California study. A dataset that brings
    test rows along keeps all its own rows for the search.

    Where rows belong to groups, whole groups go into each part and each fold. Where they stand
    in the order of time, test rows are the last, then come the separate validation rows, and a
    fold scores on rows that are later than those it trains on; repeats have the same folds.

    Parameters
    ----------
    dataset : Dataset
        Its targets and groups decide how rows are dealt out.
    spec : StudySpec
        `data` and `evaluation` say what is split off, `seed` how folds are shuffled.
    n_repeats : int or None
        Repeats to make, if not those of the spec; further ones are always shuffled.

    Raises
    ------
    SplitError
        If a part would be empty, or would lack a class.
    """
    data, published = spec.data, len(dataset.test_targets) > 0
    rows: Rows = np.arange(len(dataset.targets))
    test_rows: Rows = rows[:0]
    if published:
        test_rows = np.arange(len(dataset.test_targets))
    elif data.test_fraction:
        rows, test_rows = divide(dataset, rows, data.test_fraction, data.split_seed)
    if data.sample_fraction < 1:
        rows = sample(dataset, rows, data.sample_fraction, data.split_seed)
    watch_rows: Rows = rows[:0]
    stopping = spec.evaluation.early_stopping
    if stopping is not None and stopping.rows == "separate":
        rows, watch_rows = divide(dataset, rows, stopping.fraction, data.split_seed)
    n_repeats = n_repeats or spec.evaluation.repeats
    folds = tuple(
        fold
        for repeat in range(n_repeats)
        for fold in _make_folds(repeat, spec, dataset, rows, test_rows)
    )
    return Split(rows, test_rows, watch_rows, published, folds)


def count_rows(spec: StudySpec, info: DatasetInfo) -> RowCounts:
    """Count the rows that `make_split` would give each part.

    Groups are taken to be of one size, as only their rows tell how they differ.
    """
    data, evaluation = spec.data, spec.evaluation
    search, test = info.n_rows, info.n_test_rows
    if not test:
        test = math.ceil(search * data.test_fraction)
        search -= test
    if data.sample_fraction < 1:
        search = n_sample(search, data.sample_fraction)
    stopping = evaluation.early_stopping
    watch = 0
    if stopping is not None and stopping.rows == "separate":
        watch = math.ceil(search * stopping.fraction)
        search -= watch
    if evaluation.method == "test":
        return RowCounts(search, test, watch, search, test, search)
    if evaluation.method == "kfold" and info.belonging == "time":
        score = search // (evaluation.folds + 1)
        train = search - evaluation.folds * score
        return RowCounts(search, test, watch, train, score, search - score)
    share = (
        1 / evaluation.folds if evaluation.method == "kfold" else evaluation.holdout_fraction
    )
    score = math.ceil(search * share)
    return RowCounts(search, test, watch, search - score, score, search - score)


def fold_seed(seed: int, repeat: int) -> int:
    """Return the seed that shuffles one repeat; neighbouring seeds share nothing."""
    return int(np.random.SeedSequence((seed, repeat)).generate_state(1)[0])


def _part(
    dataset: Dataset, rows: Rows, *, published: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    if published:
        return dataset.test_features[rows], dataset.test_targets[rows]
    return dataset.features[rows], dataset.targets[rows]


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
    if _is_shuffled(spec, repeat) or dataset.info.belonging != "none":
        train, score = divide(dataset, rows, fraction, fold_seed(spec.seed, repeat))
    else:
        n_score = math.ceil(len(rows) * fraction)
        train, score = rows[:-n_score], rows[-n_score:]
    return Fold(repeat, 0, train, score)


def _cross_validation(
    repeat: int, spec: StudySpec, dataset: Dataset, rows: Rows
) -> Iterator[Fold]:
    seed = fold_seed(spec.seed, repeat) if _is_shuffled(spec, repeat) else None
    folds = cut_folds(dataset, rows, spec.evaluation.folds, seed)
    for fold, (train, score) in enumerate(folds):
        yield Fold(repeat, fold, train, score)
