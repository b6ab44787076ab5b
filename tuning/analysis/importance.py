"""What the best trials have in common, as PED-ANOVA asks, with what chance alone would give.

Shares that add up to 1, as importances are often shown, do so even where scores are pure noise:
`tuning.analysis.effects` says instead how much each parameter matters, and how sure that is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tuning.analysis.chance import LEVEL, groups_of, holm, p_value, permutations
from tuning.analysis.effects import finished_rows, in_sentence
from tuning.analysis.encoding import Settings, make_axes, places_of
from tuning.spec import StudySpec

Array = NDArray[np.float64]

FEWEST_FOR_BEST = 300  # with 100, even a decisive parameter is seen in one study of seven
_BEST_SHARE = 0.1


def common_in_best(
    spec: StudySpec, settings: Sequence[Settings], scores: Array, states: Sequence[str] = ()
) -> pd.DataFrame | str:
    """Compute what the best tenth of the trials have in common, beyond chance; or why not.

    The divergence is that of PED-ANOVA [1]_ over bins; chance is the mean over trials picked
    by permuted scores instead of their own.

    Parameters
    ----------
    settings : sequence of mapping
        The searched values of each trial.
    scores : ndarray of shape (n_trials, n_repeats, n_folds)
        Larger is better; NaN where a score is missing.
    states : sequence of str, optional
        Of each trial, as Optuna names them; all are complete where it is left out.

    Returns
    -------
    DataFrame or str
        Columns name, label, divergence, chance, p_value (after Holm) and is_grey; the largest
        divergence beyond chance first.

    References
    ----------
    .. [1] Watanabe, Bansal and Hutter, PED-ANOVA (IJCAI 2023).
    """
    kept = finished_rows(scores, states)
    if not spec.searched:
        return "Nothing is searched, so the best trials have nothing in common."
    if len(kept) < FEWEST_FOR_BEST:
        return f"Needs {FEWEST_FOR_BEST} trials in the space; {len(kept)} have finished."
    tried = [settings[row] for row in kept]
    means = scores[kept].mean(axis=(1, 2))
    n_best = math.ceil(_BEST_SHARE * len(kept))
    axes = make_axes(spec, tried)
    best = _best_first(means[None, :])[:, :n_best]
    by_chance = _best_first(permutations(means, len(axes)))[:, :n_best]
    rows = []
    for axis, column in zip(axes, places_of(axes, tried).T, strict=True):
        groups = groups_of(column, is_category=axis.is_category)
        counts = np.bincount(groups)
        own = float(divergence(groups[best], counts)[0])
        chances = divergence(groups[by_chance], counts)
        rows.append((axis.name, axis.label, own, chances.mean(), p_value(own, chances)))
    table = pd.DataFrame(rows, columns=["name", "label", "divergence", "chance", "p_value"])
    table["p_value"] = holm(table["p_value"].to_numpy())
    table["is_grey"] = table["p_value"] > LEVEL
    order = (table["chance"] - table["divergence"]).argsort(kind="stable")
    return table.iloc[order].reset_index(drop=True)


def common_finding(table: pd.DataFrame) -> str:
    """Say in one sentence what sets the best trials apart.

    Parameters
    ----------
    table : DataFrame
        Of `common_in_best`.
    """
    labels = [in_sentence(label) for label in table.loc[~table["is_grey"], "label"]]
    if not labels:
        return "The best 10 % have nothing in common beyond chance."
    *others, last = labels
    named = f"{', '.join(others)} and {last}" if others else last
    return f"The best 10 % are alike in {named}."


def _best_first(scores: Array) -> NDArray[np.intp]:
    return np.argsort(-scores, axis=1, kind="stable")


def divergence(best: NDArray[np.intp], counts: NDArray[np.intp]) -> Array:
    """Return Pearson's divergence of the groups of the best trials from those of all.

    Parameters
    ----------
    best : ndarray of shape (n_lists, n_best)
        Groups of the best trials, in one or many lists.
    counts : ndarray of shape (n_groups,)
        Trials of each group. One is added to every count, so that none is empty.
    """
    n_lists, n_groups = len(best), len(counts)
    cells = best + n_groups * np.arange(n_lists)[:, None]
    found = np.bincount(cells.ravel(), minlength=n_lists * n_groups).reshape(n_lists, -1)
    of_best = (found + 1) / (best.shape[1] + n_groups)
    of_all = (counts + 1) / (counts.sum() + n_groups)
    values: Array = (of_all * (of_best / of_all - 1) ** 2).sum(axis=1)
    return values
