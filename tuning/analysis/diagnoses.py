"""What the curves of each trial of a study say, read in portions and made once.

Curves of a trial that has ended do not change any more, so that its diagnosis is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.results import CurvePiece
from tuning.analysis.curves import LOSS, CurveBook
from tuning.analysis.diagnosis import diagnose_many
from tuning.analysis.diagnosis_words import LABELS, Diagnosis
from tuning.analysis.verdict import Judgement

AT_ONCE = 250  # trials whose curves are in memory together

Array = NDArray[np.float64]
Read = Callable[[Sequence[int]], Iterable[CurvePiece]]

# Plain numbers: ten thousand objects cost collections.
_Line = tuple[int, int, float, int, int, int]
_EPOCHS_AT_MOST = 1_000_000  # keeps labels apart in the order of diagnoses
_POINTS = 30  # of a small curve
_SINCE = {"diverged": "at", "overfits": "after", "plateau": "from"}


@dataclass(frozen=True)
class MeanLosses:
    """The mean losses of some trials over their fits, by epoch.

    Attributes
    ----------
    numbers : list of int
        The trials.
    train, validation : ndarray of shape (n_trials, most_epochs)
        Padded with NaN behind the last epoch of each.
    n_epochs : ndarray of shape (n_trials,)
        Of the shortest fit; up to where a fit broke, if one did.
    """

    numbers: list[int]
    train: Array
    validation: Array
    n_epochs: NDArray[np.intp]


def mean_losses(pieces: Iterable[CurvePiece]) -> MeanLosses:
    """Take the mean losses of trials over their fits, by trial.

    A mean over the fits that go on longest would jump where others were stopped early, so that
    it ends with the shortest. A loss that is no number makes the mean none.
    """
    book = CurveBook()
    book.add(pieces)
    numbers = book.numbers
    pairs = [_mean_pair(book, number) for number in numbers]
    lengths = np.array([len(train) for train, _ in pairs], dtype=np.intp)
    train = np.full((len(pairs), int(lengths.max(initial=0))), np.nan)
    validation = train.copy()
    for row, (of_train, of_validation) in enumerate(pairs):
        train[row, : lengths[row]] = of_train
        validation[row, : lengths[row]] = of_validation
    return MeanLosses(numbers, train, validation, lengths)


def _mean_pair(book: CurveBook, number: int) -> tuple[Array, Array]:
    train, validation = book.folds(number, LOSS, training=True), book.folds(number, LOSS)
    reached = book.fit_epochs(number)
    lengths = np.array([reached[fit] for fit in sorted(reached)])
    is_there = np.arange(train.shape[1]) < lengths[:, np.newaxis]
    is_broken = (is_there & ~np.isfinite(train + validation)).any(axis=0)
    end = int(lengths.min())
    if is_broken.any():
        end = max(end, int(is_broken.argmax()) + 1)
    counts = is_there.sum(axis=0)
    means = [
        np.where(is_there, losses, 0.0).sum(axis=0) / counts for losses in (train, validation)
    ]
    return means[0][:end], means[1][:end]


def as_baseline(found: Judgement) -> dict[int, bool]:
    """Tell of each trial with a score whether it is no better than guessing.

    Its interval holds the guess, and it is not ahead by a difference that matters. The interval
    alone would say so of nearly every trial with three fits, which know little: of 100 curves
    that were looked at, it took a fall that everybody sees for none in 44.
    """
    table = found.table
    if found.guess is None or table.empty:
        return dict.fromkeys(table.index.tolist(), False)
    ahead = found.sign * (table["mean"] - found.guess)
    is_near = (ahead.abs() <= table["half_width"]) & (ahead <= found.rope)
    return dict(zip(table.index.tolist(), is_near.tolist(), strict=True))


class DiagnosisBook:
    """The diagnoses of the trials of a study that have ended and were asked for.

    Parameters
    ----------
    read : callable
        Returns the curves of some trials, at most `AT_ONCE`.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._flags: dict[int, bool] = {}
        self._lines: dict[int, _Line] = {}
        self._curves: dict[int, Array] = {}

    def find(self, trials: Mapping[int, bool]) -> None:
        """Make the diagnoses of some trials, those that are not there yet.

        Parameters
        ----------
        trials : mapping
            Trials that have ended, and whether the score of each is within its interval of
            guessing. Where that has changed, the diagnosis is made anew.
        """
        missing = self._missing(trials)
        for start in range(0, len(missing), AT_ONCE):
            part = missing[start : start + AT_ONCE]
            self._take(mean_losses(self._read(part)), trials)
            self._flags |= {number: trials[number] for number in part}

    def n_missing(self, trials: Mapping[int, bool]) -> int:
        """Count the trials of `find` whose curves are to be read."""
        return len(self._missing(trials))

    def _missing(self, trials: Mapping[int, bool]) -> list[int]:
        return [n for n, flag in trials.items() if self._flags.get(n) is not flag]

    def _take(self, losses: MeanLosses, flags: Mapping[int, bool]) -> None:
        found = diagnose_many(
            losses.train,
            losses.validation,
            losses.n_epochs,
            np.array([flags[number] for number in losses.numbers], dtype=np.bool_),
        )
        columns = (
            found.codes,
            found.epochs,
            found.noise,
            found.n_epochs,
            found.n_epochs_advised,
            best_epochs(losses.validation),
        )
        lines = zip(*(column.tolist() for column in columns), strict=True)
        self._lines |= dict(zip(losses.numbers, lines, strict=True))
        for number, curve, n_epochs in zip(
            losses.numbers, losses.validation, losses.n_epochs.tolist(), strict=True
        ):
            self._curves[number] = _thinned(curve[:n_epochs])

    def of(self, number: int) -> Diagnosis | None:
        """Return the diagnosis of a trial; None without a curve, or where nobody asked yet."""
        line = self._lines.get(number)
        if line is None:
            return None
        code, epoch, noise, n_epochs, advised, _ = line
        return Diagnosis(
            LABELS[code],
            None if epoch < 0 else epoch,
            noise,
            n_epochs,
            None if advised < 0 else advised,
        )

    def labels(self, numbers: Iterable[int]) -> list[str]:
        """Return the label of each trial, empty where there is none."""
        lines = (self._lines.get(number) for number in numbers)
        return ["" if line is None else LABELS[line[0]] for line in lines]

    def words(self, numbers: Iterable[int]) -> list[str]:
        """Write each diagnosis in a word or three: "overfits after 31", epochs from 1."""
        lines = (self._lines.get(number) for number in numbers)
        return ["" if line is None else _in_words(line) for line in lines]

    def places(self, numbers: Iterable[int]) -> Array:
        """Return what diagnoses are sorted by: label, then epoch; NaN where there is none."""
        lines = (self._lines.get(number) for number in numbers)
        places = [np.nan if n is None else n[0] * _EPOCHS_AT_MOST + n[1] for n in lines]
        return np.array(places, dtype=np.float64)

    def curves(self, numbers: Iterable[int]) -> list[Array]:
        """Return a small curve of each trial: its mean validation loss, at most 30 points.

        Empty where there is none; losses that are no number are left out.
        """
        none = np.empty(0)
        return [self._curves.get(number, none) for number in numbers]

    def best_epochs(self, numbers: Iterable[int]) -> Array:
        """Return in which epoch, from 1, the mean validation loss of each trial was lowest.

        NaN where there is none.
        """
        lines = (self._lines.get(number) for number in numbers)
        epochs = [np.nan if line is None or line[5] < 0 else line[5] + 1 for line in lines]
        return np.array(epochs, dtype=np.float64)


def _thinned(curve: Array) -> Array:
    places = np.unique(np.linspace(0, len(curve) - 1, _POINTS).round().astype(np.intp))
    points = curve[places] if len(curve) else curve
    return points[np.isfinite(points)]


def best_epochs(validation: Array) -> NDArray[np.intp]:
    """Return the place of the lowest loss in each row; -1 in a row without a number.

    Parameters
    ----------
    validation : ndarray of shape (n_curves, most_epochs)
        Of several lowest ones the first counts.
    """
    losses = np.where(np.isfinite(validation), validation, np.inf)
    if not losses.shape[1]:
        return np.full(len(losses), -1, dtype=np.intp)
    places = losses.argmin(axis=1)
    return np.where(np.isfinite(losses.min(axis=1)), places, -1)


def _in_words(line: _Line) -> str:
    label, epoch = LABELS[line[0]], line[1]
    return label if epoch < 0 else f"{label} {_SINCE[label]} {epoch + 1:,}"
