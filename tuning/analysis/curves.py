"""Learning curves: taken in piece by piece as they are written, summed up for charts.

Epochs count from 0. A value that is missing or not finite is NaN, and no summary counts it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from storage.results import CURVE_COLUMNS, CurvePiece

MOST_EPOCHS = 300  # about as many as a chart has pixels; longer curves are thinned
_BAND_EPOCHS = 100  # the band over all trials is smooth, so that fewer points draw it
_GOLDEN, _GOLDEN_RANGE = 2_654_435_769, 2**32  # the golden ratio as a share of the range
_ROOM = 16  # epochs a new fit has room for; doubled as it grows

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Measure:
    """Something that is measured at each epoch, on the rows that score and on training rows.

    Attributes
    ----------
    label : str
        As controls and axes write it.
    validation, training : str
        The curve columns it is read from.
    is_root : bool
        Whether it is the square root of those, taken for each fit.
    """

    label: str
    validation: str
    training: str
    higher_is_better: bool = False
    is_root: bool = False

    @property
    def word(self) -> str:
        """The label inside a sentence: accuracy, but RMSE."""
        return self.label if self.label.isupper() else self.label.lower()


ACCURACY = Measure("Accuracy", "val_metric", "metric", higher_is_better=True)
LOSS = Measure("Loss", "val_loss", "loss")
RMSE = Measure("RMSE", "val_loss", "loss", is_root=True)
MAE = Measure("MAE", "val_metric", "metric")
_MEASURES = {
    "accuracy": (ACCURACY, LOSS),
    "roc_auc": (ACCURACY, LOSS),
    "f1": (ACCURACY, LOSS),
    "log_loss": (LOSS, ACCURACY),
    "rmse": (RMSE, MAE, LOSS),
    "r2": (RMSE, MAE, LOSS),
    "mae": (MAE, RMSE, LOSS),
    "mse": (LOSS, RMSE, MAE),
}


def measures(score: str) -> tuple[Measure, ...]:
    """Return what is measured at each epoch of a study, the one nearest to its score first."""
    return _MEASURES[score]


class CurveBook:
    """The curves of all fits of some trials of a study."""

    def __init__(self) -> None:
        self._fits: dict[int, dict[tuple[int, int], _Epochs]] = {}
        self._means: dict[Measure, dict[int, Array]] = {}
        self._bands: dict[tuple[Measure, tuple[int, ...]], pd.DataFrame] = {}

    def add(self, pieces: Iterable[CurvePiece]) -> None:
        """Take in pieces; a fit that began again forgets what it had from there on."""
        for piece in pieces:
            fits = self._fits.setdefault(piece.number, {})
            epochs = fits.setdefault((piece.repeat, piece.fold), _Epochs())
            epochs.put(piece.first_epoch, piece.values)
            for means in self._means.values():
                means.pop(piece.number, None)
            self._bands.clear()

    def forget(self, numbers: Iterable[int]) -> None:
        """Let go of the curves of some trials."""
        for number in numbers:
            self._fits.pop(number, None)
            for means in self._means.values():
                means.pop(number, None)
        self._bands.clear()

    def __contains__(self, number: int) -> bool:
        return number in self._fits

    @property
    def numbers(self) -> list[int]:
        """The trials that have reached an epoch."""
        return sorted(self._fits)

    @property
    def n_held(self) -> int:
        """The epochs of all fits together."""
        return sum(epochs.n for fits in self._fits.values() for epochs in fits.values())

    def n_epochs(self, number: int) -> int:
        """Return the epochs of the longest fit of a trial; 0 if it has none."""
        return max((epochs.n for epochs in self._fits.get(number, {}).values()), default=0)

    def fit_epochs(self, number: int) -> dict[tuple[int, int], int]:
        """Return the epochs each (repeat, fold) of a trial has reached."""
        return {key: epochs.n for key, epochs in self._fits.get(number, {}).items()}

    def folds(self, number: int, measure: Measure, *, training: bool = False) -> Array:
        """Return a trial's curves, one a row.

        Parameters
        ----------
        training : bool
            Measured on the rows it trained on instead of those that score.

        Returns
        -------
        ndarray of shape (n_fits, n_epochs)
            In the order of repeat and fold; NaN where a fit has not got yet.
        """
        name = measure.training if training else measure.validation
        column = CURVE_COLUMNS.index(name)
        fits = self._fits.get(number, {})
        values = np.full((len(fits), self.n_epochs(number)), np.nan)
        for row, key in enumerate(sorted(fits)):
            values[row, : fits[key].n] = fits[key].rows[:, column]
        return np.sqrt(values) if measure.is_root else values

    def mean(self, number: int, measure: Measure) -> Array:
        """Return a trial's mean over its fits, by epoch."""
        means = self._means.setdefault(measure, {})
        if number not in means:
            means[number] = column_means(self.folds(number, measure))
        return means[number]

    def trial_table(self, number: int, measure: Measure) -> pd.DataFrame:
        """Sum up one trial: epoch, mean, lowest and highest fit, mean on training rows."""
        values = self.folds(number, measure)
        return pd.DataFrame(
            {
                "epoch": np.arange(values.shape[1]),
                "mean": column_means(values),
                "lowest": np.fmin.reduce(values, axis=0, initial=np.nan),
                "highest": np.fmax.reduce(values, axis=0, initial=np.nan),
                "training": column_means(self.folds(number, measure, training=True)),
            }
        )

    def band(self, measure: Measure, numbers: Sequence[int] = ()) -> pd.DataFrame:
        """Sum up trials: epoch, and the 10th, 50th and 90th percentile of their means.

        At each epoch, over the trials that have reached it.

        Parameters
        ----------
        numbers : sequence of int
            These trials; all that are here if it is empty.
        """
        key = measure, tuple(numbers)
        if key not in self._bands:
            self._bands[key] = self._make_band(measure, numbers or self.numbers)
        return self._bands[key]

    def _make_band(self, measure: Measure, numbers: Sequence[int]) -> pd.DataFrame:
        means = [self.mean(number, measure) for number in numbers]
        epochs = thin(max(map(len, means), default=0), most=_BAND_EPOCHS)
        values = np.full((len(means), len(epochs)), np.nan)
        for row, curve in enumerate(means):
            reached = int(np.searchsorted(epochs, len(curve)))
            values[row, :reached] = curve[epochs[:reached]]
        low, middle, high = _percentiles(values, (0.1, 0.5, 0.9))
        return pd.DataFrame({"epoch": epochs, "low": low, "middle": middle, "high": high})


