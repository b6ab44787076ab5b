"""Gaussian process and random forest with expected improvement, as scikit-optimize has them.

An Optuna sampler around scikit-optimize's `Optimizer`, set up as `gp_minimize` and
`forest_minimize` set it up. It keeps nothing between trials: what it proposes follows from the
seed, the trial's number, the finished trials and those that run, so a search that goes on after
a restart proposes what it would have proposed.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from optuna import Study
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from threadpoolctl import threadpool_limits

from tuning.optuna_space import step_value
from tuning.sampling.seeds import is_given, is_placed, trial_seed

if TYPE_CHECKING:
    import skopt

_N_CANDIDATES = 10_000  # as `gp_minimize`, like what follows
_N_RESTARTS = 5
_EXPLORATION = 0.01  # improvements below it, in units of the score, count little
_MOST_SEED = np.iinfo(np.int32).max

Surrogate = Literal["gp", "forest"]


class ExpectedImprovement(BaseSampler):
    """Proposes where a surrogate of the scores expects the largest improvement [1]_.

    Parameters
    ----------
    surrogate : {"gp", "forest"}
        Gaussian process (Matérn 5/2, a length for each parameter, noise), or 100 trees.
    space : mapping
        What is searched.
    seed : int
        The study's.
    n_startup_trials : int
        Trials of its own that are drawn at random before it learns; default settings and
        trials entered by hand are its x0, and come on top.

    Notes
    -----
    Trials that run count as if they had reached the best score so far ("constant liar",
    `Optimizer.ask` with ``cl_min``), so that a round has different trials. A failed trial is
    left out. A pruned one counts as the worst finished one: it was behind others when it was
    cut. A trial with a value outside the search space is left out, as scikit-optimize has no
    place for it.

    References
    ----------
    .. [1] Jones, Schonlau and Welch, *Efficient Global Optimization of Expensive Black-Box
       Functions*, Journal of Global Optimization 13 (1998).
    """

    def __init__(
        self,
        surrogate: Surrogate,
        space: Mapping[str, BaseDistribution],
        seed: int,
        n_startup_trials: int,
    ) -> None:
        self._surrogate = surrogate
        self._axes = {name: _Axis(d) for name, d in space.items() if not d.single()}
        self._seed = seed
        self._n_startup_trials = n_startup_trials

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return everything that is searched, but nothing for a trial that is known already."""
        del study
        if is_placed(trial):
            return {}
        return {name: axis.distribution for name, axis in self._axes.items()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Propose a trial."""
        if not search_space:
            return {}
        seed = trial_seed(self._seed, trial.number) % _MOST_SEED
        known = self._known(study, trial)
        starting = known.n_own < self._n_startup_trials or not known.points
        point = self._draw(seed) if starting else self._best(known, seed)
        return {
            name: axis.value(place)
            for (name, axis), place in zip(self._axes.items(), point, strict=True)
        }

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:  # noqa: ANN401 (Optuna's type)
        """Draw a value at random; `sample_relative` leaves none to be drawn."""
        sampler = RandomSampler(seed=trial_seed(self._seed, trial.number))
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def _known(self, study: Study, asked: FrozenTrial) -> _Known:
        """Gather what is known when a trial is asked for, in the order of the numbers."""
        sign = 1.0 if study.direction == StudyDirection.MINIMIZE else -1.0
        trials = [t for t in study.get_trials(deepcopy=False) if self._is_inside(t)]
        by_state: dict[TrialState, list[FrozenTrial]] = {}
        for trial in trials:
            if trial.number != asked.number:
                by_state.setdefault(trial.state, []).append(trial)
        finished = by_state.get(TrialState.COMPLETE, [])
        values = [sign * float(trial.value or 0.0) for trial in finished]
        pruned = by_state.get(TrialState.PRUNED, [])
        running = by_state.get(TrialState.RUNNING, [])
        n_own = sum(not is_given(trial) for trial in [*finished, *pruned, *running])
        if not values:
            return _Known([], [], n_own)
        told = [*values, *[max(values)] * len(pruned), *[min(values)] * len(running)]
        points = [self._point(trial) for trial in [*finished, *pruned, *running]]
        return _Known(points, told, n_own)

    def _is_inside(self, trial: FrozenTrial) -> bool:
        return all(name in trial.params for name in self._axes)

    def _point(self, trial: FrozenTrial) -> list[float]:
        return [axis.place(trial.params[name]) for name, axis in self._axes.items()]

    def _draw(self, seed: int) -> Sequence[float]:
        import skopt

        space = skopt.Space([axis.dimension() for axis in self._axes.values()])
        drawn: Sequence[float] = space.rvs(random_state=seed)[0]
        return drawn

    def _best(self, known: _Known, seed: int) -> Sequence[float]:
        optimizer = make_optimizer(
            self._surrogate, [axis.dimension() for axis in self._axes.values()], seed
        )
        with threadpool_limits(1), warnings.catch_warnings():  # more threads only wait
            # In a space of few cells every one may have been tried; it draws one at random.
            warnings.filterwarnings("ignore", message="The objective has been evaluated")
            optimizer.tell(known.points, known.values)
            proposed: Sequence[float] = optimizer.ask()
        return proposed


def make_optimizer(
    surrogate: Surrogate, dimensions: Sequence[Any], seed: int
) -> skopt.Optimizer:
    """Set up scikit-optimize as its `gp_minimize` and `forest_minimize` do, without a start-up.

    Parameters
    ----------
    dimensions : sequence of Dimension
        Of scikit-optimize.
    """
    import skopt
    from skopt.utils import cook_estimator, normalize_dimensions

    rng = np.random.RandomState(seed)
    if surrogate == "gp":
        space = normalize_dimensions(dimensions)
        own_seed = rng.randint(0, _MOST_SEED)
        estimator = cook_estimator("GP", space=space, random_state=own_seed, noise="gaussian")
    else:
        space, estimator = dimensions, "RF"
    return skopt.Optimizer(
        space,
        estimator,
        n_initial_points=0,
        acq_func="EI",
        acq_optimizer="auto" if surrogate == "gp" else "sampling",
        random_state=rng,
        model_queue_size=1,
        acq_optimizer_kwargs={
            "n_points": _N_CANDIDATES,
            "n_restarts_optimizer": _N_RESTARTS,
            "n_jobs": 1,
        },
        acq_func_kwargs={"xi": _EXPLORATION},
    )


@dataclass(frozen=True)
class _Known:
    """Places and values to be made small, and how many of the trials were proposed here."""

    points: list[list[float]]
    values: list[float]
    n_own: int


@dataclass(frozen=True)
class _Axis:
    """One parameter, as Optuna has it and as scikit-optimize does.

    Choices are their places in the list, and steps are counted: 10, 20, 30 are 0, 1, 2.
    """

    distribution: BaseDistribution

    def dimension(self) -> Any:  # noqa: ANN401 (scikit-optimize ships no types)
        """Return it for scikit-optimize; made anew, as its optimizers change it."""
        from skopt.space import Categorical, Integer, Real

        own = self.distribution
        if isinstance(own, CategoricalDistribution):
            return Categorical(list(range(len(own.choices))))
        if not isinstance(own, (IntDistribution, FloatDistribution)):
            raise TypeError(own)
        prior = "log-uniform" if own.log else "uniform"
        if isinstance(own, FloatDistribution) and own.step is None:
            return Real(own.low, own.high, prior=prior)
        if self._is_counted:
            return Integer(0, round((own.high - own.low) / (own.step or 1)))
        return Integer(int(own.low), int(own.high), prior=prior)

    def place(self, value: Any) -> float:  # noqa: ANN401 (Optuna's type)
        """Return where a value lies for scikit-optimize."""
        own = self.distribution
        internal = own.to_internal_repr(value)
        if self._is_counted and isinstance(own, (IntDistribution, FloatDistribution)):
            return round((internal - own.low) / (own.step or 1))
        return internal if isinstance(own, FloatDistribution) else int(internal)

    def value(self, place: float) -> Any:  # noqa: ANN401 (Optuna's type)
        """Return the value at a place."""
        own = self.distribution
        if isinstance(own, CategoricalDistribution):
            return own.choices[int(place)]
        if not isinstance(own, (IntDistribution, FloatDistribution)):
            raise TypeError(own)
        number = float(place)
        if self._is_counted:
            number = step_value(own.low, own.step or 1, int(place))
        number = min(max(number, own.low), own.high)
        return number if isinstance(own, FloatDistribution) else round(number)

    @property
    def _is_counted(self) -> bool:
        own = self.distribution
        if isinstance(own, IntDistribution):
            return own.step != 1
        return isinstance(own, FloatDistribution) and own.step is not None
