"""A first search for any dataset: random, wide, and small enough to wait for."""

from __future__ import annotations

from typing import Any

from pages.parts.forms.sealing import usual_share
from storage.database import Database
from storage.datasets import get_dataset
from storage.studies import slug
from tuning.datasets.info import DatasetInfo
from tuning.datasets.uploads.loading import upload_choices
from tuning.spec import StudySpec

_MANY_ROWS = 5_000  # above, folds cost more time than the ± they buy is worth at first
_FOLDS = (5, 3, 2)


def class_weight_of(db: Database, info: DatasetInfo) -> str | None:
    """Return how the classes of an upload are to be weighted, as a person chose for it."""
    if info.source != "upload":
        return None
    return upload_choices(get_dataset(db, info.id)).class_weight


def starter(info: DatasetInfo, class_weight: str | None = None) -> StudySpec:
    """Return a study of a dataset that can start as it is.

    Random search with 40 trials and 5 folds; with many rows 20 trials on one held-out part.
    The default settings are among the trials, and the leaders are confirmed.

    Parameters
    ----------
    class_weight : {"balanced"} or None
        What the dataset suggests for the parameter of that name.
    """
    weights = {"class_weight": {"kind": "fixed", "value": class_weight}} if class_weight else {}
    many = info.n_rows > _MANY_ROWS
    image = info.image_shape is not None
    return StudySpec.parse(
        {
            "name": f"{slug(info.title)[:60]}-search",
            "data": {
                "dataset": info.id,
                "digits": [2, 7] if info.digits else [],
                "test_fraction": usual_share(info),
            },
            "model": "convolutional" if image else "dense",
            "space": {
                "learning_rate": {"kind": "log_range", "low": 1e-4, "high": 1e-1},
                "n_neurons": {"kind": "list", "values": [8, 16, 32, 64]},
                "batch_size": {"kind": "list", "values": _batch_sizes(info)},
                "dropout_rate": {"kind": "list", "values": [0.0, 0.2, 0.4]},
                "epochs": {"kind": "fixed", "value": _epochs(info)},
                **weights,
            },
            "sampler": {"kind": "random", "n_trials": 20 if many else 40},
            "evaluation": _evaluation(info),
            "include_default": True,
            "confirm": True,
        }
    )


def _batch_sizes(info: DatasetInfo) -> list[int]:
    sizes = [64, 128, 256] if info.n_rows > _MANY_ROWS else [16, 32, 64]
    n_training = int(info.n_rows * (1 - usual_share(info)) / 2)  # two folds leave the fewest
    return [size for size in sizes if size <= n_training] or [max(n_training, 1)]


def _epochs(info: DatasetInfo) -> int:
    if info.image_shape is not None:
        return 10
    return 20 if info.n_rows > _MANY_ROWS else 50


def _evaluation(info: DatasetInfo) -> dict[str, Any]:
    score = "rmse" if info.task == "regression" else "accuracy"
    if info.n_rows > _MANY_ROWS:
        return {"method": "holdout", "score": score}
    smallest = min(info.class_counts, default=info.n_rows)
    n_smallest = int(smallest * (1 - usual_share(info)))
    folds = next((folds for folds in _FOLDS if folds <= n_smallest), _FOLDS[-1])
    return {"folds": folds, "score": score}