class _Epochs:
    """The epochs of one fit, growing at the end."""

    def __init__(self) -> None:
        self.n = 0
        self._rows = np.full((_ROOM, len(CURVE_COLUMNS)), np.nan, dtype=np.float32)

    @property
    def rows(self) -> NDArray[np.float32]:
        return self._rows[: self.n]

    def put(self, first: int, values: NDArray[np.float32]) -> None:
        end = first + len(values)
        if end > len(self._rows):
            room = np.full((2 * end, self._rows.shape[1]), np.nan, dtype=np.float32)
            room[: self.n] = self.rows
            self._rows = room
        self._rows[self.n : end] = np.nan  # also where epochs in between are still missing
        self._rows[first:end] = np.where(np.isfinite(values), values, np.nan)
        self.n = end


def column_means(values: Array) -> Array:
    """Return the mean of each column without its NaNs; NaN where nothing is left."""
    counts = np.isfinite(values).sum(axis=0)
    sums = np.nansum(values, axis=0)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _percentiles(values: Array, shares: Sequence[float]) -> list[Array]:
    """Return percentiles of each column without its NaNs, between neighbours by proportion."""
    if not len(values):
        return [np.empty(0) for _ in shares]
    ordered = np.sort(values, axis=0)  # NaN goes last
    last = np.maximum(np.isfinite(values).sum(axis=0) - 1, 0)
    columns = np.arange(values.shape[1])
    results = []
    for share in shares:
        place = share * last
        below = np.floor(place).astype(np.intp)
        above = np.ceil(place).astype(np.intp)
        step = ordered[above, columns] - ordered[below, columns]
        results.append(ordered[below, columns] + (place - below) * step)
    return results


