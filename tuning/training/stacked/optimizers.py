"""Keras' seven optimizers on stacked weights: one update for all fits, each by its numbers.

The rules are those of Keras 3.15 at its default settings, line by line; what varies between
trials (learning rate, momentum) has a leading axis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

Tensors = list[tf.Tensor]

_EPSILON = 1e-7
_BETA_1, _BETA_2 = 0.9, 0.999
_RHO, _ADADELTA_RHO = 0.9, 0.95
_ADAGRAD_START = 0.1
_NADAM_DECAY = 0.96
# Keras' Nadam takes these from 1 after it has rounded the betas to float32.
_NADAM_REST_1 = float(np.float32(1) - np.float32(_BETA_1))
_NADAM_REST_2 = float(np.float32(1) - np.float32(_BETA_2))


@dataclass(frozen=True)
class Numbers:
    """What an update depends on besides gradients; each of shape (n_fits, 1, 1).

    Attributes
    ----------
    step : tensor
        Steps of the fit, this one included, from 1.
    product : tensor
        Nadam's running product of momenta, this step included; 1 elsewhere.
    """

    learning_rate: tf.Tensor
    momentum: tf.Tensor
    step: tf.Tensor
    product: tf.Tensor


Update = Callable[[tf.Tensor, tf.Tensor, Sequence[tf.Tensor], Numbers], tuple[tf.Tensor, ...]]


@dataclass(frozen=True)
class Rule:
    """How one optimizer updates.

    Attributes
    ----------
    n_slots : int
        Arrays it keeps for each array of weights.
    start : float
        What they hold before the first step.
    update : callable
        (weights, gradients, slots, numbers) → the new weights and the new slots.
    """

    n_slots: int
    start: float
    update: Update


def rule_of(optimizer: str, *, momentum: bool) -> Rule:
    """Return the rule of an optimizer.

    Parameters
    ----------
    momentum : bool
        Whether any fit has momentum; without it SGD and RMSprop keep no array for it.
    """
    return _RULES[optimizer, momentum and optimizer in ("sgd", "rmsprop")]


def nadam_product(product: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
    """Return Nadam's running product after one more step (from 1)."""
    return product * _nadam_momentum(step)


def _nadam_momentum(step: tf.Tensor) -> tf.Tensor:
    return _BETA_1 * (1.0 - 0.5 * tf.pow(_NADAM_DECAY, step))


def _sgd(w: tf.Tensor, g: tf.Tensor, _: Sequence[tf.Tensor], n: Numbers) -> tuple[tf.Tensor]:
    return (w - g * n.learning_rate,)


def _sgd_momentum(
    w: tf.Tensor, g: tf.Tensor, slots: Sequence[tf.Tensor], n: Numbers
) -> tuple[tf.Tensor, ...]:
    velocity = slots[0] * n.momentum - g * n.learning_rate
    return w + velocity, velocity


def _rmsprop(
    w: tf.Tensor, g: tf.Tensor, slots: Sequence[tf.Tensor], n: Numbers
) -> tuple[tf.Tensor, ...]:
    square = _RHO * slots[0] + (1 - _RHO) * tf.square(g)
    return w - n.learning_rate * g / tf.sqrt(square + _EPSILON), square


def _rmsprop_momentum(
    w: tf.Tensor, g: tf.Tensor, slots: Sequence[tf.Tensor], n: Numbers
) -> tuple[tf.Tensor, ...]:
    square = _RHO * slots[0] + (1 - _RHO) * tf.square(g)
    velocity = n.momentum * slots[1] + n.learning_rate * g / tf.sqrt(square + _EPSILON)
    return w - velocity, square, velocity


def _adagrad(
    w: tf.Tensor, g: tf.Tensor, slots: Sequence[tf.Tensor], n: Numbers
) -> tuple[tf.Tensor, ...]:
    total = slots[0] + tf.square(g)
    return w - n.learning_rate * g / tf.sqrt(total + _EPSILON), total


def _adadelta(
    w: tf.Tensor, g: tf.Tensor, slots: Sequence[tf.Tensor], n: Numbers
) -> tuple[tf.Tensor, ...]:
    square = _ADADELTA_RHO * slots[0] + (1 - _ADADELTA_RHO) * tf.square(g)
    change = -tf.sqrt(slots[1] + _EPSILON) * g / tf.sqrt(square + _EPSILON)
    changes = _ADADELTA_RHO * slots[1] + (1 - _ADADELTA_RHO) * tf.square(change)
    return w + n.learning_rate * change, square, changes


def _adam(
    w: tf.Tensor, g: tf.Tensor, slots: Sequence[tf.Tensor], n: Numbers
) -> tuple[tf.Tensor, ...]:
    first = slots[0] + (g - slots[0]) * (1 - _BETA_1)
    second = slots[1] + (tf.square(g) - slots[1]) * (1 - _BETA_2)
    alpha = n.learning_rate * tf.sqrt(1 - tf.pow(_BETA_2, n.step))
    alpha /= 1 - tf.pow(_BETA_1, n.step)
    return w - first * alpha / (tf.sqrt(second) + _EPSILON), first, second


def _adamax(
    w: tf.Tensor, g: tf.Tensor, slots: Sequence[tf.Tensor], n: Numbers
) -> tuple[tf.Tensor, ...]:
    first = slots[0] + (g - slots[0]) * (1 - _BETA_1)
    largest = tf.maximum(_BETA_2 * slots[1], tf.abs(g))
    scale = (1 - tf.pow(_BETA_1, n.step)) * (largest + _EPSILON)
    return w - n.learning_rate * first / scale, first, largest


def _nadam(
    w: tf.Tensor, g: tf.Tensor, slots: Sequence[tf.Tensor], n: Numbers
) -> tuple[tf.Tensor, ...]:
    first = slots[0] + (g - slots[0]) * _NADAM_REST_1
    second = slots[1] + (tf.square(g) - slots[1]) * _NADAM_REST_2
    now, after = _nadam_momentum(n.step), _nadam_momentum(n.step + 1)
    ahead = after * first / (1 - n.product * after) + (1 - now) * g / (1 - n.product)
    spread = tf.sqrt(second / (1 - tf.pow(_BETA_2, n.step)))
    return w - ahead * n.learning_rate / (spread + _EPSILON), first, second


_RULES = {
    ("sgd", False): Rule(0, 0.0, _sgd),
    ("sgd", True): Rule(1, 0.0, _sgd_momentum),
    ("rmsprop", False): Rule(1, 0.0, _rmsprop),
    ("rmsprop", True): Rule(2, 0.0, _rmsprop_momentum),
    ("adagrad", False): Rule(1, _ADAGRAD_START, _adagrad),
    ("adadelta", False): Rule(2, 0.0, _adadelta),
    ("adam", False): Rule(2, 0.0, _adam),
    ("adamax", False): Rule(2, 0.0, _adamax),
    ("nadam", False): Rule(2, 0.0, _nadam),
}
