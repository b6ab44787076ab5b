"""How long a study will take, by the way it will be trained and what that has cost here.

Stacks: their plan's seconds, times how this machine compares with the plan's own figures. Any
other way: a training costs start + epochs × a + steps × b + multiply-adds × c, four figures
fitted to measured trainings (never negative). A few prior figures stand in on a new machine.
Around it all goes the 80 % interval of `tuning.analysis.remaining`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from storage.database import Database
from storage.results import StackTiming, Timing
from storage.timings import read_past_estimates, read_stack_timings, read_timings
from tuning.analysis.past import calibration_of
from tuning.analysis.remaining import (
    N_PILOTS,
    Z_80,
    interval,
    is_far,
    scatter_of,
    spread_before,
    sum_of_squares,
)
from tuning.analysis.trainings import (
    MOST_SETTINGS,
    Settings,
    longest_of,
    networks_of,
    rounds_of,
    settings_to_price,
    spaced,
)
from tuning.checks import rows_aside
from tuning.cores import n_usable_cores
from tuning.datasets.info import DatasetInfo
from tuning.datasets.splits import count_rows
from tuning.models.size import n_products
from tuning.parameters import Value
from tuning.spec import StudySpec
from tuning.training.choice import GRAPH, KERAS, STACKED, trainer_of
from tuning.training.interface import Network, Readout, Training
from tuning.training.plan import Plan, Rows, make_plan, plan_of

# An estimate is made anew with every edit of the form: what bounds it is how much is planned.
_MOST_TRAININGS = 1200
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
_UNSURE = math.log(2) / Z_80  # spread without measurements: from half to twice as long
_EARLY_SHARE = 0.3  # early stopping may end after this share of the epochs
_SHORTEST_S = 1e-3  # of a measurement, to divide by


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
    low_s, high_s : float
        Ends of the 80 % interval. Between them lies also what is not known beforehand: how
        much is compiled already, and how early fits end.
    likely_s : float
        With as much compiled as usual, and no fit ended early.
    n_trained : int
        Fits after those that differ only in `epochs` were joined.
    n_computations : int
        Into how many computations those were put; each is its own where nothing is stacked.
    is_least : bool
        Whether only `low_s` holds, to be shown with "at least": some trainings are much
        larger than any measured one.
    is_measured : bool
        Whether this machine has timed trainings of the kind, and not prior figures stand in.
    """

    low_s: float
    high_s: float
    n_fits: int
    n_trained: int
    n_computations: int
    likely_s: float
    is_least: bool = False
    is_measured: bool = True


@dataclass(frozen=True)
class Pace:
    """Seconds per training, epoch, step and 10⁹ multiply-adds, and how sure that is.

    Attributes
    ----------
    scatter : float or None
        Spread of the predictions for what was measured, of logarithms; None where too little
        was measured to tell.
    largest_s : float
        Seconds of the longest measured training; 0 without any.
    """

    figures: tuple[float, ...]
    scatter: float | None
    largest_s: float = 0.0

    @property
    def spread(self) -> float:
        """Factor between predicted and measured seconds that four of five are within."""
        return math.exp(Z_80 * (_UNSURE if self.scatter is None else self.scatter))

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
    scatter : float or None
        Spread of what was measured around what was predicted without any or with all of the
        compiling, whichever is nearer; of logarithms. None where too little was measured.
    """

    epochs: float
    compiling: float
    scatter: float | None

    @property
    def most_compiling(self) -> float:
        """Factor for a study that finds nothing compiled.

        Studies that did find something only lower the average: the plan's own figure stands.
        """
        return max(self.compiling, 1.0)


def training_cost(
    spec: StudySpec,
    info: DatasetInfo,
    params: Mapping[str, Value],
    n_epochs: int,
    n_rows: int | None = None,
) -> Cost:
    """Count the steps and multiply-adds of one training of a study.

    Parameters
    ----------
    n_rows : int or None
        It trains on; None takes those of a usual fit.
    """
    n_rows = _usual_training_rows(spec, info) if n_rows is None else n_rows
    batch = cast(int, params["batch_size"])
    products = n_products(spec.model, params, info)
    return Cost(
        n_epochs=n_epochs,
        n_steps=n_epochs * -(-n_rows // batch),
        work=float(products) * n_rows * n_epochs * _BACKWARD,
    )


def _usual_training_rows(spec: StudySpec, info: DatasetInfo) -> int:
    """Return the rows a fit trains on, as the mean of the largest and the smallest fold."""
    counts = count_rows(spec, info)
    mean = (counts.train + counts.most) // 2
    return mean - rows_aside(spec, mean)


def planned_rows(spec: StudySpec, info: DatasetInfo) -> Rows:
    """Return how many rows the parts of the largest fold have, as a plan needs them."""
    counts = count_rows(spec, info)
    aside = rows_aside(spec, counts.most)
    train = max(counts.most - aside, 1)
    return Rows(train, max(counts.score, 1), aside or counts.watch)


def measured_pace(model: str, trainer: str, timings: Sequence[Timing]) -> Pace:
    """Fit the pace of this machine to measured trainings.

    The prior figures, made as fast or slow as this machine, hold those in place that the
    trainings do not tell apart.
    """
    prior = np.array(_PRIOR.get((trainer, model), _PRIOR[KERAS, model]))
    if not timings:
        return Pace(tuple(prior.tolist()), None)
    measured = np.array([max(t.seconds, _SHORTEST_S) for t in timings])
    costs = np.array([_row(Cost(t.n_epochs, t.n_steps, t.work)) for t in timings])
    prior *= np.median(measured / (costs @ prior))
    figures = fit_figures(costs, measured, prior)
    scatter = _scatter(np.log(measured / (costs @ figures)))
    return Pace(tuple(figures.tolist()), scatter, float(measured.max()))


def measured_stack_pace(timings: Sequence[StackTiming]) -> StackPace:
    """Compare what stacks took on this machine with what their plans foretold."""
    if not timings:
        return StackPace(1.0, 1.0, None)
    measured = np.array([max(t.seconds, _SHORTEST_S) for t in timings])
    foretold = np.array([(t.epochs_s, t.compile_s) for t in timings])
    epochs, compiling = fit_figures(foretold, measured, np.ones(2)).tolist()
    least = foretold @ np.array([epochs, 0.0])
    most = foretold @ np.array([epochs, max(compiling, 1.0)])
    off = np.log(measured / np.clip(measured, least, most))
    return StackPace(epochs, compiling, _scatter(off))


def fit_figures(
    parts: NDArray[np.float64],
    measured: NDArray[np.float64],
    prior: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Fit what each part costs to the sums that were measured; no figure is negative.

    Measurements are divided by their seconds: relative errors count, not absolute ones. Each
    prior figure enters as one pretended measurement of nothing else.
    """
    rows, wanted = parts / measured[:, None], np.ones(len(measured))
    if prior is not None:
        rows = np.vstack([np.diag(_PRIOR_WEIGHT / prior), rows])
        wanted = np.concatenate([np.full(len(prior), _PRIOR_WEIGHT), wanted])
    figures: NDArray[np.float64] = nnls(rows, wanted)[0]
    return figures


