"""One study from queued to finished, with the real trainer on data that needs no download."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import keras
import numpy as np
import optuna
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer

from storage.database import Database, database
from storage.errors import LostLeaseError
from storage.leases import claim_study
from storage.results import CURVE_COLUMNS, TrialRow, read_fits, read_pieces, read_trials
from storage.schema import study as study_table
from storage.schema import trial as trial_table
from storage.studies import StudyRow, events, get_study
from storage.timings import read_past_estimates, read_stack_timings, read_timings
from storage.wishes import (
    ask_for_model,
    ask_to_confirm,
    ask_to_pause,
    ask_to_skip_confirming,
    ask_to_stop,
    resume,
)
from tests.bounded import FULL
from tuning.by_hand import try_by_hand
from tuning.driver import run_study
from tuning.execution.here import Here
from tuning.export.files import best_model_path, study_document, trial_model_path
from tuning.extension import extend
from tuning.judging import Judged, judge_study
from tuning.launch import launch
from tuning.optuna_copy import OptunaCopy
from tuning.spec import StudySpec
from tuning.training.interface import (
    FitResult,
    FoldData,
    FoldSource,
    Network,
    Readout,
    Reporter,
    Trainer,
    Training,
)
from tuning.training.keras_trainer import KerasTrainer
from tuning.training.stacked.trainer import StackedTrainer

pytestmark = pytest.mark.slow


def make_spec(**changes: Any) -> StudySpec:
    document: dict[str, Any] = {
        "name": "cancer",
        "data": {"dataset": "breast-cancer"},
        "space": {
            "batch_size": {"kind": "list", "values": [100, 200]},
            "epochs": {"kind": "list", "values": [2, 4]},
        },
        "evaluation": {"folds": 2, "score": "accuracy"},
    }
    return StudySpec.parse(document | changes)


def run(
    spec: StudySpec, stop: threading.Event | None = None, trainer: Trainer | None = None
) -> tuple[StudyRow, list[TrialRow]]:
    study_id = launch(database(), spec)
    return run_again(study_id, stop, trainer)


def run_again(
    study_id: str, stop: threading.Event | None = None, trainer: Trainer | None = None
) -> tuple[StudyRow, list[TrialRow]]:
    db = database()
    claim = claim_study(db, "test", study_id)
    assert claim is not None
    run_study(db, claim, Here(trainer or StackedTrainer(1)), stop)
    return get_study(db, study_id), read_trials(db, study_id)


class Pretender:
    """A trainer that trains nothing: each trial's score is that of its number.

    Attributes
    ----------
    rounds : list of list of int
        Numbers of the trials of each call.
    """

    def __init__(self, leave: threading.Event | None = None, leave_after: int = -1) -> None:
        self.rounds: list[list[int]] = []
        self._leave, self._leave_after = leave, leave_after

    def train(
        self,
        _network: Network,
        trainings: Sequence[Training],
        _folds: FoldSource,
        reporter: Reporter,
    ) -> None:
        """Report one epoch of all trainings at once, then their results by number."""
        self.rounds.append(sorted({r.number for t in trainings for r in t.readouts}))
        reporter.epoch(trainings, 0, np.full((len(trainings), 5), 0.5, np.float32))
        for training in trainings:
            for readout in training.readouts:
                if self._leave is not None and readout.number == self._leave_after:
                    self._leave.set()
                    while not reporter.stopping(trainings).all():
                        time.sleep(0.01)
                    return
                number = readout.number
                result = FitResult({"accuracy": number / 1000}, 1, None, number + 1.0, "keras")
                reporter.result(training, readout, result)

    def fit(
        self, network: Network, training: Training, data: FoldData, reporter: Reporter
    ) -> keras.Model:
        """Train the model to take home."""
        return StackedTrainer(1).fit(network, training, data, reporter)


RATES = {
    "learning_rate": {"kind": "log_range", "low": 1e-4, "high": 1e-1},
    "epochs": {"kind": "fixed", "value": 1},
}


def when(condition: Callable[[], bool], then: Callable[[], None]) -> threading.Thread:
    """Do something in the background as soon as a condition holds."""

    def watch() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if condition():
                then()
                return
            time.sleep(0.02)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


@pytest.fixture(autouse=True)
def _own_home(home: Path) -> None:
    """Give each test a data folder and database of its own."""


def test_a_grid_ends_with_every_cell_scored_and_every_epoch_kept() -> None:
    row, trials = run(make_spec())

    fits = read_fits(database(), row.id)
    pieces, _ = read_pieces(database(), row.id)
    assert (row.state, row.phase, row.message) == ("finished", "", "")
    assert (row.n_trials_done, row.n_trials_failed, row.n_fits_done) == (4, 0, 8)
    assert [trial.params for trial in trials] == [
        {"batch_size": 100, "epochs": 2},
        {"batch_size": 100, "epochs": 4},
        {"batch_size": 200, "epochs": 2},
        {"batch_size": 200, "epochs": 4},
    ]
    for trial in trials:
        own = [fit.score for fit in fits if fit.number == trial.number]
        assert all(score is not None for score in own)
        scores = [score for score in own if score is not None]
        assert trial.score == pytest.approx(fmean(scores))
        assert trial.spread == pytest.approx(stdev(scores))
        epochs = [p.first_epoch + i for p in pieces if p.number == trial.number and p.fold == 1
                  for i in range(len(p.values))]  # fmt: skip
        assert epochs == list(range(trial.params["epochs"]))
    assert pieces[0].values.shape[1] == len(CURVE_COLUMNS)
    assert row.best_score == max(trial.score or 0 for trial in trials)


def test_the_same_seed_gives_the_same_scores_and_another_seed_does_not() -> None:
    scores = [[t.score for t in run(make_spec(seed=seed))[1]] for seed in (7, 7, 8)]

    assert scores[0] == scores[1]
    assert scores[0] != scores[2]


def test_finished_trials_are_read_by_optuna_itself() -> None:
    row, trials = run(make_spec())

    study = optuna.load_study(study_name=row.id, storage=database().url)

    assert [trial.params for trial in study.trials] == [trial.params for trial in trials]
    assert [trial.value for trial in study.trials] == [trial.score for trial in trials]
    assert study.best_trial.number == row.best_number


PREDICT = """
import sys

import keras
import numpy as np

