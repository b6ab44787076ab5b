"""What the winner of a search really scores, now that it was chosen for scoring best.

The best of many scores is too good by selection alone. The honest score lets each fold be
scored by a winner that was chosen without it; a sealed test is exact and wide; the best by luck
alone is what equally good trials would have shown. Scores are larger-is-better; rows with a
missing score are left out, and ties go to the lowest row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.special import log_ndtr
from scipy.stats import binomtest, norm

from tuning.analysis.intervals import (
    LEVEL,
    TOO_FEW_FOLDS,
    Array,
    Interval,
    Kind,
    correction,
    flag_of,
    half_width,
)

FEWEST_FITS = 4  # for an honest score; with fewer, its own spread says next to nothing
ADAPTIVE_SHARE = 0.5  # of the optimism that shows, still hidden in a search that learns
_SAME = 1e-12  # relative; sums of the same numbers in another order differ by less
_FEWEST_NOISE_TRIALS = 5  # that the noise is estimated from, if there are so many


@dataclass(frozen=True)
class HonestScore:
    """What the winner of a study is expected to score on new data.

    Attributes
    ----------
    winner : int
        Row of the trial with the best mean.
    cv : float
        Its mean, which is too good because it was chosen by it.
    cross_fitted : float
        Mean score of winners on folds they were not chosen by.
    interval : Interval
        Around the score to show: never above `cv`, and for an adaptive search lower than
        `cross_fitted`.
    winners : ndarray of shape (n_repeats, n_folds)
        Row chosen without each fold.
    is_adaptive : bool
        Whether trials were proposed after others had been scored; the score is approximate.
    """

    winner: int
    cv: float
    cross_fitted: float
    interval: Interval
    winners: NDArray[np.intp]
    is_adaptive: bool

    @property
    def honest(self) -> float:
        """Score to show as the headline of a study."""
        return self.interval.mean

    @property
    def optimism(self) -> float:
        """How much of the winner's score is luck of having been chosen; never negative."""
        return self.cv - self.honest


@dataclass(frozen=True)
class SealedTest:
    """Score on rows the search never saw, and its interval.

    Attributes
    ----------
    level : float
        Of the interval; rises with each opening, since a choice may have followed each.
    label : str
        How often the test was opened; empty the first time.
    """

    score: float
    low: float
    high: float
    level: float
    label: str


@dataclass(frozen=True)
class Luck:
    """What the best of a study would show, `expected`, if all its trials were equally good.

    `middle` is the median of the trials' means, `noise` their standard deviation by chance.
    """

    n_trials: int
    middle: float
    noise: float
    expected: float


def complete_rows(scores: Array) -> NDArray[np.intp]:
    """Return the rows that have every score; only these can be compared."""
    return np.flatnonzero(np.isfinite(scores).all(axis=(1, 2)))


def best_row(scores: Array) -> int:
    """Return the lowest of the complete rows with the best mean; at least one is complete."""
    rows = complete_rows(scores)
    return int(rows[first_best(scores[rows].mean(axis=(1, 2)))])


def first_best(values: Array) -> NDArray[np.intp]:
    """Return the first place along the last axis whose value no other clearly exceeds."""
    best = values.max(axis=-1, keepdims=True)
    places: NDArray[np.intp] = np.argmax(values >= best - _SAME * np.abs(best), axis=-1)
    return places


def other_folds(scores: Array) -> Array:
    """Sum, for every fold, each trial's scores on the other folds of one repeat.

    The sums run up to the fold and down to it. Taking its score off the sum of all would let
    one diverged loss of 1e20 swallow the others, and its trial would win that fold.

    Parameters
    ----------
    scores : ndarray of shape (n_trials, n_folds)
        Of one repeat, without missing values.

    Returns
    -------
    ndarray of shape (n_folds, n_trials)
        In units of the score.
    """
    by_fold = np.ascontiguousarray(scores.T)
    n_folds, n_trials = by_fold.shape
    sums = np.zeros_like(by_fold)
    for order in (range(n_folds), reversed(range(n_folds))):
        passed = np.zeros(n_trials)
        for fold in order:
            sums[fold] += passed
            passed += by_fold[fold]
    return sums


