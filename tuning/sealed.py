"""The sealed test: rows that no trial sees, opened once a study by a person.

Its scores are computed when it is opened, by the model that the study saved. Before that they
are nowhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.studies import StudyRow
from tuning.analysis.winner import SealedTest, sealed_test
from tuning.datasets.info import Dataset, DatasetInfo, Task
from tuning.datasets.splits import count_rows, make_split
from tuning.digits import decimals
from tuning.spec import StudySpec
from tuning.training.scores import scores

_CLIP = 1e-7  # of probabilities, as in the scores


def n_sealed(spec: StudySpec, info: DatasetInfo) -> int:
    """Return how many rows a study has sealed; 0 where trials are scored on the test rows."""
    return 0 if spec.evaluation.method == "test" else count_rows(spec, info).test


def sealed_rows(
    spec: StudySpec, dataset: Dataset
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return inputs and targets of the sealed rows."""
    return make_split(dataset, spec).test_part(dataset)


def sealed_document(
    task: Task, targets: NDArray[np.float32], outputs: NDArray[np.float32]
) -> dict[str, Any]:
    """Return what is kept of an opened test: every score, and what its interval needs.

    Parameters
    ----------
    targets : ndarray of shape (n_rows,)
    outputs : ndarray of shape (n_rows, n_outputs)
        Of the saved model.
    """
    document: dict[str, Any] = {
        "n_rows": len(targets),
        "scores": scores(task, targets, outputs),
        "row_variances": _row_variances(task, targets, outputs.astype(np.float64)),
    }
    if task != "regression":
        said = _said(outputs)
        n_classes = max(int(targets.max()) + 1, outputs.shape[1], 2)
        confusion = np.zeros((n_classes, n_classes), np.intp)
        np.add.at(confusion, (targets.astype(np.intp), said), 1)
        document["confusion"] = confusion.tolist()
    return document


def _said(outputs: NDArray[np.float32]) -> NDArray[np.intp]:
    if outputs.shape[1] == 1:
        return (outputs[:, 0] > 0.5).astype(np.intp)
    said: NDArray[np.intp] = outputs.argmax(axis=1)
    return said


def _row_variances(
    task: Task, targets: NDArray[np.float32], outputs: NDArray[np.float64]
) -> dict[str, float]:
    if task == "regression":
        errors = targets - outputs[:, 0]
        losses = {"mse": errors**2, "mae": np.abs(errors)}
    else:
        codes = targets.astype(np.intp)
        if outputs.shape[1] == 1:
            outputs = np.hstack([1 - outputs, outputs])
        shares = outputs / outputs.sum(axis=1, keepdims=True)
        of_truth = np.clip(shares[np.arange(len(codes)), codes], _CLIP, 1 - _CLIP)
        losses = {"log_loss": -np.log(of_truth)}
    return {name: float(values.var(ddof=1)) for name, values in losses.items()}


@dataclass(frozen=True)
class Opened:
    """An opened test.

    Attributes
    ----------
    scores : mapping
        By name; empty until they are computed.
    confusion : list of list of int
        Rows by truth and by what was said; empty for regression.
    """

    at: float
    n_rows: int
    scores: Mapping[str, float]
    row_variances: Mapping[str, float]
    confusion: list[list[int]]

    def interval(self, score: str) -> SealedTest | None:
        """Return a score with its interval; None where its rows do not tell one."""
        value = self.scores.get(score)
        if value is None:
            return None
        if score == "accuracy":
            return sealed_test(value, self.n_rows)
        if score == "rmse":
            return _root(sealed_test(value**2, self.n_rows, self.row_variances["mse"]))
        if score in self.row_variances:
            return sealed_test(value, self.n_rows, self.row_variances[score])
        return None


def opened_test(row: StudyRow) -> Opened | None:
    """Read a study's opened test; None while it is sealed."""
    if row.test_opened_at is None:
        return None
    stored = json.loads(row.test)
    return Opened(
        row.test_opened_at,
        stored.get("n_rows", 0),
        stored.get("scores", {}),
        stored.get("row_variances", {}),
        stored.get("confusion", []),
    )


def sealed_sentence(opened: Opened, score: str, expected: float | None) -> str:
    """Say what the sealed rows gave, beside what the search has promised."""
    value = opened.scores[score]
    found = opened.interval(score)
    digits, text = 3, ""
    if found is not None:
        digits = decimals((found.high - found.low) / 2)
        text = f" (95 % interval {found.low:.{digits}f} to {found.high:.{digits}f})"
    promised = "" if expected is None else f" The search promised {expected:.{digits}f}."
    return f"{value:.{digits}f} on {opened.n_rows:,} sealed rows{text}.{promised}"


def _root(found: SealedTest) -> SealedTest:
    low, high = (max(end, 0.0) ** 0.5 for end in (found.low, found.high))
    return SealedTest(found.score**0.5, low, high, found.level, found.label)
