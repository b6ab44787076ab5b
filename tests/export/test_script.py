"""The script of a trial runs without the project, and finds the score of the study again."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from storage.database import Database, database
from storage.leases import claim_study
from storage.results import Batch, FitRow, TrialRow, read_fits, write_batch
from storage.settings import settings
from tests.upload_files import receive
from tuning.datasets.catalogue import dataset_info, load_dataset
from tuning.datasets.info import Task
from tuning.datasets.splits import make_split
from tuning.datasets.uploads.guessing import guess_choices
from tuning.datasets.uploads.keeping import save_upload
from tuning.driver import run_study
from tuning.errors import ExportError
from tuning.execution.here import Here
from tuning.export.script import script_name, training_script
from tuning.launch import launch
from tuning.recipes import RECIPES
from tuning.samplers import all_params, planned_settings
from tuning.spec import StudySpec
from tuning.training.engine import Engine
from tuning.training.scores import scores

RUFF = Path(sys.executable).with_name("ruff")


@pytest.fixture(autouse=True)
def _own_home(home: Path) -> None:
    """Give each test a data folder and database of its own."""


def small_spec(dataset: str, **changes: Any) -> StudySpec:
    document: dict[str, Any] = {
        "name": 'a "quoted" \\ name',
        "data": {"dataset": dataset},
        "space": {
            "learning_rate": {"kind": "list", "values": [0.01]},
            "epochs": {"kind": "fixed", "value": 3},
        },
        "evaluation": {"folds": 2, "score": "log_loss"},
    }
    return StudySpec.parse(document | changes)


def train(spec: StudySpec) -> str:
    """Run a study in this process, and return its id."""
    db = database()
    study_id = launch(db, spec)
    claim = claim_study(db, "test", study_id)
    assert claim is not None
    run_study(db, claim, Here(Engine()))
    return study_id


def write_trial(db: Database, spec: StudySpec, scores: Sequence[float] = ()) -> str:
    """Write a finished first trial of a study with made-up scores, one a fold."""
    study_id = launch(db, spec)
    claim = claim_study(db, "test", study_id)
    assert claim is not None
    planned = planned_settings(spec)
    settings_ = planned[0] if planned else spec.default_settings
    params = {name: all_params(spec, settings_)[name] for name in spec.searched}
    repeats, folds = spec.evaluation.repeats, spec.evaluation.n_folds
    places = [(repeat, fold) for repeat in range(repeats) for fold in range(folds)]
    fits = [
        FitRow(
            0,
            repeat,
            fold,
            "COMPLETE",
            scores[fold] if scores else 0.5 + 0.1 * fold,
            trainer="keras",
        )
        for repeat, fold in places
    ]
    write_batch(db, claim, Batch(trials=[TrialRow(0, "COMPLETE", params, 0.5)], fits=fits))
    return study_id


def run(text: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script where nothing of the project can be imported."""
    (folder / "again.py").write_text(text, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-I", "again.py", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def assert_same_scores(study_id: str, text: str, folder: Path, *arguments: str) -> None:
    """Check that a script passes its own check, and finds the score of each fold again."""
    told = run(text, folder, *arguments)

    assert told.returncode == 0, told.stdout + told.stderr
    assert "Warning" not in told.stderr
    found = [float(score) for score in re.findall(r"^repeat .* (\S+)$", told.stdout, re.M)]
    number = int(re.findall(r"Train trial (\d+)", text)[0])
    expected = [fit.score for fit in read_fits(database(), study_id, numbers=[number])]
    assert found == pytest.approx(expected, rel=0.02, abs=0.01)


def assert_clean(text: str, folder: Path) -> None:
    """Check that a script compiles and that ruff's default rules find nothing."""
    compile(text, "again.py", "exec")
    (folder / "again.py").write_text(text, encoding="utf-8")
    checked = subprocess.run(
        [RUFF, "check", "--isolated", "--no-cache", "again.py"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout


def mixed_file(n_rows: int = 240) -> bytes:
    """Make a table as people send them: German marks, gaps, dates, words, rows twice."""
    rng = np.random.default_rng(5)
    size = rng.normal(50, 12, n_rows)
    town = rng.choice(["Aachen", "Köln", "Bonn", "Trier"], n_rows, p=[0.5, 0.3, 0.15, 0.05])
    grade = rng.choice(["low", "middle", "high"], n_rows)
    garden = rng.choice(["yes", "no"], n_rows)
    sold = pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 500, n_rows), "D")
    points = size + 12 * (town == "Aachen") + 8 * (grade == "high") + rng.normal(0, 6, n_rows)
    table = pd.DataFrame(
        {
            "size": [f"{value:.2f}".replace(".", ",") for value in size],
            "rooms": rng.choice(["1", "2", "3"], n_rows),
            "pressure": [f"{value:.0f}" for value in rng.normal(70, 5, n_rows)],
            "town": town,
            "grade": grade,
            "garden": garden,
            "sold": sold.strftime("%d.%m.%Y"),
            "cheap": np.where(points > np.median(points), "dear", "cheap"),
        }
    )
    table.loc[rng.choice(n_rows, 20, replace=False), "size"] = "?"
    table.loc[rng.choice(n_rows, 20, replace=False), "town"] = ""
    table.loc[rng.choice(n_rows, 15, replace=False), "pressure"] = "0"
    table.loc[:4, "cheap"] = "NA"
    table = pd.concat([table, table.iloc[20:30]])
    return table.to_csv(sep=";", index=False).encode("latin-1")


def save_mixed(data: bytes) -> str:
    file = receive(data, "houses.csv")
    choices = guess_choices(file.table, "cheap")
    choices = choices.with_column("town", role="in", treatment="choice", most_choices=2)
    choices = choices.with_column("town", indicator=True)
    choices = choices.with_column(
        "grade", role="in", treatment="ordered choice", order=("low", "middle", "high")
    )
    choices = choices.with_column("rooms", role="in", treatment="choice")
    choices = choices.with_column("pressure", role="in", zeros_missing=True, indicator=True)
    choices = choices.with_column("garden", role="in", treatment="choice")
    changed = type(choices)(
        choices.target, choices.task, choices.columns, duplicates="drop", class_weight=None
    )
    return save_upload(database(), file, changed).id


@pytest.mark.slow
def test_the_script_of_an_upload_of_mixed_types_finds_the_scores_again(tmp_path: Path) -> None:
    data = mixed_file()
    dataset = save_mixed(data)
    info = dataset_info(dataset)
    assert info.n_rows == 235  # five rows have no target, ten come twice
    space = {
        "learning_rate": {"kind": "list", "values": [0.01]},
        "epochs": {"kind": "fixed", "value": 4},
        "scaling": {"kind": "fixed", "value": "robust"},
        "imputation": {"kind": "fixed", "value": "mean"},
        "class_weight": {"kind": "fixed", "value": "balanced"},
        "dropout_rate": {"kind": "fixed", "value": 0.1},
    }
    stopping = {"patience": 2, "monitor": "metric"}
    evaluation = {"folds": 3, "score": "log_loss", "early_stopping": stopping}
    study_id = train(small_spec(dataset, space=space, evaluation=evaluation))
    text = training_script(database(), study_id)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "houses.csv").write_bytes(data)

    assert_clean(text, folder)
    assert_same_scores(study_id, text, folder, "houses.csv")

    (folder / "houses.csv").write_bytes(data + b"\n")
    other = run(text, folder, "houses.csv")
    assert other.returncode == 1
    assert other.stderr.splitlines()[-1] == "houses.csv is not the file that the study used."