def cross_fitted_winners(scores: Array) -> NDArray[np.intp]:
    """Choose a winner for every fold by the other folds of the same repeat.

    Other repeats have no say: their folds contain rows of the one to be scored, and a choice
    by them is as optimistic as one by the fold itself.

    Parameters
    ----------
    scores : ndarray of shape (n_trials, n_repeats, n_folds)
        NaN where missing; at least one row is complete, and there are two folds or more.

    Returns
    -------
    ndarray of shape (n_repeats, n_folds)
        Rows of the winners.
    """
    rows = complete_rows(scores)
    repeats = [first_best(other_folds(scores[rows, a])) for a in range(scores.shape[1])]
    return rows[np.stack(repeats)]


def scores_of_winners(scores: Array, winners: NDArray[np.intp]) -> Array:
    """Return what the winner of each fold scores on it; shape (n_repeats, n_folds)."""
    picked: Array = np.take_along_axis(scores, winners[np.newaxis], axis=0)[0]
    return picked


def honest_score(
    scores: Array, *, kind: Kind = "other", is_adaptive: bool = False
) -> HonestScore | str:
    """Estimate what the winner scores on new data, or say why that cannot be told.

    This is selection repeated without each fold in turn [1]_, with no training beyond the
    search itself. A search that proposes trials after seeing scores has spread what it saw
    over all folds, and keeps about a third of the optimism; as much again as half of what
    showed is taken off for it.

    Parameters
    ----------
    scores : ndarray of shape (n_trials, n_repeats, n_folds)
        Of finished trials; rows with a missing score are left out.
    kind : {"share", "mean", "bounded", "other"}
        The interval of a share or a bounded score ends at 0 and 1.
    is_adaptive : bool
        Whether trials were proposed after others had been scored.

    References
    ----------
    .. [1] Tsamardinos, Greasidou and Borboudakis, "Bootstrapping the out-of-sample
       predictions for efficient and accurate cross-validation", *Machine Learning* 107
       (2018), fold by fold. Bias and coverage by simulation: docs/trust.md, section 4.
    """
    reason = why_not_honest(scores)
    if reason is not None:
        return reason
    _, n_repeats, n_folds = scores.shape
    winner, winners = best_row(scores), cross_fitted_winners(scores)
    values = scores_of_winners(scores, winners)
    cv, crossed, df = float(scores[winner].mean()), float(values.mean()), values.size - 1
    hidden = float(hidden_optimism(cv, crossed)) if is_adaptive else 0.0
    shown = min(crossed - hidden, cv)
    half = half_width(float(values.var(ddof=1)), df, correction(n_folds, n_repeats))
    low, high = within_bounds(shown - half, shown + half, kind)
    method = "cross-fitted, approximate" if is_adaptive else "cross-fitted"
    flag = TOO_FEW_FOLDS if n_folds == 2 else flag_of(df)
    interval = Interval(shown, float(low), float(high), df, method, flag)
    return HonestScore(winner, cv, crossed, interval, winners, is_adaptive)


def why_not_honest(scores: Array) -> str | None:
    """Say why a study has no honest score; None if it has one."""
    _, n_repeats, n_folds = scores.shape
    if n_folds < 2:
        return "One fold: a winner cannot be chosen without it."
    if n_repeats * n_folds < FEWEST_FITS:
        return f"{n_repeats * n_folds} fits a trial: an honest score takes {FEWEST_FITS}."
    if not len(complete_rows(scores)):
        return "No trial has all its scores."
    return None


def hidden_optimism(cv: Array | float, cross_fitted: Array | float) -> Array:
    """Return the optimism of an adaptive search that cross-fitting does not see."""
    return ADAPTIVE_SHARE * np.maximum(np.subtract(cv, cross_fitted), 0.0)


def within_bounds(low: Array | float, high: Array | float, kind: Kind) -> tuple[Array, Array]:
    """End intervals at 0 and 1 where the score does."""
    is_bounded = kind in ("share", "bounded")
    least, most = (0.0, 1.0) if is_bounded else (-math.inf, math.inf)
    return np.maximum(low, least), np.minimum(high, most)


