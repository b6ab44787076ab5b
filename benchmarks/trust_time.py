"""Seconds that are left: how often they end up within the interval, before and under way.

A study of fits trains on a machine that is known from a few pilots only: its pace drifts, its
fits scatter, their cost may follow another law than the one that is fitted, and fits may end
early. Everything is estimated by what the app estimates with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from scipy.stats import norm

from benchmarks.trust_figures import Figure, at_least, found, percent
from benchmarks.trust_studies import Array, Generator, studies
from storage.results import Timing
from tuning.analysis.estimate import Cost, Pace, estimate_with, measured_pace, training_cost
from tuning.analysis.remaining import Z_80, remaining_time
from tuning.analysis.trainings import longest_of, networks_of
from tuning.datasets.catalogue import dataset_info
from tuning.samplers import planned_settings
from tuning.spec import StudySpec
from tuning.training.choice import KERAS

LEVELS = (0.80, 0.90, 0.95)
AT = (0, 10, 50)  # percent of the fits that are done
_PILOTS = 5
_LAW = (0.9, 0.003, 0.0003, 0.15)  # seconds a training, an epoch, a step, 10⁹ multiply-adds
_OTHER_LAW = 0.8  # power that the work costs by, where the law is another one
_EARLIEST = 0.5  # share of the seconds of a fit that ended early
_BEFORE = {0: (0.80, 1.0), 10: (0.74, 1.0), 50: (0.71, 1.0)}


@dataclass(frozen=True)
class Setting:
    """What makes a machine hard to foretell.

    Attributes
    ----------
    drift : float
        How far the logarithm of the pace goes over the whole study.
    noise : float
        Standard deviation of the logarithm of a fit's seconds.
    """

    what: str
    drift: float
    noise: float
    has_other_law: bool = False
    ends_early: bool = False


SETTINGS = (
    Setting("steady", 0.0, 0.05),
    Setting("mild", 0.10, 0.10),
    Setting("drifts and scatters", 0.25, 0.20),
    Setting("another law", 0.10, 0.10, has_other_law=True),
    Setting("fits end early", 0.10, 0.10, ends_early=True),
    Setting("all of it", 0.25, 0.20, has_other_law=True, ends_early=True),
)


def make_spec(*, ends_early: bool) -> StudySpec:
    """Return a grid of 100 networks on Pima, 3 folds each: 300 fits."""
    evaluation: dict[str, object] = {"folds": 3}
    if ends_early:
        evaluation["early_stopping"] = {"patience": 5}
    return StudySpec.parse(
        {
            "name": "seconds",
            "data": {"dataset": "pima", "test_fraction": 0.0},
            "space": {
                "batch_size": {"kind": "list", "values": [10, 20, 40, 60, 80]},
                "n_neurons": {"kind": "list", "values": [5, 10, 50, 200, 800]},
                "learning_rate": {"kind": "list", "values": [1e-4, 1e-3, 1e-2, 1e-1]},
                "epochs": {"kind": "fixed", "value": 60},
            },
            "sampler": {"kind": "grid"},
            "evaluation": evaluation,
        }
    )


def costs_of(spec: StudySpec) -> list[Cost]:
    """Return what each fit of a study consists of, in the order of its grid."""
    info = dataset_info(spec.data.dataset)
    networks = networks_of(planned_settings(spec) or ())
    return [
        training_cost(spec, info, *longest_of(spec, network))
        for network in networks
        for _ in range(spec.n_fits_per_trial)
    ]


def seconds_of(setting: Setting, costs: Sequence[Cost], rng: Generator) -> Array:
    """Return what fits would take, one after another, on a machine of this kind."""
    work = np.array([cost.work / 1e9 for cost in costs])
    if setting.has_other_law:
        middle = np.median(work)
        work = middle * (work / middle) ** _OTHER_LAW
    parts = [
        [1.0, cost.n_epochs, cost.n_steps, own] for cost, own in zip(costs, work, strict=True)
    ]
    seconds: Array = np.array(parts) @ np.array(_LAW)
    seconds = seconds * np.exp(setting.noise * rng.normal(size=len(costs)))
    if setting.ends_early:
        seconds = seconds * rng.uniform(_EARLIEST, 1.0, size=len(costs))
    return seconds


def pilots(setting: Setting, costs: Sequence[Cost], rng: Generator) -> Pace:
    """Time a few fits, from the cheapest to the dearest, and fit the pace of the machine."""
    by_work = sorted(costs, key=lambda cost: cost.work + cost.n_steps)
    places = np.linspace(0, len(by_work) - 1, _PILOTS).astype(np.intp)
    chosen = [by_work[place] for place in places]
    took = seconds_of(setting, chosen, rng)
    return measured_pace(
        "dense",
        KERAS,
        [
            Timing("dense", KERAS, cost.n_steps, cost.n_epochs, cost.work, float(seconds))
            for cost, seconds in zip(chosen, took, strict=True)
        ],
    )


@dataclass(frozen=True)
class Told:
    """What was told at one moment of one study: seconds, their interval, and the truth."""

    seconds: float
    within: Mapping[float, tuple[float, float]]
    truth: float


def follow(setting: Setting, rng: Generator) -> dict[int, Told]:
    """Simulate a study, and return what is told of its seconds at each moment of `AT`."""
    spec = make_spec(ends_early=setting.ends_early)
    costs = costs_of(spec)
    pace = pilots(setting, costs, rng)
    if rng.random() < 0.5:  # the other half goes through the grid as it stands
        costs = [costs[place] for place in rng.permutation(len(costs))]
    progress = np.linspace(0, 1, len(costs))
    drift = setting.drift * rng.choice([-1, 1]) * progress
    actual = seconds_of(setting, costs, rng) * np.exp(drift)
    foretold = np.array([pace.seconds(cost) for cost in costs])
    told = {0: _before_launch(pace, spec, float(actual.sum()))}
    for done in AT[1:]:
        n_done = len(costs) * done // 100
        told[done] = _under_way(pace, actual, foretold, n_done)
    return told


def _before_launch(pace: Pace, spec: StudySpec, truth: float) -> Told:
    """Return the estimate before launch, which the app gives at 80 % alone."""
    before = estimate_with(pace, spec, dataset_info(spec.data.dataset))
    return Told(before.likely_s, {0.80: (before.low_s, before.high_s)}, truth)


def _under_way(pace: Pace, actual: Array, foretold: Array, n_done: int) -> Told:
    within, seconds = {}, 0.0
    for level in LEVELS:
        left = remaining_time(
            actual[:n_done].tolist(),
            foretold[:n_done].tolist(),
            foretold[n_done:].tolist(),
            scatter_before=pace.scatter,
            largest_timed_s=pace.largest_s,
            correction=float(norm.ppf((1 + level) / 2)) / Z_80,
        )
        if left.seconds is None or left.within_80 is None:
            message = f"Nothing was told after {n_done} fits."
            raise TypeError(message)
        within[level], seconds = left.within_80, left.seconds
    return Told(seconds, within, float(actual[n_done:].sum()))


def figures(effort: float) -> Iterator[Figure]:
    """Measure all of it; an effort of 1 is the full form."""
    rng = np.random.default_rng(7)
    n = studies(200, effort)
    all_told = [[follow(setting, rng) for _ in range(n)] for setting in SETTINGS]
    for done in AT:
        for setting, own in zip(SETTINGS, all_told, strict=True):
            yield from _at(setting, done, [told[done] for told in own])


def _at(setting: Setting, done: int, all_told: Sequence[Told]) -> Iterator[Figure]:
    moment = f"at {done} %" if done else "before launch"
    off = median(abs(told.seconds / told.truth - 1) for told in all_told)
    for level in all_told[0].within:
        ends = [told.within[level] for told in all_told]
        n_held = sum(
            low <= told.truth <= high for (low, high), told in zip(ends, all_told, strict=True)
        )
        is_shown = level == 0.80
        width = median(high / low for low, high in ends)
        yield Figure(
            f"seconds: {setting.what}, {moment}",
            n_held,
            len(all_told),
            at_least(level),
            found(*_BEFORE[done], n=300) if is_shown else None,
            case=percent(level, 0),
            how=f"off by {off:.0%}; ends {width:.1f} times apart" if is_shown else "",
        )
