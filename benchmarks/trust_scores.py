"""Intervals of scores, of gaps, of the winner's expected score and of its gain.

Each is made as the app makes it, at 90 % and at 95 %, and counted against the truth.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata, t

from benchmarks.trust_figures import Bounds, Figure, at_least, found, percent
from benchmarks.trust_studies import (
    Array,
    Choices,
    Generator,
    Population,
    Study,
    climbed,
    disjoint_pair,
    draw_choices,
    maker_of,
    studies,
)
from tuning.analysis.gain import Gain, gain_over_default
from tuning.analysis.intervals import LEVEL, Interval, Kind, score_intervals
from tuning.analysis.pairs import compare
from tuning.analysis.winner import HonestScore, honest_score
from tuning.space import counted

LEVELS = (0.90, 0.95)
_ALL_INPUTS = 8
_SHARE, _MEAN = Population("share", 768, _ALL_INPUTS), Population("mean", 300, _ALL_INPUTS)
_N_BEFORE = 3000


@dataclass(frozen=True)
class Cell:
    """One kind of score interval, and what its 95 % were found to cover before.

    Attributes
    ----------
    kind : {"share", "mean", "bounded", "other"}
        As the app takes the score; "other" leaves out what the rows tell.
    """

    what: str
    population: Population
    kind: Kind
    n_folds: int
    n_repeats: int
    before: Bounds | None


_PRIOR = found(0.967, 1.0, n=_N_BEFORE)
_ROWS = found(0.991, 1.0, n=_N_BEFORE)
CELLS = (
    Cell("accuracy", _SHARE, "share", 5, 1, _PRIOR),
    Cell("accuracy", _SHARE, "share", 5, 3, _PRIOR),
    Cell("accuracy", _SHARE, "share", 3, 1, _PRIOR),
    Cell("accuracy", _SHARE, "share", 2, 1, _PRIOR),
    Cell("accuracy, from the folds alone", _SHARE, "other", 5, 1, found(0.986, n=_N_BEFORE)),
    Cell("accuracy, from the folds alone", _SHARE, "other", 5, 3, found(0.975, n=_N_BEFORE)),
    Cell("accuracy, from the folds alone", _SHARE, "other", 5, 10, found(0.970, n=_N_BEFORE)),
    Cell("squared error", _MEAN, "mean", 5, 1, _ROWS),
    Cell("squared error", _MEAN, "mean", 3, 1, _ROWS),
    Cell("squared error", _MEAN, "mean", 2, 1, _ROWS),
    Cell("squared error, from the folds alone", _MEAN, "other", 5, 1, found(0.985, n=3000)),
    Cell("squared error, from the folds alone", _MEAN, "other", 5, 3, found(0.967, n=3000)),
    Cell("squared error, from the folds alone", _MEAN, "other", 5, 10, found(0.946, n=3000)),
    Cell("area under the curve", _SHARE, "bounded", 5, 1, None),
    Cell("area under the curve", _SHARE, "bounded", 5, 3, None),
)


def fold_scores(study: Study, kind: Kind) -> tuple[Array, float]:
    """Score the configuration that uses all columns on every fold.

    Returns
    -------
    scores : ndarray of shape (n_repeats, n_folds)
    row_variance : float
        Between the losses of single rows inside a fold, averaged; NaN but for a mean.
    """
    everything: Choices = np.arange(study.inputs.shape[1])[np.newaxis]
    if kind not in ("mean", "bounded"):
        return study.scores(everything)[0], float("nan")
    scores, variances = [], []
    for rows in (rows for repeat in study.folds for rows in repeat):
        said, targets = study.predictions(everything, rows)[:, 0], study.targets[rows]
        losses = (said - targets) ** 2
        scores.append(_area(said, targets > 0) if kind == "bounded" else -losses.mean())
        variances.append(losses.var(ddof=1))
    shape = len(study.folds), len(study.folds[0])
    return np.reshape(scores, shape), float(np.mean(variances))


def _area(said: Array, is_one: NDArray[np.bool_]) -> float:
    """Return how often a row of class 1 is ranked above one of the other class."""
    n_ones = int(is_one.sum())
    above = rankdata(said)[is_one].sum() - n_ones * (n_ones + 1) / 2
    return float(above / (n_ones * (len(said) - n_ones)))


def score_coverage(cell: Cell, n_data_sets: int, rng: Generator) -> dict[float, int]:
    """Count, by level, the data sets whose interval holds the expected score.

    That is the mean over all of them: a cross-validated mean has no bias for the score of the
    configuration trained on as many rows as a fold has.
    """
    make = maker_of(cell.population)
    drawn = [
        fold_scores(make(rng, cell.n_repeats, cell.n_folds), cell.kind)
        for _ in range(n_data_sets)
    ]
    scores = np.stack([own for own, _ in drawn])
    truth = float(scores.mean())
    held = {}
    for level in LEVELS:
        within = score_intervals(
            scores,
            kind=cell.kind,
            n_rows=None if cell.kind == "other" else cell.population.n_rows,
            row_variance=np.array([variance for _, variance in drawn]),
            level=level,
        )
        held[level] = int(((within.low <= truth) & (truth <= within.high)).sum())
    return held


def gap_coverage(
    population: Population, folds: tuple[int, int], n_pairs: int, rng: Generator
) -> dict[float, int]:
    """Count, by level, the pairs of equals whose interval of the gap holds 0.

    Parameters
    ----------
    folds : (int, int)
        Folds of a repeat, and repeats.
    """
    make, held = maker_of(population), dict.fromkeys(LEVELS, 0)
    n_folds, n_repeats = folds
    for _ in range(n_pairs):
        one, other = make(rng, n_repeats, n_folds).scores(disjoint_pair())
        for level in LEVELS:
            gap = compare(one, other, level=level)
            held[level] += gap.low <= 0 <= gap.high
    return held


@dataclass(frozen=True)
class Selection:
    """A kind of study whose winner is looked at, and what was found of it before."""

    what: str
    population: Population
    n_trials: int
    n_repeats: int
    before: Bounds | None
    gain_before: Bounds | None = None
    is_adaptive: bool = False


def _before(*shares: float) -> Bounds:
    return found(min(shares), max(shares), n=250)


_SMALL, _LARGE = Population("share", 300), Population("share", 768)
_MIXED = Population("share", 300, is_flat=False)
_MIXED_LOSS = Population("mean", 200, is_flat=False)
SELECTIONS = (
    Selection("equals", _SMALL, 10, 1, _before(0.956)),
    Selection("equals", _SMALL, 100, 1, _before(0.960), _before(0.972)),
    Selection("equals", _SMALL, 1000, 1, _before(0.953)),
    Selection("equals", _SMALL, 100, 5, _before(0.992), _before(0.987)),
    Selection("equals, 768 rows", _LARGE, 100, 3, _before(0.953), _before(0.990)),
    Selection("unequal", _MIXED, 96, 1, _before(0.948), _before(0.933, 0.960)),
    Selection("unequal", _MIXED, 96, 5, _before(0.945), _before(0.933, 0.960)),
    Selection("unequal, squared error", _MIXED_LOSS, 96, 5, _before(0.960)),
    Selection("equals, adaptive", _SMALL, 100, 1, _before(0.913), None, True),
    Selection("equals, adaptive", _SMALL, 100, 3, _before(0.950), None, True),
)


@dataclass(frozen=True)
class Winner:
    """What was said of one study's winner, and the truth: trained on all rows, all new rows."""

    honest: HonestScore
    gain: Gain
    truth: float
    true_gain: float


