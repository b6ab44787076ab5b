"""A small study, written as a worker would: two trials that tie, one failed, one pruned."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from storage.database import Database
from storage.leases import claim_study, update_claimed
from storage.results import Batch, CurvePiece, FitRow, TrialRow, write_batch
from storage.studies import FINISHED
from tuning.launch import launch
from tuning.spec import StudySpec

SPEC = StudySpec.parse(
    {
        "name": "rates <b>",
        "data": {"dataset": "breast-cancer"},
        "space": {
            "learning_rate": {"kind": "list", "values": [None, 0.1, 0.01, 1.0]},
            "n_neurons": {"kind": "list", "values": [4, 8]},
            "dense_layer_sizes": {"kind": "fixed", "value": None},
            "epochs": {"kind": "fixed", "value": 3},
        },
        "sampler": {"kind": "random", "n_trials": 4},
        "evaluation": {"folds": 2, "repeats": 2, "score": "log_loss"},
    }
)
FINISHED_AT = 1_700_000_000.0
LOSSES = {
    0: (0.5, 0.3, 0.4, 0.4),
    1: (0.4, 0.4, 0.3, 0.5),
}  # by repeat and fold; means are equal
SETTINGS: dict[int, dict[str, Any]] = {
    0: {"learning_rate": None, "n_neurons": 4},
    1: {"learning_rate": 0.1, "n_neurons": 8},
    2: {"learning_rate": 1.0, "n_neurons": 4},
    3: {"learning_rate": 0.01, "n_neurons": 8},
}
PLACES = ((0, 0), (0, 1), (1, 0), (1, 1))
# loss, metric, val_loss, val_metric, watched of three epochs.
CURVE = np.array(
    [[0.9, 0.5, 1.0, 0.4, np.nan], [0.7, 0.6, 0.8, 0.5, np.nan], [0.5, 0.8, 0.6, 0.7, np.nan]],
    np.float32,
)


def write_study(db: Database, spec: StudySpec = SPEC) -> str:
    """Write the study, and return its id."""
    study_id = launch(db, spec)
    claim = claim_study(db, "worker", study_id)
    if claim is None:
        raise LookupError(study_id)
    trials = [
        TrialRow(
            number, "COMPLETE", SETTINGS[number], 0.4, 0.08, 3.0, 8.0, 100,
            finished_at=FINISHED_AT + number,
        )
        for number in (0, 1)
    ]  # fmt: skip
    failed = TrialRow(
        2, "FAIL", SETTINGS[2], message="Loss became NaN.", finished_at=FINISHED_AT
    )
    trials += [failed, replace(failed, number=3, state="PRUNED", params=SETTINGS[3])]
    fits = [
        FitRow(
            number, *place, "COMPLETE", loss, {"log_loss": loss}, 3, None, 1.0 + spot, "keras"
        )
        for number, losses in LOSSES.items()
        for spot, (place, loss) in enumerate(zip(PLACES, losses, strict=True))
    ]
    fits.append(FitRow(2, 0, 0, "FAIL", message="Loss became NaN."))
    pieces = [
        CurvePiece(number, *place, 0, CURVE + 0.1 * place[1])
        for number in (0, 1)
        for place in PLACES
    ]
    best = {"best_number": 0, "best_score": 0.4, "best_half_width": 0.1}
    write_batch(db, claim, Batch(trials=trials, fits=fits, pieces=pieces, study=best))
    update_claimed(
        db, claim, state=FINISHED, started_at=FINISHED_AT, finished_at=FINISHED_AT + 9
    )
    return study_id
