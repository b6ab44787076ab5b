"""The numbers Keras would draw, for many fits at once: dropout's masks and starting weights.

Keras draws with TensorFlow's stateless generator, which on a CPU is Philox [1]_. A stack draws
the same numbers from the same seeds, so a fit in it is the fit Keras trains alone.

References
----------
.. [1] Salmon, Moraes, Dror and Shaw, *Parallel random numbers: as easy as 1, 2, 3* (2011).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

Words = tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]

_ROUNDS = 10
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
# TensorFlow turns a pair of seeds into a key and a counter by one Philox block under this key.
_SEED_KEY = (0x3EC8F720, 0x02461E29)
# Keras keeps seeds as int64 and hands them to TensorFlow as int32, modulo this.
_LARGEST_SEED = 2**31 - 2
_MANTISSA, _ONE = 0x007FFFFF, 0x3F800000
# Standard deviation of a normal cut off at 2, by which VarianceScaling divides.
_CUT_NORMAL = 0.87962566103423978


def as_int32_seed(seed: int) -> int:
    """Return the seed as Keras hands it to TensorFlow."""
    return seed % _LARGEST_SEED


def uniform_groups(seeds: tf.Tensor, calls: tf.Tensor, n_numbers: int) -> tf.Tensor:
    """Draw uniform numbers in [0, 1) as ``keras.random.uniform`` does, a row for each seed.

    Parameters
    ----------
    seeds : tensor of shape (n_fits,)
        uint32; `as_int32_seed` of what the layer was seeded with.
    calls : tensor of shape (n_fits,)
        uint32; how often each layer has drawn before.
    n_numbers : int
        Numbers wanted for each fit.

    Returns
    -------
    tensor of shape (n_fits, n)
        float32, with n = `n_numbers` rounded up to a multiple of four.
    """
    zeros = tf.zeros_like(seeds)
    keys = [tf.fill(tf.shape(seeds), tf.constant(word, tf.uint32)) for word in _SEED_KEY]
    key0, key1, high0, high1 = _philox((seeds, zeros, calls, zeros), (keys[0], keys[1]))
    n_groups = -(-n_numbers // 4)
    groups = tf.range(n_groups, dtype=tf.int32)
    counter = tf.cast(groups, tf.uint32)[None, :] + zeros[:, None]
    none = tf.zeros_like(counter)
    words = _philox(
        (counter, none, high0[:, None] + none, high1[:, None] + none),
        (key0[:, None] + none, key1[:, None] + none),
    )
    bits = tf.reshape(tf.stack(words, axis=-1), (-1, 4 * n_groups))
    bits = tf.bitwise.bitwise_or(tf.bitwise.bitwise_and(bits, _u32(_MANTISSA)), _u32(_ONE))
    return tf.bitcast(bits, tf.float32) - 1.0


def _philox(counter: Words, key: tuple[tf.Tensor, tf.Tensor]) -> Words:
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(_ROUNDS):
        low0, high0 = _multiply(c0, _MULTIPLIERS[0])
        low1, high1 = _multiply(c2, _MULTIPLIERS[1])
        c0, c1 = _xor(_xor(high1, c1), k0), low1
        c2, c3 = _xor(_xor(high0, c3), k1), low0
        k0, k1 = k0 + _u32(_WEYL[0]), k1 + _u32(_WEYL[1])
    return c0, c1, c2, c3


def _multiply(word: tf.Tensor, by: int) -> tuple[tf.Tensor, tf.Tensor]:
    product = tf.cast(word, tf.uint64) * tf.constant(by, tf.uint64)
    high = tf.bitwise.right_shift(product, tf.constant(32, tf.uint64))
    return tf.cast(product, tf.uint32), tf.cast(high, tf.uint32)


def _xor(left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    return tf.bitwise.bitwise_xor(left, right)


def _u32(number: int) -> tf.Tensor:
    return tf.constant(number, tf.uint32)


def starting_kernels(
    initializer: str, seeds: Sequence[int], n_inputs: int, n_units: int
) -> NDArray[np.float32]:
    """Draw the kernels that Keras' initializer of this name draws from these seeds.

    Returns
    -------
    ndarray of shape (n_seeds, n_inputs, n_units)
    """
    shape = (n_inputs, n_units)
    if initializer == "zeros":
        return np.zeros((len(seeds), *shape), np.float32)
    draw, spread = _distribution(initializer, n_inputs, n_units)
    pairs = np.array([[as_int32_seed(seed), 0] for seed in seeds], np.int32)
    kernels: NDArray[np.float32] = draw(
        tf.constant(pairs), tf.constant(shape), tf.constant(spread, tf.float32)
    ).numpy()
    return kernels


def _distribution(
    initializer: str, n_inputs: int, n_units: int
) -> tuple[Callable[..., Any], float]:
    """Return what draws, and the limit or standard deviation, by Keras' rules."""
    if initializer == "random_uniform":
        return _uniform, 0.05
    if initializer == "random_normal":
        return _normal, 0.05
    family, _, kind = initializer.partition("_")
    scale = 2.0 if family == "he" else 1.0
    fan = (n_inputs + n_units) / 2.0 if family == "glorot" else n_inputs
    variance = scale / max(1.0, fan)
    if kind == "uniform":
        return _uniform, math.sqrt(3.0 * variance)
    return _cut_normal, math.sqrt(variance) / _CUT_NORMAL


_SIGNATURE = [
    tf.TensorSpec((None, 2), tf.int32),
    tf.TensorSpec((2,), tf.int32),
    tf.TensorSpec((), tf.float32),
]


def _for_each_seed(draw: Callable[..., tf.Tensor]) -> Callable[..., Any]:
    @tf.function(input_signature=_SIGNATURE, autograph=False)  # type: ignore[untyped-decorator]
    def draw_all(seeds: tf.Tensor, shape: tf.Tensor, spread: tf.Tensor) -> tf.Tensor:
        return tf.map_fn(
            lambda seed: draw(seed, shape, spread), seeds, fn_output_signature=tf.float32
        )

    return draw_all  # type: ignore[no-any-return]


_uniform = _for_each_seed(
    lambda seed, shape, spread: tf.random.stateless_uniform(shape, seed, -spread, spread)
)
_normal = _for_each_seed(
    lambda seed, shape, spread: tf.random.stateless_normal(shape, seed, 0.0, spread)
)
_cut_normal = _for_each_seed(
    lambda seed, shape, spread: tf.random.stateless_truncated_normal(shape, seed, 0.0, spread)
)