def look_at_winner(selection: Selection, rng: Generator) -> Winner:
    """Simulate a study and look at its winner; row 0 is the default."""
    study = maker_of(selection.population)(rng, selection.n_repeats, 5)
    if selection.is_adaptive:
        choices, scores = climbed(study, selection.n_trials, rng)
    else:
        choices = draw_choices(selection.n_trials, study.inputs.shape[1], rng)
        scores = study.scores(choices)
    honest = honest_score(scores, is_adaptive=selection.is_adaptive)
    gain = gain_over_default(scores, is_adaptive=selection.is_adaptive)
    if isinstance(honest, str) or isinstance(gain, str):
        message = f"{selection.what}: {honest if isinstance(honest, str) else gain}"
        raise TypeError(message)
    fitted = study.refitted(choices[[honest.winner, 0]])
    truth, default = selection.population.truth(fitted).tolist()
    return Winner(honest, gain, truth, truth - default)


def holds(interval: Interval, truth: float, level: float) -> bool:
    """Tell whether an interval holds the truth; the app shows it at 95 % alone."""
    narrower = t.ppf((1 + level) / 2, interval.df) / t.ppf((1 + LEVEL) / 2, interval.df)
    return bool(abs(truth - interval.mean) <= interval.half_width * narrower)


def figures(effort: float) -> Iterator[Figure]:
    """Measure all of it; an effort of 1 is the full form."""
    rng = np.random.default_rng(4)
    for cell in CELLS:
        n = studies(1200, effort)
        held = score_coverage(cell, n, rng)
        what = f"score: {cell.what}, {cell.n_folds} folds × {cell.n_repeats}"
        yield from _by_level(what, held, n, cell.before)
    pairs = (("accuracy", Population("share", 400)), ("squared error", Population("mean", 300)))
    for name, population in pairs:
        for n_folds, n_repeats in ((5, 1), (5, 3), (5, 10), (3, 5)):
            n = studies(1000, effort)
            held = gap_coverage(population, (n_folds, n_repeats), n, rng)
            before = found(0.954, 0.986, n=1500) if n_folds == 5 else None
            what = f"gap: {name}, {n_folds} folds × {n_repeats}"
            yield from _by_level(what, held, n, before)
    for selection in SELECTIONS:
        n = studies(300, effort)
        yield from _of_winners(selection, [look_at_winner(selection, rng) for _ in range(n)])


def _of_winners(selection: Selection, winners: list[Winner]) -> Iterator[Figure]:
    n, cell = len(winners), _cell(selection)
    held = {
        level: sum(holds(one.honest.interval, one.truth, level) for one in winners)
        for level in LEVELS
    }
    yield from _by_level(f"winner: {cell}", held, n, selection.before, _biases(winners))
    if selection.gain_before is None:
        return
    held = {
        level: sum(holds(one.gain.interval, one.true_gain, level) for one in winners)
        for level in LEVELS
    }
    yield from _by_level(f"gain over the default: {cell}", held, n, selection.gain_before)


def _cell(selection: Selection) -> str:
    n_trials = counted(selection.n_trials, "trial")
    return f"{selection.what}, {n_trials}, 5 folds × {selection.n_repeats}"


def _biases(winners: list[Winner]) -> str:
    shown = np.mean([one.honest.cv - one.truth for one in winners])
    honest = np.mean([one.honest.honest - one.truth for one in winners])
    return f"the search shows {shown:+.3f} too much, the honest score {honest:+.3f}"


def _by_level(
    what: str, held: Mapping[float, int], n: int, before: Bounds | None, how: str = ""
) -> Iterator[Figure]:
    for level, n_held in held.items():
        is_shown = level == LEVEL
        yield Figure(
            what,
            n_held,
            n,
            at_least(level),
            before if is_shown else None,
            case=percent(level, 0),
            how=how if is_shown else "",
        )
