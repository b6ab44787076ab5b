"""Whether more trials would help: the honest score that so many trials would have reached.

Every fold is scored by a winner chosen without it, so the curve does not rise by luck as the
best score so far does. Scores are larger-is-better; rows with a missing score are left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, stdtrit

from tuning.analysis.gain import best_so_far
from tuning.analysis.intervals import LEVEL, Array, correction
from tuning.analysis.winner import (
    complete_rows,
    other_folds,
    scores_of_winners,
    why_not_honest,
)
from tuning.digits import decimals

Answer = Literal["yes", "no", "cannot tell"]

N_POINTS = 20
_GAIN_LEVEL = 0.90  # one-sided, of the gain of the last doubling
_DIGITS = 40  # binary, of sums that are ranked; sums in another order differ in later ones


@dataclass(frozen=True)
class SearchCurve:
    """Honest score by number of trials; arrays of shape (n_points,).

    Attributes
    ----------
    n_trials : ndarray
        Of a search; the last is as many as there are.
    score : ndarray
        Mean over all folds of what the winner of so many trials scores on rows that did not
        choose it.
    standard_error, half_width : ndarray
        Of `score`, over folds and repeats; half of its 95 % interval.
    """

    n_trials: NDArray[np.intp]
    score: Array
    standard_error: Array
    half_width: Array


@dataclass(frozen=True)
class MoreTrials:
    """Whether more trials would help.

    Attributes
    ----------
    gain : float
        What the last doubling of the trials has gained, in units of the score.
    margin : float
        How far the true gain may lie off, one-sided at 90%.
    """

    answer: Answer
    gain: float
    margin: float
    sentence: str


def search_weights(n_trials: int, n_drawn: int) -> Array:
    """Return how often each rank is the best of a few trials drawn without replacement [1]_.

    Parameters
    ----------
    n_drawn : int
        From 1 to `n_trials`.

    Returns
    -------
    ndarray of shape (n_trials,)
        C(n_trials - rank, n_drawn - 1) / C(n_trials, n_drawn), ranks from 1; adds up to 1.

    References
    ----------
    .. [1] Tang et al., "Showing your work doesn't always work" (2020), arXiv 2004.13705.
    """
    below = n_trials - np.arange(1, n_trials + 1.0)
    counts = _log_choose(below, n_drawn - 1.0) - _log_choose(
        np.array(float(n_trials)), float(n_drawn)
    )
    weights: Array = np.where(below >= n_drawn - 1, np.exp(counts), 0.0)
    return weights


def _log_choose(n: Array, k: float) -> Array:
    """Return ln C(n, k), for n < k of no meaning but finite."""
    rest = np.maximum(n - k, 0.0)
    logs: Array = gammaln(n + 1) - gammaln(k + 1) - gammaln(rest + 1)
    return logs


def search_curve(scores: Array, n_points: int = N_POINTS) -> SearchCurve | str:
    """Compute what a random search or grid of fewer trials would have found, or say why not.

    The best of m trials has the expectation of [1]_ in the unbiased form of [2]_; here the
    order is that of the other folds of a repeat, the score that of the fold itself.

    Parameters
    ----------
    scores : ndarray of shape (n_trials, n_repeats, n_folds)
        NaN where missing.
    n_points : int
        At most so many numbers of trials, evenly on a log scale, the first and the last
        among them.

    References
    ----------
    .. [1] Dodge et al., "Show your work" (2019), arXiv 1909.03004.
    .. [2] Tang et al., "Showing your work doesn't always work" (2020), arXiv 2004.13705.
    """
    reason = why_not_honest(scores)
    if reason is not None:
        return reason
    compared = scores[complete_rows(scores)]
    sizes = _sizes(len(compared), n_points)
    return _curve(sizes, _drawn(compared, sizes), compared.shape)


def incumbent_curve(scores: Array, n_points: int = N_POINTS) -> SearchCurve | str:
    """Follow a search that learns from its scores in the order it went, or say why not.

    Its trials are no random draws, so that no other order can stand in for theirs.

    Parameters
    ----------
    scores : ndarray of shape (n_trials, n_repeats, n_folds)
        In the order the trials finished; NaN where missing.
    n_points : int
        As for `search_curve`.
    """
    reason = why_not_honest(scores)
    if reason is not None:
        return reason
    compared = scores[complete_rows(scores)]
    sizes = _sizes(len(compared), n_points)
    return _curve(sizes, _in_order(compared, sizes), compared.shape)


def more_trials(scores: Array, rope: float, *, is_adaptive: bool = False) -> MoreTrials | str:
    """Tell whether more trials would help, by what the last doubling has gained.

    More are of no use once the room for improvement is below the statistical error [1]_.

    Parameters
    ----------
    scores : ndarray of shape (n_trials, n_repeats, n_folds)
        In the order the trials finished; NaN where missing.
    rope : float
        A difference that does not matter, in units of the score.
    is_adaptive : bool
        Whether trials were proposed after others had been scored. The answer is never no then:
        a search that learns may yet find another region.

    Returns
    -------
    MoreTrials or str
        Or why nothing can be said.

    References
    ----------
    .. [1] Makarova et al., "Automatic termination for hyperparameter optimization", *AutoML*
       (2022).
    """
    reason = why_not_honest(scores)
    if reason is not None:
        return reason
    compared = scores[complete_rows(scores)]
    n_trials, n_repeats, n_folds = compared.shape
    if n_trials < 2:
        return "A gain of the last doubling takes two finished trials; 1 so far."
    sizes = np.array([n_trials // 2, n_trials])
    half, whole = (_in_order if is_adaptive else _drawn)(compared, sizes)
    n_fits = n_repeats * n_folds
    gain = float((whole - half).mean())
    error = float((whole - half).std(ddof=1)) * math.sqrt(correction(n_folds, n_repeats))
    margin = float(stdtrit(n_fits - 1, _GAIN_LEVEL)) * error
    answer = _answer(gain, margin, rope, is_adaptive=is_adaptive)
    return MoreTrials(answer, gain, margin, _sentence(answer, gain, margin, rope))


def paired_standard_error(scores: Array) -> float:
    """Return the standard error of the difference of two trials: the noise floor of a study.

    Parameters
    ----------
    scores : ndarray of shape (n_trials, n_repeats, n_folds)
        NaN where missing.

    Returns
    -------
    float
        From the residuals of the table of trials and fits, all trials together; NaN for fewer
        than two complete trials or fits.
    """
    compared = scores[complete_rows(scores)]
    n_trials, n_repeats, n_folds = compared.shape
    fits = compared.reshape(n_trials, -1)
    df = (n_trials - 1) * (fits.shape[1] - 1)
    if df < 1:
        return math.nan
    residuals = fits - fits.mean(axis=1, keepdims=True)
    residuals = residuals - residuals.mean(axis=0)
    variance = float(np.square(residuals).sum()) / df
    return math.sqrt(2 * variance * correction(n_folds, n_repeats))


def _sizes(n_trials: int, n_points: int) -> NDArray[np.intp]:
    sizes = np.geomspace(1, n_trials, n_points).round().astype(np.intp)
    distinct: NDArray[np.intp] = np.unique(sizes)
    return distinct


def _curve(sizes: NDArray[np.intp], values: Array, shape: tuple[int, ...]) -> SearchCurve:
    _, n_repeats, n_folds = shape
    error = values.std(axis=1, ddof=1) * math.sqrt(correction(n_folds, n_repeats))
    critical = float(stdtrit(n_repeats * n_folds - 1, (1 + LEVEL) / 2))
    return SearchCurve(sizes, values.mean(axis=1), error, critical * error)


def _drawn(compared: Array, sizes: NDArray[np.intp]) -> Array:
    """Return what the best of so many random trials scores on each fold.

    Returns
    -------
    ndarray of shape (n_sizes, n_fits)
    """
    n_trials = len(compared)
    others = _of_other_folds(compared)
    order = np.argsort(-_without_rounding(others), axis=-1, kind="stable")
    by_rank = np.take_along_axis(np.moveaxis(compared, 0, -1), order, axis=-1)
    weights = np.stack([search_weights(n_trials, int(size)) for size in sizes])
    values: Array = weights @ by_rank.reshape(-1, n_trials).T
    return values


def _of_other_folds(compared: Array) -> Array:
    """Sum each trial's scores on the other folds of its repeat; repeats, folds, trials."""
    return np.stack([other_folds(compared[:, a]) for a in range(compared.shape[1])])


