"""What a stack draws is, to the last bit, what Keras draws from the same seeds."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tuning.parameters import INITIALIZERS
from tuning.training.stacked.draws import as_int32_seed, starting_kernels, uniform_groups

pytestmark = pytest.mark.slow  # loads TensorFlow

SEEDS = (0, 1, 7, 123_456_789, 2**31 - 3, 2**31 - 2, 2**31 - 1)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("n_numbers", [1, 4, 123])
def test_dropout_draws_the_numbers_of_keras_own_generator(
    n_numbers: int, compiled: bool
) -> None:
    generators = [keras.random.SeedGenerator(seed) for seed in SEEDS]
    seeds = tf.constant([as_int32_seed(seed) for seed in SEEDS], tf.uint32)
    draw = tf.function(uniform_groups, jit_compile=compiled)

    for call in range(3):
        calls = tf.fill(seeds.shape, tf.constant(call, tf.uint32))
        ours = draw(seeds, calls, n_numbers).numpy()

        for own, generator in zip(ours, generators, strict=True):
            theirs = keras.random.uniform((n_numbers,), seed=generator)
            assert np.array_equal(own[:n_numbers], keras.ops.convert_to_numpy(theirs))


@pytest.mark.parametrize("shape", [(8, 12), (1, 1), (3, 100)])
@pytest.mark.parametrize("name", INITIALIZERS)
def test_starting_weights_are_those_of_keras_own_initializer(
    name: str, shape: tuple[int, int]
) -> None:
    ours = starting_kernels(name, SEEDS, *shape)

    for own, seed in zip(ours, SEEDS, strict=True):
        config = {} if name == "zeros" else {"seed": seed}
        initializer = keras.initializers.get({"class_name": name, "config": config})
        assert np.array_equal(own, keras.ops.convert_to_numpy(initializer(shape)))