def _scatter(log_ratios: NDArray[np.float64]) -> float | None:
    return scatter_of(log_ratios) if len(log_ratios) >= N_PILOTS else None


def _study_spread(scatter: float | None, squared_shares: float) -> float:
    return _UNSURE if scatter is None else spread_before(scatter, squared_shares)


def estimate(db: Database, spec: StudySpec, info: DatasetInfo) -> Estimate:
    """Estimate a study before it starts, as wide as past estimates turned out to need."""
    found, past = estimate_alone(db, spec, info), calibration_of(read_past_estimates(db))
    if past is None:
        return found
    return replace(
        found,
        low_s=found.likely_s * (found.low_s / found.likely_s) ** past.correction,
        high_s=found.likely_s * (found.high_s / found.likely_s) ** past.correction,
    )


def estimate_alone(db: Database, spec: StudySpec, info: DatasetInfo) -> Estimate:
    """Estimate a study from what this machine has timed, whatever past estimates were."""
    trainer, n_cores = trainer_of(spec.model), n_usable_cores()
    if trainer == STACKED:
        stacks = read_stack_timings(db)
        found = estimate_stacks(measured_stack_pace(stacks), spec, info, n_cores)
        return replace(found, is_measured=bool(stacks))
    timings = read_timings(db, spec.model, trainer)
    n_at_once = at_once(trainer, n_cores, spec.n_trials * spec.n_fits_per_trial)
    pace = measured_pace(spec.model, trainer, timings)
    found = estimate_with(pace, spec, info, n_at_once)
    return replace(_and_best_model(found, pace, spec, info), is_measured=bool(timings))


