"""Asking: values on the scale that is searched, the nearest of them, answers in words."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tuning.analysis.asking import (
    differences,
    in_own_units,
    nearest_value,
    prediction_sentence,
    values_to_ask,
)
from tuning.analysis.what_if import Prediction
from tuning.parameters import Value
from tuning.setting import Choices, LogRange, Range, Setting


def prediction(score: float, low: float, high: float) -> Prediction:
    return Prediction(True, score, (low, high), (low, high), (), "")


@pytest.mark.parametrize(
    ("name", "setting", "values"),
    [
        ("activation", Choices(values=("tanh", "relu")), ("tanh", "relu")),
        ("max_norm", Choices(values=(None, 2.0)), (None, 2.0)),
        ("n_neurons", Range(low=4, high=8), (4, 5, 6, 7, 8)),
        ("n_neurons", LogRange(low=4, high=8), (4, 5, 6, 7, 8)),
        ("dropout_rate", Range(low=0, high=0.5, step=0.25), (0.0, 0.25, 0.5)),
        ("learning_rate", LogRange(low=0.01, high=1, points=3), (0.01, 0.1, 1.0)),
    ],
)
def test_few_values_are_all_there(
    name: str, setting: Setting, values: tuple[Value, ...]
) -> None:
    assert values_to_ask(name, setting) == values


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("learning_rate", LogRange(low=1e-4, high=0.1)),
        ("batch_size", LogRange(low=1, high=4096)),
        ("dropout_rate", Range(low=0.1, high=0.7)),
        ("batch_size", Range(low=1, high=4096)),
    ],
)
def test_endless_values_lie_evenly_on_their_scale(name: str, setting: Setting) -> None:
    values = np.array(values_to_ask(name, setting), dtype=float)
    steps = np.diff(np.log(values) if isinstance(setting, LogRange) else values)

    assert (values[0], values[-1]) == (setting.low, setting.high)  # type: ignore[union-attr]
    assert 40 <= len(values) <= 101
    assert (np.diff(values) > 0).all()
    if name != "batch_size":  # whole numbers are uneven at the low end
        assert (
            steps.max() < 1.35 * steps.min()
        )  # three digits of 1.00 are off by half a percent


@pytest.mark.parametrize(
    ("name", "values", "wanted", "found"),
    [
        ("dropout_rate", (0.0, 0.25, 0.5), 0.3, 0.25),
        ("dropout_rate", (0.0, 0.25, 0.5), 0.5, 0.5),
        ("learning_rate", (0.001, 0.01, 0.1), None, 0.01),
        ("activation", ("relu", "tanh", "elu"), "gelu", "tanh"),
        ("max_norm", (None, 1.0, 2.0), 1.9, 1.0),
        ("max_norm", (None, 1.0, 2.0), None, None),
    ],
)
def test_a_value_that_cannot_be_asked_about_gives_way_to_one_that_can(
    name: str, values: tuple[Value, ...], wanted: Value, found: Value
) -> None:
    assert nearest_value(name, values, wanted) == found


def test_only_what_differs_is_told() -> None:
    asked: dict[str, Value] = {"learning_rate": 0.01, "activation": "relu", "max_norm": 1.0}

    assert differences({**asked}, asked) == "the same settings"
    assert differences({**asked, "learning_rate": 0.0123456, "max_norm": None}, asked) == (
        "learning rate 0.0123 · weight limit (max-norm) off"
    )


def test_a_prediction_has_the_digits_its_interval_supports() -> None:
    assert prediction_sentence(prediction(0.7524, 0.7381, 0.7691), 1) == (
        "Would probably score 0.752; nine of ten such trials lie between 0.738 and 0.769."
    )


def test_a_loss_is_told_in_its_own_units_with_the_lower_end_first() -> None:
    found = prediction(-0.5, -0.7, -0.4)

    assert in_own_units(found, -1) == (0.5, 0.4, 0.7)
    assert prediction_sentence(found, -1) == (
        "Would probably score 0.50; nine of ten such trials lie between 0.40 and 0.70."
    )


def test_what_is_not_known_is_said() -> None:
    nothing = (math.nan, math.nan)
    unknown = Prediction(False, math.nan, nothing, nothing, (), "Don't know.")

    assert prediction_sentence(unknown, 1) == "Don't know."
