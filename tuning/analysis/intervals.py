"""How sure a trial's score is: intervals over the folds and repeats of its fits.

Folds share training rows, so that a mean over fits varies more than its fits let on. Every
interval is widened for that by one factor, `correction` [1]_, and the part of it that repeats
cannot shrink stays in. Scores are larger-is-better; a fit that is missing is NaN, and there is
no interval then.

.. [1] Nadeau and Bengio, *Inference for the generalization error*, Machine Learning 52 (2003);
   Bouckaert and Frank, *Evaluating the replicability of significance tests* (2004).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, stdtrit

Array = NDArray[np.float64]
Kind = Literal["share", "mean", "bounded", "other"]

# A mean over rows has a variance that is known from its rows. AUC and F1 only stay between 0
# and 1; of R² and a root of a mean neither is so.
KINDS: Mapping[str, Kind] = {
    "accuracy": "share",
    "log_loss": "mean",
    "mae": "mean",
    "mse": "mean",
    "roc_auc": "bounded",
    "f1": "bounded",
    "rmse": "other",
    "r2": "other",
}
LEVEL = 0.95  # of everything shown
PRIOR_DF = 10  # what the variance known from the rows is worth
FEWEST_FITS = 5  # for an interval from the folds alone, and to tell trials apart
FEWEST_DF = 4  # below this an interval is flagged
TOO_FEW_FOLDS = "too_few_folds"


@dataclass(frozen=True)
class Interval:
    """A mean over fits and the interval it is known within, in units of the score.

    Attributes
    ----------
    mean : float
        Of the fits themselves. On the logit scale it may lie just outside: five folds of 1.0
        are a mean of 1, but no proof of 1.
    df : float
        Degrees of freedom of its Student t.
    flag : str or None
        `TOO_FEW_FOLDS` below `FEWEST_DF`.
    """

    mean: float
    low: float
    high: float
    df: float
    method: str
    flag: str | None

    @property
    def half_width(self) -> float:
        """Half of the distance between both ends."""
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class Intervals:
    """The intervals of all trials of a study; arrays of shape (n_trials,).

    Attributes
    ----------
    mean : ndarray
        NaN where a fit is missing.
    low, high, df : ndarray
        NaN where there is no interval.
    has_prior : ndarray of bool
        Whether the variance known from the rows was pooled in.
    is_logit : ndarray of bool
        Whether it was taken on the logit scale, to stay between 0 and 1.
    """

    mean: Array
    low: Array
    high: Array
    df: Array
    has_prior: NDArray[np.bool_]
    is_logit: NDArray[np.bool_]


def correction(n_folds: int, n_repeats: int) -> float:
    """Return the variance of a cross-validated mean, in units of that between its fits.

    Infinite for a single fold: the sizes of its two parts are needed, see `split_correction`.
    """
    if n_folds < 2:
        return math.inf
    return 1 / (n_folds * n_repeats) + 1 / (n_folds - 1)


def split_correction(n_splits: int, n_test: float, n_train: float) -> float:
    """Return the same for splits that are drawn anew each time, by the rows of their parts."""
    return 1 / n_splits + n_test / n_train


def correction_of(n_fits: int, n_folds: int, test_ratio: float | None = None) -> float:
    """Return the correction of so many fits out of all folds of all repeats.

    Parameters
    ----------
    test_ratio : float or None
        Rows that score over rows that train; None takes that of cross-validation.
    """
    if test_ratio is not None:
        return split_correction(n_fits, test_ratio, 1.0)
    return correction(n_folds, 1) - 1 / n_folds + 1 / n_fits


def half_width(variance: float, df: float, factor: float, level: float = LEVEL) -> float:
    """Return half the interval of a mean over fits.

    Parameters
    ----------
    variance : float
        Between fits, in squared units of the score.
    factor : float
        The correction.
    """
    return float(stdtrit(df, (1 + level) / 2)) * math.sqrt(factor * variance)


def score_intervals(
    scores: Array,
    *,
    kind: Kind,
    n_rows: int | None = None,
    row_variance: Array | float | None = None,
    level: float = LEVEL,
    test_ratio: float | None = None,
) -> Intervals:
    """Compute the interval of every trial's score by the corrected resampled t [1]_.

    Where the variance of a fold's score is known from its rows, the variance between folds is
    pulled to it: few folds say little about their own variance.

    Parameters
    ----------
    scores : ndarray of shape (n_trials, n_repeats, n_folds)
        NaN where a fit is missing.
    kind : {"share", "mean", "bounded", "other"}
        A share of rows; a mean over rows; between 0 and 1; none of these. See `KINDS`.
    n_rows : int or None
        Rows that are split; without it neither a share nor a mean has a prior.
    row_variance : float or ndarray of shape (n_trials,) or None
        Of a mean: the variance of the losses of single rows inside a fold, averaged over the
        folds. NaN where it is not known.
    test_ratio : float or None
        Rows that score over rows that train, for splits other than cross-validation.

    Returns
    -------
    Intervals
        NaN for a trial with a missing fit, for a single fit, for fewer than `FEWEST_FITS` fits
        where the rows tell nothing, and for a single fold whose `test_ratio` is not known.

    References
    ----------
    .. [1] Nadeau and Bengio, *Inference for the generalization error*, Machine Learning 52
       (2003). The prior and its weight: measured by simulation, docs/trust.md, section 1.
    """
    n_trials, _, n_folds = scores.shape
    fits = scores.reshape(n_trials, -1)
    n_fits = fits.shape[1]
    factor = correction_of(n_fits, n_folds, test_ratio)
    factor = factor if math.isfinite(factor) else math.nan
    mean = fits.mean(axis=1)
    spread = fits.var(axis=1, ddof=1) if n_fits > 1 else np.full(n_trials, np.nan)

    n_test = None if n_rows is None else n_rows * _test_share(n_folds, test_ratio)
    prior = _prior(kind, _toward_half(mean, n_rows), row_variance, n_test)
    has_prior = np.isfinite(prior)
    pooled = (PRIOR_DF * prior + (n_fits - 1) * spread) / (PRIOR_DF + n_fits - 1)
    error = np.sqrt(factor * np.where(has_prior, pooled, spread))
    df = np.where(has_prior, PRIOR_DF + n_fits - 1.0, n_fits - 1.0)
    critical = np.where(
        has_prior,
        stdtrit(PRIOR_DF + n_fits - 1, (1 + level) / 2),
        stdtrit(max(n_fits - 1, 1), (1 + level) / 2),
    )
    low, high = mean - critical * error, mean + critical * error

    is_logit = _leaves(low, high) if kind in ("share", "bounded") else np.zeros(n_trials, bool)
    centre = _toward_half(mean, n_rows if kind == "share" else None)
    low[is_logit], high[is_logit] = _on_logit_scale(
        centre[is_logit], (critical * error)[is_logit]
    )
    missing = ~np.isfinite(low) | ~(has_prior | (n_fits >= FEWEST_FITS))
    for values in (low, high, df):
        values[missing] = np.nan
    return Intervals(mean, low, high, df, has_prior & ~missing, is_logit & ~missing)


def score_interval(
    scores: Array,
    *,
    kind: Kind,
    n_rows: int | None = None,
    row_variance: float | None = None,
    level: float = LEVEL,
    test_ratio: float | None = None,
) -> Interval | None:
    """Compute the interval of one trial's score; None where there is none.

    Parameters
    ----------
    scores : ndarray of shape (n_repeats, n_folds)
        The others are as for `score_intervals`.
    """
    found = score_intervals(
        scores[np.newaxis],
        kind=kind,
        n_rows=n_rows,
        row_variance=row_variance,
        level=level,
        test_ratio=test_ratio,
    )
    df = float(found.df[0])
    if math.isnan(df):
        return None
    method = "corrected t"
    if found.has_prior[0]:
        method += ", binomial prior" if kind == "share" else ", row variance prior"
    if found.is_logit[0]:
        method += ", logit scale"
    mean, low, high = (float(values[0]) for values in (found.mean, found.low, found.high))
    return Interval(mean, low, high, df, method, flag_of(df))


def flag_of(df: float) -> str | None:
    """Return the flag of an interval with so many degrees of freedom."""
    return TOO_FEW_FOLDS if df < FEWEST_DF else None


def why_no_interval(
    scores: Array, *, has_prior: bool, test_ratio: float | None = None
) -> str | None:
    """Say why a trial's score has no interval; None if it has one.

    Parameters
    ----------
    scores : ndarray of shape (n_repeats, n_folds)
        NaN where a fit is missing.
    has_prior : bool
        Whether the rows tell the variance: a share, or a mean with its row variance.
    test_ratio : float or None
        As for `score_intervals`.
    """
    n_missing = int(np.isnan(scores).sum())
    if n_missing:
        return f"{n_missing} of {scores.size} fits missing: no interval."
    if scores.size == 1:
        return "One fit: no interval."
    if not has_prior and scores.size < FEWEST_FITS:
        return f"{scores.size} fits: no interval, it takes {FEWEST_FITS}."
    if scores.shape[1] == 1 and test_ratio is None:
        return "One fold of unknown size: no interval."
    return None


def _test_share(n_folds: int, test_ratio: float | None) -> float:
    return 1 / n_folds if test_ratio is None else test_ratio / (1 + test_ratio)


def _toward_half(mean: Array, n_rows: int | None) -> Array:
    """Add a row that was right and one that was wrong, so that no share is exactly 0 or 1."""
    return mean if n_rows is None else (n_rows * mean + 1) / (n_rows + 2)


def _prior(
    kind: Kind, share: Array, row_variance: Array | float | None, n_test: float | None
) -> Array:
    """Return each trial's variance of a fold's score by its rows; NaN where it is not known."""
    if kind == "share" and n_test is not None:
        return share * (1 - share) / n_test
    if kind == "mean" and n_test is not None and row_variance is not None:
        return np.broadcast_to(np.asarray(row_variance, np.float64), share.shape) / n_test
    return np.full(share.shape, np.nan)


def _leaves(low: Array, high: Array) -> NDArray[np.bool_]:
    return (low < 0) | (high > 1)


def _on_logit_scale(centre: Array, width: Array) -> tuple[Array, Array]:
    slope = centre * (1 - centre)
    middle, half = logit(centre), width / slope
    return expit(middle - half), expit(middle + half)
