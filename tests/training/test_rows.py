"""The rows of each fold as trainers take them, prepared by training rows alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from tuning.datasets.catalogue import load_dataset
from tuning.datasets.info import Column, Dataset
from tuning.datasets.preparation import AS_THEY_ARE, Preparation
from tuning.spec import StudySpec
from tuning.training import rows as rows_module
from tuning.training.rows import StudyRows
from tuning.training.seeds import REFIT

INNER = {"rows": "inner", "fraction": 0.25}
SEPARATE = {"rows": "separate", "fraction": 0.25}
STANDARD = Preparation()


@pytest.fixture(scope="module")
def cancer() -> Dataset:
    return load_dataset("breast-cancer")


def make_rows(dataset: Dataset, **evaluation: Any) -> StudyRows:
    return make_rows_of(dataset, {}, **evaluation)


def make_rows_of(dataset: Dataset, data: dict[str, Any], **evaluation: Any) -> StudyRows:
    document = {
        "name": "s",
        "data": {"dataset": "breast-cancer"} | data,
        "evaluation": {"folds": 3} | evaluation,
    }
    return StudyRows(StudySpec.parse(document), dataset)


def test_a_fold_is_scaled_by_its_training_rows_alone(cancer: Dataset) -> None:
    rows = make_rows(cancer)

    data = rows(0, 1, STANDARD)

    fold = rows.split.folds[1]
    scaler = StandardScaler().fit(cancer.features[fold.train_rows].astype(np.float64))
    expected = scaler.transform(cancer.features[fold.score_rows].astype(np.float64))
    assert data.train.features.mean(axis=0) == pytest.approx(0, abs=1e-4)
    assert data.train.features.std(axis=0) == pytest.approx(1, abs=1e-3)
    assert data.score.features == pytest.approx(expected, rel=1e-3, abs=1e-3)
    assert np.array_equal(data.train.targets, cancer.targets[fold.train_rows])
    assert np.array_equal(data.score.targets, cancer.targets[fold.score_rows])
    assert data.watch is None


def test_inputs_stay_as_they_are_where_scaling_is_off(cancer: Dataset) -> None:
    rows = make_rows(cancer)

    data = rows(0, 0, AS_THEY_ARE)

    assert np.array_equal(data.train.features, cancer.features[rows.split.folds[0].train_rows])
    assert data.train.features.dtype == np.float32


def test_separate_rows_are_watched_by_every_fold_and_train_none(cancer: Dataset) -> None:
    rows = make_rows(cancer, early_stopping=SEPARATE)

    for fold in range(3):
        watch = rows(0, fold, AS_THEY_ARE).watch
        assert watch is not None
        assert np.array_equal(watch.features, cancer.features[rows.split.watch_rows])
        assert not set(rows.split.folds[fold].train_rows) & set(rows.split.watch_rows)


def test_inner_rows_are_taken_from_the_training_rows_and_do_not_score(
    cancer: Dataset,
) -> None:
    rows = make_rows(cancer, early_stopping=INNER)

    data = rows(0, 0, AS_THEY_ARE)

    fold = rows.split.folds[0]
    assert data.watch is not None
    joined = np.concatenate([data.train.features, data.watch.features])
    expected = cancer.features[fold.train_rows]
    assert sorted(map(tuple, joined.tolist())) == sorted(map(tuple, expected.tolist()))
    assert len(data.watch) == int(np.ceil(0.25 * len(fold.train_rows)))
    assert len(data.score) == len(fold.score_rows)


@pytest.mark.parametrize("stopping", [None, INNER, SEPARATE])
@pytest.mark.parametrize("fold", [0, REFIT])
@pytest.mark.parametrize("scaling", ["standard", "robust", "minmax", None])
def test_the_preparer_of_a_fold_is_the_one_its_rows_went_through(
    cancer: Dataset, stopping: dict[str, Any] | None, fold: int, scaling: str | None
) -> None:
    rows, preparation = make_rows(cancer, early_stopping=stopping), Preparation(scaling)

    preparer = rows.preparer(0, fold, preparation)

    raw = rows(0, fold, AS_THEY_ARE).train.features
    prepared = rows(0, fold, preparation).train.features
    assert np.array_equal(preparer.transform(raw), prepared)
    assert np.array_equal(raw, prepared) == (scaling is None)


def test_the_model_to_take_home_trains_on_all_rows_of_the_search(cancer: Dataset) -> None:
    rows = make_rows_of(cancer, {"test_fraction": 0.25})

    data = rows(0, REFIT, AS_THEY_ARE)

    assert len(data.train) == len(rows.split.search_rows) == 569 - 143
    assert np.array_equal(data.train.targets, data.score.targets)
    sealed = {tuple(row) for row in cancer.features[rows.split.test_rows].tolist()}
    assert not sealed & {tuple(row) for row in data.train.features.tolist()}


def test_a_fold_is_cut_once_while_it_is_kept(cancer: Dataset) -> None:
    rows = make_rows(cancer)

    assert rows(0, 0, STANDARD) is rows(0, 0, Preparation())
    assert rows(0, 0, STANDARD) is not rows(0, 1, STANDARD)
    assert rows(0, 0, STANDARD) is not rows(0, 0, AS_THEY_ARE)


def test_choices_and_gaps_become_the_inputs_of_the_network() -> None:
    table = (Column("age", indicator=True), Column("town", ("Aachen", "Bonn"), others=True))
    inputs = tuple(name for column in table for name in column.inputs)
    info = replace(
        load_dataset("breast-cancer").info, n_inputs=len(inputs), columns=inputs, table=table
    )
    rng = np.random.default_rng(0)
    features = np.column_stack([rng.normal(40, 9, 569), rng.integers(3, size=569)])
    features[rng.random(features.shape) < 0.1] = np.nan
    rows = make_rows(
        replace(load_dataset("breast-cancer"), info=info, features=features.astype(np.float32)),
        early_stopping=INNER,
    )

    data = rows(0, 0, STANDARD)

    assert data.watch is not None
    for part in (data.train, data.score, data.watch):
        assert part.features.shape == (len(part), 5)
        assert np.isfinite(part.features).all()
        assert set(np.unique(part.features[:, 1:])) == {0, 1}
        assert (part.features[:, 2:].sum(axis=1) <= 1).all()


def test_images_are_kept_once_whatever_is_asked_for() -> None:
    digits = load_dataset("digits")
    rows = make_rows(digits)

    assert rows(0, 0, STANDARD) is rows(0, 0, AS_THEY_ARE)


def test_the_fold_used_longest_ago_goes_first(
    cancer: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = make_rows(cancer)
    one = rows_module._bytes(rows(0, 0, STANDARD))
    monkeypatch.setattr(rows_module, "_KEPT_BYTES", int(2.5 * one))
    first, second = rows(0, 0, STANDARD), rows(0, 1, STANDARD)
    rows(0, 0, STANDARD)

    rows(0, 0, AS_THEY_ARE)

    assert rows(0, 0, STANDARD) is first
    assert rows(0, 1, STANDARD) is not second
    assert np.array_equal(rows(0, 1, STANDARD).train.features, second.train.features)
