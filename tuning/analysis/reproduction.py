"""Does a rerun of a trial reproduce its score? Bands of chance, and a verdict in words.

Chance means other seeds and other folds of the same rows, or other rows of the same population.
What lies outside both is named by the first difference between the two runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tuning.analysis.intervals import correction

Level = Literal["exact", "within noise", "plausible", "does not reproduce", "cannot tell"]

_SAME_LOSS = 1e-4  # relative; kernels of another build sum in another order
_ROUNDING = 1e-9  # a whole row more or less is not missed for the last bit


@dataclass(frozen=True)
class Conditions:
    """What a run was made with, as far as it can change a score."""

    n_rows: int
    rows_hash: str
    seed: int
    device: str
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Bands:
    """How far the mean of a rerun may be off by chance, either way.

    Attributes
    ----------
    within_noise : float
        With other seeds and other folds of the same rows.
    other_rows : float
        With as many other rows of the same population.
    """

    within_noise: float
    other_rows: float


@dataclass(frozen=True)
class Reproduction:
    """Verdict on a rerun.

    Attributes
    ----------
    difference : float
        Mean of the rerun minus the stored mean; negative is worse.
    bands : Bands or None
        None where chance has no measure: one score, one fold, or no spread at all.
    sentence : str
        The verdict in words.
    warning : str
        What to expect of the winner of a search; empty where there is nothing to say.
    """

    level: Level
    difference: float
    bands: Bands | None
    sentence: str
    warning: str = ""


def reproduction_bands(
    stored: NDArray[np.float64],
    n_repeats: int | None = None,
    n_folds: int | None = None,
    *,
    confidence: float = 0.95,
) -> Bands | None:
    """Return how far a rerun may be off by chance, or None where that has no measure.

    Splits and seeds are drawn anew in both runs, which adds their variances. Other rows add
    the luck of owning one data set, once for each run [1]_.

    Parameters
    ----------
    stored : ndarray of shape (n_repeats, n_folds)
        Scores of the stored trial.
    n_repeats, n_folds : int, optional
        Of the rerun; as many as were stored where not given.

    References
    ----------
    .. [1] Nadeau and Bengio, "Inference for the Generalization Error", *Machine Learning* 52
       (2003).
    """
    if stored.shape[1] < 2 or not np.isfinite(stored).all() or np.ptp(stored) == 0:
        return None
    repeats = n_repeats or stored.shape[0]
    folds = n_folds or stored.shape[1]
    step = stats.t.ppf(0.5 + confidence / 2, stored.size - 1) * stored.std(ddof=1)
    noise = 1 / stored.size + 1 / (repeats * folds)
    rows = correction(stored.shape[1], stored.shape[0]) + correction(folds, repeats)
    return Bands(float(step * np.sqrt(noise)), float(step * np.sqrt(rows)))


def is_exact(
    stored: NDArray[np.float64],
    rerun: NDArray[np.float64],
    n_scored: NDArray[np.intp] | int | None = None,
) -> bool:
    """Tell whether every fold has the same score.

    Parameters
    ----------
    stored, rerun : ndarray of shape (n_repeats, n_folds)
        Scores.
    n_scored : ndarray of shape (n_repeats, n_folds) or int, optional
        Rows that scored each fold, for a share of rows such as accuracy: one row may differ.
        Any other score may differ by a ten-thousandth of itself.
    """
    if stored.shape != rerun.shape:
        return False
    if n_scored is None:
        return bool(np.allclose(rerun, stored, rtol=_SAME_LOSS, atol=0.0))
    return bool((np.abs(rerun - stored) * n_scored <= 1 + _ROUNDING).all())


def first_difference(stored: Conditions, rerun: Conditions) -> str:
    """Name the first difference that can change a score; empty where there is none."""
    return next(_differences(stored, rerun), "")


def _differences(stored: Conditions, rerun: Conditions) -> Iterator[str]:
    if stored.n_rows != rerun.n_rows:
        yield f"{rerun.n_rows:,} rows instead of {stored.n_rows:,}"
    if stored.rows_hash != rerun.rows_hash:
        yield "other values in the rows"
    for name in sorted(stored.versions.keys() | rerun.versions.keys()):
        was, now = (run.versions.get(name, "none") for run in (stored, rerun))
        if was != now:
            yield f"{name} {now} instead of {was}"
    if stored.seed != rerun.seed:
        yield f"seed {rerun.seed} instead of {stored.seed}"
    if stored.device != rerun.device:
        yield f"{rerun.device} instead of {stored.device}"


def judge_rerun(
    stored: NDArray[np.float64],
    rerun: NDArray[np.float64],
    *,
    n_scored: NDArray[np.intp] | int | None = None,
    honest: float | None = None,
    difference: str = "",
) -> Reproduction:
    """Judge a rerun by the narrowest band its mean falls into.

    Parameters
    ----------
    stored, rerun : ndarray of shape (n_repeats, n_folds)
        Scores, larger is better. The rerun may have other folds and repeats.
    n_scored : ndarray of shape (n_repeats, n_folds) or int, optional
        Rows that scored each fold of an accuracy, as `is_exact` takes them.
    honest : float, optional
        Honest score of the winner of a search. Other rows are then expected to score around
        it, and a lower score of the rerun is explained: part of the winner's was luck.
    difference : str
        What `first_difference` found.

    Returns
    -------
    Reproduction
        "cannot tell" where a fold is missing, and where nothing but exact agreement could
        show anything and there is none.
    """
    off = float(rerun.mean() - stored.mean())
    if not (np.isfinite(stored).all() and np.isfinite(rerun).all()):
        return Reproduction("cannot tell", off, None, "Cannot tell: a fold has no score.")
    bands = reproduction_bands(stored, *rerun.shape)
    if is_exact(stored, rerun, n_scored):
        return Reproduction("exact", off, bands, "Exact: every fold has the same score.")
    if bands is None:
        return Reproduction(
            "cannot tell",
            off,
            None,
            "Cannot tell: the stored scores do not show how much chance changes them, and "
            + "the rerun is not exact.",
        )
    from_centre = off if honest is None else float(rerun.mean()) - honest
    level = _level(off, from_centre, bands)
    warning = _LUCK if honest is not None and off < 0 and level != "does not reproduce" else ""
    return Reproduction(level, off, bands, _sentence(level, off, bands, difference), warning)


_LUCK = (
    "Lower than the search showed, as expected: part of a winner's score is luck of its splits."
)


def _level(off: float, from_centre: float, bands: Bands) -> Level:
    if abs(off) <= bands.within_noise:
        return "within noise"
    return "plausible" if abs(from_centre) <= bands.other_rows else "does not reproduce"


def _sentence(level: Level, off: float, bands: Bands, difference: str) -> str:
    noise, rows = f"{bands.within_noise:.3g}", f"{bands.other_rows:.3g}"
    differs = f"the mean differs by {abs(off):.3g}"
    if level == "within noise":
        return f"Within noise: {differs}; other seeds and folds explain up to {noise}."
    if level == "plausible":
        return (
            f"Plausible: {differs}, more than other seeds and folds explain ({noise}), "
            + f"but not more than other rows of the same population could ({rows})."
        )
    found = f"First difference: {difference}" if difference else "No difference was found"
    return f"Does not reproduce: {differs}; chance explains up to {rows}. {found}."
