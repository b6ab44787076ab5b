"""One command takes a study home in every form; for people as paths, for scripts as JSON."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from typer.testing import CliRunner, Result

from storage.database import database
from tests.export.small_study import SPEC, write_study
from tuning.cli.app import app
from tuning.execution.interface import BestModel
from tuning.export.files import save_best_model, save_trial_model
from tuning.export.formats import FORMATS
from tuning.spec import StudySpec


@pytest.fixture(autouse=True)
def _own_home(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Give each test a data folder, a database and a working folder of its own."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)


def run(*arguments: str, fails: bool = False) -> Result:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, list(arguments))
    assert (result.exit_code != 0) == fails, result.output
    return result


def run_json(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "tensorboard"])
def test_each_form_is_written_under_the_name_of_the_study(name: str) -> None:
    study_id = write_study(database())

    exported = run_json("export", study_id, "--to", name)

    expected = f"{study_id}{FORMATS[name].ending}"
    assert exported == {"study": study_id, "files": [expected]}
    assert Path(expected).stat().st_size > 0


def test_out_names_the_file_and_makes_its_folder() -> None:
    study_id = write_study(database())

    said = run("export", study_id, "--to", "csv", "--out", "deep/down/trials.csv").stdout

    assert said == "deep/down/trials.csv\n"
    assert len(pd.read_csv("deep/down/trials.csv")) == 4


def test_the_spec_can_be_searched_again_by_anyone() -> None:
    study_id = write_study(database())
    run("export", study_id, "--to", "spec", "--out", "spec.json")

    again = run_json("search", "spec.json", "--background")

    assert again["study"] != study_id
    assert StudySpec.parse(Path("spec.json").read_text()) == SPEC


def test_tensorboard_logs_are_a_folder_or_an_archive() -> None:
    study_id = write_study(database())

    files = run_json("export", study_id, "--to", "tensorboard")["files"]
    archive = run_json("export", study_id, "--to", "tensorboard", "--out", "logs.zip")["files"]

    assert len(files) == 1 + 4
    events = EventAccumulator(f"{study_id}-tensorboard/trial 0")
    events.Reload()
    assert "score/log_loss" in events.Tags()["scalars"]
    assert archive == ["logs.zip"]
    assert Path("logs.zip").read_bytes().startswith(b"PK")


def test_the_optuna_file_opens_with_optuna() -> None:
    study_id = write_study(database())
    run("export", study_id, "--to", "optuna", "--out", "study.sqlite3")

    study = optuna.load_study(study_name=study_id, storage="sqlite:///study.sqlite3")

    assert len(study.trials) == 4


def test_a_script_is_that_of_the_leader_or_of_the_trial_asked_for() -> None:
    study_id = write_study(database())

    (leader,) = run_json("export", study_id, "--to", "script")["files"]
    (asked,) = run_json("export", study_id, "--to", "script", "--trial", "1")["files"]

    assert leader == f"{study_id}-trial-0.py"
    assert Path(asked).read_text(encoding="utf-8").startswith('"""Train trial 1 of')


FACTS = {
    "task": "binary", "target": "y", "unit": "", "log_target": False, "class_names": ["n", "y"],
    "columns": [{"name": "x", "kind": "number"}], "inputs": ["x"], "preparation": {},
}  # fmt: skip


def test_a_model_comes_with_what_predicts_or_alone(home: Path) -> None:
    study_id = write_study(database())
    save_best_model(home, study_id, BestModel(b"zero", {**FACTS, "trial": 0}))
    save_trial_model(home, study_id, 1, BestModel(b"one", {"trial": 1, "columns": []}))

    (leader,) = run_json("export", study_id, "--to", "model")["files"]
    (alone,) = run_json("export", study_id, "--to", "model", "--out", "m.keras")["files"]
    (image,) = run_json("export", study_id, "--to", "model", "--trial", "1")["files"]

    assert leader == f"{study_id}-trial-0-model.zip"
    with zipfile.ZipFile(leader) as packed:
        assert set(packed.namelist()) == {"model.keras", "columns.json", "predict.py"}
        assert packed.read("model.keras") == b"zero"
    assert (Path(alone).read_bytes(), Path(image).read_bytes()) == (b"zero", b"one")
    assert image == f"{study_id}-trial-1.keras"  # of pictures, no script reads raw rows


def test_a_model_that_is_not_kept_says_how_to_have_it_made() -> None:
    study_id = write_study(database())

    failed = run("export", study_id, "--to", "model", "--trial", "1", fails=True).stderr

    how = f"python -m tuning model {study_id} 1"
    assert failed == f"{study_id} keeps no model of trial 1. Have it made: {how}\n"


def test_what_cannot_be_written_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    study_id = write_study(database())
    Path("file").write_text("in the way")

    failed = run("export", study_id, "--to", "script", "--trial", "2", fails=True).stderr
    other = run("export", study_id, "--to", "csv", "--trial", "1", fails=True).stderr
    in_the_way = run(
        "export", study_id, "--to", "csv", "--out", "file/a.csv", fails=True
    ).stderr
    mlflow = run("export", study_id, "--to", "mlflow", fails=True).stderr

    assert failed == f"{study_id} has no score of trial 2. Choose a finished one.\n"
    assert other == "--trial means nothing for 'csv'. It is for --to script or model.\n"
    assert in_the_way == "file/a.csv cannot be written: File exists.\n"
    assert mlflow.startswith("MLFLOW_TRACKING_URI is not set.")
