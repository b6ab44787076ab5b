"""Trials and fits as tables: the grid of results, the best so far, slices of the space."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from storage.results import FitRow, TrialRow
from tuning.parameters import PARAMETERS, Value, show_value
from tuning.setting import Choices, Range, Setting, grid_values
from tuning.spec import StudySpec

_BINS = 8  # columns of a heat map along a parameter that has endless values


def settings_of(row: TrialRow) -> dict[str, Value]:
    """Return a trial's searched values as specs hold them; JSON has lists for layer sizes."""
    return {name: PARAMETERS[name].parse(value) for name, value in row.params.items()}


def finished(trials: Iterable[TrialRow]) -> list[TrialRow]:
    """Return the trials that have a score, by number."""
    scored = [row for row in trials if row.state == "COMPLETE" and _has_score(row)]
    return sorted(scored, key=lambda row: row.number)


def best_first(trials: Iterable[TrialRow], direction: str) -> list[TrialRow]:
    """Return the trials that have a score, best first; the lower number where two tie."""
    sign = -1 if direction == "maximize" else 1
    return sorted(finished(trials), key=lambda row: sign * score_of(row))


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


def trial_table(
    spec: StudySpec, trials: Iterable[TrialRow], fits: Iterable[FitRow]
) -> pd.DataFrame:
    """Make the grid of results: one row a trial, by number.

    Returns
    -------
    DataFrame
        Columns number, state, score, spread; one for each searched parameter under its
        library name; one for each fit as `fold_labels` names them; n_epochs, duration_s,
        n_weights, message. NaN where there is no number yet.
    """
    scores = _fold_scores(spec, fits)
    rows = [
        {
            "number": row.number,
            "state": row.state,
            "score": score_of(row),
            "spread": math.nan if row.spread is None else row.spread,
            **_shown_settings(spec, row),
            **scores.get(row.number, {}),
            "n_epochs": row.n_epochs,
            "duration_s": row.duration_s,
            "n_weights": row.n_weights,
            "message": row.message,
        }
        for row in sorted(trials, key=lambda row: row.number)
    ]
    numbers = ["score", "spread", *fold_labels(spec), "n_epochs", "duration_s", "n_weights"]
    columns = ["number", "state", "score", "spread", *spec.searched, *numbers[2:], "message"]
    table = pd.DataFrame(rows, columns=columns)
    return table.astype(dict.fromkeys(numbers, "float64"))


def _shown_settings(spec: StudySpec, row: TrialRow) -> dict[str, Any]:
    """Return numbers as they are, so that they sort as numbers, and everything else as text."""
    settings = settings_of(row)
    return {
        name: settings[name]
        if is_number(name, spec.searched[name])
        else show_value(settings[name])
        for name in spec.searched
        if name in settings
    }


def is_number(name: str, setting: Setting) -> bool:
    """Tell whether every value of a searched parameter is a number."""
    if PARAMETERS[name].kind not in {"int", "float"}:
        return False
    return None not in (grid_values(name, setting) or ())


def _fold_scores(spec: StudySpec, fits: Iterable[FitRow]) -> Mapping[int, dict[str, float]]:
    labels = set(fold_labels(spec))
    scores: dict[int, dict[str, float]] = {}
    for fit in fits:
        label = fold_label(fit.repeat, fit.fold, spec.evaluation.repeats)
        if label in labels and fit.score is not None:
            scores.setdefault(fit.number, {})[label] = fit.score
    return scores


def history(trials: Iterable[TrialRow], direction: str) -> pd.DataFrame:
    """List the scores in the order the trials finished, with the best so far.

    Returns
    -------
    DataFrame
        Columns finished (1, 2, …), number, score, best and leader, the trial that had it.
    """
    in_order = sorted(finished(trials), key=lambda row: (row.finished_at or 0.0, row.number))
    scores = np.array([score_of(row) for row in in_order])
    numbers = np.array([row.number for row in in_order], dtype=np.intp)
    running = np.maximum if direction == "maximize" else np.minimum
    best = running.accumulate(scores) if len(scores) else scores
    is_new = np.diff(best, prepend=math.nan) != 0
    leader = numbers[np.maximum.accumulate(np.where(is_new, np.arange(len(best)), 0))]
    return pd.DataFrame(
        {
            "finished": np.arange(1, len(scores) + 1),
            "number": numbers,
            "score": scores,
            "best": best,
            "leader": leader,
        }
    )


def history_finding(table: pd.DataFrame) -> str:
    """Say in one sentence when the best score so far last changed."""
    if table.empty:
        return "Best score so far"
    leader = int(table["leader"].iloc[-1])
    n_since = int((table["leader"] != leader).sum())
    n_later = len(table) - n_since - 1
    if n_later == 0:
        return f"Trial {leader}, the last one finished, is the best so far"
    later = "1 later trial is not" if n_later == 1 else f"{n_later:,} later trials are not"
    return f"Trial {leader} is the best so far; {later} better"


def one_parameter(spec: StudySpec, trials: Iterable[TrialRow], name: str) -> pd.DataFrame:
    """List the scores by the value of one searched parameter.

    Returns
    -------
    DataFrame
        Columns number, value (a number, or text), score.
    """
    number = is_number(name, spec.searched[name])
    rows = [
        (
            row.number,
            settings_of(row)[name] if number else show_value(settings_of(row)[name]),
            row.score,
        )
        for row in finished(trials)
    ]
    return pd.DataFrame(rows, columns=["number", "value", "score"])


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
    order = [value if number else show_value(value) for value in values]
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
        into ranges of equal width (on a log scale for a log range).
    """
    rows = finished(trials)
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
    values = [settings_of(row)[name] for row in rows]
    listed = grid_values(name, setting)
    if isinstance(setting, Choices) or (listed and len(listed) <= 2 * _BINS):
        listed = listed or ()
        return [show_value(value) for value in listed], [listed.index(v) for v in values]
    edges = _edges(setting)
    numbers = np.array(values, dtype=float)
    places = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, _BINS - 1)
    return [
        f"{low:.2g} – {high:.2g}" for low, high in itertools.pairwise(edges)
    ], places.tolist()


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
