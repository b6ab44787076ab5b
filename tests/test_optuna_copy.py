"""Optuna and its dashboard read our finished trials: the same ones, in order, once."""

from __future__ import annotations

import dataclasses
import datetime
import io
import json
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import optuna
import pytest
import sqlalchemy as sa
from optuna.trial import TrialState
from optuna_dashboard import wsgi

from storage.database import Database, open_database, optuna_storage
from storage.results import FitRow, TrialRow
from tuning.optuna_copy import OptunaCopy
from tuning.optuna_space import distributions
from tuning.spec import StudySpec

FINISHED_AT = 1_700_000_000.0
STUDY_ID = "layers-2345"


@pytest.fixture(autouse=True)
def _quiet_optuna() -> Iterator[None]:
    """Keep Optuna from telling of every study it makes."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(level)


@pytest.fixture
def spec() -> StudySpec:
    return StudySpec.parse(
        {
            "name": "layers",
            "data": {"dataset": "pima"},
            "space": {
                "dense_layer_sizes": {"kind": "list", "values": [[8], [16, 8], None]},
                "learning_rate": {"kind": "log_range", "low": 1e-4, "high": 1e-1},
            },
            "sampler": {"kind": "random", "n_trials": 4},
            "evaluation": {"folds": 2, "score": "log_loss"},
        }
    )


def make_rows() -> dict[int, TrialRow]:
    """Return a complete, a pruned, a failed and another complete trial."""

    def make(number: int, state: str, layers: Any, score: float | None) -> TrialRow:
        params = {"dense_layer_sizes": layers, "learning_rate": 10.0 ** -(number + 1)}
        message = "" if score is not None else "Reason."
        return TrialRow(
            number,
            state,
            params,
            score,
            spread=None if score is None else 0.1,
            n_epochs=5.0,
            duration_s=60.0,
            message=message,
            finished_at=FINISHED_AT + number,
        )

    return {
        0: make(0, "COMPLETE", (8,), 0.5),
        1: make(1, "PRUNED", (16, 8), None),
        2: make(2, "FAIL", None, None),
        3: make(3, "COMPLETE", [16, 8], 0.25),
    }


MANY = 100


def read_fits(numbers: Sequence[int]) -> list[FitRow]:
    return [FitRow(n, 0, fold, "COMPLETE", n + fold / 10) for n in numbers for fold in range(2)]


def load(db: Database) -> optuna.Study:
    return optuna.load_study(study_name=STUDY_ID, storage=optuna_storage(db))


def test_optuna_reads_the_same_numbers_params_values_and_states(
    each_db: Database, spec: StudySpec
) -> None:
    OptunaCopy(each_db, STUDY_ID, spec).copy(make_rows(), read_fits, MANY)

    study = load(each_db)

    assert [trial.number for trial in study.trials] == [0, 1, 2, 3]
    assert [trial.state for trial in study.trials] == [
        TrialState.COMPLETE,
        TrialState.PRUNED,
        TrialState.FAIL,
        TrialState.COMPLETE,
    ]
    assert [trial.value for trial in study.trials] == [0.5, None, None, 0.25]
    assert [trial.params["dense_layer_sizes"] for trial in study.trials] == [
        "8",
        "16-8",
        None,
        "16-8",
    ]
    rates = [trial.params["learning_rate"] for trial in study.trials]
    assert rates == pytest.approx([1e-1, 1e-2, 1e-3, 1e-4])
    assert study.direction == optuna.study.StudyDirection.MINIMIZE
    assert study.best_trial.number == 3
    assert study.user_attrs["score"] == "log_loss"
    assert study.user_attrs["space"].keys() == {"dense_layer_sizes", "learning_rate"}


def test_folds_costs_and_messages_come_along(db: Database, spec: StudySpec) -> None:
    OptunaCopy(db, STUDY_ID, spec).copy(make_rows(), read_fits, MANY)

    trials = load(db).trials

    assert trials[0].user_attrs == {
        "number": 0,
        "spread": 0.1,
        "fold_scores": [0.0, 0.1],
        "n_epochs": 5.0,
        "duration_s": 60.0,
        "message": "",
    }
    assert trials[2].user_attrs["message"] == "Reason."


@pytest.mark.usefixtures("_far_east")
def test_times_are_local_as_optuna_reads_them(db: Database, spec: StudySpec) -> None:
    OptunaCopy(db, STUDY_ID, spec).copy(make_rows(), read_fits, MANY)

    trial = load(db).trials[1]

    assert trial.datetime_complete == datetime.datetime.fromtimestamp(FINISHED_AT + 1)
    assert trial.duration == datetime.timedelta(seconds=60)


@pytest.fixture
def _far_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put this process nine hours before the time that Optuna's tables are in."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def rows_of_optuna(db: Database) -> dict[str, list[dict[str, Any]]]:
    """Return every row of Optuna's tables; the tables of trials without their own counters."""
    own = {"trial_id", "study_id"}
    found = {}
    with db.read() as connection:
        inspector = sa.inspect(connection)
        for name in inspector.get_table_names():
            if not name.startswith(("trial_", "trials", "stud", "alembic", "version_info")):
                continue
            table = sa.Table(name, sa.MetaData(), autoload_with=connection)
            keys = [column.name for column in table.primary_key if column.name not in own]
            rows = [dict(row) for row in connection.execute(sa.select(table)).mappings()]
            for row in rows if name.startswith("trial_") else []:
                for key in keys:
                    del row[key]
            found[name] = sorted(rows, key=str)
    return found


