"""A study that the real driver runs, with a trainer that only tells the scores it was given."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.database import Database
from storage.leases import claim_study
from tuning.driver import run_study
from tuning.execution.interface import BestModel, Leader, StopSignal, Work
from tuning.launch import launch
from tuning.spec import StudySpec
from tuning.training.interface import FitResult, Reporter, Training

N_TRIALS, N_FOLDS = 6, 5
_RATES = (0.001, 0.003, 0.01, 0.03, 0.1)  # with the default, trial 0, six trials
EQUAL = (0.9,) * N_TRIALS
CLEAR = (0.85, 0.85, 0.85, 0.85, 0.95, 0.85)
WITHOUT_DEFAULT: dict[str, Any] = {
    "include_default": False,
    "space": {
        "learning_rate": {"kind": "list", "values": [0.001, 0.003, 0.01, 0.03, 0.1, 0.2]},
        "epochs": {"kind": "fixed", "value": 1},
    },
}

Moment = Callable[[str], None]


def driven_spec(**changes: Any) -> StudySpec:
    """Return a grid of six trials, the first with the default settings, in five folds."""
    document: dict[str, Any] = {
        "name": "driven",
        "data": {"dataset": "breast-cancer", "test_fraction": 0.0},
        "space": {
            "learning_rate": {"kind": "list", "values": list(_RATES)},
            "epochs": {"kind": "fixed", "value": 1},
        },
        "evaluation": {"folds": N_FOLDS, "score": "accuracy"},
        "include_default": True,
    }
    return StudySpec.parse(document | changes)


def noise(number: int, repeat: int, fold: int) -> float:
    """Return the luck of a fit, at most a hundredth; fits of one fold share some of it."""
    own = math.sin(7 * number + 3 * repeat + 5 * fold)
    return 0.005 * own + 0.005 * math.sin(11 * repeat + 2 * fold)


class Told:
    """An executor that trains nothing.

    Parameters
    ----------
    bases : sequence of float
        What each trial scores but for luck.
    moment : callable
        Called with "search" once half of the trials have their scores, and with "confirm" after
        each round of confirming, while the driver waits.
    """

    n_cores = 1

    def __init__(self, bases: Sequence[float], moment: Moment = lambda _when: None) -> None:
        self._bases, self._moment = bases, moment

    def train(self, _work: Work, trainings: Sequence[Training], reporter: Reporter) -> None:
        """Tell one epoch of each training, and its score."""
        is_search = all(training.repeat == 0 for training in trainings)
        for place, training in enumerate(trainings):
            if is_search and place == len(trainings) // 2:
                self._moment("search")
            self._tell(training, reporter)
        if not is_search:
            self._moment("confirm")

    def _tell(self, training: Training, reporter: Reporter) -> None:
        for readout in training.readouts:
            place = readout.number, training.repeat, training.fold
            score = self._bases[readout.number] + noise(*place)
            values = np.array([[0.5, score, 0.5, score, np.nan]], np.float32)
            reporter.epoch([training], 0, values)
            result = FitResult({"accuracy": score}, 1, None, 0.01, "keras")
            reporter.result(training, readout, result)

    def best_model(self, _work: Work, _leader: Leader, _signal: StopSignal) -> BestModel | None:
        """Train no model."""
        return None

    def predict(self, _content: bytes, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Say the same of every row; nobody asks."""
        return np.zeros((len(features), 1), np.float32)


def drive(
    db: Database,
    bases: Sequence[float],
    spec: StudySpec,
    moment: Callable[[str, str], None] = lambda _study_id, _when: None,
) -> str:
    """Run a study to its end, and return its id; `moment` is given it as well."""
    study_id = launch(db, spec)
    claim = claim_study(db, "test", study_id)
    if claim is None:
        raise LookupError(study_id)
    run_study(db, claim, Told(bases, lambda when: moment(study_id, when)))
    return study_id
