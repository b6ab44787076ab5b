"""Scores in the order trials finished: which was the best so far, and since when."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from storage.reading import Trials

MOST_DOTS = 300  # of a chart that is sent again and again while a study trains


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
