"""Seconds foretold: a pace that was known is found again, and epochs are counted once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest

from storage.database import Database
from storage.results import StackTiming, Timing
from storage.timings import add_stack_timings, add_timings
from tuning.analysis.estimate import (
    Cost,
    Estimate,
    Pace,
    StackPace,
    at_once,
    estimate,
    estimate_stacks,
    estimate_with,
    fit_figures,
    measured_pace,
    measured_stack_pace,
    planned_rows,
    training_cost,
)
from tuning.cores import n_usable_cores
from tuning.datasets.catalogue import dataset_info
from tuning.datasets.splits import count_rows
from tuning.recipes import RECIPES
from tuning.samplers import all_params
from tuning.spec import StudySpec
from tuning.training import plan
from tuning.training.interface import Network, Training

INFO = dataset_info("breast-cancer")  # 569 rows, 30 inputs, two classes
SCATTER = 0.2
ONE_SECOND_AN_EPOCH = Pace((0.0, 1.0, 0.0, 0.0), SCATTER)
KNOWN_STACKS = StackPace(epochs=1.0, compiling=1.0, scatter=SCATTER)
KNOWN = (0.5, 0.01, 0.001, 2.0)  # seconds a training, an epoch, a step, 10⁹ multiply-adds


def make_spec(**changes: Any) -> StudySpec:
    document: dict[str, Any] = {
        "name": "s",
        "data": {"dataset": "breast-cancer", "test_fraction": 0.0},
        "space": {"epochs": {"kind": "list", "values": [10, 50, 100]}},
        "evaluation": {"folds": 3},
    }
    return StudySpec.parse(document | changes)


def factor(*parts: float, scatter: float = SCATTER) -> float:
    """Return how far the 80 % interval of a study that has these parts reaches.

    Before launch: sd = .25 and n_last = 5, in the words of the specification.
    """
    squares = sum((part / sum(parts)) ** 2 for part in parts)
    return math.exp(1.2816 * math.sqrt(0.25**2 + scatter**2 / 5 + scatter**2 * squares))


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
    pace = measured_pace("dense", "keras", make_timings(200))

    assert pace.figures == pytest.approx(KNOWN, rel=0.1)
    for cost in UNSEEN:
        assert pace.seconds(cost) == pytest.approx(seconds_of(cost), rel=0.1)
    assert pace.scatter == 0.05


def test_scatter_of_the_measurements_widens_the_spread_and_moves_little() -> None:
    pace = measured_pace("dense", "keras", make_timings(200, noise=0.3))

    for cost in UNSEEN:
        assert pace.seconds(cost) == pytest.approx(seconds_of(cost), rel=0.25)
    assert pace.scatter == pytest.approx(0.3, rel=0.15)
    assert 1.3 < pace.spread < 1.7  # four of five lie within exp(1.28 · 0.3) = 1.47


def test_a_few_measurements_already_pull_the_pace_towards_them() -> None:
    measured = make_timings(3)
    slow = [
        Timing(t.model, t.trainer, t.n_steps, t.n_epochs, t.work, 10 * t.seconds)
        for t in measured
    ]
    cost = Cost(slow[0].n_epochs, slow[0].n_steps, slow[0].work)

    prior = measured_pace("dense", "keras", []).seconds(cost)
    pulled = measured_pace("dense", "keras", slow).seconds(cost)

    assert prior < pulled
    assert pulled == pytest.approx(slow[0].seconds, rel=0.3)


@pytest.mark.parametrize("model", ["dense", "convolutional"])
def test_a_machine_without_measurements_has_a_pace_that_is_unsure(model: str) -> None:
    pace = measured_pace(model, "keras", [])

    assert all(figure > 0 for figure in pace.figures)
    assert pace.scatter is None
    assert pace.spread == pytest.approx(2.0)


def test_figures_are_never_negative() -> None:
    timings = [Timing("dense", "keras", 100, n, 1e8, 1.0 / n) for n in (1, 10, 100, 1000)]

    assert min(measured_pace("dense", "keras", timings).figures) >= 0


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
    assert found.likely_s == pytest.approx(3 * 100)
    assert found.low_s == pytest.approx(3 * 100 / factor(1, 1, 1))
    assert found.high_s == pytest.approx(3 * 100 * factor(1, 1, 1))


def test_a_machine_that_has_measured_nothing_may_be_off_by_a_factor_of_two() -> None:
    found = estimate_with(Pace((0.0, 1.0, 0.0, 0.0), None), make_spec(), INFO)

    assert (found.low_s, found.high_s) == pytest.approx((150, 600))


@pytest.mark.parametrize(("largest_s", "is_least"), [(0.0, False), (24.9, True), (25.1, False)])
def test_trainings_far_larger_than_any_measured_have_only_a_lower_end(
    largest_s: float, is_least: bool
) -> None:
    pace = Pace((0.0, 1.0, 0.0, 0.0), SCATTER, largest_s)

    assert estimate_with(pace, make_spec(), INFO).is_least == is_least  # of 100 s each


def test_figures_are_those_of_an_exact_system() -> None:
    parts = np.array([[1, 100, 0.5], [1, 400, 2], [1, 100, 8], [1, 800, 1]])
    measured = np.array([0.225, 0.6, 0.6, 0.95])

    assert fit_figures(parts, measured) == pytest.approx([0.1, 0.001, 0.05])


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
    assert found.high_s == pytest.approx(3000 * 20 * factor(*[1] * 3000))


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


def test_trainings_that_run_side_by_side_take_their_share_of_the_time() -> None:
    one = estimate_with(ONE_SECOND_AN_EPOCH, make_spec(), INFO)
    two = estimate_with(ONE_SECOND_AN_EPOCH, make_spec(), INFO, n_at_once=2)

    assert (two.low_s, two.high_s) == pytest.approx((one.low_s / 2, one.high_s / 2))


def test_the_best_model_on_all_rows_is_part_of_what_convolutional_networks_take(
    db: Database,
) -> None:
    spec = RECIPES["mnist27-epochs"].spec  # 10 to 40 epochs, 2 folds
    info = dataset_info("mnist", (2, 7))
    rows = count_rows(spec, info)
    params = all_params(spec, {"epochs": 30})  # in the middle of the search
    pace = measured_pace("convolutional", "graph", [])
    search = estimate_with(pace, spec, info, 1)
    best_s = pace.seconds(training_cost(spec, info, params, 30, rows.search))

    found = estimate(db, spec, info)

    assert (search.n_trained, found.n_trained) == (2, 2)
    half = pace.seconds(training_cost(spec, info, params, 30))
    assert best_s == pytest.approx(2 * half, rel=0.05)  # on both folds together
    at_once_s = search.likely_s / at_once("graph", n_usable_cores(), 8)
    assert found.likely_s == pytest.approx(at_once_s + best_s)
    assert found.low_s == pytest.approx((at_once_s + best_s) / 2)
    assert found.high_s == pytest.approx(2 * (at_once_s + best_s))


@pytest.mark.parametrize(
    ("trainer", "n_trainings", "expected"), [("graph", 9, 2), ("graph", 1, 1), ("keras", 9, 1)]
)
def test_no_more_trainings_run_at_once_than_there_are(
    trainer: str, n_trainings: int, expected: int
) -> None:
    assert at_once(trainer, 2, n_trainings) == expected


# Stacks.


@pytest.fixture
def simple_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make an epoch of any stack take a second, and compiling any of them four."""
    costs = {"COMPILE_S": 4.0, "COMPILE_LAYER_S": 0.0, "EPOCH_S": 1.0, "STEP_LAYER_S": 0.0}
    nearly_nothing = dict.fromkeys(("SLOT_LAYER_S", "WEIGHT_S", "PRODUCT_S", "DRAW_S"), 1e-20)
    for name, value in (costs | nearly_nothing).items():
        monkeypatch.setattr(plan, name, value)


