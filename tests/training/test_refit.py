"""The model to take home: it takes rows with their gaps and choices, and says what it is."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss

from storage.results import TrialRow
from tuning.datasets.catalogue import load_dataset
from tuning.datasets.info import Column, Dataset
from tuning.execution.interface import Leader
from tuning.spec import StudySpec
from tuning.training.interface import Network
from tuning.training.refit import model_outputs, train_best_model
from tuning.training.rows import StudyRows
from tuning.training.stacked.trainer import StackedTrainer

pytestmark = pytest.mark.slow

TABLE = (
    Column("town", ("Aachen", "Bonn"), others=True, indicator=True),
    Column("radius", indicator=True),
    Column("grade", ("low", "middle", "high"), ordered=True),
)


class Signal:
    """Nobody wants to stop."""

    stopped = False


def make_dataset() -> Dataset:
    """Make a table of one number and two choices that follow from it, all with gaps."""
    cancer, rng = load_dataset("breast-cancer"), np.random.default_rng(0)
    radius = cancer.features[:, 0]
    grade = np.digitize(radius, np.quantile(radius, [0.3, 0.7]))
    features = np.column_stack([rng.integers(3, size=len(radius)), radius, grade])
    features[rng.random(features.shape) < 0.1] = np.nan
    inputs = tuple(name for column in TABLE for name in column.inputs)
    info = replace(cancer.info, n_inputs=len(inputs), columns=inputs, table=TABLE)
    return replace(cancer, info=info, features=features.astype(np.float32))


@pytest.mark.parametrize("scaling", ["robust", None])
def test_raw_rows_get_the_scores_that_were_recorded(scaling: str | None) -> None:
    dataset = make_dataset()
    spec = StudySpec.parse(
        {
            "name": "s",
            "data": {"dataset": "breast-cancer"},
            "space": {"epochs": {"kind": "fixed", "value": 15}},
        }
    )
    params = {"scaling": scaling, "imputation": "mean", "class_weight": "balanced"}
    leader = Leader("s-1", spec, TrialRow(0, "COMPLETE", params))
    network, rows = Network("dense", dataset.info, None), StudyRows(spec, dataset)

    best = train_best_model(leader, network, rows, StackedTrainer(1), Signal())

    assert best is not None
    searched = rows.split.search_rows
    said = model_outputs(best.content, dataset.features[searched])[:, 0].astype(np.float64)
    facts, truth = json.loads(json.dumps(best.facts)), dataset.targets[searched]
    recorded = facts["scores_on_its_own_rows"]
    assert recorded["accuracy"] == pytest.approx(accuracy_score(truth, said > 0.5))
    assert recorded["log_loss"] == pytest.approx(log_loss(truth, said), rel=1e-4)
    assert scaling is None or recorded["accuracy"] > 0.7
    assert facts["preparation"] == params
    assert [column["name"] for column in facts["columns"]] == ["town", "radius", "grade"]
    assert facts["columns"][0]["levels"] == ["Aachen", "Bonn"]
