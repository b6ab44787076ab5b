"""Trials and fits as tables: a row a trial, and slices of the search space."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from storage.reading import FitScore, Trials
from storage.results import TrialRow
from tuning.analysis.encoding import inside
from tuning.analysis.history import Scores as Scores
from tuning.analysis.history import best_first as best_first
from tuning.analysis.history import history as history
from tuning.analysis.history import history_finding as history_finding
from tuning.analysis.history import scores_of as scores_of
from tuning.analysis.history import thin_history as thin_history
from tuning.parameters import PARAMETERS, Value, show_value
from tuning.setting import Choices, Range, Setting, grid_values
from tuning.spec import StudySpec

_BINS = 8  # columns of a heat map along a parameter that has endless values


def settings_of(row: TrialRow) -> dict[str, Value]:
    """Return a trial's searched values as specs hold them; JSON has lists for layer sizes."""
    return {name: PARAMETERS[name].parse(value) for name, value in row.params.items()}


def setting_of(row: TrialRow, name: str) -> Value:
    """Return a trial's value of one searched parameter as specs hold it."""
    return PARAMETERS[name].parse(row.params[name])


def finished(trials: Iterable[TrialRow]) -> list[TrialRow]:
    """Return the trials that have a score, by number."""
    scored = [row for row in trials if row.state == "COMPLETE" and _has_score(row)]
    return sorted(scored, key=lambda row: row.number)


def score_of(row: TrialRow) -> float:
    """Return a trial's score, NaN if it has none."""
    return math.nan if row.score is None else row.score


def _has_score(row: TrialRow) -> bool:
    return math.isfinite(score_of(row))


def fold_label(repeat: int, fold: int, n_repeats: int) -> str:
    """Name a fit among those of its trial: fold 2, or repeat 1 fold 2."""
    return f"fold {fold}" if n_repeats == 1 else f"repeat {repeat} fold {fold}"


def fold_labels(spec: StudySpec) -> list[str]:
    """Name all fits of a trial, in order; none where a trial is a single fit."""
    if spec.n_fits_per_trial == 1:
        return []
    repeats = spec.evaluation.repeats
    return [
        fold_label(repeat, fold, repeats)
        for repeat in range(repeats)
        for fold in range(spec.evaluation.n_folds)
    ]


def trial_table(spec: StudySpec, trials: Trials) -> pd.DataFrame:
    """Make the grid of results: one row a trial, by number.

    Returns
    -------
    DataFrame
        Columns number, state, score, spread; one for each searched parameter under its
        library name; n_epochs, duration_s, n_weights, message. NaN where there is no number
        yet, or where default settings have none among numbers; `in_words` shows those.
    """
    settings = json.loads(f"[{','.join(trials.column('params'))}]")
    columns: dict[str, Any] = {name: trials.column(name) for name in ("number", "state")}
    columns |= {name: _numbers(trials, name) for name in ("score", "spread")}
    for name, setting in spec.searched.items():
        values = [of_trial.get(name) for of_trial in settings]
        number = is_number(name, setting)
        columns[name] = _as_numbers(values) if number else in_words(name, values)
    columns |= {
        name: _numbers(trials, name) for name in ("n_epochs", "duration_s", "n_weights")
    }
    return pd.DataFrame(columns | {"message": trials.column("message")})


def _as_numbers(values: list[Any]) -> list[Any] | NDArray[np.float64]:
    """Let whole numbers stay whole where no value is missing."""
    return np.array(values, dtype=np.float64) if None in values else values


def _numbers(trials: Trials, name: str) -> NDArray[np.float64]:
    return np.array(trials.column(name), dtype=np.float64)


def in_words(name: str, values: Iterable[Any]) -> list[str]:
    """Show values of a parameter, as specs or JSON hold them; each is put into words once."""
    words: dict[str, str] = {}
    keys = []
    for value in values:
        key = repr(value)
        keys.append(key)
        if key not in words:
            words[key] = value_in_words(name, PARAMETERS[name].parse(value))
    return [words[key] for key in keys]


