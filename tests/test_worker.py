"""Real worker processes and the command that trains: started, killed, interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import optuna
import pytest

from storage.database import database
from storage.results import read_trials
from storage.studies import get_study, list_studies
from tuning.launch import launch
from tuning.spec import StudySpec

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT.parent / "shared" / "reference" / "scikit-learn-labs.json"
PATIENCE_S = 180  # a hung process fails the test; nothing here is measured


def make_spec(n_epochs: int = 40, *more_epochs: int) -> StudySpec:
    return StudySpec.parse(
        {
            "name": "digits",
            "data": {"dataset": "digits"},
            "space": {
                "batch_size": {"kind": "list", "values": [16, 32, 64, 128]},
                "epochs": {"kind": "list", "values": [n_epochs, *more_epochs]},
            },
            "evaluation": {"folds": 2},
        }
    )


def command(home: Path, *arguments: str) -> dict[str, Any]:
    return {
        "args": [sys.executable, "-m", "tuning", *arguments],
        "cwd": ROOT,
        "env": os.environ | {"TUNEBOARD_HOME": str(home)},
    }


def run_command(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        **command(home, *arguments), capture_output=True, text=True, timeout=600, check=False
    )


@contextmanager
def worker(home: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(**command(home, "worker", *options))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def scores(study_id: str) -> Sequence[float | None]:
    return [trial.score for trial in read_trials(database(), study_id)]


@pytest.mark.soak  # and often in tests/faults/test_kills.py
def test_a_killed_worker_loses_nothing_that_was_finished_and_the_scores_are_the_same(
    home: Path,
) -> None:
    db = database()
    # Short trials are finished when the long ones are still on their way.
    spec = make_spec(2, 400)
    undisturbed = launch(db, spec)

    with worker(home) as first:
        wait_until(lambda: get_study(db, undisturbed).state == "finished")
        disturbed = launch(db, spec)
        wait_until(lambda: get_study(db, disturbed).n_trials_done >= 1)
        first.send_signal(signal.SIGKILL)
        first.wait()
    kept = {t.number: t for t in read_trials(db, disturbed) if t.state == "COMPLETE"}
    with worker(home):
        wait_until(lambda: get_study(db, disturbed).is_final)

    trials = {trial.number: trial for trial in read_trials(db, disturbed)}
    assert get_study(db, disturbed).state == "finished"
    assert {number: trials[number] for number in kept} == kept
    assert scores(disturbed) == scores(undisturbed)
    study = optuna.load_study(study_name=disturbed, storage=db.url)
    assert [trial.value for trial in study.trials] == list(scores(undisturbed))


def test_a_terminated_worker_hands_its_study_on_at_once(home: Path) -> None:
    db = database()
    study_id = launch(db, make_spec(10_000))

    with worker(home) as process:
        wait_until(lambda: get_study(db, study_id).state == "training")
        process.terminate()
        assert process.wait(PATIENCE_S) == 0

    row = get_study(db, study_id)
    assert (row.state, row.lease_until) == ("training", 0.0)
    assert row.phase == "Waiting for a worker"


@pytest.mark.soak  # memory that is full is tried in tests/execution
def test_a_training_process_full_of_compiled_code_begins_anew_and_the_scores_are_the_same(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = database()
    spec = StudySpec.parse(
        {
            "name": "two computations",
            "data": {"dataset": "breast-cancer"},
            "space": {
                "activation": {"kind": "list", "values": ["relu", "tanh"]},
                "epochs": {"kind": "fixed", "value": 3},
            },
            "evaluation": {"folds": 2},
        }
    )
    whole = launch(db, spec)
    with worker(home):
        wait_until(lambda: get_study(db, whole).is_final)
    monkeypatch.setenv("TUNEBOARD_COMPILED_LIMIT", "1")
    renewed = launch(db, spec)

    with worker(home) as process:
        wait_until(lambda: get_study(db, renewed).is_final)
        assert process.poll() is None  # the driver goes on all along

    assert get_study(db, renewed).state == "finished"
    assert scores(renewed) == scores(whole)


def test_the_same_command_twice_gives_identical_scores_as_json(home: Path) -> None:
    neurons = 'space.n_neurons={"kind": "list", "values": [5, 15]}'
    changes = ["--set", "space.epochs.value=5", "--set", neurons]
    arguments = ["search", "pima-neurons", *changes, "--json"]

    first, second = (run_command(home, *arguments) for _ in range(2))

    documents = [json.loads(output.stdout) for output in (first, second)]
    assert [output.returncode for output in (first, second)] == [0, 0]
    assert documents[0]["study"]["id"] != documents[1]["study"]["id"]
    shown = [[(t["score"], t["fold_scores"]) for t in d["trials"]] for d in documents]
    assert shown[0] == shown[1]
    parts = {"study", "spec", "trials", "best", "seconds", "verdict", "sealed_test"}
    assert set(documents[0]) == parts
    expected = {
        "number": 1,
        "state": "COMPLETE",
        "params": {"n_neurons": 15},
        "score": documents[0]["trials"][1]["score"],
        "search_score": documents[0]["trials"][1]["search_score"],
        "fold_scores": documents[0]["trials"][1]["fold_scores"],
        "n_epochs": 5,
        "n_weights": 8 * 15 + 15 + 15 + 1,
        "trainer": "stacked",
        "message": "",
    }
    assert expected.items() <= documents[0]["trials"][1].items()


def test_interrupting_the_command_keeps_what_is_finished(home: Path, tmp_path: Path) -> None:
    spec = tmp_path / "spec.json"
    spec.write_text(make_spec(2, 10_000).to_json())
    db = database()

    process = subprocess.Popen(
        **command(home, "search", str(spec), "--json"), stdout=subprocess.PIPE, text=True
    )
    wait_until(
        lambda: (
            any(row.n_trials_done >= 1 for row in list_studies(db))
            or process.poll() is not None
        )
    )
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE_S)

    document = json.loads(output)
    states = [trial["state"] for trial in document["trials"]]
    assert process.returncode == 0
    assert document["study"]["state"] == "stopped"
    assert 1 <= states.count("COMPLETE") <= 4
    assert len(states) <= 8


def test_a_study_that_fails_ends_the_command_with_status_one(home: Path) -> None:
    result = run_command(
        home,
        "search",
        "pima-neurons",
        "--set",
        "space.epochs.value=2",
        "--set",
        'space.learning_rate={"kind":"fixed","value":1e6}',
        "--json",
    )

    document = json.loads(result.stdout)
    assert result.returncode == 1
    assert document["study"]["state"] == "failed"
    assert {trial["state"] for trial in document["trials"]} == {"FAIL"}


@pytest.mark.skipif(not REFERENCE.exists(), reason="needs the reference figures")
def test_the_grid_of_the_first_recipe_agrees_with_scikit_learn(home: Path) -> None:
    reference = json.loads(REFERENCE.read_text())["pima-batch-epochs"]["rows"]
    expected = {tuple(sorted(row["params"].items())): row["mean"] for row in reference}

    output = run_command(home, "search", "pima-batch-epochs", "--json")

    trials = json.loads(output.stdout)["trials"]
    assert [len(trial["fold_scores"]) for trial in trials] == [3] * 18
    ours = {tuple(sorted(trial["params"].items())): trial["score"] for trial in trials}
    gaps = {cell: abs(ours[cell] - expected[cell]) for cell in expected}
    assert len(gaps) == 18
    assert median(gaps.values()) <= 0.05
