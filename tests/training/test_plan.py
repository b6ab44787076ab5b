"""Trainings → stacks: nothing lost, trials whole, memory kept, few computations compiled."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from tuning.datasets.info import Belonging, DatasetInfo
from tuning.datasets.preparation import Preparation
from tuning.parameters import Value, defaults_of
from tuning.training import interface
from tuning.training import plan as plan_module
from tuning.training.interface import FoldData, Network, Readout, Training
from tuning.training.plan import (
    Plan,
    Rows,
    Stack,
    make_plan,
    repacked,
    row_counts,
    slots_for,
)

INFO = DatasetInfo(
    id="pima",
    title="Pima",
    task="binary",
    source="bundled",
    n_rows=768,
    n_inputs=8,
    target="diabetes",
    about="",
    class_names=("no", "yes"),
)
NETWORK = Network("dense", INFO, None)
ROWS = Rows(train=512, score=256)


def trainings_of(
    settings: Sequence[Mapping[str, Value]], n_folds: int = 3, n_epochs: int = 100
) -> list[Training]:
    trainings = []
    for number, changes in enumerate(settings):
        params = {**defaults_of("dense"), "batch_size": 10, **changes}
        epochs = params.pop("epochs") if "epochs" in changes else n_epochs
        readouts = (Readout(number, int(str(epochs))),)
        trainings += [Training(params, 0, fold, 1, readouts) for fold in range(n_folds)]
    return trainings


def planned(trainings: Sequence[Training], n_cores: int = 2, rows: Rows = ROWS) -> Plan:
    return make_plan(NETWORK, trainings, rows, n_cores)


def numbers_of(stack: Stack) -> set[int]:
    return {training.readouts[0].number for training in stack.trainings}


def test_every_training_is_in_exactly_one_stack_that_has_a_slot_for_it() -> None:
    rng = np.random.default_rng(0)
    settings: list[dict[str, Value]] = [
        {
            "optimizer": str(rng.choice(["sgd", "adam"])),
            "n_hidden": int(rng.integers(0, 3)),
            "n_neurons": int(rng.integers(1, 60)),
            "batch_size": int(rng.integers(5, 100)),
            "dropout_rate": float(rng.choice([0.0, 0.3])),
            "epochs": int(rng.integers(1, 50)),
        }
        for _ in range(300)
    ]
    trainings = trainings_of(settings)

    plan = planned(trainings)

    placed = [training.key for stack in plan.stacks for training in stack.trainings]
    assert sorted(placed) == sorted(training.key for training in trainings)
    for stack in plan.stacks:
        assert len(stack.trainings) <= stack.n_slots
        kinds = {(t.params["optimizer"], t.params["activation"]) for t in stack.trainings}
        assert len(kinds) == 1
    families = [numbers_of(stack) for stack in plan.stacks]
    assert all(not one & other for one, other in itertools.combinations(families, 2))


def test_trials_that_differ_in_numbers_only_share_one_computation_on_both_cores() -> None:
    settings: list[dict[str, Value]] = [
        {"optimizer": "sgd", "learning_rate": rate, "momentum": momentum}
        for rate in (0.001, 0.01, 0.1, 0.2, 0.3)
        for momentum in (0.0, 0.2, 0.4, 0.6, 0.8, 0.9)
    ]

    plan = planned(trainings_of(settings))

    assert [len(stack.trainings) for stack in plan.stacks] == [45, 45]
    assert plan.n_layouts == 1


def test_one_trial_is_one_stack() -> None:
    plan = planned(trainings_of([{}]))

    assert [len(stack.trainings) for stack in plan.stacks] == [3]


def test_widths_are_filled_up_where_that_costs_less_than_compiling_again() -> None:
    narrow = planned(trainings_of([{"n_neurons": n} for n in (1, 5, 10, 15, 20, 25, 30)]))
    wide = planned(
        trainings_of([{"n_neurons": n} for n in (4, 2048)] * 10, n_epochs=1000),
        rows=Rows(train=5000, score=1000),
    )

    assert {stack.widths for stack in narrow.stacks} == {(30,)}
    assert {stack.widths for stack in wide.stacks} == {(4,), (2048,)}


def test_optimizers_activations_and_depths_are_computations_of_their_own() -> None:
    settings: list[dict[str, Value]] = [{}, {"optimizer": "sgd"}, {"activation": "tanh"}]

    plan = planned(trainings_of([*settings, {"n_hidden": 2}]))

    assert len(plan.stacks) == plan.n_layouts == 4


def test_preparations_are_stacks_of_their_own_and_share_their_computation() -> None:
    preparations: list[dict[str, Value]] = [
        {"scaling": scaling, "imputation": imputation}
        for scaling in ("standard", "robust", None)
        for imputation in ("median", "mean")
    ]
    settings = [
        {**preparation, "learning_rate": 0.001 * (1 + n)}
        for n in range(8)
        for preparation in preparations
    ]

    plan = planned(trainings_of(settings))

    for stack in plan.stacks:
        assert len({training.part[2] for training in stack.trainings}) == 1
    assert len(plan.stacks) == 6
    assert plan.n_layouts == 1


def test_preparations_with_other_numbers_of_trials_are_foretold_as_compiled_each() -> None:
    scalings = ["standard"] * 5 + ["robust"] * 15
    settings: list[dict[str, Value]] = [
        {"scaling": scaling, "learning_rate": 0.001 * (1 + n)}
        for n, scaling in enumerate(scalings)
    ]

    plan, alone = planned(trainings_of(settings), 1), planned(trainings_of([{}]), 1)

    assert sorted(stack.n_slots for stack in plan.stacks) == [15, 48]
    assert plan.n_layouts == 2
    assert plan.compile_s == pytest.approx(2 * alone.compile_s)


def test_weighted_and_unweighted_trials_share_a_stack() -> None:
    plan = planned(trainings_of([{"class_weight": None}, {"class_weight": "balanced"}]))

    assert [len(stack.trainings) for stack in plan.stacks] == [6]


@pytest.mark.parametrize(("belonging", "train"), [("none", 10), ("time", 30), ("groups", 30)])
def test_rows_are_counted_in_the_largest_fold_where_folds_differ(
    belonging: Belonging, train: int
) -> None:
    network = Network("dense", replace(INFO, belonging=belonging), None)

    def folds(_repeat: int, fold: int, _preparation: Preparation) -> FoldData:
        parts = [np.zeros(10 * (1 + fold), np.float32), np.zeros(5 - fold, np.float32)]
        return FoldData(*(interface.Rows(part[:, None], part) for part in parts))

    rows = row_counts(network, trainings_of([{}, {}]), folds)

    assert rows == Rows(train, 5)


def test_stacks_of_one_segment_have_one_size_so_that_one_computation_serves_all() -> None:
    trainings = trainings_of([{"learning_rate": 0.001 * (1 + n)} for n in range(1000)])

    plan = planned(trainings)

    assert len(plan.stacks) > 10
    assert len({stack.n_slots for stack in plan.stacks}) == plan.n_layouts == 1


@pytest.mark.parametrize("n_slots", range(17, 48))
def test_a_stack_stays_within_memory(monkeypatch: pytest.MonkeyPatch, n_slots: int) -> None:
    # Of a slot: 9 × 121 weights, 2 × 52 × 10 rows, 10 × (8 + 36) numbers, 256 × 9 outputs.
    slot_bytes = 4 * (9 * 121 + 2 * 52 * 10 + 10 * (8 + 3 * 12) + 256 * 9)
    part_bytes = 2 * 4 * (512 + 256) * 9
    monkeypatch.setattr(plan_module, "STACK_BYTES", n_slots * slot_bytes + 3 * part_bytes)
    trainings = trainings_of([{"learning_rate": 0.001 * (1 + n)} for n in range(100)])

    plan = planned(trainings)

    most = max(stack.n_slots for stack in plan.stacks)  # empty ones take memory, too
    assert 0.8 * n_slots < most <= n_slots
    assert sum(len(stack.trainings) for stack in plan.stacks) == 300


def test_folds_of_a_wide_network_stay_together_where_one_would_fill_a_stack() -> None:
    wide: dict[str, Value] = {"n_hidden": 3, "n_neurons": 99, "batch_size": 32}
    trainings = trainings_of([wide | {"learning_rate": 0.001 * (1 + n)} for n in range(10)])

    plan = planned(trainings, rows=Rows(train=9_000, score=4_500))

    for stack in plan.stacks:
        together = Counter(training.readouts[0].number for training in stack.trainings)
        assert set(together.values()) == {3}


def test_a_trial_too_large_for_memory_is_split_rather_than_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plan_module, "STACK_BYTES", 100_000)

    plan = planned(trainings_of([{}], n_folds=20))

    assert len(plan.stacks) > 1
    assert sum(len(stack.trainings) for stack in plan.stacks) == 20


def test_the_longest_stacks_come_first() -> None:
    settings: list[dict[str, Value]] = [
        {"activation": name, "epochs": n} for name, n in (("relu", 5), ("tanh", 500))
    ]

    plan = planned(trainings_of(settings))

    assert [stack.trainings[0].params["activation"] for stack in plan.stacks] == [
        "tanh",
        "relu",
    ]


def test_the_same_trainings_in_another_order_are_cut_the_same_way() -> None:
    rng = np.random.default_rng(1)
    trainings = trainings_of(
        [{"n_neurons": int(rng.integers(1, 90)), "batch_size": 10} for _ in range(60)]
    )
    shuffled = [trainings[place] for place in rng.permutation(len(trainings))]

    assert planned(shuffled) == planned(trainings)


def test_the_prediction_adds_up_compiling_and_the_busier_core() -> None:
    stacks = tuple(Stack((), (), 1, seconds, 0.0) for seconds in (5.0, 3.0, 3.0))
    plan = Plan(stacks, n_layouts=2, compile_s=1.0)

    assert plan.seconds(1) == 12.0
    assert plan.seconds(2) == 1.0 + 6.0  # 5 beside 3 + 3


@pytest.mark.parametrize(
    ("n_fits", "n_slots"),
    [(1, 1), (3, 3), (8, 8), (15, 15), (17, 18), (30, 30), (33, 36), (90, 96), (150, 160)],
)  # fmt: skip
def test_slots_are_at_most_an_eighth_too_many(n_fits: int, n_slots: int) -> None:
    assert slots_for(n_fits) == n_slots


def test_few_sizes_of_stacks_are_compiled() -> None:
    sizes = {slots_for(n) for n in range(1, 257)}

    assert len(sizes) <= 8 * 6
    assert all(n <= slots_for(n) <= n * 9 / 8 + 1 for n in range(1, 257))


def test_a_stack_is_made_smaller_only_where_that_saves_more_than_compiling_costs() -> None:
    trainings = trainings_of([{"learning_rate": 0.1 * n} for n in range(1, 31)], n_folds=1)
    stack = Stack(tuple(trainings), (12,), 30, 10.0, slot_s=0.01)

    # 20 slots × 0.01 s × the epochs left, against 0.41 s of compiling
    smaller = repacked(stack, trainings[:10], epoch=50)
    assert smaller is not None
    assert (smaller.n_slots, smaller.trainings) == (10, tuple(trainings[:10]))
    assert repacked(stack, trainings[:10], epoch=98) is None
    assert repacked(stack, trainings[:29], epoch=99) is None


def test_ten_thousand_different_trials_are_planned() -> None:
    rng = np.random.default_rng(2)
    settings = [
        {"n_neurons": int(n), "learning_rate": float(rate), "batch_size": int(batch)}
        for n, rate, batch in zip(
            rng.integers(1, 200, 10_000),
            rng.uniform(0, 1, 10_000),
            rng.integers(8, 128, 10_000),
            strict=True,
        )
    ]

    plan = planned(trainings_of(settings, n_epochs=20))

    assert sum(len(stack.trainings) for stack in plan.stacks) == 30_000
    assert plan.n_layouts < 60