def value_in_words(name: str, value: Value) -> str:
    """Write a value, or what leaving it out does."""
    return show_value(value) if value is not None else PARAMETERS[name].none_means or "off"


def is_number(name: str, setting: Setting) -> bool:
    """Tell whether every value of a searched parameter is a number."""
    if PARAMETERS[name].kind not in {"int", "float"}:
        return False
    return None not in (grid_values(name, setting) or ())


def fold_scores(spec: StudySpec, fits: Iterable[FitScore]) -> pd.DataFrame:
    """Make a table of the scores of fits: a row a trial, a column for each of `fold_labels`.

    Repeats that confirming added are left out.
    """
    labels = fold_labels(spec)
    scores: dict[int, dict[str, float]] = {}
    for fit in fits:
        label = fold_label(fit.repeat, fit.fold, spec.evaluation.repeats)
        if fit.score is not None and fit.repeat < spec.evaluation.repeats:
            scores.setdefault(fit.number, {})[label] = fit.score
    table = pd.DataFrame.from_dict(scores, orient="index", columns=None)
    return table.reindex(columns=labels).astype("float64")


def one_parameter(spec: StudySpec, trials: Iterable[TrialRow], name: str) -> pd.DataFrame:
    """List the scores by the value of one searched parameter.

    Trials outside its values are left out, see `outside`.

    Returns
    -------
    DataFrame
        Columns number, value (a number, or text), score.
    """
    number = is_number(name, spec.searched[name])
    rows = finished(trials)
    rows = [row for row, is_in in zip(rows, _inside(spec, rows, [name]), strict=True) if is_in]
    values = [setting_of(row, name) for row in rows]
    return pd.DataFrame(
        {
            "number": [row.number for row in rows],
            "value": values if number else in_words(name, values),
            "score": [score_of(row) for row in rows],
        }
    )


def outside(
    spec: StudySpec, trials: Iterable[TrialRow], names: Sequence[str]
) -> list[TrialRow]:
    """Return the finished trials that slices by some parameters leave out.

    Default settings need not be among the values that are searched.
    """
    rows = finished(trials)
    return [
        row for row, is_in in zip(rows, _inside(spec, rows, names), strict=True) if not is_in
    ]


def outside_sentence(left_out: Sequence[TrialRow]) -> str:
    """Say which trials a slice leaves out; empty where it has all."""
    if not left_out:
        return ""
    if len(left_out) > 1:
        return f"{len(left_out):,} trials outside the searched values are left out."
    number = left_out[0].number
    of_defaults = ", the default settings," if number == 0 else ""
    return f"Trial {number}{of_defaults} lies outside the searched values and is left out."


def _inside(
    spec: StudySpec, rows: Sequence[TrialRow], names: Sequence[str]
) -> NDArray[np.bool_]:
    asked = spec.model_copy(update={"space": {name: spec.searched[name] for name in names}})
    found = inside(asked, [{name: setting_of(row, name) for name in names} for row in rows])
    for name in names:
        listed = _few_values(name, spec.searched[name])
        if listed is not None:
            values = [setting_of(row, name) for row in rows]
            found &= np.array([_place(listed, value) >= 0 for value in values], np.bool_)
    return found


