"""A Python script that trains one trial again from the raw data, without any code of ours.

It uses plain Keras, scikit-learn, pandas and NumPy, cuts the same folds, starts from the same
weights, visits the rows in the same order, and says by its exit status whether the score is the
recorded one up to chance. Each script holds only what its own study needs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from storage.database import Database
from storage.datasets import get_dataset
from storage.results import read_fits, read_trials
from storage.studies import StudyRow, get_study
from tuning.analysis.intervals import KINDS, correction_of, score_interval
from tuning.analysis.reproduction import reproduction_bands
from tuning.analysis.study_scores import split_ratio
from tuning.analysis.tables import settings_of
from tuning.datasets.catalogue import catalogue, dataset_info
from tuning.datasets.info import DatasetInfo
from tuning.datasets.splits import count_rows
from tuning.digits import with_error
from tuning.errors import ExportError
from tuning.export.script_catalogue import DataPieces, catalogue_pieces
from tuning.export.script_rows import check_pieces, rows_pieces, uses_published_test
from tuning.export.script_text import constants, imports_of, paragraph
from tuning.export.script_training import (
    SEEDS,
    batches_piece,
    fitting_piece,
    is_weighted,
    model_piece,
    score_piece,
    stopping_piece,
)
from tuning.export.script_upload import (
    preparation_piece,
    upload_columns,
    upload_pieces,
)
from tuning.judging import judge_study
from tuning.parameters import Value
from tuning.samplers import all_params
from tuning.spec import StudySpec
from tuning.training.seeds import fit_seed

_PACKAGES = ("tensorflow", "keras", "scikit-learn", "pandas", "numpy")
_LEAST = 1e-4  # of a score
_SCALERS = {"standard": "StandardScaler", "robust": "RobustScaler", "minmax": "MinMaxScaler"}


@dataclass(frozen=True)
class _Trial:
    """What the script is of: one trial, all its parameters, and what it scored."""

    row: StudyRow
    spec: StudySpec
    info: DatasetInfo
    number: int
    params: Mapping[str, Value]
    scores: NDArray[np.float64]


def training_script(db: Database, study_id: str, number: int | None = None) -> str:
    """Write a script that trains a trial of a study again and checks its score.

    Parameters
    ----------
    number : int or None
        The trial; None takes the leader.

    Raises
    ------
    UnknownStudyError, UnknownDatasetError
        If the study, or its dataset, is not there any more.
    ExportError
        If the trial has no score, or its dataset cannot be read by such a script.
    """
    trial = _read_trial(db, study_id, number)
    data, preparation = _data(db, trial)
    body = _body(trial, data, preparation)
    if trial.info.belonging == "groups":
        body = _with_groups(body)
    return f'"""{_docstring(trial, data)}"""\n\n{imports_of(body)}\n\n{body}'


def why_no_script(db: Database, info: DatasetInfo) -> str:
    """Say why no script can read a dataset; empty where one can."""
    if info.id in catalogue():
        return ""
    try:
        upload_pieces(get_dataset(db, info.id))
    except ExportError as error:
        return str(error)
    return ""


def leader_of(db: Database, study_id: str) -> int:
    """Return the number of a study's leader.

    Raises
    ------
    ExportError
        If no trial has a score.
    """
    leader = judge_study(db, study_id).found.leader
    if leader is None:
        raise ExportError(study_id, "has no trial with a score yet.")
    return leader


def script_name(study_id: str, number: int) -> str:
    """Return what the script of a trial is called."""
    return f"{study_id}-trial-{number}.py"


def _read_trial(db: Database, study_id: str, number: int | None) -> _Trial:
    row = get_study(db, study_id)
    spec = StudySpec.parse(row.spec)
    if number is None:
        number = leader_of(db, study_id)
    found = next((t for t in read_trials(db, study_id) if t.number == number), None)
    if found is None or found.state != "COMPLETE":
        raise ExportError(study_id, f"has no score of trial {number}. Choose a finished one.")
    fits = read_fits(db, study_id, numbers=[number])
    shape = spec.evaluation.repeats, spec.evaluation.n_folds
    scores = np.full(shape, np.nan)
    for fit in fits:
        if fit.repeat < shape[0]:
            scores[fit.repeat, fit.fold] = math.nan if fit.score is None else fit.score
    if not np.isfinite(scores).all():
        raise ExportError(study_id, f"lacks the score of a fit of trial {number}.")
    info = dataset_info(spec.data.dataset, spec.data.digits)
    return _Trial(row, spec, info, number, all_params(spec, settings_of(found)), scores)


def _data(db: Database, trial: _Trial) -> tuple[DataPieces, str]:
    """Return how rows are read, and `make_preparation`; empty where they stay as they are."""
    info, scaling = trial.info, trial.params.get("scaling")
    if info.id in catalogue():
        with_test = uses_published_test(trial.spec, info)
        data = catalogue_pieces(info, with_test=with_test)
        if scaling is None or info.image_shape is not None:
            return data, ""
        return data, _SCALING.format(scaler=_SCALERS[str(scaling)])
    row = get_dataset(db, info.id)
    data = upload_pieces(row)
    if info.image_shape is not None:
        return data, ""
    return data, preparation_piece(upload_columns(row), trial.params)


_SCALING = '''\
def make_preparation():
    """Scale the inputs by what training rows say."""
    return {scaler}()
'''


def _body(trial: _Trial, data: DataPieces, preparation: str) -> str:
    spec, info = trial.spec, trial.info
    pieces = [
        *data.code,
        *rows_pieces(spec, info),
        preparation,
        model_piece(spec, trial.params, info),
        SEEDS,
        batches_piece(weighted=is_weighted(trial.params, info)),
        stopping_piece(spec, info),
        fitting_piece(
            spec, trial.params, info, prepared=bool(preparation), is_frame=data.is_frame
        ),
        score_piece(spec, info),
        *check_pieces(spec, data.load),
    ]
    return f"{_constants(trial, data)}\n\n\n" + "\n\n".join(p for p in pieces if p)


def _constants(trial: _Trial, data: DataPieces) -> str:
    spec, evaluation, params = trial.spec, trial.spec.evaluation, trial.params
    recorded: dict[str, object] = {"RECORDED_SCORE": float(trial.scores.mean())}
    if trial.scores.size > 1:
        recorded["RECORDED_NOISE"] = _noise(trial)
    rows: dict[str, object] = {"SEED": spec.seed, "SPLIT_SEED": spec.data.split_seed}
    if uses_published_test(spec, trial.info):
        rows["N_TRAIN"] = trial.info.n_rows
    rows["N_REPEATS"] = evaluation.repeats
    if evaluation.method == "kfold":
        rows["N_FOLDS"] = evaluation.folds
    settings = {"BATCH_SIZE": params["batch_size"], "EPOCHS": params["epochs"]}
    blocks = [constants(recorded), constants(rows | settings), data.constants]
    seeds = "# Of each fit, by repeat and fold: starting weights, dropout, order of rows.\n"
    blocks.append(seeds + constants({"FIT_SEEDS": _fit_seeds(trial)}))
    return "\n\n".join(block for block in blocks if block)


def _noise(trial: _Trial) -> float:
    """Return how far a rerun may be off by chance: 95 % of those with other seeds and folds.

    Where the fits do not differ at all, a row of the rows that score, or a ten-thousandth.
    """
    bands = reproduction_bands(trial.scores)
    if bands is not None:
        return bands.within_noise
    spread, n_fits = float(trial.scores.std(ddof=1)), trial.scores.size
    noise = float(stdtrit(n_fits - 1, 0.975)) * spread * math.sqrt(2 / n_fits)
    if KINDS[trial.spec.evaluation.score] in {"share", "bounded"}:
        return max(noise, 1 / count_rows(trial.spec, trial.info).search)
    return max(noise, _LEAST * abs(float(trial.scores.mean())))


def _half_width(trial: _Trial) -> float:
    """Return half of the recorded interval; where fits are too few for one, that of a t."""
    evaluation = trial.spec.evaluation
    ratio = split_ratio(trial.spec, trial.info)
    found = score_interval(
        trial.scores,
        kind=KINDS[evaluation.score],
        n_rows=count_rows(trial.spec, trial.info).search,
        test_ratio=ratio,
    )
    if found is not None:
        return found.half_width
    n_fits = trial.scores.size
    factor = correction_of(n_fits, evaluation.n_folds, ratio)
    spread = float(trial.scores.std(ddof=1))
    return float(stdtrit(n_fits - 1, 0.975)) * spread * math.sqrt(factor)


def _fit_seeds(trial: _Trial) -> Sequence[Sequence[int]]:
    inner = {name: value for name, value in trial.params.items() if name != "epochs"}
    n_repeats, n_folds = trial.scores.shape
    return [
        [fit_seed(trial.spec.seed, inner, repeat, fold) for fold in range(n_folds)]
        for repeat in range(n_repeats)
    ]


def _docstring(trial: _Trial, data: DataPieces) -> str:
    spec, name = trial.spec, trial.spec.evaluation.score.replace("_", " ")
    fits = "1 fit" if trial.scores.size == 1 else f"{trial.scores.size:,} fits"
    half = None if trial.scores.size == 1 else _half_width(trial)
    score = with_error(float(trial.scores.mean()), half)
    about = (
        f"Study {trial.row.id} searched the settings of a network for {trial.info.title}; "
        + f"trial {trial.number} scored {name} {score} in {fits}. This script trains the same "
        + "network again, on the same rows, from the same starting weights, and exits with "
        + "status 1 if its own score is another one. Bits may differ between machines and "
        + "versions, so that the scores may differ: by no more than other starting weights and "
        + "other folds of the same rows would make of it, 19 times of 20."
    )
    versions = ", ".join(f"{package} {version(package)}" for package in _PACKAGES)
    usage = f"    python {script_name(trial.row.id, trial.number)} {data.usage}".rstrip()
    title = f'Train trial {trial.number} of "{spec.name}" again, and check its score.'
    last = f"{data.about} Written with {versions}."
    parts = [paragraph(title), paragraph(about), usage, paragraph(last)]
    return "\n\n".join(parts) + "\n"


def _with_groups(body: str) -> str:
    """Hand the groups of rows to whatever cuts rows."""
    body = re.sub(r"\b(set_aside|train_fold)\(((?:x, )?y), ", r"\1(\2, groups, ", body)
    body = body.replace("make_folds(y)", "make_folds(y, groups)").replace("GROUPS[", "groups[")
    body = body.replace("groups = groups[rows]", "own = groups[rows]")
    body = body.replace("np.unique(groups)), 20", "np.unique(own)), 20")
    body = body.replace("y[rows], groups)]", "y[rows], own)]")
    return body.replace("x, y = load_data", "x, y, groups = load_data")
