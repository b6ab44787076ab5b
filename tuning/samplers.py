"""Which settings to try: every cell, draws without repeats, Sobol points; trials in rounds.

Grid, random and Sobol searches know all their settings beforehand, from the spec alone, so that
trial 17 is the same after any restart. `tuning.sampling.board` asks the samplers that learn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from tuning.optuna_space import step_value
from tuning.parameters import PARAMETERS, Value
from tuning.sampling.cma_es import population_size
from tuning.sampling.sobol import cell_of, sobol_settings
from tuning.setting import LogRange, Range, Setting, grid_values, n_values
from tuning.spec import MOST_TRIALS, StudySpec

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
    if spec.sampler.learns:
        return None
    by_hand = {trial.number: dict(trial.settings) for trial in spec.by_hand}
    first = [dict(known) for number, known in enumerate(earlier) if number not in by_hand]
    if spec.include_default and not first:
        first = [spec.default_settings]
    at_start = [by_hand[number] for number in range(spec.n_given) if number in by_hand]
    known = [*first, *at_start]
    if spec.n_cells is not None and spec.n_cells < spec.n_searched + len(at_start):
        known = first  # so few cells that some are tried again rather than a trial be missing
    own = iter(first + _own_settings(spec, first, known))
    settings: list[dict[str, Value]] = []
    for number in range(spec.n_trials):
        chosen = by_hand.get(number) or next(own, None)
        if chosen is None:  # a space of fewer cells than it seems to have
            break
        settings.append(chosen)
    return settings


def _own_settings(
    spec: StudySpec,
    first: Sequence[Mapping[str, Value]],
    known: Sequence[Mapping[str, Value]],
) -> list[dict[str, Value]]:
    """Return what the sampler chooses after its first trials, and nothing that is known."""
    count = spec.n_searched - len(first)
    if spec.sampler.kind == "grid":
        seen = {cell_of(settings) for settings in first}
        return [cell for cell in spec.grid() if cell_of(cell) not in seen]
    if spec.sampler.kind == "qmc":
        return sobol_settings(spec, count, known)
    rng = np.random.default_rng([spec.seed, len(first)] if first else spec.seed)
    return _draw_all(spec, count, rng, known)


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
    if not spec.sampler.learns and spec.pruner.kind == "none":
        return [end - start] if end > start else []
    first = max(0, min(_n_before_learning(spec), end) - start)
    rest = end - start - first
    size = min(_MOST_AT_ONCE, max(1, rest // _ROUNDS))
    if spec.sampler.kind == "cmaes":
        size = population_size(len(spec.searched))
    sizes = [first, *[size] * (rest // size), rest % size]
    return [size for size in sizes if size]


def _n_before_learning(spec: StudySpec) -> int:
    """Return the trials of the first round: nobody waits for their scores.

    Settings that are given come on top where the sampler counts its own draws: the minimizers
    of scikit-optimize do, and a generation of CMA-ES is whole only without them.
    """
    sampler, beside = spec.sampler, spec.n_given
    if sampler.kind == "cmaes":
        return population_size(len(spec.searched)) + beside
    if sampler.kind in ("gp", "forest"):
        return sampler.n_startup_trials + beside
    return sampler.n_startup_trials if sampler.learns else spec.pruner.n_startup_trials


def all_params(spec: StudySpec, searched: Mapping[str, Value]) -> dict[str, Value]:
    """Return every parameter of a trial's model: the searched ones and the fixed ones."""
    return {**spec.fixed, **searched}


def _draw_all(
    spec: StudySpec,
    count: int,
    rng: np.random.Generator,
    earlier: Sequence[Mapping[str, Value]] = (),
) -> list[dict[str, Value]]:
    seen = {cell_of(settings) for settings in earlier}
    cells = spec.n_cells
    if cells is not None and cells <= MOST_TRIALS:
        every = [cell for cell in spec.grid() if not seen or cell_of(cell) not in seen]
        order = rng.permutation(len(every))[:count]
        return [every[index] for index in order]
    drawn: list[dict[str, Value]] = []
    misses = 0
    while len(drawn) < count and misses < _MOST_REDRAWS:
        settings = {name: _draw(name, s, rng) for name, s in spec.searched.items()}
        key = cell_of(settings)
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
    return step_value(setting.low, setting.step or 1, int(rng.integers(n_steps)))


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
