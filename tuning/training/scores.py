"""Scores from predictions, by scikit-learn, and the curve value a pruner compares by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

from tuning.datasets.info import Task

# Keras clips probabilities here before taking logs; scores then agree with its losses.
_CLIP = 1e-7


def scores(
    task: Task, targets: NDArray[np.float32], outputs: NDArray[np.float32]
) -> dict[str, float]:
    """Return every score of a task by name.

    Parameters
    ----------
    targets : ndarray of shape (n_rows,)
        Class codes, or numbers.
    outputs : ndarray of shape (n_rows, n_outputs)
        What the network says: one probability, one a class, or a number.
    """
    if task == "regression":
        return _number_scores(targets.astype(np.float64), outputs[:, 0].astype(np.float64))
    probabilities = _as_classes(outputs.astype(np.float64))
    return _class_scores(targets.astype(np.intp), probabilities)


def _as_classes(outputs: NDArray[np.float64]) -> NDArray[np.float64]:
    if outputs.shape[1] > 1:
        shares: NDArray[np.float64] = outputs / outputs.sum(axis=1, keepdims=True)
        return shares
    return np.hstack([1 - outputs, outputs])


def _number_scores(
    targets: NDArray[np.float64], outputs: NDArray[np.float64]
) -> dict[str, float]:
    mse = float(metrics.mean_squared_error(targets, outputs))
    return {
        "mse": mse,
        "rmse": mse**0.5,
        "mae": float(metrics.mean_absolute_error(targets, outputs)),
        "r2": float(metrics.r2_score(targets, outputs)),
    }


def _class_scores(
    targets: NDArray[np.intp], probabilities: NDArray[np.float64]
) -> dict[str, float]:
    n_classes = probabilities.shape[1]
    # A sigmoid of exactly 0.5 says "no", as Keras' binary accuracy has it.
    said = probabilities.argmax(axis=1)
    of_truth = np.clip(probabilities[np.arange(len(targets)), targets], _CLIP, 1 - _CLIP)
    two = n_classes == 2
    return {
        "accuracy": float(metrics.accuracy_score(targets, said)),
        "log_loss": float(-np.log(of_truth).mean()),
        "f1": float(
            metrics.f1_score(
                targets, said, average="binary" if two else "macro", zero_division=0.0
            )
        ),
        "roc_auc": _area_under_roc(targets, probabilities),
    }


def _area_under_roc(targets: NDArray[np.intp], probabilities: NDArray[np.float64]) -> float:
    present = np.unique(targets)
    if len(present) < probabilities.shape[1]:
        return float("nan")  # rows of a single class have no order to judge
    if probabilities.shape[1] == 2:
        return float(metrics.roc_auc_score(targets, probabilities[:, 1]))
    return float(metrics.roc_auc_score(targets, probabilities, multi_class="ovr"))


def curve_value(score: str, values: NDArray[np.float32]) -> float:
    """Return what a pruner compares: the curve that rises and falls with the score.

    Parameters
    ----------
    values : ndarray of shape (5,)
        One epoch of a fit: loss, metric, val_loss, val_metric, watched.
    """
    val_loss, val_metric = float(values[2]), float(values[3])
    if score in {"accuracy", "roc_auc", "f1", "mae"}:
        return val_metric
    return -val_loss if score == "r2" else val_loss
