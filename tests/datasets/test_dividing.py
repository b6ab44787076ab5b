"""Rows in groups and in the order of time: what no part shares, and what comes after what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, TimeSeriesSplit

from tests.datasets.test_splits import make_dataset, make_spec
from tuning.analysis.study_scores import split_ratio
from tuning.checks import study_problems, study_warnings
from tuning.datasets.dividing import nearest_parts
from tuning.datasets.info import Dataset, Task
from tuning.datasets.preparation import AS_THEY_ARE
from tuning.datasets.splits import count_rows, fold_seed, make_split
from tuning.errors import SplitError
from tuning.spec import EarlyStoppingSpec
from tuning.training.rows import StudyRows
from tuning.training.seeds import REFIT

ONE_GROUP = "The rows are in 1 group. Folds need at least 2: choose another group column."
SCORES: dict[Task, str] = {"binary": "accuracy", "regression": "rmse"}


def make_groups(task: Task = "binary", n_groups: int = 24, n_rows: int = 240) -> Dataset:
    """Make groups of very different sizes, their rows scattered."""
    dataset = make_dataset([n_rows * 2 // 3, n_rows // 3], task)
    rng = np.random.default_rng(1)
    shares = np.arange(1, n_groups + 1) / np.arange(1, n_groups + 1).sum()
    groups = np.concatenate(
        [np.arange(n_groups), rng.choice(n_groups, n_rows - n_groups, p=shares)]
    )
    info = replace(dataset.info, belonging="groups", n_groups=n_groups)
    return replace(dataset, info=info, groups=rng.permutation(groups))


def make_time(task: Task = "binary", n_rows: int = 240) -> Dataset:
    dataset = make_dataset([n_rows * 2 // 3, n_rows // 3], task)
    return replace(dataset, info=replace(dataset.info, belonging="time"))


def groups_in(dataset: Dataset, rows: Any) -> set[int]:
    assert dataset.groups is not None
    return set(dataset.groups[rows].tolist())


@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize("method", ["kfold", "holdout"])
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("stopping_rows", ["inner", "separate"])
def test_no_group_is_in_two_parts(
    task: Task, method: str, shuffle: bool, stopping_rows: Any
) -> None:
    dataset = make_groups(task)
    stopping = EarlyStoppingSpec(rows=stopping_rows)
    spec = make_spec(
        None,
        stopping,
        method=method,
        shuffle=shuffle,
        repeats=2 if shuffle else 1,
        score=SCORES[task],
    )

    rows = StudyRows(spec, dataset)

    split = rows.split
    for fold in [*split.folds, None]:
        place = (0, REFIT) if fold is None else (fold.repeat, fold.fold)
        train, watch = rows._train_and_watch_rows(*place)
        score = split.watch_rows[:0] if fold is None else fold.score_rows
        parts = [split.test_rows, watch, train, score]
        found = [groups_in(dataset, part) for part in parts]
        assert sum(map(len, found)) == len(set.union(*found)) == 24
        assert sorted(np.concatenate(parts)) == list(range(240))
        assert all(found[:3])


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_folds_of_groups_are_scikit_learns_with_the_seed_of_the_repeat(task: Task) -> None:
    dataset = make_groups(task)
    spec = make_spec({"test_fraction": 0}, folds=4, repeats=2, score=SCORES[task])

    folds = make_split(dataset, spec).folds

    make = GroupKFold if task == "regression" else StratifiedGroupKFold
    for repeat in (0, 1):
        splitter = make(4, shuffle=True, random_state=fold_seed(7, repeat))
        theirs = splitter.split(dataset.features, dataset.targets, dataset.groups)
        ours = [fold for fold in folds if fold.repeat == repeat]
        for fold, (train, score) in zip(ours, theirs, strict=True):
            assert fold.train_rows.tolist() == train.tolist()
            assert fold.score_rows.tolist() == score.tolist()
    assert folds[0].score_rows.tolist() != folds[4].score_rows.tolist()


def test_groups_of_classes_keep_their_mix_and_nearly_the_share() -> None:
    dataset = make_groups(n_groups=60, n_rows=600)

    split = make_split(dataset, make_spec({"test_fraction": 0.2}))

    assert len(split.test_rows) == pytest.approx(120, abs=30)
    assert dataset.targets[split.test_rows].mean() == pytest.approx(1 / 3, abs=0.05)


def test_a_huge_group_is_not_sealed_for_a_fifth_of_the_rows() -> None:
    dataset = make_groups("regression", n_groups=6, n_rows=100)
    groups = np.array([0] * 80 + [1, 2, 3, 4, 5] * 4)
    dataset = replace(dataset, groups=groups)

    for seed in range(10):
        split = make_split(dataset, make_spec({"split_seed": seed}, folds=2, score="rmse"))
        assert 0 < len(split.test_rows) <= 20


@pytest.mark.parametrize(
    ("fraction", "n_groups", "parts"),
    [
        (0.2, 100, (1, 5)),
        (0.25, 100, (1, 4)),
        (0.3, 100, (3, 10)),
        (0.05, 100, (1, 20)),
        (0.3, 5, (1, 3)),
        (0.05, 5, (1, 5)),
        (0.5, 2, (1, 2)),
        (0.2, 2, (1, 2)),
    ],
)
def test_a_share_is_the_nearest_number_of_parts(
    fraction: float, n_groups: int, parts: tuple[int, int]
) -> None:
    assert nearest_parts(fraction, n_groups) == parts


@pytest.mark.parametrize(
    ("n_groups", "data", "sentence"),
    [
        (4, {"test_fraction": 0}, "The rows are in 4 groups. Use at most 4 folds."),
        (1, {"test_fraction": 0}, ONE_GROUP),
        (1, {"test_fraction": 0.2}, ONE_GROUP),
    ],
)
def test_too_few_groups_are_explained(
    n_groups: int, data: dict[str, float], sentence: str
) -> None:
    dataset = make_groups("regression", n_groups)

    with pytest.raises(SplitError) as error:
        make_split(dataset, make_spec(data, folds=5, score="rmse"))

    assert str(error.value) == sentence


def test_rows_without_their_groups_are_refused() -> None:
    dataset = replace(make_groups(), groups=None)

    with pytest.raises(SplitError) as error:
        make_split(dataset, make_spec())

    assert str(error.value) == (
        "Anything does not say which group a row belongs to. Upload it again."
    )


def test_the_page_tells_of_too_few_groups_before_any_row_is_read() -> None:
    info = make_groups(n_groups=5).info

    # Of five groups one is sealed, and one more watched.
    assert study_problems(make_spec(folds=4), info) == []
    assert study_problems(make_spec(folds=5), info) == [
        "Folds: The rows are in 4 groups. Use at most 4 folds."
    ]
    watched = EarlyStoppingSpec(rows="separate", fraction=0.2)
    assert study_problems(make_spec(None, watched, folds=4), info) == [
        "Folds: The rows are in 3 groups. Use at most 3 folds."
    ]


@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize("method", ["kfold", "holdout", "test"])
@pytest.mark.parametrize("stopping_rows", ["inner", "separate"])
def test_later_rows_judge_what_earlier_ones_have_taught(
    task: Task, method: str, stopping_rows: Any
) -> None:
    dataset = make_time(task)
    stopping = EarlyStoppingSpec(rows=stopping_rows, fraction=0.25)
    spec = make_spec(
        {"test_fraction": 0.1}, stopping, method=method, folds=4, score=SCORES[task]
    )

    rows = StudyRows(spec, dataset)

    assert rows.split.test_rows.tolist() == list(range(216, 240))
    for fold in rows.split.folds:
        train, watch = rows._train_and_watch_rows(fold.repeat, fold.fold)
        assert (np.diff(train) == 1).all()
        assert (np.diff(fold.score_rows) == 1).all()
        assert train[0] == 0
        assert fold.score_rows[0] > train[-1]
        assert watch[0] > train[-1]
        if stopping_rows == "inner":
            assert watch.tolist() == list(range(train[-1] + 1, fold.train_rows[-1] + 1))
            assert len(watch) == int(np.ceil(0.25 * len(fold.train_rows)))
        data = rows(fold.repeat, fold.fold, AS_THEY_ARE)
        assert data.train.features[:, 0].tolist() == train.tolist()


def test_folds_of_time_are_scikit_learns_in_every_repeat() -> None:
    dataset = make_time()
    spec = make_spec({"test_fraction": 0}, folds=5, repeats=2)

    folds = make_split(dataset, spec).folds

    theirs = list(TimeSeriesSplit(5).split(dataset.features))
    for fold, (train, score) in zip(folds, [*theirs, *theirs], strict=True):
        assert fold.train_rows.tolist() == train.tolist()
        assert fold.score_rows.tolist() == score.tolist()


def test_a_sample_of_time_is_the_latest_rows() -> None:
    split = make_split(make_time(), make_spec({"test_fraction": 0.1, "sample_fraction": 0.5}))

    assert split.search_rows.tolist() == list(range(108, 216))


@pytest.mark.parametrize("method", ["kfold", "holdout", "test"])
@pytest.mark.parametrize("sample", [1.0, 0.37])
@pytest.mark.parametrize("watched", ["inner", "separate"])
def test_counts_of_time_are_those_of_the_rows(method: str, sample: float, watched: Any) -> None:
    dataset = make_time(n_rows=501)
    spec = make_spec(
        {"test_fraction": 0.3, "sample_fraction": sample},
        EarlyStoppingSpec(rows=watched, fraction=0.15),
        method=method,
        folds=7,
        holdout_fraction=0.21,
    )

    counts = count_rows(spec, dataset.info)

    split = make_split(dataset, spec)
    sizes = sorted((len(fold.train_rows), len(fold.score_rows)) for fold in split.folds)
    assert (counts.search, counts.test, counts.watch) == (
        len(split.search_rows),
        len(split.test_rows),
        len(split.watch_rows),
    )
    assert (counts.train, counts.score) == sizes[0]
    assert counts.most == sizes[-1][0]


def test_folds_of_time_compare_their_mean_sizes() -> None:
    info, spec = make_time().info, make_spec({"test_fraction": 0}, folds=5)

    # Of 240 rows 40 score in each fold; 40, 80, 120, 160 and 200 train.
    assert split_ratio(spec, info) == pytest.approx(40 / 120)
    assert split_ratio(spec, replace(info, belonging="none")) is None


def test_repeats_in_time_are_said_to_share_their_folds() -> None:
    info = make_time().info
    sentence = "Repeats: folds follow time, so repeats differ only in their starting weights."

    assert sentence in study_warnings(make_spec(repeats=3), info)
    assert sentence not in study_warnings(make_spec(), info)
    assert sentence not in study_warnings(make_spec(repeats=3), make_groups().info)


def test_too_few_rows_for_folds_of_time_are_explained() -> None:
    dataset = make_time("regression", 6)

    with pytest.raises(SplitError) as error:
        make_split(dataset, make_spec({"test_fraction": 0}, folds=6, score="rmse"))

    assert str(error.value) == (
        "6 rows cannot be cut into 6 folds. Use more rows or fewer folds."
    )
