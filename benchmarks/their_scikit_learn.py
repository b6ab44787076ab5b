"""A recipe by scikit-learn: GridSearchCV over a SciKeras estimator, on all cores.

Draws of a random search are handed over as a list of single cells: RandomizedSearchCV takes no
settings that are known beforehand, and the work is the same.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
from scikeras.wrappers import KerasClassifier, KerasRegressor
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from benchmarks.their_network import Job, Stopwatch, read_job, write_result

_SCORING = {
    "accuracy": "accuracy",
    "rmse": "neg_root_mean_squared_error",
    "log_loss": "neg_log_loss",
}
_OF_THE_WRAPPER = ("epochs", "batch_size")


def _prefixed(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {_name(name): value for name, value in settings.items()}


def _name(name: str) -> str:
    return name if name in _OF_THE_WRAPPER else f"model__{name}"


def _estimator(job: Job) -> Any:  # noqa: ANN401 (SciKeras has no types)
    first = {**job.fixed, **job.cells[0]}
    settings: dict[str, Any] = _prefixed({**job.facts["ends"], **first})
    stopping = job.facts["early_stopping"]
    if stopping:
        settings["callbacks"] = keras.callbacks.EarlyStopping
        settings |= {f"callbacks__{name}": value for name, value in stopping.items()}
    wrapper = KerasRegressor if job.facts["ends"]["output"] == "linear" else KerasClassifier
    return wrapper(job.builder, verbose=0, **settings)


def _param_grid(job: Job) -> Any:  # noqa: ANN401 (scikit-learn takes a dict or a list of them)
    if job.is_random:
        return [{_name(n): [v] for n, v in cell.items()} for cell in job.cells]
    return _prefixed(job.choices)


def search(job: Job) -> dict[int, float | None]:
    """Search and train the best settings again; return the mean score of each trial."""
    estimator = _estimator(job)
    # Where published test rows score, the best must not be trained on them.
    refits = len(job.all_rows) == len(job.features)
    grid = GridSearchCV(
        estimator,
        _param_grid(job),
        scoring=_SCORING[job.facts["score"]],
        n_jobs=-1,
        cv=job.folds,
        refit=refits,
    )
    watched = {"validation_data": job.watch} if job.watch else {}
    grid.fit(job.features, job.targets, **watched)
    found = grid.cv_results_
    if not refits:
        best = found["params"][int(found["rank_test_score"].argmin())]
        rows = job.all_rows
        clone(estimator).set_params(**best).fit(
            job.features[rows], job.targets[rows], **watched
        )
    sign = 1 if job.facts["direction"] == "maximize" else -1
    scores: dict[int, float | None] = {}
    for params, score in zip(found["params"], found["mean_test_score"], strict=True):
        settings = {name.removeprefix("model__"): value for name, value in params.items()}
        scores[job.number(settings)] = sign * float(score)
    return scores


def main() -> None:
    """Run the job in the folder named on the command line."""
    folder = Path(sys.argv[1])
    job = read_job(folder)
    watch = Stopwatch()
    scores = search(job)
    write_result(folder, watch.seconds, scores)


if __name__ == "__main__":
    main()
