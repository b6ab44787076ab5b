"""What both sides are asked to do is the same: cells, rows, folds, network."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.job import UnsupportedRecipeError, check, job_facts, shortened, write_job
from benchmarks.ours import WORKER
from benchmarks.runner import PEER_MODULES
from benchmarks.their_network import Job, read_job
from tests.bounded import pairs
from tuning.datasets.catalogue import dataset_info, load_dataset
from tuning.datasets.splits import make_split
from tuning.models.build import make_model
from tuning.models.size import n_weights
from tuning.recipes import RECIPES
from tuning.samplers import all_params, planned_settings
from tuning.spec import StudySpec

ROOT = Path(__file__).resolve().parents[2]
COMPARED = [name for name in RECIPES if planned_settings(RECIPES[name].spec) is not None]


def make_grid(**parts: Any) -> StudySpec:
    values: dict[str, Any] = {
        "name": "tiny",
        "data": {"dataset": "breast-cancer", "test_fraction": 0},
        "space": {
            "n_neurons": {"kind": "list", "values": [3, 4]},
            "epochs": {"kind": "fixed", "value": 2},
            "batch_size": {"kind": "fixed", "value": 100},
        },
        "evaluation": {"folds": 2, "shuffle": False},
    }
    return StudySpec.parse(values | parts)


def make_random() -> StudySpec:
    return make_grid(
        data={"dataset": "diabetes", "test_fraction": 0},
        space={
            "n_hidden": {"kind": "range", "low": 0, "high": 3},
            "learning_rate": {"kind": "log_range", "low": 1e-4, "high": 1e-2},
            "epochs": {"kind": "fixed", "value": 2},
        },
        sampler={"kind": "random", "n_trials": 2},
        evaluation={
            "folds": 2,
            "shuffle": False,
            "score": "rmse",
            "early_stopping": {"patience": 1, "rows": "separate"},
        },
    )


SPECS = {"grid": make_grid(), "random": make_random()}


@pytest.mark.slow  # loads TensorFlow
@pytest.mark.parametrize(
    "name",
    [
        # Those of the MNIST 2-or-7 recipes differ in one setting each.
        pytest.param(name, marks=[pytest.mark.soak] if name.startswith("mnist27-") else [])
        if name != "mnist27-optimizer"
        else name
        for name in COMPARED
    ],
)
def test_their_network_is_ours(name: str) -> None:
    spec = RECIPES[name].spec
    info = dataset_info(spec.data.dataset, spec.data.digits)
    facts = json.loads(json.dumps(job_facts(spec, info)))
    job = Job(facts, np.empty(0, np.float32), np.empty(0, np.float32), None, [])
    cells = planned_settings(spec) or []

    for number in range(0, len(cells), max(1, len(cells) // 5)):
        params = all_params(spec, cells[number])
        ours = make_model(spec.model, params, info, seed=0)
        theirs = job.network(job.cells[number])

        assert theirs.count_params() == n_weights(spec.model, params, info)
        assert [described(layer) for layer in theirs.layers] == [
            described(layer) for layer in ours.layers
        ]
        assert without_name(theirs.optimizer) == without_name(ours.optimizer)
        assert theirs.loss == ours.loss


def without_name(optimizer: Any) -> dict[str, Any]:
    return {**optimizer.get_config(), "class": type(optimizer).__name__, "name": ""}


def described(layer: Any) -> dict[str, Any]:
    """Return what a layer is, without its name and its seeds."""
    config = layer.get_config()
    for name in ("kernel_initializer", "bias_initializer"):
        if name in config:
            config[name]["config"].pop("seed", None)
    return {"class": type(layer).__name__, **config, "name": "", "seed": None}


def test_their_rows_and_folds_are_ours(tmp_path: Path) -> None:
    spec = make_random()
    dataset = load_dataset("diabetes")
    split = make_split(dataset, spec)

    write_job(spec, tmp_path)
    job = read_job(tmp_path)

    assert np.array_equal(job.targets, dataset.targets[split.search_rows])
    for fold, (train, score) in zip(split.folds, job.folds, strict=True):
        assert np.array_equal(job.targets[train], dataset.targets[fold.train_rows])
        assert np.array_equal(job.targets[score], dataset.targets[fold.score_rows])
    assert job.watch is not None
    assert np.array_equal(job.watch[1], dataset.targets[split.watch_rows])
    assert job.features.mean(axis=0) == pytest.approx(0, abs=1e-5)
    assert job.features.std(axis=0) == pytest.approx(1, abs=1e-4)


def test_published_test_rows_score_and_are_not_trained_on(tmp_path: Path) -> None:
    spec = RECIPES["mnist27-baseline"].spec
    dataset = load_dataset(spec.data.dataset, spec.data.digits)

    write_job(spec, tmp_path)
    job = read_job(tmp_path)

    [(train, score)] = job.folds
    assert np.array_equal(job.all_rows, train)
    assert np.array_equal(job.targets[train], dataset.targets)
    assert np.array_equal(job.targets[score], dataset.test_targets)


def test_a_quick_recipe_has_its_first_cells_and_a_tenth_of_its_epochs() -> None:
    assert list(shortened(RECIPES["pima-batch-epochs"].spec).grid()) == [
        {"batch_size": 10, "epochs": 1},
        {"batch_size": 10, "epochs": 5},
        {"batch_size": 20, "epochs": 1},
        {"batch_size": 20, "epochs": 5},
    ]
    sgd = shortened(RECIPES["pima-sgd"].spec)
    assert (sgd.n_trials, sgd.fixed["epochs"]) == (4, 10)


def test_a_quick_random_search_has_its_first_draws() -> None:
    spec = RECIPES["california-random"].spec

    assert planned_settings(shortened(spec)) == (planned_settings(spec) or [])[:2]


@pytest.mark.parametrize("name", COMPARED)
def test_every_recipe_can_be_shortened(name: str) -> None:
    assert shortened(RECIPES[name].spec).n_trials >= 1


def test_what_is_not_compared_is_said() -> None:
    with pytest.raises(UnsupportedRecipeError) as error:
        check(make_grid(sampler={"kind": "tpe", "n_trials": 3}))

    assert str(error.value) == ("tiny: a search by tpe is not compared. Choose another recipe.")


def test_their_scripts_use_no_code_of_the_project() -> None:
    for path in (ROOT / "benchmarks").glob("their_*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        modules = [n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)]
        modules += [a.name for n in nodes if isinstance(n, ast.Import) for a in n.names]
        ours = [m for m in modules if m.split(".")[0] in {"tuning", "storage", "benchmarks"}]
        assert set(ours) <= {"benchmarks.their_network"}


@pytest.mark.slow
@pytest.mark.parametrize(("peer", "kind"), pairs(PEER_MODULES, SPECS, share=6))
def test_a_peer_scores_every_trial(peer: str, kind: str, tmp_path: Path) -> None:
    write_job(SPECS[kind], tmp_path)

    run("-m", PEER_MODULES[peer], str(tmp_path))

    result = json.loads((tmp_path / "result.json").read_text())
    assert list(result["scores"]) == ["0", "1"]
    assert all(np.isfinite(score) and score > 0 for score in result["scores"].values())
    assert len(result["seconds"]) == 1


@pytest.mark.slow
def test_a_worker_of_ours_runs_each_spec_twice(home: Path, tmp_path: Path) -> None:
    for name, spec in SPECS.items():
        (tmp_path / name).write_text(spec.to_json())

    result_path = tmp_path / "result.json"
    paths = [str(tmp_path / name) for name in SPECS]
    run("-m", "benchmarks.ours", WORKER, str(result_path), *paths)

    result = json.loads(result_path.read_text())
    assert [len(part["seconds"]) for part in result] == [2, 2]
    assert [list(part["scores"]) for part in result] == [["0", "1"], ["0", "1"]]


def run(*arguments: str) -> None:
    ended = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
