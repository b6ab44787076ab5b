"""Every file in which a study can be taken home, under one name each.

The script of a single trial is written by `tuning.export.script`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from storage.database import Database
from storage.studies import get_study
from tuning.export.files import fits_csv, study_json, trials_csv
from tuning.export.optuna_file import optuna_file
from tuning.export.tables import cv_results_json, trials_parquet
from tuning.spec import StudySpec

Make = Callable[[Database, str], bytes]


@dataclass(frozen=True)
class Format:
    """One form of a study.

    Attributes
    ----------
    label : str
        As a button says it.
    ending : str
        What follows the study's id in the name of the file.
    make : callable
        Gives the content of the file; made only when somebody asks for it.
    help : str
        What it is good for, in a sentence.
    """

    label: str
    ending: str
    mime: str
    make: Make
    help: str


def _spec(db: Database, study_id: str) -> bytes:
    spec = StudySpec.parse(get_study(db, study_id).spec)
    # Those entered later have numbers of this study; where it starts is part of the search.
    return spec.model_copy(update={"by_hand": spec.starting_points}).to_json(indent=2).encode()


def _tensorboard(db: Database, study_id: str) -> bytes:
    from tuning.export.event_logs import tensorboard_zip  # only who wants it loads TensorBoard

    return tensorboard_zip(db, study_id)


FORMATS: Mapping[str, Format] = {
    "csv": Format(
        "Trials as CSV", "-trials.csv", "text/csv", trials_csv,
        "A row a trial: settings, score, standing, folds, cost.",
    ),
    "fits": Format(
        "Fits as CSV", "-fits.csv", "text/csv", fits_csv,
        "A row a fit, with every score.",
    ),
    "parquet": Format(
        "Trials as Parquet", "-trials.parquet", "application/vnd.apache.parquet",
        trials_parquet, "The table of trials with its types, for pandas, Polars or DuckDB.",
    ),
    "cv-results": Format(
        "cv_results_ as JSON", "-cv-results.json", "application/json", cv_results_json,
        "As GridSearchCV keeps it: pandas.DataFrame(json.load(file)).",
    ),
    "json": Format(
        "Everything as JSON", ".json", "application/json", study_json,
        "Spec, verdict and all trials with their scores.",
    ),
    "spec": Format(
        "Spec as JSON", "-spec.json", "application/json", _spec,
        "To run the same study elsewhere: python -m tuning search FILE.",
    ),
    "tensorboard": Format(
        "TensorBoard logs", "-tensorboard.zip", "application/zip", _tensorboard,
        "Unpack it, then: tensorboard --logdir FOLDER. HParams has every trial.",
    ),
    "optuna": Format(
        "Optuna study", "-optuna.sqlite3", "application/vnd.sqlite3", optuna_file,
        "For optuna.load_study and optuna-dashboard.",
    ),
}  # fmt: skip
