"""A recipe by plain Optuna: GridSampler, or RandomSampler with the draws enqueued."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import keras
import optuna

from benchmarks.their_network import Job, Settings, Stopwatch, read_job, write_result


def _suggest(job: Job, trial: optuna.Trial) -> Settings:
    if not job.is_random:
        return {
            name: trial.suggest_categorical(name, values)
            for name, values in job.choices.items()
        }
    settings: dict[str, Any] = {}
    for name, bounds in job.facts["ranges"].items():
        if "values" in bounds:
            settings[name] = trial.suggest_categorical(name, bounds["values"])
        elif bounds["whole"]:
            low, high = int(bounds["low"]), int(bounds["high"])
            settings[name] = trial.suggest_int(name, low, high, log=bounds["log"])
        else:
            settings[name] = trial.suggest_float(
                name, bounds["low"], bounds["high"], log=bounds["log"]
            )
    return settings


def search(job: Job) -> dict[int, float | None]:
    """Search and train the best settings again; return the mean score of each trial."""

    def objective(trial: optuna.Trial) -> float:
        keras.backend.clear_session()  # as Optuna's own Keras example does
        return job.cross_validate(_suggest(job, trial))

    sampler: optuna.samplers.BaseSampler = optuna.samplers.RandomSampler()
    if job.choices:
        sampler = optuna.samplers.GridSampler(job.choices)
    study = optuna.create_study(direction=job.facts["direction"], sampler=sampler)
    if job.is_random:
        for cell in job.cells:
            study.enqueue_trial(dict(cell))
    study.optimize(objective, n_trials=len(job.cells))
    job.refit(study.best_params)
    return {job.number(trial.params): trial.value for trial in study.trials}


def main() -> None:
    """Run the job in the folder named on the command line."""
    folder = Path(sys.argv[1])
    job = read_job(folder)
    watch = Stopwatch()
    scores = search(job)
    write_result(folder, watch.seconds, scores)


if __name__ == "__main__":
    main()
