"""A training's progress: early stopping as Keras has it, readouts, and why a training ends."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from tuning.datasets.info import DatasetInfo, Task
from tuning.spec import EarlyStoppingSpec
from tuning.training.interface import FitResult, FoldData, Network, Readout, Rows, Training
from tuning.training.progress import Patience, Progress, curve_values
from tuning.training.scores import scores

pytestmark = pytest.mark.slow  # loads TensorFlow

N_ROWS = 40


def make_rows(seed: int, task: Task = "binary") -> Rows:
    rng = np.random.default_rng(seed)
    targets = rng.normal(size=N_ROWS) if task == "regression" else rng.integers(0, 2, N_ROWS)
    return Rows(np.zeros((N_ROWS, 1), np.float32), targets.astype(np.float32))


def make_outputs(seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(0.01, 0.99, (N_ROWS, 1)).astype(np.float32)


DATA = FoldData(make_rows(0), make_rows(1), make_rows(2))


def make_progress(
    *readouts: int,
    stopping: EarlyStoppingSpec | None = None,
    task: Task = "binary",
    data: FoldData = DATA,
) -> Progress:
    training = Training(
        {"optimizer": "sgd", "learning_rate": 0.5, "batch_size": 8},
        0,
        0,
        3,
        tuple(Readout(number, n) for number, n in enumerate(readouts)),
    )
    return Progress(Network("dense", _info(task), stopping), training, data, "some")


def _info(task: Task) -> DatasetInfo:
    return DatasetInfo(
        id="made",
        title="Made",
        task=task,
        source="bundled",
        n_rows=3 * N_ROWS,
        n_inputs=1,
        target="t",
        about="",
        class_names=() if task == "regression" else ("no", "yes"),
        class_counts=() if task == "regression" else (60, 60),
    )


def values_of(watched: NDArray[np.float32], loss: float = 0.5) -> NDArray[np.float32]:
    """Return an epoch's values with Keras' loss of what is said of the rows to watch."""
    targets = make_rows(2).targets[:, None]
    watch = float(np.mean(keras.losses.binary_crossentropy(targets, watched)))
    return np.array([loss, 0.7, 0.6, 0.6, watch], np.float32)


def run(
    progress: Progress, outputs: list[NDArray[np.float32]], largest_weight: float = 1.0
) -> dict[int, FitResult]:
    """Feed epoch after epoch until the training ends; return its results by trial."""
    results: dict[int, FitResult] = {}
    for said in outputs:
        progress.advance(values_of(said), said)
        if progress.due:
            results |= {r.number: result for r, result in progress.read(largest_weight)}
        if progress.ended:
            break
    return results


def keras_says(asked: EarlyStoppingSpec, watched: list[float]) -> tuple[int, int]:
    """Return the epochs Keras' callback trains and its best epoch."""
    callback = keras.callbacks.EarlyStopping(
        monitor="watched",
        mode="min" if asked.monitor == "loss" else "max",
        patience=asked.patience,
        min_delta=asked.min_delta,
        restore_best_weights=asked.restore_best_weights,
    )
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    callback.set_model(model)
    model.stop_training = False
    callback.on_train_begin()
    for epoch, value in enumerate(watched):
        callback.on_epoch_end(epoch, {"watched": value})
        if model.stop_training:
            break
    return epoch + 1, int(callback.best_epoch)


def made_curve(seed: int, kind: str) -> list[float]:
    rng = np.random.default_rng(seed)
    curve = np.cumsum(rng.normal(-0.02, 0.1, 40))
    if kind == "steps":  # many exact ties
        curve = np.round(curve, 1)
    if kind == "nan":
        curve[rng.integers(0, 10)] = np.nan
    return [float(value) for value in curve.astype(np.float32)]


@pytest.mark.parametrize("monitor", ["loss", "metric"])
@pytest.mark.parametrize("patience", [0, 1, 3])
@pytest.mark.parametrize("min_delta", [0.0, 0.1])
@pytest.mark.parametrize("kind", ["smooth", "steps", "nan"])
def test_patience_ends_where_keras_ends_with_the_same_best_epoch(
    monitor: Any, patience: int, min_delta: float, kind: str
) -> None:
    asked = EarlyStoppingSpec(monitor=monitor, patience=patience, min_delta=min_delta)
    for seed in range(4):
        watched = made_curve(seed, kind)
        own = Patience(asked)

        ends = (epoch for epoch, value in enumerate(watched) if own.take(epoch, value))
        epochs = next(ends, len(watched) - 1) + 1

        assert (epochs, own.best_epoch) == keras_says(asked, watched)


def test_a_first_value_that_is_no_number_is_never_improved_on_as_in_keras() -> None:
    asked = EarlyStoppingSpec(patience=2)
    watched = [float("nan"), 0.5, 0.4, 0.3]

    own = Patience(asked)
    ended = [own.take(epoch, value) for epoch, value in enumerate(watched)]

    assert ended.index(True) + 1 == keras_says(asked, watched)[0] == 3


