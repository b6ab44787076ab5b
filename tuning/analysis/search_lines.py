"""The search over its trials as tables of lines: the best so far, and what more would find.

Scores are in their own units here, as they are drawn.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from storage.reading import Trials
from tuning.analysis.gain import OVERTUNING, Gain, Progress, progress
from tuning.analysis.history import history, history_finding, scores_of
from tuning.analysis.intervals import Kind
from tuning.analysis.search_curve import SearchCurve
from tuning.analysis.study_scores import StudyScores
from tuning.analysis.tried import finish_order
from tuning.analysis.verdict import Judgement
from tuning.analysis.verdict_words import expected_sentence
from tuning.analysis.winner import HonestScore, within_bounds
from tuning.spec import StudySpec

LINES = ("finished", "shown", "honest", "low", "high")


def honest_table(
    trials: Trials, scores: StudyScores, *, is_adaptive: bool = False
) -> pd.DataFrame | str:
    """List the best score so far and the honest one, or say why there is no honest score.

    Parameters
    ----------
    scores : StudyScores
        Of the finished trials.

    Returns
    -------
    DataFrame or str
        Columns finished (a count of trials, from 1), shown (the best mean so far), honest, low
        and high (its 95 % interval).
    """
    numbers = np.array(trials.column("number"), dtype=np.intp)[finish_order(trials)]
    order = scores.rows_of(numbers.tolist())
    found = progress(scores.searched()[order], kind=scores.kind, is_adaptive=is_adaptive)
    if isinstance(found, str):
        return found
    return _in_own_units(found, scores.sign)


def _in_own_units(found: Progress, sign: int) -> pd.DataFrame:
    low, high = (found.low, found.high) if sign > 0 else (-found.high, -found.low)
    columns = (found.row + 1, sign * found.cv, sign * found.honest, low, high)
    return pd.DataFrame(dict(zip(LINES, columns, strict=True)))


def shown_table(trials: Trials, direction: str) -> pd.DataFrame:
    """List the best score so far alone, where there is no honest one.

    Returns
    -------
    DataFrame
        As `honest_table`, NaN where nothing is known; the trials that took the lead and the
        last one.
    """
    table = history(scores_of(trials), direction)
    leads = table["leader"].to_numpy() == table["number"].to_numpy()
    leads[-1:] = True
    columns = {"finished": table["finished"][leads], "shown": table["best"][leads]}
    return pd.DataFrame(columns).reindex(columns=list(LINES)).reset_index(drop=True)


def best_finding(found: Judgement, trials: Trials, direction: str) -> str:
    """Say what to expect of the best so far; where that cannot be told, since when it leads."""
    if isinstance(found.honest, HonestScore):
        return expected_sentence(found)
    return f"{history_finding(history(scores_of(trials), direction))}."


def overtuning(found: Judgement) -> str:
    """Warn where the last improvements are luck; empty where they are not known to be."""
    return OVERTUNING if isinstance(found.gain, Gain) and found.gain.overtuning_likely else ""


def luck_line(found: Judgement) -> float | None:
    """Return what the best of equally good trials would show, in the score's own units."""
    return None if isinstance(found.luck, str) else found.sign * found.luck.expected


def default_line(spec: StudySpec, scores: StudyScores) -> float | None:
    """Return what the default settings scored in the search; None where they did not."""
    row = scores.rows_of([0]) if spec.include_default else []
    mean = float(scores.values[row, : scores.n_searched].mean()) if row else math.nan
    return mean if math.isfinite(mean) else None


def curve_table(found: SearchCurve, kind: Kind, sign: int) -> pd.DataFrame:
    """List what the best of so many trials scores on new data.

    Returns
    -------
    DataFrame
        Columns n_trials, score, low and high (its 95 % interval).
    """
    score = sign * found.score
    low, high = within_bounds(score - found.half_width, score + found.half_width, kind)
    return pd.DataFrame({"n_trials": found.n_trials, "score": score, "low": low, "high": high})
