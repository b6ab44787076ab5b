"""Studies and their scores as tests write them down: a row a trial, a fold a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tuning.analysis.standings import Confirmed
from tuning.analysis.study_scores import ScoreBook, StudyScores
from tuning.datasets.info import DatasetInfo
from tuning.spec import StudySpec

LEADS = [[0.80, 0.82, 0.81, 0.83, 0.79], [0.74, 0.77, 0.75, 0.78, 0.75],
         [0.70, 0.74, 0.69, 0.75, 0.72]]  # fmt: skip
TIES = [LEADS[0], [0.79, 0.82, 0.80, 0.81, 0.80], LEADS[2]]


def make_spec(n_folds: int = 5, n_repeats: int = 1, **changes: Any) -> StudySpec:
    """Return a spec whose scores are made up; `evaluation` adds to folds and repeats."""
    evaluation = {"folds": n_folds, "repeats": n_repeats} | changes.pop("evaluation", {})
    return StudySpec.parse(
        {
            "name": "made up",
            "data": {"dataset": "pima"},
            "space": {"batch_size": {"kind": "list", "values": [10, 20, 40, 80]}},
            "evaluation": evaluation,
            **changes,
        }
    )


def make_info(n_rows: int = 125, **changes: Any) -> DatasetInfo:
    """Return a dataset of which a fifth is sealed: 100 rows of 125 are searched with."""
    given: dict[str, Any] = {
        "id": "pima",
        "title": "Pima diabetes",
        "task": "binary",
        "source": "bundled",
        "n_rows": n_rows,
        "n_inputs": 8,
        "target": "diabetes",
        "about": "Made up.",
        "class_names": ("no", "yes"),
        "class_counts": (3 * n_rows // 5, n_rows - 3 * n_rows // 5),
    }
    return DatasetInfo(**(given | changes))


def make_scores(
    spec: StudySpec,
    rows: Sequence[Sequence[float]] | Mapping[int, Sequence[float]],
    more: Mapping[int, Sequence[Sequence[float]]] | None = None,
) -> StudyScores:
    """Return the scores of trials.

    Parameters
    ----------
    rows : sequence or mapping
        The fits of the search of each trial, by number: repeat by repeat, fold by fold.
    more : mapping or None
        Further repeats of some trials.
    """
    book, n_folds = ScoreBook(spec), spec.evaluation.n_folds
    by_number = rows if isinstance(rows, Mapping) else dict(enumerate(rows))
    for number, own in by_number.items():
        repeats = np.reshape(own, (spec.evaluation.repeats, n_folds)).tolist()
        repeats += [list(scores) for scores in (more or {}).get(number, [])]
        book.take(
            (number, repeat, fold, score)
            for repeat, scores in enumerate(repeats)
            for fold, score in enumerate(scores)
        )
    return book.scores(by_number)


def make_race(survivors: Sequence[int], entered: Sequence[int], **changes: Any) -> Confirmed:
    """Return what a race has found; survivors are at 0, those that left 0.05 behind."""
    gaps = dict.fromkeys(entered, (0.05, 0.02, 0.08, 2))
    gaps |= dict.fromkeys(survivors, (0.0, -0.02, 0.02, 4))
    gaps |= {survivors[0]: (0.0, 0.0, 0.0, 4)} if survivors else {}
    given: dict[str, Any] = {
        "kind": "winner" if len(survivors) == 1 else "cannot tell",
        "survivors": tuple(survivors),
        "entered": tuple(entered),
        "n_repeats": 4,
        "first": entered[0],
        "sentence": "",
        "gaps": gaps,
    }
    return Confirmed(**(given | changes))
