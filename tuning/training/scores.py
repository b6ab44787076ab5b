"""Scores from predictions, and the curve value a pruner compares by.

They mean what scikit-learn's mean, as the tests show. They are written out here because its
checks of the arguments take far longer than the sums, for every fit of a search.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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

    Returns
    -------
    dict
        NaN throughout where an output is not a number; a NaN `roc_auc` where a class has no
        row, and a NaN `r2` where there is a single row.
    """
    exact = outputs.astype(np.float64)
    if task == "regression":
        return _number_scores(targets.astype(np.float64), exact[:, 0])
    if not np.isfinite(exact).all():
        return dict.fromkeys(("accuracy", "log_loss", "f1", "roc_auc"), float("nan"))
    codes = targets.astype(np.intp)
    if exact.shape[1] == 1:
        return _two_class_scores(codes == 1, exact[:, 0])
    if exact.shape[1] == 2:
        return _two_class_scores(codes == 1, exact[:, 1] / exact.sum(axis=1))
    return _class_scores(codes, exact / exact.sum(axis=1, keepdims=True))


def _number_scores(
    targets: NDArray[np.float64], outputs: NDArray[np.float64]
) -> dict[str, float]:
    errors = targets - outputs
    squares = float(errors @ errors)
    mse = squares / len(targets)
    return {
        "mse": mse,
        "rmse": mse**0.5,
        "mae": float(np.abs(errors).mean()),
        "r2": _share_explained(targets, squares),
    }


def _share_explained(targets: NDArray[np.float64], squares: float) -> float:
    """Return R²; of constant targets 1 if they were hit, else 0, as scikit-learn has it."""
    if len(targets) < 2:
        return float("nan")
    around_mean = targets - targets.mean()
    spread = float(around_mean @ around_mean)
    if spread > 0:
        return 1 - squares / spread
    return float("nan") if np.isnan(squares) else float(squares == 0)


def _two_class_scores(
    positive: NDArray[np.bool_], probabilities: NDArray[np.float64]
) -> dict[str, float]:
    # A sigmoid of exactly 0.5 says "no", as Keras' binary accuracy has it.
    said = probabilities > 0.5
    of_truth = np.where(positive, probabilities, 1 - probabilities)
    n_either = int(said.sum()) + int(positive.sum())
    return {
        "accuracy": float((said == positive).mean()),
        "log_loss": _log_loss(of_truth),
        "f1": 2 * int((said & positive).sum()) / n_either if n_either else 0.0,
        "roc_auc": _area_under_roc(positive, probabilities),
    }


def _class_scores(
    targets: NDArray[np.intp], probabilities: NDArray[np.float64]
) -> dict[str, float]:
    n_classes = probabilities.shape[1]
    said = probabilities.argmax(axis=1)
    hits = np.bincount(targets[said == targets], minlength=n_classes)
    n_either = np.bincount(targets, minlength=n_classes) + np.bincount(
        said, minlength=n_classes
    )
    seen = n_either > 0  # a class that neither the rows nor the network name has no F1
    return {
        "accuracy": float((said == targets).mean()),
        "log_loss": _log_loss(probabilities[np.arange(len(targets)), targets]),
        "f1": float((2 * hits[seen] / n_either[seen]).mean()),
        "roc_auc": float(
            np.mean(
                [_area_under_roc(targets == k, probabilities[:, k]) for k in range(n_classes)]
            )
        ),
    }


def _log_loss(of_truth: NDArray[np.float64]) -> float:
    return float(-np.log(np.clip(of_truth, _CLIP, 1 - _CLIP)).mean())


def _area_under_roc(positive: NDArray[np.bool_], values: NDArray[np.float64]) -> float:
    """Return the share of pairs of a positive and a negative row in order; ties are half."""
    yes, no = values[positive], np.sort(values[~positive])
    if not len(yes) or not len(no):
        return float("nan")  # rows of a single class have no order to judge
    below = no.searchsorted(yes, "left").sum() + no.searchsorted(yes, "right").sum()
    return float(below / (2 * len(yes) * len(no)))


def curve_value(score: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what a pruner compares: the curve that rises and falls with the score.

    Parameters
    ----------
    values : ndarray of shape (..., 5)
        One epoch of fits: loss, metric, val_loss, val_metric, watched.

    Returns
    -------
    ndarray of shape (...)
    """
    if score in {"accuracy", "roc_auc", "f1", "mae"}:
        return values[..., 3]
    return -values[..., 2] if score == "r2" else values[..., 2]
