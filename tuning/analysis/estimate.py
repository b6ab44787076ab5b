"""How long a study will take, from what trainings have cost on this machine.

Seconds of a training = start + epochs × a + steps × b + multiply-adds × c. The four figures are
fitted to measured trainings (never negative); a few prior ones stand in on a new machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from storage.database import Database
from storage.results import Timing
from storage.timings import read_timings
from tuning.checks import n_training_rows
from tuning.datasets.info import DatasetInfo
from tuning.models.size import n_products
from tuning.parameters import Value
from tuning.samplers import all_params, families, planned_settings, sample_settings
from tuning.spec import StudySpec

TRAINER = "keras"
_SAMPLED = 64  # settings drawn to price a search that has not chosen its own yet
_BACKWARD = 3  # a training step costs about three forward passes
# Measured on 2 cores with benchmarks/fit_cost.py: seconds a training, an epoch, a step, and a
# thousand million multiply-adds.
_PRIOR = {
    "dense": (0.94, 0.0063, 0.00053, 0.17),
    "convolutional": (1.75, 0.020, 0.0012, 0.19),
}
_PRIOR_WEIGHT = 0.1  # of one measured training; fades as soon as there are a few
_SURE = 8  # trainings measured before their own scatter says how sure the pace is
_UNSURE, _SUREST = 2.0, 1.15  # bounds of `Pace.spread`
_EARLY_SHARE = 0.3  # early stopping may end after this share of the epochs


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
    """

    low_s: float
    high_s: float
    n_fits: int
    n_trained: int


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


def measured_pace(model: str, timings: Sequence[Timing]) -> Pace:
    """Fit the pace of this machine to measured trainings.

    The prior figures, made as fast or slow as this machine, hold those in place that the
    trainings do not tell apart.
    """
    prior = np.array(_PRIOR[model])
    if not timings:
        return Pace(tuple(prior.tolist()), _UNSURE)
    measured = np.array([t.seconds for t in timings])
    costs = np.array([_row(Cost(t.n_epochs, t.n_steps, t.work)) for t in timings])
    prior *= np.median(measured / (costs @ prior))
    # Each prior figure enters as one pretended training that consists of nothing else, and
    # trainings are divided by their seconds: relative errors count, not absolute ones.
    rows = np.vstack([np.diag(_PRIOR_WEIGHT / prior), costs / measured[:, None]])
    seconds = np.array([_PRIOR_WEIGHT] * len(prior) + [1.0] * len(timings))
    figures = nnls(rows, seconds)[0]
    spread = _UNSURE
    if len(timings) >= _SURE:
        off = np.abs(np.log(costs @ figures / measured))
        spread = min(max(float(np.exp(np.quantile(off, 0.8))), _SUREST), _UNSURE)
    return Pace(tuple(figures.tolist()), spread)


def estimate(db: Database, spec: StudySpec, info: DatasetInfo) -> Estimate:
    """Estimate a study before it starts."""
    pace = measured_pace(spec.model, read_timings(db, spec.model, TRAINER))
    return estimate_with(pace, spec, info)


def estimate_with(pace: Pace, spec: StudySpec, info: DatasetInfo) -> Estimate:
    """Estimate a study from a pace that is already known."""
    settings = planned_settings(spec) if spec.sampler.kind == "grid" else None
    if settings is None:
        settings = sample_settings(spec, min(spec.n_trials, _SAMPLED)) or [{}]
    groups = families({i: all_params(spec, s) for i, s in enumerate(settings)})
    scale = spec.n_trials / len(settings)
    costs = [_group_cost(spec, info, group) for group in groups]
    seconds = sum(pace.seconds(cost) for cost in costs) * scale * spec.n_fits_per_trial
    early = _EARLY_SHARE if spec.evaluation.early_stopping is not None else 1.0
    cut = 0.5 if spec.pruner.kind != "none" else 1.0
    return Estimate(
        low_s=seconds / pace.spread * early * cut,
        high_s=seconds * pace.spread,
        n_fits=spec.n_trials * spec.n_fits_per_trial,
        n_trained=round(len(groups) * scale) * spec.n_fits_per_trial,
    )


def _group_cost(
    spec: StudySpec, info: DatasetInfo, group: Iterable[tuple[int, Mapping[str, Value]]]
) -> Cost:
    _, params = list(group)[-1]
    return training_cost(spec, info, params, cast(int, params["epochs"]))


def _row(cost: Cost) -> NDArray[np.float64]:
    return np.array([1.0, cost.n_epochs, cost.n_steps, cost.work / 1e9])
