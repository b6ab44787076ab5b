"""Seconds foretold: a pace that was known is found again, and epochs are counted once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from storage.database import Database
from storage.results import Timing
from storage.timings import add_timings
from tuning.analysis.estimate import (
    Cost,
    Pace,
    estimate,
    estimate_with,
    measured_pace,
    training_cost,
)
from tuning.datasets.catalogue import dataset_info
from tuning.samplers import all_params
from tuning.spec import StudySpec

INFO = dataset_info("breast-cancer")  # 569 rows, 30 inputs, two classes
ONE_SECOND_AN_EPOCH = Pace((0.0, 1.0, 0.0, 0.0), 1.5)
KNOWN = (0.5, 0.01, 0.001, 2.0)  # seconds a training, an epoch, a step, 10⁹ multiply-adds


def make_spec(**changes: Any) -> StudySpec:
    document: dict[str, Any] = {
        "name": "s",
        "data": {"dataset": "breast-cancer", "test_fraction": 0.0},
        "space": {"epochs": {"kind": "list", "values": [10, 50, 100]}},
        "evaluation": {"folds": 3},
    }
    return StudySpec.parse(document | changes)


def seconds_of(cost: Cost, figures: tuple[float, ...] = KNOWN) -> float:
    start, epoch, step, work = figures
    return start + cost.n_epochs * epoch + cost.n_steps * step + cost.work / 1e9 * work


def make_timings(n: int, noise: float = 0.0) -> list[Timing]:
    """Return trainings of many sizes that cost what the known figures say."""
    rng = np.random.default_rng(0)
    timings = []
    for _ in range(n):
        epochs, steps_an_epoch = int(rng.integers(5, 200)), int(rng.integers(5, 100))
        cost = Cost(epochs, epochs * steps_an_epoch, float(10 ** rng.uniform(7, 10)))
        seconds = seconds_of(cost) * float(np.exp(rng.normal(0, noise)))
        timings.append(
            Timing("dense", "keras", cost.n_steps, cost.n_epochs, cost.work, seconds)
        )
    return timings


UNSEEN = [Cost(10, 100, 1e8), Cost(100, 1000, 1e9), Cost(50, 4000, 5e9), Cost(150, 150, 1e7)]


def test_a_known_pace_is_found_again() -> None:
    pace = measured_pace("dense", make_timings(200))

    assert pace.figures == pytest.approx(KNOWN, rel=0.1)
    for cost in UNSEEN:
        assert pace.seconds(cost) == pytest.approx(seconds_of(cost), rel=0.1)
    assert pace.spread == 1.15


def test_scatter_of_the_measurements_widens_the_spread_and_moves_little() -> None:
    pace = measured_pace("dense", make_timings(200, noise=0.3))

    for cost in UNSEEN:
        assert pace.seconds(cost) == pytest.approx(seconds_of(cost), rel=0.25)
    assert 1.3 < pace.spread < 1.7  # four of five lie within exp(1.28 · 0.3) = 1.47


def test_a_few_measurements_already_pull_the_pace_towards_them() -> None:
    measured = make_timings(3)
    slow = [
        Timing(t.model, t.trainer, t.n_steps, t.n_epochs, t.work, 10 * t.seconds)
        for t in measured
    ]
    cost = Cost(slow[0].n_epochs, slow[0].n_steps, slow[0].work)

    prior = measured_pace("dense", []).seconds(cost)
    pulled = measured_pace("dense", slow).seconds(cost)

    assert prior < pulled
    assert pulled == pytest.approx(slow[0].seconds, rel=0.3)


@pytest.mark.parametrize("model", ["dense", "convolutional"])
def test_a_machine_without_measurements_has_a_pace_that_is_unsure(model: str) -> None:
    pace = measured_pace(model, [])

    assert all(figure > 0 for figure in pace.figures)
    assert pace.spread == 2.0


def test_figures_are_never_negative() -> None:
    timings = [Timing("dense", "keras", 100, n, 1e8, 1.0 / n) for n in (1, 10, 100, 1000)]

    assert min(measured_pace("dense", timings).figures) >= 0


def test_the_cost_of_a_training_is_its_steps_and_three_forward_passes() -> None:
    spec = make_spec(evaluation={"folds": 3})
    params = all_params(spec, {"epochs": 10}) | {"batch_size": 50, "n_neurons": 4}

    cost = training_cost(spec, INFO, params, 10)

    n_rows = 569 - 190  # the largest of three folds
    products = 30 * 4 + 4 * 1
    assert (cost.n_epochs, cost.n_steps) == (10, 10 * 8)  # 379 rows are 8 batches of 50
    assert cost.work == 3 * products * n_rows * 10


def test_trials_that_differ_in_epochs_cost_only_the_longest() -> None:
    found = estimate_with(ONE_SECOND_AN_EPOCH, make_spec(), INFO)

    assert (found.n_fits, found.n_trained) == (9, 3)
    assert found.low_s == pytest.approx(3 * 100 / 1.5)
    assert found.high_s == pytest.approx(3 * 100 * 1.5)


def test_a_second_parameter_costs_a_training_for_each_of_its_values() -> None:
    space = {
        "epochs": {"kind": "list", "values": [10, 50, 100]},
        "batch_size": {"kind": "list", "values": [10, 20, 40, 60]},
    }

    found = estimate_with(ONE_SECOND_AN_EPOCH, make_spec(space=space), INFO)

    assert (found.n_fits, found.n_trained) == (36, 12)


@pytest.mark.parametrize("kind", ["random", "tpe"])
def test_a_long_search_is_priced_by_a_sample_of_its_settings(kind: str) -> None:
    spec = make_spec(
        space={
            "learning_rate": {"kind": "log_range", "low": 1e-4, "high": 1e-1},
            "epochs": {"kind": "fixed", "value": 20},
        },
        sampler={"kind": kind, "n_trials": 1000},
    )

    found = estimate_with(ONE_SECOND_AN_EPOCH, spec, INFO)

    assert (found.n_fits, found.n_trained) == (3000, 3000)
    assert found.high_s == pytest.approx(3000 * 20 * 1.5)


@pytest.mark.parametrize(
    ("changes", "factor"),
    [
        ({"evaluation": {"folds": 3, "early_stopping": {}}}, 0.3),
        ({"pruner": {"kind": "median"}}, 0.5),
    ],
)
def test_what_ends_fits_early_lowers_only_the_lower_end(
    changes: dict[str, Any], factor: float
) -> None:
    plain = estimate_with(ONE_SECOND_AN_EPOCH, make_spec(), INFO)

    found = estimate_with(ONE_SECOND_AN_EPOCH, make_spec(**changes), INFO)

    assert found.low_s == pytest.approx(plain.low_s * factor)
    assert found.high_s == pytest.approx(plain.high_s)


def test_an_estimate_goes_by_what_this_machine_has_measured(db: Database) -> None:
    before = estimate(db, make_spec(), INFO)
    add_timings(db, make_timings(100))

    after = estimate(db, make_spec(), INFO)

    expected = 3 * seconds_of(
        training_cost(make_spec(), INFO, all_params(make_spec(), {}), 100)
    )
    assert before.low_s <= before.high_s
    assert after.low_s <= expected <= after.high_s
    assert after.high_s / after.low_s < before.high_s / before.low_s
