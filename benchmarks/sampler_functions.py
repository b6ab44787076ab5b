"""Functions with known minima, as scikit-optimize and as Optuna see their spaces."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import skopt.benchmarks
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from skopt.space import Categorical, Integer, Real

_BRANIN_MINIMUM = 0.39788735772973816  # at (π, 2.275)
_HARTMANN_MINIMUM = -3.32236801141551
_RULES = ("first", "second", "third")


@dataclass(frozen=True)
class Function:
    """A function to be made small.

    Attributes
    ----------
    distance : callable
        From a point, in the order of the space, to how far its value is above the minimum.
    """

    name: str
    space: Mapping[str, BaseDistribution]
    distance: Callable[[Sequence[Any]], float]

    def dimensions(self) -> list[Any]:
        """Return the space for scikit-optimize; made anew, as it changes what it is given."""
        return [_dimension(distribution) for distribution in self.space.values()]


def _dimension(distribution: BaseDistribution) -> Any:  # noqa: ANN401 (scikit-optimize has no types)
    if isinstance(distribution, CategoricalDistribution):
        return Categorical(list(distribution.choices))
    if isinstance(distribution, IntDistribution):
        return Integer(distribution.low, distribution.high)
    if isinstance(distribution, FloatDistribution):
        prior = "log-uniform" if distribution.log else "uniform"
        return Real(distribution.low, distribution.high, prior=prior)
    raise TypeError(distribution)


def _box(*ends: tuple[float, float]) -> dict[str, BaseDistribution]:
    return {f"x{index}": FloatDistribution(low, high) for index, (low, high) in enumerate(ends)}


def _branin(point: Sequence[float]) -> float:
    return float(skopt.benchmarks.branin(point)) - _BRANIN_MINIMUM


def _sphere(point: Sequence[float]) -> float:
    return float(sum((x - 1.0) ** 2 for x in point))


def _hartmann(point: Sequence[float]) -> float:
    return float(skopt.benchmarks.hart6(point)) - _HARTMANN_MINIMUM


def _ackley(point: Sequence[float]) -> float:
    x = np.asarray(point, float)
    near = -20 * math.exp(-0.2 * math.sqrt(float(np.mean(x**2))))
    return near - math.exp(float(np.mean(np.cos(2 * math.pi * x)))) + 20 + math.e


def _mixed(point: Sequence[Any]) -> float:
    """Like tuning: a log range, a number of layers, and a choice that moves the best rate."""
    rate, layers, rule = point
    best = {"first": -3.0, "second": -2.0, "third": -4.0}[rule]
    worse = {"first": 0.0, "second": 0.05, "third": 0.3}[rule]
    return float((math.log10(rate) - best) ** 2 / 4 + 0.05 * abs(layers - 3) + worse)


FUNCTIONS = (
    Function("Branin", _box((-5, 10), (0, 15)), _branin),
    Function("sphere in 4-D", _box(*[(-5, 5)] * 4), _sphere),
    Function("Hartmann in 6-D", _box(*[(0, 1)] * 6), _hartmann),
    Function("Ackley in 3-D", _box(*[(-5, 10)] * 3), _ackley),
    Function(
        "choices and ranges",
        {
            "rate": FloatDistribution(1e-6, 1e-1, log=True),
            "layers": IntDistribution(1, 6),
            "rule": CategoricalDistribution(_RULES),
        },
        _mixed,
    ),
)
