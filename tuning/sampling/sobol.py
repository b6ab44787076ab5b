"""Sobol points: settings that fill a search space more evenly than random draws do.

They depend on the spec alone, like random draws: nothing learns from scores.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from tuning.optuna_space import decode, distributions, step_value
from tuning.parameters import Value
from tuning.spec import StudySpec

_MOST_LOOKED_AT = 32  # points a trial, where a space has few cells; cells missed then come last

Cell = tuple[tuple[str, Value], ...]


def sobol_settings(
    spec: StudySpec, count: int, earlier: Sequence[Mapping[str, Value]] = ()
) -> list[dict[str, Value]]:
    """Return the first points of a scrambled Sobol sequence that were not tried before.

    Parameters
    ----------
    count : int
        Points to return; fewer if the space has fewer cells.
    earlier : sequence of mapping
        Settings that are there already, so that a longer search goes on where a shorter one
        ended.

    Notes
    -----
    The points are those of Optuna's `QMCSampler` (type Sobol, scrambled, same seed) [1]_. It
    draws its first trial at random, may repeat a cell, and starts anew after a restart; here
    each point is a trial, cells come once, and all are known beforehand.

    References
    ----------
    .. [1] Bergstra and Bengio, *Random Search for Hyper-Parameter Optimization*, JMLR 13
       (2012), section 5, compares Sobol points with random draws and grids.
    """
    seen = {cell_of(settings) for settings in earlier}
    wanted = len(seen) + count
    drawn: list[dict[str, Value]] = []
    for settings in _points(spec, wanted):
        if len(drawn) == count:
            return drawn
        cell = cell_of(settings)
        if cell not in seen:
            seen.add(cell)
            drawn.append(settings)
    if spec.n_cells is None:
        return drawn
    missing = (cell for cell in spec.grid() if cell_of(cell) not in seen)
    return drawn + list(itertools.islice(missing, count - len(drawn)))


def cell_of(settings: Mapping[str, Value]) -> Cell:
    """Return what is equal for equal settings."""
    return tuple(sorted(settings.items()))


def _points(spec: StudySpec, wanted: int) -> Iterator[dict[str, Value]]:
    from scipy.stats import qmc  # slow to import, and few studies need it

    space = distributions(spec)
    engine = qmc.Sobol(len(space), scramble=True, seed=spec.seed)  # as Optuna, not `rng`
    power = math.ceil(math.log2(max(wanted, 1)))
    n_drawn = 0
    while n_drawn < _MOST_LOOKED_AT * max(wanted, 1):
        points = engine.random_base2(power)
        power += n_drawn > 0  # the sequence is even only where its length is a power of 2
        n_drawn += len(points)
        for point in points.tolist():
            yield {
                name: decode(name, _at(distribution, share))
                for (name, distribution), share in zip(space.items(), point, strict=True)
            }


def _at(distribution: BaseDistribution, share: float) -> object:
    """Return the value up to which a share (0 up to 1) of a distribution lies."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[int(share * len(distribution.choices))]
    if not isinstance(distribution, (IntDistribution, FloatDistribution)):
        raise TypeError(distribution)
    low, high, step = float(distribution.low), float(distribution.high), distribution.step
    half = 0.0 if step is None else step / 2  # the first and last step are as likely as others
    if distribution.log:
        start, end = math.log(low - half), math.log(high + half)
        number = math.exp(start + share * (end - start))
    else:
        number = low - half + share * (high - low + 2 * half)
    if step is not None:
        number = step_value(low, step, round((number - low) / step))
    return min(max(number, low), high)
