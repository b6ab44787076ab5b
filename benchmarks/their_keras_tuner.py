"""A recipe by KerasTuner, which has no cross-validation: `run_trial` goes over the folds.

Draws of a random search are one hyperparameter that numbers them, so that they can be given.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import keras
import keras_tuner

from benchmarks.their_network import Job, Settings, Stopwatch, read_job, write_result

_DRAW = "draw"


def _settings(job: Job, values: Settings) -> Settings:
    return job.cells[values[_DRAW]] if job.is_random else {n: values[n] for n in job.choices}


class _CrossValidated(keras_tuner.GridSearch):
    """KerasTuner's grid search with the folds of a job."""

    def __init__(self, job: Job, **options: Any) -> None:  # noqa: ANN401 (KerasTuner's own)
        self.job = job
        super().__init__(self._build, **options)

    def _build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        if self.job.is_random:
            hp.Choice(_DRAW, list(range(len(self.job.cells))))
        for name, values in self.job.choices.items():
            hp.Choice(name, list(values))
        return self.job.network(_settings(self.job, hp.values))

    def run_trial(
        self,
        trial: keras_tuner.engine.trial.Trial,
        *_args: Any,  # noqa: ANN401 (KerasTuner's own)
        **_options: Any,  # noqa: ANN401 (KerasTuner's own)
    ) -> dict[str, float]:
        """Train and score one trial on every fold."""
        hp = trial.hyperparameters
        settings = _settings(self.job, hp.values)
        scores = []
        for train, score in self.job.folds:
            model = self.hypermodel.build(hp)
            self.job.fit(model, settings, train)
            scores.append(self.job.score(model, score))
        return {"score": sum(scores) / len(scores)}


def search(job: Job, folder: Path) -> dict[int, float | None]:
    """Search and train the best settings again; return the mean score of each trial."""
    direction = "max" if job.facts["direction"] == "maximize" else "min"
    tuner = _CrossValidated(
        job,
        objective=keras_tuner.Objective("score", direction),
        directory=folder,
        project_name="search",
    )
    tuner.search(verbose=0)
    best = tuner.get_best_hyperparameters()[0]
    model = tuner.hypermodel.build(best)
    job.fit(model, _settings(job, best.values), job.all_rows)
    scores: dict[int, float | None] = {}
    for trial in tuner.oracle.trials.values():
        number = job.number(_settings(job, trial.hyperparameters.values))
        scores[number] = None if trial.score is None else float(trial.score)
    return scores


def main() -> None:
    """Run the job in the folder named on the command line."""
    folder = Path(sys.argv[1])
    job = read_job(folder)
    with tempfile.TemporaryDirectory() as tuner_folder:
        watch = Stopwatch()
        scores = search(job, Path(tuner_folder))
        write_result(folder, watch.seconds, scores)


if __name__ == "__main__":
    main()
