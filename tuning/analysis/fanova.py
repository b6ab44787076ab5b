"""Functional ANOVA of a forest: how much of what it foretells goes with one parameter alone.

Unlike Optuna's, which takes minutes for 1,000 trials, it works on all leaves of a tree at once;
the tests compare the two tree by tree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuning.analysis.points import Array

_N_TREES = 64  # as Hutter, Hoos and Leyton-Brown's and Optuna's
_MOST_LEARNED = 500  # trials; more take longer and change little
_LEAST_LEAF = 2


@dataclass(frozen=True)
class Leaves:
    """The leaves of a tree over the unit cube, which they fill without overlap.

    Attributes
    ----------
    lows, highs : ndarray of shape (n_leaves, n_columns)
        Their sides, from 0 to 1.
    values : ndarray of shape (n_leaves,)
        What the tree foretells there.
    """

    lows: Array
    highs: Array
    values: Array


def fanova(places: Array, scores: Array) -> Array:
    """Return the share of a forest's variance that goes with each column alone [1]_.

    Parameters
    ----------
    places : ndarray of shape (n_trials, n_axes)
        From 0 to 1; a value of a list in the middle of its part, as `even_places` has them.
    scores : ndarray of shape (n_trials,)

    Returns
    -------
    ndarray of shape (n_axes,)
        Means over the trees, from 0 to 1; 0 throughout where the trees foretell one value.

    References
    ----------
    .. [1] Hutter, Hoos and Leyton-Brown, An efficient approach for assessing hyperparameter
       importance (ICML 2014).
    """
    from sklearn.ensemble import RandomForestRegressor  # slow, and one plot needs it

    rows = np.random.default_rng(0).permutation(len(scores))[:_MOST_LEARNED]
    forest = RandomForestRegressor(_N_TREES, min_samples_leaf=_LEAST_LEAF, random_state=0).fit(
        places[rows], scores[rows]
    )
    shares = [main_shares(leaves_of(tree.tree_)) for tree in forest.estimators_]
    mean: Array = np.mean(shares, axis=0)
    return mean


def leaves_of(tree: Any) -> Leaves:  # noqa: ANN401 (scikit-learn ships no types)
    """Return the leaves of a tree that was learned from places in the unit cube."""
    lows = np.zeros((tree.node_count, tree.n_features))
    highs = np.ones_like(lows)
    lefts, rights = tree.children_left, tree.children_right
    for node in range(tree.node_count):  # parents come before their children
        left, right, column = lefts[node], rights[node], tree.feature[node]
        if left < 0:
            continue
        lows[[left, right]], highs[[left, right]] = lows[node], highs[node]
        highs[left, column] = lows[right, column] = tree.threshold[node]
    is_leaf = lefts < 0
    return Leaves(lows[is_leaf], highs[is_leaf], tree.value[is_leaf, 0, 0])


def main_shares(leaves: Leaves) -> Array:
    """Return the share of a tree's variance that goes with each column alone."""
    widths = leaves.highs - leaves.lows
    volumes = widths.prod(axis=1)
    mean = float(volumes @ leaves.values)
    total = float(volumes @ (leaves.values - mean) ** 2)
    if total <= 0:
        return np.zeros(leaves.lows.shape[1])
    columns = range(leaves.lows.shape[1])
    return np.array([_main_variance(leaves, widths, c, mean) for c in columns]) / total


def _main_variance(leaves: Leaves, widths: Array, column: int, mean: float) -> float:
    """Return the variance of the mean over all other columns."""
    others = np.delete(widths, column, axis=1).prod(axis=1)
    weights = others * (leaves.values - mean)
    edges, places = np.unique(
        np.concatenate([leaves.lows[:, column], leaves.highs[:, column]]), return_inverse=True
    )
    # What a leaf adds to the mean begins at its low edge and ends at its high one.
    steps = np.bincount(places, np.concatenate([weights, -weights]), len(edges))
    between = np.cumsum(steps.astype(np.float64))[:-1]
    return float(np.diff(edges) @ between**2)


def shares_that_add_up(values: Sequence[float] | NDArray[np.float64]) -> Array:
    """Return values as shares of their sum; equal shares where all are zero."""
    positive = np.maximum(np.asarray(values, np.float64), 0.0)
    total = positive.sum()
    return positive / total if total else np.full(len(positive), 1 / max(len(positive), 1))