@pytest.mark.usefixtures("_far_east")
def test_every_row_is_as_optunas_own_add_trial_writes_it(
    each_db: Database, spec: StudySpec, tmp_path: Path
) -> None:
    OptunaCopy(each_db, STUDY_ID, spec).copy(make_rows(), read_fits, MANY)

    other = open_database(f"sqlite:///{tmp_path / 'other.sqlite3'}")
    study = optuna.create_study(study_name=STUDY_ID, storage=optuna_storage(other))
    study.set_user_attr("score", "log_loss")
    study.set_user_attr("space", load(each_db).user_attrs["space"])
    for number, row in make_rows().items():
        sizes = row.params["dense_layer_sizes"]
        trial = optuna.trial.create_trial(
            state=TrialState[row.state],
            value=row.score,
            params={
                "dense_layer_sizes": sizes and "-".join(map(str, sizes)),
                "learning_rate": row.params["learning_rate"],
            },
            distributions=distributions(spec),
            user_attrs={
                "number": number,
                "spread": row.spread,
                "fold_scores": [number + 0.0, number + 0.1],
                "n_epochs": 5.0,
                "duration_s": 60.0,
                "message": row.message,
            },
        )
        trial.datetime_complete = datetime.datetime.fromtimestamp(FINISHED_AT + number)
        trial.datetime_start = trial.datetime_complete - datetime.timedelta(seconds=60)
        study.add_trial(trial)

    written = rows_of_optuna(each_db)
    assert written == rows_of_optuna(other)
    assert {
        name: len(written[name]) for name in ("trials", "trial_values", "trial_params")
    } == {
        "trials": 4,
        "trial_values": 2,
        "trial_params": 8,
    }
    other.close()


def test_the_rest_of_a_long_search_is_complete_and_in_order(
    db: Database, spec: StudySpec
) -> None:
    first = make_rows()[0]
    rows = {n: dataclasses.replace(first, number=n, score=float(n)) for n in range(1100)}
    copy = OptunaCopy(db, STUDY_ID, spec)

    copy.copy(rows, read_fits, 30)
    copy.copy_rest(rows, read_fits)

    trials = load(db).trials
    assert [trial.value for trial in trials] == [float(number) for number in range(1100)]
    assert [trial.user_attrs["number"] for trial in trials] == list(range(1100))
    assert trials[1099].user_attrs["fold_scores"] == [1099.0, 1099.1]


def test_studies_side_by_side_count_their_own_trials(db: Database, spec: StudySpec) -> None:
    rows, copies = make_rows(), [OptunaCopy(db, name, spec) for name in (STUDY_ID, "other")]

    for most in (1, 1, 2):
        for copy in copies:
            copy.copy(rows, read_fits, most)

    for name in (STUDY_ID, "other"):
        study = optuna.load_study(study_name=name, storage=db.url)
        assert [(t.number, t.value) for t in study.trials] == [
            (0, 0.5),
            (1, None),
            (2, None),
            (3, 0.25),
        ]


def test_trials_that_finish_out_of_order_are_copied_in_order_and_once(
    db: Database, spec: StudySpec
) -> None:
    rows, copy = make_rows(), OptunaCopy(db, STUDY_ID, spec)

    counts = []
    for finished in ({2: rows[2], 3: rows[3]}, {n: rows[n] for n in (0, 2, 3)}, rows, rows):
        copy.copy(finished, read_fits, MANY)
        counts.append(len(load(db).trials))

    assert counts == [0, 1, 4, 4]
    assert [trial.value for trial in load(db).trials] == [0.5, None, None, 0.25]