def _without_rounding(values: Array) -> Array:
    """Drop the last digits, so that sums of the same numbers are equal in any order."""
    mantissa, exponent = np.frexp(values)
    rounded: Array = np.ldexp(np.round(np.ldexp(mantissa, _DIGITS)), exponent - _DIGITS)
    return rounded


def _in_order(compared: Array, sizes: NDArray[np.intp]) -> Array:
    """Return what the best of the first so many trials scores on each fold, as `_drawn`."""
    winners = [best_so_far(others, sizes - 1) for others in _of_other_folds(compared)]
    values = np.stack(
        [scores_of_winners(compared, chosen) for chosen in np.stack(winners, axis=1)]
    )
    return values.reshape(len(sizes), -1)


def _answer(gain: float, margin: float, rope: float, *, is_adaptive: bool) -> Answer:
    """Answer by the interval of the gain; one that is shown but does not matter is a no."""
    if gain + margin < rope:
        return "cannot tell" if is_adaptive else "no"
    return "yes" if gain > margin else "cannot tell"


def _sentence(answer: Answer, gain: float, margin: float, rope: float) -> str:
    n_digits = decimals(margin)
    shown = f"{gain:+.{n_digits}f} ± {margin:.{n_digits}f}"
    last = f"The last doubling of the trials gained {shown}"
    if answer == "yes":
        return f"More trials would probably help. {last}."
    if answer == "no":
        return f"More trials would hardly help. {last}, less than the {rope:.2g} that matters."
    return f"Cannot tell whether more trials would help. {last}; {rope:.2g} would matter."