def estimate_stacked(pace: StackPace = KNOWN_STACKS, **changes: Any) -> Estimate:
    return estimate_stacks(pace, make_spec(**changes), INFO, 1)


@pytest.mark.usefixtures("simple_costs")
def test_fits_that_share_a_stack_cost_its_epochs_once() -> None:
    found = estimate_stacked()

    # Three folds of one network, 100 epochs long, and 50 more for the best model. The two
    # stacks differ in their slots, so both are compiled.
    assert (found.n_fits, found.n_trained, found.n_computations) == (9, 3, 1)
    assert found.likely_s == pytest.approx(150 + 2 * 4)
    assert found.low_s == pytest.approx(150 / factor(100, 50))
    assert found.high_s == pytest.approx((150 + 2 * 4) * factor(100, 50))


@pytest.mark.usefixtures("simple_costs")
def test_what_needs_another_computation_costs_its_epochs_and_its_compiling() -> None:
    space = {
        "activation": {"kind": "list", "values": ["relu", "tanh"]},
        "epochs": {"kind": "fixed", "value": 10},
    }

    found = estimate_stacked(space=space)

    assert (found.n_fits, found.n_trained, found.n_computations) == (6, 6, 2)
    assert found.low_s == pytest.approx(30 / factor(20, 10))
    assert found.high_s == pytest.approx((30 + 3 * 4) * factor(20, 10))


