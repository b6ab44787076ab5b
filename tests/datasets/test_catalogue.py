"""The catalogue's facts against the files they are about, and against scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import joblib  # type: ignore[import-untyped]
import numpy as np
import pytest
from sklearn.datasets import (
    fetch_california_housing,
    load_breast_cancer,
    load_diabetes,
    load_digits,
)

from tuning.datasets.catalogue import (
    DIGITS_COUNTS,
    MNIST_TEST_COUNTS,
    MNIST_TRAIN_COUNTS,
    catalogue,
    dataset_info,
    fetch,
    is_available,
    load_dataset,
)
from tuning.datasets.info import Dataset
from tuning.errors import UnknownDatasetError

ALL_DIGITS = tuple(range(10))
BUNDLED = ("breast-cancer", "digits", "diabetes")


def test_every_download_names_a_bundled_cousin_of_the_same_task() -> None:
    known = catalogue()

    pairs = {info.id: info.cousin for info in known.values() if info.source == "download"}

    assert pairs == {"pima": "breast-cancer", "mnist": "digits", "california": "diabetes"}
    assert all(known[cousin].source == "bundled" for cousin in pairs.values())
    assert all(known[name].task == known[cousin].task for name, cousin in pairs.items())


@pytest.mark.parametrize("dataset_id", ["pima", "mnist", "california", *BUNDLED])
def test_facts_are_those_of_the_rows(dataset_id: str, published: Path) -> None:
    dataset = load_dataset(dataset_id)

    assert_facts_hold(dataset)
    assert dataset.info == catalogue()[dataset_id]


@pytest.mark.parametrize("dataset_id", BUNDLED)
def test_bundled_datasets_need_no_files(dataset_id: str, bare_home: Path) -> None:
    dataset = load_dataset(dataset_id)

    assert is_available(dataset_id)
    assert len(dataset.features) == dataset.info.n_rows
    assert not bare_home.exists()


@pytest.mark.parametrize("dataset_id", ["mnist", "digits"])
def test_counts_of_all_ten_digits_are_those_of_the_rows(
    dataset_id: str, published: Path
) -> None:
    dataset = load_dataset(dataset_id, ALL_DIGITS)

    assert_facts_hold(dataset)
    assert dataset.info.task == "multiclass"
    assert dataset.info.n_outputs == 10


def test_mnist_counts_add_up_to_the_published_totals() -> None:
    assert sum(MNIST_TRAIN_COUNTS) == 60_000
    assert sum(MNIST_TEST_COUNTS) == 10_000
    assert sum(DIGITS_COUNTS) == 1_797


def test_mnist_twos_and_sevens_are_those_of_the_published_experiment(published: Path) -> None:
    dataset = load_dataset("mnist")

    assert dataset.features.shape == (12_223, 28, 28, 1)
    assert dataset.test_features.shape == (2_060, 28, 28, 1)
    assert np.bincount(dataset.targets.astype(int)).tolist() == [5_958, 6_265]
    assert np.bincount(dataset.test_targets.astype(int)).tolist() == [1_032, 1_028]
    assert (dataset.features.min(), dataset.features.max()) == (0.0, 1.0)


def test_digits_keep_ascending_order_however_they_are_written() -> None:
    info = dataset_info("mnist", (9, 0, 4))

    assert info.class_names == ("0", "4", "9")
    assert info.class_counts == (5_923, 5_842, 5_949)
    assert info.n_test_rows == 980 + 982 + 1_009
    assert info.task == "multiclass"


def test_digits_are_ignored_where_there_are_none_to_choose() -> None:
    assert dataset_info("breast-cancer", (2, 7)) == dataset_info("breast-cancer")


def test_pima_has_the_published_positive_rows(published: Path) -> None:
    dataset = load_dataset("pima")

    assert dataset.features[0].tolist() == pytest.approx(
        [6, 148, 72, 35, 0, 33.6, 0.627, 50], rel=1e-6
    )
    assert dataset.targets.sum() == 268


def test_california_starts_with_the_published_row(published: Path) -> None:
    dataset = load_dataset("california")

    first = [8.3252, 41, 6.98412698, 1.02380952, 322, 2.55555556, 37.88, -122.23]
    assert dataset.features[0].tolist() == pytest.approx(first, rel=1e-6)
    assert dataset.targets[0] == pytest.approx(4.526, rel=1e-6)


def test_california_equals_what_scikit_learn_makes_of_the_same_file(
    published: Path, tmp_path: Path
) -> None:
    raw = np.loadtxt(published / "cal_housing.data", delimiter=",")
    stored_order = [8, 7, 2, 3, 4, 5, 6, 1, 0]
    joblib.dump(raw[:, stored_order], tmp_path / "cal_housing_py3.pkz")
    theirs = fetch_california_housing(data_home=tmp_path, download_if_missing=False)

    ours = load_dataset("california")

    assert list(ours.info.columns) == theirs.feature_names
    np.testing.assert_array_equal(ours.features, theirs.data.astype(np.float32))
    np.testing.assert_array_equal(ours.targets, theirs.target.astype(np.float32))


def test_breast_cancer_is_scikit_learns() -> None:
    theirs = load_breast_cancer()

    ours = load_dataset("breast-cancer")

    assert list(ours.info.columns) == list(theirs.feature_names)
    assert list(ours.info.class_names) == list(theirs.target_names)
    np.testing.assert_array_equal(ours.features, theirs.data.astype(np.float32))
    np.testing.assert_array_equal(ours.targets, theirs.target)


def test_diabetes_is_scikit_learns_in_its_own_units() -> None:
    theirs = load_diabetes(scaled=False)

    ours = load_dataset("diabetes")

    assert list(ours.info.columns) == theirs.feature_names
    np.testing.assert_array_equal(ours.features, theirs.data.astype(np.float32))
    np.testing.assert_array_equal(ours.targets, theirs.target)


def test_digits_are_scikit_learns_between_0_and_1() -> None:
    theirs = load_digits()

    ours = load_dataset("digits", ALL_DIGITS)

    np.testing.assert_array_equal(ours.features[..., 0] * 16, theirs.images)
    np.testing.assert_array_equal(ours.targets, theirs.target)


def test_unknown_dataset_suggests_the_nearest(bare_home: Path) -> None:
    with pytest.raises(UnknownDatasetError) as error:
        load_dataset("pimma")

    assert str(error.value) == "There is no dataset 'pimma'. Did you mean 'pima'?"


@pytest.mark.parametrize("look", [dataset_info, is_available, fetch])
def test_unknown_dataset_is_told_everywhere(
    look: Callable[[str], object], bare_home: Path
) -> None:
    with pytest.raises(UnknownDatasetError):
        look("nothing like it")


def test_downloads_are_not_available_on_a_bare_machine(bare_home: Path) -> None:
    available = {dataset_id for dataset_id in catalogue() if is_available(dataset_id)}

    assert available == set(BUNDLED)


def test_files_in_the_persons_folder_make_a_dataset_available(published: Path) -> None:
    assert all(is_available(dataset_id) for dataset_id in catalogue())


def assert_facts_hold(dataset: Dataset) -> None:
    info = dataset.info
    row_shape = info.image_shape or (info.n_inputs,)
    assert dataset.features.shape == (info.n_rows, *row_shape)
    assert dataset.test_features.shape == (info.n_test_rows, *row_shape)
    assert len(dataset.targets) == info.n_rows
    assert len(dataset.test_targets) == info.n_test_rows
    assert np.prod(row_shape) == info.n_inputs
    assert len(info.columns) == (0 if info.image_shape else info.n_inputs)
    assert dataset.features.dtype == dataset.targets.dtype == np.float32
    if info.task != "regression":
        assert np.bincount(dataset.targets.astype(int)).tolist() == list(info.class_counts)
        assert len(info.class_names) == len(info.class_counts)
