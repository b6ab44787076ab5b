"""The board on which samplers that learn, and pruners, see the trials of a study."""

from __future__ import annotations

from collections.abc import Mapping

import optuna
from optuna.distributions import BaseDistribution

from tuning.optuna_space import contains, decode, distributions, encode
from tuning.parameters import Value
from tuning.samplers import all_params
from tuning.sampling.cma_es import CmaEs
from tuning.sampling.expected_improvement import ExpectedImprovement
from tuning.sampling.seeds import GIVEN, PLACED
from tuning.spec import PrunerSpec, StudySpec

# What Keras' optimizers take where no learning rate is set; the tests compare them with Keras.
DEFAULT_RATES: Mapping[str, float] = {
    "sgd": 0.01,
    "rmsprop": 0.001,
    "adagrad": 0.001,
    "adadelta": 0.001,
    "adam": 0.001,
    "adamax": 0.001,
    "nadam": 0.001,
}


class Board:
    """The trials as Optuna sees them while they run: proposes with what learns, prunes.

    Lives in memory and is rebuilt from the finished trials after a restart; trials are entered
    in the order of their numbers, so that Optuna counts them as we do.
    """

    def __init__(self, spec: StudySpec) -> None:
        self._spec = spec
        self._space = distributions(spec)
        self._storage = optuna.storages.InMemoryStorage()
        self._study = optuna.create_study(
            storage=self._storage,
            direction=spec.direction,
            sampler=_optuna_sampler(spec, self._space),
            pruner=make_pruner(spec.pruner),
        )
        self._trials: dict[int, optuna.Trial] = {}

    def propose(self, number: int) -> dict[str, Value]:
        """Ask for the settings of a trial."""
        trial = self._study.ask(self._space)
        self._trials[number] = trial
        return {name: decode(name, value) for name, value in trial.params.items()}

    def place(self, number: int, settings: Mapping[str, Value]) -> None:
        """Enter a trial whose settings are known.

        Default settings and those a person entered may lie outside the search space: what
        does is left out. A learning rate left to the optimizer counts as the one it has.
        """
        known = self._with_rate(settings)
        encoded = {name: encode(value) for name, value in known.items()}
        inside = {n: value for n, value in encoded.items() if contains(self._space[n], value)}
        given = self._is_given(number)
        running = optuna.trial.create_trial(
            state=optuna.trial.TrialState.RUNNING,
            params=inside,
            distributions={name: self._space[name] for name in inside},
            user_attrs={PLACED: True, GIVEN: given},
        )
        # Not `enqueue_trial`: Optuna would look for it among all trials.
        study_id = self._storage.get_study_id_from_name(self._study.study_name)
        trial_id = self._storage.create_new_trial(study_id, template_trial=running)
        trial = self._trials[number] = optuna.Trial(self._study, trial_id)
        if self._spec.sampler.kind == "cmaes" and not given:
            _ = trial.relative_params  # asked for, it enters what its generation needs to know

    def report(self, number: int, epoch: int, value: float) -> bool:
        """Enter what a trial is worth after an epoch, and tell whether the pruner cuts it.

        Parameters
        ----------
        epoch : int
            From 0; the pruner compares trials at the same epoch.
        value : float
            Mean over all fits (folds × repeats) of the trial.
        """
        trial = self._trials[number]
        trial.report(value, epoch)
        return trial.should_prune()

    def finish(self, number: int, score: float | None, *, pruned: bool = False) -> None:
        """Enter how a trial ended; without a score it failed, unless it was pruned."""
        trial = self._trials.pop(number)
        if pruned:
            self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        elif score is None:
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(trial, score)

    def _is_given(self, number: int) -> bool:
        return number in self._spec.hand_numbers or (number == 0 and self._spec.include_default)

    def _with_rate(self, settings: Mapping[str, Value]) -> dict[str, Value]:
        """Put Keras' default in place of a searched learning rate that is off."""
        if "learning_rate" not in settings or settings["learning_rate"] is not None:
            return dict(settings)
        if contains(self._space["learning_rate"], None):
            return dict(settings)
        optimizer = str(all_params(self._spec, settings)["optimizer"])
        return {**settings, "learning_rate": DEFAULT_RATES[optimizer]}


def make_board(spec: StudySpec) -> Board | None:
    """Make a board where something reads it: a sampler that learns, or a pruner."""
    if spec.sampler.learns or spec.pruner.kind != "none":
        return Board(spec)
    return None


def make_pruner(pruner: PrunerSpec) -> optuna.pruners.BasePruner:
    """Return Optuna's pruner of this kind."""
    if pruner.kind == "median":
        return optuna.pruners.MedianPruner(pruner.n_startup_trials, pruner.n_warmup_steps)
    if pruner.kind == "successive_halving":
        return optuna.pruners.SuccessiveHalvingPruner(
            min_resource=max(1, pruner.n_warmup_steps),
            reduction_factor=pruner.reduction_factor,
        )
    return optuna.pruners.NopPruner()


def _optuna_sampler(
    spec: StudySpec, space: Mapping[str, BaseDistribution]
) -> optuna.samplers.BaseSampler:
    kind, n_startup = spec.sampler.kind, spec.sampler.n_startup_trials
    if kind == "tpe":
        return optuna.samplers.TPESampler(seed=spec.seed, n_startup_trials=n_startup)
    if kind in ("gp", "forest"):
        return ExpectedImprovement(kind, space, spec.seed, n_startup)
    if kind == "cmaes":
        return CmaEs(space, spec.seed)
    return optuna.samplers.RandomSampler(seed=spec.seed)
