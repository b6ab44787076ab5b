"""Before a sealed test is opened its score is nowhere: no page, no export, no log, no table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import plotly.offline
import pytest
import sqlalchemy as sa
import structlog
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from pages.parts.report import report_html
from storage.database import database
from storage.leases import claim_study
from storage.wishes import open_test
from tuning.cli.app import app
from tuning.datasets.catalogue import load_dataset
from tuning.driver import run_study
from tuning.execution.here import Here
from tuning.export.files import best_model_path, fits_csv, study_json, trials_csv
from tuning.export.formats import FORMATS
from tuning.export.script import training_script
from tuning.launch import launch
from tuning.sealed import sealed_document, sealed_rows
from tuning.sealed_scoring import score_opened
from tuning.spec import StudySpec
from tuning.study_log import whole_log
from tuning.training.keras_trainer import KerasTrainer
from tuning.worker import set_up_log

pytestmark = pytest.mark.slow

SPEC: dict[str, Any] = {
    "name": "secret",
    "data": {"dataset": "breast-cancer"},
    "space": {
        "batch_size": {"kind": "list", "values": [100, 200]},
        "epochs": {"kind": "fixed", "value": 3},
    },
    "evaluation": {"folds": 3, "score": "log_loss"},
    "include_default": True,
    "confirm": True,
}


@pytest.mark.soak  # what each page and export leaves out has a test of its own
def test_no_page_no_export_and_no_log_knows_a_test_score_before_it_is_opened(
    home: Path,
) -> None:
    set_up_log(as_json=True, quiet=False)
    db = database()
    spec = StudySpec.parse(SPEC)
    study_id = launch(db, spec)
    claim = claim_study(db, "test", study_id)
    assert claim is not None
    with structlog.contextvars.bound_contextvars(study=study_id):
        run_study(db, claim, Here(KerasTrainer()))
    path = best_model_path(home, study_id)
    assert path is not None
    dataset = load_dataset(spec.data.dataset, spec.data.digits)
    features, targets = sealed_rows(spec, dataset)
    outputs = keras.models.load_model(path).predict(features, verbose=0)
    scores = sealed_document(dataset.info.task, targets, outputs)["scores"]

    told = everything_told(study_id, home)
    page = page_texts(study_id)

    secrets = {name: f"{value:.15f}"[:7] for name, value in scores.items()}  # five digits
    assert "study taken" in told["log"]
    assert all(study_id in told[name] for name in ("study.json", "show", "show --json"))
    assert "leads with log loss" in page["Best model"]
    assert "114 rows nobody has used yet" in page["Best model"]
    for name, digits in secrets.items():
        for where, text in (told | page).items():
            assert digits not in text, (name, where)
    open_test(db, study_id)
    assert score_opened(db, Here(KerasTrainer())) == [study_id]
    assert secrets["log_loss"] in everything_told(study_id, home)["tables"]
    assert f"{len(targets)} sealed rows" in page_texts(study_id)["Best model"]


def everything_told(study_id: str, home: Path) -> dict[str, str]:
    """Return every file, table and line of a study as text."""
    db = database()
    with db.read() as connection:
        tables = connection.execute(
            sa.text("SELECT name FROM sqlite_master WHERE type = 'table'")
        )
        names = [str(name) for name in tables.scalars()]
        rows = {n: connection.execute(sa.text(f'SELECT * FROM "{n}"')).all() for n in names}
    files = [file for file in home.rglob("*.json*") if file.is_file()]
    report = report_html(db, study_id).decode().replace(plotly.offline.get_plotlyjs(), "")
    forms = {name: form.make(db, study_id).decode("latin-1") for name, form in FORMATS.items()}
    return (
        forms
        | {
            "tables": str(rows),
            "report": report,
            "script": training_script(db, study_id),
            "trials.csv": trials_csv(db, study_id).decode(),
            "fits.csv": fits_csv(db, study_id).decode(),
            "study.json": study_json(db, study_id).decode(),
            "show": CliRunner().invoke(app, ["show", study_id]).output,
            "show --json": CliRunner().invoke(app, ["show", study_id, "--json"]).output,
            "log": whole_log(home, study_id).decode(),
        }
        | {str(file): file.read_text() for file in files}
    )


def page_texts(study_id: str) -> dict[str, str]:
    """Return all that each tab of the study's page sends to a browser."""
    frame = Path(__file__).resolve().parents[1] / "pages" / "frame.py"
    found = {}
    for tab in ("Live", "Results", "Analysis", "Best model", "Log"):
        page = AppTest.from_file(str(frame), default_timeout=60)
        page.switch_page(str(frame.with_name("study.py")))
        page.query_params["id"], page.query_params["tab"] = study_id, tab
        page.run()
        assert not page.exception
        tables = [table.value.to_csv() for table in page.dataframe]
        sent = [str(getattr(node, "proto", "")) for node in page.main]
        found[tab] = "\n".join([*sent, *tables]).replace("\\", "")  # 0\\.5 is 0.5 in Markdown
    return found
