"""Which settings to try: every cell, random draws without repeats, or Optuna's TPE.

Grid and random know all their settings beforehand, from the spec alone, so that trial 17 is the
same after any restart. Layer sizes travel through Optuna as text, because it stores only
numbers and text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
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
_ROUNDS = 10  # of feedback that a search gets after its startup trials, where it is long enough
_MOST_AT_ONCE = 16  # trials of a round; more cost TPE more than a larger stack saves


def planned_settings(
    spec: StudySpec, earlier: Sequence[Mapping[str, Value]] = ()
) -> list[dict[str, Value]] | None:
    """Return the searched values of every trial, by number; None if they depend on scores.

    Parameters
    ----------
    earlier : sequence of mapping
        Settings of the trials a study had before it was extended; they come first, and none of
        them comes again.
    """
    if spec.sampler.kind == "tpe":
        return None
    first = [dict(settings) for settings in earlier]
    if spec.include_default and not first:
        first = [spec.default_settings]
    if spec.sampler.kind == "grid":
        seen = {_cell(settings) for settings in first}
        return first + [cell for cell in spec.grid() if _cell(cell) not in seen]
    rng = np.random.default_rng([spec.seed, len(first)] if first else spec.seed)
    return first + _draw_all(spec, spec.n_trials - len(first), rng, first)


def _cell(settings: Mapping[str, Value]) -> tuple[tuple[str, Value], ...]:
    return tuple(sorted(settings.items()))


def sample_settings(spec: StudySpec, count: int) -> list[dict[str, Value]]:
    """Draw some settings of the search space, for an estimate; fewer if it has fewer cells."""
    return _draw_all(spec, count, np.random.default_rng(0))


def round_sizes(spec: StudySpec, ends: Sequence[int] = ()) -> list[int]:
    """Return how many trials are trained at once, round after round; they add up to all.

    Depends on the spec alone, so that a search can be repeated on any machine. Where nothing
    learns from scores, everything is one round. Otherwise the startup trials come first, of
    the sampler or, on a planned search, of the pruner; then rounds of one size.

    A large round fills a stack, but within it the sampler does not know the results of its own
    round: TPE takes the trials that run for bad ones, so as not to propose the same again.

    Parameters
    ----------
    ends : sequence of int
        Trials that the study was asked for before each of its extensions; rounds end there.

    Returns
    -------
    list of int
        By order of the trials' numbers.

    Notes
    -----
    What TPE loses by it, as the median distance to the optimum over 30 seeds, of trials one by
    one → in these rounds (random search):

    ================== ====================== =========================
    function           40 trials, rounds of 3 100 trials, rounds of 9
    ================== ====================== =========================
    Branin             0.30 → 0.32 (1.0)      0.020 → 0.030 (0.49)
    sphere in 4-D      0.034 → 0.046 (0.24)   0.0049 → 0.0063 (0.16)
    Hartmann in 6-D    0.57 → 0.68 (1.8)      0.13 → 0.15 (1.2)
    choices and ranges 0.090 → 0.19 (0.50)    0.0011 → 0.010 (0.38)
    ================== ====================== =========================
    """
    borders = [0, *ends, spec.n_trials]
    return [size for start, end in pairwise(borders) for size in _sizes(spec, start, end)]


def _sizes(spec: StudySpec, start: int, end: int) -> list[int]:
    """Cut the trials from `start` to `end` into rounds."""
    learns = spec.sampler.kind == "tpe"
    if not learns and spec.pruner.kind == "none":
        return [end - start] if end > start else []
    startup = spec.sampler.n_startup_trials if learns else spec.pruner.n_startup_trials
    first = max(0, min(startup, end) - start)
    rest = end - start - first
    size = min(_MOST_AT_ONCE, max(1, rest // _ROUNDS))
    sizes = [first, *[size] * (rest // size), rest % size]
    return [size for size in sizes if size]


def all_params(spec: StudySpec, searched: Mapping[str, Value]) -> dict[str, Value]:
    """Return every parameter of a trial's model: the searched ones and the fixed ones."""
    return {**spec.fixed, **searched}


def _draw_all(
    spec: StudySpec,
    count: int,
    rng: np.random.Generator,
    earlier: Sequence[Mapping[str, Value]] = (),
) -> list[dict[str, Value]]:
    seen = {_cell(settings) for settings in earlier}
    cells = spec.n_cells
    if cells is not None and cells <= MOST_TRIALS:
        every = [cell for cell in spec.grid() if not seen or _cell(cell) not in seen]
        order = rng.permutation(len(every))[:count]
        return [every[index] for index in order]
    drawn: list[dict[str, Value]] = []
    misses = 0
    while len(drawn) < count and misses < _MOST_REDRAWS:
        settings = {name: _draw(name, s, rng) for name, s in spec.searched.items()}
        key = _cell(settings)
        misses = misses + 1 if key in seen else 0
        if key not in seen:
            seen.add(key)
            drawn.append(settings)
    return drawn


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


def distributions(
    spec: StudySpec, *, with_default: bool = False
) -> dict[str, BaseDistribution]:
    """Return the search space as Optuna sees it.

    Parameters
    ----------
    with_default : bool
        Whether a list holds the default value too, where trial 0 has it: in Optuna's tables
        all trials of a study have one list.
    """
    space = {name: _distribution(name, s) for name, s in spec.searched.items()}
    if with_default and spec.include_default:
        for name, value in spec.default_settings.items():
            listed, default = space[name], encode(value)
            if isinstance(listed, CategoricalDistribution) and not contains(listed, default):
                space[name] = CategoricalDistribution([*listed.choices, default])
    return space


def reaching(distribution: BaseDistribution, value: Any) -> BaseDistribution | None:  # noqa: ANN401 (as `encode`)
    """Return a distribution whose range is wide enough for a value; None if none can be."""
    if contains(distribution, value):
        return distribution
    if not isinstance(distribution, (IntDistribution, FloatDistribution)):
        return None
    if value is None or (distribution.log and value <= 0):
        return None
    low, high = min(distribution.low, value), max(distribution.high, value)
    if isinstance(distribution, IntDistribution):
        return IntDistribution(low, high, log=distribution.log)
    return FloatDistribution(low, high, log=distribution.log)


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


def contains(distribution: BaseDistribution, value: Any) -> bool:  # noqa: ANN401 (as `encode`)
    """Tell whether a value, encoded, is one that a distribution gives."""
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    return value is not None and distribution._contains(distribution.to_internal_repr(value))


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
        self._storage = optuna.storages.InMemoryStorage()
        self._study = optuna.create_study(
            storage=self._storage,
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
        """Enter a trial whose settings are known.

        Default settings may lie outside the search space: what does is left out.
        """
        encoded = {name: encode(value) for name, value in settings.items()}
        inside = {n: value for n, value in encoded.items() if contains(self._space[n], value)}
        running = optuna.trial.create_trial(
            state=optuna.trial.TrialState.RUNNING,
            params=inside,
            distributions={name: self._space[name] for name in inside},
        )
        # Not `enqueue_trial`: Optuna would look for it among all trials.
        study_id = self._storage.get_study_id_from_name(self._study.study_name)
        trial_id = self._storage.create_new_trial(study_id, template_trial=running)
        self._trials[number] = optuna.Trial(self._study, trial_id)

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
