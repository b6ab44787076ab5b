"""Finished trials in Optuna's own tables, for `optuna.load_study` and optuna-dashboard.

Trials are copied in the order of their numbers, once each, when they are finished: Optuna
counts its trials itself, and nothing there is ever left running. They go through Optuna's own
classes of its tables, many in one transaction: `Study.add_trial` makes a transaction and some
twenty statements of each. The tests compare every row with those of `add_trial`. Where the
search space has grown since, all are copied anew.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
import sqlalchemy as sa
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.storages import BaseStorage
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.orm import Session

from storage.database import Database, optuna_storage
from storage.results import FitRow, TrialRow
from tuning.optuna_space import distributions, encode, reaching
from tuning.spec import StudySpec

_AT_ONCE = 500  # trials a transaction; others wait for it to write, a fraction of a second
_NUMBER = "number"  # the user attribute that holds our number
_SPACE = "space"  # that of a study which holds its distributions

FitReader = Callable[[Sequence[int]], Sequence[FitRow]]
_Rows = list[dict[str, Any]]


class OptunaCopy:
    """Copies a study's finished trials into Optuna's tables."""

    def __init__(self, db: Database, study_id: str, spec: StudySpec) -> None:
        self._db = db
        self._spec = spec
        self._space = distributions(spec, with_default=True)
        self._space_json = {name: distribution_to_json(d) for name, d in self._space.items()}
        storage = optuna_storage(db)
        study = self._open(storage, study_id)
        if study.user_attrs and study.user_attrs.get(_SPACE) != self._space_json:
            # Optuna takes no trial of another space: the study was extended.
            optuna.delete_study(study_name=study_id, storage=storage)
            study = self._open(storage, study_id)
        study.set_user_attr("score", spec.evaluation.score)
        study.set_user_attr(_SPACE, self._space_json)
        self._study_id = storage.get_study_id_from_name(study_id)
        with db.read() as connection:
            self._copied = self._read_copied(connection)
        self._next = 0

    def _open(self, storage: BaseStorage, study_id: str) -> optuna.Study:
        return optuna.create_study(
            study_name=study_id,
            storage=storage,
            direction=self._spec.direction,
            load_if_exists=True,
        )

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
        number = self._next
        while len(numbers) < most and (number in finished or number in self._copied):
            if number not in self._copied:
                numbers.append(number)
            number += 1
        self._add(numbers, finished, read_fits)
        self._next = number  # only now: the call is made again where the database was away

    def copy_rest(self, finished: Mapping[int, TrialRow], read_fits: FitReader) -> None:
        """Copy every trial that is missing; after a gap Optuna's numbers fall behind ours."""
        numbers = sorted(set(finished) - self._copied)
        for start in range(0, len(numbers), _AT_ONCE):
            self._add(numbers[start : start + _AT_ONCE], finished, read_fits)

    def _read_copied(self, connection: sa.Connection | Session) -> set[int]:
        attribute = models.TrialUserAttributeModel
        query = (
            sa.select(attribute.value_json)
            .join(models.TrialModel, models.TrialModel.trial_id == attribute.trial_id)
            .where(models.TrialModel.study_id == self._study_id, attribute.key == _NUMBER)
        )
        return {int(json.loads(value)) for value in connection.scalars(query)}

    def _add(
        self, numbers: Sequence[int], finished: Mapping[int, TrialRow], read_fits: FitReader
    ) -> None:
        if not numbers:
            return
        fits: dict[int, list[FitRow]] = {}
        for fit in read_fits(numbers):
            fits.setdefault(fit.number, []).append(fit)
        trials = [self._frozen(finished[number], fits.get(number, [])) for number in numbers]
        with self._db.write() as connection, Session(connection) as session:
            copied = self._lock(session)
            missing = [trial for trial in trials if trial.user_attrs[_NUMBER] not in copied]
            self._insert(session, missing)
        self._copied = copied.union(numbers)

    def _lock(self, session: Session) -> set[int]:
        """Make others wait who would count trials on, and return the numbers that are there.

        They are read anew where there are others than we know of: from a worker that was
        believed lost, or from ourselves, when the answer to a commit was lost.
        """
        model = models.StudyModel
        session.execute(
            sa.select(model.study_id).where(model.study_id == self._study_id).with_for_update()
        )
        is_known = self._count(session) == len(self._copied)
        return self._copied if is_known else self._read_copied(session)

    def _count(self, session: Session) -> int:
        counted = sa.select(sa.func.count()).where(models.TrialModel.study_id == self._study_id)
        return session.scalar(counted) or 0

    def _insert(self, session: Session, trials: Sequence[FrozenTrial]) -> None:
        """Write the rows that `Study.add_trial` would, table by table."""
        first = self._count(session)
        entries = [
            models.TrialModel(
                study_id=self._study_id,
                number=first + offset,
                state=trial.state,
                datetime_start=trial.datetime_start,
                datetime_complete=trial.datetime_complete,
            )
            for offset, trial in enumerate(trials)
        ]
        session.add_all(entries)
        session.flush()  # numbers the entries
        values, params, attributes = [], [], []
        for entry, trial in zip(entries, trials, strict=True):
            own = {"trial_id": entry.trial_id}
            values += [own | row for row in _value_rows(trial)]
            params += [own | row for row in self._param_rows(trial)]
            attributes += [own | row for row in _attribute_rows(trial)]
        for model, rows in (
            (models.TrialValueModel, values),
            (models.TrialParamModel, params),
            (models.TrialUserAttributeModel, attributes),
        ):
            if rows:
                session.execute(sa.insert(model), rows)

    def _param_rows(self, trial: FrozenTrial) -> _Rows:
        return [
            {
                "param_name": name,
                "param_value": trial.distributions[name].to_internal_repr(value),
                "distribution_json": self._json(name, trial.distributions[name]),
            }
            for name, value in trial.params.items()
        ]

    def _json(self, name: str, distribution: BaseDistribution) -> str:
        is_usual = distribution is self._space[name]
        return self._space_json[name] if is_usual else distribution_to_json(distribution)

    def _frozen(self, row: TrialRow, fits: Sequence[FitRow]) -> FrozenTrial:
        settings = {name: _as_stored(value) for name, value in row.params.items()}
        reached = {n: reaching(self._space[n], value) for n, value in settings.items()}
        space = {n: distribution for n, distribution in reached.items() if distribution}
        state = TrialState[row.state]
        trial = optuna.trial.create_trial(
            state=state,
            value=row.score if state == TrialState.COMPLETE else None,
            params={name: settings[name] for name in space},
            distributions=space,
            user_attrs={
                _NUMBER: row.number,
                "spread": row.spread,
                "fold_scores": [
                    fit.score for fit in fits if fit.repeat < self._spec.evaluation.repeats
                ],
                "n_epochs": row.n_epochs,
                "duration_s": row.duration_s,
                "message": row.message,
            },
        )
        # Naive local time, as Optuna's trials have it.
        trial.datetime_complete = datetime.datetime.fromtimestamp(row.finished_at or 0.0)
        took = datetime.timedelta(seconds=row.duration_s or 0.0)
        trial.datetime_start = trial.datetime_complete - took
        return trial


def _value_rows(trial: FrozenTrial) -> _Rows:
    if trial.value is None:
        return []
    value, kind = models.TrialValueModel.value_to_stored_repr(trial.value)
    return [{"objective": 0, "value": value, "value_type": kind}]


def _attribute_rows(trial: FrozenTrial) -> _Rows:
    return [
        {"key": key, "value_json": json.dumps(value)} for key, value in trial.user_attrs.items()
    ]


def _as_stored(value: object) -> object:
    """Turn JSON's lists back into layer sizes, and those into Optuna's text."""
    return encode(tuple(value)) if isinstance(value, (list, tuple)) else value