def test_a_copy_that_is_opened_again_goes_on_where_it_was(
    db: Database, spec: StudySpec
) -> None:
    rows = make_rows()
    OptunaCopy(db, STUDY_ID, spec).copy({0: rows[0], 1: rows[1]}, read_fits, MANY)

    OptunaCopy(db, STUDY_ID, spec).copy(rows, read_fits, MANY)

    assert [trial.value for trial in load(db).trials] == [0.5, None, None, 0.25]


def test_two_that_copy_the_same_trials_copy_them_once(
    each_db: Database, spec: StudySpec
) -> None:
    rows, copies = make_rows(), [OptunaCopy(each_db, STUDY_ID, spec) for _ in range(2)]
    barrier = threading.Barrier(2)

    def copy_all(copy: OptunaCopy) -> None:
        barrier.wait()
        copy.copy(rows, read_fits, MANY)
        copy.copy_rest(rows, read_fits)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(copy_all, copies))

    trials = load(each_db).trials
    assert [(t.number, t.user_attrs["number"]) for t in trials] == [(n, n) for n in range(4)]


def test_a_copy_that_failed_is_made_again_in_order(db: Database, spec: StudySpec) -> None:
    rows, copy = make_rows(), OptunaCopy(db, STUDY_ID, spec)

    def fail(_: Sequence[int]) -> list[FitRow]:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        copy.copy(rows, fail, 2)
    copy.copy(rows, read_fits, 2)

    assert [trial.user_attrs["number"] for trial in load(db).trials] == [0, 1]


def test_only_so_many_trials_are_copied_at_once(db: Database, spec: StudySpec) -> None:
    OptunaCopy(db, STUDY_ID, spec).copy(make_rows(), read_fits, 3)

    assert len(load(db).trials) == 3


def test_the_rest_is_copied_after_a_gap_too_and_never_twice(
    db: Database, spec: StudySpec
) -> None:
    rows, copy = make_rows(), OptunaCopy(db, STUDY_ID, spec)

    copy.copy_rest({0: rows[0], 3: rows[3]}, read_fits)
    OptunaCopy(db, STUDY_ID, spec).copy(rows, read_fits, MANY)

    assert [trial.user_attrs["number"] for trial in load(db).trials] == [0, 3, 1, 2]


def test_a_space_that_has_grown_is_copied_anew_by_whoever_trains_next(
    each_db: Database, spec: StudySpec
) -> None:
    rows = make_rows()
    OptunaCopy(each_db, STUDY_ID, spec).copy({0: rows[0], 1: rows[1]}, read_fits, MANY)
    document = spec.model_dump()
    document["space"]["learning_rate"]["high"] = 1.0
    wider = StudySpec.parse(document)

    OptunaCopy(each_db, STUDY_ID, wider).copy(rows, read_fits, MANY)
    OptunaCopy(each_db, STUDY_ID, wider).copy(rows, read_fits, MANY)

    trials = load(each_db).trials
    assert [trial.user_attrs["number"] for trial in trials] == [0, 1, 2, 3]
    assert {trial.distributions["learning_rate"].high for trial in trials} == {1.0}  # type: ignore[attr-defined]


def ask_dashboard(app: Any, path: str) -> Any:
    """Return what a WSGI app answers to a GET."""
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    name, _, query = path.partition("?")
    environ |= {"PATH_INFO": name, "QUERY_STRING": query, "wsgi.input": io.BytesIO()}
    statuses: list[str] = []
    body = b"".join(app(environ, lambda status, *_: statuses.append(status)))
    assert statuses == ["200 OK"], body
    return json.loads(body)


def test_optuna_dashboard_shows_the_study_and_its_trials(db: Database, spec: StudySpec) -> None:
    OptunaCopy(db, STUDY_ID, spec).copy(make_rows(), read_fits, MANY)
    app = wsgi(optuna_storage(db))

    (listed,) = ask_dashboard(app, "/api/studies")["study_summaries"]
    shown = ask_dashboard(app, f"/api/studies/{listed['study_id']}?after=0")

    assert listed["study_name"] == STUDY_ID
    assert [(t["number"], t["state"]) for t in shown["trials"]] == [
        (0, "Complete"),
        (1, "Pruned"),
        (2, "Fail"),
        (3, "Complete"),
    ]
    assert shown["trials"][3]["values"] == [0.25]
