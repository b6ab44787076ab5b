"""The stacked optimizers take the steps of Keras' own, each fit by its own numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.bounded import pairs
from tuning.models.build import make_optimizer
from tuning.parameters import OPTIMIZERS
from tuning.training.stacked.optimizers import Numbers, nadam_product, rule_of

pytestmark = pytest.mark.slow  # loads TensorFlow

N_STEPS = 60
SHAPE = (4, 3)
RATES = (0.001, 0.03, 0.3)
MOMENTA = ((0.0, 0.0, 0.0), (0.0, 0.5, 0.9))


def column(values: Sequence[float]) -> tf.Tensor:
    return tf.constant(values, tf.float32, (len(RATES), 1, 1))


def steps_of_keras(name: str, gradients: Any, rate: float, momentum: float) -> Any:
    params: dict[str, Any] = {"optimizer": name, "learning_rate": rate, "momentum": momentum}
    optimizer = make_optimizer(params)
    weights = keras.Variable(np.ones(SHAPE, np.float32))
    for gradient in gradients:
        optimizer.apply([tf.constant(gradient)], [weights])
    return weights.numpy()


@pytest.mark.parametrize(("name", "momenta"), pairs(OPTIMIZERS, MOMENTA, share=2))
def test_sixty_steps_are_those_of_keras(name: str, momenta: tuple[float, ...]) -> None:
    rng = np.random.default_rng(5)
    gradients = rng.normal(size=(N_STEPS, len(RATES), *SHAPE)).astype(np.float32)
    gradients[:, :, 0, 0] = 0  # a weight whose unit is not there never gets a gradient
    rule = rule_of(name, momentum=any(momenta))
    weights = tf.ones((len(RATES), *SHAPE))
    slots = [tf.fill(weights.shape, rule.start) for _ in range(rule.n_slots)]
    product = column([1.0] * len(RATES))

    for place, gradient in enumerate(gradients):
        step = column([place + 1.0] * len(RATES))
        product = nadam_product(product, step)
        numbers = Numbers(column(RATES), column(momenta), step, product)
        weights, *slots = rule.update(weights, tf.constant(gradient), slots, numbers)

    used = momenta if name in ("sgd", "rmsprop") else (0.0, 0.0, 0.0)
    for fit, (rate, momentum) in enumerate(zip(RATES, used, strict=True)):
        theirs = steps_of_keras(name, gradients[:, fit], rate, momentum)
        assert weights[fit].numpy() == pytest.approx(theirs, rel=2e-5, abs=2e-6)
    assert np.array_equal(weights.numpy()[:, 0, 0], np.ones(len(RATES), np.float32))
