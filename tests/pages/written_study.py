"""A study written into a database as a worker would, with scores that follow the settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.database import Database
from storage.leases import claim_study, update_claimed
from storage.results import Batch, CurvePiece, FitRow, TrialRow, write_batch
from storage.studies import FINISHED, PREPARING, TRAINING, Claim
from tuning.launch import launch
from tuning.parameters import Value
from tuning.samplers import planned_settings
from tuning.spec import StudySpec

N_FOLDS = 3


def grid_spec(name: str = "pima grid", n_epochs: tuple[int, ...] = (10, 20)) -> StudySpec:
    """Return a grid of batch sizes and epochs on a dataset that needs no file."""
    return StudySpec.parse(
        {
            "name": name,
            "data": {"dataset": "breast-cancer"},
            "space": {
                "batch_size": {"kind": "list", "values": [10, 20, 40, 80, 160, 300]},
                "epochs": {"kind": "list", "values": list(n_epochs)},
            },
            "evaluation": {"folds": N_FOLDS, "score": "accuracy"},
        }
    )


def fold_score(number: int, fold: int) -> float:
    """Return 0.90 for trial 0 and a hundredth less for each next one; folds spread by 0.01."""
    return round(0.90 - 0.01 * number + 0.01 * (fold - 1), 4)


def curve(number: int, fold: int, n_epochs: int) -> NDArray[np.float32]:
    """Return epochs that end on the fold's score, with a falling loss."""
    share = np.arange(1, n_epochs + 1) / n_epochs
    metric = fold_score(number, fold) * (0.5 + 0.5 * share)
    loss = 1.2 - 0.8 * share + 0.02 * number
    nothing = np.full(n_epochs, np.nan)
    columns = [loss - 0.05, metric + 0.02, loss, metric, nothing]
    return np.stack(columns, axis=1).astype(np.float32)


@dataclass
class WrittenStudy:
    """A study whose worker is the test itself."""

    db: Database
    spec: StudySpec
    id: str
    claim: Claim | None = None

    @classmethod
    def waiting(cls, db: Database, spec: StudySpec | None = None) -> WrittenStudy:
        """Write a study that waits for a worker."""
        spec = spec or grid_spec()
        return cls(db, spec, launch(db, spec))

    def train(self) -> None:
        """Claim it and begin."""
        self.prepare()
        self._say(state=TRAINING, phase="Training", started_at=1_700_000_000.0)

    def prepare(self) -> None:
        """Claim it and read data."""
        self.claim = claim_study(self.db, "worker-test", self.id)
        self._say(state=PREPARING, phase="Reading data")

    def end(self, state: str = FINISHED, message: str = "") -> None:
        """Come to an end."""
        self._say(state=state, phase="", message=message, note=message or "Finished.")

    def complete(self, number: int, trainer: str = "stacked") -> None:
        """Write a finished trial with its fits and curves, and who leads."""
        params = self.params(number)
        n_epochs = int(str(params["epochs"]))
        batch = Batch(
            trials=[self._complete_row(number, params, n_epochs)],
            fits=[
                replace(self._fit(number, fold, n_epochs), trainer=trainer)
                for fold in range(N_FOLDS)
            ],
            pieces=[
                CurvePiece(number, 0, fold, 0, curve(number, fold, n_epochs))
                for fold in range(N_FOLDS)
            ],
            study=self._summary(number),
        )
        self._write(batch)

    def run(self, number: int, n_epochs: int) -> None:
        """Write the first epochs of a trial's first fold."""
        self._write(
            Batch(
                trials=[TrialRow(number, "RUNNING", self.params(number), n_weights=241)],
                fits=[FitRow(number, 0, 0, "RUNNING")],
                pieces=[CurvePiece(number, 0, 0, 0, curve(number, 0, 100)[:n_epochs])],
            )
        )

    def fail(self, number: int, message: str) -> None:
        """Write a trial that failed in its first fold."""
        self._write(
            Batch(
                trials=[
                    TrialRow(
                        number,
                        "FAIL",
                        self.params(number),
                        message=message,
                        finished_at=1_700_000_000.0 + number,
                    )
                ],
                fits=[FitRow(number, 0, 0, "FAIL", message=message)],
                study={"n_trials_failed": 1, "n_trials_done": number + 1},
            )
        )

    def params(self, number: int) -> dict[str, Value]:
        """Return the searched values of a trial."""
        return (planned_settings(self.spec) or [])[number]

    def _complete_row(self, number: int, params: dict[str, Value], n_epochs: int) -> TrialRow:
        return TrialRow(
            number,
            "COMPLETE",
            dict(params),
            score=fold_score(number, 1),
            spread=0.01,
            n_epochs=n_epochs,
            duration_s=0.5,
            n_weights=241,
            finished_at=1_700_000_000.0 + number,
        )

    def _fit(self, number: int, fold: int, n_epochs: int) -> FitRow:
        score = fold_score(number, fold)
        return FitRow(
            number, 0, fold, "COMPLETE", score, {"accuracy": score}, n_epochs, duration_s=0.2
        )

    def _summary(self, number: int) -> dict[str, Any]:
        return {
            "n_trials_done": number + 1,
            "n_fits_done": N_FOLDS * (number + 1),
            "best_number": 0,
            "best_score": 0.90,
            "best_half_width": 0.01,
            "seconds_left": 4.0,
        }

    def _say(self, note: str = "", **changes: Any) -> None:
        update_claimed(self.db, self._claimed(), note, **changes)

    def _write(self, batch: Batch) -> None:
        write_batch(self.db, self._claimed(), batch)

    def _claimed(self) -> Claim:
        if self.claim is None:
            self.claim = claim_study(self.db, "worker-test", self.id)
        if self.claim is None:
            raise LookupError(self.id)
        return self.claim
