"""Sizes against counts by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tuning.datasets.catalogue import dataset_info
from tuning.datasets.info import DatasetInfo
from tuning.models.size import (
    LayerSize,
    hidden_layers,
    layer_sizes,
    layer_text,
    n_outputs,
    n_products,
    n_weights,
    pooled_shape,
)
from tuning.parameters import Value, defaults_of

CALIFORNIA, PIMA, MNIST = (dataset_info(name) for name in ("california", "pima", "mnist"))


def dense(**changes: Any) -> dict[str, Value]:
    return defaults_of("dense") | changes


def convolutional(**changes: Any) -> dict[str, Value]:
    return defaults_of("convolutional") | changes


def info_with(task: Any, n_classes: int) -> DatasetInfo:
    names = tuple(str(code) for code in range(n_classes))
    return DatasetInfo("x", "X", task, "upload", 100, 5, "y", "", class_names=names)


def test_three_layers_of_43_have_the_published_4215_weights() -> None:
    params = dense(n_hidden=3, n_neurons=43)

    assert n_weights("dense", params, CALIFORNIA) == 4215
    assert n_products("dense", params, CALIFORNIA) == 8 * 43 + 43 * 43 + 43 * 43 + 43
    assert layer_text("dense", params, CALIFORNIA) == "8 → 43 → 43 → 43 → 1"


def test_the_pima_network_has_121_weights() -> None:
    # 8·12 + 12 = 108 and 12 + 1 = 13
    assert n_weights("dense", dense(n_hidden=1, n_neurons=12), PIMA) == 121


def test_no_hidden_layer_is_a_linear_model() -> None:
    params = dense(n_hidden=0)

    assert layer_sizes("dense", params, PIMA) == [LayerSize("Dense", (1,), 9, 8)]
    assert layer_text("dense", params, PIMA) == "8 → 1"


def test_a_list_of_layers_replaces_their_number_and_size() -> None:
    params = dense(dense_layer_sizes=(32, 16), n_hidden=5, n_neurons=7)

    assert hidden_layers(params) == (32, 16)
    assert n_weights("dense", params, PIMA) == (8 * 32 + 32) + (32 * 16 + 16) + (16 + 1)


def test_the_published_network_for_2s_and_7s_layer_by_layer() -> None:
    params = convolutional(filters=(4, 8), kernel_size=3, pool_size=2, dense_layer_sizes=(16,))

    assert layer_sizes("convolutional", params, MNIST) == [
        LayerSize("Conv2D", (26, 26, 4), 3 * 3 * 4 + 4, 3 * 3 * 4 * 26 * 26),
        LayerSize("Conv2D", (24, 24, 8), 3 * 3 * 4 * 8 + 8, 3 * 3 * 4 * 8 * 24 * 24),
        LayerSize("Dense", (16,), 12 * 12 * 8 * 16 + 16, 12 * 12 * 8 * 16),
        LayerSize("Dense", (2,), 16 * 2 + 2, 16 * 2),
    ]
    assert n_weights("convolutional", params, MNIST) == 40 + 296 + 18_448 + 34


def test_pooling_drops_the_pixels_that_do_not_fill_a_square() -> None:
    params = convolutional(filters=(8,), kernel_size=4, pool_size=3, n_hidden=0)

    # 28 − 3 = 25, and 25 // 3 = 8
    assert pooled_shape(params, MNIST) == (8, 8)
    assert n_weights("convolutional", params, MNIST) == (16 * 8 + 8) + (8 * 8 * 8 * 2 + 2)


def test_a_dense_network_sees_an_image_as_its_pixels() -> None:
    assert layer_text("dense", dense(n_hidden=1, n_neurons=16), MNIST) == "784 → 16 → 1"


@pytest.mark.parametrize(
    ("model", "task", "n_classes", "expected"),
    [
        ("dense", "regression", 0, 1),
        ("convolutional", "regression", 0, 1),
        ("dense", "binary", 2, 1),
        ("convolutional", "binary", 2, 2),
        ("dense", "multiclass", 5, 5),
        ("convolutional", "multiclass", 3, 3),
    ],
)
def test_outputs_follow_task_and_model(
    model: str, task: str, n_classes: int, expected: int
) -> None:
    assert n_outputs(model, info_with(task, n_classes)) == expected