@pytest.mark.slow
@pytest.mark.soak
def test_the_script_of_a_bundled_dataset_finds_the_scores_again_or_says_no(
    tmp_path: Path,
) -> None:
    study_id = train(small_spec("breast-cancer"))
    text = training_script(database(), study_id)

    assert_same_scores(study_id, text, tmp_path)

    wrong = re.sub(r"(?m)^RECORDED_SCORE = .*$", "RECORDED_SCORE = 9.0", text)
    told = run(wrong, tmp_path)
    assert told.returncode == 1
    assert "NOT the same" in told.stderr


MISSIONS: dict[str, tuple[dict[str, Any], str]] = {
    "pima": (
        {"evaluation": {"folds": 3, "shuffle": False, "score": "accuracy"}},
        "pima-indians-diabetes.csv",
    ),
    "california": (
        {
            "data": {"dataset": "california", "sample_fraction": 0.05},
            "evaluation": {
                "method": "test",
                "score": "rmse",
                "early_stopping": {"rows": "separate", "patience": 2},
            },
        },
        "cal_housing.data",
    ),
    "mnist": (
        {
            "data": {"dataset": "mnist", "sample_fraction": 0.05},
            "model": "convolutional",
            "evaluation": {"method": "test", "score": "accuracy"},
        },
        "mnist",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "dataset",
    ["pima", *(pytest.param(name, marks=pytest.mark.soak) for name in ("california", "mnist"))],
)
def test_the_scripts_of_the_published_datasets_find_the_scores_again(
    dataset: str, tmp_path: Path
) -> None:
    folder = settings().datasets
    changes, name = MISSIONS[dataset]
    if folder is None or not (folder / name).exists():
        pytest.skip(f"TUNEBOARD_DATASETS names no folder with {name}")
    study_id = train(small_spec(dataset, **changes))
    text = training_script(database(), study_id)

    assert_clean(text, tmp_path)
    assert_same_scores(study_id, text, tmp_path, str(folder / name))


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_script_of_every_recipe_is_clean(recipe: str, tmp_path: Path) -> None:
    study_id = write_trial(database(), RECIPES[recipe].spec)

    text = training_script(database(), study_id)

    assert_clean(text, tmp_path)
    assert not re.search(r"import.*\b(tuning|storage|pages)\b", text)


@pytest.mark.parametrize("score", ["accuracy", "log_loss", "roc_auc", "f1"])
@pytest.mark.parametrize("digits", [[2, 7], [1, 2, 3]])
def test_scores_in_the_script_are_those_of_the_study(score: str, digits: list[int]) -> None:
    spec = small_spec(
        "digits", data={"dataset": "digits", "digits": digits}, model="convolutional",
        evaluation={"folds": 2, "score": score},
    )  # fmt: skip
    text = training_script(database(), write_trial(database(), spec))
    names: dict[str, Any] = {"__name__": "again"}
    exec(compile(text, "again.py", "exec"), names)
    rng = np.random.default_rng(1)
    outputs = rng.dirichlet(np.ones(len(digits)), 60).astype(np.float32)
    codes = rng.integers(len(digits), size=60)
    task: Task = "binary" if len(digits) == 2 else "multiclass"

    found = names["score"](codes, outputs)

    expected = scores(task, codes.astype(np.float32), outputs)[score]
    assert found == pytest.approx(expected, rel=1e-6)


def test_a_rerun_may_be_off_by_what_seeds_and_folds_change_and_by_no_more() -> None:
    # The scores of the specification's first case: 2.776 × 0.0380789 × √(2 / 5).
    spec = small_spec("breast-cancer", evaluation={"folds": 5, "score": "accuracy"})
    scores = [0.80, 0.75, 0.85, 0.78, 0.82]

    text = training_script(database(), write_trial(database(), spec, scores))

    [noise] = re.findall(r"(?m)^RECORDED_NOISE = (.*)$", text)
    assert float(noise) == pytest.approx(0.0668657, abs=1e-6)
    assert "allowed = RECORDED_NOISE + 1e-6" in text


def test_where_the_fits_do_not_differ_a_rerun_may_be_off_by_a_row() -> None:
    spec = small_spec("breast-cancer", evaluation={"folds": 5, "score": "accuracy"})

    text = training_script(database(), write_trial(database(), spec, [0.9] * 5))

    [noise] = re.findall(r"(?m)^RECORDED_NOISE = (.*)$", text)
    assert float(noise) == pytest.approx(1 / 455)  # without the sealed rows


def test_a_trial_without_a_score_has_no_script() -> None:
    study_id = write_trial(database(), small_spec("breast-cancer"))

    with pytest.raises(ExportError) as error:
        training_script(database(), study_id, 5)

    assert str(error.value) == f"{study_id} has no score of trial 5. Choose a finished one."


def test_a_script_is_named_after_study_and_trial() -> None:
    assert script_name("pima-ab12", 3) == "pima-ab12-trial-3.py"


def groups_file() -> bytes:
    rng = np.random.default_rng(2)
    table = pd.DataFrame(
        {"person": [f"p{i // 4}" for i in range(160)], "a": rng.normal(size=160)}
    )
    table["y"] = table["a"] + rng.normal(size=160)
    out = io.StringIO()
    table.to_csv(out, index=False)
    return out.getvalue().encode()


@pytest.mark.parametrize("role", ["group", "time"])
def test_folds_in_the_script_are_those_of_the_study(role: str, tmp_path: Path) -> None:
    data = groups_file() if role == "group" else groups_file().replace(b"p", b"")
    data = data.replace(b"erson", b"person", 1) if role == "time" else data
    file = receive(data, "people.csv")
    choices = guess_choices(file.table, "y", "regression")
    choices = choices.with_column("person", role=role)
    dataset = save_upload(database(), file, choices).id
    spec = small_spec(dataset, evaluation={"folds": 3, "score": "mse"})
    text = training_script(database(), write_trial(database(), spec))
    assert_clean(text, tmp_path)
    (tmp_path / "people.csv").write_bytes(data)
    names: dict[str, Any] = {"__name__": "again"}
    exec(compile(text, "again.py", "exec"), names)

    x, *rest = names["load_data"](str(tmp_path / "people.csv"))
    folds = list(names["make_folds"](*rest))

    expected = make_split(load_dataset(dataset), spec).folds
    assert len(folds) == len(expected)
    for (repeat, fold, train_rows, held_out), own in zip(folds, expected, strict=True):
        assert (repeat, fold) == (own.repeat, own.fold)
        np.testing.assert_array_equal(train_rows, own.train_rows)
        np.testing.assert_array_equal(held_out, own.score_rows)
    np.testing.assert_allclose(x.to_numpy(), load_dataset(dataset).features, rtol=1e-6)
