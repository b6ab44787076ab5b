"""When a training counts as run away, and what its trial is told."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tuning.datasets.info import Task
from tuning.parameters import Value
from tuning.training.divergence import GROWTH, guessing_loss, not_finite, ran_away

PARAMS: dict[str, Value] = {"learning_rate": 1e6, "optimizer": "sgd"}


@pytest.mark.parametrize(
    ("task", "targets", "expected"),
    [
        ("binary", [0, 1, 0, 1], math.log(2)),
        ("binary", [0, 0, 0, 1], -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))),
        ("multiclass", [0, 1, 2], math.log(3)),
        ("binary", [1, 1], 0.0),
        ("regression", [1, 2, 3], 2 / 3),
    ],
)
def test_guessing_costs_the_entropy_or_the_variance(
    task: Task, targets: list[float], expected: float
) -> None:
    assert guessing_loss(task, np.array(targets, np.float32)) == pytest.approx(expected)


def test_guessing_costs_the_same_for_all_classes_where_they_count_the_same() -> None:
    targets = np.array([0] * 97 + [1] * 2 + [2], np.float32)

    assert guessing_loss("multiclass", targets, balanced=True) == pytest.approx(np.log(3))


def test_the_variance_of_large_numbers_is_not_lost_to_rounding() -> None:
    targets = np.array([1e6 - 1, 1e6 + 1] * 1000, np.float32)

    assert guessing_loss("regression", targets) == pytest.approx(1.0)


def test_a_loss_that_is_no_number_names_epoch_and_learning_rate() -> None:
    assert not_finite(0, 1e6, "sgd") == (
        "Loss became NaN at epoch 1. Learning rate 1000000 is probably too high."
    )


def test_without_a_learning_rate_the_inputs_are_to_blame() -> None:
    assert not_finite(4, None, "adam") == (
        "Loss became NaN at epoch 5. "
        + "The default learning rate of adam is too high here: scale the inputs."
    )


def test_huge_weights_and_a_loss_worse_than_guessing_are_a_divergence() -> None:
    assert ran_away(5.0, 0.693, 2.5e5, PARAMS) == (
        "Training diverged: weights grew to 2.5e+05 and the loss (5) is worse than that of "
        + "guessing (0.693). Learning rate 1000000 is probably too high."
    )


@pytest.mark.parametrize(
    ("loss", "largest_weight"),
    [
        (5.0, GROWTH),  # bad, but its weights are ordinary: a poor trial
        (0.6, 2.5e5),  # large weights that do better than guessing
        (0.693, 2.5e5),
    ],
)
def test_one_of_both_alone_is_no_divergence(loss: float, largest_weight: float) -> None:
    assert ran_away(loss, 0.693, largest_weight, PARAMS) is None
