"""Where a fit's randomness comes from: study seed, trial parameters, repeat and fold only.

`epochs` is left out: 10, 50 and 100 epochs with one seed are one training, read three times.
So is what is done to the rows: trials that differ only in that begin with the same weights.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tuning.parameters import PARAMETERS, PREPARATION, Value

REFIT = -1  # the fold of the training on all rows that makes the model to take home
_NO_SEED = {"epochs", *(name for name, p in PARAMETERS.items() if p.group == PREPARATION)}


def fit_seed(study_seed: int, params: Mapping[str, Value], repeat: int, fold: int) -> int:
    """Return the seed of one fit, below 2**32."""
    settings = {name: value for name, value in params.items() if name not in _NO_SEED}
    text = json.dumps([study_seed, sorted(settings.items()), repeat, fold])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def part_seed(seed: int, part: str) -> int:
    """Return the seed of one part of a fit, such as one layer's starting weights."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{part}".encode()).digest()[:4], "big") >> 1


def epoch_order(seed: int, epoch: int, n_rows: int) -> NDArray[np.intp]:
    """Return the order in which an epoch (from 0) visits its training rows."""
    order: NDArray[np.intp] = epoch_orders(np.array([seed]), epoch, np.array([n_rows]))[0]
    return order


def epoch_orders(
    seeds: NDArray[np.int64], epoch: int, n_rows: NDArray[np.int64]
) -> NDArray[np.intp]:
    """Return the orders in which many fits visit their training rows in one epoch.

    Rows are sorted by the first outputs of SplitMix64 [1]_, seeded with fit and epoch: pure
    arithmetic on arrays, so that 150 fits cost what one generator object would.

    Parameters
    ----------
    seeds : ndarray of shape (n_fits,)
        Below 2**32.
    epoch : int
        From 0.
    n_rows : ndarray of shape (n_fits,)
        Training rows of each fit.

    Returns
    -------
    ndarray of shape (n_fits, most rows)
        Each row begins with a permutation of the fit's own rows.

    References
    ----------
    .. [1] Steele, Lea and Flood, *Fast splittable pseudorandom number generators* (2014).
    """
    longest = int(n_rows.max())
    states = _mix(seeds.astype(np.uint64) << np.uint64(32) | np.uint64(epoch))
    keys = splitmix64(states, longest)
    # The row's number in the lowest bits: no two keys are equal, and the sort carries it along.
    row_bits = np.uint64((1 << longest.bit_length()) - 1)
    rows = np.arange(longest, dtype=np.uint64)
    keys = keys & ~row_bits | rows
    keys[rows >= n_rows[:, None].astype(np.uint64)] |= ~row_bits  # beyond a fit's rows: last
    keys.sort(axis=1)
    return (keys & row_bits).astype(np.intp)


def splitmix64(states: NDArray[np.uint64], n_outputs: int) -> NDArray[np.uint64]:
    """Return the first outputs of a SplitMix64 generator for each state.

    Returns
    -------
    ndarray of shape (n_states, n_outputs)
    """
    steps = np.arange(1, n_outputs + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return _mix(states[:, None] + steps)


def _mix(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    words = (words ^ words >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ words >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return words ^ words >> np.uint64(31)
