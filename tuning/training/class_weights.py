"""What a row of each class counts in the loss, in the numbers that every trainer uses."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_class_weight

from tuning.datasets.info import DatasetInfo
from tuning.parameters import Value


def is_balanced(params: Mapping[str, Value], info: DatasetInfo) -> bool:
    """Tell whether rows of rare classes count more; numbers have no classes."""
    return params.get("class_weight") is not None and info.task != "regression"


def class_weights(
    params: Mapping[str, Value], info: DatasetInfo, targets: NDArray[np.float32]
) -> NDArray[np.float64] | None:
    """Return what a row of each class counts; None where all rows count the same.

    Balanced, it is rows / (classes × rows of the class), as in scikit-learn: the classes count
    the same together, and a row counts 1 on average.

    Parameters
    ----------
    targets : ndarray of shape (n_train,)
        Class codes of the training rows of the fold; the classes that count are those here.

    Returns
    -------
    ndarray of shape (n_classes,) or None
        1 for a class without rows.
    """
    if not is_balanced(params, info):
        return None
    weights, found = np.ones(len(info.class_names)), np.unique(targets)
    codes = found.astype(np.intp)
    weights[codes] = compute_class_weight("balanced", classes=found, y=targets)
    return weights