@pytest.mark.usefixtures("simple_costs")
def test_a_machine_twice_as_fast_takes_half_the_epochs_and_may_still_compile_all() -> None:
    found = estimate_stacked(StackPace(epochs=0.5, compiling=0.25, scatter=SCATTER))

    assert found.likely_s == pytest.approx(75 + 2 * 4 / 4)
    assert found.low_s == pytest.approx(75 / factor(100, 50))
    assert found.high_s == pytest.approx((75 + 2 * 4) * factor(100, 50))


@pytest.mark.usefixtures("simple_costs")
def test_a_long_search_in_stacks_is_planned_in_part_and_compiled_once() -> None:
    space = {
        "learning_rate": {"kind": "log_range", "low": 1e-4, "high": 1e-1},
        "epochs": {"kind": "fixed", "value": 20},
    }

    found = estimate_stacked(space=space, sampler={"kind": "random", "n_trials": 2000})

    n_stacks = 6000 / 256
    assert (found.n_fits, found.n_trained) == (6000, 6000)
    assert found.n_computations == pytest.approx(n_stacks, rel=0.1)
    own = factor(n_stacks, 1)
    assert found.low_s == pytest.approx((n_stacks + 1) * 20 / own, rel=0.1)
    assert found.high_s - found.low_s * own**2 == pytest.approx(2 * 4 * own, rel=0.1)


@pytest.mark.usefixtures("simple_costs")
@pytest.mark.parametrize("sampler", [{"kind": "tpe", "n_trials": 30, "n_startup_trials": 10}])
def test_a_search_that_learns_trains_a_stack_a_round(sampler: dict[str, Any]) -> None:
    space = {
        "learning_rate": {"kind": "log_range", "low": 1e-4, "high": 1e-1},
        "epochs": {"kind": "fixed", "value": 20},
    }

    found = estimate_stacked(space=space, sampler=sampler)

    # 10 trials, then 10 rounds of 2, in stacks of 30 and 6 slots; and the best model.
    assert (found.n_trained, found.n_computations) == (90, 11)
    assert found.low_s == pytest.approx(12 * 20 / factor(*[1] * 12))
    assert found.high_s == pytest.approx((12 * 20 + 3 * 4) * factor(*[1] * 12))


@pytest.mark.usefixtures("simple_costs")
@pytest.mark.parametrize(
    ("changes", "factor"),
    [
        ({"evaluation": {"folds": 3, "early_stopping": {}}}, 0.3),
        ({"pruner": {"kind": "median"}}, 0.5),
    ],
)
def test_what_ends_stacks_early_lowers_only_the_lower_end(
    changes: dict[str, Any], factor: float
) -> None:
    plain = estimate_stacked()

    found = estimate_stacked(**changes)

    assert found.low_s == pytest.approx(plain.low_s * factor)
    assert found.high_s == pytest.approx(plain.high_s)


@pytest.mark.parametrize(
    ("sampler", "evaluation"),
    [
        ({"kind": "grid"}, {"folds": 3}),
        ({"kind": "random", "n_trials": 10_000}, {"folds": 10, "repeats": 2}),
        ({"kind": "random", "n_trials": 500}, {"folds": 10, "repeats": 40}),
        ({"kind": "tpe", "n_trials": 10_000}, {"folds": 3}),
    ],
)
def test_however_long_a_search_few_trainings_are_planned(
    monkeypatch: pytest.MonkeyPatch, sampler: dict[str, Any], evaluation: dict[str, Any]
) -> None:
    n_planned: list[int] = []

    def counting(network: Network, trainings: Sequence[Training], *rest: Any) -> plan.Plan:
        n_planned.append(len(trainings))
        return plan.make_plan(network, trainings, *rest)

    monkeypatch.setattr("tuning.analysis.estimate.make_plan", counting)
    space = {
        "learning_rate": {"kind": "log_range", "low": 1e-4, "high": 1e-1, "points": 100},
        "n_neurons": {"kind": "range", "low": 1, "high": 100, "step": 1},
    }

    found = estimate_stacked(space=space, sampler=sampler, evaluation=evaluation)

    assert found.n_trained == found.n_fits
    assert sum(n_planned) <= 1300


def make_stack_timings(
    n: int, factors: tuple[float, float], compiled: bool = True
) -> list[StackTiming]:
    """Return studies from small to large whose plans were off by these factors."""
    epochs, compiling = factors
    timings = []
    for seconds in np.geomspace(0.1, 1000, n):
        took = seconds * epochs + (compiling if compiled else 0.0)
        timings.append(StackTiming(float(seconds), 1.0, float(took)))
    return timings


