"""A study's rows, against scikit-learn's own splitters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, train_test_split
from sklearn.model_selection._split import check_cv
from sklearn.tree import DecisionTreeClassifier

from tuning.datasets.catalogue import load_dataset
from tuning.datasets.dividing import divide
from tuning.datasets.info import Dataset, DatasetInfo, Task
from tuning.datasets.splits import count_rows, fold_seed, make_split
from tuning.errors import SplitError
from tuning.spec import DataSpec, EarlyStoppingSpec, EvaluationSpec, StudySpec


def make_spec(
    data: dict[str, Any] | None = None,
    stopping: EarlyStoppingSpec | None = None,
    seed: int = 7,
    **evaluation: Any,
) -> StudySpec:
    return StudySpec(
        name="test",
        data=DataSpec(dataset="any", **data or {}),
        evaluation=EvaluationSpec(early_stopping=stopping, **evaluation),
        seed=seed,
    )


def make_dataset(counts: list[int], task: Task = "binary", n_test_rows: int = 0) -> Dataset:
    """Make rows whose single input is their own index, classes in turn as far as they last."""
    generator = np.random.default_rng(0)
    targets = generator.permutation(np.repeat(np.arange(len(counts)), counts))
    n_rows = len(targets)
    info = DatasetInfo(
        id="any",
        title="Anything",
        task=task,
        source="bundled",
        n_rows=n_rows,
        n_test_rows=n_test_rows,
        n_inputs=1,
        target="answer",
        about="",
        class_names=("no", "yes", "maybe")[: len(counts)],
        class_counts=tuple(counts),
    )
    rows = np.arange(n_rows, dtype=np.float32)[:, np.newaxis]
    test_rows = np.arange(n_test_rows, dtype=np.float32)[:, np.newaxis] + 1_000_000
    return Dataset(
        info, rows, targets.astype(np.float32), test_rows, np.zeros(n_test_rows, np.float32)
    )


def test_california_rows_are_those_of_the_published_code(published: Path) -> None:
    dataset = load_dataset("california")
    full, test, full_targets, _ = train_test_split(
        dataset.features, dataset.targets, random_state=42
    )
    train, watch, _, _ = train_test_split(full, full_targets, random_state=42)

    split = make_split(
        dataset,
        make_spec(
            {"test_fraction": 0.25},
            EarlyStoppingSpec(rows="separate", fraction=0.25),
            folds=3,
            shuffle=False,
            score="mse",
        ),
    )

    assert (len(train), len(watch), len(test)) == (11_610, 3_870, 5_160)
    np.testing.assert_array_equal(dataset.features[split.search_rows], train)
    np.testing.assert_array_equal(dataset.features[split.watch_rows], watch)
    np.testing.assert_array_equal(split.test_part(dataset)[0], test)
    for fold, (fit, score) in zip(split.folds, KFold(3).split(train), strict=True):
        np.testing.assert_array_equal(dataset.features[fold.train_rows], train[fit])
        np.testing.assert_array_equal(fold.score_part(dataset)[0], train[score])


def test_unshuffled_folds_are_those_of_a_grid_search() -> None:
    dataset = load_dataset("breast-cancer")
    inputs, targets = load_breast_cancer(return_X_y=True)
    search = GridSearchCV(DecisionTreeClassifier(), {}, cv=3)
    theirs = check_cv(search.cv, targets, classifier=True).split(inputs, targets)

    split = make_split(dataset, make_spec({"test_fraction": 0}, folds=3, shuffle=False))

    assert split.search_rows.tolist() == list(range(569))
    assert split.test_rows.tolist() == []
    for fold, (train, score) in zip(split.folds, theirs, strict=True):
        assert fold.train_rows.tolist() == train.tolist()
        assert fold.score_rows.tolist() == score.tolist()


def test_test_rows_of_classes_are_stratified_as_scikit_learn_does() -> None:
    dataset = make_dataset([80, 20])
    _, theirs = train_test_split(
        np.arange(100), test_size=0.2, random_state=5, stratify=dataset.targets
    )

    split = make_split(dataset, make_spec({"test_fraction": 0.2, "split_seed": 5}))

    assert split.test_rows.tolist() == theirs.tolist()
    assert dataset.targets[split.test_rows].sum() == 4


def test_shuffled_folds_are_scikit_learns_with_the_seed_of_the_repeat() -> None:
    dataset = make_dataset([60, 40])
    spec = make_spec({"test_fraction": 0}, folds=4, repeats=2)

    folds = make_split(dataset, spec).folds

    assert [(fold.repeat, fold.fold) for fold in folds] == [
        (r, f) for r in (0, 1) for f in range(4)
    ]
    for repeat in (0, 1):
        splitter = StratifiedKFold(4, shuffle=True, random_state=fold_seed(7, repeat))
        theirs = splitter.split(dataset.features, dataset.targets)
        ours = [fold for fold in folds if fold.repeat == repeat]
        for fold, (train, score) in zip(ours, theirs, strict=True):
            assert fold.train_rows.tolist() == train.tolist()
            assert fold.score_rows.tolist() == score.tolist()


def test_repeats_differ_and_each_covers_every_row_once() -> None:
    dataset = make_dataset([60, 40])
    spec = make_spec({"test_fraction": 0.2}, folds=5, repeats=3)

    split = make_split(dataset, spec)

    first_folds = [fold.score_rows.tolist() for fold in split.folds if fold.fold == 0]
    assert len({tuple(rows) for rows in first_folds}) == 3
    for repeat in range(3):
        scored = [fold.score_rows for fold in split.folds if fold.repeat == repeat]
        assert sorted(np.concatenate(scored)) == sorted(split.search_rows)


@pytest.mark.parametrize("method", ["kfold", "holdout"])
@pytest.mark.parametrize("stopping_rows", ["inner", "separate"])
def test_no_row_has_two_uses(method: str, stopping_rows: Any) -> None:
    dataset = make_dataset([300, 200, 100], "multiclass")
    stopping = EarlyStoppingSpec(rows=stopping_rows)

    split = make_split(dataset, make_spec(None, stopping, method=method, repeats=2))

    for fold in split.folds:
        parts = [split.test_rows, split.watch_rows, fold.train_rows, fold.score_rows]
        assert sorted(np.concatenate(parts)) == list(range(600))


def test_the_same_spec_gives_the_same_rows() -> None:
    dataset = make_dataset([60, 40])
    spec = make_spec({"sample_fraction": 0.7}, folds=3, repeats=2)

    splits = [make_split(dataset, spec) for _ in range(2)]

    for fold, again in zip(splits[0].folds, splits[1].folds, strict=True):
        assert fold.train_rows.tolist() == again.train_rows.tolist()
        assert fold.score_rows.tolist() == again.score_rows.tolist()


def test_the_seed_of_the_study_moves_folds_but_not_the_test_rows() -> None:
    dataset = make_dataset([60, 40])

    one, other = (make_split(dataset, make_spec(seed=seed)) for seed in (1, 2))

    assert one.test_rows.tolist() == other.test_rows.tolist()
    assert one.folds[0].score_rows.tolist() != other.folds[0].score_rows.tolist()


def test_a_sample_keeps_the_mix_of_classes_and_the_order() -> None:
    dataset = make_dataset([150, 50])

    split = make_split(dataset, make_spec({"test_fraction": 0, "sample_fraction": 0.3}))

    assert len(split.search_rows) == 60
    assert dataset.targets[split.search_rows].sum() == 15
    assert (np.diff(split.search_rows) > 0).all()


def test_sampling_leaves_the_test_rows_alone() -> None:
    dataset = make_dataset([150, 50])

    whole, sample = (
        make_split(dataset, make_spec({"sample_fraction": share})) for share in (1.0, 0.5)
    )

    assert sample.test_rows.tolist() == whole.test_rows.tolist()
    assert set(sample.search_rows) < set(whole.search_rows)


def test_published_test_rows_are_used_instead_of_a_fraction() -> None:
    dataset = make_dataset([60, 40], n_test_rows=30)

    split = make_split(dataset, make_spec({"test_fraction": 0.2}))

    assert len(split.search_rows) == 100
    assert split.has_published_test
    assert split.test_part(dataset)[0].min() == 1_000_000


def test_method_test_scores_on_published_test_rows() -> None:
    dataset = make_dataset([60, 40], n_test_rows=30)

    (fold,) = make_split(dataset, make_spec(method="test")).folds

    assert fold.train_rows.tolist() == list(range(100))
    assert fold.score_part(dataset)[0].ravel().tolist() == list(range(1_000_000, 1_000_030))


def test_method_test_scores_on_the_split_off_rows_where_none_are_published() -> None:
    dataset = make_dataset([60, 40])

    split = make_split(dataset, make_spec(method="test", repeats=2))

    assert len(split.folds) == 2
    for fold in split.folds:
        assert not fold.scores_published
        assert fold.score_rows.tolist() == split.test_rows.tolist()
        assert fold.train_rows.tolist() == split.search_rows.tolist()


def test_an_unshuffled_holdout_takes_the_last_rows() -> None:
    dataset = make_dataset([60, 40])
    spec = make_spec(
        {"test_fraction": 0}, method="holdout", holdout_fraction=0.25, shuffle=False
    )

    (fold,) = make_split(dataset, spec).folds

    assert fold.score_rows.tolist() == list(range(75, 100))
    assert fold.train_rows.tolist() == list(range(75))


def test_inner_rows_are_split_off_the_training_rows_with_the_same_mix() -> None:
    dataset = make_dataset([80, 20])
    train_rows = np.arange(50, 100)

    fit, watch = divide(dataset, train_rows, 0.2, seed=3)

    kept, split_off = train_test_split(
        train_rows, test_size=0.2, random_state=3, stratify=dataset.targets[50:]
    )
    assert (fit.tolist(), watch.tolist()) == (kept.tolist(), split_off.tolist())


@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize("method", ["kfold", "holdout", "test"])
@pytest.mark.parametrize("n_test_rows", [0, 30])
@pytest.mark.parametrize("sample", [1.0, 0.37])
@pytest.mark.parametrize("watched", ["inner", "separate"])
def test_counts_are_those_of_the_rows(
    task: Task,
    method: str,
    n_test_rows: int,
    sample: float,
    watched: Any,
) -> None:
    dataset = make_dataset([301, 202], task, n_test_rows)
    spec = make_spec(
        {"test_fraction": 0.3, "sample_fraction": sample},
        EarlyStoppingSpec(rows=watched, fraction=0.15),
        method=method,
        folds=7,
        holdout_fraction=0.21,
        score="accuracy" if task == "binary" else "rmse",
    )

    counts = count_rows(spec, dataset.info)

    split = make_split(dataset, spec)
    smallest = min(split.folds, key=lambda fold: len(fold.train_rows))
    assert (counts.search, counts.test, counts.watch, counts.train, counts.score) == (
        len(split.search_rows),
        len(split.test_rows),
        len(split.watch_rows),
        len(smallest.train_rows),
        len(smallest.score_rows),
    )


@pytest.mark.parametrize(
    ("counts", "data", "evaluation", "sentence"),
    [
        ([50, 4], {}, {"folds": 5}, "Only 4 rows say 'yes'. Use at most 4 folds."),
        (
            [50, 1],
            {},
            {"folds": 5},
            "Only 1 row says 'yes'. Folds need at least 2: add rows, or drop that class.",
        ),
        (
            [50, 1],
            {"test_fraction": 0.2},
            {},
            "51 rows cannot be divided 80% to 20% with every class in both parts. "
            + "Use more rows or another fraction.",
        ),
        (
            [50, 20],
            {"sample_fraction": 0.01},
            {},
            "70 rows cannot be divided 1% to 99% with every class in both parts. "
            + "Use more rows or another fraction.",
        ),
        (
            [50, 20],
            {},
            {"method": "test"},
            "Anything has no test rows to score on. "
            + "Set the test fraction to 0.2, for example, or use folds.",
        ),
    ],
)
def test_rows_that_cannot_be_split_are_explained(
    counts: list[int], data: dict[str, float], evaluation: dict[str, Any], sentence: str
) -> None:
    dataset = make_dataset(counts)
    spec = make_spec({"test_fraction": 0} | data, **evaluation)

    with pytest.raises(SplitError) as error:
        make_split(dataset, spec)

    assert str(error.value) == sentence


def test_fewer_rows_than_folds_are_explained() -> None:
    dataset = make_dataset([4], "regression")

    with pytest.raises(SplitError) as error:
        make_split(dataset, make_spec({"test_fraction": 0}, folds=5, score="rmse"))

    assert (
        str(error.value) == "4 rows cannot be cut into 5 folds. Use more rows or fewer folds."
    )
