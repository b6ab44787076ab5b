"""A search of any size written straight into a database, as a worker would have left it."""

from __future__ import annotations

from typing import Any

import numpy as np

from storage.database import Database
from storage.leases import claim_study, update_claimed
from storage.results import Batch, FitRow, TrialRow, write_batch
from storage.studies import FINISHED, TRAINING
from tuning.launch import launch
from tuning.parameters import Value
from tuning.spec import StudySpec

FOLDS = 5
_AT_ONCE = 1_000
_SPACE = {
    "learning_rate": {"kind": "log_range", "low": 1e-4, "high": 0.1},
    "dropout_rate": {"kind": "range", "low": 0.0, "high": 0.6},
    "n_neurons": {"kind": "range", "low": 4, "high": 64},
    "optimizer": {"kind": "list", "values": ["sgd", "adam", "rmsprop"]},
    "batch_size": {"kind": "list", "values": [16, 32, 64]},
}


def search_spec(n_trials: int) -> StudySpec:
    """Return a search that learns, over ranges and lists."""
    return StudySpec.parse(
        {
            "name": f"{n_trials} trials",
            "data": {"dataset": "breast-cancer"},
            "space": _SPACE,
            "sampler": {"kind": "tpe", "n_trials": n_trials},
            "evaluation": {"folds": FOLDS, "score": "accuracy"},
        }
    )


def write_search(db: Database, n_trials: int) -> str:
    """Write a finished search that comes to stay near a learning rate of 0.003.

    Scores follow the settings, with noise of the folds; some trials fail, some are pruned.
    """
    study_id = launch(db, search_spec(n_trials))
    claim = claim_study(db, "written", study_id)
    if claim is None:
        raise LookupError(study_id)
    update_claimed(db, claim, state=TRAINING, phase="Training", started_at=1.7e9)
    rng = np.random.default_rng(n_trials)
    at = 1.7e9
    for start in range(0, n_trials, _AT_ONCE):
        batch = Batch()
        for number in range(start, min(start + _AT_ONCE, n_trials)):
            settings = _settings(rng, number / n_trials)
            seconds = float(rng.lognormal(0.0, 0.5)) * (
                1 + int(str(settings["n_neurons"])) / 64
            )
            at += seconds / 2  # two at once
            _write(batch, number, settings, (seconds, at), rng)
        batch.study = {"n_trials_done": start + len(batch.trials)}
        write_batch(db, claim, batch)
    update_claimed(db, claim, state=FINISHED, phase="", finished_at=at)
    return study_id


def _settings(rng: np.random.Generator, share: float) -> dict[str, Value]:
    """Draw settings, the nearer to the best the later."""
    width = 1.5 * (1 - 0.8 * share)
    power = np.clip(-2.5 + rng.uniform(-width, width), -4, -1)
    return {
        "learning_rate": float(10**power),
        "dropout_rate": float(rng.uniform(0, 0.6)),
        "n_neurons": int(rng.integers(4, 65)),
        "optimizer": str(rng.choice(["sgd", "adam", "rmsprop"])),
        "batch_size": int(rng.choice([16, 32, 64])),
    }


def _write(
    batch: Batch,
    number: int,
    settings: dict[str, Value],
    times: tuple[float, float],
    rng: np.random.Generator,
) -> None:
    seconds, at = times
    ending = {11: "FAIL", 17: "PRUNED"}.get(number % 23, "COMPLETE")
    row: dict[str, Any] = {"duration_s": seconds, "finished_at": at}
    if ending == "COMPLETE":
        folds = _score(settings) + rng.normal(0, 0.012, FOLDS)
        row |= {"score": float(folds.mean()), "spread": float(folds.std(ddof=1))}
        batch.fits.extend(
            FitRow(number, 0, fold, "COMPLETE", float(score), {}, 30)
            for fold, score in enumerate(folds)
        )
    batch.trials.append(TrialRow(number, ending, dict(settings), **row))


def _score(settings: dict[str, Value]) -> float:
    rate, dropout = (float(str(settings[name])) for name in ("learning_rate", "dropout_rate"))
    bonus = 0.01 if settings["optimizer"] == "adam" else 0.0
    return 0.95 - 0.02 * (float(np.log10(rate)) + 2.5) ** 2 - 0.03 * dropout + bonus
