"""What a pair of loss curves says, by the first of six rules that fires.

Two rules ask whether a change is larger than the noise and one whether it is surely small, so
that noise ends in "too noisy" and not in a wrong label. Losses only: smaller is better. Epochs
count from 0 in code and from 1 in sentences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import median_abs_deviation

from tuning.analysis.diagnosis_words import FEWEST_EPOCHS, LABELS, MOST_TIMES, Diagnosis, Label

_DIVERGED, _SHORT, _OVERFITS, _NOT_LEARNING, _IMPROVING, _PLATEAU, _NOISY = range(7)
_RISEN = 1.5  # times the first training loss
_CLEAR = 0.05  # share of the fall, or of the training loss, that is worth a word
_FLAT = 0.10  # share of the fall that a quarter more epochs may still bring on a plateau
_LEAST_FALL = 0.02  # share of the lowest loss, for curves that hardly fall
_SETTLED = 0.02  # share of the whole fall that is left where more epochs stop to matter
_FEWEST_ADVISED = 5  # epochs; below this the learning rate is wrong, not their number
_WORTH_SAVING = 0.8  # of the epochs; a plateau after these is no reason to train for fewer
_MOST_AT_ONCE = 1_000_000  # values, so that many long curves do not fill the memory

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Diagnoses:
    """The diagnoses of many curves; words are made for those that are looked at.

    Attributes
    ----------
    codes : ndarray of shape (n_curves,)
        Places in `LABELS`.
    epochs, n_epochs_advised : ndarray of shape (n_curves,)
        As in `Diagnosis`; -1 instead of None.
    noise, n_epochs : ndarray of shape (n_curves,)
        As in `Diagnosis`.
    """

    codes: NDArray[np.intp]
    epochs: NDArray[np.intp]
    noise: Array
    n_epochs: NDArray[np.intp]
    n_epochs_advised: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, row: int) -> Diagnosis:
        epoch, advised = int(self.epochs[row]), int(self.n_epochs_advised[row])
        return Diagnosis(
            LABELS[self.codes[row]],
            None if epoch < 0 else epoch,
            float(self.noise[row]),
            int(self.n_epochs[row]),
            None if advised < 0 else advised,
        )

    @property
    def labels(self) -> list[Label]:
        """The label of each curve."""
        return [LABELS[code] for code in self.codes]


def diagnose(
    train: ArrayLike, validation: ArrayLike, *, as_baseline: bool = False
) -> Diagnosis:
    """Tell what one pair of curves says.

    Parameters
    ----------
    train, validation : array-like of shape (n_epochs,)
        Loss by epoch, the mean over the fits of a trial or that of one fit. NaN: diverged.
    as_baseline : bool
        Whether the score is no better than that of a model that ignores the inputs.
    """
    one_train, one_validation = np.atleast_2d(train).astype(float), np.atleast_2d(validation)
    flag = np.array([as_baseline])
    return diagnose_many(one_train, one_validation.astype(float), as_baseline=flag)[0]


def diagnose_many(
    train: Array,
    validation: Array,
    n_epochs: NDArray[np.intp] | None = None,
    as_baseline: Flags | None = None,
) -> Diagnoses:
    """Tell what each of many pairs of curves says.

    Overfitting is the generalisation loss of [1]_ with a floor for the noise, which is taken
    from second differences and so does not count the trend.

    Parameters
    ----------
    train, validation : ndarray of shape (n_curves, most_epochs)
        Loss by epoch. A curve is padded behind its last epoch; NaN before that: diverged.
    n_epochs : ndarray of shape (n_curves,), optional
        How many epochs each curve has; all of them by default.
    as_baseline : ndarray of shape (n_curves,), optional
        Whether each score is no better than that of a model that ignores the inputs.

    References
    ----------
    .. [1] L. Prechelt, "Early stopping - but when?", *Neural Networks: Tricks of the Trade*
       (1998).
    """
    count, most = validation.shape
    lengths = np.full(count, most) if n_epochs is None else np.asarray(n_epochs, dtype=np.intp)
    flags = np.zeros(count, dtype=bool) if as_baseline is None else as_baseline
    codes, noise = np.full(count, _SHORT, dtype=np.intp), np.full(count, np.nan)
    epochs, advised = np.full(count, -1), np.full(count, -1)
    for length in np.unique(lengths[lengths > 0]):
        same = np.flatnonzero(lengths == length)
        for rows in np.array_split(same, -(-len(same) * length // _MOST_AT_ONCE)):
            pair = train[rows, :length], validation[rows, :length]
            codes[rows], epochs[rows] = _divergence(*pair)
            rest = codes[rows] != _DIVERGED
            kept = rows[rest]
            if length >= FEWEST_EPOCHS and len(kept):
                shape = _shape(pair[0][rest], pair[1][rest])
                codes[kept], epochs[kept] = _label(shape, flags[kept])
                noise[kept] = shape.noise
                advised[kept] = _advised(shape, codes[kept], epochs[kept])
    advised[codes == _SHORT] = FEWEST_EPOCHS
    return Diagnoses(codes, epochs, noise, lengths, advised)


def _divergence(train: Array, validation: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return a code and an epoch for each curve; too short where it has not diverged."""
    broken = ~(np.isfinite(train) & np.isfinite(validation))
    codes = np.where(broken.any(axis=1), _DIVERGED, _SHORT)
    epochs = np.where(codes == _DIVERGED, broken.argmax(axis=1), -1)
    whole = np.flatnonzero(codes != _DIVERGED)
    window = _window(train.shape[1])
    limits = _RISEN * np.stack([train[whole, 0], validation[whole, 0]])
    ends = np.stack([curve[whole, -window:].mean(axis=1) for curve in (train, validation)])
    risen = whole[(ends > limits).all(axis=0)]
    codes[risen] = _DIVERGED
    epochs[risen] = (train[risen] > _RISEN * train[risen, :1]).argmax(axis=1)
    return codes, epochs


