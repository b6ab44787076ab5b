"""The trials of a study as the statistics of its settings take them.

A trial whose settings lie outside the search space, such as defaults that no list holds, tells
nothing about that space: it is left out, and that is said.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.reading import Trials
from storage.results import TrialRow
from tuning.analysis.encoding import inside
from tuning.analysis.intervals import Array
from tuning.analysis.study_scores import StudyScores
from tuning.parameters import PARAMETERS, Value
from tuning.spec import StudySpec


@dataclass(frozen=True)
class Tried:
    """The trials inside the search space, in the order they finished; unfinished ones last.

    Attributes
    ----------
    settings : list of dict
        The searched values of each trial.
    scores : ndarray of shape (n_trials, n_repeats, n_folds)
        Of the search, larger is better; NaN where there is none.
    states : list of str
        As Optuna names them.
    outside : list of TrialRow
        The trials that are left out.
    """

    numbers: NDArray[np.intp]
    settings: list[dict[str, Value]]
    scores: Array
    states: list[str]
    outside: list[TrialRow]


def make_tried(spec: StudySpec, trials: Trials, scores: StudyScores) -> Tried:
    """Put together what was tried inside the search space, and what it scored.

    Parameters
    ----------
    scores : StudyScores
        Of the finished trials.
    """
    settings = _settings(spec, trials)
    numbers = np.array(trials.column("number"), dtype=np.intp)
    is_inside = inside(spec, settings)
    order = finish_order(trials)
    kept = order[is_inside[order]]
    found = scores.searched()
    values = np.full((len(numbers), *found.shape[1:]), np.nan)
    values[np.searchsorted(numbers, scores.numbers)] = found
    states = trials.column("state")
    return Tried(
        numbers=numbers[kept],
        settings=[settings[row] for row in kept],
        scores=values[kept],
        states=[states[row] for row in kept],
        outside=[trials[int(number)] for number in numbers[~is_inside]],
    )


def finish_order(trials: Trials) -> NDArray[np.intp]:
    """Return the rows of the trials in the order they finished, the unfinished ones last."""
    finished_at = np.array(trials.column("finished_at"), dtype=np.float64)
    return np.argsort(finished_at, kind="stable")  # NaN sorts last


def _settings(spec: StudySpec, trials: Trials) -> list[dict[str, Value]]:
    """Read the settings of every trial; each spelling of a value is understood once."""
    rows = json.loads(f"[{','.join(trials.column('params'))}]")
    known: dict[tuple[str, str], Value] = {}
    found: list[dict[str, Value]] = [{} for _ in rows]
    for name in spec.searched:
        parse = PARAMETERS[name].parse
        for row, settings in zip(rows, found, strict=True):
            key = (name, repr(row[name]))
            if key not in known:
                known[key] = parse(row[name])
            settings[name] = known[key]
    return found