def test_each_readout_has_the_scores_of_its_own_epoch() -> None:
    outputs = [make_outputs(seed) for seed in range(4)]
    progress = make_progress(2, 4)

    results = run(progress, outputs)

    for number, epochs in enumerate((2, 4)):
        expected = scores("binary", DATA.score.targets, outputs[epochs - 1])
        assert results[number].metrics == expected
        assert results[number].n_epochs == epochs
        assert results[number].best_epoch is None
    assert results[0].trainer == "some"
    assert progress.ended
    assert not progress.due


@pytest.mark.parametrize("restore", [True, False])
def test_an_early_end_answers_all_readouts_with_the_restored_or_the_last_epoch(
    restore: bool,
) -> None:
    said = np.where(DATA.score.targets == 1, 0.8, 0.2).astype(np.float32)[:, None]
    watched = np.where(make_rows(2).targets == 1, 0.8, 0.2).astype(np.float32)[:, None]
    stopping = EarlyStoppingSpec(patience=2, restore_best_weights=restore)
    progress = make_progress(10, 50, stopping=stopping)

    results: dict[int, FitResult] = {}
    for blur in (0.5, 0.0, 0.4, 0.4):
        part = np.float32(blur)
        values = values_of(watched * (1 - part) + part / 2)
        progress.advance(values, said * (1 - part) + part / 2)
        results |= {r.number: result for r, result in progress.read(1.0)}

    part = np.float32(0.0 if restore else 0.4)
    expected = scores("binary", DATA.score.targets, said * (1 - part) + part / 2)
    assert sorted(results) == [0, 1]
    for result in results.values():
        assert result.metrics == expected
        assert (result.n_epochs, result.best_epoch) == (4, 1)
    assert progress.restores is restore


def test_improved_marks_the_epochs_whose_weights_are_worth_keeping() -> None:
    rows = make_rows(2)
    good = np.where(rows.targets == 1, 0.9, 0.1).astype(np.float32)[:, None]
    progress = make_progress(3, stopping=EarlyStoppingSpec(patience=5))

    improved = []
    for said in (np.full_like(good, 0.5), good, np.full_like(good, 0.5)):
        progress.advance(values_of(said), said)
        improved.append(progress.improved)

    assert improved == [True, True, False]


def test_a_loss_that_is_no_number_fails_every_readout_left() -> None:
    progress = make_progress(1, 2, 9)
    first = run(progress, [make_outputs(0)])
    progress.advance(values_of(make_outputs(1), loss=float("nan")), make_outputs(1))

    results = dict(progress.read(1.0))

    assert first[0].error == ""
    sentence = "Loss became NaN at epoch 2. Learning rate 0.5 is probably too high."
    assert [result.error for result in results.values()] == [sentence, sentence]
    assert [result.metrics for result in results.values()] == [{}, {}]
    assert progress.failed
    assert progress.ended


def test_huge_weights_and_a_loss_worse_than_guessing_fail_the_readout() -> None:
    progress = make_progress(1)
    progress.advance(values_of(make_outputs(0), loss=9.0), make_outputs(0))

    ((_, result),) = progress.read(2.5e5)

    assert result.error.startswith("Training diverged: weights grew to 2.5e+05")
    assert result.metrics == {}


def test_an_interrupted_training_has_no_further_results() -> None:
    progress = make_progress(1, 2)
    first = run(progress, [make_outputs(0)])
    progress.advance(values_of(make_outputs(1)), make_outputs(1))

    progress.interrupt()

    assert list(first) == [0]
    assert progress.ended
    assert progress.read(1.0) == []


@pytest.mark.parametrize(
    ("task", "monitor", "watched"),
    [
        ("binary", "loss", 0.3),
        ("binary", "metric", 0.9),
        ("regression", "loss", 0.3),
        ("regression", "metric", -0.9),  # an error: early stopping maximises its negative
    ],
)
def test_what_is_watched_is_the_loss_or_what_is_better_when_larger(
    task: Task, monitor: Any, watched: float
) -> None:
    network = Network("dense", _info(task), EarlyStoppingSpec(monitor=monitor))

    one = curve_values(network, (0.1, 0.8), (0.2, 0.7), (0.3, 0.9))
    two = curve_values(
        network,
        *[(np.full(2, a), np.full(2, b)) for a, b in ((0.1, 0.8), (0.2, 0.7), (0.3, 0.9))],
    )

    assert one == pytest.approx(np.array([0.1, 0.8, 0.2, 0.7, watched]))
    assert np.array_equal(two, [one, one])


def test_nothing_is_watched_without_early_stopping() -> None:
    values = curve_values(Network("dense", _info("binary"), None), (0.1, 0.8), (0.2, 0.7))

    assert values[:4] == pytest.approx(np.array([0.1, 0.8, 0.2, 0.7]))
    assert np.isnan(values[4])
