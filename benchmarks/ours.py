"""Our side of a comparison, in a process of its own: launch, claim, run.

``python -m benchmarks.ours HOW RESULT SPEC …`` runs each spec in the data folder that
``TUNEBOARD_HOME`` names, and writes seconds and scores. HOW is ``here``: once, in this very
process, as ``python -m tuning search`` does; or ``worker``: twice in turn, by a driver whose
trainings run in processes of a cluster, as a worker's do, once those have TensorFlow.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tuning.importing import quick_imports

with quick_imports():  # as tuning/__main__.py does
    from storage.database import Database, database
    from storage.leases import claim_study
    from storage.results import read_trials
    from storage.settings import settings
    from storage.studies import FINISHED, get_study
    from tuning.driver import run_study
    from tuning.execution.interface import Executor
    from tuning.launch import launch
    from tuning.spec import StudySpec
    from tuning.worker import load_engine, set_up_log

HERE, WORKER = "here", "worker"
_TIMES = {HERE: 1, WORKER: 2}


class NotFinishedError(RuntimeError):
    """A study did not end as it should, so that there is nothing to compare."""

    def __init__(self, name: str, state: str, message: str) -> None:
        super().__init__(f"{name} ended as {state}. {message}")


def run_once(db: Database, spec: StudySpec, engine: Executor) -> tuple[float, dict[str, Any]]:
    """Run a study from launch to finished; return seconds, and scores by trial number."""
    started = time.perf_counter()
    study_id = launch(db, spec)
    claim = claim_study(db, "benchmark", study_id)
    if claim is None:
        raise NotFinishedError(spec.name, "waiting", "Nobody could claim it.")
    run_study(db, claim, engine)
    seconds = time.perf_counter() - started
    row = get_study(db, study_id)
    if row.state != FINISHED:
        raise NotFinishedError(spec.name, row.state, row.message)
    return seconds, {str(trial.number): trial.score for trial in read_trials(db, study_id)}


def main() -> None:
    """Run the specs named on the command line."""
    how, result_path, *spec_paths = sys.argv[1:]
    set_up_log(as_json=False, quiet=True)
    results = []
    with _executor(how) as executor:
        db = database()
        for path in spec_paths:
            spec = StudySpec.parse(Path(path).read_text())
            seconds: list[float] = []
            scores: dict[str, Any] = {}
            for _ in range(_TIMES[how]):
                took, scores = run_once(db, spec, executor)
                seconds.append(took)
            results.append({"seconds": seconds, "scores": scores})
    Path(result_path).write_text(json.dumps(results))


@contextlib.contextmanager
def _executor(how: str) -> Iterator[Executor]:
    if how == HERE:
        yield load_engine()
        return
    with quick_imports():
        from tuning.execution.pool import Pool  # a process that trains by itself has no Dask

    with contextlib.closing(Pool(settings())) as pool:  # its processes have TensorFlow by now
        yield pool


if __name__ == "__main__":
    main()
