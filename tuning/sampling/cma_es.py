"""CMA-ES as an Optuna sampler that a restarted search can rebuild.

Optuna's own keeps its state in attributes of the trials it proposed. Here it draws each trial
from a seed of the trial's own, so that proposing a trial again restores that state.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, CmaEsSampler, RandomSampler
from optuna.trial import FrozenTrial

from tuning.sampling.seeds import is_given, trial_seed


def population_size(n_parameters: int) -> int:
    """Return the trials of a generation, after which CMA-ES learns [1]_.

    References
    ----------
    .. [1] Hansen, *The CMA Evolution Strategy: A Tutorial*, arXiv:1604.00772 (2016),
       equation 48.
    """
    return 4 + math.floor(3 * math.log(max(n_parameters, 1)))


class CmaEs(BaseSampler):
    """Proposes with Optuna's `CmaEsSampler` from the first trial on.

    Parameters
    ----------
    space : mapping
        What is searched, ranges of numbers only.
    seed : int
        The study's.
    """

    def __init__(self, space: Mapping[str, BaseDistribution], seed: int) -> None:
        self._space = {name: d for name, d in space.items() if not d.single()}
        self._seed = seed

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return everything that is searched, but nothing for a trial that others chose."""
        del study
        return {} if is_given(trial) else self._space

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw a trial from the distribution of its generation."""
        seed = trial_seed(self._seed, trial.number)
        sampler = CmaEsSampler(seed=seed, n_startup_trials=0, warn_independent_sampling=False)
        return sampler.sample_relative(study, trial, search_space)

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
