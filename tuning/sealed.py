"""The sealed test: rows that no trial sees, opened once a study by a person.

Its scores are computed when it is opened, by the model that the study saved. Before that they
are nowhere.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.database import Database
from storage.studies import StudyRow, opened_tests
from tuning.analysis.areas import roc_ends
from tuning.analysis.winner import SealedTest, sealed_label, sealed_level, sealed_test
from tuning.datasets.info import Dataset, DatasetInfo, Task
from tuning.datasets.splits import count_rows, make_split
from tuning.digits import DIGITS_ALONE, decimals
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

    A score that these rows do not give, such as an area under ROC of one class, is left out.

    Parameters
    ----------
    targets : ndarray of shape (n_rows,)
    outputs : ndarray of shape (n_rows, n_outputs)
        Of the saved model.
    """
    found = scores(task, targets, outputs)
    document: dict[str, Any] = {
        "n_rows": len(targets),
        "scores": {name: value for name, value in found.items() if math.isfinite(value)},
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
    if len(targets) < 2:
        return {}
    variances = {name: float(values.var(ddof=1)) for name, values in losses.items()}
    return {name: value for name, value in variances.items() if math.isfinite(value)}


@dataclass(frozen=True)
class Opened:
    """An opened test.

    Attributes
    ----------
    scores : mapping
        By name; empty until they are computed.
    confusion : list of list of int
        Rows by truth and by what was said; empty for regression.
    trial : int or None
        Whose model was scored.
    promised : float or None
        What the search promised of it then.
    """

    at: float
    n_rows: int
    scores: Mapping[str, float]
    row_variances: Mapping[str, float]
    confusion: list[list[int]]
    trial: int | None = None
    promised: float | None = None

    def interval(self, score: str, *, n_openings: int = 1) -> SealedTest | None:
        """Return a score with its interval; None where its rows do not tell one.

        Parameters
        ----------
        n_openings : int
            How often these rows had been opened by then, this time included.
        """
        value = self.scores.get(score)
        if value is None:
            return None
        if score == "accuracy":
            return sealed_test(value, self.n_rows, n_openings=n_openings)
        if score == "roc_auc":
            return self._area(value, n_openings)
        of_rows = self.row_variances.get("mse" if score == "rmse" else score)
        if of_rows is None:
            return None
        if score == "rmse":
            return _root(sealed_test(value**2, self.n_rows, of_rows, n_openings=n_openings))
        found = sealed_test(value, self.n_rows, of_rows, n_openings=n_openings)
        return replace(found, low=max(found.low, 0.0))  # no loss of a row is below 0

    def _area(self, value: float, n_openings: int) -> SealedTest | None:
        n_by_class = [sum(row) for row in self.confusion]
        if len(n_by_class) != 2 or not all(n_by_class):
            return None
        level = sealed_level(n_openings)
        low, high = roc_ends(value, n_by_class[1], n_by_class[0], level=level)
        return SealedTest(value, low, high, level, sealed_label(n_openings))


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
        stored.get("trial"),
        stored.get("promised"),
    )


def sealed_sentence(
    opened: Opened, score: str, expected: float | None, *, n_openings: int = 1
) -> str:
    """Say what the sealed rows gave, beside what the search has promised.

    Parameters
    ----------
    n_openings : int
        As for `Opened.interval`.
    """
    if score not in opened.scores:
        return f"The {opened.n_rows:,} sealed rows do not give this score."
    value, digits, text = opened.scores[score], DIGITS_ALONE, ""
    found = opened.interval(score, n_openings=n_openings)
    if found is not None:
        digits = decimals((found.high - found.low) / 2)
        level = f"{100 * found.level:.3g} % interval"
        text = f" ({level} {found.low:,.{digits}f} to {found.high:,.{digits}f}"
        text += f"; {found.label})" if found.label else ")"
    promised = "" if expected is None else f" The search promised {expected:,.{digits}f}."
    return f"{value:,.{digits}f} on {opened.n_rows:,} sealed rows{text}.{promised}"


def other_openings(
    db: Database, study_id: str, spec: StudySpec, info: DatasetInfo
) -> list[StudyRow]:
    """Return the other studies that have opened the same rows, the first opening first.

    Parameters
    ----------
    study_id, spec, info
        Of the study whose rows are meant.
    """
    return [
        row
        for row in opened_tests(db, spec.data.dataset)
        if row.id != study_id and shares_rows(spec, StudySpec.parse(row.spec), info)
    ]


def shares_rows(spec: StudySpec, other: StudySpec, info: DatasetInfo) -> bool:
    """Tell whether two studies of one dataset have sealed rows in common.

    Rows are sealed by the seed of their split: the larger part holds most of the smaller.
    """
    if not (n_sealed(spec, info) and n_sealed(other, info)):
        return False
    one, two = set(spec.data.digits), set(other.data.digits)
    if one and two and not one & two:
        return False
    return bool(info.n_test_rows) or spec.data.split_seed == other.data.split_seed


def _root(found: SealedTest) -> SealedTest:
    low, high = (max(end, 0.0) ** 0.5 for end in (found.low, found.high))
    return SealedTest(found.score**0.5, low, high, found.level, found.label)
