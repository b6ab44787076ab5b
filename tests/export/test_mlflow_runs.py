"""MLflow keeps a study as a run with a run for each trial below it; without it, a sentence."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

import pytest

from storage.database import Database
from tests.export.small_study import write_study
from tuning.errors import ExportError
from tuning.export.mlflow_runs import EXPERIMENT, TRACKING_URI, send_to_mlflow

needs_mlflow = pytest.mark.skipif(
    importlib.util.find_spec("mlflow") is None, reason="mlflow is optional, and not installed"
)


def test_without_an_address_nothing_is_sent(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TRACKING_URI, raising=False)

    with pytest.raises(ExportError) as error:
        send_to_mlflow(db, write_study(db))

    assert str(error.value) == (
        "MLFLOW_TRACKING_URI is not set. Set it to the address of a tracking server, such as "
        + "http://localhost:5000."
    )


def test_without_mlflow_it_says_how_to_install_it(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TRACKING_URI, "http://localhost:1")
    monkeypatch.setitem(sys.modules, "mlflow", None)

    with pytest.raises(ExportError) as error:
        send_to_mlflow(db, write_study(db))

    assert str(error.value) == (
        "MLflow is not installed. Install it with: pip install mlflow-skinny."
    )


@needs_mlflow
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of MLflow's own making
def test_a_study_is_a_run_with_a_run_for_each_trial(
    db: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(TRACKING_URI, f"sqlite:///{tmp_path / 'mlflow.sqlite3'}")
    mlflow = importlib.import_module("mlflow")

    study_id = write_study(db)

    parent = send_to_mlflow(db, study_id)

    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name(EXPERIMENT)
    runs = client.search_runs([experiment.experiment_id])
    assert client.get_run(parent).data.metrics == {"score/log_loss": 0.4}
    children = {
        run.data.tags["tuneboard.trial"]: run
        for run in runs
        if run.data.tags.get("mlflow.parentRunId") == parent
    }
    assert sorted(children) == ["0", "1", "2", "3"]
    second = children["1"]
    assert second.data.params == {"learning_rate": "0.1", "n_neurons": "8"}
    assert second.info.status == "FINISHED"
    assert children["2"].info.status == "FAILED"
    history = client.get_metric_history(second.info.run_id, "loss/validation")
    assert [point.step for point in history] == [1, 2, 3]
    assert [point.value for point in history] == pytest.approx([1.05, 0.85, 0.65])
