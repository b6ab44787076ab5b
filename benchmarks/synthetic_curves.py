"""Loss curves whose class is known, to count how often a diagnosis finds it.

The shapes are our own guess at what networks do: an exponential fall, one that has hardly
begun, one with a straight rise after it, one without any fall, one that breaks off. Gaussian
noise is added to the validation loss, as a share of the range of the losses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

CurveClass = Literal[
    "diverged", "overfits", "still improving", "plateau", "not learning", "too noisy"
]

_LEVEL, _RANGE = 0.5, 0.5  # the loss left at the end of a fall, and what it falls by
_TRAIN_NOISE = 0.1  # of the validation noise: training loss is a mean over far more rows
_HOPELESS = 0.5  # noise of the curves nobody can read, as a share of the fall; never less

Array = NDArray[np.float64]
Curves = tuple[Array, Array]


def synthetic_curves(
    kind: CurveClass, n_curves: int, n_epochs: int, noise: float, rng: np.random.Generator
) -> Curves:
    """Make training and validation losses of one class.

    Parameters
    ----------
    noise : float
        Standard deviation of the validation loss as a share of the range of the losses.

    Returns
    -------
    train, validation : ndarray of shape (n_curves, n_epochs)
        Where the class is diverged, some end in NaN and some rise without end.
    """
    train, validation = _MAKERS[kind](np.arange(n_epochs, dtype=float)[None, :], n_curves, rng)
    share = max(noise, _HOPELESS) if kind == "too noisy" else noise
    validation = validation + share * _RANGE * rng.standard_normal(validation.shape)
    train = train + _TRAIN_NOISE * share * _RANGE * rng.standard_normal(train.shape)
    return train, validation


def _between(low: float, high: float, n_curves: int, rng: np.random.Generator) -> Array:
    return rng.uniform(low, high, size=(n_curves, 1))


def _fall(epoch: Array, tau: Array) -> Array:
    fall: Array = _LEVEL + _RANGE * np.exp(-epoch / tau)
    return fall


def _plateau(epoch: Array, n_curves: int, rng: np.random.Generator) -> Curves:
    tau = _between(1 / 20, 1 / 8, n_curves, rng) * epoch.shape[1]
    return _fall(epoch, tau), _fall(epoch, tau)


def _improving(epoch: Array, n_curves: int, rng: np.random.Generator) -> Curves:
    tau = _between(0.5, 1.0, n_curves, rng) * epoch.shape[1]
    return _fall(epoch, tau), _fall(epoch, tau)


def _overfits(epoch: Array, n_curves: int, rng: np.random.Generator) -> Curves:
    n_epochs = epoch.shape[1]
    tau = _between(1 / 20, 1 / 8, n_curves, rng) * n_epochs
    onset = _between(0.3, 0.5, n_curves, rng) * n_epochs
    rise = _between(0.25, 0.6, n_curves, rng) * _RANGE
    risen = rise * np.maximum(0.0, epoch - onset) / (n_epochs - onset)
    return _fall(epoch, 2 * tau), _fall(epoch, tau) + risen


def _not_learning(epoch: Array, n_curves: int, rng: np.random.Generator) -> Curves:
    level = _LEVEL + _RANGE * _between(0.5, 1.5, n_curves, rng)
    return level + 0 * epoch, level + 0 * epoch


def _noisy(epoch: Array, n_curves: int, rng: np.random.Generator) -> Curves:
    tau = _between(1 / 4, 1.0, n_curves, rng) * epoch.shape[1]
    return _fall(epoch, tau), _fall(epoch, tau)


def _diverged(epoch: Array, n_curves: int, rng: np.random.Generator) -> Curves:
    n_epochs = epoch.shape[1]
    broken = _between(0.1, 0.9, n_curves, rng) * n_epochs
    rises = rng.random((n_curves, 1)) < 0.5
    tau = _between(0.2, 0.6, n_curves, rng) * n_epochs
    rising = (_LEVEL + _RANGE) * np.exp(epoch / tau)
    breaking = np.where(epoch < broken, _fall(epoch, broken), np.nan)
    curves = np.where(rises, rising, breaking)
    return curves, curves


_MAKERS: dict[CurveClass, Callable[[Array, int, np.random.Generator], Curves]] = {
    "diverged": _diverged,
    "overfits": _overfits,
    "still improving": _improving,
    "plateau": _plateau,
    "not learning": _not_learning,
    "too noisy": _noisy,
}