def _window(n_epochs: int) -> int:
    """Return a tenth of the epochs, made odd, at least 3."""
    return max(3, n_epochs // 10 | 1)


@dataclass(frozen=True)
class _Shape:
    """What the rules look at, one value a curve; `smoothed` is the validation loss."""

    validation: Array
    smoothed: Array
    lowest: NDArray[np.intp]
    sigma: Array
    bottom: Array
    fall: Array
    end: Array
    slope: Array
    slope_error: Array
    train_fell: Flags
    train_kept_falling: Flags

    @property
    def n_epochs(self) -> int:
        return int(self.validation.shape[1])

    @property
    def noise(self) -> Array:
        fell = self.fall > 0
        return np.where(fell, self.sigma / np.where(fell, self.fall, 1.0), np.nan)


def _shape(train: Array, validation: Array) -> _Shape:
    n_epochs = validation.shape[1]
    window, rows = _window(n_epochs), np.arange(len(validation))
    second = np.diff(validation, n=2, axis=1)
    sigma = median_abs_deviation(second, axis=1, scale="normal") / np.sqrt(6)
    smoothed = _smooth(validation, window)
    lowest = smoothed.argmin(axis=1)
    bottom = smoothed[rows, lowest]
    q = _n_tail(n_epochs)
    x = np.arange(q) - (q - 1) / 2
    train_end = train[:, -window:].mean(axis=1)
    return _Shape(
        validation,
        smoothed,
        lowest,
        sigma,
        bottom,
        fall=np.maximum(validation[:, 0], smoothed[:, 0]) - bottom,
        end=validation[:, -window:].mean(axis=1),
        slope=_slope(validation[:, -q:]),
        slope_error=sigma / np.sqrt(x @ x),
        train_fell=train[:, 0] - train_end > _CLEAR * train[:, 0],
        train_kept_falling=train_end <= _smooth(train, window)[rows, lowest],
    )


def _smooth(values: Array, window: int) -> Array:
    """Return the centred moving mean; at the ends, of the epochs there are."""
    n_epochs, half = values.shape[1], window // 2
    last = values[:, -1:]
    # Summed from the end: a first loss of 1e30 must not swallow the digits of those after it.
    sums = np.zeros((len(values), n_epochs + 1))
    np.cumsum((values - last)[:, ::-1], axis=1, out=sums[:, 1:])
    sums = sums[:, ::-1]
    places = np.arange(n_epochs)
    start, stop = np.maximum(places - half, 0), np.minimum(places + half + 1, n_epochs)
    smoothed: Array = last + (sums[:, start] - sums[:, stop]) / (stop - start)
    return smoothed


def _n_tail(n_epochs: int) -> int:
    return max(6, n_epochs // 3)


def _slope(values: Array) -> Array:
    """Return the least-squares slope of each row, in loss per epoch."""
    x = np.arange(values.shape[1]) - (values.shape[1] - 1) / 2
    slopes: Array = (values - values[:, -1:]) @ x / (x @ x)
    return slopes


def _label(shape: _Shape, as_baseline: Flags) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    n_epochs = shape.n_epochs
    window, quarter = _window(n_epochs), n_epochs / 4
    rise = shape.end - shape.bottom
    overfits = (
        (shape.lowest < n_epochs - window)
        & (rise > 3 * shape.sigma * np.sqrt(2 / window))
        & (rise > _CLEAR * np.maximum(shape.fall, _LEAST_FALL * shape.bottom))
        & shape.train_kept_falling
    )
    fell = shape.smoothed[:, 0] - shape.bottom > 5 * shape.sigma / np.sqrt(window)
    gain = -shape.slope * quarter
    improving = (shape.slope < -3 * shape.slope_error) & (gain > _CLEAR * shape.fall)
    flat = gain + 2 * shape.slope_error * quarter <= _FLAT * shape.fall
    # A loss that still falls may leave the guess behind: more epochs will tell.
    codes = np.select(
        [overfits, ~(fell | shape.train_fell), improving, as_baseline, flat],
        [_OVERFITS, _NOT_LEARNING, _IMPROVING, _NOT_LEARNING, _PLATEAU],
        _NOISY,
    )
    tolerance = np.maximum(_SETTLED * shape.fall, 2 * shape.sigma / np.sqrt(window))
    settled = (shape.smoothed <= (shape.bottom + tolerance)[:, None]).argmax(axis=1)
    epochs = np.select([codes == _OVERFITS, codes == _PLATEAU], [shape.lowest, settled], -1)
    return codes, epochs


def _advised(
    shape: _Shape, codes: NDArray[np.intp], epochs: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return how many epochs to train for, all in all; -1 where that is not the matter."""
    advised = np.full(len(codes), -1)
    stop = np.isin(codes, (_OVERFITS, _PLATEAU)) & (epochs + 1 >= _FEWEST_ADVISED)
    advised[stop] = epochs[stop] + 1
    settled = stop & (codes == _PLATEAU)
    advised[settled] = _rounded_up(advised[settled])
    advised[settled & (advised > _WORTH_SAVING * shape.n_epochs)] = -1
    improving = codes == _IMPROVING
    if improving.any():
        rest = _rest(shape.validation[improving], shape.fall[improving])
        total = np.ceil(np.clip(rest, shape.n_epochs / 4, (MOST_TIMES - 1) * shape.n_epochs))
        advised[improving] = _rounded_up(shape.n_epochs + total.astype(np.intp))
    return advised


def _rest(validation: Array, fall: Array) -> Array:
    """Return the epochs that losses which still fall need until hardly anything is left.

    Slopes over two stretches tell how fast the fall itself fades, as exp(-epoch / tau). Where
    it does not fade, there is no end.
    """
    n_epochs = validation.shape[1]
    q = _n_tail(n_epochs)
    shift = min(q, n_epochs - q)
    now = _slope(validation[:, -q:])
    before = _slope(validation[:, n_epochs - q - shift : n_epochs - shift])
    fades = before < now
    tau = shift / np.log(np.where(fades, before / now, 2.0))
    x = np.arange(q) - (q - 1) / 2
    powers = np.exp(-np.clip(x / tau[:, None], -50, 50))
    left = now * (x @ x) / (powers @ x) * powers[:, -1]
    rest = tau * np.log(np.maximum(left / (_SETTLED * (fall + left)), 1.0))
    return np.where(fades, rest, np.inf)


def _rounded_up(counts: NDArray[np.intp]) -> NDArray[np.intp]:
    """Round epochs up to what a person would type: fives, from 100 tens, from 500 fifties."""
    unit = np.select([counts < 100, counts < 500], [5, 10], 50)
    rounded: NDArray[np.intp] = -(-counts // unit) * unit
    return rounded