def _and_best_model(
    found: Estimate, pace: Pace, spec: StudySpec, info: DatasetInfo
) -> Estimate:
    """Add the training of the best model on all rows, as of one in the middle of the search."""
    settings = settings_to_price(spec)
    params, n_epochs = longest_of(spec, [settings[len(settings) // 2]])
    n_rows = max(count_rows(spec, info).search, 1)
    seconds = pace.seconds(training_cost(spec, info, params, n_epochs, n_rows))
    low_s, high_s = interval(seconds, _study_spread(pace.scatter, 1.0))
    return replace(
        found,
        low_s=found.low_s + low_s * _least_share(spec),
        high_s=found.high_s + high_s,
        likely_s=found.likely_s + seconds,
    )


def at_once(trainer: str, n_cores: int, n_trainings: int) -> int:
    """Return how many trainings run side by side, where they are not stacked."""
    return max(min(n_cores, n_trainings), 1) if trainer == GRAPH else 1


def estimate_with(
    pace: Pace, spec: StudySpec, info: DatasetInfo, n_at_once: int = 1
) -> Estimate:
    """Estimate a search whose trainings run each for itself, from a pace that is known."""
    settings = settings_to_price(spec)
    networks = networks_of(settings)
    scale = spec.n_trials / len(settings)
    some = spaced(networks, MOST_SETTINGS)
    costs = [training_cost(spec, info, *longest_of(spec, network)) for network in some]
    n_trained = round(len(networks) * scale) * spec.n_fits_per_trial
    each_s = np.array([pace.seconds(cost) for cost in costs])
    seconds = float(each_s.mean()) * n_trained / n_at_once
    squared_shares = sum_of_squares(each_s) * len(some) / n_trained  # each stands for several
    low_s, high_s = interval(seconds, _study_spread(pace.scatter, squared_shares))
    return Estimate(
        low_s=low_s * _least_share(spec),
        high_s=high_s,
        n_fits=spec.n_trials * spec.n_fits_per_trial,
        n_trained=n_trained,
        n_computations=n_trained,
        likely_s=seconds,
        is_least=pace.largest_s > 0 and is_far(float(each_s.max()), pace.largest_s),
    )


def estimate_stacks(
    pace: StackPace, spec: StudySpec, info: DatasetInfo, n_cores: int
) -> Estimate:
    """Estimate a study that is trained in stacks, from a pace that is known.

    The lower end finds everything compiled, the upper end nothing. Both include the training
    of the best model on all rows, as of a network in the middle of the search.
    """
    settings = settings_to_price(spec)
    rounds = rounds_of(spec, len(settings))
    most = _MOST_TRAININGS // len(rounds)
    planned = [
        _planned(spec, info, [settings[n % len(settings)] for n in numbers], most, n_cores)
        for numbers, _ in rounds
    ]
    counted = [(part, count) for part, (_, count) in zip(planned, rounds, strict=True)]
    last = _best_model(spec, info, settings[len(settings) // 2])
    plans = [*(part.plan for part in planned), last]
    compile_s = plan_of([stack for plan in plans for stack in plan.stacks]).compile_s
    totals_s = [*(part.epochs_s * count for part, count in counted), last.epochs_s(1)]
    n_launches = [*(1.0 if len(rounds) == 1 else count for _, count in rounds), 1.0]
    foretold_s = sum(totals_s)
    squares = sum((t / foretold_s) ** 2 / n for t, n in zip(totals_s, n_launches, strict=True))
    epochs_s = foretold_s * pace.epochs
    spread = _study_spread(pace.scatter, squares)
    return Estimate(
        low_s=interval(epochs_s, spread)[0] * _least_share(spec),
        high_s=interval(epochs_s + compile_s * pace.most_compiling, spread)[1],
        n_fits=spec.n_trials * spec.n_fits_per_trial,
        n_trained=round(sum(part.n_trained * count for part, count in counted)),
        n_computations=round(sum(part.n_stacks * count for part, count in counted)),
        likely_s=epochs_s + compile_s * pace.compiling,
    )


def _least_share(spec: StudySpec) -> float:
    """Return the least share of its epochs that a study may train."""
    early = _EARLY_SHARE if spec.evaluation.early_stopping is not None else 1.0
    return early * (0.5 if spec.pruner.kind != "none" else 1.0)


@dataclass(frozen=True)
class _Planned:
    """What a round consists of; its plan may be that of a sample."""

    plan: Plan
    epochs_s: float
    n_trained: int
    n_stacks: float


def _planned(
    spec: StudySpec, info: DatasetInfo, settings: Sequence[Settings], most: int, n_cores: int
) -> _Planned:
    """Plan a round, or about `most` of its trainings.

    What a sample's stacks take is scaled to the whole. What is compiled is not: a larger stack
    or one more of them is the same computation.
    """
    networks, n_fits = networks_of(settings), spec.n_fits_per_trial
    some = spaced(networks, max(most // n_fits, _FEWEST_NETWORKS))
    n_kept = min(n_fits, max(most // len(some), 1))
    trainings = [
        training
        for number, network in enumerate(some)
        for training in _trainings(spec, number, *longest_of(spec, network), n_kept)
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


def _best_model(spec: StudySpec, info: DatasetInfo, settings: Settings) -> Plan:
    """Plan the training of these settings on all rows of the search."""
    counts = count_rows(spec, info)
    n_rows = max(counts.search, 1)
    trainings = list(_trainings(spec, 0, *longest_of(spec, [settings]), 1))
    return make_plan(_network(spec, info), trainings, Rows(n_rows, n_rows, counts.watch), 1)


def _network(spec: StudySpec, info: DatasetInfo) -> Network:
    return Network(spec.model, info, spec.evaluation.early_stopping)


def _row(cost: Cost) -> NDArray[np.float64]:
    return np.array([1.0, cost.n_epochs, cost.n_steps, cost.work / 1e9])
