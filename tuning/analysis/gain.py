"""What tuning has gained over the default configuration, and when further gains are only luck.

The gain is paired and cross-fitted: each fold compares the default with a winner that was
chosen without it. Scores are larger-is-better; rows with a missing score are left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from tuning.analysis.intervals import (
    FEWEST_FITS,
    LEVEL,
    Array,
    Interval,
    Kind,
    correction,
    flag_of,
    half_width,
)
from tuning.analysis.winner import (
    complete_rows,
    first_best,
    hidden_optimism,
    honest_score,
    other_folds,
    scores_of_winners,
    why_not_honest,
    within_bounds,
)
from tuning.digits import decimals

OVERTUNING = "The last improvements are smaller than what luck alone gives."
N_POINTS = 40  # of the lines over trials
_FEWEST_RUNNING = 10  # trials before a running search claims anything
_FEWEST_OVERTUNED = 30


@dataclass(frozen=True)
class Gain:
    """How much better than the default the winner of a study is on new data.

    Attributes
    ----------
    interval : Interval
        Around the gain, in units of the score.
    optimism : float
        How much of the winner's own score is luck of having been chosen.
    beats_default : bool
        Whether tuning may be said to beat the default: the lower end is above 0.
    overtuning_likely : bool
        Whether more of the winner's score is luck than gain.
    sentence : str
        The gain with its interval, and whether it is shown.
    """

    interval: Interval
    optimism: float
    beats_default: bool
    overtuning_likely: bool
    sentence: str


@dataclass(frozen=True)
class Progress:
    """Two lines over the trials of a search; arrays of shape (n_points,).

    Attributes
    ----------
    row : ndarray
        Row that finished last at each point.
    cv : ndarray
        Best mean so far.
    honest, low, high : ndarray
        Honest score of the winner so far, and its interval.
    """

    row: NDArray[np.intp]
    cv: Array
    honest: Array
    low: Array
    high: Array


def gain_over_default(
    scores: Array, default: int = 0, *, is_adaptive: bool = False, is_running: bool = False
) -> Gain | str:
    """Estimate what tuning has gained over the default, or say why that cannot be told.

    Comparing the default with the winner's own scores would claim a gain in up to a quarter
    of studies that have none, and the more repeats the more often. Overtuning, a final choice
    that is worse than an earlier one [1]_, cannot be seen without new rows; that luck exceeds
    gain is its visible shadow.

    Parameters
    ----------
    scores : ndarray of shape (n_trials, n_repeats, n_folds)
        NaN where missing.
    default : int
        Row of the default configuration, scored on the same folds as all others.
    is_adaptive : bool
        Whether trials were proposed after others had been scored.
    is_running : bool
        Whether more trials will come; the first few claim nothing then.

    References
    ----------
    .. [1] Schneider, Bischl and Feurer, "Overtuning in hyperparameter optimization" (2025),
       arXiv 2506.19540. Rates of false claims by simulation: docs/trust.md, section 5.
    """
    _, n_repeats, n_folds = scores.shape
    n_trials = len(complete_rows(scores))
    if not np.isfinite(scores[default]).all():
        return "The default configuration lacks a score, so nothing can be compared with it."
    if n_repeats * n_folds < FEWEST_FITS:
        return f"{n_repeats * n_folds} fits a trial: a gain takes {FEWEST_FITS}."
    if is_running and n_trials < _FEWEST_RUNNING:
        return f"A gain takes {_FEWEST_RUNNING} finished trials; {n_trials} so far."
    found = honest_score(scores, is_adaptive=is_adaptive)
    if isinstance(found, str):
        return found

    gains = scores_of_winners(scores, found.winners) - scores[default]
    hidden = hidden_optimism(found.cv, found.cross_fitted) if is_adaptive else 0.0
    gain = float(gains.mean() - hidden)
    df = gains.size - 1
    half = half_width(float(gains.var(ddof=1)), df, correction(n_folds, n_repeats))
    method, flag = found.interval.method, flag_of(df)
    return Gain(
        interval=Interval(gain, gain - half, gain + half, df, method, flag),
        optimism=found.optimism,
        beats_default=gain > half,
        overtuning_likely=n_trials >= _FEWEST_OVERTUNED and found.optimism > gain,
        sentence=_sentence(gain, half),
    )


def _sentence(gain: float, half: float) -> str:
    shown, low, high = (
        f"{value:+.{decimals(half)}f}" for value in (gain, gain - half, gain + half)
    )
    verdict = "shown" if gain > half else "not shown"
    return f"Tuning over the default: {shown} [{low}, {high}]: {verdict}."


def progress(
    scores: Array,
    *,
    kind: Kind = "other",
    is_adaptive: bool = False,
    n_points: int = N_POINTS,
) -> Progress | str:
    """Follow the best score and the honest one over the trials, or say why that cannot be.

    Parameters
    ----------
    scores : ndarray of shape (n_trials, n_repeats, n_folds)
        In the order the trials finished; rows with a missing score are passed over.
    kind : {"share", "mean", "bounded", "other"}
        As for `honest_score`.
    n_points : int
        At most so many points, evenly over the trials, the first and the last among them.
    """
    rows = complete_rows(scores)
    reason = why_not_honest(scores)
    if reason is not None:
        return reason
    compared = scores[rows]
    _, n_repeats, n_folds = compared.shape
    last = np.unique(np.linspace(0, len(rows) - 1, n_points).round().astype(np.intp))
    winners = [best_so_far(other_folds(compared[:, a]), last) for a in range(n_repeats)]
    values = np.stack(
        [scores_of_winners(compared, chosen).ravel() for chosen in np.stack(winners, axis=1)]
    )

    cv = np.maximum.accumulate(compared.mean(axis=(1, 2)))[last]
    crossed = values.mean(axis=1)
    hidden = hidden_optimism(cv, crossed) if is_adaptive else 0.0
    honest = np.minimum(crossed - hidden, cv)
    factor = correction(n_folds, n_repeats)
    critical = float(stdtrit(values.shape[1] - 1, (1 + LEVEL) / 2))
    half = critical * math.sqrt(factor) * values.std(axis=1, ddof=1)
    low, high = within_bounds(honest - half, honest + half, kind)
    return Progress(rows[last], cv, honest, low, high)


def best_so_far(values: Array, last: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the first place of the best value up to each of some places.

    Parameters
    ----------
    values : ndarray of shape (n_folds, n_trials)
    last : ndarray of shape (n_points,)
        Places along the last axis, ascending.

    Returns
    -------
    ndarray of shape (n_points, n_folds)
    """
    best, places = values[..., :1], np.zeros(values.shape[:-1], np.intp)
    found, start = [], 0
    for end in last + 1:
        part = np.concatenate([best, values[..., start:end]], axis=-1)
        first = first_best(part)
        places = np.where(first == 0, places, start + first - 1)
        best = np.take_along_axis(part, first[..., np.newaxis], axis=-1)
        found.append(places)
        start = end
    return np.stack(found)
