"""How long what is left will take: the 80 % interval around predicted seconds.

Predictions are corrected by how the last fits compared with theirs. What makes the interval:
how far the pace drifts, how well the correction is known, and luck that a few long fits do not
average out. All spreads are standard deviations of logarithms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

Z_80 = 1.2816  # four of five of a normal distribution lie within so many deviations
N_PILOTS = 5  # fits that a pace is known from before a study starts, at the least
_LEAST_SCATTER = 0.05
_DRIFT_BEFORE = 0.25  # between what was timed once and a study that is still to come
_DRIFT_FACTOR, _LEAST_DRIFT = 1.5, 0.08
_N_BLOCKS = 10
_FEWEST_LAST, _LAST_SHARE = 10, 4  # a quarter of the finished fits, but ten if there are
_FAR = 4.0  # times larger than anything timed: past this a prediction is a lower end
_LEVEL = 0.8
_FEWEST_STUDIES = 10  # before past estimates correct the next one


@dataclass(frozen=True)
class Remaining:
    """Seconds that are left.

    Attributes
    ----------
    seconds : float or None
        None while nothing has been timed yet.
    within_80 : (float, float) or None
        None where nothing is left, and while nothing has been timed.
    source : {"measuring", "pilot", "running"}
        What it is known from: nothing yet, fits timed before, fits of this study.
    is_least : bool
        Whether only the lower end holds, to be shown with "at least": what is left is much
        larger than anything timed.
    """

    seconds: float | None
    within_80: tuple[float, float] | None
    source: Literal["measuring", "pilot", "running"]
    is_least: bool = False


def remaining_time(
    actual_s: Sequence[float],
    predicted_s: Sequence[float],
    left_s: Sequence[float],
    *,
    scatter_before: float | None = None,
    largest_timed_s: float = 0.0,
    correction: float = 1.0,
) -> Remaining:
    """Estimate the seconds left.

    Parameters
    ----------
    actual_s, predicted_s : sequence of float
        What the finished fits took and were predicted to, in the order they finished. A
        stack is one fit.
    left_s : sequence of float
        Predicted seconds of each fit that is left.
    scatter_before : float, optional
        Spread of the predictions for what this machine timed before; None if nothing was.
    largest_timed_s : float
        Predicted seconds of the largest fit among those.
    correction : float
        `Calibration.correction` of past studies.
    """
    actual, predicted, left = (
        np.asarray(x, np.float64) for x in (actual_s, predicted_s, left_s)
    )
    if not len(left):
        return Remaining(0.0, None, "running")
    if not len(actual) and scatter_before is None:
        return Remaining(None, None, "measuring")
    scatter = max(scatter_before or 0.0, _LEAST_SCATTER)
    if len(actual):
        n_last = last_fits(len(actual))
        seconds = pace_factor(actual, predicted) * float(left.sum())
        ratios = np.log(actual / predicted)
        scatter = scatter_of(ratios) if len(ratios) > 1 else scatter
        drift = drift_of(actual, predicted)
    else:
        n_last, seconds, drift = N_PILOTS, float(left.sum()), _DRIFT_BEFORE
    spread = correction * total_spread(drift, scatter, n_last, sum_of_squares(left))
    largest = max(largest_timed_s, float(predicted.max(initial=0.0)))
    return Remaining(
        seconds,
        interval(seconds, spread),
        "running" if len(actual) else "pilot",
        is_least=is_far(float(left.max()), largest),
    )


def spread_before(scatter: float, squared_shares: float) -> float:
    """Return the spread of a study's seconds before it starts.

    Parameters
    ----------
    scatter : float
        Spread of the predictions for what this machine has timed.
    squared_shares : float
        Of `sum_of_squares`.
    """
    return total_spread(_DRIFT_BEFORE, scatter, N_PILOTS, squared_shares)


def total_spread(drift: float, scatter: float, n_last: int, squared_shares: float) -> float:
    """Add up what makes a sum of predicted seconds uncertain."""
    return math.sqrt(drift**2 + scatter**2 / n_last + scatter**2 * squared_shares)


def sum_of_squares(left_s: Array) -> float:
    """Return the sum of the squared shares each fit has of all that is left."""
    return float(((left_s / left_s.sum()) ** 2).sum())


def interval(seconds: float, spread: float) -> tuple[float, float]:
    """Return where the seconds will be in four of five cases."""
    factor = math.exp(Z_80 * spread)
    return seconds / factor, seconds * factor


def while_running(seconds: float) -> tuple[float, float]:
    """Return where the seconds left of a running study will be in four of five cases.

    A study is a few stacks, too few to tell its drift from: it is taken to be what it was
    before the study started, which is wide for a long one.
    """
    return interval(seconds, total_spread(_DRIFT_BEFORE, _LEAST_SCATTER, N_PILOTS, 0.0))


def is_far(largest_left_s: float, largest_timed_s: float) -> bool:
    """Tell whether something that is left is much larger than anything timed."""
    return largest_left_s > _FAR * largest_timed_s


def last_fits(n_finished: int) -> int:
    """Return how many of the finished fits tell the pace."""
    return min(n_finished, max(_FEWEST_LAST, n_finished // _LAST_SHARE))


def pace_factor(actual: Array, predicted: Array) -> float:
    """Return how many times as long as predicted the last fits took."""
    n_last = last_fits(len(actual))
    return float(actual[-n_last:].sum() / predicted[-n_last:].sum())


def scatter_of(log_ratios: Array) -> float:
    """Return the spread of single predictions from the logarithms of their errors."""
    return max(float(np.std(log_ratios, ddof=1)), _LEAST_SCATTER)


def drift_of(actual: Array, predicted: Array) -> float:
    """Return how far the pace moves between parts of a study.

    With fewer fits than parts it is what it was before the study started.
    """
    if len(actual) < _N_BLOCKS:
        return _DRIFT_BEFORE
    starts = np.linspace(0, len(actual), _N_BLOCKS, endpoint=False).astype(np.intp)
    sums = np.add.reduceat(np.stack([actual, predicted]), starts, axis=1)
    return _DRIFT_FACTOR * max(float(np.std(np.log(sums[0] / sums[1]), ddof=1)), _LEAST_DRIFT)


@dataclass(frozen=True)
class Calibration:
    """How past estimates of a machine turned out.

    Attributes
    ----------
    held : float
        Share whose interval held; four of five should.
    held_within : (float, float)
        Wilson's 95 % interval of that share.
    bias : float
        Median of log(actual / predicted); above 0 where studies take longer than estimated.
    correction : float
        What the next spread is multiplied by; 1 until enough studies have ended.
    """

    held: float
    held_within: tuple[float, float]
    bias: float
    correction: float
    n_studies: int


def calibrate(
    actual_s: Sequence[float], predicted_s: Sequence[float], spreads: Sequence[float]
) -> Calibration | None:
    """Compare past estimates with what came true; None before there is any.

    Parameters
    ----------
    actual_s, predicted_s : sequence of float
        Seconds of each past study, or what was left of it when it was estimated.
    spreads : sequence of float
        Of the estimates, without a correction.
    """
    from scipy.stats import binomtest  # slow, and few pages need it

    if not len(actual_s):
        return None
    logs = np.log(np.asarray(actual_s, np.float64) / np.asarray(predicted_s, np.float64))
    off = np.abs(logs) / (Z_80 * np.asarray(spreads, np.float64))
    n_held, n_studies = int((off <= 1).sum()), len(off)
    within = binomtest(n_held, n_studies).proportion_ci(0.95, method="wilson")
    correction = 1.0
    if n_studies >= _FEWEST_STUDIES:
        rank = math.ceil(_LEVEL * (n_studies + 1))
        correction = float(np.partition(off, rank - 1)[rank - 1])
    return Calibration(
        held=n_held / n_studies,
        held_within=(float(within.low), float(within.high)),
        bias=float(np.median(logs)),
        correction=correction,
        n_studies=n_studies,
    )