def test_a_machine_without_measured_stacks_believes_the_plan_and_is_unsure() -> None:
    assert measured_stack_pace([]) == StackPace(1.0, 1.0, None)


def test_how_a_machine_compares_with_the_plan_is_found_again() -> None:
    pace = measured_stack_pace(make_stack_timings(40, (2.0, 3.0)))

    assert (pace.epochs, pace.compiling) == pytest.approx((2.0, 3.0), rel=0.05)
    assert pace.most_compiling == pace.compiling
    assert pace.scatter == 0.05


def test_studies_that_found_everything_compiled_do_not_hide_what_compiling_takes() -> None:
    timings = make_stack_timings(40, (2.0, 1.0), compiled=False)

    pace = measured_stack_pace(timings)

    assert pace.epochs == pytest.approx(2.0, rel=0.05)
    assert pace.compiling < 0.1
    assert pace.most_compiling == 1.0


def test_studies_with_and_without_compiling_are_both_within_the_estimate() -> None:
    cold = make_stack_timings(20, (2.0, 1.0))
    warm = make_stack_timings(20, (2.0, 1.0), compiled=False)

    pace = measured_stack_pace([*cold, *warm])

    for timing in [*cold, *warm]:
        low = timing.epochs_s * pace.epochs / math.exp(1.2816 * 0.05)
        high = timing.epochs_s * pace.epochs + timing.compile_s * pace.most_compiling
        assert low <= timing.seconds <= high * math.exp(1.2816 * 0.05)


# By the way a study will be trained.


def test_a_dense_study_goes_by_what_stacks_have_taken(db: Database) -> None:
    before = estimate(db, make_spec(), INFO)
    add_timings(db, make_timings(100))
    unmoved = estimate(db, make_spec(), INFO)
    add_stack_timings(db, make_stack_timings(40, (50.0, 1.0)))

    after = estimate(db, make_spec(), INFO)

    assert unmoved == before
    assert after.low_s > 20 * before.low_s
    assert after.high_s / after.low_s < before.high_s / before.low_s


@pytest.mark.usefixtures("home")
def test_with_keras_alone_an_estimate_goes_by_its_trainings_one_after_another(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNEBOARD_TRAINER", "keras")
    before = estimate(db, make_spec(), INFO)
    add_timings(db, make_timings(100))

    after = estimate(db, make_spec(), INFO)

    expected = 3 * seconds_of(
        training_cost(make_spec(), INFO, all_params(make_spec(), {}), 100)
    )
    assert after.low_s <= expected <= after.high_s
    assert after.high_s / after.low_s < before.high_s / before.low_s
    assert after.n_computations == after.n_trained == 3


def test_a_convolutional_study_goes_by_its_own_trainings_side_by_side(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tuning.analysis.estimate.n_usable_cores", lambda: 2)
    spec = StudySpec.parse(
        {"name": "s", "model": "convolutional", "data": {"dataset": "digits"}}
    )
    info = dataset_info("digits")
    cost = training_cost(spec, info, all_params(spec, {}), cast(int, spec.fixed["epochs"]))
    timing = Timing(
        "convolutional", "graph", cost.n_steps, cost.n_epochs, cost.work, seconds=60.0
    )
    add_timings(db, [timing] * 20)

    found = estimate(db, spec, info)

    assert found.n_trained == spec.n_fits_per_trial
    best_s = 60 * 5 / 4  # four of five folds train a fit, all five the best model
    assert found.low_s <= 60 * found.n_trained / 2 + best_s <= found.high_s
    own, one = factor(*[1] * found.n_trained, scatter=0.05), factor(1, scatter=0.05)
    assert own**2 <= found.high_s / found.low_s <= one**2


@pytest.mark.parametrize(
    ("early_stopping", "expected"),
    [
        (None, plan.Rows(379, 190, 0)),
        ({"rows": "inner", "fraction": 0.1}, plan.Rows(341, 190, 38)),  # 38 of 379 set aside
        ({"rows": "separate", "fraction": 0.1}, plan.Rows(341, 171, 57)),  # 57 of 569 first
    ],
)
def test_rows_are_counted_for_a_plan_without_reading_any(
    early_stopping: dict[str, Any] | None, expected: plan.Rows
) -> None:
    spec = make_spec(evaluation={"folds": 3, "early_stopping": early_stopping})

    assert planned_rows(spec, INFO) == expected
