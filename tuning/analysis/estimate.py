"""How long a study will take, by the way it will be trained and what that has cost here.

Stacks: their plan's seconds, times how this machine compares with the plan's own figures. Any
other way: a training costs start + epochs × a + steps × b + multiply-adds × c, four figures
fitted to measured trainings (never negative). A few prior figures stand in on a new machine.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from storage.database import Database
from storage.results import StackTiming, Timing
from storage.timings import read_stack_timings, read_timings
from tuning.checks import n_training_rows
from tuning.cores import n_usable_cores
from tuning.datasets.info import DatasetInfo
from tuning.datasets.splits import count_rows
from tuning.models.size import n_products
from tuning.parameters import Value
from tuning.samplers import all_params, planned_settings, round_sizes, sample_settings
from tuning.spec import StudySpec
from tuning.training.choice import GRAPH, KERAS, STACKED, trainer_of
from tuning.training.interface import Network, Readout, Training
from tuning.training.plan import Plan, Rows, make_plan, plan_of

# An estimate is made anew with every edit of the form: what bounds it is how much is planned.
_MOST_SETTINGS = 400  # drawn, of a search that draws more or has not chosen its own yet
_MOST_TRAININGS = 1200
_MOST_ROUNDS = 24
_FEWEST_NETWORKS = 32  # of a round, however many fits each has

_BACKWARD = 3  # a training step costs about three forward passes
# Measured on 2 cores with benchmarks/fit_cost.py: seconds a training, an epoch, a step, and a
# thousand million multiply-adds.
_PRIOR = {
    (KERAS, "dense"): (0.96, 0.0030, 0.00023, 0.16),
    (KERAS, "convolutional"): (1.16, 0.0014, 0.00031, 0.047),
    (GRAPH, "convolutional"): (0.041, 0.0016, 0.00021, 0.041),
}
_PRIOR_WEIGHT = 0.1  # of one measurement; fades as soon as there are a few
_SURE = 8  # measurements before their own scatter says how sure the pace is
_UNSURE, _SUREST = 2.0, 1.15  # bounds of a pace's spread
_EARLY_SHARE = 0.3  # early stopping may end after this share of the epochs
_SHORTEST_S = 1e-3  # of a measurement, to divide by

_Settings = Mapping[str, Value]
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Cost:
    """What a training consists of; `work` counts multiply-adds."""

    n_epochs: int
    n_steps: int
    work: float


@dataclass(frozen=True)
class Estimate:
    """Seconds a study will probably take, and what it consists of.

    Attributes
    ----------
    n_trained : int
        Fits after those that differ only in `epochs` were joined.
    n_computations : int
        Into how many computations those were put; each is its own where nothing is stacked.
    """

    low_s: float
    high_s: float
    n_fits: int
    n_trained: int
    n_computations: int


@dataclass(frozen=True)
class Pace:
    """Seconds per training, epoch, step and 10⁹ multiply-adds, and how sure that is.

    Attributes
    ----------
    spread : float
        Typical factor between predicted and measured seconds.
    """

    figures: tuple[float, ...]
    spread: float

    def seconds(self, cost: Cost) -> float:
        """Predict the seconds of one training."""
        return float(np.dot(_row(cost), self.figures))


@dataclass(frozen=True)
class StackPace:
    """How long stacks take on this machine, as factors of what their plan foretells.

    Attributes
    ----------
    compiling : float
        Of an average study: below 1 where many found their computations compiled already.
    spread : float
        Typical factor between measured seconds and those predicted without any or with all
        of the compiling, whichever is nearer.
    """

    epochs: float
    compiling: float
    spread: float

    @property
    def most_compiling(self) -> float:
        """Factor for a study that finds nothing compiled.

        Studies that did find something only lower the average: the plan's own figure stands.
        """
        return max(self.compiling, 1.0)


def training_cost(
    spec: StudySpec, info: DatasetInfo, params: Mapping[str, Value], n_epochs: int
) -> Cost:
    """Count the steps and multiply-adds of one training of a study."""
    n_rows = n_training_rows(spec, info)
    batch = cast(int, params["batch_size"])
    products = n_products(spec.model, params, info)
    return Cost(
        n_epochs=n_epochs,
        n_steps=n_epochs * -(-n_rows // batch),
        work=float(products) * n_rows * n_epochs * _BACKWARD,
    )


def planned_rows(spec: StudySpec, info: DatasetInfo) -> Rows:
    """Return how many rows the parts of a fold have, as a plan needs them."""
    counts = count_rows(spec, info)
    train = max(n_training_rows(spec, info), 1)
    stopping = spec.evaluation.early_stopping
    inner = stopping is not None and stopping.rows == "inner"
    return Rows(train, max(counts.score, 1), counts.train - train if inner else counts.watch)


def measured_pace(model: str, trainer: str, timings: Sequence[Timing]) -> Pace:
    """Fit the pace of this machine to measured trainings.

    The prior figures, made as fast or slow as this machine, hold those in place that the
    trainings do not tell apart.
    """
    prior = np.array(_PRIOR.get((trainer, model), _PRIOR[KERAS, model]))
    if not timings:
        return Pace(tuple(prior.tolist()), _UNSURE)
    measured = np.array([max(t.seconds, _SHORTEST_S) for t in timings])
    costs = np.array([_row(Cost(t.n_epochs, t.n_steps, t.work)) for t in timings])
    prior *= np.median(measured / (costs @ prior))
    figures = _fitted(costs, measured, prior)
    off = np.abs(np.log(costs @ figures / measured))
    return Pace(tuple(figures.tolist()), _spread(off))


def measured_stack_pace(timings: Sequence[StackTiming]) -> StackPace:
    """Compare what stacks took on this machine with what their plans foretold."""
    if not timings:
        return StackPace(1.0, 1.0, _UNSURE)
    measured = np.array([max(t.seconds, _SHORTEST_S) for t in timings])
    foretold = np.array([(t.epochs_s, t.compile_s) for t in timings])
    epochs, compiling = _fitted(foretold, measured, np.ones(2)).tolist()
    least = foretold @ np.array([epochs, 0.0])
    most = foretold @ np.array([epochs, max(compiling, 1.0)])
    off = np.abs(np.log(np.clip(measured, least, most) / measured))
    return StackPace(epochs, compiling, _spread(off))


def _fitted(
    parts: NDArray[np.float64], measured: NDArray[np.float64], prior: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fit what each part costs to the sums that were measured.

    Each prior figure enters as one pretended measurement of nothing else, and measurements are
    divided by their seconds: relative errors count, not absolute ones.
    """
    rows = np.vstack([np.diag(_PRIOR_WEIGHT / prior), parts / measured[:, None]])
    wanted = np.array([_PRIOR_WEIGHT] * len(prior) + [1.0] * len(measured))
    figures: NDArray[np.float64] = nnls(rows, wanted)[0]
    return figures


