"""Whether one trial is really better than another: the two scored on the same folds.

Folds are shared, so that the differences tell more than two overlapping intervals. A pair that
was looked at because it looked good is pulled together by what the whole study varies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import stdtr

from tuning.analysis.intervals import FEWEST_FITS, LEVEL, Array, correction_of, half_width
from tuning.analysis.ties import Ranking

Verdict = Literal["a better", "b better", "practically equal", "cannot tell"]

NO_SPREAD = "Scores do not vary more than chance would: any of these configurations will do."
_SURE = 0.95
_LEAST, _MOST = 0.01, 0.99  # of a probability that is shown
_FEWEST_TRIALS = 20  # before their spread is known well enough to go by
_FAR_OUT = 3.0  # quartile ranges below the lower quartile, Tukey's outer fence
_NOISE = 1e-12  # of the scores: a difference below it is rounding


@dataclass(frozen=True)
class Comparison:
    """Trial a against trial b; larger is better, NaN where it cannot be told.

    Attributes
    ----------
    difference, low, high : float
        Mean of a less mean of b, as measured, with its interval; in units of the score.
    shrunk_difference : float
        The same, pulled to 0 by what the study varies.
    weight : float
        How much of a difference is left then: 1 where the study was not asked, 0 where it
        varies no more than chance would.
    p_a, p_equal, p_b : float
        Probability that a is better by more than the ROPE, that neither is, that b is; from
        0.01 to 0.99.
    d_z : float
        The difference in standard deviations between fits.
    reason : str or None
        Why it cannot be told, where not for the probabilities alone.
    """

    difference: float
    low: float
    high: float
    shrunk_difference: float
    weight: float
    p_a: float
    p_equal: float
    p_b: float
    d_z: float
    verdict: Verdict
    reason: str | None


def compare(
    a: Array,
    b: Array,
    *,
    rope: float = 0.0,
    spread: float | None = None,
    level: float = LEVEL,
    test_ratio: float | None = None,
) -> Comparison:
    """Compare two trials by the correlated Bayesian t test [1]_.

    Parameters
    ----------
    a, b : ndarray of shape (n_repeats, n_folds)
        Scores on the same folds; NaN where a fit is missing. Fits that both have are used.
    rope : float
        Region of practical equivalence: the smallest difference worth having.
    spread : float or None
        Of the study, from `study_spread`.
    level : float
        Of the interval.
    test_ratio : float or None
        Rows that score over rows that train, for splits other than cross-validation.

    References
    ----------
    .. [1] Corani and Benavoli, *A Bayesian approach for comparing cross-validated algorithms
       on multiple data sets*, Machine Learning 100 (2015); Benavoli, Corani, Demšar and
       Zaffalon, *Time for a change*, Journal of Machine Learning Research 18 (2017).
    """
    if a.shape != b.shape:
        return _untold(math.nan, "Both trials were scored on different folds.")
    shared = np.isfinite(a) & np.isfinite(b)
    differences = a[shared] - b[shared]
    n_fits = len(differences)
    difference = float(differences.mean()) if n_fits else math.nan
    factor = correction_of(n_fits, a.shape[1], test_ratio) if n_fits else math.inf
    if n_fits < FEWEST_FITS:
        return _untold(difference, f"Fits in common: {n_fits}, and it takes {FEWEST_FITS}.")
    if math.isinf(factor):
        return _untold(difference, "One fold of unknown size.")

    deviation = float(differences.std(ddof=1))
    noise = _NOISE * float(np.abs(a[shared]).max() + np.abs(b[shared]).max())
    difference, deviation = (0.0 if abs(x) <= noise else x for x in (difference, deviation))
    variance = factor * deviation**2
    weight = shrinkage(variance, spread)
    shares = probabilities(
        difference * weight,
        math.sqrt(variance * weight),
        n_fits - 1,
        rope if weight else 0.0,  # no spread: an even chance, which is not equality
    )
    p_a, p_equal, p_b = (min(max(share, _LEAST), _MOST) for share in shares)
    half = half_width(deviation**2, n_fits - 1, factor, level)
    return Comparison(
        difference=difference,
        low=difference - half,
        high=difference + half,
        shrunk_difference=difference * weight,
        weight=weight,
        p_a=p_a,
        p_equal=p_equal,
        p_b=p_b,
        d_z=_ratio(difference, deviation),
        verdict=_verdict(p_a, p_equal, p_b),
        reason=None if weight else NO_SPREAD,
    )


def probabilities(
    difference: float, error: float, df: float, rope: float
) -> tuple[float, float, float]:
    """Return the probabilities that a is better, that neither is, and that b is.

    Parameters
    ----------
    difference, error, df : float
        Of the Student t that the true difference follows.
    rope : float
        Differences up to it count as none.
    """
    below_high = float(stdtr(df, _ratio(rope - difference, error)))
    below_low = float(stdtr(df, _ratio(-rope - difference, error)))
    return 1 - below_high, below_high - below_low, below_low


def shrinkage(variance: float, spread: float | None) -> float:
    """Return how much of a difference is left after what the study varies is counted in.

    Parameters
    ----------
    variance : float
        Of the difference, by chance.
    spread : float or None
        Variance of the true scores of a study; None leaves the difference as it is.
    """
    if spread is None:
        return 1.0
    return 2 * spread / (2 * spread + variance) if spread > 0 else 0.0


def study_spread(scores: Array, *, test_ratio: float | None = None) -> float | None:
    """Return the variance of the true scores of a study's trials, without that by chance.

    Trials far below all others are left out: a single fit that diverged would hide what the
    others vary.

    Parameters
    ----------
    scores : ndarray of shape (n_trials, n_repeats, n_folds)
        NaN where a fit is missing; such trials are left out.

    Returns
    -------
    float or None
        In squared units of the score; 0 where they vary no more than chance would, None with
        fewer than 20 trials or fewer than `FEWEST_FITS` fits of each.
    """
    n_trials, n_repeats, n_folds = scores.shape
    n_fits = n_repeats * n_folds
    fits = scores.reshape(n_trials, n_fits)
    fits = fits[np.isfinite(fits).all(axis=1)]
    if len(fits) < _FEWEST_TRIALS or n_fits < FEWEST_FITS:
        return None
    factor = correction_of(n_fits, n_folds, test_ratio)
    if math.isinf(factor):
        return None
    means = fits.mean(axis=1)
    lower, upper = np.quantile(means, (0.25, 0.75))
    is_near = means >= lower - _FAR_OUT * (upper - lower)
    fits, means = fits[is_near], means[is_near]
    residuals = fits - means[:, np.newaxis] - fits.mean(axis=0) + means.mean()
    by_chance = (residuals**2).sum() / ((len(fits) - 1) * (n_fits - 1))
    return max(0.0, float(means.var(ddof=1) - factor * by_chance))


def verdict_beside_leader(
    comparison: Comparison, ranking: Ranking, row_a: int, row_b: int
) -> Verdict:
    """Return the verdict on a pair, by the study's ranking where its leader is one of them.

    The leader was chosen by its scores; the probabilities of a pair know nothing of that.
    """
    if ranking.leader not in (row_a, row_b) or row_a == row_b:
        return comparison.verdict
    other = row_b if ranking.leader == row_a else row_a
    if ranking.can_tell and ranking.is_compared[other] and not ranking.tied[other]:
        return "a better" if ranking.leader == row_a else "b better"
    is_equal = comparison.verdict == "practically equal"
    return "practically equal" if is_equal else "cannot tell"


def _untold(difference: float, reason: str) -> Comparison:
    nan = math.nan
    return Comparison(difference, nan, nan, nan, nan, nan, nan, nan, nan, "cannot tell", reason)


def _ratio(value: float, unit: float) -> float:
    """Divide; infinite where there is no unit, and 0 for nothing of it."""
    if unit > 0:
        return value / unit
    return math.copysign(math.inf, value) if value else 0.0


def _verdict(p_a: float, p_equal: float, p_b: float) -> Verdict:
    if p_a >= _SURE:
        return "a better"
    if p_b >= _SURE:
        return "b better"
    return "practically equal" if p_equal >= _SURE else "cannot tell"
