"""What is measured in which order, what is kept, and how a process is measured."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.memory import run_measured
from benchmarks.peers import UnknownChoiceError, chosen_peers, chosen_recipes, open_results
from benchmarks.results import Measurement, Results, ResultsFileError
from benchmarks.runner import Runner, Step, measured_environment, plan
from tuning.recipes import RECIPES


def test_ours_and_theirs_take_turns_and_a_group_comes_last() -> None:
    steps = plan({"G": ["a", "b"], "H": ["c"]}, ["scikit-learn", "optuna"])

    assert [(step.side, step.kind, "+".join(step.recipes)) for step in steps] == [
        ("ours", "cold", "a"),
        ("scikit-learn", "search", "a"),
        ("ours", "warm", "a"),
        ("optuna", "search", "a"),
        ("ours", "cold", "b"),
        ("scikit-learn", "search", "b"),
        ("ours", "warm", "b"),
        ("optuna", "search", "b"),
        ("ours", "cold", "a+b"),
        ("ours", "cold", "c"),
        ("scikit-learn", "search", "c"),
        ("ours", "warm", "c"),
        ("optuna", "search", "c"),
    ]


def test_what_is_there_is_kept_and_said_with_its_time(tmp_path: Path) -> None:
    kept = Measurement("ours", "cold", ("a",), "2026-01-31T12:00:00+00:00", 1.0, 1.0)
    results = Results("full", {}, {}, [kept])
    said: list[str] = []

    Runner(results, tmp_path / "results.json", {}, said.append).run(
        [Step("ours", "cold", ("a",))]
    )

    assert said == ["1/1 a: ours in a new process: kept, 2026-01-31T12:00:00+00:00"]
    assert results.measurements == [kept]


def test_what_failed_is_measured_again(tmp_path: Path) -> None:
    failed = Measurement("ours", "cold", ("a",), "", 1.0, 1.0, error="exit status 1")
    runner = Runner(Results("full", {}, {}, [failed]), tmp_path / "r.json", {}, print)

    with pytest.raises(KeyError):  # it asks for the spec of a recipe nobody gave it
        runner.run([Step("ours", "cold", ("a",))])


def test_no_setting_of_a_person_enters_a_measurement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNEBOARD_DATABASE_URL", "sqlite:///theirs.sqlite3")
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_persistent_cache_directory=theirs")
    monkeypatch.setenv("TUNEBOARD_DATASETS", "kept")

    environment = measured_environment(tmp_path)

    ours = {name: v for name, v in environment.items() if name.startswith("TUNEBOARD_")}
    assert ours == {"TUNEBOARD_HOME": str(tmp_path), "TUNEBOARD_DATASETS": "kept"}
    assert "TF_XLA_FLAGS" not in environment


def test_results_are_not_overwritten_unasked(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    open_results(path, "full", resume=False).write(path)

    assert open_results(path, "full", resume=True).measurements == []
    with pytest.raises(ResultsFileError, match="is there already"):
        open_results(path, "full", resume=False)


def test_recipes_are_chosen_by_name_and_pattern_in_the_order_of_the_list() -> None:
    pima = [name for name in RECIPES if name.startswith("pima-")]

    assert chosen_recipes(["pima-*"], quick=False) == pima
    assert chosen_recipes(["pima-sgd", "pima-batch-epochs"], quick=False) == [
        "pima-batch-epochs",
        "pima-sgd",
    ]
    assert chosen_recipes([], quick=True) == ["pima-batch-epochs", "pima-sgd"]


def test_what_cannot_be_chosen_is_said() -> None:
    with pytest.raises(UnknownChoiceError) as error:
        chosen_peers(["optuna", "magic"])

    assert str(error.value) == (
        "'magic' is not known. Choose from: scikit-learn, keras-tuner, optuna."
    )
    with pytest.raises(UnknownChoiceError, match="'nothing' is not known"):
        chosen_recipes(["nothing"], quick=False)


@pytest.mark.slow
def test_seconds_and_memory_are_those_of_the_process_and_its_children(tmp_path: Path) -> None:
    child = "import time; kept = b'x' * 200_000_000; time.sleep(1)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"

    ended = run_measured([sys.executable, "-c", parent], tmp_path, {})

    assert ended.status == 0
    assert ended.seconds >= 1
    assert ended.peak_mb >= 200


@pytest.mark.slow
def test_the_last_words_of_a_failed_process_are_kept(tmp_path: Path) -> None:
    ended = run_measured(
        [sys.executable, "-c", "raise SystemExit('no such thing')"], tmp_path, {}
    )

    assert ended.status == 1
    assert ended.complaint == "no such thing"
