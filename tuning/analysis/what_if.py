"""What a setting nobody has tried would probably score, with an interval that keeps its word.

Trees learn the tried trials. The interval is made of their errors on trials they have not
seen, and where nothing near was tried there is none: "don't know".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuning.analysis.effects import finished_rows
from tuning.analysis.encoding import Axis, Settings, make_axes, places_of, unit_columns
from tuning.analysis.intervals import KINDS
from tuning.spec import StudySpec

Array = NDArray[np.float64]

FEWEST_TRIALS = 30  # a 95 % interval needs 19 errors at least, and its ends a few more
_MOST_LEARNED = 1000  # trials the trees learn: a second of fitting
_N_TREES = 100
_LEAST_LEAF = 2
_MOST_MEASURED = 1000  # trials whose nearest neighbour is looked for
_NEAR_SHARE = 0.95  # of the tried trials have another one this near
_N_NEAREST = 3
_SAME = 1e-9  # a distance below this is rounding


@dataclass(frozen=True)
class Nearest:
    """A tried trial, and how far it lies from what was asked."""

    number: int
    score: float
    distance: float


@dataclass(frozen=True)
class Prediction:
    """What a setting would probably score.

    Attributes
    ----------
    is_known : bool
        Whether something near was tried; without it score and intervals are NaN.
    within_90, within_95 : (float, float)
        Where 90 % and 95 % of trials with such settings have their score, the mean over
        their fits.
    nearest : tuple of Nearest
        The tried trials that come nearest, the nearest first.
    sentence : str
        Empty where the prediction speaks for itself.
    """

    is_known: bool
    score: float
    within_90: tuple[float, float]
    within_95: tuple[float, float]
    nearest: tuple[Nearest, ...]
    sentence: str


@dataclass(frozen=True)
class WhatIf:
    """What was learned from the tried trials; made by `make_what_if`.

    Attributes
    ----------
    radius : float
        Largest distance in unit space that counts as near.
    limits : (float, float)
        Between which every score lies.
    """

    axes: tuple[Axis, ...]
    columns: Array
    numbers: NDArray[np.intp]
    scores: Array
    radius: float
    limits: tuple[float, float]
    trees: tuple[Any, ...]
    unseen: Array
    errors: Array

    def predict(self, settings: Settings) -> Prediction:
        """Foretell the score of one setting.

        Near means: no further from a tried trial than 95 % of the tried trials are from the
        one nearest to them. The errors of the interval were made at such distances, and
        tell nothing about longer ones.
        """
        places = places_of(self.axes, [settings])
        point = unit_columns(self.axes, places)[0]
        nearest = self._nearest(point)
        is_new = any(
            axis.is_category and place < 0
            for axis, place in zip(self.axes, places[0], strict=True)
        )
        if is_new or nearest[0].distance > self.radius + _SAME:
            nothing = (np.nan, np.nan)
            sentence = (
                "Don't know: nothing near was tried. "
                + f"Trial {nearest[0].number} comes nearest."
            )
            return Prediction(False, np.nan, nothing, nothing, nearest, sentence)
        leaves = point.astype(np.float32)
        foretold = np.array([tree.predict(leaves, check_input=False)[0] for tree in self.trees])
        without_each = self.unseen @ foretold
        score = float(np.clip(foretold.mean(), *self.limits))
        return Prediction(
            is_known=True,
            score=score,
            within_90=self._within(without_each, 0.1),
            within_95=self._within(without_each, 0.05),
            nearest=nearest,
            sentence="",
        )

    def _nearest(self, point: Array) -> tuple[Nearest, ...]:
        distances = np.sqrt(((self.columns - point) ** 2).sum(axis=1))
        rows = np.argsort(distances, kind="stable")[:_N_NEAREST]
        return tuple(
            Nearest(int(self.numbers[row]), float(self.scores[row]), float(distances[row]))
            for row in rows
        )

    def _within(self, without_each: Array, miss: float) -> tuple[float, float]:
        rank = int(miss * (len(self.errors) + 1)) - 1
        low = np.partition(without_each - self.errors, rank)[rank]
        high = -np.partition(-(without_each + self.errors), rank)[rank]
        low, high = np.clip((low, high), *self.limits)
        return float(low), float(high)


def make_what_if(
    spec: StudySpec,
    settings: Sequence[Settings],
    scores: Array,
    states: Sequence[str] = (),
    *,
    numbers: Sequence[int] | None = None,
    limits: tuple[float, float] = (-np.inf, np.inf),
) -> WhatIf | str:
    """Learn what was tried, or say why too little was.

    The interval is the jackknife+ after bootstrap [1]_: each tried trial is foretold by the
    trees that have not seen it, and lends its error to what those same trees say of the new
    setting. It holds as often as it says for settings drawn like those that were tried, and
    at the very least 1 − 2 × the rate of misses it allows. Trials that a sampler chose by
    earlier scores are not drawn alike, so that there it is a guide.

    Parameters
    ----------
    settings : sequence of mapping
        The searched values of each trial.
    scores : ndarray of shape (n_trials, n_repeats, n_folds)
        Larger is better; NaN where a score is missing.
    states : sequence of str, optional
        Of each trial, as Optuna names them; all are complete where it is left out.
    numbers : sequence of int, optional
        Of the trials; the place of each where it is left out.
    limits : (float, float)
        Between which every score lies, as `limits_of`.

    References
    ----------
    .. [1] Kim, Xu and Barber, Predictive inference is free with the jackknife+-after-bootstrap
       (NeurIPS 2020).
    """
    kept = finished_rows(scores, states)
    if not spec.searched:
        return "Nothing is searched, so there is nothing to ask."
    if len(kept) < FEWEST_TRIALS:
        return f"Needs {FEWEST_TRIALS} trials in the space; {len(kept)} have finished."
    tried = [settings[row] for row in kept]
    axes = make_axes(spec, tried)
    columns, _ = unit_columns(axes, places_of(axes, tried))
    means = scores[kept].mean(axis=(1, 2))
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(kept))[:_MOST_LEARNED]
    trees, unseen, errors = _learned(columns[rows], means[rows])
    radius = _radius(columns, rng.permutation(len(kept))[:_MOST_MEASURED])
    own = kept if numbers is None else np.array(numbers, dtype=np.intp)[kept]
    return WhatIf(axes, columns, own, means, radius, limits, trees, unseen, errors)


def limits_of(score: str) -> tuple[float, float]:
    """Return the ends of a score that is larger-is-better: a loss is negated for that."""
    if score == "r2":
        return -math.inf, 1.0
    return (0.0, 1.0) if KINDS[score] in {"share", "bounded"} else (-math.inf, 0.0)


def _learned(columns: Array, scores: Array) -> tuple[tuple[Any, ...], Array, Array]:
    """Fit the trees, and find the error of each trial by those that have not seen it.

    Returns
    -------
    trees : tuple
        The fitted trees.
    unseen : ndarray of shape (n_trials, n_trees)
        Weights that add up to 1 over the trees that have not seen a trial.
    errors : ndarray of shape (n_trials,)
        Absolute errors.
    """
    from sklearn.ensemble import ExtraTreesRegressor  # slow, and one tab needs it

    forest = ExtraTreesRegressor(
        _N_TREES, min_samples_leaf=_LEAST_LEAF, bootstrap=True, random_state=0
    ).fit(columns, scores)
    unseen = np.ones((len(scores), _N_TREES))
    for tree, drawn in enumerate(forest.estimators_samples_):
        unseen[drawn, tree] = 0.0
    leaves = columns.astype(np.float32)
    trees = tuple(forest.estimators_)
    foretold = np.column_stack([tree.predict(leaves, check_input=False) for tree in trees])
    n_unseen = unseen.sum(axis=1, keepdims=True)
    is_judged = n_unseen[:, 0] > 0
    unseen = unseen[is_judged] / n_unseen[is_judged]
    errors = np.abs((unseen * foretold[is_judged]).sum(axis=1) - scores[is_judged])
    return trees, unseen, errors


def _radius(columns: Array, rows: NDArray[np.intp]) -> float:
    """Return the distance within which most tried trials have another one."""
    from sklearn.neighbors import NearestNeighbors  # slow, and one tab needs it

    distances, _ = NearestNeighbors(n_neighbors=2).fit(columns).kneighbors(columns[rows])
    return float(np.quantile(distances[:, 1], _NEAR_SHARE, method="higher"))
