"""What a row of each class counts, against scikit-learn and by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_sample_weight

from tuning.datasets.catalogue import dataset_info
from tuning.training.class_weights import class_weights, is_balanced

BALANCED = {"class_weight": "balanced"}
CANCER = dataset_info("breast-cancer")
WINE = replace(CANCER, task="multiclass", class_names=("a", "b", "c"))


def test_balanced_classes_count_the_same_together() -> None:
    targets = np.array([0] * 30 + [1] * 10, np.float32)

    weights = class_weights(BALANCED, CANCER, targets)

    assert weights is not None
    assert weights.tolist() == pytest.approx([40 / (2 * 30), 40 / (2 * 10)])


def test_rows_are_weighted_as_scikit_learn_does_it() -> None:
    targets = np.random.default_rng(0).integers(0, 3, 70).astype(np.float32)

    weights = class_weights(BALANCED, WINE, targets)

    assert weights is not None
    expected = compute_sample_weight("balanced", targets)
    assert weights[targets.astype(int)] == pytest.approx(expected)


def test_a_class_without_rows_changes_nothing_for_the_others() -> None:
    targets = np.array([0, 0, 0, 2], np.float32)

    weights = class_weights(BALANCED, WINE, targets)

    assert weights is not None
    assert weights.tolist() == pytest.approx([4 / (2 * 3), 1, 4 / (2 * 1)])


def test_numbers_and_unweighted_trials_have_none() -> None:
    targets = np.array([0, 1], np.float32)
    diabetes = dataset_info("diabetes")

    assert class_weights({"class_weight": None}, CANCER, targets) is None
    assert class_weights({}, CANCER, targets) is None
    assert class_weights(BALANCED, diabetes, targets) is None
    assert not is_balanced(BALANCED, diabetes)