def _spread(off: NDArray[np.float64]) -> float:
    """Return the factor that four of five measurements are within; of logarithms."""
    if len(off) < _SURE:
        return _UNSURE
    return min(max(float(np.exp(np.quantile(off, 0.8))), _SUREST), _UNSURE)


def estimate(db: Database, spec: StudySpec, info: DatasetInfo) -> Estimate:
    """Estimate a study before it starts."""
    trainer, n_cores = trainer_of(spec.model), n_usable_cores()
    if trainer == STACKED:
        pace = measured_stack_pace(read_stack_timings(db))
        return estimate_stacks(pace, spec, info, n_cores)
    timings = read_timings(db, spec.model, trainer)
    n_at_once = at_once(trainer, n_cores, spec.n_trials * spec.n_fits_per_trial)
    return estimate_with(measured_pace(spec.model, trainer, timings), spec, info, n_at_once)


def at_once(trainer: str, n_cores: int, n_trainings: int) -> int:
    """Return how many trainings run side by side, where they are not stacked."""
    return max(min(n_cores, n_trainings), 1) if trainer == GRAPH else 1


def estimate_with(
    pace: Pace, spec: StudySpec, info: DatasetInfo, n_at_once: int = 1
) -> Estimate:
    """Estimate a study whose trainings run each for itself, from a pace that is known."""
    settings = _settings(spec)
    networks = _networks(settings)
    scale = spec.n_trials / len(settings)
    some = _spaced(networks, _MOST_SETTINGS)
    costs = [training_cost(spec, info, *_longest(spec, network)) for network in some]
    n_trained = round(len(networks) * scale) * spec.n_fits_per_trial
    seconds = sum(pace.seconds(cost) for cost in costs) / len(some) * n_trained / n_at_once
    return Estimate(
        low_s=seconds / pace.spread * _least_share(spec),
        high_s=seconds * pace.spread,
        n_fits=spec.n_trials * spec.n_fits_per_trial,
        n_trained=n_trained,
        n_computations=n_trained,
    )


