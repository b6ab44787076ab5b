"""Small studies to train on, and a reporter that keeps all it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.preprocessing import StandardScaler

from tuning.datasets.info import DatasetInfo
from tuning.training.interface import FitResult, FoldData, Readout, Rows, Training


@dataclass
class Notes:
    """A reporter that keeps all it is told, and stops where a test says so."""

    stop_after: int | None = None
    curves: dict[tuple[int, int], list[NDArray[np.float32]]] = field(default_factory=dict)
    results: dict[int, FitResult] = field(default_factory=dict)

    def epoch(
        self, trainings: Sequence[Training], epoch: int, values: NDArray[np.float32]
    ) -> None:
        for training, own in zip(trainings, values, strict=True):
            curve = self.curves.setdefault((training.repeat, training.fold), [])
            assert epoch == len(curve)
            curve.append(own)

    def result(self, _training: Training, readout: Readout, result: FitResult) -> None:
        self.results[readout.number] = result

    def stopping(self, trainings: Sequence[Training]) -> NDArray[np.bool_]:
        done = [len(self.curves.get((t.repeat, t.fold), ())) for t in trainings]
        return np.array([self.stop_after is not None and n >= self.stop_after for n in done])


@pytest.fixture(scope="session")
def cancer() -> tuple[DatasetInfo, FoldData]:
    """Give two classes: 200 rows to train with, 100 to score by, 60 to watch."""
    features, targets = load_breast_cancer(return_X_y=True)
    info = DatasetInfo(
        id="breast-cancer",
        title="Breast cancer",
        task="binary",
        source="bundled",
        n_rows=len(targets),
        n_inputs=30,
        target="benign",
        about="",
        class_names=("malignant", "benign"),
        class_counts=(212, 357),
    )
    return info, _fold(features, targets)


@pytest.fixture(scope="session")
def progression() -> tuple[DatasetInfo, FoldData]:
    """Give a number to predict: 200 rows to train with, 100 to score by, 60 to watch."""
    features, targets = load_diabetes(return_X_y=True, scaled=False)
    info = DatasetInfo(
        id="diabetes",
        title="Diabetes progression",
        task="regression",
        source="bundled",
        n_rows=len(targets),
        n_inputs=10,
        target="progression",
        about="",
    )
    return info, _fold(features, targets / 100)


def _fold(features: NDArray[np.float64], targets: NDArray[np.float64]) -> FoldData:
    scaled = StandardScaler().fit_transform(features).astype(np.float32)
    numbers = targets.astype(np.float32)
    parts = (slice(0, 200), slice(200, 300), slice(300, 360))
    return FoldData(*(Rows(scaled[part], numbers[part]) for part in parts))
