"""The scores of a study's fits as one block of numbers, for all that is computed from them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuning.analysis.intervals import KINDS, Array, Kind, score_interval
from tuning.analysis.race import LOOKS
from tuning.datasets.info import DatasetInfo
from tuning.datasets.splits import count_rows
from tuning.spec import StudySpec

MOST_REPEATS = LOOKS[-1]
_ROPE = 0.01  # of scores between 0 and 1 (Benavoli and others, 2017)
_ROPE_SHARE = 0.01  # of the loss of the default settings
_FIRST_ROOM = 64

FitLine = tuple[int, int, int, float | None]  # trial, repeat, fold, score


@dataclass(frozen=True)
class StudyScores:
    """The scores of the finished trials of a study, by number.

    Attributes
    ----------
    numbers : ndarray of shape (n_trials,)
        Rising.
    values : ndarray of shape (n_trials, n_repeats, n_folds)
        In units of the score; NaN where there is none. The repeats of the search come first,
        those of confirming follow.
    n_searched : int
        Repeats of the search.
    sign : int
        1 where a larger score is better, otherwise -1.
    kind : {"share", "mean", "bounded", "other"}
        See `tuning.analysis.intervals`.
    """

    numbers: NDArray[np.intp]
    values: Array
    n_searched: int
    sign: int
    kind: Kind

    def searched(self) -> Array:
        """Return the scores of the search, larger is better."""
        better: Array = self.sign * self.values[:, : self.n_searched]
        return better

    def repeated(self, rows: Sequence[int], n_repeats: int) -> Array:
        """Return the first repeats of some rows, larger is better."""
        better: Array = self.sign * self.values[list(rows), :n_repeats]
        return better

    def n_repeats(self) -> NDArray[np.intp]:
        """Return how many repeats, from the first on, each trial has all folds of."""
        is_whole = np.isfinite(self.values).all(axis=2)
        counts: NDArray[np.intp] = np.cumprod(is_whole, axis=1).sum(axis=1)
        return counts

    def rows_of(self, numbers: Iterable[int]) -> list[int]:
        """Return the rows of some trials; those that are not there are left out."""
        places = {int(number): row for row, number in enumerate(self.numbers)}
        return [places[number] for number in numbers if number in places]


class ScoreBook:
    """Takes in the scores of fits as they come, and gives them as a block."""

    def __init__(self, spec: StudySpec) -> None:
        self._spec = spec
        repeats = spec.evaluation.repeats
        self._shape = (max(repeats, MOST_REPEATS), spec.evaluation.n_folds)
        self._rows: dict[int, int] = {}
        self._values = np.full((_FIRST_ROOM, *self._shape), np.nan)

    def take(self, lines: Iterable[FitLine]) -> None:
        """Take in fits that are new or have changed."""
        for number, repeat, fold, score in lines:
            row = self._rows.setdefault(number, len(self._rows))
            if row >= len(self._values):
                room = np.full(self._values.shape, np.nan)
                self._values = np.concatenate([self._values, room])
            self._values[row, repeat, fold] = math.nan if score is None else score

    def scores(self, finished: Iterable[int]) -> StudyScores:
        """Return the scores of the finished trials; only they are compared."""
        numbers = sorted(number for number in finished if number in self._rows)
        rows = [self._rows[number] for number in numbers]
        return StudyScores(
            numbers=np.array(numbers, np.intp),
            values=self._values[rows],
            n_searched=self._spec.evaluation.repeats,
            sign=1 if self._spec.direction == "maximize" else -1,
            kind=KINDS[self._spec.evaluation.score],
        )


def rope_of(spec: StudySpec, scores: StudyScores) -> float:
    """Return the smallest difference in the score that matters in practice.

    For losses without one in the spec: a share of what trial 0 scores, or, where that is not
    the default settings, of the median trial.
    """
    if spec.evaluation.rope is not None:
        return spec.evaluation.rope
    if scores.kind != "mean" and spec.evaluation.score != "rmse":
        return _ROPE
    means = scores.values[:, : scores.n_searched].mean(axis=(1, 2))
    usable = means[np.isfinite(means)]
    if not len(usable):
        return 0.0
    is_default = spec.include_default and scores.numbers[0] == 0 and np.isfinite(means[0])
    return _ROPE_SHARE * float(abs(means[0] if is_default else np.median(usable)))


def half_width_of(
    spec: StudySpec, info: DatasetInfo, mean: float, spread: float | None
) -> float | None:
    """Return half the interval of a trial's score, from what is known of its fits.

    Parameters
    ----------
    spread : float or None
        Standard deviation over its fits; None for a single one.
    """
    n_fits = spec.n_fits_per_trial
    if spread is None or n_fits < 2:
        return None
    pattern = np.arange(n_fits) - (n_fits - 1) / 2
    # An interval depends on mean and deviation alone: any fits that have these will do.
    fits = mean + spread * pattern / pattern.std(ddof=1)
    found = score_interval(
        fits.reshape(spec.evaluation.repeats, -1),
        kind=KINDS[spec.evaluation.score],
        n_rows=count_rows(spec, info).search,
        test_ratio=split_ratio(spec, info),
    )
    return None if found is None else found.half_width


def split_ratio(spec: StudySpec, info: DatasetInfo | None) -> float | None:
    """Return rows that score over rows that train; None for folds of one size.

    Folds in the order of time train on more and more rows; their mean is taken.
    """
    is_kfold = spec.evaluation.method == "kfold"
    if info is None or (is_kfold and info.belonging != "time"):
        return None
    rows = count_rows(spec, info)
    return 2 * rows.score / (rows.train + rows.most)


def guessing_score(spec: StudySpec, info: DatasetInfo | None) -> float | None:
    """Return the score of always answering the same; None where it is not known."""
    name = spec.evaluation.score
    if name == "r2":
        return 0.0
    if name == "roc_auc":
        return 0.5
    if info is None or not sum(info.class_counts):
        return None
    shares = [count / sum(info.class_counts) for count in info.class_counts]
    if name == "accuracy":
        return max(shares)
    if name == "log_loss":
        return -sum(share * math.log(share) for share in shares if share)
    return None
