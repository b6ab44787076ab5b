"""Intervals of areas under curves, from the area and the counts of rows alone.

Both are score intervals: an end is the true area at which the one found lies exactly so many
standard errors away, with the standard error of that true area. They stay within 0 and 1 and
have a width even where the area found is 1.
"""

from __future__ import annotations

from collections.abc import Callable

from scipy.optimize import brentq
from scipy.stats import norm

from tuning.analysis.intervals import LEVEL

_EDGE = 1e-9  # nearer to 0 or 1 an area counts as on it


def roc_ends(
    area: float, n_class: int, n_rest: int, *, level: float = LEVEL
) -> tuple[float, float]:
    """Return the ends of the interval of an area under ROC.

    Parameters
    ----------
    area : float
        Share of the pairs of a row of the class and another that are in the right order.
    n_class, n_rest : int
        Rows of the class, and all others; at least one each.

    References
    ----------
    .. [1] Newcombe, "Confidence intervals for an effect size measure based on the Mann-Whitney
       statistic. Part 2", Statistics in Medicine 25 (2006), method 5: the variance of Hanley
       and McNeil (1982) at the true area, with the mean of both counts.
    """
    n_more = (n_class + n_rest) / 2 - 1

    def variance(true: float) -> float:
        of_pairs = (1 - true) / (2 - true) + true / (1 + true)
        return true * (1 - true) * (1 + n_more * of_pairs) / (n_class * n_rest)

    return _score_ends(area, variance, level)


def precision_ends(
    average: float, n_class: int, *, level: float = LEVEL
) -> tuple[float, float]:
    """Return the ends of the interval of an average precision.

    Parameters
    ----------
    average : float
        Mean of the precision at each row of the class.
    n_class : int
        Rows of the class; at least one.

    References
    ----------
    .. [1] Boyd, Eng and Page, "Area under the precision-recall curve: point estimates and
       confidence intervals", ECML PKDD (2013): the binomial interval, of as many draws as
       there are rows of the class; here with Wilson's ends.
    """
    return _score_ends(average, lambda true: true * (1 - true) / n_class, level)


def _score_ends(
    found: float, variance: Callable[[float], float], level: float
) -> tuple[float, float]:
    z = float(norm.ppf(0.5 + level / 2))

    def off(true: float) -> float:
        return (found - true) ** 2 - z**2 * variance(true)

    inside = min(max(found, _EDGE), 1 - _EDGE)
    low = float(brentq(off, 0.0, inside)) if found > _EDGE else 0.0
    high = float(brentq(off, inside, 1.0)) if found < 1 - _EDGE else 1.0
    return low, high
