"""Our side of a comparison, in a process of its own: launch, claim, run, as a worker does.

``python -m benchmarks.ours TIMES RESULT SPEC …`` runs each spec that many times in turn, in the
data folder that ``TUNEBOARD_HOME`` names, and writes seconds and scores.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from storage.database import Database, database
from storage.leases import claim_study
from storage.results import read_trials
from storage.studies import FINISHED, get_study
from tuning.driver import run_study
from tuning.execution.interface import Executor
from tuning.launch import launch
from tuning.spec import StudySpec
from tuning.worker import load_engine, set_up_log


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
    times, result_path, *spec_paths = sys.argv[1:]
    set_up_log(as_json=False, quiet=True)
    db = database()
    engine = load_engine()
    results = []
    for path in spec_paths:
        spec = StudySpec.parse(Path(path).read_text())
        seconds: list[float] = []
        scores: dict[str, Any] = {}
        for _ in range(int(times)):
            took, scores = run_once(db, spec, engine)
            seconds.append(took)
        results.append({"seconds": seconds, "scores": scores})
    Path(result_path).write_text(json.dumps(results))


if __name__ == "__main__":
    main()