model = keras.models.load_model(sys.argv[1])
np.save("outputs.npy", model.predict(np.load("rows.npy"), verbose=0))
"""


def test_the_saved_model_scores_what_was_recorded_in_a_process_that_only_has_keras(
    home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    row, _ = run(make_spec(data={"dataset": "breast-cancer", "test_fraction": 0.0}))

    path = best_model_path(home, row.id)
    assert path is not None
    folder = tmp_path_factory.mktemp("elsewhere")
    features, targets = load_breast_cancer(return_X_y=True)
    np.save(folder / "rows.npy", features.astype(np.float32))  # raw: the model prepares them
    command = [sys.executable, "-c", PREDICT, str(path)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    outputs = np.load(folder / "outputs.npy")[:, 0]
    recorded = json.loads(path.with_suffix(".json").read_text())
    accuracy = float(np.mean((outputs > 0.5) == targets))
    clipped = np.clip(np.where(targets == 1, outputs, 1 - outputs), 1e-7, 1 - 1e-7)
    own = recorded["scores_on_its_own_rows"]
    assert recorded["trial"] == row.best_number
    assert own["accuracy"] == pytest.approx(accuracy, abs=1e-5)
    assert own["log_loss"] == pytest.approx(float(-np.log(clipped).mean()), abs=1e-5)


def test_every_trial_that_diverges_fails_with_the_reason_and_so_does_the_study() -> None:
    space = {
        "learning_rate": {"kind": "fixed", "value": 1e6},
        "batch_size": {"kind": "list", "values": [50, 100]},
        "epochs": {"kind": "fixed", "value": 3},
    }

    row, trials = run(make_spec(space=space))

    assert row.state == "failed"
    assert row.message.startswith("All 2 trials failed, first: Training diverged: weights grew")
    assert [trial.state for trial in trials] == ["FAIL", "FAIL"]
    for trial in trials:
        assert trial.message.endswith("Learning rate 1000000 is probably too high.")
        assert trial.score is None


def test_a_person_s_stop_keeps_finished_trials_and_ends_in_the_middle_of_one() -> None:
    space = {
        "batch_size": {"kind": "list", "values": [200, 20]},
        "epochs": {"kind": "fixed", "value": 600},
        "n_neurons": {"kind": "list", "values": [2, 3, 4]},
    }
    db = database()
    study_id = launch(db, make_spec(space=space, evaluation={"method": "holdout"}))
    thread = when(
        lambda: get_study(db, study_id).n_trials_done >= 1, lambda: ask_to_stop(db, study_id)
    )
    row, trials = run_again(study_id, trainer=KerasTrainer())  # one trial after the other
    thread.join()

    assert (row.state, row.message) == ("stopped", "Stopped by a person.")
    assert 1 <= row.n_trials_done < 6
    states = [trial.state for trial in trials]
    assert states.count("COMPLETE") == row.n_trials_done
    assert set(states) <= {"COMPLETE", "WAITING"}
    unfinished = [trial.number for trial in trials if trial.state == "WAITING"]
    pieces, _ = read_pieces(db, study_id, numbers=unfinished)
    assert sum(len(piece.values) for piece in pieces) < 600


def test_a_paused_study_goes_on_and_its_scores_are_those_of_one_that_did_not_pause() -> None:
    spec = make_spec(
        space={
            "batch_size": {"kind": "list", "values": [50, 100, 200]},
            "epochs": {"kind": "fixed", "value": 30},
        },
        evaluation={"method": "holdout"},
    )
    _, expected = run(spec, trainer=KerasTrainer())
    db = database()
    study_id = launch(db, spec)
    thread = when(
        lambda: get_study(db, study_id).n_trials_done >= 1, lambda: ask_to_pause(db, study_id)
    )
    paused, kept = run_again(study_id, trainer=KerasTrainer())
    thread.join()
    assert claim_study(db, "test", study_id) is None
    resume(db, study_id)
    row, trials = run_again(study_id, trainer=KerasTrainer())

    assert (paused.state, paused.message, paused.wish) == ("paused", "Paused by a person.", "")
    assert {t.state for t in kept} <= {"COMPLETE", "WAITING"}
    assert 1 <= paused.n_trials_done < 3
    assert row.state == "finished"
    assert [t.score for t in trials] == [t.score for t in expected]


class Wishing(Pretender):
    """A pretender in whose first call somebody asks for a pause, then wishes something else."""

    def __init__(self, study_id: str, then: Callable[[Database, str], None]) -> None:
        super().__init__()
        self._study_id, self._then = study_id, then

    def train(
        self,
        network: Network,
        trainings: Sequence[Training],
        folds: FoldSource,
        reporter: Reporter,
    ) -> None:
        """Wait for the end that the pause brings, and let the other wish come just then."""
        if self.rounds:
            super().train(network, trainings, folds, reporter)
            return
        self.rounds.append([])
        ask_to_pause(database(), self._study_id)
        while not reporter.stopping(trainings).all():
            time.sleep(0.01)
        self._then(database(), self._study_id)


def test_a_study_that_is_let_go_on_while_it_pauses_goes_on() -> None:
    study_id = launch(database(), make_spec())
    trainer = Wishing(study_id, resume)

    left, _ = run_again(study_id, trainer=trainer)
    row, _ = run_again(study_id, trainer=trainer)

    assert (left.state, left.lease_until, left.wish) == ("training", 0.0, "")
    assert row.state == "finished"
    notes = [event["text"] for event in events(database(), study_id)]
    assert "Paused by a person." not in notes


def test_a_study_that_is_stopped_while_it_pauses_is_stopped() -> None:
    study_id = launch(database(), make_spec())

    row, _ = run_again(study_id, trainer=Wishing(study_id, ask_to_stop))

    assert (row.state, row.message) == ("stopped", "Stopped by a person.")


def test_a_disk_without_room_for_the_model_pauses_the_study(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("tuning.driver.save_best_model", refused)
        paused, _ = run(make_spec(), trainer=Pretender())
    resume(database(), paused.id)
    row, _ = run_again(paused.id, trainer=Pretender())

    assert (paused.state, paused.n_trials_done) == ("paused", 4)
    assert paused.message.startswith("The disk was full.")
    assert row.state == "finished"
    assert best_model_path(home, row.id) is not None


def test_optuna_hears_of_a_trial_only_once_it_is_in_our_tables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = make_spec(
        space={"learning_rate": RATES["learning_rate"], "epochs": RATES["epochs"]},
        sampler={"kind": "random", "n_trials": 60},
    )
    study_id = launch(database(), spec)
    copy, early = OptunaCopy.copy, set[int]()

    def checked(self: OptunaCopy, finished: Mapping[int, TrialRow], *rest: Any) -> None:
        rows = read_trials(database(), study_id)
        early.update(set(finished) - {row.number for row in rows if row.state == "COMPLETE"})
        copy(self, finished, *rest)

    monkeypatch.setattr(OptunaCopy, "copy", checked)

    def slowly(_n_trained: int) -> bool:
        time.sleep(0.02)
        return False

    row, trials = run_again(study_id, trainer=Shuffler(on_fit=slowly))

    assert early == set()
    assert row.state == "finished"
    copied = optuna.load_study(study_name=study_id, storage=database().url).trials
    assert [t.value for t in copied] == [t.score for t in trials]
    assert all(None not in t.user_attrs["fold_scores"] for t in copied)


def test_an_extended_study_trains_only_what_is_new() -> None:
    spec, wider = (
        make_spec(
            space={
                "batch_size": {"kind": "list", "values": values},
                "epochs": {"kind": "fixed", "value": 2},
            }
        )
        for values in ([200, 100], [50, 100, 200])
    )
    db = database()
    first, before = run(spec)
    extend(db, first, wider)

    row, trials = run_again(first.id)

    assert (row.state, row.n_trials_done, row.n_fits_done) == ("finished", 3, 6)
    assert trials[:2] == before
    assert [t.params["batch_size"] for t in trials] == [200, 100, 50]
    copied = optuna.load_study(study_name=row.id, storage=db.url).trials
    assert [t.value for t in copied] == [t.score for t in trials]
    assert copied[0].distributions["batch_size"].choices == (50, 100, 200)  # type: ignore[attr-defined]


@pytest.mark.soak  # as the race that is handed on
def test_a_worker_that_leaves_hands_over_and_the_scores_are_those_of_one_that_stayed() -> None:
    spec = make_spec(
        space={
            "batch_size": {"kind": "list", "values": [50, 100, 200]},
            "epochs": {"kind": "fixed", "value": 30},
        },
        evaluation={"method": "holdout"},
    )
    _, expected = run(spec, trainer=KerasTrainer())
    db, leave = database(), threading.Event()
    study_id = launch(db, spec)
    thread = when(lambda: get_study(db, study_id).n_trials_done >= 1, leave.set)

    left, _ = run_again(study_id, leave, KerasTrainer())
    thread.join()
    done_before = {t.number for t in read_trials(db, study_id) if t.state == "COMPLETE"}
    row, trials = run_again(study_id, trainer=KerasTrainer())

    assert (left.state, left.lease_until) == ("training", 0.0)
    assert 1 <= len(done_before) < 3
    assert row.state == "finished"
    assert [t.score for t in trials] == [t.score for t in expected]
    epochs = [
        len(p.values) for p in read_pieces(db, study_id)[0] if p.number == 2 and not p.fold
    ]
    assert sum(epochs) == 30


def test_a_worker_that_lost_its_study_writes_nothing_more() -> None:
    db = database()
    study_id = launch(db, make_spec(space={"epochs": {"kind": "fixed", "value": 300}}))
    claim = claim_study(db, "first", study_id)
    assert claim is not None

    def take_over() -> None:
        with db.write() as connection:
            connection.execute(study_table.update().values(lease_until=0.0))
        assert claim_study(db, "second", study_id) is not None

    thread = when(lambda: get_study(db, study_id).state == "training", take_over)
    with pytest.raises(LostLeaseError) as error:
        run_study(db, claim, Here(KerasTrainer()))
    thread.join()

    assert str(error.value) == (
        f"Study {study_id!r} is trained by another worker now; this one lets go of it."
    )
    assert get_study(db, study_id).state == "training"


@pytest.mark.parametrize(
    ("sampler", "space"),
    [
        ("random", {"learning_rate": {"kind": "log_range", "low": 1e-4, "high": 1e-1}}),
        ("tpe", {"dense_layer_sizes": {"kind": "list", "values": [[4], [8], [4, 4]]}}),
    ],
)
def test_samplers_other_than_grid_run_the_trials_asked_for(
    sampler: str, space: dict[str, Any]
) -> None:
    space = space | {"epochs": {"kind": "fixed", "value": 2}}
    asked = {"kind": sampler, "n_trials": 3, "n_startup_trials": 2}

    row, trials = run(make_spec(space=space, sampler=asked))

    assert row.state == "finished"
    assert [(trial.number, trial.state) for trial in trials] == [
        (0, "COMPLETE"),
        (1, "COMPLETE"),
        (2, "COMPLETE"),
    ]


@pytest.mark.parametrize(
    ("sampler", "pruner", "rounds"),
    [
        ({"kind": "random", "n_trials": 30}, "none", [list(range(30))]),
        (
            {"kind": "tpe", "n_trials": 30, "n_startup_trials": 6},
            "none",
            [list(range(6)), *[[6 + 2 * i, 7 + 2 * i] for i in range(12)]],
        ),
        (
            {"kind": "random", "n_trials": 27},
            "median",
            [list(range(5)), *[[5 + 2 * i, 6 + 2 * i] for i in range(11)]],
        ),
    ],
)
def test_trials_are_trained_in_rounds_where_something_learns_from_them(
    sampler: dict[str, Any], pruner: str, rounds: list[list[int]]
) -> None:
    trainer = Pretender()
    spec = make_spec(space=RATES, sampler=sampler, pruner={"kind": pruner})

    row, trials = run_again(launch(database(), spec), trainer=trainer)

    assert trainer.rounds == rounds
    assert row.state == "finished"
    assert [trial.state for trial in trials] == ["COMPLETE"] * spec.n_trials


def test_a_round_that_a_worker_left_goes_on_with_what_is_missing_of_it() -> None:
    asked = {"kind": "tpe", "n_trials": 16, "n_startup_trials": 6}
    spec = make_spec(space=RATES, sampler=asked, evaluation={"method": "holdout"})
    study_id, leave = launch(database(), spec), threading.Event()

    left, before = run_again(study_id, leave, Pretender(leave, leave_after=4))
    later = Pretender()
    row, trials = run_again(study_id, trainer=later)

    assert left.phase == "Waiting for a worker"
    done = [trial for trial in before if trial.state == "COMPLETE"]
    assert [trial.number for trial in done] == [0, 1, 2, 3]
    assert later.rounds == [[4, 5], *[[number] for number in range(6, 16)]]
    assert row.state == "finished"
    assert trials[:4] == done
    assert [trial.number for trial in trials] == list(range(16))
    study = optuna.load_study(study_name=study_id, storage=database().url)
    assert [trial.value for trial in study.trials] == [trial.score for trial in trials]


def test_a_tpe_search_of_few_cells_trains_as_many_trials_as_asked_for_and_ends() -> None:
    space = {"batch_size": {"kind": "list", "values": [50, 100]}}
    asked = {"kind": "tpe", "n_trials": 20, "n_startup_trials": 5}

    row, trials = run_again(
        launch(database(), make_spec(space=space, sampler=asked)), trainer=Pretender()
    )

    assert row.state == "finished"
    assert [trial.state for trial in trials] == ["COMPLETE"] * 20


def test_of_a_long_study_the_last_trainings_are_kept_for_the_next_estimate() -> None:
    asked = {"kind": "random", "n_trials": 200}

    run_again(launch(database(), make_spec(space=RATES, sampler=asked)), trainer=Pretender())

    seconds = [timing.seconds for timing in read_timings(database(), "dense", "keras", 1000)]
    assert sorted(seconds) == sorted([number + 1.0 for number in range(50, 200)] * 2)


def test_a_pruner_cuts_hopeless_trials_and_they_have_no_score() -> None:
    space = {
        "learning_rate": {"kind": "list", "values": [0.02, 0.03, 0.04, 1e-6, 2e-6]},
        "epochs": {"kind": "fixed", "value": 15},
    }
    pruner = {"kind": "median", "n_startup_trials": 2, "n_warmup_steps": 3}

    row, trials = run(make_spec(space=space, pruner=pruner))

    pruned = [trial for trial in trials if trial.state == "PRUNED"]
    assert row.state == "finished"
    assert {trial.number for trial in pruned} >= {3, 4}
    assert all(t.score is None and t.message.startswith("Cut by the pruner") for t in pruned)


def test_early_stopping_watches_rows_that_do_not_score() -> None:
    stopping = {"patience": 1, "rows": "inner", "fraction": 0.25}
    evaluation = {"folds": 2, "score": "log_loss", "early_stopping": stopping}
    space = {
        "epochs": {"kind": "fixed", "value": 500},
        "learning_rate": {"kind": "fixed", "value": 0.1},
    }

    row, trials = run(make_spec(space=space, evaluation=evaluation))

    pieces, _ = read_pieces(database(), row.id)
    assert row.state == "finished"
    assert trials[0].n_epochs is not None
    assert trials[0].n_epochs < 500
    watched, val_loss = pieces[0].values[:, 4], pieces[0].values[:, 2]
    assert np.isfinite(watched).all()
    assert not np.allclose(watched, val_loss)


def test_a_time_limit_ends_the_study_and_says_so() -> None:
    space = {
        "epochs": {"kind": "fixed", "value": 10_000},
        "batch_size": {"kind": "list", "values": [10, 11]},
    }

    row, _ = run(make_spec(space=space, max_minutes=0.01))

    assert (row.state, row.message) == ("stopped", "Stopped at the limit of 0.01 minutes.")


def test_data_that_cannot_be_had_fails_the_study_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TUNEBOARD_DATASETS", str(tmp_path / "nothing"))
    monkeypatch.setattr("tuning.datasets.download._PATIENCE_S", 0.1, raising=False)

    row, _ = run(make_spec(data={"dataset": "pima"}))

    assert row.state == "failed"
    assert "pima-indians-diabetes" in row.message
    assert "breast-cancer" in row.message


def test_what_trainings_cost_is_kept_for_the_next_estimate(db: Database) -> None:
    row, _ = run(make_spec(), trainer=KerasTrainer())

    timings = read_timings(database(), "dense", "keras")

    assert row.state == "finished"
    assert len(timings) == 8
    assert all(timing.seconds > 0 and timing.n_steps > 0 for timing in timings)
    assert [event["text"] for event in events(database(), row.id)][-1] == "Finished."


def test_what_stacks_cost_is_kept_once_a_study() -> None:
    row, _ = run_again(launch(database(), make_spec()))

    timings = read_stack_timings(database())

    assert row.state == "finished"
    assert len(timings) == 1
    assert min(timings[0].epochs_s, timings[0].compile_s, timings[0].seconds) > 0
    assert read_timings(database(), "dense", "stacked") == []


def test_a_study_that_goes_on_with_another_trainer_says_who_trained_what() -> None:
    study_id, leave = launch(database(), make_spec()), threading.Event()
    run_again(study_id, leave, Pretender(leave, leave_after=2))

    row, _ = run_again(study_id)

    trials = study_document(database(), study_id)["trials"]
    assert row.state == "finished"
    assert [t["trainer"] for t in trials] == ["keras", "keras", "stacked", "stacked"]
    assert len(read_timings(database(), "dense", "keras")) == 4
    assert len(read_stack_timings(database())) == 1


def test_how_an_estimate_turned_out_is_kept_where_a_study_was_trained_in_one_go() -> None:
    whole = launch(database(), make_spec())
    run_again(whole, trainer=Shuffler())
    [past] = read_past_estimates(database())
    assert 0 < past.low_s < past.likely_s < past.high_s
    assert past.seconds > 0

    broken = launch(database(), make_spec())

    def pause(n_trained: int) -> bool:
        if n_trained == 2:
            ask_to_pause(database(), broken)
        return n_trained == 2

    run_again(broken, trainer=Shuffler(on_fit=pause))
    resume(database(), broken)
    row, _ = run_again(broken, trainer=Shuffler())

    assert row.state == "finished"
    assert read_past_estimates(database()) == [past]


class Looking(Pretender):
    """Reads for a moment how long a study takes, before it trains."""

    def __init__(self) -> None:
        super().__init__()
        self.study_id = launch(database(), make_spec())
        self.told: list[float | None] = []

    def train(
        self,
        network: Network,
        trainings: Sequence[Training],
        folds: FoldSource,
        reporter: Reporter,
    ) -> None:
        for _ in range(8):  # four times as long as the keeper waits between two writes
            self.told.append(get_study(database(), self.study_id).seconds_left)
            time.sleep(0.1)
        super().train(network, trainings, folds, reporter)


def test_how_long_is_left_is_told_before_the_first_epoch() -> None:
    run(make_spec())
    looking = Looking()

    run_again(looking.study_id, trainer=looking)

    assert looking.told[-1] is not None
    assert looking.told[-1] > 0


def test_a_machine_that_has_timed_nothing_foretells_nothing() -> None:
    looking = Looking()

    run_again(looking.study_id, trainer=looking)

    assert looking.told == [None] * 8


# Confirming.

MANY_FITS = {
    "space": {
        "batch_size": {"kind": "list", "values": [50, 100, 150, 200]},
        "epochs": {"kind": "fixed", "value": 2},
    },
    "evaluation": {"folds": 3, "score": "accuracy"},
}


class Shuffler(Pretender):
    """A trainer whose scores are noise, the same for the same fit.

    Attributes
    ----------
    trained : list of (int, int, int)
        Trial, repeat and fold of every fit, in order.

    Parameters
    ----------
    ahead : float
        By how much trial 1 is better than chance would have it.
    on_fit : callable
        Told how many fits there are; True waits until the reporter ends the training.
    """

    def __init__(self, ahead: float = 0.0, on_fit: Callable[[int], bool] | None = None) -> None:
        super().__init__()
        self.trained: list[tuple[int, int, int]] = []
        self._ahead, self._on_fit = ahead, on_fit

    def train(
        self,
        _network: Network,
        trainings: Sequence[Training],
        _folds: FoldSource,
        reporter: Reporter,
    ) -> None:
        """Give every fit that is waited for its score, one training at a time."""
        for training in trainings:
            if reporter.stopping([training]).all():
                continue
            reporter.epoch([training], 0, np.full((1, 5), 0.5, np.float32))
            for readout in training.readouts:
                place = (readout.number, training.repeat, training.fold)
                rng = np.random.default_rng(place)
                score = 0.7 + 0.02 * rng.normal() + self._ahead * (readout.number == 1)
                self.trained.append(place)
                result = FitResult({"accuracy": score}, 1, None, 0.1, "keras")
                reporter.result(training, readout, result)
                if self._on_fit is not None and self._on_fit(len(self.trained)):
                    while not reporter.stopping(trainings[-1:]).all():
                        time.sleep(0.01)


def confirmed(row: StudyRow) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(row.confirm)
    return found


def test_the_leaders_are_trained_again_until_they_separate() -> None:
    trainer = Shuffler(ahead=0.2)
    study_id = launch(database(), make_spec(confirm=True, **MANY_FITS))

    row, trials = run_again(study_id, trainer=trainer)

    found, verdict = confirmed(row), json.loads(row.verdict)
    assert row.state == "finished"
    assert (found["kind"], found["survivors"], found["n_repeats"]) == ("winner", [1], 2)
    assert len(trainer.trained) == 12 + found["n_fits"]
    assert len(read_fits(database(), study_id)) == len(trainer.trained)
    assert (verdict["kind"], verdict["leader"]) == ("leads", 1)
    assert verdict["sentence"].endswith("Confirmed with 2 repeats: trial 1 stays ahead.")
    assert row.best_number == 1
    fits = [fit.score for fit in read_fits(database(), study_id, numbers=[1])]
    assert row.best_score == pytest.approx(fmean(score or 0 for score in fits))
    assert len(fits) == 6
    assert trials[1].score == pytest.approx(fmean(score or 0 for score in fits[:3]))
    texts = [event["text"] for event in events(database(), study_id)]
    assert f"Confirmed: {found['sentence']}" in texts


def test_the_model_is_that_of_the_trial_that_won_the_race(home: Path) -> None:
    class Late(Shuffler):
        """Trial 0 is ahead in the search, and far behind ever after."""

        def train(
            self,
            _network: Network,
            trainings: Sequence[Training],
            _folds: FoldSource,
            reporter: Reporter,
        ) -> None:
            for training in trainings:
                for readout in training.readouts:
                    searched = training.repeat == 0
                    lead = 0.04 if readout.number == 0 else 0.02 * (readout.number == 1)
                    score = 0.7 + (lead if searched else -lead) + 0.001 * training.fold
                    score += 0.03 * (searched and (readout.number + training.fold) % 3 == 0)
                    result = FitResult({"accuracy": score}, 1, None, 0.1, "keras")
                    reporter.result(training, readout, result)

    study_id = launch(database(), make_spec(confirm=True, **MANY_FITS))

    row, _ = run_again(study_id, trainer=Late())

    found = confirmed(row)
    leader = found["survivors"][0]
    path = best_model_path(home, study_id)
    assert found["first"] == 0
    assert leader != 0
    assert row.best_number == json.loads(row.verdict)["leader"] == leader
    assert path is not None
    assert json.loads(path.with_suffix(".json").read_text())["trial"] == leader


def test_models_that_people_asked_for_are_kept_beside_the_leader_s(home: Path) -> None:
    row, trials = run(make_spec())
    best = best_model_path(home, row.id)
    assert best is not None
    before = best.read_bytes()
    other = next(trial.number for trial in trials if trial.number != row.best_number)
    ask_for_model(database(), row.id, other)
    ask_for_model(database(), row.id, 99)  # there is no such trial

    again, _ = run_again(row.id)

    path = trial_model_path(home, row.id, other)
    assert again.state == "finished"
    assert path is not None
    facts = json.loads(path.with_suffix(".json").read_text())
    assert facts["trial"] == other
    assert keras.models.load_model(path).count_params() > 0
    assert (best_model_path(home, row.id), best.read_bytes()) == (best, before)
    assert trial_model_path(home, row.id, 99) is None


@pytest.mark.parametrize("after", [13, 17, 25])
def test_a_race_that_is_paused_goes_on_with_the_same_decisions(after: int) -> None:
    spec = make_spec(confirm=True, **MANY_FITS)
    whole, paused = Shuffler(), Shuffler()
    expected, _ = run_again(launch(database(), spec), trainer=whole)
    db, study_id = database(), launch(database(), spec)
    assert len(whole.trained) > 25

    def pause(n_trained: int) -> bool:
        if n_trained == after:
            ask_to_pause(db, study_id)
        return n_trained == after

    rested, _ = run_again(study_id, trainer=Shuffler(on_fit=pause))
    kept = {(f.number, f.repeat, f.fold) for f in read_fits(db, study_id)}
    resume(db, study_id)
    row, _ = run_again(study_id, trainer=paused)

    assert (rested.state, rested.confirm) == ("paused", "{}")
    assert len(kept) == after
    assert not kept & set(paused.trained)
    assert confirmed(row) == confirmed(expected)
    assert row.verdict == expected.verdict
    assert sorted([*kept, *paused.trained]) == sorted(whole.trained)


class Leaving(StackedTrainer):
    """A trainer whose process is told to end after some fits; what comes later is lost.

    Parameters
    ----------
    after : int
        Fits of its last call that are not lost, beyond those of the search.
    """

    def __init__(self, leave: threading.Event, after: int) -> None:
        super().__init__(1)
        self._leave, self._left = leave, after
        self._reporter: Reporter | None = None

    def train(
        self,
        network: Network,
        trainings: Sequence[Training],
        folds: FoldSource,
        reporter: Reporter,
    ) -> None:
        """Train the search to its end, and of a race as many fits as are left."""
        if trainings[0].repeat == 0:
            super().train(network, trainings, folds, reporter)
            return
        self._reporter = reporter
        super().train(network, trainings, folds, self)

    def epoch(
        self, trainings: Sequence[Training], epoch: int, values: NDArray[np.float32]
    ) -> None:
        """Hand an epoch on."""
        assert self._reporter is not None
        self._reporter.epoch(trainings, epoch, values)

    def result(self, training: Training, readout: Readout, result: FitResult) -> None:
        """Hand a result on while there is somebody to hand it to."""
        assert self._reporter is not None
        self._left -= 1
        if self._left >= 0:
            self._reporter.result(training, readout, result)
        else:
            self._leave.set()

    def stopping(self, trainings: Sequence[Training]) -> NDArray[np.bool_]:
        """Ask for the end where the process was told to."""
        assert self._reporter is not None
        return self._reporter.stopping(trainings) | self._leave.is_set()


@pytest.mark.parametrize("after", [5, 17, 40] if FULL else [17, 40])
def test_a_race_of_real_stacks_that_is_handed_on_has_the_scores_of_one_that_was_not(
    after: int,
) -> None:
    spec = make_spec(confirm=True, **MANY_FITS)
    expected, _ = run_again(launch(database(), spec))
    db, leave, study_id = database(), threading.Event(), launch(database(), spec)

    left, _ = run_again(study_id, leave, Leaving(leave, after))
    n_kept = len(read_fits(db, study_id))
    row, _ = run_again(study_id)

    def scores(of: str) -> dict[tuple[int, int, int], float | None]:
        return {(f.number, f.repeat, f.fold): f.score for f in read_fits(db, of)}

    assert (left.state, left.confirm, n_kept) == ("training", "{}", 12 + after)
    assert row.state == "finished"
    assert scores(study_id) == scores(expected.id)
    assert confirmed(row) == confirmed(expected)


def test_confirming_is_skipped_when_somebody_asks_for_it() -> None:
    db = database()
    study_id = launch(db, make_spec(confirm=True, **MANY_FITS))

    def skip(n_trained: int) -> bool:
        if n_trained == 15:
            ask_to_skip_confirming(db, study_id)
        return n_trained == 15

    skipped = Shuffler(on_fit=skip)
    row, _ = run_again(study_id, trainer=skipped)

    assert (row.state, row.confirm) == ("finished", "{}")
    assert len(skipped.trained) == 15
    assert json.loads(row.verdict)["confirmed"] is None
    ask_to_confirm(db, study_id, race=True)
    later = Shuffler()
    row, _ = run_again(study_id, trainer=later)
    assert row.state == "finished"
    assert confirmed(row)["survivors"]
    assert not set(skipped.trained) & set(later.trained)


def test_after_a_skipped_race_only_the_trial_that_somebody_chose_is_repeated() -> None:
    db = database()
    study_id = launch(db, make_spec(confirm=True, **MANY_FITS))
    run_again(study_id, trainer=Shuffler(on_fit=lambda n: _skip_at_12(db, study_id, n)))
    ask_to_confirm(db, study_id, [3])

    trainer = Shuffler()
    row, _ = run_again(study_id, trainer=trainer)

    assert (row.state, row.confirm) == ("finished", "{}")
    assert {place[0] for place in trainer.trained} == {3}
    assert judge_study(db, study_id).found.is_skipped
    ask_to_confirm(db, study_id, race=True)
    row, _ = run_again(study_id, trainer=Shuffler())
    assert confirmed(row)["survivors"]
    assert not judge_study(db, study_id).found.is_skipped


def _skip_at_12(db: Database, study_id: str, n_trained: int) -> bool:
    if n_trained == 12:  # all of the search
        ask_to_skip_confirming(db, study_id)
    return n_trained == 12


def test_trials_are_repeated_by_hand_after_the_end_and_meanwhile() -> None:
    db = database()
    study_id = launch(db, make_spec(**MANY_FITS))
    run_again(study_id, trainer=Shuffler())
    ask_to_confirm(db, study_id, [3])

    def ask_for_more(n_trained: int) -> bool:
        if n_trained == 5:
            ask_to_confirm(db, study_id, [2])
        return False

    trainer = Shuffler(on_fit=ask_for_more)
    row, _ = run_again(study_id, trainer=trainer)

    counts = {n: sum(place[0] == n for place in trainer.trained) for n in range(4)}
    assert row.state == "finished"
    assert counts == {0: 0, 1: 0, 2: 27, 3: 27}
    assert row.confirm == "{}"
    assert len(set(trainer.trained)) == len(trainer.trained)
    best = json.loads(row.verdict)
    assert (row.best_number, row.best_score) == (best["leader"], best["score"])


def test_a_study_that_broke_off_tries_again_and_keeps_what_was_finished() -> None:
    class Breaking(Shuffler):
        """Breaks after seven fits, as a library with a fault would."""

        def __init__(self) -> None:
            def breaks(n_trained: int) -> bool:
                if n_trained == 7:
                    time.sleep(0.5)  # what it told so far is written
                    raise RuntimeError("a fault")
                return False

            super().__init__(on_fit=breaks)

    db = database()
    study_id = launch(db, make_spec(**MANY_FITS))
    with pytest.raises(RuntimeError, match="a fault"):
        run_again(study_id, trainer=Breaking())
    broken = get_study(db, study_id)
    kept = {t.number for t in read_trials(db, study_id) if t.state == "COMPLETE"}

    resume(db, study_id)
    again = Shuffler()
    row, trials = run_again(study_id, trainer=again)

    assert (broken.state, row.state, row.message) == ("failed", "finished", "")
    assert broken.message.startswith("Training broke off: RuntimeError: a fault.")
    assert kept == {0, 1}
    assert kept.isdisjoint(place[0] for place in again.trained)
    assert [trial.state for trial in trials] == ["COMPLETE"] * 4


class Comparer:
    """Compares, over and over, what lists say of a study with what its page says."""

    def __init__(self, study_id: str) -> None:
        self._db, self._id = database(), study_id
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.seen: set[int] = set()
        self.apart: list[tuple[object, object]] = []

    def __enter__(self) -> Comparer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.02):
            row, found = get_study(self._db, self._id), judge_study(self._db, self._id).found
            version = get_study(self._db, self._id).version
            if row.version != version or version in self.seen or found.leader is None:
                continue
            self.seen.add(version)
            width = None if found.score is None else found.score.half_width
            listed = (row.best_number, row.best_score, row.best_half_width)
            if listed != pytest.approx((found.leader, found.mean, width)):
                self.apart.append((listed, (found.leader, found.mean, width)))


def test_lists_name_the_leader_and_the_score_of_the_study_page_at_every_moment() -> None:
    db = database()
    study_id = launch(db, make_spec(confirm=True, **MANY_FITS))

    def slowly(n_trained: int) -> bool:
        time.sleep(0.03)
        if n_trained == 20 and "77" not in get_study(db, study_id).spec:  # leaders race
            try_by_hand(db, study_id, {"batch_size": 77})
        return False

    with Comparer(study_id) as compared:
        run_again(study_id, trainer=Shuffler(on_fit=slowly))
        n_raced = len(compared.seen)
        try_by_hand(db, study_id, {"batch_size": 55})
        ask_to_confirm(db, study_id, [2])
        row, trials = run_again(study_id, trainer=Shuffler(on_fit=slowly))

    assert row.state == "finished"
    assert len(trials) == 6
    assert confirmed(row)["survivors"]
    assert len(compared.seen) > n_raced > 5  # how many is a matter of speed
    assert compared.apart == []


def test_a_trial_entered_during_a_race_is_in_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tuning.keeper._EVERY_S", 60.0)  # it writes only when it is told to
    db = database()
    study_id = launch(db, make_spec(confirm=True, **MANY_FITS))

    def entering(n_trained: int) -> bool:
        if n_trained == 20:  # leaders race
            try_by_hand(db, study_id, {"batch_size": 77})
        return False

    row, trials = run_again(study_id, trainer=Shuffler(on_fit=entering))

    assert len(trials) == 5
    assert 4 in confirmed(row)["entered"]


def test_the_verdict_holds_while_the_best_model_is_trained() -> None:
    class Looking(Shuffler):
        """Reads what the page says at the moment the model to take home is trained."""

        def __init__(self) -> None:
            super().__init__()
            self.seen: list[tuple[str, bool]] = []

        def fit(
            self, network: Network, training: Training, data: FoldData, reporter: Reporter
        ) -> keras.Model:
            judged = judge_study(database(), study_id)
            self.seen.append((judged.sentence, judged.found.is_running))
            return super().fit(network, training, data, reporter)

    db = database()
    study_id = launch(db, make_spec(confirm=True, **MANY_FITS))
    trainer = Looking()

    row, _ = run_again(study_id, trainer=trainer)

    assert trainer.seen == [(json.loads(row.verdict)["sentence"], False)]


def test_a_verdict_does_not_outlast_a_trial_entered_while_the_best_model_is_trained() -> None:
    class Entering(Shuffler):
        """Enters a trial by hand while the model is trained; reads the verdict after it."""

        def __init__(self) -> None:
            super().__init__()
            self.verdicts: list[str] = []

        def train(
            self,
            network: Network,
            trainings: Sequence[Training],
            folds: FoldSource,
            reporter: Reporter,
        ) -> None:
            self.verdicts.append(get_study(database(), study_id).verdict)
            super().train(network, trainings, folds, reporter)

        def fit(
            self, network: Network, training: Training, data: FoldData, reporter: Reporter
        ) -> keras.Model:
            if len(self.verdicts) == 1:
                try_by_hand(database(), study_id, {"batch_size": 77})
            return super().fit(network, training, data, reporter)

    study_id = launch(database(), make_spec(**MANY_FITS))
    trainer = Entering()

    row, trials = run_again(study_id, trainer=trainer)

    assert trainer.verdicts == ["{}", "{}"]
    assert len(trials) == 5
    assert json.loads(row.verdict)["is_running"] is False


def test_a_race_that_is_found_again_is_told_once() -> None:
    db = database()
    study_id = launch(db, make_spec(confirm=True, **MANY_FITS))
    first, _ = run_again(study_id, trainer=Shuffler())
    ask_to_confirm(db, study_id, [0])

    again, _ = run_again(study_id, trainer=Shuffler())

    found = (confirmed(first)["kind"], confirmed(first)["survivors"])
    assert (confirmed(again)["kind"], confirmed(again)["survivors"]) == found
    texts = [event["text"] for event in events(db, study_id)]
    assert sum(text.startswith("Confirmed: ") for text in texts) == 1


def test_an_extended_study_races_anew() -> None:
    db = database()
    spec = make_spec(confirm=True, **MANY_FITS)
    wider = make_spec(
        confirm=True,
        evaluation=MANY_FITS["evaluation"],
        space=MANY_FITS["space"]
        | {"batch_size": {"kind": "list", "values": [50, 100, 150, 200, 250]}},
    )
    study_id = launch(db, spec)
    first, _ = run_again(study_id, trainer=Shuffler())
    extend(db, first, wider)
    waiting = get_study(db, study_id)

    row, trials = run_again(study_id, trainer=Shuffler(ahead=0.2))

    assert (waiting.confirm, waiting.verdict) == (first.confirm, "{}")
    assert row.state == "finished"
    assert len(trials) == 5
    assert 4 in confirmed(row)["entered"] or 4 not in json.loads(row.verdict)["tied"]
    assert json.loads(row.verdict)["confirmed"] == confirmed(row)


@pytest.mark.parametrize(
    "evaluation",
    [
        {"folds": 2},
        {"method": "holdout"},
        {"method": "test"},
        {"folds": 3, "repeats": 10},
    ],
)
def test_where_confirming_cannot_help_a_study_just_finishes(
    evaluation: dict[str, Any],
) -> None:
    spec = make_spec(confirm=True, space=MANY_FITS["space"], evaluation=evaluation)
    trainer = Shuffler()

    row, _ = run_again(launch(database(), spec), trainer=trainer)

    verdict = json.loads(row.verdict)
    assert row.state == "finished"
    assert len(trainer.trained) == spec.n_trials * spec.n_fits_per_trial
    assert confirmed(row)["survivors"] == []
    assert verdict["confirmed"] is None
    assert "Confirmed" not in verdict["sentence"]


def test_a_study_whose_trials_were_all_pruned_has_no_race_and_no_leader() -> None:
    spec = make_spec(confirm=True, space=MANY_FITS["space"])
    study_id = launch(database(), spec)
    run_again(study_id, trainer=Pretender())
    with database().write() as connection:
        connection.execute(trial_table.update().values(state="PRUNED", score=None))
    ask_to_confirm(database(), study_id, race=True)

    row, _ = run_again(study_id, trainer=Pretender())

    assert row.state == "finished"
    assert json.loads(row.verdict)["sentence"] == "No trial has a score."


@pytest.mark.soak  # the equals of tests/analysis are tried in many studies
def test_settings_that_are_equal_under_different_names_have_no_winner() -> None:
    # Without hidden layers an activation does nothing.
    spec = make_spec(
        space={
            "activation": {"kind": "list", "values": ["relu", "tanh", "elu", "selu"]},
            "n_hidden": {"kind": "fixed", "value": 0},
            "learning_rate": {"kind": "fixed", "value": 0.01},
            "epochs": {"kind": "fixed", "value": 20},
        },
        evaluation={"folds": 5, "score": "accuracy"},
        confirm=True,
    )

    row, _ = run_again(launch(database(), spec), trainer=StackedTrainer(2))

    verdict = json.loads(row.verdict)
    assert row.state == "finished"
    assert verdict["kind"] == "tied"
    assert len(verdict["tied"]) > 1


# Trials entered by hand.


class Entering(Pretender):
    """A pretender in whose first call somebody enters a trial by hand."""

    def __init__(self, study_id: str, momentum: float) -> None:
        super().__init__()
        self._study_id, self._momentum = study_id, momentum

    def train(
        self,
        network: Network,
        trainings: Sequence[Training],
        folds: FoldSource,
        reporter: Reporter,
    ) -> None:
        """Enter the trial before anything is trained."""
        if not self.rounds:
            try_by_hand(database(), self._study_id, {"momentum": self._momentum})
        super().train(network, trainings, folds, reporter)


MOMENTA = {
    "momentum": {"kind": "range", "low": 0.1, "high": 0.5},
    "epochs": {"kind": "fixed", "value": 1},
}


@pytest.mark.parametrize("kind", ["random", "tpe", "gp"])
def test_a_trial_entered_while_a_study_runs_is_trained_before_it_finishes(kind: str) -> None:
    asked = {"kind": kind, "n_trials": 6, "n_startup_trials": 4}
    study_id = launch(database(), make_spec(space=MOMENTA, sampler=asked))
    trainer = Entering(study_id, 0.7)

    row, trials = run_again(study_id, trainer=trainer)

    assert row.state == "finished"
    assert trainer.rounds[-1] == [6]
    assert trials[6].params == {"momentum": 0.7}
    assert (row.n_trials_done, row.n_trials_planned, row.best_number) == (7, 7, 6)
    told = study_document(database(), study_id)["trials"]
    assert [trial["by_hand"] for trial in told] == [False] * 6 + [True]
    copied = optuna.load_study(study_name=study_id, storage=database().url).trials
    assert [t.value for t in copied] == [t.score for t in trials]


@pytest.mark.parametrize("asks_for", ["a trial", "a model"])
def test_what_people_ask_while_a_study_is_judged_is_done_before_it_finishes(
    monkeypatch: pytest.MonkeyPatch, home: Path, asks_for: str
) -> None:
    study_id = launch(
        database(), make_spec(space=MOMENTA, sampler={"kind": "random", "n_trials": 6})
    )
    n_judged = 0

    def judged(db: Database, id_: str, *, is_over: bool) -> Judged:
        nonlocal n_judged
        n_judged += 1
        found = judge_study(db, id_, is_over=is_over)
        if n_judged == 2 and asks_for == "a trial":  # the first time is before the best model
            try_by_hand(db, id_, {"momentum": 0.7})
        elif n_judged == 2:
            ask_for_model(db, id_, 0)
        return found

    monkeypatch.setattr("tuning.driver.judge_study", judged)
    trainer = Pretender()

    row, _ = run_again(study_id, trainer=trainer)

    assert row.state == "finished"
    if asks_for == "a trial":
        assert trainer.rounds[-1] == [6]
        assert (row.n_trials_done, row.best_number) == (7, 6)
    else:
        assert trial_model_path(home, study_id, 0) is not None


def test_a_trial_entered_into_a_finished_study_is_all_that_is_trained() -> None:
    asked = {"kind": "gp", "n_trials": 5, "n_startup_trials": 4}
    study_id = launch(database(), make_spec(space=MOMENTA, sampler=asked))
    _, before = run_again(study_id, trainer=Pretender())
    try_by_hand(database(), study_id, {"momentum": 0.3})
    trainer = Pretender()

    row, trials = run_again(study_id, trainer=trainer)

    assert row.state == "finished"
    assert trainer.rounds == [[5]]
    assert trials[:5] == before
    assert trials[5].params == {"momentum": 0.3}


@pytest.mark.parametrize("kind", ["gp", "forest", "cmaes", "qmc"])
def test_a_search_whose_worker_went_down_tries_what_it_would_have_tried(kind: str) -> None:
    asked = {"kind": kind, "n_trials": 8, "n_startup_trials": 4}
    spec = make_spec(space=MOMENTA, sampler=asked, evaluation={"method": "holdout"})
    expected = run_again(launch(database(), spec), trainer=Pretender())[1]
    study_id, leave = launch(database(), spec), threading.Event()

    left, _ = run_again(study_id, leave, Pretender(leave, leave_after=2))
    row, trials = run_again(study_id, trainer=Pretender())

    assert (left.phase, row.state) == ("Waiting for a worker", "finished")
    assert [t.params for t in trials] == [t.params for t in expected]


# The default settings.


@pytest.mark.parametrize(
    ("sampler", "values", "n_trials"),
    [
        ({"kind": "grid"}, [0.001, 0.01], 3),
        ({"kind": "random", "n_trials": 3}, [0.001, 0.01, 0.1], 3),
        ({"kind": "tpe", "n_trials": 4, "n_startup_trials": 2}, [0.001, 0.01], 4),
    ],
)
def test_default_settings_outside_the_search_are_trial_0(
    sampler: dict[str, Any], values: list[float], n_trials: int
) -> None:
    space = {
        "learning_rate": {"kind": "list", "values": values},
        "epochs": {"kind": "fixed", "value": 1},
    }
    spec = make_spec(space=space, sampler=sampler, include_default=True)
    db, study_id = database(), launch(database(), spec)

    row, trials = run_again(study_id, trainer=Shuffler())

    assert row.state == "finished"
    assert [t.number for t in trials] == list(range(n_trials))
    assert trials[0].params == {"learning_rate": None}  # the optimizer's own
    assert {t.params["learning_rate"] for t in trials[1:]} <= set(values)
    copied = optuna.load_study(study_name=study_id, storage=db.url).trials
    assert [t.params.get("learning_rate") for t in copied] == [
        t.params["learning_rate"] for t in trials
    ]
    assert [t.value for t in copied] == [t.score for t in trials]


@pytest.mark.parametrize("kind", ["grid", "random", "tpe"])
def test_default_settings_inside_the_search_are_trial_0_and_come_once(kind: str) -> None:
    space = {
        "batch_size": {"kind": "list", "values": [64, 32, 128]},
        "epochs": {"kind": "fixed", "value": 1},
    }
    sampler = {"kind": kind} | ({} if kind == "grid" else {"n_trials": 3})
    spec = make_spec(space=space, sampler=sampler, include_default=True)

    _, trials = run_again(launch(database(), spec), trainer=Shuffler())

    sizes = [t.params["batch_size"] for t in trials]
    assert sizes[0] == 32
    assert len(sizes) == 3
    if kind != "tpe":  # which may propose what it has tried
        assert sorted(sizes) == [32, 64, 128]


def test_default_settings_outside_a_range_are_copied_without_what_has_no_place() -> None:
    space = {
        "learning_rate": {"kind": "log_range", "low": 1e-4, "high": 1e-1},
        "batch_size": {"kind": "range", "low": 50, "high": 200},
        "epochs": {"kind": "fixed", "value": 1},
    }
    asked = {"kind": "tpe", "n_trials": 5, "n_startup_trials": 2}
    spec = make_spec(space=space, sampler=asked, include_default=True)
    db, study_id = database(), launch(database(), spec)

    row, trials = run_again(study_id, trainer=Shuffler())

    copied = optuna.load_study(study_name=study_id, storage=db.url).trials
    assert row.state == "finished"
    assert trials[0].params == {"learning_rate": None, "batch_size": 32}
    assert copied[0].params == {"batch_size": 32}
    assert [t.value for t in copied] == [t.score for t in trials]


def test_a_tpe_search_that_goes_on_knows_its_default_settings_again() -> None:
    asked = {"kind": "tpe", "n_trials": 8, "n_startup_trials": 3}
    spec = make_spec(space=RATES, sampler=asked, include_default=True)
    expected = run_again(launch(database(), spec), trainer=Pretender())[1]
    study_id, leave = launch(database(), spec), threading.Event()

    run_again(study_id, leave, Pretender(leave, leave_after=4))
    row, trials = run_again(study_id, trainer=Pretender())

    assert row.state == "finished"
    assert trials[0].params == {"learning_rate": None}
    assert [t.params for t in trials[:4]] == [t.params for t in expected[:4]]
