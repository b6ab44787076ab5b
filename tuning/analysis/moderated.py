"""What many trials say together about the gaps of single ones.

How much each gap varies by chance, and how far the largest of many goes by chance alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtri, ndtr, polygamma, psi, roots_hermitenorm, stdtrit

from tuning.analysis.intervals import LEVEL, Array

_FEWEST_TO_POOL = 5  # others, which is 6 trials
_FEWEST_POOLED = 20  # of the best others, where there are so many
_MOST_PRIOR_DF = 20.0
_N_NODES, _N_QUANTILES = 80, 200


@dataclass(frozen=True)
class Moderated:
    """Variances that lend each other strength, of shape (n_others,), and their prior.

    Attributes
    ----------
    df : float
        Degrees of freedom of each.
    prior, prior_df : float
        What they are pulled to, and what that is worth; NaN and 0 where nothing was pooled.
    """

    variances: Array
    df: float
    prior: float
    prior_df: float


def shrunk_variances(variances: Array, df: int, gaps: Array) -> Moderated:
    """Pull variances to what the trials near the leader have in common, but never below.

    A few fits say little about a variance, many trials together do: the moderated t [1]_.
    Without the floor, a field that varies less than the two best would make winners of them.

    Parameters
    ----------
    variances : ndarray of shape (n_others,)
        Of the differences to the leader, between fits. Those of 0 are no part of the prior.
    df : int
        Fits of a trial, less one.
    gaps : ndarray of shape (n_others,)
        The better half of the trials, and at least 20 if there are, make the prior.

    References
    ----------
    .. [1] Smyth, *Linear models and empirical Bayes methods*, Statistical Applications in
       Genetics and Molecular Biology 3 (2004). The cap of the prior's weight at 20 and the
       floor: measured by simulation, docs/trust.md, section 2.
    """
    usable = variances[np.argsort(gaps, kind="stable")]
    usable = usable[usable > 0]
    if len(usable) < _FEWEST_TO_POOL:
        return Moderated(variances, float(df), math.nan, 0.0)
    usable = usable[: max(-(-len(usable) // 2), _FEWEST_POOLED)]
    logs = np.log(usable) - _log_bias(df)
    excess = float(logs.var(ddof=1) - polygamma(1, df / 2))
    log_prior, prior_df = float(logs.mean()), math.inf
    if excess > 0:
        prior_df = 2 * _trigamma_inverse(excess)
        log_prior += _log_bias(prior_df)
    prior, weight = math.exp(log_prior), min(prior_df, _MOST_PRIOR_DF)
    pooled = (weight * prior + df * variances) / (weight + df)
    return Moderated(np.maximum(variances, pooled), df + weight, prior, prior_df)


def dunnett(n_others: int, df: float) -> float:
    """Return the one-sided 5% quantile of the largest of so many t with correlation 1/2.

    Parameters
    ----------
    df : float
        Of the variance they share, to one decimal; infinite where it is known.

    References
    ----------
    .. [1] Dunnett, *A multiple comparison procedure for comparing several treatments with a
       control*, Journal of the American Statistical Association 50 (1955).
    """
    return _dunnett(n_others, round(df, 1))


@lru_cache(maxsize=4096)
def _dunnett(n_others: int, df: float) -> float:
    nodes, weights = roots_hermitenorm(_N_NODES)
    weights = weights / weights.sum()
    tails = (np.arange(_N_QUANTILES) + 0.5) / _N_QUANTILES
    spreads = np.ones(1) if math.isinf(df) else np.sqrt(chdtri(df, tails) / df)

    def excess(quantile: float) -> float:
        below = ndtr(math.sqrt(2) * quantile * spreads[:, np.newaxis] + nodes)
        return float((below**n_others @ weights).mean()) - LEVEL

    one, bonferroni = stdtrit(df, LEVEL), stdtrit(df, 1 - (1 - LEVEL) / n_others)
    return float(brentq(excess, 0.9 * one, 1.1 * bonferroni, xtol=1e-5))


def _log_bias(df: float) -> float:
    """Return how far the mean logarithm of a variance is from the logarithm of its mean."""
    return float(psi(df / 2)) - math.log(df / 2)


def _trigamma_inverse(value: float) -> float:
    """Solve trigamma(x) = value by Newton's method, as in the appendix of Smyth (2004)."""
    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, x))
        x += step
        if -step < 1e-10 * x:
            break
    return x
