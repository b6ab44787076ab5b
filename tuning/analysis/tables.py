"""Trials and fits as tables: the grid of results, the best so far, slices of the space."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from storage.reading import FitScore, Trials
from storage.results import TrialRow
from tuning.parameters import PARAMETERS, Value, show_value
from tuning.setting import Choices, Range, Setting, grid_values
from tuning.spec import StudySpec

MOST_DOTS = 300  # of a chart that is sent again and again while a study trains
_COSTS = ("n_epochs", "duration_s", "n_weights")
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


@dataclass(frozen=True)
class Scores:
    """The trials that have a score, by number.

    Attributes
    ----------
    finished_at : ndarray
        Seconds since 1970.
    """

    numbers: NDArray[np.intp]
    scores: NDArray[np.float64]
    finished_at: NDArray[np.float64]


def scores_of(trials: Trials) -> Scores:
    """Take the scores of the finished trials."""
    scores = np.array(trials.column("score"), dtype=np.float64)
    finished_at = np.array(trials.column("finished_at"), dtype=np.float64)
    is_complete = np.array([state == "COMPLETE" for state in trials.column("state")], bool)
    kept = is_complete & np.isfinite(scores)
    numbers = np.array(trials.column("number"), dtype=np.intp)
    return Scores(numbers[kept], scores[kept], np.nan_to_num(finished_at[kept]))


def best_first(scores: Scores, direction: str) -> list[int]:
    """Return the trials that have a score, best first; the lower number where two tie."""
    sign = -1 if direction == "maximize" else 1
    order = np.argsort(sign * scores.scores, kind="stable")
    return [int(number) for number in scores.numbers[order]]


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
        yet.
    """
    settings = json.loads(f"[{','.join(trials.column('params'))}]")
    columns: dict[str, Any] = {name: trials.column(name) for name in ("number", "state")}
    columns |= {name: _numbers(trials, name) for name in ("score", "spread")}
    for name, setting in spec.searched.items():
        values = [of_trial.get(name) for of_trial in settings]
        columns[name] = values if is_number(name, setting) else _in_words(name, values)
    columns |= {
        name: _numbers(trials, name) for name in ("n_epochs", "duration_s", "n_weights")
    }
    return pd.DataFrame(columns | {"message": trials.column("message")})


def _numbers(trials: Trials, name: str) -> NDArray[np.float64]:
    return np.array(trials.column(name), dtype=np.float64)


def _in_words(name: str, values: Sequence[Any]) -> list[str]:
    """Show values that are no numbers; each one is put into words once."""
    words: dict[str, str] = {}
    for value in values:
        key = repr(value)
        if key not in words:
            words[key] = show_value(PARAMETERS[name].parse(value))
    return [words[repr(value)] for value in values]


def is_number(name: str, setting: Setting) -> bool:
    """Tell whether every value of a searched parameter is a number."""
    if PARAMETERS[name].kind not in {"int", "float"}:
        return False
    return None not in (grid_values(name, setting) or ())


def fold_scores(spec: StudySpec, fits: Iterable[FitScore]) -> pd.DataFrame:
    """Make a table of the scores of fits: a row a trial, a column for each of `fold_labels`."""
    labels = fold_labels(spec)
    scores: dict[int, dict[str, float]] = {}
    for fit in fits:
        label = fold_label(fit.repeat, fit.fold, spec.evaluation.repeats)
        if fit.score is not None:
            scores.setdefault(fit.number, {})[label] = fit.score
    table = pd.DataFrame.from_dict(scores, orient="index", columns=None)
    return table.reindex(columns=labels).astype("float64")


def history(of_trials: Scores, direction: str) -> pd.DataFrame:
    """List the scores in the order the trials finished, with the best so far.

    Returns
    -------
    DataFrame
        Columns finished (1, 2, …), number, score, best and leader, the trial that had it.
    """
    in_order = np.lexsort((of_trials.numbers, of_trials.finished_at))
    scores, numbers = of_trials.scores[in_order], of_trials.numbers[in_order]
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


def thin_history(table: pd.DataFrame, most: int = MOST_DOTS) -> pd.DataFrame:
    """Keep some trials of a history: those that took the lead, and others evenly.

    Parameters
    ----------
    table : DataFrame
        Of `history`.
    most : int
        Of each of the two kinds; the first and the last trial are always kept.
    """
    if len(table) <= most:
        return table
    even = np.linspace(0, len(table) - 1, most).round().astype(np.intp)
    leading = np.flatnonzero(table["leader"].to_numpy() == table["number"].to_numpy())
    places = np.linspace(0, len(leading) - 1, min(most, len(leading))).round().astype(np.intp)
    return table.iloc[np.union1d(even, leading[places])]


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
        (row.number, value if number else show_value(value), row.score)
        for row in finished(trials)
        for value in [setting_of(row, name)]
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
    values = [setting_of(row, name) for row in rows]
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
