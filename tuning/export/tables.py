"""A study's trials as tables: Parquet, and in the shape of scikit-learn's `cv_results_`."""

from __future__ import annotations

import io
import json
import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from storage.database import Database
from storage.results import ENDED_STATES, FitRow, TrialRow, read_fits, read_trials
from storage.studies import get_study
from tuning.export.files import trial_rows
from tuning.spec import StudySpec

_TEXTS = ("state", "tie", "message")


def trials_parquet(db: Database, study_id: str) -> bytes:
    """Write the table of `trials_csv` as Parquet, each column in its own type.

    A column of settings that holds numbers and words is text.
    """
    header, rows = trial_rows(db, study_id)
    table = pd.DataFrame(rows, columns=list(header))
    for name in table.columns:
        table[name] = _typed(table[name], is_text=name in _TEXTS)
    content = io.BytesIO()
    table.to_parquet(content, index=False)
    return content.getvalue()


def _typed(column: pd.Series[Any], *, is_text: bool) -> pd.Series[Any]:
    """Give a column one type; what is missing stays missing."""
    if is_text:
        return column.astype("string")
    values = [value for value in column if value is not None]
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return column.astype("Int64" if values else "float64")
    if all(isinstance(value, (int, float)) for value in values):
        return column.astype("float64")
    return column.map(str, na_action="ignore").astype("string")


def cv_results(db: Database, study_id: str) -> dict[str, list[Any]]:
    """Return the ended trials of the search as `GridSearchCV` keeps its results [1]_.

    Scores are larger-is-better, so that losses are negative, as in scikit-learn's
    ``neg_log_loss``. Trials that failed or were pruned have no scores and share the last rank.
    How long scoring took is not known; a fit's time has it in it.

    Returns
    -------
    dict
        A list for each key, in the order of the trials; None where a value is missing.
        ``split0_test_score`` is the first fold of the first repeat.

    References
    ----------
    .. [1] scikit-learn, `sklearn.model_selection.GridSearchCV`, attribute ``cv_results_``.
    """
    spec = StudySpec.parse(get_study(db, study_id).spec)
    trials = read_trials(db, study_id, states=ENDED_STATES)
    fits = {(fit.number, fit.repeat, fit.fold): fit for fit in read_fits(db, study_id)}
    seconds, scores = _splits(spec, trials, fits)
    sign = 1 if spec.direction == "maximize" else -1
    unknown = [None] * len(trials)
    found: dict[str, list[Any]] = {
        "mean_fit_time": _plain(seconds.mean(axis=1)),
        "std_fit_time": _plain(seconds.std(axis=1)),
        "mean_score_time": unknown,
        "std_score_time": unknown,
    }
    for name in spec.searched:
        found[f"param_{name}"] = [trial.params.get(name) for trial in trials]
    found["params"] = [dict(trial.params) for trial in trials]
    for split, column in enumerate((sign * scores).T):
        found[f"split{split}_test_score"] = _plain(column)
    means = sign * scores.mean(axis=1)
    found["mean_test_score"] = _plain(means)
    found["std_test_score"] = _plain(scores.std(axis=1))
    found["rank_test_score"] = _ranks(means)
    return found


def cv_results_json(db: Database, study_id: str) -> bytes:
    """Write `cv_results` as JSON, for ``pandas.DataFrame(json.load(file))``."""
    return json.dumps(cv_results(db, study_id), indent=2, allow_nan=False).encode()


def _splits(
    spec: StudySpec, trials: list[TrialRow], fits: dict[tuple[int, int, int], FitRow]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return seconds and scores of the fits of the search, a row a trial."""
    places = [
        (repeat, fold)
        for repeat in range(spec.evaluation.repeats)
        for fold in range(spec.evaluation.n_folds)
    ]
    shape = len(trials), len(places)
    seconds, scores = np.full(shape, math.nan), np.full(shape, math.nan)
    for row, trial in enumerate(trials):
        for column, place in enumerate(places):
            fit = fits.get((trial.number, *place))
            if fit is not None:
                seconds[row, column] = _number(fit.duration_s)
                scores[row, column] = _number(fit.score)
    complete = np.array([trial.state == "COMPLETE" for trial in trials], np.bool_)
    scores[~complete] = math.nan
    return seconds, scores


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _plain(values: NDArray[np.float64]) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values.tolist()]


def _ranks(means: NDArray[np.float64]) -> list[int]:
    """Rank as scikit-learn does: ties share the best rank, what has no score comes last."""
    if not np.isfinite(means).any():
        return [1] * len(means)
    lowest = np.nanmin(means) - 1
    ranks: list[int] = rankdata(-np.nan_to_num(means, nan=lowest), method="min").tolist()
    return [int(rank) for rank in ranks]
