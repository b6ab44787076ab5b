"""Importance by three methods side by side: what they agree on can be trusted more."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from tuning.analysis.chance import beyond_chance, explained, groups_of
from tuning.analysis.effects import capital, in_sentence
from tuning.analysis.fanova import fanova, shares_that_add_up
from tuning.analysis.importance import divergence
from tuning.analysis.points import Array, Points

FEWEST_TRIALS = 20
METHODS = ("fanova", "ped_anova", "effect")
_BEST_SHARE = 0.1


def importance_by_method(points: Points, sign: int) -> pd.DataFrame | str:
    """Compare three answers to which parameter matters, or say why there is none yet.

    Parameters
    ----------
    sign : int
        -1 where a smaller score is better.

    Returns
    -------
    DataFrame or str
        Columns name, label, fanova (share of what a forest foretells), ped_anova (divergence
        of the best tenth) and effect (share of the differences less chance); each adds up to
        1. The largest mean first.
    """
    if len(points) < FEWEST_TRIALS:
        return f"Needs {FEWEST_TRIALS} trials in the space; {len(points)} have finished."
    scores = sign * points.table["score"].to_numpy()
    if np.ptp(scores) == 0:
        return f"All {len(points)} finished trials have the same score: no setting matters."
    table = pd.DataFrame(
        {
            "name": [axis.name for axis in points.axes],
            "label": [axis.label for axis in points.axes],
            "fanova": shares_that_add_up(fanova(points.places, scores)),
            "ped_anova": shares_that_add_up(ped_anova(points, scores)),
            "effect": shares_that_add_up(_effects(points, scores)),
        }
    )
    order = (-table[list(METHODS)].mean(axis=1)).argsort(kind="stable")
    return table.iloc[order].reset_index(drop=True)


def ped_anova(points: Points, scores: Array) -> Array:
    """Return how far the best tenth of the trials differ from all in each parameter.

    Parameters
    ----------
    scores : ndarray of shape (n_trials,)
        Larger is better.
    """
    n_best = math.ceil(_BEST_SHARE * len(scores))
    best = np.argsort(-scores, kind="stable")[None, :n_best]
    found = []
    for column, axis in zip(points.places.T, points.axes, strict=True):
        groups = groups_of(column, is_category=axis.is_category)
        found.append(float(divergence(groups[best], np.bincount(groups))[0]))
    return np.array(found)


def _effects(points: Points, scores: Array) -> Array:
    """Return the share of the differences that goes with each parameter, less chance."""
    found = []
    for column, axis in zip(points.places.T, points.axes, strict=True):
        groups = groups_of(column, is_category=axis.is_category)
        share = float(explained(scores, groups))
        found.append(beyond_chance(share, int(groups.max()) + 1, len(scores)))
    return np.array(found)


def methods_finding(table: pd.DataFrame) -> str:
    """Say whether the methods agree on what matters most.

    Parameters
    ----------
    table : DataFrame
        Of `importance_by_method`.
    """
    firsts = [str(table["label"].iloc[int(table[name].argmax())]) for name in METHODS]
    if len(table) == 1:
        return "One parameter is searched, so all differences go with it or with chance"
    if len(set(firsts)) == 1:
        verb = "matter" if firsts[0].endswith("s") else "matters"
        return f"All three agree: {in_sentence(firsts[0])} {verb} most"
    most = max(firsts, key=firsts.count)
    if firsts.count(most) == 2:
        verb = "matter" if most.endswith("s") else "matters"
        return f"{capital(in_sentence(most))} {verb} most by two of three methods"
    return "The three methods disagree about what matters most"
