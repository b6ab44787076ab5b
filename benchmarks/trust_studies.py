"""Simulated studies whose truth is known.

Configurations are ridge regressions on random columns that all matter alike: none is better in
the population, while on any one data set some are, by the luck of its rows. Their folds are
real, and so is what the folds share. Scores are larger-is-better.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr, roots_hermitenorm

from tuning.datasets.catalogue import load_dataset

Array = NDArray[np.float64]
Choices = NDArray[np.intp]
Generator = np.random.Generator
Kind = Literal["share", "mean"]

_RIDGE = 1.0
_STEEPNESS = 2.0  # of the logistic curve: about 77 of 100 rows can be told right
_NOISE = 1.0  # of a numeric target, in units of what the inputs explain
_N_NODES = 80
_FADING = 0.75  # of each input's weight from one to the next, where they differ
_A_BATCH = 10


@dataclass(frozen=True)
class Population:
    """Normal inputs, and a target that is a class or a number.

    Attributes
    ----------
    kind : {"share", "mean"}
        Accuracy, or the negative mean squared error.
    is_flat : bool
        Whether all inputs matter alike; otherwise each next one matters less.
    """

    kind: Kind
    n_rows: int
    n_inputs: int = 16
    is_flat: bool = True

    @property
    def weights(self) -> Array:
        """Weight of each input, of length 1."""
        raw = np.full(self.n_inputs, 1.0 if self.is_flat else _FADING)
        powers: Array = raw ** np.arange(self.n_inputs)
        return powers / math.sqrt(float(powers @ powers))

    def draw(self, rng: Generator) -> tuple[Array, Array]:
        """Return the inputs and the targets of a data set; classes are -1 and 1."""
        inputs = rng.normal(size=(self.n_rows, self.n_inputs))
        signal = inputs @ self.weights
        if self.kind == "mean":
            return inputs, signal + _NOISE * rng.normal(size=self.n_rows)
        is_one = rng.random(self.n_rows) < expit(_STEEPNESS * signal)
        return inputs, np.where(is_one, 1.0, -1.0)

    def truth(self, fitted: Array) -> Array:
        """Return the score of fitted weights on all rows there could be.

        Parameters
        ----------
        fitted : ndarray of shape (n_trials, n_inputs)
        """
        if self.kind == "mean":
            loss: Array = _NOISE**2 + ((fitted - self.weights) ** 2).sum(axis=1)
            return -loss
        cosine = fitted @ self.weights / np.sqrt((fitted**2).sum(axis=1))
        nodes, shares = roots_hermitenorm(_N_NODES)
        slope = cosine / np.sqrt(np.maximum(1 - cosine**2, 1e-12))
        says_one = ndtr(slope[:, np.newaxis] * nodes)
        is_one = expit(_STEEPNESS * nodes)
        right = says_one * is_one + (1 - says_one) * (1 - is_one)
        scores: Array = right @ shares / shares.sum()
        return scores


@dataclass(frozen=True)
class Study:
    """One data set and the folds that all its configurations share.

    Attributes
    ----------
    folds : tuple of tuple of ndarray
        Rows that score, by repeat and fold.
    """

    kind: Kind
    inputs: Array
    targets: Array
    folds: tuple[tuple[NDArray[np.intp], ...], ...] = field(repr=False)

    def scores(self, choices: Choices) -> Array:
        """Train and score configurations on every fold of every repeat.

        Parameters
        ----------
        choices : ndarray of shape (n_trials, n_used)
            Columns each configuration uses.

        Returns
        -------
        ndarray of shape (n_trials, n_repeats, n_folds)
        """
        own = [[self._fold(choices, rows) for rows in repeat] for repeat in self.folds]
        return np.moveaxis(np.array(own), -1, 0)

    def refitted(self, choices: Choices) -> Array:
        """Return weights trained on all rows; shape (n_trials, n_inputs)."""
        return _solved(self._squares, self._products, choices)

    @cached_property
    def _squares(self) -> Array:
        return self.inputs.T @ self.inputs

    @cached_property
    def _products(self) -> Array:
        return self.inputs.T @ self.targets

    def predictions(self, choices: Choices, rows: NDArray[np.intp]) -> Array:
        """Return what is said of some rows by fits on all others; (n_rows, n_trials)."""
        own, targets = self.inputs[rows], self.targets[rows]
        squares, products = self._squares - own.T @ own, self._products - own.T @ targets
        said: Array = own @ _solved(squares, products, choices).T
        return said

    def _fold(self, choices: Choices, rows: NDArray[np.intp]) -> Array:
        said, targets = self.predictions(choices, rows), self.targets[rows, np.newaxis]
        if self.kind == "mean":
            losses: Array = ((said - targets) ** 2).mean(axis=0)
            return -losses
        is_right: NDArray[np.bool_] = (said > 0) == (targets > 0)
        shares: Array = is_right.mean(axis=0)
        return shares


StudyMaker = Callable[[Generator, int, int], Study]


def _solved(squares: Array, products: Array, choices: Choices) -> Array:
    n_trials, n_used = choices.shape
    inner = squares[choices[:, :, np.newaxis], choices[:, np.newaxis, :]]
    solved = np.linalg.solve(
        inner + _RIDGE * np.eye(n_used), products[choices][..., np.newaxis]
    )
    weights = np.zeros((n_trials, len(products)))
    np.put_along_axis(weights, choices, solved[..., 0], axis=1)
    return weights


def make_folds(
    n_rows: int, n_repeats: int, n_folds: int, rng: Generator
) -> tuple[tuple[NDArray[np.intp], ...], ...]:
    """Cut rows into folds of equal size, anew for each repeat."""
    return tuple(
        tuple(np.array_split(rng.permutation(n_rows), n_folds)) for _ in range(n_repeats)
    )


def maker_of(population: Population) -> StudyMaker:
    """Return what draws a data set of a population, and its folds."""

    def make(rng: Generator, n_repeats: int, n_folds: int) -> Study:
        folds = make_folds(population.n_rows, n_repeats, n_folds, rng)
        return Study(population.kind, *population.draw(rng), folds)

    return make


def pima_coins() -> StudyMaker:
    """Return what gives the rows of Pima random labels: every configuration is worth 0.5.

    Columns are the eight measurements, their squares and their products: enough for many
    different configurations.
    """
    raw = load_dataset("pima").features.astype(np.float64)
    own = _standardised(raw)
    pairs = itertools.combinations_with_replacement(range(own.shape[1]), 2)
    inputs = _standardised(np.column_stack([own, *(own[:, a] * own[:, b] for a, b in pairs)]))

    def make(rng: Generator, n_repeats: int, n_folds: int) -> Study:
        labels = rng.choice([-1.0, 1.0], size=len(inputs))
        folds = make_folds(len(inputs), n_repeats, n_folds, rng)
        return Study("share", inputs, labels, folds)

    return make


def _standardised(columns: Array) -> Array:
    scaled: Array = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    return scaled


def draw_choices(n_trials: int, n_inputs: int, rng: Generator, n_used: int = 8) -> Choices:
    """Draw different sets of columns, all of one size."""
    drawn: Choices = np.empty((0, n_used), np.intp)
    while len(drawn) < n_trials:
        orders = rng.random((2 * n_trials, n_inputs)).argsort(axis=1)
        drawn = np.unique(np.sort(orders[:, :n_used], axis=1), axis=0)
    return rng.permutation(drawn)[:n_trials]


def disjoint_pair(n_inputs: int = 16) -> Choices:
    """Return two configurations that share no column."""
    return np.arange(n_inputs).reshape(2, -1)


def climbed(study: Study, n_trials: int, rng: Generator) -> tuple[Choices, Array]:
    """Search by exchanging one column of the best so far, ten trials at a time.

    Returns
    -------
    choices : ndarray of shape (n_trials, n_used)
    scores : ndarray of shape (n_trials, n_repeats, n_folds)
    """
    n_inputs = study.inputs.shape[1]
    choices = draw_choices(_A_BATCH, n_inputs, rng)
    scores = study.scores(choices)
    while len(choices) < n_trials:
        best = choices[scores.mean(axis=(1, 2)).argmax()]
        others = np.setdiff1d(np.arange(n_inputs), best)
        new = np.tile(best, (_A_BATCH, 1))
        new[np.arange(_A_BATCH), rng.integers(len(best), size=_A_BATCH)] = rng.choice(
            others, size=_A_BATCH
        )
        choices = np.vstack([choices, new])
        scores = np.concatenate([scores, study.scores(new)])
    return choices[:n_trials], scores[:n_trials]


def lucky(n_trials: int, n_repeats: int, rng: Generator, n_folds: int = 5) -> Array:
    """Score equals whose data set favours each by as much as the correction allows for.

    Real learners have less luck than that; here the correction is exact.
    """
    luck = rng.normal(scale=math.sqrt(1 / (n_folds - 1)), size=(n_trials, 1, 1))
    scores: Array = luck + rng.normal(size=(n_trials, n_repeats, n_folds))
    return scores


def paired_deviation(scores: Array) -> float:
    """Return the standard deviation, between folds of a repeat, of a difference of trials.

    Parameters
    ----------
    scores : ndarray of shape (n_trials, n_repeats, n_folds)
    """
    n_trials, n_repeats, n_folds = scores.shape
    rest = scores - scores.mean(axis=2, keepdims=True)
    rest = rest - rest.mean(axis=0)
    df = (n_trials - 1) * n_repeats * (n_folds - 1)
    return math.sqrt(2 * float((rest**2).sum()) / df)


def studies(n: int, effort: float) -> int:
    """Return how many studies to simulate of those that the full form has."""
    return max(round(n * effort), 2)
