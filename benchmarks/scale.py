"""One study of many cheap trials: how long in all, and what a trial and a fit cost at the end.

``python -m benchmarks.scale [--trials N]`` runs a random search of small networks on Pima, 20
epochs, 3 folds, in a data folder of its own, exactly as a worker does.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
import psutil
import typer

_LOOK_EVERY_S = 0.2
_TENTHS = 10


def _spec(n_trials: int) -> dict[str, Any]:
    return {
        "name": "many cheap trials",
        "data": {"dataset": "pima", "test_fraction": 0.0},
        "space": {
            "learning_rate": {"kind": "log_range", "low": 1e-4, "high": 1e-1},
            "n_neurons": {"kind": "range", "low": 2, "high": 32},
            "epochs": {"kind": "fixed", "value": 20},
            "batch_size": {"kind": "fixed", "value": 32},
        },
        "sampler": {"kind": "random", "n_trials": n_trials},
        "evaluation": {"folds": 3},
    }


class _Memory:
    """Watches the memory of this process against the trials done."""

    def __init__(self, trials_done: Callable[[], int]) -> None:
        self._trials_done = trials_done
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.seen: list[tuple[int, float]] = []

    def __enter__(self) -> _Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        process = psutil.Process()
        while not self._over.wait(_LOOK_EVERY_S):
            self.seen.append((self._trials_done(), process.memory_info().rss / 2**20))

    def first_at(self, n_trials: int) -> float:
        """Return the megabytes when so many trials were done first."""
        return next((mb for done, mb in self.seen if done >= n_trials), float("nan"))


def main(trials: Annotated[int, typer.Option(help="Trials of the study.")] = 10_000) -> None:
    """Run the study and print what it took."""
    with tempfile.TemporaryDirectory(prefix="tuneboard-scale-") as home:
        os.environ["TUNEBOARD_HOME"] = home
        _run(trials)


def _run(trials: int) -> None:
    from storage.database import database
    from storage.leases import claim_study
    from storage.results import read_trials
    from storage.studies import get_study
    from tuning.driver import run_study
    from tuning.launch import launch
    from tuning.spec import StudySpec
    from tuning.worker import load_engine

    db, engine = database(), load_engine()
    study_id = launch(db, StudySpec.parse(_spec(trials)))
    claim = claim_study(db, "benchmark", study_id)
    assert claim is not None
    started, cpu_started = time.perf_counter(), time.process_time()
    with _Memory(lambda: get_study(db, study_id).n_trials_done) as memory:
        run_study(db, claim, engine)
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu_started
    row = get_study(db, study_id)
    print(
        f"{row.state}: {row.n_trials_done:,} trials in {seconds:.1f} s ({cpu_s:.1f} s of CPU)"
    )
    ends = np.sort([trial.finished_at or 0.0 for trial in read_trials(db, study_id)])
    marks = ends[np.linspace(0, len(ends) - 1, _TENTHS + 1).astype(int)]
    costs = [(later - earlier) / (trials / _TENTHS) * 1e3 for earlier, later in pairwise(marks)]
    print("ms a trial, by tenths: " + " ".join(f"{cost:.2f}" for cost in costs))
    for n_trials in (100, 1000, trials):
        print(f"{memory.first_at(n_trials):.0f} MB after {n_trials:,} trials")


if __name__ == "__main__":
    typer.run(main)