def thin(
    n_epochs: int, keep: Iterable[int] = (), *, most: int = MOST_EPOCHS
) -> NDArray[np.intp]:
    """Choose the epochs to draw: all of them, or `most` evenly, first and last included.

    Parameters
    ----------
    keep : iterable of int
        Epochs that are drawn in any case.
    """
    if n_epochs <= most:
        return np.arange(n_epochs)
    even = np.linspace(0, n_epochs - 1, most).round().astype(np.intp)
    kept = np.array([epoch for epoch in keep if 0 <= epoch < n_epochs], dtype=np.intp)
    return np.union1d(even, kept)


def sample(numbers: Iterable[int], halvings: int) -> list[int]:
    """Take a half of the trials, or a half of that, and so on, evenly over their numbers.

    A trial of a sample is in every larger one, and stays in it while others come: what was
    read of it is still good. Steps of equal length would meet the same value again and
    again where a grid repeats itself; multiples of the golden ratio never do [1]_.

    References
    ----------
    .. [1] D. E. Knuth, *The Art of Computer Programming*, vol. 3, 2nd ed. (1998), section 6.4.
    """
    limit = _GOLDEN_RANGE >> halvings
    return sorted(n for n in numbers if n * _GOLDEN % _GOLDEN_RANGE < limit)


def smooth(values: Array, weight: float) -> Array:
    """Return the exponential moving average, corrected for its start at nothing.

    Parameters
    ----------
    weight : float
        Weight of the past, from 0 (unchanged) up to, but not including, 1.
    """
    smoothed = np.full(len(values), np.nan)
    total = share = 0.0
    for epoch, value in enumerate(values):
        if math.isnan(value):
            continue
        total = weight * total + (1 - weight) * value
        share = weight * share + (1 - weight)
        smoothed[epoch] = total / share
    return smoothed


def best_epoch(values: Array, measure: Measure) -> int | None:
    """Return the epoch with the best value, the first of several; None if there is none."""
    if not np.isfinite(values).any():
        return None
    return int(np.nanargmax(values) if measure.higher_is_better else np.nanargmin(values))


_FEWEST_EPOCHS = 5  # below this a curve has no shape worth a sentence
_AT_THE_END = 0.9  # what is reached in the last tenth may still move on
_CLEAR_RISE = 0.05  # of how far the loss had fallen
_NEARLY_THERE = 0.01  # of the same: so close, the rest is no longer worth an epoch


def loss_finding(number: int, table: pd.DataFrame) -> str:
    """Say in one sentence how a trial's loss goes.

    Parameters
    ----------
    table : DataFrame
        Of `CurveBook.trial_table` with `LOSS`.
    """
    losses = table["mean"].to_numpy()
    n_epochs = len(losses)
    if n_epochs < _FEWEST_EPOCHS or not np.isfinite(losses).all():
        return "Loss by epoch"
    smoothed = smooth(losses, 0.6)
    lowest = int(np.argmin(smoothed))
    fell, rose = smoothed[0] - smoothed[lowest], smoothed[-1] - smoothed[lowest]
    training = table["training"].to_numpy()
    if rose > _CLEAR_RISE * fell and training[-1] < training[lowest]:
        return f"Trial {number} overfits: its loss rises after epoch {lowest + 1}"
    settled = int(np.argmax(smoothed <= smoothed[lowest] + _NEARLY_THERE * fell))
    if settled + 1 >= _AT_THE_END * n_epochs:
        return f"Loss of trial {number} still falls at epoch {n_epochs}"
    return f"Loss of trial {number} stops falling at epoch {settled + 1}"
