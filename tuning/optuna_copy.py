"""Finished trials in Optuna's own tables, for `optuna.load_study` and optuna-dashboard.

Trials are copied in the order of their numbers, once each, when they are finished: Optuna
counts its trials itself, and nothing there is ever left running.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence

import optuna
from optuna.trial import FrozenTrial, TrialState

from storage.database import Database, optuna_storage
from storage.results import FitRow, TrialRow
from tuning.samplers import distributions, encode
from tuning.spec import StudySpec

FitReader = Callable[[Sequence[int]], Sequence[FitRow]]


class OptunaCopy:
    """Copies a study's finished trials into Optuna's tables."""

    def __init__(self, db: Database, study_id: str, spec: StudySpec) -> None:
        self._space = distributions(spec)
        self._study = optuna.create_study(
            study_name=study_id,
            storage=optuna_storage(db),
            direction=spec.direction,
            load_if_exists=True,
        )
        self._study.set_user_attr("score", spec.evaluation.score)
        trials = self._study.get_trials(deepcopy=False)
        self._copied = {int(trial.user_attrs["number"]) for trial in trials}
        self._next = 0

    def copy(self, finished: Mapping[int, TrialRow], read_fits: FitReader, most: int) -> None:
        """Copy trials that are next by number, so that Optuna counts them as we do.

        Parameters
        ----------
        finished : mapping
            Finished trials by number.
        read_fits : callable
            Gives the fits of some trials.
        most : int
            Trials to copy at once.
        """
        numbers: list[int] = []
        while len(numbers) < most and (self._next in finished or self._next in self._copied):
            if self._next not in self._copied:
                numbers.append(self._next)
            self._next += 1
        self._add(numbers, finished, read_fits)

    def copy_rest(self, finished: Mapping[int, TrialRow], read_fits: FitReader) -> None:
        """Copy every trial that is missing; after a gap Optuna's numbers fall behind ours."""
        numbers = sorted(set(finished) - self._copied)
        self._add(numbers, finished, read_fits)

    def _add(
        self, numbers: Sequence[int], finished: Mapping[int, TrialRow], read_fits: FitReader
    ) -> None:
        fits = read_fits(numbers) if numbers else []
        for number in numbers:
            own = [fit for fit in fits if fit.number == number]
            self._study.add_trial(self._frozen(finished[number], own))
            self._copied.add(number)

    def _frozen(self, row: TrialRow, fits: Sequence[FitRow]) -> FrozenTrial:
        settings = {name: _as_stored(value) for name, value in row.params.items()}
        state = TrialState[row.state]
        trial = optuna.trial.create_trial(
            state=state,
            value=row.score if state == TrialState.COMPLETE else None,
            params=settings,
            distributions=self._space,
            user_attrs={
                "number": row.number,
                "spread": row.spread,
                "fold_scores": [fit.score for fit in fits],
                "n_epochs": row.n_epochs,
                "duration_s": row.duration_s,
                "message": row.message,
            },
        )
        # Naive local time, as Optuna itself writes it.
        trial.datetime_complete = datetime.datetime.fromtimestamp(row.finished_at or 0.0)
        took = datetime.timedelta(seconds=row.duration_s or 0.0)
        trial.datetime_start = trial.datetime_complete - took
        return trial


def _as_stored(value: object) -> object:
    """Turn JSON's lists back into layer sizes, and those into Optuna's text."""
    return encode(tuple(value)) if isinstance(value, (list, tuple)) else value
