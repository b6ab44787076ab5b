"""The stacked trainer: what a fit gets does not depend on its neighbours, and is Keras'."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.bounded import FULL
from tests.training.stacked.small import (
    Record,
    make_fold,
    make_network,
    make_stack,
    make_trainings,
    relative_gap,
    train_by_keras,
    train_stack,
)
from tuning.datasets.info import DatasetInfo, Task
from tuning.datasets.preparation import Preparation
from tuning.parameters import Value
from tuning.spec import EarlyStoppingSpec
from tuning.training import plan as plan_module
from tuning.training.interface import FoldData, Network, Rows, Training
from tuning.training.keras_trainer import KerasTrainer
from tuning.training.plan import Stack
from tuning.training.stacked import trainer as trainer_module
from tuning.training.stacked.trainer import StackedTrainer

pytestmark = pytest.mark.slow  # loads TensorFlow

SCORE_WITH_KERAS = """
import keras, numpy as np

model = keras.models.load_model("model.keras")
rows = np.load("rows.npz")
loss, accuracy = model.evaluate(rows["x"], rows["y"][:, None], verbose=0)
print(loss, accuracy)
"""

FOLDS: Mapping[Task, Sequence[FoldData]] = {
    task: [make_fold(task, 0), make_fold(task, 1, n_train=202)]
    for task in ("binary", "multiclass", "regression")
}


def train(
    network: Network,
    trainings: Sequence[Training],
    record: Record | None = None,
    trainer: Any = None,
) -> Record:
    record = record or Record()
    folds = FOLDS[network.info.task]
    trainer = trainer or StackedTrainer(2)
    trainer.train(network, trainings, lambda _repeat, fold, _preparation: folds[fold], record)
    return record


def assert_same(ours: Record, theirs: Record, curves: float = 1e-4) -> None:
    """Compare everything two reporters were told, but the seconds."""
    assert ours.curves.keys() == theirs.curves.keys()
    for key, curve in theirs.curves.items():
        assert np.array(ours.curves[key]) == pytest.approx(
            np.array(curve), rel=curves, abs=curves, nan_ok=True
        )
    assert ours.results.keys() == theirs.results.keys()
    for place, result in theirs.results.items():
        own = ours.results[place]
        assert (own.n_epochs, own.best_epoch, own.error) == (
            result.n_epochs,
            result.best_epoch,
            result.error,
        )
        assert own.metrics == pytest.approx(result.metrics, rel=1e-3, abs=1e-3)


N_FOLDS = 2 if FULL else 1
MIXED: list[dict[str, Value]] = [
    {"learning_rate": 0.02, "n_neurons": 7},
    {"dropout_rate": 0.4, "max_norm": 1.5},
    {"batch_size": 29},
    {"class_weight": "balanced"},
    {"n_hidden": 0},
    {"optimizer": "sgd", "momentum": 0.9, "activation": "tanh"},
]


@pytest.mark.parametrize("task", list(FOLDS) if FULL else ["multiclass"])
def test_curves_and_scores_are_those_of_the_keras_trainer(task: Task) -> None:
    network = make_network(task)
    trainings = make_trainings(MIXED, n_folds=N_FOLDS, epochs=(2, 5))

    ours, theirs = train(network, trainings), train(network, trainings, trainer=KerasTrainer())

    assert_same(ours, theirs)
    assert {result.trainer for result in ours.results.values()} == {"stacked"}


def test_each_training_gets_the_rows_of_its_own_preparation() -> None:
    network, data = make_network("binary"), FOLDS["binary"][0]
    settings: list[dict[str, Value]] = [{"scaling": "standard"}, {"scaling": None}]

    def folds(_repeat: int, _fold: int, preparation: Preparation) -> FoldData:
        shift = 3.0 if preparation.scaling is None else 0.0
        train = Rows(data.train.features + np.float32(shift), data.train.targets)
        return FoldData(train, data.score, data.watch)

    ours, theirs = Record(), Record()
    trainings = make_trainings(settings, epochs=(2,))
    for trainer, record in ((StackedTrainer(1), ours), (KerasTrainer(), theirs)):
        trainer.train(network, trainings, folds, record)

    assert_same(ours, theirs)
    assert not np.allclose(ours.curves[0, 0, 0], ours.curves[1, 0, 0])


OTHER_STOPPING: list[tuple[Task, EarlyStoppingSpec]] = [
    ("binary", EarlyStoppingSpec(patience=1)),
    ("regression", EarlyStoppingSpec(patience=2, monitor="metric", min_delta=0.02)),
    ("multiclass", EarlyStoppingSpec(patience=2, restore_best_weights=False)),
    ("regression", EarlyStoppingSpec(patience=0, min_delta=0.05)),
]


@pytest.mark.parametrize(
    ("task", "asked"),
    [
        ("binary", EarlyStoppingSpec(patience=3, monitor="metric", min_delta=0.01)),
        ("regression", EarlyStoppingSpec(patience=2, restore_best_weights=False)),
        *(OTHER_STOPPING if FULL else []),
    ],
)
def test_early_stopping_is_that_of_keras(task: Task, asked: EarlyStoppingSpec) -> None:
    network = make_network(task, asked)
    settings: list[dict[str, Value]] = [{"learning_rate": rate} for rate in (0.003, 0.02, 0.1)]
    trainings = make_trainings([*settings, {"dropout_rate": 0.5}], N_FOLDS, epochs=(40,))

    ours, theirs = train(network, trainings), train(network, trainings, trainer=KerasTrainer())

    assert_same(ours, theirs, curves=1e-3)
    assert len({result.n_epochs for result in ours.results.values()}) > 1


def test_a_fit_is_the_same_alone_in_a_stack_of_3_and_in_a_stack_of_150() -> None:
    network, folds = make_network("binary"), {0: FOLDS["binary"][0]}
    rates = np.geomspace(1e-4, 0.3, 150)
    settings: list[dict[str, Value]] = [
        {"learning_rate": float(rate), "dropout_rate": 0.3, "max_norm": 2.0} for rate in rates
    ]
    trainings = make_trainings(settings)

    many, told = train_stack(network, make_stack(trainings), folds, 4)

    for slot in (0, 75, 149):
        alone, own = train_stack(network, make_stack([trainings[slot]]), folds, 4)
        three = [trainings[slot], trainings[(slot + 50) % 150], trainings[(slot + 99) % 150]]
        few, others = train_stack(network, make_stack(three), folds, 4)
        assert relative_gap(alone[0], many[slot]) < 1e-5
        assert relative_gap(few[0], many[slot]) < 1e-5
        for epoch in range(4):
            assert float(own[epoch].val_loss[0]) == pytest.approx(
                float(told[epoch].val_loss[slot]), rel=1e-5
            )
            assert float(others[epoch].loss[0]) == pytest.approx(
                float(told[epoch].loss[slot]), rel=1e-5
            )


def test_narrower_neighbours_and_empty_slots_change_nothing() -> None:
    network, folds = make_network("multiclass"), {0: FOLDS["multiclass"][0]}
    settings: list[dict[str, Value]] = [
        {"n_neurons": n, "activation": "sigmoid", "dropout_rate": 0.3} for n in (3, 9)
    ]
    trainings = make_trainings(settings)

    together, _ = train_stack(network, make_stack(trainings, n_slots=5), folds, 2)

    for slot, training in enumerate(trainings):
        alone, _ = train_stack(network, make_stack([training]), folds, 2)
        assert relative_gap(alone[0], together[slot]) < 1e-5


def test_a_training_that_runs_away_says_so_and_disturbs_nobody() -> None:
    network = make_network("regression")
    fine: dict[str, Value] = {"optimizer": "sgd", "learning_rate": 0.01}
    trainings = make_trainings([fine, {**fine, "learning_rate": 1e6}], epochs=(3,))

    together, alone = train(network, trainings), train(network, trainings[:1])

    assert together.results[1, 0].error == (
        "Loss became NaN at epoch 1. Learning rate 1000000 is probably too high."
    )
    assert len(together.curves[1, 0, 0]) == 1
    assert together.results[0, 0].metrics == pytest.approx(alone.results[0, 0].metrics)
    assert np.array(together.curves[0, 0, 0]) == pytest.approx(
        np.array(alone.curves[0, 0, 0]), nan_ok=True
    )


def test_a_training_dropped_in_mid_course_has_no_result_and_disturbs_nobody() -> None:
    network = make_network("binary")
    trainings = make_trainings([{"learning_rate": r} for r in (0.01, 0.02, 0.03)], epochs=(6,))

    whole = train(network, trainings)
    cut = train(network, trainings, Record(stop_after={trainings[1].key: 2}))

    assert len(cut.curves[trainings[1].key]) == 2
    assert set(cut.results) == {(0, 0), (2, 0)}
    for number in (0, 2):
        assert cut.results[number, 0].metrics == whole.results[number, 0].metrics


def test_a_wish_to_stop_ends_every_training_within_an_epoch() -> None:
    network = make_network("binary")
    trainings = make_trainings([{}, {"learning_rate": 0.1}], n_folds=2, epochs=(1000,))

    record = train(network, trainings, Record(stop_after={t.key: 3 for t in trainings}))

    assert {len(curve) for curve in record.curves.values()} == {3}
    assert record.results == {}


def test_a_stack_made_smaller_on_the_way_gives_the_same_results(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = make_network("binary")
    settings: list[dict[str, Value]] = [
        {"learning_rate": 0.01 * (1 + place), "dropout_rate": 0.3} for place in range(6)
    ]
    trainings = [
        training
        for place, changes in enumerate(settings)
        for training in make_trainings([{}] * place + [changes], epochs=(2 + place,))[-1:]
    ]
    whole = train(network, trainings)
    monkeypatch.setattr(plan_module, "COMPILE_S", -1.0)  # as if compiling cost nothing
    monkeypatch.setattr(plan_module, "COMPILE_LAYER_S", 0.0)

    repacked = train(network, trainings)

    assert {len(curve) for curve in repacked.curves.values()} == {2, 3, 4, 5, 6, 7}
    assert_same(repacked, whole, curves=1e-5)


def test_a_search_that_goes_on_makes_its_stacks_smaller_where_it_would_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = make_network("binary")
    trainings = [
        training
        for place in range(6)
        for training in make_trainings(
            [{}] * place + [{"learning_rate": 0.01 * (1 + place)}], epochs=(2 + place,)
        )[-1:]
    ]
    monkeypatch.setattr(plan_module, "COMPILE_S", -1.0)  # as if compiling cost nothing
    monkeypatch.setattr(plan_module, "COMPILE_LAYER_S", 0.0)
    sizes: list[tuple[int, int]] = []

    def noted(stack: Stack, going: Sequence[Training], epoch: int) -> Stack | None:
        sizes.append((epoch, len(going)))
        return plan_module.repacked(stack, going, epoch)

    monkeypatch.setattr(trainer_module, "repacked", noted)
    whole = train(network, trainings, trainer=StackedTrainer(1))
    undisturbed, sizes = sizes, []

    finished = {training.key: 0 for training in trainings[::2]}
    record = Record(stop_after=finished)
    resumed = train(network, trainings, record, StackedTrainer(1))

    assert sizes == undisturbed == [(2, 5), (3, 4), (4, 3), (5, 2), (6, 1)]
    for training in trainings[1::2]:
        assert np.array_equal(
            resumed.curves[training.key], whole.curves[training.key], equal_nan=True
        )


def test_trainings_finished_before_are_trained_along_but_not_told_again() -> None:
    network = make_network("binary")
    trainings = make_trainings([{"learning_rate": r} for r in (0.01, 0.02, 0.03)], epochs=(3,))

    whole = train(network, trainings)
    record = train(network, trainings, Record(stop_after={trainings[0].key: 0}))

    assert set(record.results) == {(1, 0), (2, 0)}
    assert trainings[0].key not in record.curves
    for key in (trainings[1].key, trainings[2].key):
        assert np.array_equal(record.curves[key], whole.curves[key], equal_nan=True)


def test_the_same_search_twice_gives_the_same_numbers_to_the_last_bit() -> None:
    network = make_network("binary")
    trainings = make_trainings(MIXED, n_folds=2, epochs=(2,))

    first, second = train(network, trainings), train(network, trainings)

    for key, curve in first.curves.items():
        assert np.array_equal(curve, second.curves[key], equal_nan=True)


def test_a_fit_s_seconds_are_its_share_of_its_stack() -> None:
    network = make_network("binary")
    trainings = make_trainings([{"learning_rate": r} for r in (0.01, 0.02)], epochs=(2,))

    results = train(network, trainings).results

    assert results[0, 0].duration_s == pytest.approx(results[1, 0].duration_s)
    assert results[0, 0].duration_s > 0


def test_an_error_in_one_stack_ends_the_others_and_is_raised() -> None:
    network = make_network("binary")
    settings: list[dict[str, Value]] = [{"activation": name} for name in ("relu", "tanh")]
    trainings = make_trainings(settings, epochs=(3,))

    class Broken(Record):
        def epoch(self, *_: Any) -> None:
            raise RuntimeError("disk gone")

    with pytest.raises(RuntimeError, match="disk gone"):
        train(network, trainings, Broken())


def test_images_are_flattened_as_keras_flattens_them() -> None:
    rng = np.random.default_rng(0)
    images = rng.normal(size=(60, 2, 3, 1)).astype(np.float32)
    targets = (images[:, 0, 0, 0] > 0).astype(np.float32)
    data = FoldData(Rows(images[:40], targets[:40]), Rows(images[40:], targets[40:]))
    info = DatasetInfo(
        id="tiny",
        title="Tiny",
        task="binary",
        source="bundled",
        n_rows=60,
        n_inputs=6,
        target="bright",
        about="",
        class_names=("no", "yes"),
        image_shape=(2, 3, 1),
    )
    network = Network("dense", info, None)
    (training,) = make_trainings([{"batch_size": 16}], epochs=(2,))
    ours = Record()

    model = StackedTrainer(1).fit(network, training, data, ours)

    theirs = train_by_keras(network, training, data, 2)
    assert relative_gap(model.get_weights(), theirs.get_weights()) < 1e-5


@pytest.mark.parametrize("restores", [True, False])
def test_the_model_handed_over_is_the_one_keras_would_be_left_with(restores: bool) -> None:
    asked = EarlyStoppingSpec(patience=2, restore_best_weights=restores)
    network, data = make_network("binary", asked), FOLDS["binary"][0]
    (training,) = make_trainings([{"learning_rate": 0.1}], epochs=(40,))
    record = Record()

    model = StackedTrainer(1).fit(network, training, data, record)

    result = record.results[0, 0]
    assert result.best_epoch is not None
    n_epochs = result.best_epoch + 1 if restores else result.n_epochs
    theirs = train_by_keras(network, training, data, n_epochs)
    assert relative_gap(model.get_weights(), theirs.get_weights()) < 1e-3


def test_the_saved_model_scores_what_was_recorded_in_a_process_that_only_has_keras(
    tmp_path: Path,
) -> None:
    network, data = make_network("binary"), FOLDS["binary"][0]
    (training,) = make_trainings([{"dropout_rate": 0.2, "n_hidden": 2}], epochs=(8,))
    record = Record()
    model = StackedTrainer(1).fit(network, training, data, record)
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "rows.npz", x=data.score.features, y=data.score.targets)
    printed = subprocess.run(
        [sys.executable, "-c", SCORE_WITH_KERAS],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    loss, accuracy = (float(word) for word in printed.split()[-2:])
    assert record.results[0, 0].metrics["log_loss"] == pytest.approx(loss, abs=1e-5)
    assert record.results[0, 0].metrics["accuracy"] == pytest.approx(accuracy, abs=1e-5)
