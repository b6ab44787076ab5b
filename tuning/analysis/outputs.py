"""How good the outputs of a model are: ROC, precision, calibration, residuals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tuning.datasets.info import Task

Array = NDArray[np.float64]

MOST_POINTS = 500  # of a curve; more cannot be seen
_N_BINS = 10
_LEVEL = 0.95
_FIFTH = 0.2
_FEWEST = 10  # rows an end of the targets is judged by
_FAR = 0.5  # of the typical error; a smaller drift is not worth a word


@dataclass(frozen=True)
class Curve:
    """A curve over all thresholds, with its area and the point of the threshold 0.5.

    Attributes
    ----------
    table : DataFrame
        Columns x, y and threshold.
    area : float
        Of ROC, or the average precision.
    at_half : (float, float)
        x and y where every share of at least 0.5 is said yes.
    chance : float
        Share of rows of the class.
    """

    table: pd.DataFrame
    area: float
    at_half: tuple[float, float]
    chance: float


def class_shares(outputs: NDArray[np.float32], code: int) -> Array:
    """Return the share a model gives to one class; shape (n_rows,)."""
    if outputs.shape[1] == 1:
        share = outputs[:, 0].astype(np.float64)
        return share if code == 1 else 1 - share
    return np.asarray(outputs[:, code], dtype=np.float64)


def roc(is_class: NDArray[np.bool_], shares: Array) -> Curve | str:
    """Return false alarms (x) and rows found (y) over all thresholds, or why there are none.

    Parameters
    ----------
    is_class : ndarray of shape (n_rows,)
        Whether a row is of the class.
    shares : ndarray of shape (n_rows,)
        Of `class_shares`.
    """
    from sklearn.metrics import auc, roc_curve  # slow, and one tab needs it

    if is_class.all() or not is_class.any():
        return "The sealed rows hold one class, so that there is no curve."
    x, y, thresholds = roc_curve(is_class, shares)
    said = shares >= 0.5
    at_half = (float(said[~is_class].mean()), float(said[is_class].mean()))
    table = pd.DataFrame({"x": x, "y": y, "threshold": np.clip(thresholds, 0, 1)})
    return Curve(_thinned(table), float(auc(x, y)), at_half, float(is_class.mean()))


def precision_recall(is_class: NDArray[np.bool_], shares: Array) -> Curve | str:
    """Return rows found (x) and the share of a yes that is right (y), or why there are none.

    Parameters
    ----------
    is_class, shares : ndarray of shape (n_rows,)
        As for `roc`.
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve

    if is_class.all() or not is_class.any():
        return "The sealed rows hold one class, so that there is no curve."
    y, x, thresholds = precision_recall_curve(is_class, shares)
    said = shares >= 0.5
    precision = float(is_class[said].mean()) if said.any() else 1.0
    table = pd.DataFrame({"x": x, "y": y, "threshold": np.append(thresholds, 1.0)})
    area = float(average_precision_score(is_class, shares))
    at_half = (float(said[is_class].mean()), precision)
    return Curve(_thinned(table), area, at_half, float(is_class.mean()))


def _thinned(table: pd.DataFrame) -> pd.DataFrame:
    places = np.linspace(0, len(table) - 1, min(MOST_POINTS, len(table))).round()
    return table.iloc[places.astype(np.intp)].reset_index(drop=True)


def calibration_table(is_class: NDArray[np.bool_], shares: Array) -> pd.DataFrame:
    """Compare the shares a model gives with how often it is the class, in ten equal counts.

    Returns
    -------
    DataFrame
        Columns said (mean share), found (share of rows of the class), low and high (Wilson's
        95 % interval of it) and n_rows; empty bins are left out.
    """
    from scipy.stats import binomtest  # slow to import, and one tab needs it

    edges = np.quantile(shares, np.linspace(0, 1, _N_BINS + 1))
    bins = np.searchsorted(edges[1:-1], shares)
    rows = []
    for number in np.unique(bins):
        own = bins == number
        n_rows, n_found = int(own.sum()), int(is_class[own].sum())
        ends = binomtest(n_found, n_rows).proportion_ci(_LEVEL, method="wilson")
        found = n_found / n_rows
        rows.append((float(shares[own].mean()), found, ends.low, ends.high, n_rows))
    return pd.DataFrame(rows, columns=["said", "found", "low", "high", "n_rows"])


def calibration_finding(table: pd.DataFrame) -> str:
    """Say whether the shares can be taken at their word.

    Parameters
    ----------
    table : DataFrame
        Of `calibration_table`.
    """
    n_off = int(((table["said"] < table["low"]) | (table["said"] > table["high"])).sum())
    error = float(np.average((table["said"] - table["found"]).abs(), weights=table["n_rows"]))
    if n_off == 0:
        return f"What it says is what happens, as far as {len(table)} bins can tell"
    bins = "1 bin" if n_off == 1 else f"{n_off} bins"
    return f"{bins} of {len(table)} off; {error:.1%} off on average"


def residual_table(targets: NDArray[np.float32], outputs: NDArray[np.float32]) -> pd.DataFrame:
    """List actual and predicted values; the residual is actual less predicted."""
    actual, predicted = targets.astype(np.float64), outputs[:, 0].astype(np.float64)
    return pd.DataFrame(
        {"actual": actual, "predicted": predicted, "residual": actual - predicted}
    )


def residual_finding(table: pd.DataFrame) -> str:
    """Say whether low or high values are predicted too high or too low.

    Judged are the lowest and the highest fifth of the actual values.
    """
    typical = float(table["residual"].abs().mean())
    if len(table) * _FIFTH < _FEWEST or not typical:
        return f"Off by {typical:.3g} on average"
    low, high = table["actual"].quantile([_FIFTH, 1 - _FIFTH])
    of_low = float(table.loc[table["actual"] <= low, "residual"].mean())
    of_high = float(table.loc[table["actual"] >= high, "residual"].mean())
    parts = [
        f"{name} values are predicted too {'low' if drift > 0 else 'high'}"
        for name, drift in (("low", of_low), ("high", of_high))
        if abs(drift) > _FAR * typical
    ]
    if not parts:
        return f"Off by {typical:.3g} on average, for low and high values alike"
    text = " and ".join(parts)
    return text[0].upper() + text[1:]


def said_classes(task: Task, outputs: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the class each row is said to be."""
    if task == "regression" or not len(outputs):
        return np.empty(0, np.intp)
    if outputs.shape[1] == 1:
        return (outputs[:, 0] > 0.5).astype(np.intp)
    said: NDArray[np.intp] = outputs.argmax(axis=1)
    return said