def value_means(spec: StudySpec, table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Take the mean score of each value of a listed parameter, in the order of the list.

    Parameters
    ----------
    table : DataFrame
        Of `one_parameter`.

    Returns
    -------
    DataFrame
        Columns value, score, n_trials; empty for a parameter with endless values.
    """
    values = grid_values(name, spec.searched[name]) or ()
    number = is_number(name, spec.searched[name])
    order = list(values) if number else in_words(name, values)
    grouped = table.groupby("value")["score"].agg(["mean", "count"])
    kept = [value for value in order if value in grouped.index]
    means = grouped.loc[kept].reset_index()
    means.columns = pd.Index(["value", "score", "n_trials"])
    return means


def two_parameters(
    spec: StudySpec, trials: Sequence[TrialRow], x: str, y: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Take the mean score of each combination of two parameters, over everything else.

    Returns
    -------
    scores, counts : DataFrame
        Labels of `y` by labels of `x`; NaN and 0 where no trial was. Endless values are put
        into ranges of equal width (on a log scale for a log range). Trials outside are left
        out, see `outside`.
    """
    rows = finished(trials)
    rows = [row for row, is_in in zip(rows, _inside(spec, rows, [x, y]), strict=True) if is_in]
    x_labels, x_places = _placed(spec, rows, x)
    y_labels, y_places = _placed(spec, rows, y)
    sums = np.zeros((len(y_labels), len(x_labels)))
    counts = np.zeros_like(sums)
    np.add.at(sums, (y_places, x_places), [score_of(row) for row in rows])
    np.add.at(counts, (y_places, x_places), 1)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return (
        pd.DataFrame(means, index=y_labels, columns=x_labels),
        pd.DataFrame(counts.astype(np.intp), index=y_labels, columns=x_labels),
    )


def _placed(
    spec: StudySpec, rows: Sequence[TrialRow], name: str
) -> tuple[list[str], list[int]]:
    setting = spec.searched[name]
    values = [setting_of(row, name) for row in rows]
    listed = _few_values(name, setting)
    if listed is not None:
        return in_words(name, listed), [_place(listed, value) for value in values]
    edges = _edges(setting)
    numbers = np.array(values, dtype=float)
    places = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, _BINS - 1)
    return [
        f"{low:.2g} – {high:.2g}" for low, high in itertools.pairwise(edges)
    ], places.tolist()


def _few_values(name: str, setting: Setting) -> tuple[Value, ...] | None:
    """Return the values that are a column each in a heat map; None where there are too many."""
    listed = grid_values(name, setting)
    if isinstance(setting, Choices):
        return listed or ()
    return listed if listed and len(listed) <= 2 * _BINS else None


def _place(listed: Sequence[Value], value: Value) -> int:
    """Return the place of a value in a list, -1 where it is none of them."""
    if value in listed:
        return listed.index(value)
    if not isinstance(value, float):
        return -1
    # A sampler adds up steps: 0.1 + 0.2 is meant to be the 0.3 of the list.
    near = (isinstance(v, (int, float)) and math.isclose(v, value) for v in listed)
    return next((place for place, is_near in enumerate(near) if is_near), -1)


def _edges(setting: Setting) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    low, high = float(setting.low), float(setting.high)  # type: ignore[union-attr]  # a range
    if isinstance(setting, Range):
        return np.linspace(low, high, _BINS + 1)
    return np.geomspace(low, high, _BINS + 1)


def best_value_finding(means: pd.DataFrame, label: str, direction: str) -> str:
    """Say which value of a parameter does best on average.

    Parameters
    ----------
    means : DataFrame
        Of `value_means`.
    """
    if len(means) < 2:
        return f"Score by {_in_sentence(label)}"
    ordered = means.sort_values("score", ascending=direction != "maximize", kind="stable")
    best = ordered["value"].iloc[0]
    text = best if isinstance(best, str) else f"{best:g}"
    return f"Best on average at {_in_sentence(label)} {text}"


def best_cell_finding(scores: pd.DataFrame, labels: tuple[str, str], direction: str) -> str:
    """Say which combination of two parameters does best on average.

    Parameters
    ----------
    scores : DataFrame
        Of `two_parameters`.
    labels : (str, str)
        Names of the parameter of the columns and of that of the rows.
    """
    values = scores.to_numpy()
    sign = 1 if direction == "maximize" else -1
    place = int(np.nanargmax(sign * values))
    row, column = divmod(place, values.shape[1])
    x, y = scores.columns[column], scores.index[row]
    return (
        f"Best on average at {_in_sentence(labels[0])} {x} "
        + f"and {_in_sentence(labels[1])} {y}"
    )


def _in_sentence(label: str) -> str:
    return label[0].lower() + label[1:]
