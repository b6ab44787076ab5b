"""The rows of each fold as trainers take them, with scaling from training rows alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from tuning.datasets.catalogue import load_dataset
from tuning.datasets.info import Dataset
from tuning.spec import StudySpec
from tuning.training import rows as rows_module
from tuning.training.rows import StudyRows
from tuning.training.seeds import REFIT

INNER = {"rows": "inner", "fraction": 0.25}
SEPARATE = {"rows": "separate", "fraction": 0.25}


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

    data = rows(0, 1)

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
    rows = make_rows_of(cancer, {"scale": False})

    data = rows(0, 0)

    assert np.array_equal(data.train.features, cancer.features[rows.split.folds[0].train_rows])
    assert data.train.features.dtype == np.float32


def test_separate_rows_are_watched_by_every_fold_and_train_none(cancer: Dataset) -> None:
    rows = make_rows_of(cancer, {"scale": False}, early_stopping=SEPARATE)

    for fold in range(3):
        watch = rows(0, fold).watch
        assert watch is not None
        assert np.array_equal(watch.features, cancer.features[rows.split.watch_rows])
        assert not set(rows.split.folds[fold].train_rows) & set(rows.split.watch_rows)


def test_inner_rows_are_taken_from_the_training_rows_and_do_not_score(
    cancer: Dataset,
) -> None:
    rows = make_rows_of(cancer, {"scale": False}, early_stopping=INNER)

    data = rows(0, 0)

    fold = rows.split.folds[0]
    assert data.watch is not None
    joined = np.concatenate([data.train.features, data.watch.features])
    expected = cancer.features[fold.train_rows]
    assert sorted(map(tuple, joined.tolist())) == sorted(map(tuple, expected.tolist()))
    assert len(data.watch) == int(np.ceil(0.25 * len(fold.train_rows)))
    assert len(data.score) == len(fold.score_rows)


@pytest.mark.parametrize("stopping", [None, INNER, SEPARATE])
@pytest.mark.parametrize("fold", [0, REFIT])
def test_the_scaler_of_a_fold_is_the_one_its_rows_went_through(
    cancer: Dataset, stopping: dict[str, Any] | None, fold: int
) -> None:
    rows = make_rows(cancer, early_stopping=stopping)
    unscaled = make_rows_of(cancer, {"scale": False}, early_stopping=stopping)

    scaler = rows.scaler(0, fold)

    raw = unscaled(0, fold).train.features
    assert np.array_equal(scaler.transform(raw), rows(0, fold).train.features)


def test_the_model_to_take_home_trains_on_all_rows_of_the_search(cancer: Dataset) -> None:
    rows = make_rows_of(cancer, {"scale": False, "test_fraction": 0.25})

    data = rows(0, REFIT)

    assert len(data.train) == len(rows.split.search_rows) == 569 - 143
    assert np.array_equal(data.train.targets, data.score.targets)
    sealed = {tuple(row) for row in cancer.features[rows.split.test_rows].tolist()}
    assert not sealed & {tuple(row) for row in data.train.features.tolist()}


def test_a_fold_is_cut_once_while_it_is_kept(cancer: Dataset) -> None:
    rows = make_rows(cancer)

    assert rows(0, 0) is rows(0, 0)
    assert rows(0, 0) is not rows(0, 1)


def test_the_fold_used_longest_ago_goes_first(
    cancer: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = make_rows(cancer)
    one = rows_module._bytes(rows(0, 0))
    monkeypatch.setattr(rows_module, "_KEPT_BYTES", int(2.5 * one))
    first, second = rows(0, 0), rows(0, 1)
    rows(0, 0)

    rows(0, 2)

    assert rows(0, 0) is first
    assert rows(0, 1) is not second
    assert np.array_equal(rows(0, 1).train.features, second.train.features)
