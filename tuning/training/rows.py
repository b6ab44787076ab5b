"""The rows of each fold as trainers take them: cut and prepared; a few folds are kept.

Threads may share them, and they travel to other processes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuning.datasets.dividing import divide
from tuning.datasets.info import Dataset
from tuning.datasets.preparation import AS_THEY_ARE, Preparation, Preparer
from tuning.datasets.splits import Fold, make_split
from tuning.spec import StudySpec
from tuning.training.interface import FoldData, Part, Rows
from tuning.training.seeds import REFIT, part_seed

_KEPT_BYTES = 256 * 2**20  # folds beyond this are cut again when they are needed


class StudyRows:
    """Gives the rows of every fold of a study; the same ones for every trial of a preparation.

    Parameters
    ----------
    n_repeats : int or None
        Repeats to make, if not those of the spec.
    """

    def __init__(self, spec: StudySpec, dataset: Dataset, n_repeats: int | None = None) -> None:
        self._spec = spec
        self.dataset = dataset
        self.split = make_split(dataset, spec, n_repeats)
        self._folds = {(fold.repeat, fold.fold): fold for fold in self.split.folds}
        self._begin()

    def _begin(self) -> None:
        self._kept: OrderedDict[Part, FoldData] = OrderedDict()
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is cut again and what cannot travel."""
        return {name: v for name, v in self.__dict__.items() if name not in {"_kept", "_lock"}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin()

    def __call__(self, repeat: int, fold: int, preparation: Preparation) -> FoldData:
        """Return the rows of one fold, or of the training on all rows (fold `REFIT`)."""
        if self.dataset.info.image_shape is not None:
            preparation = AS_THEY_ARE  # images pass through, whatever is asked for
        key = (repeat, fold, preparation)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = self._cut(repeat, fold, preparation)
                self._drop_old()
            self._kept.move_to_end(key)
            return self._kept[key]

    def preparer(self, repeat: int, fold: int, preparation: Preparation) -> Preparer:
        """Return what a fold's training rows say of a preparation."""
        return self._preparer(self._train_and_watch_rows(repeat, fold)[0], preparation)

    def _cut(self, repeat: int, fold: int, preparation: Preparation) -> FoldData:
        part = self._fold(repeat, fold)
        features, targets = self.dataset.features, self.dataset.targets
        train_rows, watch_rows = self._train_and_watch_rows(repeat, fold)
        preparer = self._preparer(train_rows, preparation)
        return FoldData(
            train=_prepared(preparer, features[train_rows], targets[train_rows]),
            score=_prepared(preparer, *part.score_part(self.dataset)),
            watch=_prepared(preparer, features[watch_rows], targets[watch_rows])
            if len(watch_rows)
            else None,
        )

    def _train_and_watch_rows(
        self, repeat: int, fold: int
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        train_rows = self._fold(repeat, fold).train_rows
        stopping = self._spec.evaluation.early_stopping
        if stopping is None or stopping.rows == "separate":
            return train_rows, self.split.watch_rows
        seed = part_seed(self._spec.seed, f"inner-{repeat}-{fold}")
        return divide(self.dataset, train_rows, stopping.fraction, seed)

    def _fold(self, repeat: int, fold: int) -> Fold:
        if fold == REFIT:
            return Fold(repeat, fold, self.split.search_rows, self.split.search_rows)
        return self._folds[repeat, fold]

    def _preparer(self, train_rows: NDArray[np.intp], preparation: Preparation) -> Preparer:
        return Preparer.fit(self.dataset.features[train_rows], self.dataset.info, preparation)

    def _drop_old(self) -> None:
        while len(self._kept) > 1 and sum(map(_bytes, self._kept.values())) > _KEPT_BYTES:
            self._kept.popitem(last=False)


def _prepared(
    preparer: Preparer, features: NDArray[np.float32], targets: NDArray[np.float32]
) -> Rows:
    return Rows(np.ascontiguousarray(preparer.transform(features)), targets)


def _bytes(data: FoldData) -> int:
    parts = (data.train, data.score, data.watch)
    return sum(part.features.nbytes for part in parts if part is not None)
