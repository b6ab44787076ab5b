"""Which trial leads, whether it is the only best, and which trials are tied with it.

Two statements, two corrections. The leader is the only best where every gap to it passes one
two-sided test, with no correction for the number of trials, however many there are [1]_. A
trial is out of the running where its gap passes Dunnett's quantile, which grows with their
number [2]_. A trial with a missing fit is not compared, and never worse.

.. [1] Gutmann and Maymin, *Is the selected population the best?*, Annals of Statistics 15
   (1987); Hung and Fithian, *Rank verification for exponential families*, arXiv 1610.03944.
.. [2] Hsu, *Constrained simultaneous confidence intervals for multiple comparisons with the
   best*, Annals of Statistics 12 (1984).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from tuning.analysis.intervals import (
    FEWEST_FITS,
    Array,
    Interval,
    correction_of,
    flag_of,
    half_width,
)
from tuning.analysis.moderated import dunnett as dunnett
from tuning.analysis.moderated import shrunk_variances as shrunk_variances

BADGE_LEVEL = 0.96  # a look; for what those of a search and its race add up to, docs/trust.md
DIFFERENT_FOLDS = "The default and the leader were scored on different folds."
_FEWEST_RUNNING = 10  # trials: a badge tested from the second one on goes to chance too often
_MOST_FAILED = 0.1
_N_DIGITS = 12  # of the leader's scores: a difference below them is rounding
_POWER = 2.8  # standard errors of a gap that is seen 4 times out of 5
_HOPELESS = 2.1  # standard errors of a gap that would not pass even without split noise


@dataclass(frozen=True)
class Ranking:
    """Who leads a study and who is tied with it; arrays of shape (n_trials,), rows as given.

    Attributes
    ----------
    leader, runner_up : int or None
        Rows with the best and the second best mean; the lowest row of several.
    badge : bool
        Whether the leader is the only best.
    is_compared : ndarray of bool
        Rows that have all their fits. The others are NaN below, and 0 in `ranks`.
    tied : ndarray of bool
        Rows that may be the best, the leader among them; the leader alone with a badge.
    gap, error : ndarray
        How far the leader is ahead, and the standard error of that.
    gap_low, gap_high : ndarray
        The interval of the gap. It reaches down to 0 exactly where a row is tied.
    t : ndarray
        Gaps in standard errors; 0 for the leader.
    ranks : ndarray of int
        1 for all that are tied; the others follow by their mean, equal means sharing a rank.
    crit_badge, crit_set, df : float
        What every `t` must pass for a badge; Dunnett's quantile; their degrees of freedom.
    runner_up_gap : Interval or None
        Of this pair alone, at 95%.
    need_rows : float or None
        Rows with which this gap, or the smallest one worth having, would probably be seen.
    repeats_cannot_separate : bool
        Whether no number of repeats would tell the leader from the runner-up.
    can_tell : bool
        False where none of this may be claimed; `reason` says why.
    """

    leader: int | None
    badge: bool
    is_compared: NDArray[np.bool_]
    tied: NDArray[np.bool_]
    gap: Array
    error: Array
    gap_low: Array
    gap_high: Array
    t: Array
    ranks: NDArray[np.intp]
    crit_badge: float
    crit_set: float
    df: float
    runner_up: int | None = None
    runner_up_gap: Interval | None = None
    need_rows: float | None = None
    repeats_cannot_separate: bool = False
    can_tell: bool = True
    reason: str | None = None


def rank(
    scores: Array,
    n_rows: int | None = None,
    *,
    is_running: bool = False,
    share_failed: float = 0.0,
    rope: float = 0.0,
    test_ratio: float | None = None,
) -> Ranking:
    """Find the leader of a study, whether it is the only best, and who is tied with it.

    Parameters
    ----------
    scores : ndarray of shape (n_trials, n_repeats, n_folds)
        Larger is better; NaN where a fit is missing.
    n_rows : int or None
        Rows that are split, for `need_rows`.
    share_failed : float
        Of all trials, from 0 to 1.
    rope : float
        The smallest difference worth having, in units of the score.
    test_ratio : float or None
        Rows that score over rows that train, for splits other than cross-validation.

    Returns
    -------
    Ranking
        It cannot tell with fewer than 2 trials or `FEWEST_FITS` fits of each, while a search
        runs with fewer than 10, and where more than 10% of the trials failed. What it has
        computed is there all the same.

    Notes
    -----
    Dunnett's quantile falls short of the test for the badge with two or three trials. A row
    must then pass that one to leave, or the leader could be left alone without a badge. With
    a badge, the intervals of the gaps are those of its test.
    """
    n_trials, n_repeats, n_folds = scores.shape
    n_fits = n_repeats * n_folds
    fits = scores.reshape(n_trials, n_fits)
    factor = correction_of(n_fits, n_folds, test_ratio)
    is_compared = np.asarray(np.isfinite(fits).all(axis=1))
    leader, gap = _gaps(fits, is_compared)
    error, df = _errors(fits, gap, leader, factor)
    ranking = _judge(gap, error, df, leader)
    n_compared = int(is_compared.sum())
    if n_compared > 1:
        ranking = _with_runner_up(ranking, 1 - 1 / (n_fits * factor), n_rows, rope)
    reason = _why_never(n_compared, n_fits, factor) or _why_not_yet(
        n_compared, is_running, share_failed
    )
    return withhold(ranking, reason) if reason else ranking


def gap_to(leader: Array, other: Array, n_trials: int) -> tuple[float, float, float]:
    """Return how far the leader of a study is ahead of one of its trials, with the interval.

    As wide as `rank` makes it beside all the others, for scores that they do not have.

    Parameters
    ----------
    leader, other : ndarray of shape (n_repeats, n_folds)
        Larger is better; without gaps.
    n_trials : int
        Among which the leader was found.

    Returns
    -------
    gap, gap_low, gap_high : float
        Below 0 where the leader is behind in these scores.
    """
    pair = rank(np.stack([leader, other]))
    gap = float(leader.mean() - other.mean())
    critical = max(pair.crit_badge, dunnett(n_trials - 1, pair.df))
    half = critical * float(pair.error.max())
    return gap, gap - half, gap + half


def withhold(ranking: Ranking, reason: str) -> Ranking:
    """Take back what a ranking claims: no badge, and the tied set as it is without one.

    For what its scores cannot show by themselves, such as `DIFFERENT_FOLDS`.
    """
    without = _judge(
        ranking.gap, ranking.error, ranking.df, ranking.leader, may_have_badge=False
    )
    return replace(
        ranking,
        badge=False,
        tied=without.tied,
        gap_low=without.gap_low,
        gap_high=without.gap_high,
        ranks=without.ranks,
        can_tell=False,
        reason=reason,
    )


def need_rows(n_rows: int, floor_error: float, gap: float) -> float:
    """Return the rows a gap would be seen with, 4 times out of 5.

    Parameters
    ----------
    n_rows : int
        That there are now.
    floor_error : float
        Standard error of the gap after endless repeats.
    """
    return n_rows * (_POWER * floor_error / gap) ** 2 if gap > 0 else math.inf


def repeats_cannot_separate(gap: float, floor_error: float) -> bool:
    """Whether a gap is too small for its test even after endless repeats."""
    return gap <= 0 or gap < _HOPELESS * floor_error


def _gaps(fits: Array, is_compared: NDArray[np.bool_]) -> tuple[int | None, Array]:
    """Return the leader and how far it is ahead of each row, free of rounding noise."""
    if not is_compared.any():
        return None, np.full(len(fits), np.nan)
    means = np.full(len(fits), np.nan)
    means[is_compared] = fits[is_compared].mean(axis=1)
    scale = _scale(fits[np.nanargmax(means)])
    means = np.round(means, _N_DIGITS - math.ceil(math.log10(scale)))
    leader = int(np.nanargmax(means))
    return leader, means[leader] - means


def _scale(scores: Array) -> float:
    return float(np.abs(scores).max()) or 1.0


def _errors(fits: Array, gap: Array, leader: int | None, factor: float) -> tuple[Array, float]:
    """Return the standard error of each gap and their degrees of freedom; NaN without any."""
    error = np.full(len(fits), np.nan)
    if leader is None:
        return error, math.nan
    error[leader] = 0.0
    is_other = np.isfinite(gap)
    is_other[leader] = False
    if fits.shape[1] < 2 or not is_other.any() or math.isinf(factor):
        return error, math.nan
    ahead = fits[leader] - fits[is_other]
    ahead -= ahead.mean(axis=1, keepdims=True)
    variances = np.einsum("ij,ij->i", ahead, ahead) / (fits.shape[1] - 1)  # var is 10x slower
    variances[variances < (_scale(fits[leader]) * 10.0**-_N_DIGITS) ** 2] = 0.0
    moderated = shrunk_variances(variances, fits.shape[1] - 1, gap[is_other])
    error[is_other] = np.sqrt(factor * moderated.variances)
    return error, moderated.df


def _judge(
    gap: Array, error: Array, df: float, leader: int | None, *, may_have_badge: bool = True
) -> Ranking:
    """Give badge, tied set and ranks; all rows are tied where there are no errors."""
    is_compared = np.isfinite(gap)
    is_other = is_compared.copy()
    crit_badge = crit_set = math.nan
    if leader is not None:
        is_other[leader] = False
    if not math.isnan(df):
        crit_badge = float(stdtrit(df, (1 + BADGE_LEVEL) / 2))
        crit_set = dunnett(int(is_other.sum()), df)
    is_behind = gap - crit_badge * error > 0
    badge = may_have_badge and bool(is_other.any() and is_behind[is_other].all())
    half = (crit_badge if badge else max(crit_badge, crit_set)) * error
    if leader is not None:
        half[leader] = 0.0
    tied = is_compared & ~(gap - half > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(gap > 0, gap / error, gap)
    return Ranking(
        leader=leader,
        badge=badge,
        is_compared=is_compared,
        tied=tied,
        gap=gap,
        error=error,
        gap_low=gap - half,
        gap_high=gap + half,
        t=t,
        ranks=_shared_ranks(gap, tied),
        crit_badge=crit_badge,
        crit_set=crit_set,
        df=df,
    )


def _shared_ranks(gap: Array, tied: NDArray[np.bool_]) -> NDArray[np.intp]:
    ranks = tied.astype(np.intp)
    is_behind = np.isfinite(gap) & ~tied
    behind = gap[is_behind]
    ranks[is_behind] = 1 + tied.sum() + np.searchsorted(np.sort(behind), behind)
    return ranks


def _with_runner_up(
    ranking: Ranking, floor_share: float, n_rows: int | None, rope: float
) -> Ranking:
    """Add what is told of the runner-up; a share of the variance stays with endless repeats."""
    is_leader = np.arange(len(ranking.gap)) == ranking.leader
    second = int(np.nanargmin(np.where(is_leader, np.nan, ranking.gap)))
    gap, error = float(ranking.gap[second]), float(ranking.error[second])
    if math.isnan(error):
        return replace(ranking, runner_up=second)
    half = half_width(error**2, ranking.df, 1.0)
    floor_error = error * math.sqrt(floor_share)
    return replace(
        ranking,
        runner_up=second,
        runner_up_gap=Interval(
            gap, gap - half, gap + half, ranking.df, "corrected t", flag_of(ranking.df)
        ),
        need_rows=n_rows and need_rows(n_rows, floor_error, max(gap, rope)),
        repeats_cannot_separate=repeats_cannot_separate(gap, floor_error),
    )


def _why_never(n_compared: int, n_fits: int, factor: float) -> str | None:
    if n_compared < 2:
        return ("No trial has", "Only one trial has")[n_compared] + " all its fits."
    if n_fits < FEWEST_FITS:
        fits = "1 fit" if n_fits == 1 else f"{n_fits} fits"
        return f"{fits} a trial: it takes {FEWEST_FITS} to tell trials apart."
    return "One fold of unknown size." if math.isinf(factor) else None


def _why_not_yet(n_compared: int, is_running: bool, share_failed: float) -> str | None:
    if is_running and n_compared < _FEWEST_RUNNING:
        return f"The search still runs: wait for {_FEWEST_RUNNING} trials."
    return "More than 10% of the trials failed." if share_failed > _MOST_FAILED else None