def sealed_level(n_openings: int) -> float:
    """Return the level of each interval on rows that were opened so often.

    Each opening may have led to another choice, so that all intervals together keep 95 % only
    if each has 1 - 0.05 / n_openings [1]_.

    References
    ----------
    .. [1] Blum and Hardt, "The Ladder", ICML (2015), arXiv 1502.04585, on why openings count;
       the level is Bonferroni's.
    """
    return 1 - (1 - LEVEL) / n_openings


def sealed_label(n_openings: int) -> str:
    """Say how often rows were opened; empty the first time."""
    return f"opened {n_openings} times" if n_openings > 1 else ""


def sealed_test(
    score: float, n_rows: int, row_variance: float | None = None, *, n_openings: int = 1
) -> SealedTest:
    """Give the interval of a score on rows the search never saw.

    Parameters
    ----------
    score : float
        Share of right rows, or a mean over rows.
    n_rows : int
        Of the sealed test.
    row_variance : float, optional
        Between single rows, of a mean; without it the score is a share and has Wilson's
        interval.
    n_openings : int
        How often the test has been opened, this time included: see `sealed_level`.
    """
    level, label = sealed_level(n_openings), sealed_label(n_openings)
    if row_variance is None:
        n_right = round(score * n_rows)
        ends = binomtest(n_right, n_rows).proportion_ci(level, method="wilson")
        return SealedTest(score, float(ends.low), float(ends.high), level, label)
    width = float(norm.ppf(0.5 + level / 2)) * math.sqrt(row_variance / n_rows)
    return SealedTest(score, score - width, score + width, level, label)


def rows_to_seal(wanted_half_width: float, share: float = 0.8) -> int:
    """Return how many sealed rows tell a share of right rows this closely, at 95 %."""
    z = float(norm.ppf(0.5 + LEVEL / 2))
    return math.ceil(z**2 * share * (1 - share) / wanted_half_width**2)


@lru_cache(maxsize=1024)
def expected_maximum(n: int) -> float:
    """Return the mean of the largest of n independent standard normal numbers.

    The integral of P(max > x) over positive x minus that of P(max < x) over negative x [1]_.

    References
    ----------
    .. [1] David and Nagaraja, *Order Statistics*, 3rd ed. (2003), section 3.1.
    """
    above, _ = quad(lambda x: -math.expm1(n * log_ndtr(x)), 0, 12, limit=200)
    below, _ = quad(lambda x: math.exp(n * log_ndtr(x)), -12, 0, limit=200)
    return float(above - below)


def best_by_luck(scores: Array) -> Luck | str:
    """Estimate what the best trial would show if all were equally good, or say why not.

    The median of the trials' means, plus the expected maximum of as many normal numbers times
    the noise of a mean [1]_. That noise is the study's own: what each trial's mean and each
    fold's leave of the scores. All of it is taken to be luck of the rows, which repeats cannot
    shrink; the widening that intervals have would overstate it by half at one repeat. The
    better half of the trials tells it, so that diverged ones do not enter. Trials that
    resemble each other differ less: for them the figure is an upper bound (Slepian).

    References
    ----------
    .. [1] Bailey and López de Prado, "The deflated Sharpe ratio", *Journal of Portfolio
       Management* 40 (2014), for the idea.
    """
    compared = scores[complete_rows(scores)]
    n_trials, _, n_folds = compared.shape
    if n_trials < 2:
        return "One trial: nothing was chosen, so there is no luck in it."
    if n_folds < 2:
        return "One fold: the noise of a trial's score cannot be told."
    means = compared.mean(axis=(1, 2))
    n_used = max(n_trials // 2, min(n_trials, _FEWEST_NOISE_TRIALS))
    used = compared[np.argsort(-means, kind="stable")[:n_used]].reshape(n_used, -1)
    rest = used - used.mean(axis=1, keepdims=True) - used.mean(axis=0) + used.mean()
    n_fits = used.shape[1]
    noise = math.sqrt(float((rest**2).sum()) / ((n_used - 1) * n_fits * (n_folds - 1)))
    middle = float(np.median(means))
    return Luck(n_trials, middle, noise, middle + expected_maximum(n_trials) * noise)
