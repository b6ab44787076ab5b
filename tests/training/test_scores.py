"""Scores against scikit-learn itself and against values worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics

from tuning.datasets.info import Task
from tuning.spec import CLASS_SCORES, NUMBER_SCORES, SCORE_DIRECTIONS
from tuning.training.scores import curve_value, scores


def f4(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float32]:
    shares = np.exp(logits)
    result: NDArray[np.float32] = (shares / shares.sum(axis=1, keepdims=True)).astype(
        np.float32
    )
    return result


def test_two_classes_by_hand() -> None:
    found = scores("binary", f4(0, 0, 1, 1), f4(0.2, 0.6, 0.4, 0.9)[:, None])

    # says 0, 1, 0, 1; of the four pairs of a 0 and a 1 all but (0.6, 0.4) are in order
    assert found["accuracy"] == 0.5
    assert found["f1"] == 0.5
    assert found["roc_auc"] == 0.75
    likelihoods = (0.8, 0.4, 0.4, 0.9)
    log_loss = -sum(math.log(p) for p in likelihoods) / 4
    assert found["log_loss"] == pytest.approx(log_loss, rel=1e-6)


def test_two_classes_as_scikit_learn_scores_them() -> None:
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 2, 300)
    said = np.clip(0.3 * targets + rng.uniform(0, 0.7, 300), 0.01, 0.99).astype(np.float32)

    found = scores("binary", targets.astype(np.float32), said[:, None])

    assert found == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(targets, said > 0.5),
            "log_loss": metrics.log_loss(targets, said.astype(np.float64)),
            "f1": metrics.f1_score(targets, said > 0.5),
            "roc_auc": metrics.roc_auc_score(targets, said),
        },
        rel=1e-6,
    )


def test_one_sigmoid_and_two_softmax_outputs_score_alike() -> None:
    targets, said = f4(0, 1, 1, 0, 1), f4(0.1, 0.6, 0.4, 0.7, 0.9)

    one = scores("binary", targets, said[:, None])
    two = scores("binary", targets, np.stack([1 - said, said], axis=1))

    assert one == pytest.approx(two, rel=1e-5)


def test_exactly_one_half_says_no() -> None:
    assert scores("binary", f4(0, 1), f4(0.5, 0.6)[:, None])["accuracy"] == 1.0


def test_three_classes_as_scikit_learn_scores_them() -> None:
    rng = np.random.default_rng(1)
    targets = rng.integers(0, 3, 300)
    logits = rng.normal(size=(300, 3))
    logits[np.arange(300), targets] += 1
    outputs = softmax(logits)
    exact = outputs.astype(np.float64) / outputs.astype(np.float64).sum(axis=1, keepdims=True)

    found = scores("multiclass", targets.astype(np.float32), outputs)

    said = outputs.argmax(axis=1)
    assert found == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(targets, said),
            "log_loss": metrics.log_loss(targets, exact),
            "f1": metrics.f1_score(targets, said, average="macro"),
            "roc_auc": metrics.roc_auc_score(targets, exact, multi_class="ovr"),
        },
        rel=1e-6,
    )


def test_being_sure_and_wrong_costs_what_keras_would_charge() -> None:
    found = scores("binary", f4(1, 0), f4(0.0, 0.0)[:, None])

    expected = -(math.log(1e-7) + math.log(1 - 1e-7)) / 2
    assert found["log_loss"] == pytest.approx(expected)


def test_rows_of_a_single_class_have_no_roc_auc_and_every_other_score() -> None:
    found = scores("binary", f4(1, 1), f4(0.9, 0.4)[:, None])

    assert math.isnan(found["roc_auc"])
    assert found["accuracy"] == 0.5
    assert found["f1"] == pytest.approx(2 / 3)


def test_a_network_that_never_says_yes_has_an_f1_of_zero() -> None:
    assert scores("binary", f4(1, 0), f4(0.1, 0.1)[:, None])["f1"] == 0.0


def test_numbers_by_hand() -> None:
    found = scores("regression", f4(1, 2, 3), f4(1, 2, 6)[:, None])

    # errors 0, 0, 3; the spread around the mean 2 is 2
    expected = {"mse": 3.0, "rmse": math.sqrt(3), "mae": 1.0, "r2": 1 - 9 / 2}
    assert found == pytest.approx(expected)


def test_numbers_as_scikit_learn_scores_them() -> None:
    rng = np.random.default_rng(2)
    targets = rng.normal(100, 5, 200).astype(np.float32)
    said = (targets + rng.normal(0, 2, 200)).astype(np.float32)

    found = scores("regression", targets, said[:, None])

    assert found == pytest.approx(
        {
            "mse": metrics.mean_squared_error(targets.astype(float), said.astype(float)),
            "rmse": metrics.root_mean_squared_error(targets.astype(float), said.astype(float)),
            "mae": metrics.mean_absolute_error(targets.astype(float), said.astype(float)),
            "r2": metrics.r2_score(targets.astype(float), said.astype(float)),
        }
    )


def test_every_score_a_study_can_ask_for_is_there() -> None:
    binary = scores("binary", f4(0, 1), f4(0.2, 0.8)[:, None])
    numbers = scores("regression", f4(0, 1), f4(0.2, 0.8)[:, None])

    assert set(binary) == set(CLASS_SCORES)
    assert set(numbers) == set(NUMBER_SCORES)
    assert set(binary) | set(numbers) == set(SCORE_DIRECTIONS)


N_CASES = 40


def many(seed: int, kind: str, n_rows: int, n_outputs: int) -> NDArray[np.float32]:
    """Return what a network could say: all different, with many ties, or one answer only."""
    rng = np.random.default_rng(seed)
    if kind == "constant":
        return np.full((n_rows, n_outputs), 0.25, np.float32)
    said = rng.uniform(0.05, 1, (n_rows, n_outputs))
    return np.round(said, 1 if kind == "ties" else 6).astype(np.float32)


@pytest.mark.parametrize("kind", ["different", "ties", "constant"])
@pytest.mark.parametrize("seed", range(N_CASES))
def test_any_two_classes_are_scored_as_scikit_learn_scores_them(seed: int, kind: str) -> None:
    rng = np.random.default_rng(1000 + seed)
    n_rows = int(rng.integers(2, 60))
    targets = (rng.random(n_rows) < rng.choice([0.05, 0.5, 0.95])).astype(np.float32)
    said = many(seed, kind, n_rows, 1)

    found = scores("binary", targets, said)

    yes, exact = said[:, 0] > 0.5, said[:, 0].astype(np.float64)
    clipped = np.clip(exact, 1e-7, 1 - 1e-7)
    both = len(np.unique(targets)) == 2
    expected = {
        "accuracy": metrics.accuracy_score(targets, yes),
        "log_loss": metrics.log_loss(targets, clipped, labels=[0, 1]),
        "f1": metrics.f1_score(targets, yes, zero_division=0.0),
        "roc_auc": metrics.roc_auc_score(targets, exact) if both else math.nan,
    }
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("kind", ["different", "ties", "constant"])
@pytest.mark.parametrize("seed", range(N_CASES))
def test_any_number_of_classes_is_scored_as_scikit_learn_scores_it(
    seed: int, kind: str
) -> None:
    rng = np.random.default_rng(2000 + seed)
    n_rows, n_classes = int(rng.integers(2, 80)), int(rng.integers(3, 7))
    n_present = int(rng.integers(1, n_classes + 1))
    targets = rng.integers(0, n_present, n_rows)
    outputs = many(seed, kind, n_rows, n_classes)

    found = scores("multiclass", targets.astype(np.float32), outputs)

    exact = outputs.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    every = len(np.unique(targets)) == n_classes
    expected = {
        "accuracy": metrics.accuracy_score(targets, exact.argmax(axis=1)),
        "log_loss": metrics.log_loss(targets, exact, labels=range(n_classes)),
        "f1": metrics.f1_score(
            targets, exact.argmax(axis=1), average="macro", zero_division=0.0
        ),
        "roc_auc": metrics.roc_auc_score(targets, exact, multi_class="ovr")
        if every
        else math.nan,
    }
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("kind", ["different", "ties", "constant"])
@pytest.mark.parametrize("constant_targets", [False, True])
@pytest.mark.parametrize("seed", range(N_CASES))
def test_any_numbers_are_scored_as_scikit_learn_scores_them(
    seed: int, constant_targets: bool, kind: str
) -> None:
    rng = np.random.default_rng(3000 + seed)
    n_rows = int(rng.integers(2, 60))
    targets = rng.normal(3, 2, n_rows).astype(np.float32)
    if constant_targets:
        targets[:] = 0.25
    said = many(seed, kind, n_rows, 1)

    found = scores("regression", targets, said)

    true, exact = targets.astype(np.float64), said[:, 0].astype(np.float64)
    expected = {
        "mse": metrics.mean_squared_error(true, exact),
        "rmse": metrics.root_mean_squared_error(true, exact),
        "mae": metrics.mean_absolute_error(true, exact),
        "r2": metrics.r2_score(true, exact),
    }
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("task", "n_outputs"), [("binary", 1), ("binary", 2), ("multiclass", 3), ("regression", 1)]
)
def test_an_output_that_is_no_number_makes_every_score_none_either(
    task: Task, n_outputs: int
) -> None:
    outputs = np.full((3, n_outputs), 0.3, np.float32)
    outputs[1, 0] = np.nan

    found = scores(task, f4(0, 1, 0), outputs)

    assert set(found) == set(NUMBER_SCORES if task == "regression" else CLASS_SCORES)
    assert all(math.isnan(score) for score in found.values())


def test_a_single_row_has_no_r2() -> None:
    found = scores("regression", f4(2), f4(1)[:, None])

    assert math.isnan(found["r2"])
    assert found["mse"] == 1.0


def test_a_pruner_gets_one_value_of_each_fit() -> None:
    block = np.stack([f4(1, 2, 3, 4, 5), f4(6, 7, 8, 9, 10)])

    assert curve_value("accuracy", block).tolist() == [4.0, 9.0]
    assert curve_value("r2", block).tolist() == [-3.0, -8.0]


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        ("accuracy", 4.0),
        ("f1", 4.0),
        ("roc_auc", 4.0),
        ("log_loss", 3.0),
        ("mse", 3.0),
        ("rmse", 3.0),
        ("mae", 4.0),
        ("r2", -3.0),
    ],
)
def test_a_pruner_compares_the_curve_that_rises_and_falls_with_the_score(
    score: str, expected: float
) -> None:
    # loss, metric, val_loss, val_metric, watched
    assert curve_value(score, f4(1, 2, 3, 4, 5)) == expected
