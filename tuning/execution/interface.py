"""What a driver needs of the place where trainings run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from storage.results import TrialRow
from tuning.spec import StudySpec
from tuning.training.interface import Network, Reporter, Training
from tuning.training.rows import StudyRows


class StopSignal(Protocol):
    """Something that may say stop."""

    @property
    def stopped(self) -> bool:
        """Whether to stop now."""


@dataclass(frozen=True)
class Leader:
    """The best trial of a study."""

    study_id: str
    spec: StudySpec
    trial: TrialRow


@dataclass(frozen=True)
class BestModel:
    """The model to take home.

    Attributes
    ----------
    content : bytes
        A ``.keras`` file that takes raw rows.
    facts : dict
        Its settings and its scores on the rows it was trained on.
    """

    content: bytes
    facts: dict[str, Any]


@dataclass(frozen=True)
class Work:
    """What all trainings of a study share.

    Attributes
    ----------
    study_id : str
    priority : callable
        Tells how urgent it is now: studies of a higher priority get free cores first.
    n_cores : int
        Stacks are cut for so many, however many there are: the same cut, the same scores.
    """

    study_id: str
    network: Network
    rows: StudyRows
    priority: Callable[[], int]
    n_cores: int


class Executor(Protocol):
    """A place where trainings run."""

    @property
    def n_cores(self) -> int:
        """Trainings, or stacks of them, that run side by side."""

    def train(self, work: Work, trainings: Sequence[Training], reporter: Reporter) -> None:
        """Run the trainings, telling the reporter about each epoch and result.

        A training that fails tells so in its results; the others go on.
        """

    def best_model(self, work: Work, leader: Leader, signal: StopSignal) -> BestModel | None:
        """Train the leader on all rows; None if it was stopped or failed."""

    def predict(self, content: bytes, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what a saved model says of raw rows; shape (n_rows, n_outputs)."""
