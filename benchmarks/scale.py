"""One study of many cheap trials: how long in all, and what a trial and memory cost at the end.

``python -m benchmarks.scale [--trials N]`` starts a worker on a data folder of its own, and
launches a random search of small networks on Pima once it is ready: 20 epochs, 3 folds. Memory
is of the worker and its training processes together.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.memory import family_bytes, memory_kind
from storage.database import Database, database
from storage.processes import live
from storage.results import read_trials
from storage.studies import get_study
from tuning.launch import launch
from tuning.spec import StudySpec

_ROOT = Path(__file__).resolve().parent.parent
_LOOK_EVERY_S = 0.1
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
    """Watches the memory of a worker against the trials done.

    Attributes
    ----------
    seen : list of tuple of (int, float)
        Trials done, and the megabytes (10⁶ bytes) a moment later.
    """

    def __init__(self, pid: int, trials_done: Callable[[], int]) -> None:
        self._pid, self._trials_done = pid, trials_done
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
        while not self._over.wait(_LOOK_EVERY_S):
            self.seen.append((self._trials_done(), family_bytes(self._pid) / 1e6))

    def first_at(self, n_trials: int) -> float:
        """Return the megabytes when so many trials were done first."""
        return next((mb for done, mb in self.seen if done >= n_trials), float("nan"))

    @property
    def most(self) -> float:
        """The most megabytes at one moment."""
        return max((mb for _, mb in self.seen), default=float("nan"))


def main(trials: Annotated[int, typer.Option(help="Trials of the study.")] = 10_000) -> None:
    """Run the study and print what it took."""
    with tempfile.TemporaryDirectory(prefix="tuneboard-scale-") as home:
        os.environ["TUNEBOARD_HOME"] = home
        db = database()
        with _worker(db) as worker:
            _run(db, worker, trials)


@contextmanager
def _worker(db: Database) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker; ready, with TensorFlow in its training processes, when it is given."""
    worker = subprocess.Popen([sys.executable, "-m", "tuning", "worker"], cwd=_ROOT)
    try:
        while not any(row.state == "ready" for row in live(db, "worker", within_s=60)):
            if worker.poll() is not None:
                sys.exit(f"The worker ended with status {worker.returncode}.")
            time.sleep(_LOOK_EVERY_S)
        yield worker
    finally:
        worker.terminate()
        worker.wait()


def _run(db: Database, worker: subprocess.Popen[bytes], trials: int) -> None:
    started = time.perf_counter()
    study_id = launch(db, StudySpec.parse(_spec(trials)))
    with _Memory(worker.pid, lambda: get_study(db, study_id).n_trials_done) as memory:
        while not get_study(db, study_id).is_final:
            if worker.poll() is not None:
                sys.exit(f"The worker ended with status {worker.returncode}.")
            time.sleep(_LOOK_EVERY_S)
    seconds = time.perf_counter() - started
    row = get_study(db, study_id)
    print(f"{row.state}: {row.n_trials_done:,} trials in {seconds:.1f} s")
    ends = np.sort([trial.finished_at or 0.0 for trial in read_trials(db, study_id)])
    marks = ends[np.linspace(0, len(ends) - 1, _TENTHS + 1).astype(int)]
    costs = [(later - earlier) / (trials / _TENTHS) * 1e3 for earlier, later in pairwise(marks)]
    print("ms a trial, by tenths: " + " ".join(f"{cost:.2f}" for cost in costs))
    kind = memory_kind()
    for n_trials in (100, 1000, trials):
        print(f"{memory.first_at(n_trials):,.0f} MB ({kind}) after {n_trials:,} trials")
    print(f"{memory.most:,.0f} MB at most")


if __name__ == "__main__":
    typer.run(main)
