"""The command that takes a study home: as files, or to MLflow."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from storage.database import Database, database
from storage.settings import settings
from storage.studies import get_study
from tuning.cli.output import AsJson, console, print_json, sentences
from tuning.errors import ExportError
from tuning.export.files import (
    best_model_path,
    fits_csv,
    kept_model,
    model_facts,
    study_document,
    trials_csv,
)
from tuning.export.formats import FORMATS
from tuning.export.mlflow_runs import send_to_mlflow
from tuning.export.predicting import can_predict, model_zip
from tuning.export.script import leader_of, script_name, training_script

_MLFLOW = "mlflow"
_SCRIPT = "script"
_MODEL = "model"
_OF_TRIALS = (_SCRIPT, _MODEL)
_TRIAL = "--trial"
_TENSORBOARD = "tensorboard"

FormatName = StrEnum(  # type: ignore[misc]
    "FormatName", {name: name for name in (*FORMATS, *_OF_TRIALS, _MLFLOW)}
)


def export(
    study_id: str,
    *,
    to: Annotated[
        FormatName | None,
        typer.Option("--to", help="One form; without it trials, fits, spec and model."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="File or, without --to, folder; named like the study."),
    ] = None,
    trial: Annotated[
        int | None, typer.Option(_TRIAL, help="Of --to script or model; else the leader.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a study as files: tables, JSON, script, TensorBoard logs. Or send it to MLflow."""
    with sentences(as_json=as_json):
        db = database()
        get_study(db, study_id)  # a study that is not there is told first
        if to is not None and to.value == _MLFLOW:
            _send(db, study_id, as_json=as_json)
            return
        if to is None:
            written = _write_folder(db, study_id, out or Path(study_id))
        else:
            written = _write(db, study_id, to.value, out, trial)
        if as_json:
            print_json({"study": study_id, "files": [str(path) for path in written]})
        else:
            lines = "\n".join(str(path) for path in written)
            console.print(lines, markup=False, soft_wrap=True)


def _write_folder(db: Database, study_id: str, folder: Path) -> list[Path]:
    """Write trials and fits (CSV), all of it (JSON), the spec and the best model."""
    document = study_document(db, study_id)
    files = {
        "trials.csv": trials_csv(db, study_id),
        "fits.csv": fits_csv(db, study_id),
        "study.json": json.dumps(document, indent=2).encode(),
        "spec.json": json.dumps(document["spec"], indent=2).encode(),
    }
    model = best_model_path(settings().home, study_id)
    if model is not None:
        files["model.keras"] = model.read_bytes()
        files["model.json"] = model.with_suffix(".json").read_bytes()
    return [_save(folder / name, content) for name, content in files.items()]


def _write(
    db: Database, study_id: str, name: str, out: Path | None, trial: int | None
) -> list[Path]:
    if name in _OF_TRIALS:
        leader = leader_of(db, study_id)
        number = leader if trial is None else trial
        if name == _MODEL:
            return [_write_model(study_id, number, leader, out)]
        script = training_script(db, study_id, number).encode()
        return [_save(out or Path(script_name(study_id, number)), script)]
    if trial is not None:
        raise ExportError(
            _TRIAL, f"means nothing for {name!r}. It is for --to script or model."
        )
    if name == _TENSORBOARD and (out is None or out.suffix != ".zip"):
        return _write_logs(db, study_id, out or Path(f"{study_id}-tensorboard"))
    wanted = FORMATS[name]
    return [_save(out or Path(f"{study_id}{wanted.ending}"), wanted.make(db, study_id))]


def _write_model(study_id: str, number: int, leader: int, out: Path | None) -> Path:
    """Write a model with what predicts from raw rows, or alone into a file ``.keras``."""
    path = kept_model(settings().home, study_id, number, leader)
    if path is None:
        how = f"python -m tuning model {study_id} {number}"
        raise ExportError(study_id, f"keeps no model of trial {number}. Have it made: {how}")
    is_packed = can_predict(model_facts(path)) and (out is None or out.suffix != ".keras")
    name = f"{study_id}-trial-{number}" + ("-model.zip" if is_packed else ".keras")
    return _save(out or Path(name), model_zip(path.parent) if is_packed else path.read_bytes())


def _write_logs(db: Database, study_id: str, folder: Path) -> list[Path]:
    """Write TensorBoard's logs where ``tensorboard --logdir FOLDER`` finds them."""
    from tuning.export.event_logs import event_logs

    return [_save(folder / name, log) for name, log in event_logs(db, study_id)]


def _send(db: Database, study_id: str, *, as_json: bool) -> None:
    run_id = send_to_mlflow(db, study_id)
    if as_json:
        print_json({"study": study_id, "run": run_id})
    else:
        console.print(f"Sent to MLflow as run {run_id}.", markup=False)


def _save(path: Path, content: bytes) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise ExportError(str(path), f"cannot be written: {error.strerror}.") from error
    return path
