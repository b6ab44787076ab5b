"""What chance alone would give: shares of variance, permuted scores, and several p-values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Groups = NDArray[np.intp]

LEVEL = 0.05  # of false alarms, over all parameters of a study together
N_PERMUTATIONS = 200
_PERMUTATIONS_A_PARAMETER = 20  # fewer, and no p-value could survive Holm's correction
_FEWEST_GROUPS, _MOST_GROUPS = 3, 8
_ROUNDING = 1e-12


def groups_of(places: Array, *, is_category: bool) -> Groups:
    """Put trials into groups by their value: each value by itself, or bins of equal counts.

    Returns
    -------
    ndarray of shape (n_trials,)
        Group of each trial, counted from 0 without gaps.
    """
    distinct, own = np.unique(places, return_inverse=True)
    n_groups = round(float(np.clip(np.sqrt(len(places)) / 1.5, _FEWEST_GROUPS, _MOST_GROUPS)))
    if is_category or len(distinct) <= n_groups:
        return np.asarray(own, dtype=np.intp)
    edges = np.quantile(places, np.linspace(0, 1, n_groups + 1)[1:-1])
    found = np.searchsorted(np.unique(edges), places, side="right")
    return np.asarray(np.unique(found, return_inverse=True)[1], dtype=np.intp)


def explained(scores: Array, groups: Groups) -> Array:
    """Return the share of the variance of scores that lies between groups, η².

    Parameters
    ----------
    scores : ndarray of shape (..., n_trials)
        One or many lists of scores; not all equal.
    groups : ndarray of shape (n_trials,)
        Of `groups_of`.
    """
    lists = np.atleast_2d(scores)
    centred = lists - lists.mean(axis=1, keepdims=True)
    counts = np.bincount(groups)
    if len(counts) == 1:  # rounding must not make one of many zeros the largest
        return np.zeros(scores.shape[:-1])
    cells = groups + len(counts) * np.arange(len(lists))[:, None]
    sums = np.bincount(cells.ravel(), centred.ravel(), len(lists) * len(counts))
    between = (sums.reshape(len(lists), -1) ** 2 / counts).sum(axis=1)
    shares: Array = between / (centred**2).sum(axis=1)
    return shares.reshape(scores.shape[:-1])


def beyond_chance(share: float, n_groups: int, n_trials: int) -> float:
    """Return a share of variance less what chance explains; 0 where that is all.

    Groups of any sizes explain (groups − 1) / (trials − 1) of the variance on average over
    all orders of the scores, so that no order has to be drawn for it.
    """
    chance = (n_groups - 1) / (n_trials - 1)
    return max((share - chance) / (1 - chance), 0.0) if chance < 1 else 0.0


def permutations(scores: Array, n_axes: int) -> Array:
    """Return the scores in many random orders, enough for a p-value to survive `holm`."""
    n_orders = max(N_PERMUTATIONS, _PERMUTATIONS_A_PARAMETER * n_axes)
    rng = np.random.default_rng(0)  # the same study always shows the same panel
    return rng.permuted(np.tile(scores, (n_orders, 1)), axis=1)


def p_value(observed: float, by_chance: Array) -> float:
    """Return how often chance gives as much as was observed, which is one of its draws."""
    n_as_large = int((by_chance >= observed * (1 - _ROUNDING)).sum())
    return (1 + n_as_large) / (1 + len(by_chance))


def holm(p_values: Array) -> Array:
    """Correct p-values for being several [1]_.

    References
    ----------
    .. [1] S. Holm, A simple sequentially rejective multiple test procedure, *Scandinavian
       Journal of Statistics* 6 (1979).
    """
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1.0)
    return corrected
