"""Which settings matter, with what chance alone would give beside it.

Two bars a parameter: how much of the differences in scores goes with it alone, and how much
with it and everything it acts together with. A bar that chance explains is grey.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tuning.analysis.chance import (
    LEVEL,
    beyond_chance,
    explained,
    groups_of,
    holm,
    p_value,
    permutations,
)
from tuning.analysis.encoding import Axis, Settings, make_axes, places_of, unit_columns
from tuning.spec import StudySpec

Array = NDArray[np.float64]

FEWEST_TRIALS = 20
_N_BOOTSTRAPS = 20
_MOST_DRAWN = 500  # trials of a bootstrap; more make it slower, hardly surer
_N_TREES = 40
_LEAST_LEAF = 2
_ROUNDING = 1e-12
NOTHING = "Scores do not depend on anything measurable."
IN_REGION = "in the region searched"


@dataclass(frozen=True)
class Effects:
    """How much each searched parameter matters, and what chance alone would give.

    Attributes
    ----------
    table : DataFrame
        Columns name, label, main, p_value (after Holm), total, total_low, total_high and
        is_grey; the largest main effect first. Totals are NaN where they are hidden: the
        trees foretell trials they have not seen worse than the mean does.
    sentence : str
        The finding.
    scope : str
        "in the region searched" where earlier scores decided what was tried; else empty.
    left_out : str
        What is not in it; empty where everything is.
    fit : float
        Share of the differences that the trees foretell, of trials they have not seen.
    """

    table: pd.DataFrame
    sentence: str
    scope: str
    left_out: str
    n_trials: int
    fit: float

    @property
    def is_grey(self) -> bool:
        """Whether no bar survives, so that the panel as a whole is grey."""
        return bool(self.table["is_grey"].all())


@dataclass(frozen=True)
class TotalEffects:
    """Share of the differences that goes with each parameter, interactions included.

    Attributes
    ----------
    means, lows, highs : ndarray of shape (n_axes,)
        Mean, 5th and 95th percentile over the bootstraps.
    fit : float
        R² on the trials that were left out of a bootstrap.
    """

    means: Array
    lows: Array
    highs: Array
    fit: float


def effects(
    spec: StudySpec,
    settings: Sequence[Settings],
    scores: Array,
    states: Sequence[str] = (),
    *,
    with_totals: bool = True,
    adaptive: bool | None = None,
) -> Effects | str:
    """Compute the effects of the searched parameters, or say why they cannot be had yet.

    Parameters
    ----------
    settings : sequence of mapping
        The searched values of each trial.
    scores : ndarray of shape (n_trials, n_repeats, n_folds)
        Larger is better; NaN where a score is missing.
    states : sequence of str, optional
        Of each trial, as Optuna names them; all are complete where it is left out.
    with_totals : bool
        The totals take most of a second; the main effects a tenth of that.
    adaptive : bool, optional
        Whether earlier scores decided what was tried; the sampler tells where it is None.
    """
    kept = finished_rows(scores, states)
    if not spec.searched:
        return "Nothing is searched, so no setting can matter."
    if len(kept) < FEWEST_TRIALS:
        needs = f"Needs {FEWEST_TRIALS} trials in the space; {len(kept)} have finished."
        return f"{needs} {left_out_sentence(scores, states)}".rstrip()
    means = scores[kept].mean(axis=(1, 2))
    if np.ptp(means) <= _ROUNDING * max(1.0, float(np.abs(means).max())):
        return f"All {len(kept)} finished trials have the same score: no setting matters."
    tried = [settings[row] for row in kept]
    axes = make_axes(spec, tried)
    places = places_of(axes, tried)
    table = main_effects(axes, places, means)
    totals = total_effects(axes, places, means) if with_totals else _no_totals(len(axes))
    table = _with_totals(table, totals)
    learned = spec.sampler.learns if adaptive is None else adaptive
    scope = IN_REGION if learned else ""
    return Effects(
        table=table.sort_values("main", ascending=False, kind="stable", ignore_index=True),
        sentence=effects_finding(table, scope),
        scope=scope,
        left_out=left_out_sentence(scores, states),
        n_trials=len(kept),
        fit=totals.fit,
    )


def finished_rows(scores: Array, states: Sequence[str] = ()) -> NDArray[np.intp]:
    """Return the trials that completed and have a score of every fold."""
    is_kept = np.isfinite(scores).all(axis=(1, 2))
    if len(states):
        is_kept &= np.array([state == "COMPLETE" for state in states], bool)
    return np.flatnonzero(is_kept)


def left_out_sentence(scores: Array, states: Sequence[str] = ()) -> str:
    """Say which trials are left out, and what that does; empty if none is.

    Trials that still train or wait are not left out: they are yet to come.
    """
    counts = Counter(states)
    is_complete = np.array([state == "COMPLETE" for state in states], bool)
    lacks = ~np.isfinite(scores).all(axis=(1, 2))
    n_lacking = int((lacks & is_complete).sum() if len(states) else lacks.sum())
    named = [
        (counts["PRUNED"], "pruned"),
        (counts["FAIL"], "failed"),
        (n_lacking, "incomplete"),
    ]
    parts = [f"{count:,} {word}" for count, word in named if count]
    if not parts:
        return ""
    n_trials = sum(count for count, _ in named)
    noun, verb, who = ("trial", "is", "it") if n_trials == 1 else ("trials", "are", "they")
    *others, last = parts
    listed = f"{', '.join(others)} and {last}" if others else last
    return f"{listed} {noun} {verb} left out; what {who} tried counts as never tried."


def main_effects(axes: Sequence[Axis], places: Array, scores: Array) -> pd.DataFrame:
    """Compute how much of the differences goes with each parameter alone.

    Parameters
    ----------
    places : ndarray of shape (n_trials, n_axes)
        Of `places_of`.
    scores : ndarray of shape (n_trials,)
        Means of the trials; not all equal.

    Returns
    -------
    DataFrame
        Columns name, label, main and p_value, in the order of the axes. The p-values come
        from permuted scores and are corrected by Holm's method over the parameters.
    """
    permuted = permutations(scores, len(axes))
    mains, p_values = [], []
    for axis, column in zip(axes, places.T, strict=True):
        groups = groups_of(column, is_category=axis.is_category)
        share = float(explained(scores, groups))
        mains.append(beyond_chance(share, int(groups.max()) + 1, len(scores)))
        p_values.append(p_value(share, explained(permuted, groups)))
    return pd.DataFrame(
        {
            "name": [axis.name for axis in axes],
            "label": [axis.label for axis in axes],
            "main": mains,
            "p_value": holm(np.array(p_values)),
        }
    )


def total_effects(axes: Sequence[Axis], places: Array, scores: Array) -> TotalEffects:
    """Compute how much of the differences goes with each parameter and its interactions.

    Extremely randomised trees learn a bootstrap of the trials. What their squared error on
    the other trials grows by when one parameter is shuffled is twice the variance that goes
    with it.

    Parameters
    ----------
    places, scores : ndarray
        As for `main_effects`.
    """
    columns, owners = unit_columns(axes, places)
    rng = np.random.default_rng(0)
    draws = [_bootstrap(columns, owners, scores, rng) for _ in range(_N_BOOTSTRAPS)]
    shares = np.array([draw.growth for draw in draws]) / (2 * scores.var())
    low, high = np.quantile(shares, (0.05, 0.95), axis=0)
    fit = 1 - sum(draw.error for draw in draws) / sum(draw.spread for draw in draws)
    return TotalEffects(shares.mean(axis=0), low, high, fit)


@dataclass(frozen=True)
class _Draw:
    """Mean squared errors on the trials that were not drawn."""

    growth: Array
    error: float
    spread: float


def _bootstrap(
    columns: Array, owners: NDArray[np.intp], scores: Array, rng: np.random.Generator
) -> _Draw:
    from sklearn.ensemble import ExtraTreesRegressor  # slow, and few pages need it

    n_trials, n_axes = len(scores), int(owners.max()) + 1
    drawn = rng.integers(n_trials, size=min(n_trials, _MOST_DRAWN))
    others = rng.permutation(np.setdiff1d(np.arange(n_trials), drawn))[:_MOST_DRAWN]
    trees = ExtraTreesRegressor(
        _N_TREES, min_samples_leaf=_LEAST_LEAF, random_state=int(rng.integers(2**31))
    ).fit(columns[drawn], scores[drawn])
    versions = np.tile(columns[others], (1 + n_axes, 1, 1))
    for axis in range(n_axes):
        own = owners == axis
        versions[1 + axis][:, own] = versions[0][rng.permutation(len(others))][:, own]
    foretold = trees.predict(versions.reshape(-1, columns.shape[1])).reshape(1 + n_axes, -1)
    errors = ((foretold - scores[others]) ** 2).mean(axis=1)
    return _Draw(errors[1:] - errors[0], float(errors[0]), float(scores[others].var()))


def _no_totals(n_axes: int) -> TotalEffects:
    nothing = np.full(n_axes, np.nan)
    return TotalEffects(nothing, nothing, nothing, np.nan)


def _with_totals(table: pd.DataFrame, totals: TotalEffects) -> pd.DataFrame:
    shown = totals if totals.fit >= 0 else _no_totals(len(table))
    survives = (table["p_value"].to_numpy() <= LEVEL) | (shown.lows > 0)
    return table.assign(
        total=shown.means, total_low=shown.lows, total_high=shown.highs, is_grey=~survives
    )


def effects_finding(table: pd.DataFrame, scope: str = "") -> str:
    """Say in one sentence what matters most.

    Parameters
    ----------
    table : DataFrame
        Of `Effects`.
    """
    shown = table[~table["is_grey"]]
    if shown.empty:
        return NOTHING
    place = int(shown[["main", "total"]].max(axis=1).to_numpy().argmax())
    first = shown.iloc[place]
    verb = "matter" if first["label"].endswith("s") else "matters"
    if first["p_value"] > LEVEL:
        part = f"{first['total']:.0%} of the differences go with it and what it acts with"
    else:
        part = f"{first['main']:.0%} of the differences go with it alone"
    where = f" {scope}" if scope else ""
    labels = shown["label"].tolist()
    more = _more(labels[:place] + labels[place + 1 :])
    return f"{capital(in_sentence(first['label']))} {verb} most{where}: {part}{more}."


def _more(labels: Sequence[str]) -> str:
    if not labels:
        return ""
    *others, last = [in_sentence(label) for label in labels]
    listed = f"{', '.join(others)} and {last}" if others else last
    verb = "matter" if others or last.endswith("s") else "matters"
    return f"; {listed} {verb} too"


def in_sentence(label: str) -> str:
    """Write a label as it stands inside a sentence."""
    return label[0].lower() + label[1:]


def capital(label: str) -> str:
    """Write a label as it begins a sentence."""
    return label[0].upper() + label[1:]
