"""What stacks will take, divided among their trainings, and what is kept of what they took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from storage.database import Database
from storage.results import StackTiming, Timing, TrialRow
from storage.timings import add_stack_timings, add_timings
from tuning.datasets.catalogue import dataset_info
from tuning.forecast import Forecast
from tuning.ledger import Ledger
from tuning.parameters import Value
from tuning.samplers import all_params
from tuning.spec import StudySpec
from tuning.training import plan
from tuning.training.interface import Network, Readout, Training

INFO = dataset_info("breast-cancer")
ROWS = plan.Rows(379, 190)
SPEC = StudySpec.parse(
    {
        "name": "s",
        "data": {"dataset": "breast-cancer", "test_fraction": 0.0},
        "space": {"activation": {"kind": "list", "values": ["relu", "tanh"]}},
        "evaluation": {"folds": 3},
    }
)
NETWORK = Network("dense", INFO, None)


@pytest.fixture(autouse=True)
def simple_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make an epoch of any stack take a second, and compiling any of them four."""
    costs = {"COMPILE_S": 4.0, "COMPILE_LAYER_S": 0.0, "EPOCH_S": 1.0, "STEP_LAYER_S": 0.0}
    nearly_nothing = dict.fromkeys(("SLOT_LAYER_S", "WEIGHT_S", "PRODUCT_S", "DRAW_S"), 1e-20)
    for name, value in (costs | nearly_nothing).items():
        monkeypatch.setattr(plan, name, value)


def make_trainings(
    number: int, n_epochs: int, n_folds: int = 2, **changes: Value
) -> list[Training]:
    params = {**all_params(SPEC, {"activation": "relu", "batch_size": 10}), **changes}
    readouts = (Readout(number, n_epochs),)
    return [Training(params, 0, fold, 0, readouts) for fold in range(n_folds)]


RELU, SHORT, TANH = (
    make_trainings(0, 10),
    make_trainings(1, 5),
    make_trainings(2, 20, activation="tanh"),
)
ALL = [*RELU, *SHORT, *TANH]


def planned(trainings: Sequence[Training] = ALL, n_cores: int = 1) -> plan.Plan:
    return plan.make_plan(NETWORK, trainings, ROWS, n_cores)


def test_shares_of_a_stack_go_by_epochs_and_add_up_to_the_plan() -> None:
    shares = plan.shares(planned(), 1)

    # One stack of four lasts 10 epochs, with 30 in all its fits; one of two lasts 20.
    assert shares[0, 0, 0].epochs_s == pytest.approx(10 * 10 / 30)
    assert shares[1, 0, 1].epochs_s == pytest.approx(10 * 5 / 30)
    assert shares[2, 0, 0].epochs_s == pytest.approx(20 / 2)
    assert [share.start_s for share in shares.values()] == pytest.approx([2, 2, 1, 1, 1, 1])
    total = sum(share.start_s + share.epochs_s for share in shares.values())
    assert total == pytest.approx(planned().seconds(1)) == pytest.approx(8 + 30)


def test_side_by_side_on_two_cores_the_longest_stack_is_what_all_share() -> None:
    shares = plan.shares(planned(n_cores=2), 2)

    epochs_s = sum(share.epochs_s for share in shares.values())
    assert epochs_s == pytest.approx(20)  # 10 and 20 at once


def test_a_stack_that_ended_early_counts_up_to_its_longest_training() -> None:
    ran = plan.reached(planned(), {(0, 0, 0): 2, (1, 0, 0): 4, (0, 0, 1): 0})

    assert [stack.seconds for stack in ran.stacks] == pytest.approx([4])
    assert [training.key for training in ran.stacks[0].trainings] == [(0, 0, 0), (1, 0, 0)]
    assert (ran.n_layouts, ran.compile_s) == (1, 4.0)


def test_a_forecast_is_in_seconds_of_this_machine(db: Database) -> None:
    slow = [StackTiming(1000.0, 0.001, 3000.0), StackTiming(0.001, 10.0, 5.0)]
    add_stack_timings(db, slow * 20)

    seconds, starts = Forecast(db, SPEC, NETWORK, 1)(ALL, ALL)

    assert sum(starts.values()) == pytest.approx(8 / 2, rel=0.01)
    assert sum(seconds.values()) == pytest.approx(8 / 2 + 30 * 3, rel=0.01)


def test_what_is_finished_takes_nothing_and_its_neighbours_take_all(db: Database) -> None:
    seconds, starts = Forecast(db, SPEC, NETWORK, 1)(ALL, SHORT)

    assert set(seconds) == set(starts) == {(1, 0, 0), (1, 0, 1)}
    assert sum(seconds.values()) == pytest.approx(4 + 5)


def nobody(_leader: TrialRow | None) -> dict[str, object]:
    return {}


def test_what_stacks_took_is_kept_beside_what_their_plans_foretold(db: Database) -> None:
    forecast, ledger = Forecast(db, SPEC, NETWORK, 1), Ledger(SPEC, (), None, nobody)
    for trainings, n_epochs in ((RELU, 10), (make_trainings(3, 10), 3)):
        ledger.plan(*forecast(trainings, trainings))
        with forecast.watching(ledger):
            for epoch in range(n_epochs):
                ledger.epoch(trainings, epoch, np.zeros((2, 5), np.float32))

    timings = forecast.stack_timings()

    # The second round ended after 3 of its 10 epochs, and is the same computation.
    assert [(t.epochs_s, t.compile_s) for t in timings] == [pytest.approx((13.0, 4.0))]
    assert timings[0].seconds > 0


def test_nothing_is_kept_of_a_study_that_trained_nothing(db: Database) -> None:
    assert Forecast(db, SPEC, NETWORK, 1).stack_timings() == []


@pytest.mark.usefixtures("home")
def test_trainings_that_run_alone_are_forecast_one_by_one(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNEBOARD_TRAINER", "keras")
    # 379 rows in batches of 10 are 38 steps an epoch; two seconds an epoch and nothing else.
    costs: list[dict[str, Any]] = [
        {"n_epochs": n, "n_steps": 38 * n, "seconds": 2.0 * n} for n in (5, 10, 50, 100)
    ]
    add_timings(db, [Timing("dense", "keras", work=1e6, **cost) for cost in costs])

    seconds, starts = Forecast(db, SPEC, NETWORK, 1)([*RELU, *SHORT], [*RELU])

    assert set(seconds) == set(starts) == {(0, 0, 0), (0, 0, 1)}
    assert list(seconds.values()) == pytest.approx([20.0, 20.0], rel=0.2)
    assert all(0 <= starts[key] < seconds[key] for key in seconds)
