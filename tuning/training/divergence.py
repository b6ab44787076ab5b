"""When a training has run away: the one rule for every trainer, and the sentence it gives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tuning.datasets.info import Task
from tuning.parameters import Value, show_value

# Weights start below 1 and useful ones stay within a few orders of that. A network that ends
# beyond this *and* is worse than guessing has been thrown out by its steps; a clipped
# cross-entropy never becomes NaN, so without this rule it would pass as a bad trial.
GROWTH = 1e4


def guessing_loss(task: Task, targets: NDArray[np.float32], *, balanced: bool = False) -> float:
    """Return the loss of always predicting the same: the entropy, or the variance.

    Parameters
    ----------
    balanced : bool
        Whether the rows of each class count the same together.
    """
    if task == "regression":
        return float(np.var(targets, dtype=np.float64))
    counts = np.unique(targets, return_counts=True)[1]
    shares = np.full(len(counts), 1 / len(counts)) if balanced else counts / len(targets)
    return float(-(shares * np.log(shares)).sum())


def not_finite(epoch: int, learning_rate: Value, optimizer: Value) -> str:
    """Say that the loss is no number since an epoch (from 0)."""
    return f"Loss became NaN at epoch {epoch + 1}. {_advice(learning_rate, optimizer)}"


def ran_away(
    loss: float, guessing: float, largest_weight: float, params: dict[str, Value]
) -> str | None:
    """Say why a training ended useless, or return None if it did not.

    Parameters
    ----------
    loss : float
        On the training rows, after the last epoch.
    guessing : float
        `guessing_loss` of the same rows.
    largest_weight : float
        Largest absolute value of any weight.
    """
    if largest_weight <= GROWTH or loss <= guessing:
        return None
    advice = _advice(params.get("learning_rate"), params.get("optimizer"))
    return (
        f"Training diverged: weights grew to {largest_weight:.1e} and the loss ({loss:.3g}) "
        + f"is worse than that of guessing ({guessing:.3g}). {advice}"
    )


def _advice(learning_rate: Value, optimizer: Value) -> str:
    if learning_rate is None:
        return f"The default learning rate of {optimizer} is too high here: scale the inputs."
    return f"Learning rate {show_value(learning_rate)} is probably too high."
