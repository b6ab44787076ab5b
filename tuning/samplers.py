"""Which settings to try: every cell, random draws without repeats, or Optuna's TPE.

Grid and random know all their settings beforehand, from the spec alone, so that trial 17 is the
same after any restart. Layer sizes travel through Optuna as text, because it stores only
numbers and text.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from tuning.parameters import PARAMETERS, Value, show_value
from tuning.setting import Choices, LogRange, Range, Setting, grid_values, n_values
from tuning.spec import MOST_TRIALS, PrunerSpec, StudySpec

_MOST_REDRAWS = 200  # draws in a row that were all seen before; the space is as good as used up


def planned_settings(spec: StudySpec) -> list[dict[str, Value]] | None:
    """Return the searched values of every trial, by number; None if they depend on scores."""
    if spec.sampler.kind == "grid":
        return list(spec.grid())
    if spec.sampler.kind == "random":
        return _draw_all(spec, spec.n_trials, np.random.default_rng(spec.seed))
    return None


def sample_settings(spec: StudySpec, count: int) -> list[dict[str, Value]]:
    """Draw some settings of the search space, for an estimate; fewer if it has fewer cells."""
    return _draw_all(spec, count, np.random.default_rng(0))


def all_params(spec: StudySpec, searched: Mapping[str, Value]) -> dict[str, Value]:
    """Return every parameter of a trial's model: the searched ones and the fixed ones."""
    return {**spec.fixed, **searched}


def _draw_all(spec: StudySpec, count: int, rng: np.random.Generator) -> list[dict[str, Value]]:
    cells = spec.n_cells
    if cells is not None and cells <= MOST_TRIALS:
        every = list(spec.grid())
        order = rng.permutation(len(every))[:count]
        return [every[index] for index in order]
    drawn: dict[tuple[Value, ...], dict[str, Value]] = {}
    misses = 0
    while len(drawn) < count and misses < _MOST_REDRAWS:
        settings = {name: _draw(name, s, rng) for name, s in spec.searched.items()}
        key = tuple(settings.values())
        misses = misses + 1 if key in drawn else 0
        drawn.setdefault(key, settings)
    return list(drawn.values())


def _draw(name: str, setting: Setting, rng: np.random.Generator) -> Value:
    whole = PARAMETERS[name].kind == "int"
    if isinstance(setting, Range) and setting.points is None:
        number = _draw_from_range(setting, n_values(name, setting), rng)
    elif isinstance(setting, LogRange) and setting.points is None:
        number = float(np.exp(rng.uniform(np.log(setting.low), np.log(setting.high))))
        number = min(max(number, setting.low), setting.high)  # exp and log may round outwards
    else:
        values = grid_values(name, setting) or ()
        return values[int(rng.integers(len(values)))]
    return round(number) if whole else number


def _draw_from_range(setting: Range, n_steps: int | None, rng: np.random.Generator) -> float:
    """Draw a step's multiple without listing them all, or any number if there is no step."""
    if n_steps is None:
        return float(rng.uniform(setting.low, setting.high))
    step = Decimal(str(setting.step or 1))
    return float(Decimal(str(setting.low)) + step * int(rng.integers(n_steps)))


def distributions(spec: StudySpec) -> dict[str, BaseDistribution]:
    """Return the search space as Optuna sees it."""
    return {name: _distribution(name, s) for name, s in spec.searched.items()}


def _distribution(name: str, setting: Setting) -> BaseDistribution:
    if isinstance(setting, Choices):
        return CategoricalDistribution([encode(value) for value in setting.values])
    whole = PARAMETERS[name].kind == "int"
    if isinstance(setting, LogRange) and setting.points is None:
        if whole:
            return IntDistribution(int(setting.low), int(setting.high), log=True)
        return FloatDistribution(setting.low, setting.high, log=True)
    if isinstance(setting, Range) and setting.points is None:
        if whole:
            return IntDistribution(
                int(setting.low), int(setting.high), step=int(setting.step or 1)
            )
        return FloatDistribution(setting.low, setting.high, step=setting.step)
    return CategoricalDistribution([encode(v) for v in grid_values(name, setting) or ()])


def encode(value: Value) -> Any:  # noqa: ANN401 (Optuna's own type of a choice)
    """Write a value as Optuna stores it: layer sizes as "32-32", the rest as it is."""
    return show_value(value) if isinstance(value, tuple) else value


def decode(name: str, value: object) -> Value:
    """Read a value back from Optuna."""
    if PARAMETERS[name].kind == "layers" and isinstance(value, str):
        return tuple(int(size) for size in value.split("-"))
    return PARAMETERS[name].parse(value)


class Board:
    """The trials as Optuna sees them while they run: proposes with TPE, prunes.

    Lives in memory and is rebuilt from the finished trials after a restart.
    """

    def __init__(self, spec: StudySpec) -> None:
        self._spec = spec
        self._space = distributions(spec)
        self._study = optuna.create_study(
            direction=spec.direction,
            sampler=_optuna_sampler(spec),
            pruner=make_pruner(spec.pruner),
        )
        self._trials: dict[int, optuna.Trial] = {}

    def propose(self, number: int) -> dict[str, Value]:
        """Ask for the settings of a trial."""
        trial = self._study.ask(self._space)
        self._trials[number] = trial
        return {name: decode(name, value) for name, value in trial.params.items()}

    def place(self, number: int, settings: Mapping[str, Value]) -> None:
        """Enter a trial whose settings are known."""
        self._study.enqueue_trial({name: encode(value) for name, value in settings.items()})
        self._trials[number] = self._study.ask(self._space)

    def report(self, number: int, step: int, value: float) -> bool:
        """Enter an epoch's value and tell whether the pruner would cut the trial."""
        trial = self._trials[number]
        trial.report(value, step)
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


def make_board(spec: StudySpec) -> Board | None:
    """Make a board where something reads it: a sampler that learns, or a pruner."""
    if spec.sampler.kind == "tpe" or spec.pruner.kind != "none":
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


def _optuna_sampler(spec: StudySpec) -> optuna.samplers.BaseSampler:
    if spec.sampler.kind == "tpe":
        return optuna.samplers.TPESampler(
            seed=spec.seed, n_startup_trials=spec.sampler.n_startup_trials
        )
    return optuna.samplers.RandomSampler(seed=spec.seed)


def families(
    trials: Mapping[int, Mapping[str, Value]],
) -> list[list[tuple[int, dict[str, Value]]]]:
    """Group trials that differ only in `epochs`; they share their trainings.

    Parameters
    ----------
    trials : mapping
        Every parameter of each trial, by number.

    Returns
    -------
    list of list of (number, params)
        Each group by rising epochs, the groups in the order of their first trial.
    """
    groups: dict[tuple[tuple[str, Value], ...], list[tuple[int, dict[str, Value]]]] = {}
    for number, params in trials.items():
        rest = tuple(sorted((n, v) for n, v in params.items() if n != "epochs"))
        groups.setdefault(rest, []).append((number, dict(params)))
    for group in groups.values():
        group.sort(key=lambda member: (member[1]["epochs"], member[0]))
    return list(groups.values())