def estimate_stacks(
    pace: StackPace, spec: StudySpec, info: DatasetInfo, n_cores: int
) -> Estimate:
    """Estimate a study that is trained in stacks, from a pace that is known.

    The lower end finds everything compiled, the upper end nothing. Both include the training
    of the best model on all rows, as of a network in the middle of the search.
    """
    settings = _settings(spec)
    rounds = _rounds(spec, len(settings))
    most = _MOST_TRAININGS // len(rounds)
    planned = [
        _planned(spec, info, [settings[n % len(settings)] for n in numbers], most, n_cores)
        for numbers, _ in rounds
    ]
    counted = [(part, count) for part, (_, count) in zip(planned, rounds, strict=True)]
    last = _best_model(spec, info, settings[len(settings) // 2])
    plans = [*(part.plan for part in planned), last]
    compile_s = plan_of([stack for plan in plans for stack in plan.stacks]).compile_s
    epochs_s = sum(part.epochs_s * count for part, count in counted) + last.epochs_s(1)
    likely_s = epochs_s * pace.epochs
    return Estimate(
        low_s=likely_s / pace.spread * _least_share(spec),
        high_s=(likely_s + compile_s * pace.most_compiling) * pace.spread,
        n_fits=spec.n_trials * spec.n_fits_per_trial,
        n_trained=round(sum(part.n_trained * count for part, count in counted)),
        n_computations=round(sum(part.n_stacks * count for part, count in counted)),
    )


def _least_share(spec: StudySpec) -> float:
    """Return the least share of its epochs that a study may train."""
    early = _EARLY_SHARE if spec.evaluation.early_stopping is not None else 1.0
    return early * (0.5 if spec.pruner.kind != "none" else 1.0)


# Which trainings there are, or a fair sample of them.


def _settings(spec: StudySpec) -> Sequence[_Settings]:
    """Return the settings of every trial; a sample where they are drawn and many or unknown."""
    known = spec.sampler.kind == "grid" or spec.n_trials <= _MOST_SETTINGS
    settings = planned_settings(spec) if known else None
    return settings or sample_settings(spec, min(spec.n_trials, _MOST_SETTINGS)) or [{}]


def _networks(settings: Iterable[_Settings]) -> list[list[_Settings]]:
    """Group settings that differ only in `epochs`; they share their trainings."""
    groups: dict[tuple[Value, ...], list[_Settings]] = {}
    for chosen in settings:
        key = tuple([value for name, value in chosen.items() if name != "epochs"])
        groups.setdefault(key, []).append(chosen)
    return list(groups.values())


def _longest(spec: StudySpec, network: Iterable[_Settings]) -> tuple[dict[str, Value], int]:
    """Return the parameters of a network, and the most epochs it is trained for."""
    params = [all_params(spec, chosen) for chosen in network]
    return params[0], max(cast(int, own["epochs"]) for own in params)


def _spaced(items: Sequence[_Item], most: int) -> Sequence[_Item]:
    """Return at most so many items, evenly spaced."""
    if len(items) <= most:
        return items
    return [items[index * len(items) // most] for index in range(most)]


def _rounds(spec: StudySpec, n_settings: int) -> list[tuple[range, float]]:
    """Return the trials of a few rounds by number, and how many such rounds each stands for."""
    sizes = round_sizes(spec)
    if len(sizes) == 1:
        return [(range(n_settings), spec.n_trials / n_settings)]
    ends = list(itertools.accumulate(sizes))
    first, *later = [range(end - size, end) for size, end in zip(sizes, ends, strict=True)]
    some = _spaced(later, _MOST_ROUNDS)
    count = sum(map(len, later)) / max(sum(map(len, some)), 1)
    return [(first, 1.0), *((numbers, count) for numbers in some)]


@dataclass(frozen=True)
class _Planned:
    """What a round consists of; its plan may be that of a sample."""

    plan: Plan
    epochs_s: float
    n_trained: int
    n_stacks: float


def _planned(
    spec: StudySpec, info: DatasetInfo, settings: Sequence[_Settings], most: int, n_cores: int
) -> _Planned:
    """Plan a round, or about `most` of its trainings.

    What a sample's stacks take is scaled to the whole. What is compiled is not: a larger stack
    or one more of them is the same computation.
    """
    networks, n_fits = _networks(settings), spec.n_fits_per_trial
    some = _spaced(networks, max(most // n_fits, _FEWEST_NETWORKS))
    n_kept = min(n_fits, max(most // len(some), 1))
    trainings = [
        training
        for number, network in enumerate(some)
        for training in _trainings(spec, number, *_longest(spec, network), n_kept)
    ]
    plan = make_plan(_network(spec, info), trainings, planned_rows(spec, info), n_cores)
    scale = len(networks) * n_fits / len(trainings)
    epochs_s = plan.epochs_s(n_cores)
    if scale > 1:
        spread_out = scale * sum(stack.seconds for stack in plan.stacks) / n_cores
        epochs_s = max(epochs_s, spread_out)
    return _Planned(plan, epochs_s, len(networks) * n_fits, scale * len(plan.stacks))


def _trainings(
    spec: StudySpec, number: int, params: Mapping[str, Value], n_epochs: int, n_fits: int
) -> Iterator[Training]:
    readouts, n_folds = (Readout(number, n_epochs),), spec.evaluation.n_folds
    for fit in range(n_fits):
        yield Training(params, fit // n_folds, fit % n_folds, 0, readouts)


def _best_model(spec: StudySpec, info: DatasetInfo, settings: _Settings) -> Plan:
    """Plan the training of these settings on all rows of the search."""
    counts = count_rows(spec, info)
    n_rows = max(counts.search, 1)
    trainings = list(_trainings(spec, 0, *_longest(spec, [settings]), 1))
    return make_plan(_network(spec, info), trainings, Rows(n_rows, n_rows, counts.watch), 1)


def _network(spec: StudySpec, info: DatasetInfo) -> Network:
    return Network(spec.model, info, spec.evaluation.early_stopping)


def _row(cost: Cost) -> NDArray[np.float64]:
    return np.array([1.0, cost.n_epochs, cost.n_steps, cost.work / 1e9])
