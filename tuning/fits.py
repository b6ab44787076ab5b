"""Trainings of a study, and their results as rows of its fits."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import cast

from storage.results import FitRow
from tuning.parameters import Value
from tuning.samplers import families
from tuning.spec import StudySpec
from tuning.training.interface import FitResult, Readout, Training
from tuning.training.seeds import fit_seed


def make_trainings(
    spec: StudySpec, params: Mapping[int, Mapping[str, Value]], repeats: Iterable[int]
) -> Iterator[Training]:
    """Yield the trainings of some trials on every fold of some repeats.

    Parameters
    ----------
    params : mapping
        Every parameter of each trial, by number.
    """
    places = list(itertools.product(repeats, range(spec.evaluation.n_folds)))
    for family in families(params):
        readouts = tuple(Readout(number, cast(int, p["epochs"])) for number, p in family)
        settings = {name: v for name, v in family[0][1].items() if name != "epochs"}
        for repeat, fold in places:
            seed = fit_seed(spec.seed, settings, repeat, fold)
            yield Training(settings, repeat, fold, seed, readouts)


def judged(score_name: str, result: FitResult) -> tuple[FitResult, float]:
    """Return a result with its score; one without a score has failed, and says why."""
    score = result.metrics.get(score_name, math.nan)
    if not result.error and not math.isfinite(score):
        result = replace(result, error=_no_score(score_name))
    return result, score


def _no_score(score: str) -> str:
    return (
        f"The score {score} could not be computed: the fold's rows hold a single class. "
        + "Use fewer folds or another score."
    )


def fit_row(number: int, training: Training, result: FitResult, score: float) -> FitRow:
    """Turn a judged result of a trial into the row of its fit."""
    return FitRow(
        number=number,
        repeat=training.repeat,
        fold=training.fold,
        state="FAIL" if result.error else "COMPLETE",
        score=None if result.error else score,
        metrics=result.metrics,
        n_epochs=result.n_epochs,
        best_epoch=result.best_epoch,
        duration_s=result.duration_s,
        trainer=result.trainer,
        message=result.error,
    )
