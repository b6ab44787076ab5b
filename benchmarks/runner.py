"""One process after another: what to measure, each run with an empty data folder, written down.

Every measurement is in the file as soon as it ends, so that an interrupted run can go on.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.job import write_job
from benchmarks.memory import Ended, run_measured
from benchmarks.ours import HERE, WORKER
from benchmarks.results import OURS, Kind, Measurement, Results
from benchmarks.words import shown_mb, shown_seconds
from tuning.datasets.download import data_folder
from tuning.spec import StudySpec

_ROOT = Path(__file__).resolve().parent.parent
PEER_MODULES = {
    "scikit-learn": "benchmarks.their_scikit_learn",
    "keras-tuner": "benchmarks.their_keras_tuner",
    "optuna": "benchmarks.their_optuna",
}
_HOW: Mapping[Kind, str] = {"cold": HERE, "warm": WORKER}


@dataclass(frozen=True)
class Step:
    """One process to run and measure."""

    side: str
    kind: Kind
    recipes: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str, tuple[str, ...]]:
        """What `Measurement.key` will be."""
        return (self.side, self.kind, tuple(sorted(self.recipes)))

    @property
    def words(self) -> str:
        """What is being measured, for the person who waits."""
        name = self.recipes[0] if len(self.recipes) == 1 else f"{len(self.recipes)} recipes"
        how = {"cold": "in a new process", "warm": "twice in one worker", "search": ""}
        return f"{name}: {self.side} {how[self.kind]}".rstrip()


def plan(groups: Mapping[str, Sequence[str]], peers: Sequence[str]) -> list[Step]:
    """Return what to measure: recipe by recipe in turn, then each group in one process."""
    steps: list[Step] = []
    for names in groups.values():
        for name in names:
            theirs = [Step(peer, "search", (name,)) for peer in peers]
            steps.append(Step(OURS, "cold", (name,)))
            steps += theirs[:1]
            steps.append(Step(OURS, "warm", (name,)))
            steps += theirs[1:]
        if len(names) > 1:
            steps.append(Step(OURS, "cold", tuple(names)))
    return steps


class Runner:
    """Runs one step after another and writes each down."""

    def __init__(
        self,
        results: Results,
        path: Path,
        specs: Mapping[str, StudySpec],
        say: Callable[[str], None],
    ) -> None:
        self._results, self._path, self._specs, self._say = results, path, specs, say

    def run(self, steps: Sequence[Step]) -> None:
        """Run what is not there yet."""
        there = {m.key: m for m in self._results.measurements if not m.error}
        for count, step in enumerate(steps, start=1):
            old = there.get(step.key)
            if old is not None:
                self._say(f"{count}/{len(steps)} {step.words}: kept, {old.started_at}")
                continue
            self._say(f"{count}/{len(steps)} {step.words} …")
            measurement = self._measure(step)
            self._results.add(measurement)
            self._results.write(self._path)
            words = measurement.error or f"{shown_seconds(measurement.process_s)} s"
            self._say(f"    {words}, up to {shown_mb(measurement.peak_mb)} MB")

    def _measure(self, step: Step) -> Measurement:
        started_at = datetime.now().astimezone().isoformat(timespec="seconds")
        with tempfile.TemporaryDirectory(prefix="tuneboard-bench-") as folder:
            work, home = Path(folder) / "work", Path(folder) / "home"
            home.mkdir()
            work.mkdir()
            _share_downloads(home)
            command, result_path = self._command(step, work)
            ended = run_measured(command, _ROOT, measured_environment(home))
            try:
                result = json.loads(result_path.read_text()) if not ended.status else None
            except (OSError, ValueError):
                result = None
        return _measurement(step, started_at, ended, result)

    def _command(self, step: Step, work: Path) -> tuple[list[str], Path]:
        result_path = work / "result.json"
        if step.side != OURS:
            write_job(self._specs[step.recipes[0]], work)
            return [sys.executable, "-m", PEER_MODULES[step.side], str(work)], result_path
        paths = []
        for name in step.recipes:
            paths.append(work / f"{name}.json")
            paths[-1].write_text(self._specs[name].to_json())
        command = [sys.executable, "-m", "benchmarks.ours", _HOW[step.kind]]
        return [*command, str(result_path), *map(str, paths)], result_path


def _share_downloads(home: Path) -> None:
    """Let a fresh data folder see the dataset files that are here already."""
    if data_folder().is_dir():
        (home / "datasets").symlink_to(data_folder().resolve())


def measured_environment(home: Path) -> dict[str, str]:
    """Return the environment of a measured process; the same for both sides.

    A person's own settings of Tuneboard and of XLA stay out: the first could name a database,
    the second a folder of compiled code, and a cold run would not be cold.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == "TUNEBOARD_DATASETS"
        or not (name.startswith("TUNEBOARD_") or name.endswith("XLA_FLAGS"))
    }
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    return kept | quiet | {"TUNEBOARD_HOME": str(home)}


def _measurement(
    step: Step,
    started_at: str,
    ended: Ended,
    result: list[dict[str, Any]] | dict[str, Any] | None,
) -> Measurement:
    common = (step.side, step.kind, step.recipes, started_at, ended.seconds, ended.peak_mb)
    if result is None:
        lines = ended.complaint.splitlines() or ["it left no result"]
        return Measurement(*common, error=f"exit status {ended.status}: {lines[-1]}")
    listed = result if isinstance(result, list) else [result]
    by_name = dict(zip(step.recipes, listed, strict=True))
    return Measurement(
        *common,
        seconds={name: part["seconds"] for name, part in by_name.items()},
        scores={name: part["scores"] for name, part in by_name.items()},
    )
